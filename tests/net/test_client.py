import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from random import Random

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from steelyard.domain.errors import (
    AuthError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    DecodeError,
    TransportError,
)
from steelyard.net import client as client_module
from steelyard.net.client import Down, HttpClient, Patience, Up, WebSocketClient
from steelyard.wire.http import Request
from tests.net.port import HOST, Recorder, run, serving, text, until

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TRIVIAL = Request("GET", "/", {}, b"")


@asynccontextmanager
async def venue(answering: Answering, *, total_s: float = 10.0, **options):
    """A client, and a server that does with each connection what a test wants."""

    async def handle(reader, writer):
        try:
            await answering(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    client = HttpClient(f"http://{HOST}:{port}", loopback_only=True, total_s=total_s, **options)
    try:
        yield client
    finally:
        await client.close()
        server.close()


async def failure(client: HttpClient, request: Request = TRIVIAL) -> type[TransportError]:
    """Return the class of the error that a request ends with."""
    with pytest.raises(TransportError) as caught:
        await client.send(request)
    return type(caught.value)


# -- requests -----------------------------------------------------------------------------------


TARGETS = [
    "/",
    "/a?b=%20+c%2B&d=%7e",
    "/a?",
    "/a??",
    "/a#",
    "/a?x=1#f",
    "/a//b/../c/./",
    "/%2e%2e/%2F",
    "/a?x=[1]&y='\"",
    "/a?x=",
    "/a?&&=",
    "//b.example/c",
    "/a:b@c;d,e|f^g`h{i}<j>\\",
]


def test_requests_leave_byte_for_byte():
    """Signatures cover the target and the body: neither is changed, quoted or tidied."""
    bodies = [b"", b"a=1&b=%20", bytes(range(256)) * 300]

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server:
            client = HttpClient(f"http://{HOST}:{server.port}", loopback_only=True)
            for target in TARGETS[:-1]:
                answer = await client.send(Request("GET", target, {"x-sig": "s"}, b""))
                assert answer.body == target.encode()
                assert site.requests[-1].target == target
            for body in bodies:
                await client.send(Request("POST", "/", {"x-sig": "s"}, body))
                sent = site.requests[-1]
                assert sent.body == body
                assert sent.headers["x-sig"] == "s"
                assert sent.headers["content-length"] == str(len(body))
                assert "content-type" not in sent.headers, "what is not given is not said"
            assert len(site.requests) == len(TARGETS) - 1 + len(bodies), "each of them once"
            await client.close()

    assert run(main()) == []


def test_even_odd_targets_leave_as_they_are():
    """What our own server would refuse goes out untouched too, after a base URL with a path."""
    lines = []

    async def first_line(reader, writer):
        lines.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async def main() -> None:
        async with venue(first_line) as client:
            for target in TARGETS:
                await client.send(Request("GET", target, {}, b""))
            below = HttpClient(client.base_url + "/api/", loopback_only=True)
            await below.send(Request("GET", "/v1?", {}, b""))
            await below.close()

    assert run(main()) == []
    assert lines == [f"GET {target} HTTP/1.1" for target in [*TARGETS, "/api/v1?"]]


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "", {}, b""),
        Request("GET", "a", {}, b""),
        Request("GET", "@evil.example/", {}, b""),
        Request("GET", "/a b", {}, b""),
        Request("GET", "/é", {}, b""),
        Request("GET", "/ HTTP/1.1\r\nX: y\r\n\r\n", {}, b""),
        Request("GET", "/", {"x": "a\r\nb: c"}, b""),
        Request("GET", "/", {"x\n": "a"}, b""),
    ],
)
def test_what_is_no_request_does_not_leave(request_: Request):
    """A target or header that could become another request is refused before a connection."""

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server:
            client = HttpClient(f"http://{HOST}:{server.port}", loopback_only=True)
            assert await failure(client, request_) is ConnectFailed
            assert site.requests == []
            assert not server.connections
            await client.close()

    assert run(main()) == []


