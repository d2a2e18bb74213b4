"""A venue whose language is a dialect of ours: requests over HTTP, streams over WebSockets."""

import asyncio
from base64 import b64encode
from collections.abc import Coroutine
from random import Random
from typing import Any

from steelyard import dialects
from steelyard.cli.trader_stream import Stream
from steelyard.cli.venue import Owner
from steelyard.domain.commands import Amend, Cancel, Place, UserCommand
from steelyard.domain.errors import ConnectFailed, ConnectionLost, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import Query
from steelyard.domain.order import FIELDS, OrderType, Side, TimeInForce
from steelyard.net.client import HttpClient
from steelyard.trading import actions
from steelyard.trading.actions import Input, Role
from steelyard.trading.config import VenueTable
from steelyard.trading.connector import Connector
from steelyard.trading.feed import MarketFeed
from steelyard.trading.turn import Rules
from steelyard.wire.capabilities import Capabilities, Lookup, Source
from steelyard.wire.dialect import ApiKey, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import NotSent, Outcome, Unknown


class DialectVenue:
    """A venue that speaks a dialect; `asking` are the requests that wait for their answer."""

    def __init__(self, owner: Owner, table: VenueTable, key: ApiKey, rng: Random) -> None:
        dialect = dialects.find(table.dialect)
        self._owner = owner
        self._name = dialect.name
        self._client = dialect.client
        self._http = HttpClient(table.rest, loopback_only=True)
        self._connector = Connector(dialect.client, key, dialect.limits)
        self._streams = {role: Stream(self, role, table.ws, rng) for role in Role}
        self._instrument: Instrument | None = None
        self.asking: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> Rules:
        """The dialect's client end."""
        return self._client

    async def start(self) -> Capabilities:
        """Return what the dialect offers."""
        return Capabilities(
            venue=self._name,
            is_checked=True,
            lookup=Lookup.CLIENT_ID,
            request_expiry_ns=self._client.expiry_ns(_SAMPLE),
            market=Source.STREAM,
            account=Source.STREAM,
            has_fills=True,
            has_open_orders=True,
            has_balances=True,
            has_cancel=True,
            has_clock=True,
            has_candles=True,
            has_dead_man=False,
            has_amend=self._can_say(_AMEND),
            order_types=tuple(
                f"{kind.name} {force.name}"
                for kind in (OrderType.LIMIT, OrderType.MARKET)
                for force in sorted(FIELDS[kind].time_in_force)
                if self._can_say(_place(kind, force))
            ),
        )

    def _can_say(self, command: UserCommand) -> bool:
        """Return whether the dialect has words for a command; nothing is sent."""
        try:
            self._client.request(command, _SAMPLES, _KEY, self._owner.now_ns())
        except Unsupported:
            return False
        return True

    def ask(self, request_id: int, message: UserCommand | Query, *, is_command: bool) -> None:
        """Send a message, unless it may not be sent now."""
        now_ns, venue_now_ns = self._owner.now_ns(), self._owner.venue_now_ns()
        made = self._connector.request(message, venue_now_ns)
        if isinstance(made, Request):
            if is_command:
                self._owner.step(actions.Sent(request_id))
            task = self._owner.spawn(self._exchange(request_id, message, made, now_ns))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)
        else:
            returned = actions.Returned(request_id, made, now_ns, now_ns)
            asyncio.get_running_loop().call_soon(self._owner.step, returned)

    def follow(self, instrument: Instrument) -> None:
        """Open both streams."""
        self._instrument = instrument
        for stream in self._streams.values():
            stream.open()

    def reset(self, role: Role) -> None:
        """Open a stream anew."""
        self._streams[role].reset()

    def check(self) -> None:
        """Open anew what does not confirm."""
        for stream in self._streams.values():
            stream.check()

    async def close(self) -> None:
        """Close the kept connections; streams end with the process that owns them."""
        await self._http.close()

    # -- what its streams ask -------------------------------------------------------------------

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams."""
        assert self._instrument is not None, "streams are opened for an instrument"
        return self._connector.session(role, self._instrument, self.venue_now_ns())

    async def run_errand(self, request: Request) -> Response:
        """Send a request of a stream's session and return what came back."""
        return await self._http.send(request)

    def step(self, event: Input) -> None:
        """Give the machine an input."""
        self._owner.step(event)

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        """Run something that is ended with the process."""
        return self._owner.spawn(work)

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock."""
        return self._owner.venue_now_ns()

    async def _exchange(
        self, request_id: int, message: UserCommand | Query, request: Request, sent_ns: int
    ) -> None:
        outcome: Outcome
        try:
            response = await self._http.send(request)
        except ConnectFailed as error:
            outcome = NotSent(str(error))
        except ConnectionLost as error:
            outcome = Unknown(str(error))
        else:
            outcome = self._connector.outcome(message, response, self.venue_now_ns())
        self._owner.step(actions.Returned(request_id, outcome, sent_ns, self._owner.now_ns()))


# Of which the expiry is asked: it is the same for all commands.
_SAMPLE = Cancel(0, 1)

# What shows which orders a dialect has words for. The key is nobody's, in the form of any venue.
_KEY = ApiKey("example", b64encode(bytes(64)), "example")
_LISTED = Instrument.spot(
    0,
    (0, "BTC"),
    (1, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="1000",
    notional_min="5",
)
_SAMPLES = Listings([_LISTED])
_AMEND = Amend(0, 1, None, 1, None, _LISTED.instrument_id)


def _place(kind: OrderType, force: TimeInForce) -> Place:
    """Return an order of a type, with what it must have."""
    return Place(
        account_id=0,
        instrument_id=_LISTED.instrument_id,
        side=Side.SELL,
        order_type=kind,
        time_in_force=force,
        post_only=False,
        price_ticks=1 if kind is OrderType.LIMIT else None,
        size_lots=1,
        expire_ns=1 if force is TimeInForce.GTD else None,
    )
