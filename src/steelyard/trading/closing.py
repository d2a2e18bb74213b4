"""Closing a killed bot's position: sold, or bought back, by aggressive limits within a collar.

The position is the sum of the bot's own fills: those of its journal, and those that the venue has
beyond it. What else the account holds is not touched. An order's name is written down before the
order leaves, under the bot's own ids, so that the bot takes it for its own when it comes back; an
order without an answer is looked for until the venue has proven what became of it, never sent
again before. Nor is anything sent before the fills that are listed are all that the venue counts
of the own orders: a list may come behind. What is smaller than the venue takes is left, and said.

It is part of a `Killing`, after the account is clear, and asks by its means.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    BookQuery,
    BookSnapshot,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderQuery,
    Refused,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.domain.units import in_full, plain
from steelyard.trading.inquiry import EARLY_NS, MARGIN_NS, PAGE
from steelyard.trading.killing import Act, Ask, Given, Heard, Killing, Steps, WriteDown, said
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.trading.portfolio import Booked
from steelyard.trading.state import TraderState
from steelyard.wire.outcome import Answered, NotSent, Unknown

DEPTH = 5
ORDERS_MAX = 50  # to close one position
COLLAR = Decimal("0.02")
FILLS_AGAIN_NS = SECOND_NS // 4  # a fill may be told a little later than its order


class Closed(NamedTuple):
    """What became of a position; sizes are texts, in the base asset.

    is_able: nothing but a drill keeps it from being closed.
    """

    symbol: str
    before: str
    left: str
    is_flat: bool
    text: str
    is_able: bool = True


class Closing:
    """One bot's position, until it is flat.

    state is what its journal says; earlier are the orders of kills before, which the journal may
    not have yet; new_id prints the next client order id of the bot.
    """

    def __init__(
        self,
        killing: Killing,
        state: TraderState,
        new_id: Callable[[], str],
        *,
        earlier: Sequence[str] = (),
        collar: Decimal = COLLAR,
    ) -> None:
        self._killing = killing
        self._state = state
        self._new_id = new_id
        self._collar = collar
        self._names = [*earlier]
        self._own: set[int] = set()  # numbers of orders that the journal does not have
        self._counted: dict[int, int] = {}  # lots that the venue counts filled, by order number
        self._booked: Counter[int] = Counter()  # and those of which the fills are known
        self._running: dict[str, OrderQuery] = {}  # own orders that had not ended when last seen
        self._instrument: Instrument | None = None
        self._from_id: int | None = None
        self.closed: Closed | None = None

    def steps(self) -> Steps:
        """Close the position, or say why not."""
        state = self._state
        if state.portfolio is None or state.symbol is None:
            self.closed = Closed("", "0", "0", True, "the bot has never traded")  # noqa: FBT003 its fields
            return
        before = in_full(plain(state.portfolio.instrument.size(state.portfolio.position_lots)))
        try:
            self._instrument = self._killing.listings.symbol(state.symbol)
            if self._instrument != state.portfolio.instrument:
                state.portfolio.change_instrument(self._instrument)
            yield from self._find_names()
            yield from self._settle()
            before = self._position()
            yield from self._close(before)
        except (Given, Unsupported) as why:
            text = f"{self._position()} {state.portfolio.instrument.base} not closed: {why}"
            self._tell(before, text, is_flat=False, is_able=False)

    # -- what is held -------------------------------------------------------------------------

    def _find_names(self) -> Steps:
        """Learn what the journal does not have: numbers of orders, and what of them has filled."""
        for order in self._state.orders:
            self._booked[order.order_id] = order.filled_lots
        for order in self._state.orders.unsettled:
            if order.disputed is None and not (order.is_count_waived or order.former):
                self._counted[order.order_id] = order.venue_filled_lots
        for order in self._state.orders.open:
            if order.is_nameless:
                number = self._at.instrument_id
                query = OrderQuery(OWN_ACCOUNT, number, order.order_id)
                yield from self._ask_order(query, order.client_order_id)
            else:
                yield from self._find(order.client_order_id)
        for name in self._names:
            yield from self._find(name)

    def _find(self, name: str) -> Generator[Act, Heard, bool]:
        """Look for an order by our name; return whether the venue has it."""
        query = OrderQuery(OWN_ACCOUNT, self._at.instrument_id, client_order_id=name)
        return (yield from self._ask_order(query, name))

    def _ask_order(self, query: OrderQuery, name: str) -> Generator[Act, Heard, bool]:
        answer = yield from self._killing.answer(query, f"order {name}")
        if isinstance(answer, OrderAnswer):
            self._note(answer.order, name, query)
            return True
        if isinstance(answer, Refused) and answer.reason is RejectReason.UNKNOWN_ORDER:
            self._running.pop(name, None)
            return False
        raise Given(f"the venue does not tell of order {name}: {said(answer)}")

    def _note(self, order: Order, name: str, query: OrderQuery) -> None:
        """Keep what the venue counts of an own order, and whether more may come."""
        self._own.add(order.order_id)
        known = self._counted.get(order.order_id, 0)
        self._counted[order.order_id] = max(known, order.filled_lots)
        if order.state.is_open:
            self._running[name] = query
        else:
            self._running.pop(name, None)

    def _settle(self) -> Steps:
        """Read fills until they are all that the venue counts of own orders that have ended."""
        pauses = self._killing.pauses()
        while True:
            for name, query in [*self._running.items()]:
                yield from self._ask_order(query, name)
            yield from self._read_fills()
            late = [n for n, lots in self._counted.items() if self._booked[n] < lots]
            if not late and (self._killing.is_drill or not self._running):
                return
            self._killing.hindered(
                f"the venue does not list all fills of order {late[0]} yet"
                if late
                else f"order {next(iter(self._running))} has not ended"
            )
            yield from self._killing.pause(next(pauses))

    def _read_fills(self) -> Steps:
        """Book the own fills that the journal does not have."""
        state, killing = self._state, self._killing
        assert state.portfolio is not None, "there is a position to close"
        while True:
            query = self._fills_query()
            answer = yield from killing.answer(query, "fills")
            if not isinstance(answer, FillList):
                raise Given(f"the venue does not list fills: {said(answer)}")
            for fill in answer.fills:
                if self._is_own(fill) and state.portfolio.book(fill) is Booked.NEW:
                    self._booked[fill.order_id] += fill.size_lots
            if len(answer.fills) < PAGE:
                return
            self._from_id = max(fill.trade_id for fill in answer.fills) + 1

    def _fills_query(self) -> FillsQuery:
        number, state = self._at.instrument_id, self._state
        if self._from_id is not None:
            return FillsQuery(OWN_ACCOUNT, PAGE, number, from_trade_id=self._from_id)
        if state.fills_checked is not None:
            return FillsQuery(OWN_ACCOUNT, PAGE, number, from_trade_id=state.fills_checked + 1)
        return FillsQuery(OWN_ACCOUNT, PAGE, number, start_ns=(state.begun_ns or 0) - EARLY_NS)

    def _is_own(self, fill: Fill) -> bool:
        is_ours = self._state.orders.find(fill.client_order_id, fill.order_id) is not None
        return is_ours or fill.order_id in self._own or fill.client_order_id in self._names

    # -- closing it ---------------------------------------------------------------------------

    def _close(self, before: str) -> Steps:
        state, instrument, killing = self._state, self._at, self._killing
        assert state.portfolio is not None, "there is a position to close"
        for _ in range(ORDERS_MAX):
            lots = state.portfolio.position_lots
            if not lots:
                self._tell(before, "the position is closed", is_flat=True)
                return
            side = Side.SELL if lots > 0 else Side.BUY
            size_lots = yield from self._affordable(abs(lots), side)
            price_ticks = yield from self._price(side)
            if flaw := _flaw(instrument, price_ticks, size_lots):
                is_dust = size_lots == abs(lots)
                text = f"{self._position()} {instrument.base} are left: {flaw}"
                self._tell(before, text, is_flat=is_dust, is_able=is_dust)
                return
            yield from self._send(side, price_ticks, size_lots)
            if killing.is_drill:
                text = f"{self._position()} {instrument.base} would be closed"
                self._tell(before, text, is_flat=False)
                return
            yield from killing.pause(FILLS_AGAIN_NS)
            yield from self._settle()
        raise Given(f"{ORDERS_MAX} orders were not enough")

    def _affordable(self, lots: int, side: Side) -> Generator[Act, Heard, int]:
        """Return how much may be sold: no more than the account has free."""
        if side is Side.BUY:
            return lots
        answer = yield from self._killing.answer(AccountQuery(OWN_ACCOUNT), "the account")
        if not isinstance(answer, AccountAnswer):
            raise Given(f"the venue does not tell the account: {said(answer)}")
        instrument = self._at
        free = {balance.asset_id: balance.free_atoms for balance in answer.balances}
        return min(lots, free.get(instrument.base_asset_id, 0) // instrument.lot_atoms)

    def _price(self, side: Side) -> Generator[Act, Heard, int]:
        """Return the worst price that is taken: the best one there is, less or plus the collar."""
        query = BookQuery(self._at.instrument_id, DEPTH)
        pauses = self._killing.pauses()
        while True:
            answer = yield from self._killing.answer(query, "the book")
            if not isinstance(answer, BookSnapshot):
                raise Given(f"the venue does not tell its book: {said(answer)}")
            levels = answer.bids if side is Side.SELL else answer.asks
            if levels:
                break
            if self._killing.is_drill:
                raise Given("nobody stands on the other side of the book")
            yield from self._killing.pause(next(pauses))
        share = 1 - self._collar if side is Side.SELL else 1 + self._collar
        # Toward the best price: the collar is kept, whatever the tick.
        rounding = ROUND_CEILING if side is Side.SELL else ROUND_FLOOR
        ticks = int((Decimal(levels[0][0]) * share).to_integral_value(rounding))
        return max(1, min(ticks, self._at.price_max_ticks))

    def _send(self, side: Side, price_ticks: int, size_lots: int) -> Steps:
        killing, instrument = self._killing, self._at
        name = self._new_id()
        size, price = instrument.size(size_lots), instrument.price(price_ticks)
        what = (
            f"{side.name.lower()} {in_full(plain(size))} {instrument.base} "
            f"at {in_full(price)} or better, at once or not at all"
        )
        place = Place(
            account_id=OWN_ACCOUNT,
            instrument_id=instrument.instrument_id,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            post_only=False,
            price_ticks=price_ticks,
            size_lots=size_lots,
            client_order_id=name,
        )
        if not killing.is_drill:
            yield WriteDown(name)
            self._names.append(name)
        heard = yield Ask(place, what)
        killing.now_ns = heard.now_ns
        match heard.outcome:
            case Answered(Refused() as refused):
                raise Given(f"the venue refused to {what}: {refused.message}")
            case Answered(OrderAnswer() as answer):
                query = OrderQuery(OWN_ACCOUNT, instrument.instrument_id, client_order_id=name)
                self._note(answer.order, name, query)
            case Answered() if not killing.is_drill:
                yield from self._find(name)
            case Unknown():
                yield from self._search(name, place)
            case NotSent() as not_sent:
                yield from killing.hold(not_sent, what)
                return
            case _:
                pass
        killing.said.append(f"{'would be ' if killing.is_drill else ''}sent: {what}")

    def _search(self, name: str, place: Place) -> Steps:
        """Look for an order without an answer until it is there, or proven not to be."""
        killing = self._killing
        expiry_ns = killing.rules.expiry_ns(place)
        proof_ns = None if expiry_ns is None else killing.now_ns + expiry_ns + MARGIN_NS
        pauses = killing.pauses()
        while True:
            asked_ns = killing.now_ns
            if (yield from self._find(name)) or (proof_ns is not None and asked_ns > proof_ns):
                return
            yield from killing.pause(next(pauses))

    # -- words --------------------------------------------------------------------------------

    @property
    def _at(self) -> Instrument:
        assert self._instrument is not None, "the instrument is looked up first"
        return self._instrument

    def _position(self) -> str:
        portfolio = self._state.portfolio
        assert portfolio is not None, "there is a position to close"
        return in_full(plain(portfolio.instrument.size(portfolio.position_lots)))

    def _tell(self, before: str, text: str, *, is_flat: bool, is_able: bool = True) -> None:
        symbol = self._state.symbol or ""
        self._killing.said.append(text)
        self.closed = Closed(symbol, before, self._position(), is_flat, text, is_able)


def _flaw(instrument: Instrument, price_ticks: int, size_lots: int) -> str | None:
    """Return why the venue would not take an order of this size."""
    if size_lots < max(1, instrument.size_min_lots):
        return "less than the venue takes as an order, or than the account has free"
    if instrument.notional_atoms(price_ticks, size_lots) < instrument.notional_min_atoms:
        return "worth less than the venue takes as an order"
    return None
