"""The way of a plain order through an exchange in which nothing is odd.

A short way (decision 0041): it refuses nothing by itself and has changed nothing when it hands a
request back. Nothing is odd where nothing is limited, banned or in maintenance, no fault is in
force, and no fill has to be closed. Then what is left of the gate's checks
is a nonce and a client order id that nobody has used; the order goes to the engine by one call, and
the answer to one that only rests is a form filled in. What the engine refuses or trades is told as
always, by `finish`.
"""

from collections import Counter
from collections.abc import Callable

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SingleAnswer
from steelyard.exchange.access import Access
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.history import unnamed
from steelyard.exchange.keys import KeptKey
from steelyard.exchange.limiter import Limiter
from steelyard.exchange.plain_orders import PlainOrders, Shape
from steelyard.exchange.records import NonceUsed
from steelyard.wire.dialect import Dialect
from steelyard.wire.faults import FaultPlan
from steelyard.wire.http import Request, Response

OK = "OK"
KEPT_NOWHERE = {"content-type": "application/json", "cache-control": "no-store"}

Finish = Callable[[SingleAnswer, Shape, KeptKey, int], Response]  # raises SessionRefused


class PlainWay:
    """The short way of one dialect's orders; there is none where requests are limited.

    Attributes:
        faults: The plan that is in force.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        orders: PlainOrders,
        access: Access,
        limiter: Limiter,
        outcomes: Counter[str],
        routes: Counter[tuple[str, str, str]],
        finish: Finish,
    ) -> None:
        assert not limiter.has_limits, "what is limited is counted"
        endpoint = orders.endpoint
        self.faults = FaultPlan()
        self._exchange = exchange
        self._orders = orders
        self._find = orders.find
        self._access = access
        self._banned = limiter.banned_until_ns
        self._outcomes = outcomes
        self._routes = routes
        self._finish = finish
        self._route = endpoint.method, endpoint.path, OK
        self._name = f"{endpoint.method} {endpoint.path}"
        self._status = endpoint.status
        self._for_ever = dialect.client_ids_for_ever
        self._unusual = orders.unusual

    def place(self, request: Request, ip: str, now_ns: int) -> Response | None:
        """Place the order that a request asks for, if this way can; else nothing has happened.

        Raises:
            Turned away: `SessionRefused`, by what is told of an engine's refusal.
        """
        exchange = self._exchange
        clock = exchange.clock
        is_odd = (
            self._banned
            or self.faults.standing
            or exchange.maintenance_ns is not None
            or exchange.closings.owing
            or self._unusual in request.headers
        )
        found = None if is_odd else self._find(*request, now_ns)
        if found is None:
            return None
        shape, price_ticks, size_lots, name, kept, nonce, timestamp_ns = found
        instrument, account_id = shape.instrument, kept.created.account_id
        is_listed = exchange.listings.get(instrument.instrument_id) is instrument
        if (not is_listed and self._orders.has_changed(instrument)) or (
            name and exchange.history.is_taken(account_id, name, for_ever=self._for_ever)
        ):
            return None
        at_ns = now_ns - clock.skew_ns if clock.setting is None else clock.at(now_ns)
        at_ns = max(at_ns, exchange.now_ns)
        if nonce:
            key = kept.created.key
            if not self._access.is_new(key, nonce, timestamp_ns, now_ns):
                return None
            until_ns = now_ns + shape.window_ns + shape.ahead_ns
            exchange.use_nonce(NonceUsed(key, nonce, until_ns, now_ns), at_ns)
        kept.last_used_ns, kept.last_ip, kept.last_endpoint = at_ns, ip, self._name
        place = shape.place(account_id, price_ticks, size_lots, name)
        form = shape.form
        came = exchange.place_plain(place, at_ns, in_full=form is None)
        if form is not None and isinstance(came, int):
            name = name or unnamed(came)
            told = form.rested(came, name, at_ns, place.price_ticks or 0, place.size_lots)
        elif isinstance(came, Fill):
            told = self._took(shape, place, came)
        else:
            assert not isinstance(came, int), "what has no form is told in full"
            return self._finish(came, shape, kept, now_ns)
        self._outcomes[OK] += 1
        self._routes[self._route] += 1
        return Response(self._status, KEPT_NOWHERE, told)

    def _took(self, shape: Shape, place: Place, fill: Fill) -> bytes:
        """Return the answer to an order that one trade has filled."""
        if fill.fee_asset_id not in shape.took:
            shape.took[fill.fee_asset_id] = self._orders.took_form(shape, fill)
        form = shape.took[fill.fee_asset_id]
        if form is None:
            return self._orders.took(shape, place, fill)
        return form.took(place.price_ticks or 0, fill)