def test_an_answer_comes_back_whole():
    """Status, headers in lower case, and every byte of the body; no redirect is followed."""

    async def answering(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nRetry-After: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(100):
            writer.write(b"400\r\n" + bytes(range(256)) * 4 + b"\r\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def main() -> None:
        async with venue(answering) as client:
            answer = await client.send(TRIVIAL)
            assert answer.status == 302
            assert answer.headers["retry-after"] == "3"
            assert answer.body == bytes(range(256)) * 400

    assert run(main()) == []


def test_connections_are_kept():
    """Requests one after the other take one connection; close gives it back and opens no more."""

    async def main() -> None:
        async with serving(Recorder()) as server:
            client = HttpClient(f"http://{HOST}:{server.port}", loopback_only=True)
            for _ in range(5):
                await client.send(TRIVIAL)
                assert len(server.connections) == 1
            await client.close()
            await until(lambda: not server.connections)
            with pytest.raises(ConnectFailed, match="was closed"):
                await client.send(TRIVIAL)
            assert not server.connections

    assert run(main()) == []


# -- failures -----------------------------------------------------------------------------------


def test_nobody_listens():
    """A refused connection means that nothing left."""

    async def main() -> None:
        async with serving(Recorder()) as server:
            port = server.port
        client = HttpClient(f"http://{HOST}:{port}", loopback_only=True)
        assert await failure(client) is ConnectFailed
        await client.close()

    assert run(main()) == []


async def _never(reader, writer):
    await reader.read()


async def _closes(reader, writer):
    await reader.readuntil(b"\r\n\r\n")


async def _breaks_off_head(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def _breaks_off_body(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


async def _garbage(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"SSH-2.0-OpenSSH\r\n")


async def _resets(reader, writer):
    await reader.readexactly(1)
    writer.transport.abort()


@pytest.mark.parametrize(
    "answering", [_never, _closes, _breaks_off_head, _breaks_off_body, _garbage, _resets]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_goes_wrong_later_may_have_arrived(answering: Answering, method: str):
    """No answer in time, or half of one, is never taken for a request that did not leave."""

    async def main() -> None:
        async with venue(answering, total_s=0.3) as client:
            assert await failure(client, Request(method, "/", {}, b"")) is ConnectionLost

    assert run(main()) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"])
def test_nothing_is_sent_twice(method: str):
    """A kept connection that takes a request and breaks has had it once, whatever the method."""
    heard = []

    async def answering(reader, writer):
        while True:
            heard.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
            if heard[-1] != b"/first":
                return
            writer.write(OK)

    async def main() -> None:
        async with venue(answering) as client:
            assert (await client.send(Request("GET", "/first", {}, b""))).body == b"ok"
            assert await failure(client, Request(method, "/order", {}, b"")) is ConnectionLost
            assert (await client.send(Request("GET", "/first", {}, b""))).body == b"ok"

    assert run(main()) == []
    assert heard == [b"/first", b"/order", b"/first"]


def test_a_request_that_never_got_a_connection_did_not_leave(monkeypatch):
    """Waiting in vain for one of the few connections is told apart from waiting for an answer."""
    monkeypatch.setattr(client_module, "CONNECTIONS_MAX", 2)
    heard = []

    async def answering(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()

    async def main() -> None:
        async with venue(answering, total_s=0.4) as client:
            failures = await asyncio.gather(*(failure(client) for _ in range(5)))
            assert sorted(error.__name__ for error in failures) == [
                *["ConnectFailed"] * 3,
                *["ConnectionLost"] * 2,
            ]

    assert run(main()) == []
    assert len(heard) == 2


def test_an_answer_without_an_end_is_cut_off(monkeypatch):
    """An answer beyond the bound is given up."""
    monkeypatch.setattr(client_module, "ANSWER_MAX_BYTES", 1 << 20)

    async def answering(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(64 << 10))
            await writer.drain()

    async def main() -> None:
        async with venue(answering) as client:
            with pytest.raises(ConnectionLost, match="more than 1048576 bytes"):
                await client.send(TRIVIAL)

    assert run(main()) == []


def test_a_request_can_be_cancelled():
    """A cancelled request is cancelled, and its connection not used again."""

    async def main() -> None:
        site = Recorder()
        site.answer = lambda _request, _reply: None
        async with serving(site) as server:
            client = HttpClient(f"http://{HOST}:{server.port}", loopback_only=True)
            sending = asyncio.create_task(client.send(TRIVIAL))
            await until(lambda: site.replies)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            site.replies[0](text("too late"))
            site.answer = lambda _, reply: reply(text("fresh"))
            assert (await client.send(TRIVIAL)).body == b"fresh"
            await client.close()

    assert run(main()) == []


# -- URLs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["api.binance.com", "10.0.0.1", "0.0.0.0", "127.0.0.1.evil.example", "[::2]", "2130706433"],
)
def test_another_machine_is_refused(host: str):
    """Where only loopback is allowed, nothing else is, and nothing is looked up."""
    with pytest.raises(ConfigError, match="not on this machine"):
        HttpClient(f"http://{host}:80", loopback_only=True)
    with pytest.raises(ConfigError, match="not on this machine"):
        follower(f"ws://{host}:80", [])
    HttpClient(f"https://{host}:80", loopback_only=False)


# -- WebSockets ---------------------------------------------------------------------------------


def follower(
    url: str,
    heard: list,
    *,
    take: Callable[[str | bytes], list[str]] | None = None,
    pauses: list[float] | None = None,
    patience: Patience = Patience(),  # noqa: B008 it is a constant
    hold: Callable[[], Awaitable[object]] | None = None,
    prepare: Callable[[], Awaitable[object]] | None = None,
    headers: Callable[[], dict[str, str]] | None = None,
) -> WebSocketClient:
    """A client that logs in with its number, keeps what it hears, and does not pause."""
    numbers = count()

    def begin():
        number = next(numbers)
        return f"/ws?n={number}", lambda: [f"login {number}"]

    def keep(message):
        heard.append(message)
        return []

    async def sleep(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)
        await asyncio.sleep(0.001)

    return WebSocketClient(
        url,
        loopback_only=True,
        begin=begin,
        take=take or keep,
        tell=heard.append,
        rng=Random(1),
        patience=patience,
        hold=hold,
        sleep=sleep,
        prepare=prepare,
        headers=headers,
    )


@asynccontextmanager
async def streams(handle: Callable[[ServerConnection], Awaitable[None]]):
    """A server of WebSockets, by its URL."""
    async with serve_websockets(handle, HOST, 0) as server:
        yield f"ws://{HOST}:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def running(client: WebSocketClient):
    """Run a client, and end it in order."""
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_websocket_is_not_opened_before_it_may_be():
    """Each time anew: a venue counts connections, and may have said to wait."""
    said = []

    async def handle(socket):
        said.append("connected")
        await socket.close(1001, "restarting")

    async def main() -> None:
        may = asyncio.Semaphore(0)
        async with streams(handle) as url, running(follower(url, [], hold=may.acquire)):
            for number in range(3):
                await asyncio.sleep(0.05)
                assert len(said) == number
                may.release()
                await until(lambda: len(said) == number + 1)  # noqa: B023 awaited at once

    asyncio.run(main())


def test_what_has_to_be_known_before_is_asked_for_each_time():
    """Where it is not had the connection counts as down, and is tried again."""
    asked, heard = [], []

    async def handle(socket):
        await socket.close(1001, "restarting")

    async def prepare():
        asked.append(1)
        if len(asked) % 2:
            raise ConnectFailed("no address")

    async def main() -> None:
        async with streams(handle) as url, running(follower(url, heard, prepare=prepare)):
            await until(lambda: sum(isinstance(item, Up) for item in heard) >= 2)

    asyncio.run(main())
    assert len(asked) >= 4
    assert heard[0] == Down("no address")


def test_each_connection_is_opened_with_headers_of_its_own():
    """They are asked for anew: a signature in them has a time."""
    said, heard, numbers = [], [], count(1)

    async def handle(socket):
        said.append(socket.request.headers["Access-Sign"])
        await socket.close(1001, "restarting")

    def headers():
        return {"access-sign": f"number {next(numbers)}"}

    async def main() -> None:
        async with streams(handle) as url, running(follower(url, heard, headers=headers)):
            await until(lambda: len(said) > 1)

    asyncio.run(main())
    assert said[:2] == ["number 1", "number 2"]


def test_a_websocket_is_opened_again():
    """Each connection begins anew: its own target, its own login; Up and Down tell of it."""
    said = []

    async def handle(socket):
        said.append((socket.request.path, await socket.recv()))
        await socket.send(f"hello {len(said)}")
        if len(said) == 3:
            await socket.wait_closed()
        elif len(said) == 2:
            socket.transport.abort()
        else:
            await socket.close(1001, "restarting")

    async def main() -> None:
        heard = []
        async with streams(handle) as url, running(follower(url, heard)):
            await until(lambda: "hello 3" in heard)
        assert said == [(f"/ws?n={n}", f"login {n}") for n in range(3)]
        assert heard[:3] == [Up(), "hello 1", Down("closed by the other side: 1001 restarting")]
        assert heard[3] == Up()
        assert [type(item) for item in heard].count(Down) == 2
        assert heard[-2:] == [Up(), "hello 3"], "ending it is no Down"

    assert run(main()) == []


def test_what_take_returns_is_sent():
    """Answers to messages go out in order; `send` adds to them while the connection is up."""
    said, asked = [], []

    async def handle(socket):
        await socket.send("ask")
        said.extend([message async for message in socket])

    def take(message):
        asked.append(message)
        return [f"{message} 1", f"{message} 2"]

    async def main() -> None:
        async with streams(handle) as url:
            client = follower(url, [], take=take)
            await client.send("nobody hears this")
            async with running(client):
                await until(lambda: asked)
                await client.send("more")
            await until(lambda: said)
        assert said == ["login 0", "ask 1", "ask 2", "more"]

    assert run(main()) == []


@pytest.mark.parametrize("error", [DecodeError("not ours"), AuthError("refused")])
def test_a_message_that_is_wrong_closes_and_opens_anew(error: Exception):
    """What cannot be understood, or says that we may not, is a Down with its words."""

    async def handle(socket):
        await socket.send("wrong")
        await socket.wait_closed()

    def take(message):
        raise error

    async def main() -> None:
        heard = []
        async with streams(handle) as url, running(follower(url, heard, take=take)):
            await until(lambda: heard.count(Up()) >= 2)
        assert heard[:3] == [Up(), Down(str(error)), Up()]

    assert run(main()) == []


def test_a_login_that_is_refused_is_tried_ever_less():
    """Being connected for a moment is no success: the pauses double up to the longest."""
    pauses = []

    async def handle(socket):
        await socket.send("welcome")
        await socket.send("login refused")
        await socket.wait_closed()

    def take(message):
        if message == "login refused":
            raise AuthError("no")
        return []

    async def main() -> None:
        async with (
            streams(handle) as url,
            running(follower(url, [], take=take, pauses=pauses)),
        ):
            await until(lambda: len(pauses) >= 10)

    assert run(main()) == []
    longest = [min(0.25 * 2**n, 30) for n in range(10)]
    for pause, most in zip(pauses, longest, strict=False):
        assert most / 2 <= pause <= most


def test_a_connection_that_was_steady_is_opened_soon():
    """After some seconds of being up the first pause is the short one again."""
    pauses = []

    async def handle(socket):
        await asyncio.sleep(0.02)

    async def main() -> None:
        patience = Patience(steady_s=0.01)
        async with (
            streams(handle) as url,
            running(follower(url, [], pauses=pauses, patience=patience)),
        ):
            await until(lambda: len(pauses) >= 5)

    assert run(main()) == []
    assert max(pauses) <= 0.25


def test_nobody_to_connect_to_is_a_down():
    """A connection that is refused is told, and tried again with growing pauses."""

    async def main() -> None:
        heard, pauses = [], []
        async with serving(Recorder()) as server:
            port = server.port
        async with running(follower(f"ws://{HOST}:{port}", heard, pauses=pauses)):
            await until(lambda: len(pauses) >= 4)
        assert {type(item) for item in heard} == {Down}
        assert pauses[3] > pauses[0]

    assert run(main()) == []


def test_a_redirect_is_never_followed():
    """What is sent first is a login: it goes to the host that was named or nowhere."""
    stolen = []

    async def thief(socket):
        stolen.append(await socket.recv())

    async def main() -> None:
        async with streams(thief) as elsewhere:

            async def redirect(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(
                    b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                    + elsewhere.encode()
                    + b"\r\n\r\n"
                )
                writer.close()

            async with await asyncio.start_server(redirect, HOST, 0) as server:
                url = f"ws://{HOST}:{server.sockets[0].getsockname()[1]}"
                heard = []
                async with running(follower(url, heard)):
                    await until(lambda: len(heard) >= 3)
                assert all("302" in item.why for item in heard)

    assert run(main()) == []
    assert stolen == []


def test_sending_on_a_connection_that_has_just_broken_is_no_error():
    """Down tells what has become of it; whoever sends need not catch anything."""

    async def handle(socket):
        await socket.wait_closed()

    async def main() -> None:
        async with streams(handle) as url:
            client = follower(url, [])
            async with connect(url) as socket:
                client._socket = socket  # as in the moment before `run` has noticed
                await socket.close()
                await client.send("late")

    assert run(main()) == []


def test_reset_opens_anew():
    """A connection that is not to be trusted any more is closed and opened again."""

    async def handle(socket):
        await socket.wait_closed()

    async def main() -> None:
        heard = []
        async with streams(handle) as url:
            client = follower(url, heard)
            await client.reset()  # nothing to close yet
            async with running(client):
                await until(lambda: heard == [Up()])
                await client.reset()
                await until(lambda: heard.count(Up()) == 2)

    assert run(main()) == []


def test_cancelling_closes_the_connection():
    """The other side sees a close, not a connection that hangs."""
    codes = []

    async def handle(socket):
        await socket.wait_closed()
        codes.append(socket.close_code)

    async def main() -> None:
        heard = []
        async with streams(handle) as url:
            async with running(follower(url, heard)):
                await until(lambda: heard == [Up()])
            await until(lambda: codes)

    assert run(main()) == []
    assert codes == [1000]


def test_requests_go_one_by_one_where_their_order_counts():
    """And by methods: the others do not wait for them."""
    seen: list[str] = []

    async def main() -> None:
        gate = asyncio.Event()

        async def answering(reader, writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.append(head.partition(b" HTTP")[0].decode())
                if seen[-1] == "POST /1":
                    await gate.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with venue(answering, in_turn=frozenset({"POST"})) as client:
            asking = [
                asyncio.ensure_future(client.send(Request("POST", f"/{number}", {}, b"")))
                for number in (1, 2, 3)
            ]
            await until(lambda: "POST /1" in seen)
            await client.send(Request("GET", "/", {}, b""))
            seen.append("and then")
            gate.set()
            await asyncio.gather(*asking)

    assert run(main()) == []
    assert seen[-3:] == ["and then", "POST /2", "POST /3"]
    assert sorted(seen[:-3]) == ["GET /", "POST /1"]
