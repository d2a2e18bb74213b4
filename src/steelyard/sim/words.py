"""The words of dialogues: commands and queries from them, answers and events into them.

The invariant: no venue and no bytes are spoken of here, only what the domain calls things. An
order is called by its client order id. Numbers are decimal, of the cast's one instrument, which
every dialogue calls BTC-USDT, whatever a rung has listed for it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BookQuery,
    BookSnapshot,
    Execution,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import EXACT, from_atoms, in_full, plain, to_atoms
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome

SYMBOL, BASE, QUOTE = "BTC-USDT", "BTC", "USDT"
LIST_MAX = 100  # orders, fills, trades or levels that a query asks for
EMPTY = "-"
NOBODYS = 2**40  # the number of an order that nobody has

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_TIMES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_FEES = {"quote": FeeAsset.QUOTE, "received": FeeAsset.RECEIVED, "token": FeeAsset.TOKEN}
_TRIGGERS = {"last": TriggerBy.LAST, "mark": TriggerBy.MARK, "index": TriggerBy.INDEX}
_SELF_TRADES = {
    "none": SelfTrade.NONE,
    "newest": SelfTrade.CANCEL_NEWEST,
    "oldest": SelfTrade.CANCEL_OLDEST,
    "both": SelfTrade.CANCEL_BOTH,
    "decrement": SelfTrade.DECREMENT,
}
_GROUPS = {kind.name.lower(): kind for kind in GroupKind}
_FLAGS = {"market", "post-only", "slide", "hidden", SYMBOL, *_TIMES}
_VALUED = {"@", "stop", "take", "trail", "from", "show", "until", "by", "fee", "self-trade", "as"}
_UNITS_NS = {"ms": 10**6, "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3_600 * SECOND_NS}
_STATES = {
    OrderState.PENDING: "pending",
    OrderState.UNKNOWN: "unknown",
    OrderState.WORKING: "open",
    OrderState.PARTIALLY_FILLED: "open",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.ABSENT: "absent",
}


class Terms(NamedTuple):
    """What an order's words say: flags, and words with a value."""

    flags: frozenset[str]
    values: dict[str, str]

    def value(self, word: str) -> str:
        """Return what follows a word, or nothing."""
        return self.values.get(word, "")

    def chosen(self, word: str, table: dict[str, Any], otherwise: Any) -> Any:
        """Return what the value of a word stands for.

        Raises:
            UsageError: It stands for nothing.
        """
        value = self.values.get(word)
        return otherwise if value is None else found(value, table, word)


