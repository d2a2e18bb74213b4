"""One exchange object of the library, made so that nothing of it surprises us.

Numbers come as texts, but in the streams of a market, which have to sort them. Our budget is in the
place of its limiter, nothing is sent twice, no broker's id is on anything, and where it must not
leave this machine it cannot. `Library.watch` tells what a running command has sent: an error after
a request that was answered is no proof that nothing happened.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from types import MappingProxyType
from typing import Any

import aiohttp

from steelyard.bridge import broker, venues
from steelyard.bridge.loopback import LoopbackConnector
from steelyard.bridge.pace import Pace
from steelyard.bridge.pipe import Configure
from steelyard.bridge.settings import check_settings, check_use
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.domain.order import OrderType, TimeInForce
from steelyard.wire.capabilities import Capabilities, Lookup, Source

TIMEOUT_MS = 8_000  # of a request
SAFE_METHODS = frozenset({"GET", "HEAD"})
# What the library knows of a venue's markets once it has asked.
MARKETS = ("markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "codes")
# Lists that have ended orders too, the best first; the library's names for them.
ENDED_LISTS = ("fetchOrders", "fetchCanceledAndClosedOrders", "fetchClosedOrders")


class Busy(SteelyardError):
    """Too many requests wait for the budget: nothing was sent."""


class Sent:
    """What a running command has sent: whether it began to, and whether that was answered."""

    def __init__(self) -> None:
        self.began = False
        self.did = False


_sent: ContextVar[Sent | None] = ContextVar("sent", default=None)
_is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Library:
    """The library's object for one exchange."""

    def __init__(self, configure: Configure, exchange_class: Any) -> None:
        """Make the object; nothing is sent.

        Raises:
            ConfigError: The settings do not fit.
        """
        check_settings(configure.settings, loopback_only=configure.loopback_only)
        given = {name: value for name, value in configure.settings.items() if name != "options"}
        options = configure.settings.get("options", {})
        self.name = configure.exchange
        self.row = venues.row_of(configure.exchange)
        self._session: aiohttp.ClientSession | None = None
        self._is_loopback_only = configure.loopback_only
        self.marks: frozenset[str] = frozenset()
        self.secrets = (configure.secret, configure.passphrase, configure.key)
        arguments = {
            "timeout": TIMEOUT_MS,
            **given,
            "enableRateLimit": True,
            "options": {
                "adjustForTimeDifference": False,
                **options,
                **venues.options_of(configure.exchange),
                "maxRetriesOnFailure": 0,
                "warnOnFetchOpenOrdersWithoutSymbol": False,
            },
        }
        keys = {
            "apiKey": configure.key,
            "secret": configure.secret,
            "password": configure.passphrase,
        }
        self.pace: Pace | None = None
        self.exchange: Any = self._made(exchange_class, {**arguments, **keys})
        self.exchange.number = str
        # Streams sort a book's numbers, which texts do not allow. Some ask for a key all the same.
        self.market: Any = self._made(exchange_class, {**arguments, **keys})
        if configure.loopback_only:
            check_use(self.exchange.urls.get("api"))

    def _made(self, exchange_class: Any, arguments: dict[str, Any]) -> Any:
        """Return an object of the library, whose requests are looked at before they leave."""
        made = exchange_class(arguments)
        made.timeout = min(int(made.timeout), TIMEOUT_MS)
        self.marks |= broker.blank(made.options)
        made.headers = broker.cleaned(made.headers, self.marks)
        fetch = made.fetch

        async def guarded(
            url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            broker.check(url, body, self.marks)
            sent = _sent.get() if method not in SAFE_METHODS else None
            if sent is not None:
                sent.began = True
            answer = await fetch(url, method, broker.cleaned(headers, self.marks), body)
            if sent is not None:
                sent.did = True
            return answer

        made.fetch = guarded
        if self.pace is None:  # one for both objects: the venue does not tell them apart
            self.pace = Pace(float(made.rateLimit) / 1_000, self.row.burst)
        _pace(made, self.pace, in_turn=self.row.in_turn)
        return made

    async def open(self) -> None:
        """Give it connections, which stay on this machine where they must."""
        if self._is_loopback_only:
            ssl = self.exchange.ssl_context
            connector = LoopbackConnector(**({} if ssl is None else {"ssl": ssl}))
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
            for made in (self.exchange, self.market):
                made.session = self._session
                made.own_session = False

    def share_markets(self) -> None:
        """Let the object for streams have what the other one has learned of the venue."""
        for name in MARKETS:
            setattr(self.market, name, getattr(self.exchange, name, None))

    async def close(self) -> None:
        """Close its connections."""
        for made in (self.exchange, self.market):
            await made.close()
        if self._session is not None:
            await self._session.close()

    def has(self, name: str) -> bool:
        """Whether it offers something, itself or by other means of the venue's."""
        return bool(self.exchange.has.get(name))

    def watch(self) -> Sent:
        """Begin to note what the running task does at the venue."""
        sent = Sent()
        _sent.set(sent)
        return sent

    @contextmanager
    def urgent(self, *, is_urgent: bool) -> Iterator[None]:
        """Let what the running task asks for meanwhile go before what others ask for."""
        token = _is_urgent.set(is_urgent)
        try:
            yield
        finally:
            _is_urgent.reset(token)

    @property
    def streams_account(self) -> bool:
        """Whether it tells by a stream what becomes of orders."""
        return self.has("watchOrders") or self.has("watchMyTrades")

    def capabilities(self, venue: str) -> Capabilities:
        """Return what it offers a trader."""
        row = self.row
        lookup = row.lookup
        has_lists = self.has("fetchOpenOrders") and any(map(self.has, ENDED_LISTS))
        has_lookup = has_lists if lookup is Lookup.LISTS else self.has("fetchOrder")
        if self.has("watchOrderBook"):
            market = Source.STREAM
        else:
            market = Source.POLLED if self.has("fetchOrderBook") else Source.NONE
        can_poll = self.has("fetchOpenOrders") and self.has("fetchMyTrades")
        if self.streams_account:
            account = Source.STREAM
        else:
            account = Source.POLLED if can_poll else Source.NONE
        return Capabilities(
            venue=venue,
            is_checked=row.is_checked,
            lookup=lookup if has_lookup else Lookup.NONE,
            request_expiry_ns=row.expiry_ns,
            market=market,
            account=account,
            has_fills=self.has("fetchMyTrades"),
            has_open_orders=self.has("fetchOpenOrders"),
            has_balances=self.has("fetchBalance"),
            has_cancel=self.has("cancelOrder"),
            has_clock=self.has("fetchTime"),
            has_candles=self.has("fetchOHLCV"),
            has_dead_man=False,  # the venue may have one: nothing here arms it
            has_amend=False,
            order_types=self._order_types(),
        )

    def _order_types(self) -> tuple[str, ...]:
        features = self.exchange.features if isinstance(self.exchange.features, Mapping) else {}
        spot = features.get("spot")
        offers = spot.get("createOrder") if isinstance(spot, Mapping) else None
        forces = (offers or _NOTHING).get("timeInForce")
        forces = forces if isinstance(forces, Mapping) else {}
        found = [f"{OrderType.LIMIT.name} {TimeInForce.GTC.name}"]
        found += (
            f"{OrderType.LIMIT.name} {force.name}"
            for force in (TimeInForce.IOC, TimeInForce.FOK)
            if forces.get(force.name) is not False
        )
        if forces.get("PO") is not False:
            found.append("LIMIT post-only")
        if self.exchange.has.get("createMarketOrder") is not False:
            found.append(f"{OrderType.MARKET.name} {TimeInForce.IOC.name}")
        return tuple(found)


def _pace(exchange: Any, pace: Pace, *, in_turn: bool) -> None:
    """Let requests of an object of the library wait for their turn before they are signed.

    Raises:
        Busy: From a request, where too many wait already.
    """
    request, cost_of = exchange.fetch2, exchange.calculate_rate_limiter_cost
    turn = asyncio.Lock() if in_turn else nullcontext()

    async def paced(
        path: str,
        api: Sequence[str] = ("public",),
        method: str = "GET",
        params: Any = _NOTHING,  # of some requests a list
        config: Mapping[str, Any] = _NOTHING,
    ) -> Any:
        params = {} if params is _NOTHING else params
        config = dict(config)
        cost = float(cost_of(api, method, path, params, config))
        if not await pace.take(cost, is_command=_is_urgent.get()):
            raise Busy("too many requests wait for their turn at the venue")
        async with turn:  # it is signed and sent in there
            return await request(path, api, method, params, config)

    async def at_once(_cost: float | None = None) -> None:
        """Stand in the place of the library's limiter."""

    exchange.fetch2, exchange.throttle = paced, at_once
    if in_turn:
        exchange.nonce = _rising(exchange.nonce)


def _rising(nonce: Callable[[], Any]) -> Callable[[], int]:
    """Return nonces, each above the one before."""
    last = 0

    def rising() -> int:
        nonlocal last
        last = max(last + 1, int(nonce()))
        return last

    return rising


async def load(exchange: str) -> Any:
    """Return the library's class of an exchange: with streams where it has them.

    Raises:
        ConfigError: The library is not installed, or has no such exchange.
    """
    try:
        plain = await asyncio.to_thread(import_module, "ccxt.async_support")
        streams = await asyncio.to_thread(import_module, "ccxt.pro")
    except ImportError as error:
        raise ConfigError(
            "the bridge needs ccxt, which is not installed: pip install 'steelyard[venues]'"
        ) from error
    if exchange not in plain.exchanges:
        raise ConfigError(f"ccxt has no exchange {exchange!r}; it lists them as ccxt.exchanges")
    home = streams if exchange in streams.exchanges else plain
    return getattr(home, exchange)
