"""Forms of answers: learned from what is told, and left where that does not fit."""

import pytest
from desk import BTC_USDT
from msgspec.structs import replace

from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Liquidity, Side
from steelyard.exchange.answer_forms import AnswerForms, Rested
from steelyard.wire.plain_orders import Spelling

SPELLING = Spelling(lambda _, ticks: f"{ticks / 100:.2f}", lambda _, lots: str(lots), str)
FORMS = AnswerForms(SPELLING, "._:-")
ORDER = Rested(7, "it", 1_700_000_000_000_999_999, 50_001, 3)


def tell(rested: Rested) -> bytes:
    order_id, name, time_ns, ticks, lots = rested
    head = f"100 %s %d|{name}|{order_id}|{time_ns // 1_000_000}|{ticks / 100:.2f}"
    return f"{head}|{lots}|{lots}|{name}".encode()


def test_a_form_fills_in_what_would_be_told():
    form = FORMS.form(BTC_USDT, tell)
    assert form.rested(*ORDER) == tell(ORDER) == b"100 %s %d|it|7|1700000000000|500.01|3|3|it"


@pytest.mark.parametrize(
    "odd",
    [
        lambda rested: b"the same for everybody",
        lambda rested: tell(rested) + str(rested.order_id % 3).encode(),
        lambda rested: tell(rested) + str(rested.time_ns // 1_000).encode(),
        lambda rested: tell(rested).replace(b"|", b"<" if rested.size_lots > 100 else b"|"),
        lambda rested: tell(rested) + str(rested.price_ticks * rested.size_lots).encode(),
        lambda rested: tell(rested) + f"|{rested.price_ticks / 100:g}".encode(),
    ],
    ids=["constant", "remainder", "microseconds", "by size", "product", "spelled twice"],
)
def test_what_depends_on_more_has_no_form(odd):
    assert FORMS.form(BTC_USDT, odd) is None


def told(price_ticks: int, fill: Fill) -> bytes:
    rested = fill.order_id, fill.client_order_id, fill.time_ns, price_ticks, fill.size_lots
    quote = fill.quote_atoms
    trade = f"{fill.price_ticks / 100:.2f}|{fill.trade_id}|{quote}|{fill.fee_atoms}"
    return tell(Rested(*rested)) + f"{trade}|{average(BTC_USDT, quote, fill.size_lots)}".encode()


def average(_: Instrument, quote_atoms: int, lots: int) -> str:
    """As a price, without zeros at its end."""
    return f"{quote_atoms / lots / BTC_USDT.tick_lot_atoms / 100:.10g}"


def test_a_fill_is_told_with_each_number_in_its_own_spelling():
    """A price and an average that look alike most of the time do not always."""
    fill = Fill(
        trade_id=5, order_id=6, client_order_id="it", account_id=100, instrument_id=0,
        side=Side.BUY, price_ticks=60_000, size_lots=7, quote_atoms=0, liquidity=Liquidity.TAKER,
        fee_asset_id=1, fee_atoms=0, time_ns=1_700_000_000_000_999_999,
    )  # fmt: skip
    form = AnswerForms(SPELLING._replace(average=average), "").took_form(BTC_USDT, fill, told)
    for ticks in (60_000, 60_010, 60_011):
        quote_atoms = BTC_USDT.notional_atoms(ticks, 7)
        each = replace(fill, price_ticks=ticks, quote_atoms=quote_atoms, fee_atoms=ticks)
        assert form.took(70_000, each) == told(70_000, each)
    assert FORMS.took_form(BTC_USDT, fill, told) is None, "nobody knows how averages are spelled"