class Words:
    """The words of one dialogue, for one instrument.

    Args:
        instrument: What the dialogue calls BTC-USDT.
        listings: Where assets have their names.
    """

    def __init__(self, instrument: Instrument, listings: Listings) -> None:
        self.instrument = instrument
        self._names = listings.assets() | {
            instrument.base_asset_id: BASE,
            instrument.quote_asset_id: QUOTE,
        }
        self._numbers: dict[tuple[str, str], int] = {}  # by account and name
        self._called: dict[int, str] = {}

    # -- said ---------------------------------------------------------------------------------

    def message(self, words: Sequence[str], now_ns: int, account: str = "") -> UserCommand | Query:
        """Return what a participant of an account says; the account's number is the rung's to add.

        now_ns is the exchange's time, from which `until +30s` counts.

        Raises:
            UsageError: It is no sentence that there is.
        """
        here = self.instrument.instrument_id
        match words:
            case ["place", ("oco" | "oto" | "bracket" | "basket") as kind, *rest]:
                orders = " ".join(rest).split(" ; ")
                places = tuple(self._place(order.split(), now_ns) for order in orders)
                return PlaceGroup(_GROUPS[kind], places)
            case ["place", *rest]:
                return self._place(rest, now_ns)
            case ["cancel", "all"]:
                return CancelAll(0, here)
            case ["cancel", name]:
                return Cancel(0, self._number(name, account), here, name)
            case ["amend", name, *rest]:
                return self._amend(name, rest, account)
            case ["ask", "order", name]:
                return OrderQuery(0, here, client_order_id=name)
            case ["ask", "orders"]:
                return OrdersQuery(0, LIST_MAX, here, open_only=True)
            case ["ask", "fills"]:
                return FillsQuery(0, LIST_MAX, here)
            case ["ask", "balances"]:
                return AccountQuery(0)
            case ["ask", "book"]:
                return BookQuery(here, LIST_MAX)
            case ["ask", "trades"]:
                return TradesQuery(here, LIST_MAX)
            case _:
                raise UsageError(
                    f"{' '.join(words)!r} is nothing that a participant says: begin with place, "
                    "cancel, amend, ask, drop or listen"
                )

    def learn(self, order: Order, account: str) -> None:
        """Remember an order's number: cancels and amends are sent by it, as a client would."""
        self._numbers[account, order.client_order_id] = order.order_id
        self._called[order.order_id] = order.client_order_id

    def _number(self, name: str, account: str) -> int:
        """Return the number of an account's order, else of another's, else nobody's."""
        others = (number for (_, called), number in self._numbers.items() if called == name)
        return self._numbers.get((account, name)) or next(others, NOBODYS)

    def _place(self, words: list[str], now_ns: int) -> Place:
        quote_atoms: int | None
        match words:
            case [side, "for", amount, "USDT", *rest] if side in _SIDES:
                size_lots, quote_atoms = 0, to_atoms(number(amount))
            case [side, size, *rest] if side in _SIDES:
                size_lots, quote_atoms = self._lots(size), None
            case _:
                raise UsageError(
                    f"{' '.join(words)!r} is no order; write buy or sell and how much: "
                    "buy 0.01 @ 50000 gtc as mine-1"
                )
        terms = _terms(rest)
        order_type = _order_type(terms)
        until, trail, display = terms.value("until"), terms.value("trail"), terms.value("show")
        in_force = next((_TIMES[flag] for flag in terms.flags if flag in _TIMES), None)
        if in_force is None:
            at_once = order_type is OrderType.MARKET
            in_force = TimeInForce.IOC if at_once else TimeInForce.GTC
        name = terms.value("as")
        if not name:
            raise UsageError(f"{' '.join(words)!r} has no name: end it with `as mine-1`")
        is_rate = trail.endswith("%")
        return Place(
            0,
            self.instrument.instrument_id,
            _SIDES[words[0]],
            order_type,
            TimeInForce.GTD if until else in_force,
            "post-only" in terms.flags,
            self._ticks(terms.value("@")),
            size_lots,
            terms.chosen("self-trade", _SELF_TRADES, SelfTrade.CANCEL_OLDEST),
            terms.chosen("fee", _FEES, FeeAsset.QUOTE),
            name,
            "slide" in terms.flags,
            quote_atoms=quote_atoms,
            display_lots=0 if "hidden" in terms.flags else self._lots(display) if display else None,
            trigger_by=terms.chosen("by", _TRIGGERS, TriggerBy.LAST),
            trigger_ticks=self._ticks(terms.value("stop") or terms.value("take")),
            trail_ticks=None if is_rate else self._ticks(trail),
            trail_rate_e8=rate_e8(trail) if is_rate else None,
            activation_ticks=self._ticks(terms.value("from")),
            expire_ns=now_ns + duration_ns(until.removeprefix("+")) if until else None,
        )

    def _amend(self, name: str, words: list[str], account: str) -> Amend:
        terms = dict(zip(words[::2], words[1::2], strict=False))
        if len(words) % 2 or not terms or not terms.keys() <= {"to", "@", "trigger"}:
            raise UsageError(
                f"{' '.join(words)!r} is no amendment: write to SIZE, @ PRICE, trigger PRICE"
            )
        return Amend(
            0,
            self._number(name, account),
            self._ticks(terms.get("@", "")),
            self._lots(terms["to"]) if "to" in terms else None,
            self._ticks(terms.get("trigger", "")),
            self.instrument.instrument_id,
            name,  # it keeps its name where a venue would give it another
        )

    # -- heard --------------------------------------------------------------------------------

    def outcome(self, outcome: Outcome, message: UserCommand | Query) -> str:
        """Return what came back for a message."""
        match outcome:
            case Answered(answer):
                return self._answer(answer, message)
            case NotSent():
                is_later = outcome.retry_after_ns or outcome.halt is Halt.LIMITED
                later = ", ask again later" if is_later else ""
                return "not taken" + (", denied" if outcome.is_denied else later)
            case _:
                return f"unknown: {outcome.why}"

    def _answer(self, answer: Any, message: UserCommand | Query) -> str:
        match answer:
            case Refused():
                return f"refused {answer.reason.name}"
            case OrderAnswer():
                fills = ", ".join(self._size_at(f.size_lots, f.price_ticks) for f in answer.fills)
                taken = f" ({fills})" if fills and isinstance(message, Place) else ""
                return self.order(answer.order) + taken
            case OrderList():
                return _listed(map(self.order, answer.orders))
            case FillList():
                return _listed(map(self._fill, answer.fills))
            case AccountAnswer():
                return self.balances(answer.balances) or EMPTY
            case BookSnapshot():
                return self.book(answer.bids, answer.asks)
            case TradeList():
                return _listed(map(self.trade, answer.trades))
            case _:
                return type(answer).__name__

    def order(self, order: Order) -> str:
        """Return an order as it is: `mine-1 open 0.01 @ 50000`."""
        state, size = _STATES[order.state], self._size_of(order)
        is_priced = order.state.is_open and order.price_ticks is not None
        price = f" @ {self._price(order.price_ticks or 0)}" if is_priced else ""
        filled = f"filled {self._size(order.filled_lots)}"
        if order.state is OrderState.FILLED:
            # A market order by amount is done when it is spent; what it bought is its size.
            return f"{order.client_order_id} {filled}"
        if order.state.is_open and not order.filled_lots:
            return f"{order.client_order_id} {state} {size}{price}"
        of = size.removeprefix("for ")
        return f"{order.client_order_id} {state}, {filled} of {of}{price}"

    def event(self, event: OrderEvent, *, is_new: bool) -> str:
        """Return what happened to an order; is_new: it was not known before.

        Some venues call an order new again when it begins to act, others say what has brought it
        about; here both are `active`.
        """
        order = event.order
        # Some venues tell of an order from before only its number.
        name = order.client_order_id or self._called.get(order.order_id, f"#{order.order_id}")
        left = f"left {self._size(order.remaining_lots)}"
        if order.spend_atoms is not None:
            left = f"filled {self._size(order.filled_lots)}"
        cause = order.cancel_cause
        why = "" if cause in (None, CancelCause.USER) else f" {cause.name}"
        match event.execution:
            case Execution.FILL if event.fill is not None:
                return f"fill {self._fill(event.fill)} {left}"
            case Execution.NEW if is_new:
                return f"order {self.order(order)}"
            case Execution.NEW | Execution.TRIGGERED | Execution.RELEASED:
                return f"order {name} active"
            case Execution.AMENDED:
                return f"order {name} amended to {self._size_of(order)}" + (
                    "" if order.price_ticks is None else f" @ {self._price(order.price_ticks)}"
                )
            case Execution.CANCELED | Execution.EXPIRED if order.state is OrderState.FILLED:
                # What was to be spent is spent; venues differ in what they call its end.
                return f"order {name} done, filled {self._size(order.filled_lots)}"
            case Execution.CANCELED | Execution.EXPIRED:
                return f"order {name} {event.execution.name.lower()} {left}{why}"
            case _:
                return f"order {name} {event.execution.name.lower()}"

    def balances(self, balances: Iterable[AssetBalance]) -> str:
        """Return balances of which there is something, by name."""
        there = [b for b in balances if b.free_atoms or b.held_atoms]
        return ", ".join(sorted(map(self.balance, there)))

    def balance(self, balance: AssetBalance) -> str:
        """Return `USDT 99500 free 500 held`."""
        free, held = from_atoms(balance.free_atoms), from_atoms(balance.held_atoms)
        return f"{self.asset(balance.asset_id)} {in_full(free)} free {in_full(held)} held"

    def trade(self, trade: Trade) -> str:
        """Return a public trade; the side is the taker's."""
        taken = self._size_at(trade.size_lots, trade.price_ticks)
        return f"trade {trade.taker_side.name.lower()} {taken}"

    def joined_trades(self, texts: Iterable[str]) -> list[str]:
        """Return what the public was told, with trades after each other at one price as one."""
        joined: list[str] = []
        for text in texts:
            before = joined[-1].split() if joined else []
            match before, text.split():
                case (["trade", side, old, "@", at], ["trade", taken, more, "@", price]) if (
                    side,
                    at,
                ) == (taken, price):
                    size = in_full(number(old) + number(more))
                    joined[-1] = f"trade {side} {size} @ {at}"
                case _:
                    joined.append(text)
        return joined

    def level(self, side: Side, price_ticks: int, size_lots: int) -> str:
        """Return a level of the book that changed."""
        name = "bid" if side is Side.BUY else "ask"
        size = self._size(size_lots) if size_lots else "gone"
        return f"book {name} {self._price(price_ticks)} {size}"

    def book(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> str:
        """Return `49999:2 49998:1 | 50001:3`, best first; - for an empty side."""
        sides = (
            " ".join(f"{self._price(p)}:{self._size(s)}" for p, s in levels)
            for levels in (bids, asks)
        )
        return " | ".join(side or EMPTY for side in sides)

    def asset(self, asset_id: int) -> str:
        """Return what the dialogue calls an asset."""
        return self._names.get(asset_id, f"asset {asset_id}")

    def _fill(self, fill: Fill) -> str:
        taken = self._size_at(fill.size_lots, fill.price_ticks)
        fee = f" fee {in_full(from_atoms(fill.fee_atoms))} {self.asset(fill.fee_asset_id)}"
        # Some venues tell of a fill's order only its number.
        name = fill.client_order_id or self._called.get(fill.order_id, f"#{fill.order_id}")
        return f"{name} {taken} {fill.liquidity.name.lower()}{fee if fill.fee_atoms else ''}"

    # -- numbers ------------------------------------------------------------------------------

    def _size_of(self, order: Order) -> str:
        if order.spend_atoms is None:
            return self._size(order.size_lots)
        return f"for {in_full(from_atoms(order.spend_atoms))} {QUOTE}"

    def _size_at(self, size_lots: int, price_ticks: int) -> str:
        return f"{self._size(size_lots)} @ {self._price(price_ticks)}"

    def _size(self, lots: int) -> str:
        return in_full(plain(self.instrument.size(lots)))

    def _price(self, ticks: int) -> str:
        return in_full(plain(self.instrument.price(ticks)))

    def _lots(self, text: str) -> int:
        """Return a size in lots, in range or not: to be refused is what some dialogues are for."""
        return int(EXACT.divide(number(text), self.instrument.lot_size))

    def _ticks(self, text: str) -> int | None:
        return int(EXACT.divide(number(text), self.instrument.tick_size)) if text else None


def number(text: str) -> Decimal:
    """Return a decimal number.

    Raises:
        UsageError: It is none.
    """
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise UsageError(f"{text!r} is no number") from error


def found(word: str, table: dict[str, Any], what: str) -> Any:
    """Return what a word stands for.

    Raises:
        UsageError: It stands for nothing.
    """
    if word not in table:
        raise UsageError(f"{what} {word!r} is none; there are {', '.join(table)}")
    return table[word]


def rate_e8(percent: str) -> int:
    """Return a rate times 1e8: 0.1% is 100_000."""
    return int(EXACT.multiply(number(percent.removesuffix("%")), Decimal(10**6)))


def duration_ns(text: str) -> int:
    """Return a duration: 500ms, 30s, 5m, 1h.

    Raises:
        UsageError: It is none.
    """
    digits = text.rstrip("msh")
    if not digits.isdecimal():
        raise UsageError(f"{text!r} is no duration: write 500ms, 30s, 5m or 1h")
    unit: int = found(text[len(digits) :], _UNITS_NS, "the unit")
    return int(digits) * unit


def _terms(words: Sequence[str]) -> Terms:
    flags: list[str] = []
    values: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in _VALUED:
            values[word] = next(rest, "")
        elif word in _FLAGS:
            flags.append(word)
        else:
            known = ", ".join(sorted(chain(_FLAGS, _VALUED)))
            raise UsageError(f"{word!r} says nothing about an order; these words do: {known}")
    return Terms(frozenset(flags), values)


def _order_type(terms: Terms) -> OrderType:
    has_limit = "@" in terms.values
    if "trail" in terms.values:
        return OrderType.TRAILING_STOP_LIMIT if has_limit else OrderType.TRAILING_STOP
    if "stop" in terms.values:
        return OrderType.STOP_LIMIT if has_limit else OrderType.STOP
    if "take" in terms.values:
        return OrderType.TAKE_PROFIT_LIMIT if has_limit else OrderType.TAKE_PROFIT
    if has_limit != ("market" in terms.flags):
        return OrderType.LIMIT if has_limit else OrderType.MARKET
    raise UsageError("an order has a price, as in `@ 50000`, or the word market, and not both")


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(texts) or EMPTY
