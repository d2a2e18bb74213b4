"""The topmost rung of a dialogue: a real exchange process on loopback, spoken to over sockets.

One process serves every dialogue. It is founded here with its clock frozen, so that no crowd ever
trades, and with an instrument for each dialogue; accounts are opened as dialogues ask for them.
Nothing waits for time to pass: a ping that is answered tells that all has arrived that was sent
before, and a book is there when it has the number that a request is told, or the levels, of a venue
that numbers no books.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import websockets

from steelyard.cli.administration import administer
from steelyard.cli.market_source import CrowdSource
from steelyard.cli.opening import OpenExchange
from steelyard.domain.commands import ListInstrument, UserCommand
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    AccountQuery,
    BookDelta,
    BookQuery,
    BookSnapshot,
    OrdersQuery,
    Scope,
)
from steelyard.exchange.admin import Admin, CreateAccount
from steelyard.exchange.bookkeeping import AuditBooks
from steelyard.exchange.issuing import CreateKey, RevokeKey
from steelyard.exchange.records import codec
from steelyard.exchange.sandbox_clock import AdvanceClock, FreezeClock, ShowClock
from steelyard.net.client import Down, HttpClient, Up, WebSocketClient
from steelyard.net.clock import Clock
from steelyard.sim.asked import Asked
from steelyard.sim.auditor import Truth
from steelyard.sim.rungs import LIMITS, PUBLIC, TOKEN_USDT, lacking, session_of
from steelyard.sim.spelling import Spelling, asked_whole, completed
from steelyard.sim.stand import BTC_USDT, Entry
from steelyard.sim.words import LIST_MAX
from steelyard.testing import LocalExchange
from steelyard.wire.dialect import (
    ApiKey,
    ClientSession,
    Dialect,
    Errand,
    HandedOut,
    Paired,
    Waking,
    opening_headers,
)
from steelyard.wire.outcome import Answered, Outcome, Unknown

CLOCK = Clock()
DEADLINE_S = 10.0  # for what has to come; reached only where it does not
WAKE_S = 1.0  # between two wakes of sessions that have to speak up
FIRST_ID = 1_000  # of instruments and assets that are only here
SECOND_NS = 1_000_000_000
MS_NS = 1_000_000


def limits_file(folder: Path, dialects: tuple[str, ...]) -> Path:
    """Write the limits under which all dialogues are held."""
    path = folder / "limits.toml"
    rows = [
        f'[[{dialect}.limits]]\nname = "{limit.name}"\nper = "{limit.per}"\n'
        f'counts = "{limit.counts}"\nlimit = {limit.limit}\nkind = "{limit.kind}"\n'
        f'window = "{limit.window_ns // SECOND_NS}s"\n'
        for dialect in dialects
        for limit in LIMITS.limits
    ]
    path.write_text("\n".join(rows))
    return path


class Quiet(LocalExchange):
    """An exchange in a process of its own, in which nobody trades who was not told to."""

    def __init__(self, folder: Path, dialects: tuple[str, ...], instruments: int) -> None:
        super().__init__(folder / "data", "--limits", str(limits_file(folder, dialects)))
        opened = OpenExchange(self.data, CrowdSource(1), CLOCK.now_ns())
        exchange, now_ns = opened.exchange, CLOCK.now_ns()
        Admin(exchange, opened.seal, secrets.token_bytes).carry_out(FreezeClock(), now_ns)
        usdt = exchange.listings.asset_id("USDT")
        for number in range(FIRST_ID, FIRST_ID + instruments):
            exchange.record(ListInstrument(_like(BTC_USDT, number, f"D{number}", usdt)), now_ns)
        token = _like(TOKEN_USDT, FIRST_ID + instruments, TOKEN_USDT.base, usdt)
        exchange.record(ListInstrument(token), now_ns)
        for time_ns, message in exchange.drain().records:
            opened.journal.append(codec().encode(message, time_ns))
        opened.journal.commit()
        opened.close()
        self.listings = exchange.listings
        self.unused: Iterator[Instrument] = (
            exchange.listings[number] for number in range(FIRST_ID, FIRST_ID + instruments)
        )
        self.numbers = count(1)


def _like(instrument: Instrument, number: int, base: str, usdt: int) -> Instrument:
    """Return an instrument with the same steps and limits under another name."""
    return Instrument.spot(
        number,
        (number, base),
        (usdt, "USDT"),
        tick_size=str(instrument.tick_size),
        lot_size=str(instrument.lot_size),
        price_max=str(instrument.price(instrument.price_max_ticks)),
        size_max=str(instrument.size(instrument.size_max_lots)),
        notional_min="5",
    )


class Listener:
    """A session of the client half on a connection of `net.client`."""

    def __init__(self, session: ClientSession, base_url: str) -> None:
        self.session = session
        self.events: list[Any] = []
        self.closed: str | None = None
        self.is_up = False
        self.beside: Listener | None = None  # of the other connection of a pair
        self.sequence = 0  # of the book, as far as it was told
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})  # of it: bids, asks
        self.changed = asyncio.Event()
        self._client = WebSocketClient(
            base_url,
            loopback_only=True,
            begin=lambda: (session.target, self._opened),
            take=self._take,
            tell=self._tell,
            rng=Random(1),
            headers=lambda: opening_headers(session, CLOCK.now_ns()),
        )
        self._task = asyncio.create_task(self._client.run())

    async def until(self, is_there) -> None:
        """Wait until something is there, or the connection is closed."""
        async with asyncio.timeout(DEADLINE_S):
            while self.closed is None and not is_there():
                self.changed.clear()
                await self.changed.wait()

    def shows(self, book: BookSnapshot) -> bool:
        """Whether it has been told what a book is now."""
        there = ({t: lots for t, lots in levels.items() if lots} for levels in self.levels)
        return (*there,) == (dict(book.bids), dict(book.asks))

    async def say(self) -> None:
        """Send the frames that the session has."""
        for frame in self._drain():
            await self._client.send(frame)

    async def arrive(self) -> None:
        """Return when all has arrived that the exchange had sent by now.

        Twice there and back: by the second time everything before the first has been read.
        """
        if self.beside is not None:
            await self.beside.arrive()
            await self.say()
        for _ in range(2):
            socket = self._client._socket
            if socket is None:
                break
            with suppress(websockets.ConnectionClosed):
                async with asyncio.timeout(DEADLINE_S):
                    await (await socket.ping())
                continue
            await self.until(lambda: False)

    async def stop(self) -> None:
        """Break the connection."""
        if self.beside is not None:
            await self.beside.stop()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def _opened(self) -> list[str]:
        self.session.opened(CLOCK.now_ns())
        return self._drain()

    def _take(self, message: str | bytes) -> list[str]:
        self.session.receive(message, CLOCK.now_ns())
        return self._drain()

    def _tell(self, news: Up | Down) -> None:
        self.is_up = isinstance(news, Up)
        if isinstance(news, Down):
            self.closed = news.why
            self._task.cancel()
        self.changed.set()

    def _drain(self) -> list[str]:
        frames, events = self.session.drain()
        self.events += events
        for event in events:
            if isinstance(event, BookDelta):
                self.sequence = max(self.sequence, event.last_sequence)
                for levels, changes in zip(self.levels, (event.bids, event.asks), strict=True):
                    levels.update(changes)
            elif isinstance(event, BookSnapshot):
                self.sequence = max(self.sequence, event.sequence)
                self.levels = dict(event.bids), dict(event.asks)
        self.changed.set()
        return frames


class InSockets:
    """A dialogue over real sockets; see `steelyard.sim.rungs.Rung`."""

    def __init__(self, dialect: Dialect, exchange: Quiet, *, over_websocket: bool = False) -> None:
        self.name = f"socket {dialect.name}" + (" over WebSocket" if over_websocket else "")
        self._over_websocket = over_websocket
        self._entries: dict[str, Listener] = {}
        self.listings = exchange.listings
        self.instrument = next(exchange.unused)
        self._dialect = dialect
        self.joins_trades = dialect.joins_trades
        self._exchange = exchange
        self._number = next(exchange.numbers)
        self._spelling = Spelling(dialect, self.listings)
        self._keys: dict[str, ApiKey] = {}
        self._listeners: dict[str, Listener] = {}
        self._asked: dict[str, Asked] = {}  # where the venue's streams tell no fills
        self._runner = asyncio.Runner()
        self._http = HttpClient(exchange.url(dialect.name), loopback_only=True)

    def close(self) -> None:
        for listener in (*self._listeners.values(), *self._entries.values()):
            self._runner.run(listener.stop())
        self._runner.run(self._http.close())
        self._runner.close()

    def lacks(self, need: str) -> str | None:
        return lacking(self._dialect, need, self.instrument, self.listings)

    # -- who is there -------------------------------------------------------------------------

    def account(self, name: str) -> str:
        return f"{name}-{self._number}"

    def open_account(self, account, deposits) -> None:
        self.administer(CreateAccount(self.account(account), dict(deposits)))
        self.open_key(account, account)

    def open_key(self, participant: str, account: str) -> None:
        scopes = frozenset({Scope.READ, Scope.TRADE})
        call = CreateKey(self.account(account), self._dialect.name, scopes)
        made = self.administer(call)
        passphrase = made["passphrase"] or ""
        self._keys[participant] = ApiKey(made["key"], made["secret"].encode(), passphrase)

    def revoke(self, participant: str) -> None:
        self.administer(RevokeKey(self._keys[participant].key))

    def administer(self, call: Any) -> dict[str, Any]:
        return administer(self._exchange.data, call)

    # -- what is said and heard ---------------------------------------------------------------

    def send(self, participant: str, message: Any) -> Outcome:
        spelled = self._spelling.spelled(message)
        if isinstance(message, AccountQuery) or self._dialect.answers_in_full:
            return self._spelling.read(self._send(participant, spelled))
        outcome = completed(
            spelled,
            lambda: self._send(participant, spelled),
            lambda query: self._send(participant, query),
        )
        return self._spelling.read(outcome)

    def _send(self, participant: str, message: Any) -> Outcome:
        if self._over_websocket and participant != PUBLIC and isinstance(message, UserCommand):
            with suppress(Unsupported):
                return self._enter(participant, message)
        if isinstance(message, UserCommand):
            return self._request(participant, message)
        client = self._dialect.client
        return asked_whole(client, message, lambda query: self._request(participant, query))

    def _request(self, participant: str, message: Any) -> Outcome:
        now_ns, client = CLOCK.now_ns(), self._dialect.client
        request = client.request(message, self.listings, self._keys.get(participant), now_ns)
        response = self._runner.run(self._http.send(request))
        return client.outcome(message, response, self.listings, CLOCK.now_ns())

    def _enter(self, participant: str, command: UserCommand) -> Outcome:
        """Send a command over a WebSocket, opened where there is none."""
        listener = self._entries.get(participant)
        if listener is None or listener.closed is not None:
            entry = Entry(self._dialect.entry(self._keys[participant]))
            listener = self._entries[participant] = self._runner.run(self._opened(entry))
        entry = listener.session
        if not entry.responses:  # else what came before has been refused already
            entry.say(command, self.listings, CLOCK.now_ns())
            self._runner.run(listener.say())
            self._runner.run(listener.until(lambda: bool(entry.responses)))
        if not entry.responses:
            return Unknown(f"the connection was closed: {listener.closed}")
        response = entry.responses.pop(0)
        return self._dialect.client.outcome(command, response, self.listings, CLOCK.now_ns())

    async def _opened(self, session: ClientSession) -> Listener:
        """Open a session, and wait until all that comes before a request has been answered."""
        now_ns = CLOCK.now_ns()
        if isinstance(session, HandedOut) and (asked := session.address_request(now_ns)):
            session.addressed(await self._http.send(asked), CLOCK.now_ns())
        listener = Listener(session, self._exchange.url(self._dialect.name, "ws"))
        await listener.until(lambda: listener.is_up)
        now_ns = CLOCK.now_ns()
        if isinstance(session, Errand) and (request := session.errand(now_ns)) is not None:
            session.returned(await self._http.send(request), CLOCK.now_ns())
            await listener.say()
        if isinstance(session, Paired):
            listener.beside = await self._opened(session.beside)
        await listener.until(lambda: listener.session.ready)
        assert listener.closed is None, listener.closed
        await listener.arrive()
        return listener

    def ask(self, participant: str, query: Any) -> Any:
        outcome = self.send(participant, query)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer

    def listen(self, participant: str) -> None:
        key = self._keys.get(participant)
        here, now_ns = self.instrument, CLOCK.now_ns()
        session = session_of(self._dialect, here, self.listings, key, now_ns)

        self._listeners[participant] = listener = self._runner.run(self._opened(session))
        if key is not None and not self._dialect.tells_fills:
            asked = Asked(lambda query: self._send(participant, query), here.instrument_id)
            self._asked[participant] = asked
            asked.completed([], now_ns)
        if participant == PUBLIC:
            # Who begins now is told what comes from now on: up to here it has asked.
            book = self.ask(PUBLIC, BookQuery(here.instrument_id, LIST_MAX))
            listener.sequence = max(listener.sequence, book.sequence)

    def drop(self, participant: str) -> None:
        self._runner.run(self._listeners.pop(participant).stop())

    def settle(self) -> None:
        if (market := self._listeners.get(PUBLIC)) is not None:
            book = self.ask(PUBLIC, BookQuery(self.instrument.instrument_id, LIST_MAX))
            is_numbered = bool(book.sequence)
            self._runner.run(
                market.until(
                    lambda: market.sequence >= book.sequence if is_numbered else market.shows(book)
                )
            )
        for listener in self._listeners.values():
            self._runner.run(listener.arrive())

    def drain(self, participant: str) -> tuple[list[Any], str | None]:
        listener = self._listeners.get(participant)
        if listener is None:
            return [], None
        heard, listener.events = listener.events, []
        if participant in self._asked:
            heard = self._asked[participant].completed(heard, CLOCK.now_ns())
        events = self._spelling.heard(heard)
        if listener.closed is not None:
            del self._listeners[participant]
        return events, listener.closed

    # -- time and truth -----------------------------------------------------------------------

    def time_ns(self) -> int:
        shown = self.administer(ShowClock())
        return shown["sandbox"] * MS_NS

    def pass_time(self, duration_ns: int) -> None:
        self.administer(AdvanceClock(duration_ns))

    def pause(self, duration_ns: int) -> None:
        until_s = time.monotonic() + duration_ns / SECOND_NS
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, WAKE_S))
            for listener in self._listeners.values():
                if isinstance(listener.session, Waking):
                    listener.session.wake(CLOCK.now_ns())
                    self._runner.run(listener.say())

    def truth(self, accounts: tuple[str, ...]) -> Truth:
        here = self.instrument.instrument_id
        query = OrdersQuery(0, LIST_MAX, here, open_only=True)
        orders = {name: self.ask(name, query).orders for name in accounts}
        balances = {name: self.ask(name, AccountQuery(0)).balances for name in accounts}
        book = self.ask(PUBLIC, BookQuery(here, LIST_MAX))
        found = self.administer(AuditBooks())["differences"]
        return Truth(orders, balances, book.bids, book.asks, tuple(found))
