"""Answers to orders that only rest, as forms to be filled in.

A form is learned from what the dialect itself tells of a made-up order of that shape, whose numbers
stand nowhere else, and it is tried on another one: where that does not come out byte for byte as
the dialect tells it, there is no form, and nothing is lost but time. So no answer is spelled twice.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec.structs import replace

from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.wire.plain_orders import Spelling

TEXTS_MAX = 8_192  # of prices, and of sizes, that are remembered of an instrument

Text = Callable[[int], str]


class Rested(NamedTuple):
    """What answers to orders of one shape differ in; the numbers are steps."""

    order_id: int
    client_order_id: str
    time_ns: int
    price_ticks: int
    size_lots: int


# Numbers that no answer has by itself, none of them a part of another one; then others, round ones
# and such that are not: what is spelled in two ways looks alike otherwise.
_MARKS = Rested(5_647_382_910_192_837, "", 8_123_456_789_012_000_000, 9_182_736_455, 7_364_518_273)
_TRIALS = (
    Rested(31, "b", 1_700_000_000_123_456_789, 2_000_701, 1_000),
    Rested(98_765_432_101, "0-x", 4_102_444_799_999_000_000, 100, 25),
    Rested(2_000, "Z", 1_800_000_000_000_000_000, 50_500, 10_000),
)
# The same of a trade: its number, price and fee.
_TRADE_MARKS = 6_655_443_322_110, 8_264_000_000, 31_415_926_535_897
_TRADE_TRIALS = (7, 2_000_033, 0), (123_456, 99, -200_000_000), (80, 50_500, 10**12)


class AnswerForm(NamedTuple):
    """The answer to orders of one shape of which has become the same."""

    text: str
    fill: Callable[[tuple[int | str | None, ...]], Any]  # what stands in the text, in its order
    price: Text
    size: Text
    amount: Text
    average: Callable[[int, int], str | None] | None
    time_ns: int

    def rested(
        self, order_id: int, name: str, at_ns: int, price_ticks: int, size_lots: int
    ) -> bytes:
        """Return the answer to one that only rests."""
        price, size = self.price(price_ticks), self.size(size_lots)
        told: tuple[Any, ...] = self.fill((order_id, name, at_ns // self.time_ns, price, size))
        return (self.text % told).encode()

    def took(self, price_ticks: int, fill: Fill) -> bytes:
        """Return the answer to one that a trade has filled, at its limit in ticks."""
        quote_atoms, size_lots, average = fill.quote_atoms, fill.size_lots, self.average
        told: tuple[Any, ...] = self.fill(
            (
                fill.order_id,
                fill.client_order_id,
                fill.time_ns // self.time_ns,
                self.price(price_ticks),
                self.size(size_lots),
                fill.trade_id,
                self.price(fill.price_ticks),
                self.amount(quote_atoms),
                self.amount(fill.fee_atoms),
                None if average is None else average(quote_atoms, size_lots),
            )
        )
        return (self.text % told).encode()


class AnswerForms:
    """Makes the forms of one dialect."""

    def __init__(self, spelling: Spelling, id_marks: str) -> None:
        """Make forms as the dialect spells; id_marks are what its client order ids may have."""
        self._spelling = spelling
        self._marks = _MARKS._replace(client_order_id=f"A{id_marks}Z")
        self._texts: dict[int, tuple[Instrument, Text, Text]] = {}

    def form(self, instrument: Instrument, tell: Callable[[Rested], bytes]) -> AnswerForm | None:
        """Return the form of what `tell` tells of an order that rests; None where it has none."""
        form = self._learned(instrument, AnswerForm.rested, self._marks, tell(self._marks))
        each = (self._marks, *_TRIALS)
        is_right = form is not None and all(form.rested(*it) == tell(it) for it in each)
        return form if is_right else None

    def took_form(
        self, instrument: Instrument, like: Fill, tell: Callable[[int, Fill], bytes]
    ) -> AnswerForm | None:
        """Return the form of what `tell` tells of limits and fills; None where it has none."""

        def made(rested: Rested, trade: tuple[int, int, int]) -> tuple[int, Fill]:
            order_id, name, time_ns, price_ticks, size_lots = rested
            trade_id, trade_ticks, fee_atoms = trade
            fill = replace(
                like,
                trade_id=trade_id,
                order_id=order_id,
                client_order_id=name,
                price_ticks=trade_ticks,
                size_lots=size_lots,
                quote_atoms=instrument.notional_atoms(trade_ticks, size_lots),
                fee_atoms=fee_atoms,
                time_ns=time_ns,
            )
            return price_ticks, fill

        marks = made(self._marks, _TRADE_MARKS)
        form = self._learned(instrument, AnswerForm.took, marks, tell(*marks))
        each = (marks, *map(made, _TRIALS, _TRADE_TRIALS))
        is_right = form is not None and all(form.took(*it) == tell(*it) for it in each)
        return form if is_right else None

    def _learned(
        self, instrument: Instrument, fill: Callable[..., bytes], marks: Any, told: bytes
    ) -> AnswerForm | None:
        """Return what is told of marks as a form in which they are to be filled in."""
        spelling, (price, size) = self._spelling, self._spelled(instrument)
        average = spelling.average and partial(spelling.average, instrument)
        seen: list[str] = []

        def see(texts: tuple[Any, ...]) -> tuple[()]:
            seen.extend(map(str, texts))
            return ()

        form = AnswerForm("", see, price, size, spelling.amount, average, spelling.time_ns)
        fill(form, *marks)
        longest_first = sorted(seen, key=len, reverse=True)
        pieces = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", told.decode())
        places = [seen.index(piece) for piece in pieces[1::2]]
        if len(places) <= 1:
            return None
        text = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
        return form._replace(text=text, fill=itemgetter(*places))

    def _spelled(self, instrument: Instrument) -> tuple[Text, Text]:
        """Return what spells an instrument's prices and sizes, and remembers them."""
        known = self._texts.get(instrument.instrument_id)
        if known is None or known[0] is not instrument:
            price, size = (
                lru_cache(maxsize=TEXTS_MAX)(partial(spell, instrument))
                for spell in (self._spelling.price, self._spelling.size)
            )
            known = self._texts[instrument.instrument_id] = instrument, price, size
        return known[1:]
