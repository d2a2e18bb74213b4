"""What the parts of a child share: the library's object, the instrument, which order is which."""

from collections.abc import Mapping
from typing import Any, Protocol

from steelyard.bridge.library import Library
from steelyard.bridge.markets import instrument_of, market_of, outside_symbol
from steelyard.bridge.numbers import number_of
from steelyard.bridge.orders import order_of
from steelyard.bridge.pipe import ToParent
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order

KNOWN_MAX = 10_000
MS_NS = 1_000_000


class Outlet(Protocol):
    """Where a child tells its parent."""

    def tell(self, message: ToParent) -> bool:
        """Send a message; False: the parent does not keep up, and it was dropped."""
        ...


class Session:
    """One exchange and one symbol."""

    def __init__(self, library: Library, venue: str, symbol: str, outlet: Outlet) -> None:
        self.library = library
        self.venue = venue
        self.symbol = symbol
        self.outside = outside_symbol(symbol)
        self.outlet = outlet
        self._instrument: Instrument | None = None
        self.orders: dict[int, Order] = {}  # by number, in the order of their first news
        self._names: dict[str, int] = {}  # numbers by our ids
        self._placed: dict[str, Place] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether the market is known."""
        return self._instrument is not None

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        assert self._instrument is not None, "nothing is read before the market is loaded"
        return self._instrument

    async def load(self) -> Instrument:
        """Return the instrument; ask the venue for it the first time.

        Raises:
            Unsupported: The venue has no such market, or one that cannot be counted exactly.
        """
        if self._instrument is None:
            markets = await self.call("load_markets")
            self.library.share_markets()
            market = market_of(markets, self.symbol, self.venue)
            mode = self.library.exchange.precisionMode
            self._instrument = instrument_of(market, self.symbol, mode)
        return self._instrument

    async def call(self, method: str, *arguments: Any, is_command: bool = False) -> Any:
        """Call a method of the library; commands go before whatever else waits for its turn.

        Raises:
            Busy: Too many wait; the last request that the method consists of was not sent.
        """
        with self.library.urgent(is_urgent=is_command):
            return await getattr(self.library.exchange, method)(*arguments)

    async def fetch_order(
        self, number: str, name: str = "", *, is_command: bool = False
    ) -> Mapping[str, Any]:
        """Ask for an order, by the venue's number or else by our id; raises as `call` does."""
        extra = dict(self.library.row.order_params)
        if not number:
            extra["clientOrderId"] = name
        found: Mapping[str, Any] = await self.call(
            "fetch_order", number, self.outside, extra, is_command=is_command
        )
        return found

    def now_ns(self) -> int:
        """Return the time, as the library has it."""
        return int(self.library.exchange.milliseconds()) * MS_NS

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock, as far as it is known."""
        ahead_ms = self.library.exchange.options.get("timeDifference")
        return self.now_ns() - (ahead_ms if isinstance(ahead_ms, int) else 0) * MS_NS

    # -- orders -------------------------------------------------------------------------------

    def placing(self, place: Place) -> None:
        """Remember an order that is about to leave."""
        self._placed[place.client_order_id] = place
        _bound(self._placed)

    def number(self, client_order_id: str) -> int | None:
        """Return the venue's number of an order of ours, if it has told it."""
        return self._names.get(client_order_id)

    def see(self, found: Mapping[str, Any], client_order_id: str = "") -> Order:
        """Take an order as the library tells it, and remember which it is.

        Raises:
            DecodeError: It cannot be read.
        """
        number = number_of(str(found.get("id") or ""))
        known = self.orders.get(number)
        named = found.get("clientOrderId")
        name = client_order_id or self._placed_as(found) or (known and known.client_order_id) or ""
        if not name and isinstance(named, str):
            name = named
        order = order_of(found, self.instrument, self.now_ns(), name, self._placed.get(name))
        self.orders[number] = order
        _bound(self.orders)
        if name:
            self._names[name] = number
            _bound(self._names)
        return order

    def _placed_as(self, found: Mapping[str, Any]) -> str:
        """Return by which id of ours something was placed, if the venue's own words tell it.

        The library may read another of the ids that a venue has for an order.
        """
        info = found.get("info")
        told = info.values() if isinstance(info, Mapping) else ()
        return next((v for v in told if isinstance(v, str) and v in self._placed), "")

    def is_ours(self, found: Mapping[str, Any]) -> bool:
        """Whether something is of our market."""
        return found.get("symbol") in {None, self.outside}


def _bound(table: dict[Any, Any]) -> None:
    """Forget the oldest."""
    if len(table) > KNOWN_MAX:
        del table[next(iter(table))]
