import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from random import Random

import pytest
from bot_process import open_account
from websockets.asyncio.server import ServerConnection, serve

from steelyard import dialects
from steelyard.cli import trader_stream
from steelyard.cli.administration import administer
from steelyard.cli.trader_stream import Stream
from steelyard.domain.errors import DecodeError, RateLimited, VenueRejected
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.admin import DepositTo
from steelyard.net.client import Patience, WebSocketClient
from steelyard.net.clock import Clock
from steelyard.trading.actions import Role, StreamDown, StreamUp, Told
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response

KEY = ApiKey("key", b"secret")


class Owner:
    """What a stream belongs to: notes what it is told."""

    def __init__(self, key: ApiKey) -> None:
        self.inputs = []
        self.sessions = 0
        self.held = 0
        self.tasks = []
        self._key = key

    def session(self, role: Role):
        self.sessions += 1
        client = dialects.find("binance").client
        return client.private_session(self._key, Listings(), self.venue_now_ns())

    def step(self, event) -> None:
        self.inputs.append(event)

    def spawn(self, work) -> asyncio.Task:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    def venue_now_ns(self) -> int:
        return Clock().now_ns()

    def stamp_ns(self) -> int:
        return Clock().now_ns()

    async def hold(self) -> None:
        self.held += 1


@asynccontextmanager
async def following(url: str, key: ApiKey = KEY):
    """A stream that is open, and its owner."""
    owner = Owner(key)
    stream = Stream(owner, Role.PRIVATE, url, Random(1))
    stream.open()
    try:
        yield stream, owner
    finally:
        for task in owner.tasks:
            task.cancel()
        await asyncio.gather(*owner.tasks, return_exceptions=True)


