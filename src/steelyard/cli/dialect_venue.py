"""A venue whose language is a dialect of ours: requests over HTTP, streams over WebSockets."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from steelyard import dialects
from steelyard.cli.market_told import QUESTION, market_in
from steelyard.cli.trader_stream import Stream
from steelyard.cli.venue import Owner
from steelyard.domain.commands import Amend, Cancel, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import (
    ConnectFailed,
    ConnectionLost,
    DecodeError,
    TransportError,
    Unsupported,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, Query
from steelyard.domain.order import FIELDS, Need, OrderType, Side, TimeInForce
from steelyard.net.client import TOTAL_S, HttpClient
from steelyard.net.clock import uptime_ns
from steelyard.store.datadir import state_directory
from steelyard.store.pacing import Names, SharedPacing, UrgentPacing, host_of
from steelyard.trading import actions
from steelyard.trading.actions import Input, MarketTold, Role, StreamUp, VenueHalt
from steelyard.trading.config import VenueTable
from steelyard.trading.connector import Connector
from steelyard.trading.feed import MarketFeed
from steelyard.trading.turn import Rules
from steelyard.wire.budget import Held, Stop
from steelyard.wire.capabilities import Capabilities, Lookup, Source
from steelyard.wire.dialect import ApiKey, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import NotSent, Outcome, Unknown

PACE = "pace"
URGENT_S = 3.0  # for an answer, where one is asked for again and again
ASKED_MAX = 3  # whose market it is, at once
LIMITS_S = 3.0  # a start waits no longer for the venue to tell its limits
LIMITS_AGAIN_NS, LIMITS_FAILED_NS = 3_600 * SECOND_NS, 60 * SECOND_NS
MS_NS = 10**6


class DialectVenue:
    """A venue that speaks a dialect; `asking` are the requests that wait for their answer.

    What it sends is paced with all other traders of this host, through files of theirs.
    """

    def __init__(
        self,
        owner: Owner,
        table: VenueTable,
        key: ApiKey,
        rng: Random,
        record: Callable[[str | bytes], None] | None = None,
        *,
        is_urgent: bool = False,
        is_real: bool = False,
        why_not: Callable[[UserCommand | Query], str | None] | None = None,
        practice: str = "",
    ) -> None:
        """`record` is given what the market stream tells, as it was received.

        is_urgent: it is the kill switch's, which waits for no other trader of this host, and not
        long for an answer. is_real: real money is meant, and only then another machine is
        spoken to. why_not says why a message may not leave, right before it does. practice is the
        symbol of which an exchange of ours is asked whose market it shows; empty: none is asked.
        """
        dialect = dialects.find(table.dialect)
        self._owner = owner
        self._name = dialect.name
        self._client = dialect.client
        self._replaces = dialect.replaces
        self._key = key
        total_s = URGENT_S if is_urgent else TOTAL_S
        self._http = HttpClient(
            table.rest, loopback_only=not is_real, total_s=total_s, in_turn=dialect.in_turn
        )
        self._pacing = (UrgentPacing if is_urgent else SharedPacing)(
            state_directory() / PACE,
            Names(host_of(self._http.base_url), key.key, table.account),
            dialect.limits,
            rng,
            owner.now_ns(),
            uptime_ns,
        )
        self._connector = Connector(
            dialect.client, key, dialect.limits, self._pacing, is_urgent=is_urgent
        )
        self._is_urgent = is_urgent
        self._why_not, self._practice = why_not, practice
        self._limits_ns = 0  # when to ask for the limits again
        self._stop: Stop | None = None  # what was told of it
        self._streams = {
            role: Stream(
                self,
                role,
                table.ws,
                rng,
                record if role is Role.MARKET else None,
                loopback_only=not is_real,
            )
            for role in Role
        }
        self._instrument: Instrument | None = None
        self.asking: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> Rules:
        """The dialect's client end."""
        return self._client

    async def start(self) -> Capabilities:
        """Ask for the limits in force, and return what every dialect of ours offers."""
        if not self._is_urgent:  # whoever is in a hurry keeps to the published ones
            await self._learn_limits()
        if self._practice:
            await self._learn_market()
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
            has_dead_man=self._can_say(_ARM),
            has_amend=self._can_say(_AMEND),
            amend_replaces=self._replaces,
            order_types=tuple(
                f"{kind.name} {force.name}"
                for kind in FIELDS
                for force in sorted(FIELDS[kind].time_in_force)
                if self._can_say(_place(kind, force))
            ),
        )

    def _can_say(self, command: UserCommand | Query) -> bool:
        """Return whether the dialect has words for a command; nothing is sent."""
        try:
            self._client.request(command, _SAMPLES, self._key, self._owner.now_ns())
        except Unsupported:
            return False
        return True

    def ask(self, request_id: int, message: UserCommand | Query, *, is_command: bool) -> None:
        """Send a message, unless it may not be sent now."""
        now_ns, venue_now_ns = self._owner.now_ns(), self._owner.venue_now_ns()
        made = self._connector.request(message, venue_now_ns, now_ns)
        if isinstance(made, Request):
            task = self._owner.spawn(self._exchange(request_id, message, made, now_ns))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)
            if is_command:
                # Behind the first step of the exchange, and behind the one that aiohttp writes in.
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, self._owner.step, actions.Sent(request_id))
        else:
            returned = actions.Returned(request_id, made, now_ns, now_ns)
            asyncio.get_running_loop().call_soon(self._owner.step, returned)

    def rehearse(self, command: UserCommand) -> Outcome:
        """Make a command's request and send nothing."""
        return self._connector.rehearse(command, self.venue_now_ns())

    def follow(self, instrument: Instrument) -> None:
        """Open both streams."""
        self._instrument = instrument
        for stream in self._streams.values():
            stream.open()

    def reset(self, role: Role) -> None:
        """Open a stream anew."""
        self._streams[role].reset()

    def check(self) -> None:
        """Open anew what does not confirm, and look what other traders of this host have heard."""
        for stream in self._streams.values():
            stream.check()
        self._tell_stop()
        now_ns = self._owner.now_ns()
        if now_ns >= self._limits_ns and self._connector.limits_request() is not None:
            self._limits_ns = now_ns + LIMITS_AGAIN_NS
            self._owner.spawn(self._learn_limits())

    def pacing(self) -> dict[str, Any]:
        """Return what is used of the venue's limits, and for how long it has said to wait."""
        now_ns = self._owner.now_ns()
        stop = self._pacing.stop(now_ns)
        return {
            "limits": [
                {"name": name, "used": used, "limit": most}
                for name, (used, most) in self._pacing.usage(now_ns).items()
            ],
            "stopped_until": None if stop is None else stop.until_ns // MS_NS,
            "is_banned": stop is not None and stop.is_ban,
        }

    async def close(self) -> None:
        """Close the kept connections; streams end with the process that owns them."""
        await self._http.close()
        self._pacing.close()

    # -- what its streams ask -------------------------------------------------------------------

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams."""
        assert self._instrument is not None, "streams are opened for an instrument"
        return self._connector.session(role, self._instrument, self.venue_now_ns())

    def stamp_ns(self) -> int:
        """Return the time to sign a request with."""
        return self._connector.stamp_ns(self.venue_now_ns(), self._owner.now_ns())

    async def hold(self) -> None:
        """Return when a stream's connection may be opened."""
        await self._paid(self._connector.connect)

    async def run_errand(self, request: Request) -> Response:
        """Send a request of a stream's session, once that may be, and return what came back."""
        await self._paid(lambda now_ns: self._connector.errand(now_ns, request))
        response = await self._http.send(request)
        self._connector.heard(response, self.venue_now_ns(), self._owner.now_ns())
        return response

    def step(self, event: Input) -> None:
        """Give the machine an input."""
        if self._practice and isinstance(event, StreamUp) and event.role is Role.MARKET:
            self._owner.spawn(self._learn_market())  # who answers now may be another one
        self._owner.step(event)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
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
            response = await self._sent(message, request)
        except ConnectFailed as error:
            outcome = NotSent(str(error))
        except ConnectionLost as error:
            outcome = Unknown(str(error))
        else:
            now_ns, venue_now_ns = self._owner.now_ns(), self.venue_now_ns()
            outcome = self._connector.outcome(message, response, venue_now_ns, now_ns)
            self._tell_stop()
        self._owner.step(actions.Returned(request_id, outcome, sent_ns, self._owner.now_ns()))

    async def _sent(self, message: UserCommand | Query, request: Request) -> Response:
        """Send a request, unless it may not leave any more.

        It was signed before it is asked: whatever stands still from here on, its time runs.
        """
        if self._why_not is not None and (why := self._why_not(message)) is not None:
            raise ConnectFailed(why)
        return await self._http.send(request)

    async def _paid(self, take: Callable[[int], Held | None]) -> None:
        """Wait until something is let through."""
        while (held := take(self._owner.now_ns())) is not None:
            self._tell_stop()
            await asyncio.sleep(held.wait_ns / SECOND_NS)

    def _tell_stop(self) -> None:
        """Tell the machine when the venue's word to stop has changed; and what went wrong."""
        while self._pacing.notes:
            self._owner.note("pacing", self._pacing.notes.popleft())
        stop = self._pacing.stop(self._owner.now_ns())
        if stop != self._stop:
            self._stop = stop
            self._owner.step(VenueHalt(0, is_ban=False) if stop is None else VenueHalt(*stop))

    async def _learn_market(self) -> None:
        """Ask an exchange of this machine whose market it shows.

        More than once: each connection that is kept may be one that its last restart has ended.
        """
        told = MarketTold()
        for _ in range(ASKED_MAX):
            try:
                async with asyncio.timeout(LIMITS_S):
                    told = market_in(await self._http.send(QUESTION), self._practice)
                break
            except ConnectFailed:
                break  # nobody is there; it is asked again when the stream is up
            except (TransportError, TimeoutError):
                continue
        self._owner.step(told)

    async def _learn_limits(self) -> None:
        """Ask the venue for its limits; until it has told them, the published ones are kept to."""
        request = self._connector.limits_request()
        if request is None:
            return
        self._limits_ns = self._owner.now_ns() + LIMITS_FAILED_NS
        try:
            async with asyncio.timeout(LIMITS_S):
                response = await self.run_errand(request)
            is_new = self._connector.learn_limits(response)
        except (TransportError, DecodeError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            text = f"the venue does not tell its limits: {why}; its published ones are kept to"
            self._owner.note("limits", text)
            return
        self._limits_ns = self._owner.now_ns() + LIMITS_AGAIN_NS
        if is_new:
            self._owner.note("limits", "the venue's limits are others than were known; kept to now")


# Of which the expiry is asked: it is the same for all commands.
_SAMPLE = Cancel(0, 1)

# What shows which orders a dialect has words for.
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
_ARM = ArmDeadMan(0, 60 * SECOND_NS)
_ANY_KEY = ApiKey("key", b"c2VjcmV0", "passphrase")
_AMEND = Amend(0, 1, None, 1, None, _LISTED.instrument_id)


def has_dead_man(name: str) -> bool:
    """Return whether a venue cancels everything when it no longer hears of a bot; none is asked."""
    try:
        dialects.find(name).client.request(_ARM, _SAMPLES, _ANY_KEY, SECOND_NS)
    except Unsupported:
        return False
    return True


def _place(kind: OrderType, force: TimeInForce) -> Place:
    """Return an order of a type, with what it must have and nothing that it may."""
    needs = FIELDS[kind]
    return Place(
        account_id=0,
        instrument_id=_LISTED.instrument_id,
        side=Side.SELL,
        order_type=kind,
        time_in_force=force,
        post_only=False,
        price_ticks=1 if needs.price_ticks is Need.MUST else None,
        size_lots=1,
        trigger_ticks=2 if needs.trigger_ticks is Need.MUST else None,
        trail_rate_e8=1_000_000 if needs.trail is Need.MUST else None,
        expire_ns=1 if force is TimeInForce.GTD else None,
    )
