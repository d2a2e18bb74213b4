"""The stop behind a position: kept as large as it, and proven to be at the venue.

A strategy (`protect`) or the configuration (`stop_loss`) says at which price the position is to
end. That wish is journaled, so a restart knows it. The stop is one or more real orders at the
venue, marked in the journal: when the position grows another one is added for what came, when it
shrinks the newest are canceled, and when the trigger moves they are amended where the venue can,
else canceled and placed anew. Each comparison with the venue counts them. A stop that was there
and is gone, though nobody here ended it, is an alarm; until the position has its stop again nothing
that adds risk is sent, and whether it is placed anew is the configuration's to say.

Placing is bounded: `PLACED_MAX` in `PLACED_NS`, then it is left to a person. A position too small
for the venue's smallest order is told once and has none. On spot a resting stop holds what it is to
sell: who wants to sell the position by other means takes the protection away first.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.domain.units import EXACT, in_full, plain, to_atoms
from steelyard.trading import risk
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.records import ProtectionSeen, ProtectionSet
from steelyard.trading.state import Stop
from steelyard.trading.strategy import Intent
from steelyard.trading.turn import Turn

PLACED_MAX, PLACED_NS = 20, 60 * SECOND_NS  # more is a loop gone wrong
SETTLE_NS = SECOND_NS // 5  # a position that moves is waited for
AGAIN_NS, AGAIN_MAX_NS = SECOND_NS, 60 * SECOND_NS  # after a stop that came to nothing
GRACE_NS = 2 * SECOND_NS  # so long may it take until a new position has its stop


class LostStop(StrEnum):
    """What is done about a stop that is gone though nobody here ended it."""

    REPLACE = "replace"
    ALARM = "alarm"  # a person sees to it; until then nothing that adds risk is sent


class Protection:
    """The stop of one bot's position."""

    def __init__(
        self,
        turn: Turn,
        work: OrderWork,
        stop_loss: Decimal | None,
        lost: LostStop,
        order_notional: Decimal,
        order_size: Decimal | None = None,
    ) -> None:
        """stop_loss is a fraction of the position's average price; None: only a strategy's.

        No one stop is worth more than order_notional, or larger than order_size: a larger
        position has several.
        """
        self._turn = turn
        self._order_notional = order_notional
        self._order_size = order_size
        self._work = work
        self._stop_loss = stop_loss
        self._lost = lost
        self._lots: int | None = None  # the position when last looked at
        self._moved_ns = 0  # since when it is that
        self._bare_ns: int | None = None  # since when it lacks some of its stop
        self._next_ns = 0
        self._placed: deque[int] = deque(maxlen=PLACED_MAX)
        self._is_over_rate = False
        self._known: dict[str, OwnOrder] = {}  # stops that were open when last looked at
        self._has_begun = True  # there may be something to look after
        self._failures = 0  # stops that came to nothing, since one stood
        self._refused: str | None = None  # why the last one was not sent
        self._is_lost = False
        self._dust_lots: int | None = None

    def want(self, trigger_ticks: int | None, limit_ticks: int | None) -> risk.Refused | None:
        """Want a stop behind the position, or none; return why not."""
        turn, offered = self._turn, self._turn.capabilities
        if trigger_ticks is not None:
            kind = OrderType.STOP if limit_ticks is None else OrderType.STOP_LIMIT
            name = f"{kind.name} {TimeInForce.GTC.name}"
            if offered is not None and offered.order_types and name not in offered.order_types:
                return risk.Refused(
                    "unsupported", f"{offered.venue} has no order {name} to protect a position by"
                )
        before = turn.state.stop
        if trigger_ticks is None and before is None:
            return None
        if before is None or (before.trigger_ticks, before.limit_ticks) != (
            trigger_ticks,
            limit_ticks,
        ):
            self._set(trigger_ticks, limit_ticks, "the strategy wants it")
        return None

    def _set(
        self,
        trigger_ticks: int | None,
        limit_ticks: int | None,
        why: str,
        *,
        follows: bool = False,
    ) -> None:
        lots = self._position_lots
        side = None if lots == 0 or trigger_ticks is None else _side_of(lots)
        self._turn.record(ProtectionSet(trigger_ticks, limit_ticks, side, why, follows))
        self._is_lost, self._failures = False, 0

    @property
    def _position_lots(self) -> int:
        portfolio = self._turn.state.portfolio
        return 0 if portfolio is None else portfolio.position_lots

    @property
    def trouble(self) -> str | None:
        """What of the position has no stop at the venue that should; None: nothing."""
        return self._turn.state.moment.unprotected

    @property
    def stops(self) -> list[OwnOrder]:
        """The stops that may still fill, oldest first."""
        return [order for order in self._turn.state.orders.open if order.protects]

    def begin(self) -> None:
        """A run begins: what stood when the last one ended is missed if it is gone."""
        self._known = {order.client_order_id: order for order in self.stops}

    def work(self, *, is_open: bool) -> None:
        """Do what is due; is_open: new orders may be sent."""
        turn = self._turn
        if turn.state.stop is None and self._stop_loss is None and not self._has_begun:
            return
        stops = self.stops
        self._has_begun = bool(stops) or turn.state.stop is not None
        self._look_for_lost(stops)
        lots = self._position_lots
        if lots != self._lots:
            self._lots, self._moved_ns = lots, turn.now_ns
        self._configure(lots)
        stop = turn.state.stop
        if stop is None or lots == 0:
            for order in stops:
                self._work.cancel(order, "there is no position for it to protect")
            self._bare_ns = None
            self._see(None)
            return
        self._watch()
        if turn.state.killed_why is None:
            self._keep(stop, lots, is_open=is_open)

    # -- what it should be --------------------------------------------------------------------

    def _configure(self, lots: int) -> None:
        """Take back a stop whose position is gone; set the configured one for one without."""
        turn, portfolio = self._turn, self._turn.state.portfolio
        stop, side = turn.state.stop, None if lots == 0 else _side_of(lots)
        if stop is not None and stop.side is not side:
            if stop.side is None:
                why = "there is a position now"
                self._set(stop.trigger_ticks, stop.limit_ticks, why, follows=stop.follows)
            elif side is None:
                self._set(None, None, "the position is closed")
            else:
                self._set(None, None, "the position has changed sides")
        stop = turn.state.stop
        if self._stop_loss is None or side is None or (stop is not None and not stop.follows):
            return
        if stop is not None and turn.now_ns < self._moved_ns + SETTLE_NS:
            return  # looked at again then
        average = None if portfolio is None else portfolio.average_price
        if average is None:
            return
        factor = EXACT.subtract(Decimal(1), EXACT.multiply(Decimal(int(side)), self._stop_loss))
        price = EXACT.multiply(average, factor)
        ticks = max(1, int(EXACT.divide_int(price, turn.instrument.tick_size)))
        if stop is None or stop.trigger_ticks != ticks:
            self._set(ticks, None, "[risk] stop_loss", follows=True)

    def _covered_lots(self, lots: int, stop: Stop, *, only_seen: bool) -> int:
        """Return how much of the position the stops that are there would end."""
        return sum(
            max(0, order.place.size_lots - order.filled_lots)
            for order in self.stops
            if order.place.side is _side_of(lots).opposite
            and order.cancel_why is None
            and (not only_seen or (order.was_seen and order.amending is None))
            and (not only_seen or _fits(order, stop))
        )

    def _missing_text(self) -> str | None:
        stop, lots = self._turn.state.stop, self._position_lots
        if stop is None or lots == 0 or self._is_dust(abs(lots), stop):
            return None
        covered = self._covered_lots(lots, stop, only_seen=True)
        if covered >= abs(lots):
            return None
        instrument = self._turn.instrument
        size = in_full(plain(instrument.size(abs(lots) - covered)))
        return f"{size} {instrument.base} of the position has no stop at the venue"

    def _is_dust(self, lots: int, stop: Stop) -> bool:
        instrument = self._turn.instrument
        price_ticks = stop.trigger_ticks if stop.limit_ticks is None else stop.limit_ticks
        is_small = lots < instrument.size_min_lots
        is_cheap = instrument.notional_atoms(price_ticks, lots) < instrument.notional_min_atoms
        if not (is_small or is_cheap):
            self._dust_lots = None
            return False
        if self._dust_lots != lots:
            self._dust_lots = lots
            size = in_full(plain(instrument.size(lots)))
            self._turn.warn(
                "protection.dust", f"{size} {instrument.base} is too small for a stop here"
            )
        return True

    # -- what there is ------------------------------------------------------------------------

    def _look_for_lost(self, stops: list[OwnOrder]) -> None:
        """Note stops that ended though nobody here wanted it."""
        turn = self._turn
        ended = [order for order in self._known.values() if not order.is_open]
        self._known = {order.client_order_id: order for order in stops}
        for order in ended:
            name = order.client_order_id
            if order.state is OrderState.FILLED or order.cancel_why is not None:
                continue
            self._is_lost = True
            self._failures += 1
            note = order.note or (order.reject_reason.name if order.reject_reason else "")
            turn.alarm(
                "protection.lost",
                f"stop {name} is {order.state.name}, and nobody here ended it"
                + (f": {note}" if note else ""),
            )

    def _watch(self) -> None:
        """Tell of a position that goes without its stop for longer than placing one takes."""
        missing = self._missing_text()
        turn = self._turn
        if missing is None:
            self._bare_ns = None
            self._is_lost, self._failures = False, 0
            if self.trouble is not None:
                self._see(None)
            return
        if self._bare_ns is None:
            self._bare_ns = turn.now_ns
        due_ns = max(self._bare_ns, self._moved_ns) + GRACE_NS
        if self._is_lost or turn.now_ns >= due_ns:
            self._see(missing)
        else:
            turn.wake_at(due_ns)

    def _see(self, text: str | None) -> None:
        turn = self._turn
        if text == self.trouble:
            return
        turn.record(ProtectionSeen(text))
        if text is None:
            turn.log("protection.whole", "the position has its stop, or needs none")
        else:
            turn.alarm("protection.missing", f"{text}; nothing that adds risk is sent")

    # -- keeping it ---------------------------------------------------------------------------

    def _keep(self, stop: Stop, lots: int, *, is_open: bool) -> None:
        turn = self._turn
        for order in self.stops:
            if order.place.side is _side_of(lots):
                self._work.cancel(order, "the position has changed sides")
            elif not _fits(order, stop):
                self._move(order, stop)
        if turn.now_ns < self._moved_ns + SETTLE_NS:
            turn.wake_at(self._moved_ns + SETTLE_NS)
            return
        surplus = self._covered_lots(lots, stop, only_seen=False) - abs(lots)
        for order in reversed(self.stops):
            if surplus <= 0:
                break
            if order.cancel_why is None and order.amending is None:
                surplus -= order.place.size_lots - order.filled_lots
                self._work.cancel(order, "it is larger than the position")
        is_ending = any(order.cancel_why is not None for order in self.stops)
        if surplus >= 0 or is_ending or not is_open:
            return  # what it holds is free when it has ended
        if self._is_lost and self._lost is LostStop.ALARM:
            return
        self._place(stop, lots, -surplus)

    def _move(self, order: OwnOrder, stop: Stop) -> None:
        """Bring a stop to another trigger, by whatever the venue can."""
        if not order.was_seen or order.amending is not None or order.cancel_why is not None:
            return
        keeps_type = (order.place.price_ticks is None) is (stop.limit_ticks is None)
        if keeps_type and not order.amend_note:
            limit, trigger = stop.limit_ticks, stop.trigger_ticks
            if self._work.amends.amend(order, limit, None, trigger) is None:
                return
        self._work.cancel(order, "its trigger has moved")

    def _place(self, stop: Stop, lots: int, size_lots: int) -> None:
        turn = self._turn
        if self._is_dust(size_lots, stop):
            return
        if turn.now_ns < self._next_ns:
            turn.wake_at(self._next_ns)
            return
        if len(self._placed) == PLACED_MAX and turn.now_ns - self._placed[0] < PLACED_NS:
            if not self._is_over_rate:
                turn.alarm(
                    "protection.rate",
                    f"{PLACED_MAX} stops in {PLACED_NS // SECOND_NS} s: no more until it calms "
                    "down; look at the venue",
                )
            self._is_over_rate = True
            turn.wake_at(self._placed[0] + PLACED_NS)
            return
        self._is_over_rate = False
        doublings = min(self._failures, AGAIN_MAX_NS.bit_length())
        self._next_ns = turn.now_ns + min(AGAIN_NS << doublings, AGAIN_MAX_NS)
        for part_lots in self._parts(stop, size_lots):
            self._placed.append(turn.now_ns)
            intent = Intent(
                _side_of(lots).opposite,
                part_lots,
                OrderType.STOP if stop.limit_ticks is None else OrderType.STOP_LIMIT,
                TimeInForce.GTC,
                stop.limit_ticks,
                trigger_ticks=stop.trigger_ticks,
            )
            refused = self._work.place(intent, protects=True)
            if refused is not None:
                self._failures += 1
                turn.wake_at(self._next_ns)
                if refused.text != self._refused:
                    self._refused = refused.text
                    turn.alarm("protection.refused", refused.text)
                return
        self._refused = None

    def _parts(self, stop: Stop, size_lots: int) -> Iterator[int]:
        """Yield a size in as few parts as the limit of one order allows, as equal as can be."""
        price_ticks = stop.trigger_ticks if stop.limit_ticks is None else stop.limit_ticks
        lot_atoms = self._turn.instrument.notional_atoms(price_ticks, 1)
        most = max(1, to_atoms(self._order_notional) // max(1, lot_atoms))
        if self._order_size is not None:
            lot_size = self._turn.instrument.lot_size
            most = max(1, min(most, int(EXACT.divide_int(self._order_size, lot_size))))
        count = min(-(-size_lots // most), PLACED_MAX)
        for number in range(count):
            yield size_lots * (number + 1) // count - size_lots * number // count


def _side_of(lots: int) -> Side:
    return Side.BUY if lots > 0 else Side.SELL


def _fits(order: OwnOrder, stop: Stop) -> bool:
    """Whether a stop is the one that is wanted."""
    terms = order.place.trigger_ticks, order.place.price_ticks
    return terms == (stop.trigger_ticks, stop.limit_ticks)