async def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 what is waited for knows no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("error", [RateLimited("slowly", SECOND_NS), VenueRejected("no", None)])
def test_a_session_that_is_turned_away_is_opened_anew(error):
    """What the venue says while a session begins breaks that connection, and nothing else."""

    class Turned:
        target, ready = "/", False

        def opened(self, now_ns) -> None:
            pass

        def drain(self):
            return [], []

        def receive(self, frame, now_ns) -> None:
            raise error

    class Begun(Owner):
        def session(self, role):
            self.sessions += 1
            return Turned()

    async def greet(socket: ServerConnection) -> None:
        await socket.send("{}")
        await socket.wait_closed()

    async def main():
        owner = Begun(KEY)
        async with serve(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            Stream(owner, Role.PRIVATE, f"ws://127.0.0.1:{port}", Random(1)).open()
            await until(lambda: owner.sessions >= 2)
            assert not owner.tasks[0].done()
            owner.tasks[0].cancel()
            await asyncio.gather(*owner.tasks, return_exceptions=True)
        assert str(error) in {event.why for event in owner.inputs}

    asyncio.run(main())


def test_a_session_gets_its_address_first_and_says_at_times_that_it_is_there(monkeypatch):
    """As KuCoin wants it; where the address is not had, it is asked for again."""
    monkeypatch.setattr(trader_stream, "WAKE_S", 0.0)
    said, asked = [], []

    class Handed:
        target, ready = "", True

        def __init__(self) -> None:
            self._out = []

        def address_request(self, now_ns) -> Request:
            return Request("POST", "/bullet", {}, b"")

        def addressed(self, response, now_ns) -> None:
            if response.status != 200:
                raise DecodeError("no address")
            self.target = "/there?token=1"

        def wake(self, now_ns) -> None:
            self._out.append("ping")

        def opened(self, now_ns) -> None:
            self._out.append("hello")

        def drain(self):
            out, self._out = self._out, []
            return out, []

        def receive(self, frame, now_ns) -> None:
            raise AssertionError("nothing is told")

    class Begun(Owner):
        def session(self, role):
            return Handed()

        async def run_errand(self, request):
            asked.append(request.target)
            return Response(500 if len(asked) == 1 else 200, {}, b"")

    async def listen(socket: ServerConnection) -> None:
        said.append(socket.request.path)
        while True:
            said.append(await socket.recv())

    async def main():
        owner = Begun(KEY)
        async with serve(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            stream = Stream(owner, Role.PRIVATE, f"ws://127.0.0.1:{port}", Random(1))
            stream.open()
            await until(lambda: "hello" in said)
            stream.check()
            await until(lambda: "ping" in said)
            for task in owner.tasks:
                task.cancel()
            await asyncio.gather(*owner.tasks, return_exceptions=True)
        assert isinstance(owner.inputs[0], StreamDown)

    asyncio.run(main())
    assert said[:3] == ["/there?token=1", "hello", "ping"]
    assert asked == ["/bullet"] * 2


class Half:
    """One session of a pair: ready once it has heard a word; the other hands on what it hears."""

    def __init__(self, target: str, other: "Half | None" = None) -> None:
        self.target, self.ready = target, False
        self._other, self._heard, self._out = other, [], []

    def opened(self, now_ns) -> None:
        self._out.append("hello")

    def receive(self, frame, now_ns) -> None:
        self.ready = True
        (self._other or self).hear(f"{self.target} {frame}")

    def hear(self, text: str) -> None:
        self._heard.append(text)

    def wake(self, now_ns) -> None:
        self._out.append("ping")

    def drain(self):
        out, self._out = self._out, []
        heard, self._heard = self._heard, []
        return out, heard


class Whole(Half):
    """The first session of a pair."""

    def __init__(self) -> None:
        self.beside = Half("/beside", self)
        super().__init__("/first")

    @property
    def ready(self) -> bool:
        return self._is_ready and self.beside.ready

    @ready.setter
    def ready(self, is_ready: bool) -> None:
        self._is_ready = is_ready


def test_both_connections_of_a_pair_are_one_stream(monkeypatch):
    """Up when both are, both heard as one, and when either is lost both are opened anew."""
    monkeypatch.setattr(trader_stream, "WAKE_S", 0.0)
    said, sockets = [], {}

    class Begun(Owner):
        def session(self, role):
            self.sessions += 1
            return Whole()

    async def listen(socket: ServerConnection) -> None:
        path = socket.request.path
        sockets[path] = socket
        async for text in socket:
            said.append(f"{path} {text}")
            if text == "hello":
                await socket.send("welcome")

    async def main():
        owner = Begun(KEY)
        async with serve(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            stream = Stream(owner, Role.PRIVATE, f"ws://127.0.0.1:{port}", Random(1))
            stream.open()
            await until(lambda: len(owner.inputs) >= 3)
            first, *told = owner.inputs
            stream.check()
            await until(lambda: {"/first ping", "/beside ping"} <= {*said})
            await sockets["/beside"].send("news")
            await until(lambda: Told("/beside news") in owner.inputs)
            owner.inputs.clear()
            await sockets["/beside"].close()
            await until(lambda: StreamUp(Role.PRIVATE) in owner.inputs)
            lost = owner.inputs[0]
            for task in owner.tasks:
                task.cancel()
            await asyncio.gather(*owner.tasks, return_exceptions=True)
        return owner, first, told, lost

    owner, first, told, lost = asyncio.run(main())
    assert first == StreamUp(Role.PRIVATE)
    assert {each.event for each in told} == {"/first welcome", "/beside welcome"}
    assert isinstance(lost, StreamDown)
    assert owner.sessions == 2
    assert said[:2] == ["/first hello", "/beside hello"]


def test_a_stream_is_up_when_the_venue_has_confirmed_it(exchange):
    """Logged on and subscribed; then what the account does is told."""
    document = open_account(exchange, "follower")
    key = ApiKey(document["key"], document["secret"].encode())

    async def main():
        async with following(exchange.url("binance", "ws"), key) as (_, owner):
            await until(lambda: owner.inputs)
            deposit = DepositTo("follower", {"USDT": Decimal(1)})
            await asyncio.to_thread(administer, exchange.data, deposit)
            await until(lambda: len(owner.inputs) > 1)
            return owner.inputs

    first, second, *_ = asyncio.run(main())
    assert first == StreamUp(Role.PRIVATE)
    assert isinstance(second, Told)


def test_an_open_socket_alone_is_not_up_and_is_opened_anew(monkeypatch):
    """A venue that accepts and then says nothing must not look like a calm market."""
    monkeypatch.setattr(trader_stream, "READY_S", 0.2)
    opened = []

    async def silent(connection: ServerConnection) -> None:
        opened.append(connection)
        await connection.wait_closed()

    async def main():
        async with serve(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with following(f"ws://127.0.0.1:{port}") as (stream, owner):
                await until(lambda: len(opened) == 1)
                stream.check()
                assert owner.inputs == [], "it has time until then"
                await asyncio.sleep(0.3)
                stream.check()
                await until(lambda: len(opened) == 2)
                return owner

    owner = asyncio.run(main())
    assert [type(told) for told in owner.inputs] == [StreamDown]
    assert owner.sessions == 2, "every connection is a new conversation"


@pytest.mark.parametrize("message", [b"\x00\xff", "{", '{"id": "none", "status": 200}'])
def test_what_cannot_be_read_ends_the_connection_with_the_reason(message):
    """After garbage nothing that follows can be trusted to be complete."""

    async def odd(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(message)
        await connection.wait_closed()

    async def main():
        async with serve(odd, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with following(f"ws://127.0.0.1:{port}") as (_, owner):
                await until(lambda: owner.inputs)
                return owner.inputs[0]

    told = asyncio.run(main())
    assert isinstance(told, StreamDown)
    assert told.why


def test_a_key_that_is_refused_is_no_storm_and_the_reason_is_told(exchange, monkeypatch):
    """Pauses double while the venue says no."""
    patience = Patience(retry_first_ns=SECOND_NS // 40)
    client = partial(WebSocketClient, patience=patience)
    monkeypatch.setattr(trader_stream, "WebSocketClient", client)
    document = open_account(exchange, "forger")
    key = ApiKey(document["key"], b"not the secret")

    async def main():
        begin = asyncio.get_running_loop().time()
        async with following(exchange.url("binance", "ws"), key) as (_, owner):
            await until(lambda: owner.sessions == 6)
            return owner, asyncio.get_running_loop().time() - begin

    owner, passed_s = asyncio.run(main())
    least_s = sum(0.5 * 2**n / 40 for n in range(5))
    assert passed_s >= least_s
    assert {type(told) for told in owner.inputs} == {StreamDown}
    assert "ignature" in owner.inputs[0].why


class Conversation:
    """A session that tells every frame, and is confirmed by one of them."""

    target = "/"

    def __init__(self) -> None:
        self.ready = False
        self._told = []

    def opened(self, now_ns: int) -> None:
        """Nothing is to be said."""

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        self.ready = self.ready or frame == "confirmed"
        self._told.append(frame)

    def drain(self):
        told, self._told = self._told, []
        return [], told


class Listener(Owner):
    def session(self, role: Role):
        self.sessions += 1
        return Conversation()


async def told_by(frames: list[str], is_enough) -> list:
    """Return the inputs that come of a venue which says these frames on each connection."""

    async def say(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await connection.wait_closed()

    async with serve(say, "127.0.0.1", 0) as server:
        owner = Listener(KEY)
        port = server.sockets[0].getsockname()[1]
        Stream(owner, Role.MARKET, f"ws://127.0.0.1:{port}", Random(1)).open()
        await until(lambda: is_enough(owner))
        for task in owner.tasks:
            task.cancel()
        await asyncio.gather(*owner.tasks, return_exceptions=True)
        return owner.inputs


def test_what_is_told_before_all_is_confirmed_is_told_after_it_and_not_lost():
    """A book, say, while the trades have not been confirmed: a book of before `up` is forgotten."""
    frames = ["a book", "confirmed", "a change"]
    inputs = asyncio.run(told_by(frames, lambda owner: len(owner.inputs) >= 4))
    assert inputs[0] == StreamUp(Role.MARKET, {})
    assert [each.event for each in inputs[1:4]] == frames


def test_who_tells_and_never_confirms_is_left(monkeypatch):
    monkeypatch.setattr(trader_stream, "EARLY_MAX", 5)
    frames = ["a change"] * 6
    inputs = asyncio.run(told_by(frames, lambda owner: owner.inputs))
    assert isinstance(inputs[0], StreamDown)
    assert "confirmed" in inputs[0].why
