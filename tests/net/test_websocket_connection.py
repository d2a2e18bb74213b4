import asyncio
from collections.abc import Callable

import pytest
import websockets
from websockets.asyncio.client import connect

from steelyard.net.server import Bounds, text_frame
from steelyard.wire.http import Response
from tests.net.port import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HOST,
    LOOPS,
    PATIENCE_S,
    PING,
    PONG,
    TEXT,
    Recorder,
    Wire,
    closing,
    frame,
    get,
    run,
    serving,
    text,
    until,
    upgrade,
    wire,
)

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def on(
    loop: str, scene: Callable[[Wire, Recorder, "object"], object], bounds: Bounds | None = None
) -> list[str]:
    """Play a scene with one client; return what the loop's exception handler was told."""

    async def main() -> None:
        site = Recorder()
        async with serving(site, bounds) as server, wire(server.port) as client:
            await scene(client, site, server)

    return [str(context.get("exception")) for context in run(main(), loop)]


def echo(site: Recorder) -> None:
    """Make a site answer each message with itself."""

    def take(socket):
        def answer(message):
            site.messages.append(message)
            socket.send(message if isinstance(message, bytes) else message.encode())

        socket.on_message = answer
        return True

    site.take = take


# -- handshakes ---------------------------------------------------------------------------------


def test_a_client_of_others_talks_to_it(loop: str):
    """The library of others connects, sends each kind of message, pings and closes."""

    async def main() -> None:
        site = Recorder()
        echo(site)
        async with serving(site) as server:
            async with connect(f"ws://{HOST}:{server.port}/ws?a=b") as socket:
                for message in ("", "text", "ünïcode", "x" * 200, "y" * 70_000):
                    await socket.send(message)
                    assert await socket.recv() == message
                await socket.send(b"\x00\xff")
                await until(lambda: b"\x00\xff" in site.messages)
                await socket.send(["in ", "three ", "parts"])
                await (await socket.ping())
            await until(lambda: site.closed)
            assert socket.close_code == 1000
        assert site.requests[0].target == "/ws?a=b"
        assert site.messages[-1] == "in three parts"

    assert run(main(), loop) == []


@pytest.mark.parametrize(
    ("handshake", "status"),
    [
        (upgrade().replace(b"Version: 13", b"Version: 8"), 400),
        (upgrade().replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""), 400),
        (upgrade().replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"), 400),
        (upgrade().replace(b"GET ", b"POST "), 405),
        (upgrade("/" + "a" * 9_000), 400),
    ],
    ids=["version", "no key", "a short key", "POST", "a long line"],
)
def test_a_wrong_handshake_is_refused(loop: str, handshake: bytes, status: int):
    """What RFC 6455 does not allow is answered as HTTP, and the site hears nothing."""

    async def scene(client, site, _):
        client.send(handshake)
        assert (await client.answer()).status == status
        client.writer.write_eof()
        assert await client.to_end() == b""
        assert site.sockets == []

    assert on(loop, scene) == []


def test_a_path_may_be_refused(loop: str):
    """What the site does not take is a 404; it hears no close of what it never took."""

    async def scene(client, site, _):
        site.take = lambda _: False
        client.send(upgrade("/no"))
        assert (await client.answer()).status == 404
        assert await client.to_end() == b""
        assert site.closed == 0

    assert on(loop, scene) == []


def test_a_path_may_be_refused_in_the_sites_own_words(loop: str):
    """Status, headers and body are the site's; the connection ends."""

    async def scene(client, site, _):
        site.take = lambda _: Response(
            401, {"content-type": "application/json", "www-authenticate": "Mine"}, b'{"no":1}'
        )
        client.send(upgrade("/no"))
        answer = await client.answer()
        assert (answer.status, answer.body) == (401, b'{"no":1}')
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["www-authenticate"] == "Mine"
        assert await client.to_end() == b""
        assert site.closed == 0

    assert on(loop, scene) == []


def test_a_site_that_fails_in_the_handshake_is_heard(loop: str):
    """The loop's handler gets the error, the client a 500."""

    def fail(_):
        raise RuntimeError("a bug in the site")

    async def scene(client, site, _):
        site.take = fail
        client.send(upgrade())
        assert (await client.answer()).status == 500
        assert await client.to_end() == b""

    assert on(loop, scene) == ["a bug in the site"]


def test_an_upgrade_waits_for_earlier_answers(loop: str):
    """A handshake behind a request is done when that has its answer."""

    async def scene(client, site, _):
        site.answer = lambda _request, _reply: None
        client.send(get("/1") + upgrade() + frame(TEXT, b"hello"))
        await until(lambda: site.replies)
        for _ in range(10):
            await asyncio.sleep(0)
        assert site.sockets == []
        site.replies[0](text("one"))
        assert (await client.answer()).body == b"one"
        assert (await client.answer()).status == 101
        await until(lambda: site.messages == ["hello"])

    assert on(loop, scene) == []


def test_what_the_site_says_in_the_handshake_follows_it(loop: str):
    """Messages and a close from inside `websocket` go out after the 101, in order."""

    def take(socket):
        socket.send(b"hi")
        socket.send_shared(text_frame(b"there"))
        socket.close(1008, "no")
        return True

    async def scene(client, site, _):
        site.take = take
        await client.websocket()
        assert await client.frame() == (TEXT, b"hi")
        assert await client.frame() == (TEXT, b"there")
        assert await client.frame() == (CLOSE, closing(1008, "no"))
        client.send(frame(CLOSE, closing(1008)))
        assert await client.to_end() == b""
        await client.close()
        await until(lambda: site.closed)

    assert on(loop, scene) == []


# -- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [True, False])
def test_messages_in_pieces_are_put_together(loop: str, at_once: bool):
    """Fragments, with pings between them, are one message; bytes may come one by one."""
    said = (
        frame(TEXT, "grü".encode()[:3], fin=False)
        + frame(PING, b"1")
        + frame(CONTINUATION, b"", fin=False)
        + frame(CONTINUATION, "grüße".encode()[3:])
        + frame(BINARY, b"\xff", fin=False)
        + frame(CONTINUATION, b"\xfe")
        + frame(TEXT)
    )

    async def scene(client, site, _):
        await client.websocket()
        for i in range(0, len(said), len(said) if at_once else 1):
            client.send(said[i : i + (len(said) if at_once else 1)])
            await client.writer.drain()
        await until(lambda: len(site.messages) == 3)
        assert site.messages == ["grüße", b"\xff\xfe", ""]
        assert await client.frame() == (PONG, b"1")

    assert on(loop, scene) == []


def test_messages_that_come_with_the_close_are_heard(loop: str):
    """What a client says right before it closes is not lost, nor are the answers to it."""

    async def scene(client, site, _):
        echo(site)
        last = frame(TEXT, b"one") + frame(TEXT, b"two") + frame(CLOSE, closing(1000))
        await client.websocket(rest=last)
        assert [await client.frame() for _ in range(3)] == [
            (TEXT, b"one"),
            (TEXT, b"two"),
            (CLOSE, closing(1000)),
        ]
        assert await client.to_end() == b""
        await client.close()
        await until(lambda: site.closed)
        assert site.messages == ["one", "two"]
        site.sockets[0].send(b"too late")

    assert on(loop, scene) == []


def test_after_its_own_close_a_site_hears_nothing(loop: str):
    """Messages that cross a close, or come behind it in one segment, are not delivered."""

    async def scene(client, site, _):
        def take(socket):
            def answer(message):
                site.messages.append(message)
                socket.close(1008, "ü" * 100)

            socket.on_message = answer
            return True

        site.take = take
        await client.websocket()
        client.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        code, data = await client.frame()
        assert (code, data[:2]) == (CLOSE, closing(1008))
        assert data[2:].decode() == "ü" * 61, "cut to what fits, between letters"
        client.send(frame(TEXT, b"three") + frame(CLOSE, closing(1008)))
        assert await client.to_end() == b""
        assert site.messages == ["one"]

    assert on(loop, scene) == []


def test_a_site_that_fails_on_a_message_is_heard(loop: str):
    """The loop's handler gets the error, the client a 1011, and others go on."""

    def take(socket):
        def fail(_):
            raise RuntimeError("a bug in the site")

        socket.on_message = fail
        return True

    async def scene(client, site, _):
        site.take = take
        await client.websocket()
        client.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        opcode, data = await client.frame()
        assert (opcode, data[:2]) == (CLOSE, closing(1011))

    assert on(loop, scene) == ["a bug in the site"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, b"a", mask=None), 1002),
        (frame(CONTINUATION, b"a"), 1002),
        (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
        (frame(3, b"a"), 1002),
        (b"\xc1" + frame(TEXT, b"a")[1:], 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(PING, b"a", fin=False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, closing(999)), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, "ü".encode()[:1], fin=False) + frame(CONTINUATION, b"x"), 1007),
        (frame(CLOSE, closing(1000) + b"\xff"), 1007),
        (frame(TEXT, bytes(1_001)), 1009),
        (frame(TEXT, bytes(600), fin=False) + frame(CONTINUATION, bytes(401)), 1009),
        (b"\x81\xff" + (1 << 62).to_bytes(8), 1009),
    ],
    ids=[
        "unmasked",
        "a continuation of nothing",
        "a message in a message",
        "an unknown opcode",
        "compressed, unasked",
        "a long ping",
        "a ping in pieces",
        "half a close code",
        "a wrong close code",
        "no UTF-8",
        "no UTF-8 in pieces",
        "no UTF-8 in the reason",
        "large",
        "large in pieces",
        "huge",
    ],
)
def test_what_the_rules_forbid_closes_with_its_code(loop: str, said: bytes, code: int):
    """A frame that breaks RFC 6455 or a bound ends the WebSocket; the site hears no message."""

    async def scene(client, site, _):
        await client.websocket()
        client.send(said)
        opcode, data = await client.frame()
        assert (opcode, data[:2]) == (CLOSE, closing(code))
        assert await client.to_end() == b""
        await client.close()
        await until(lambda: site.closed)
        assert site.messages == []

    assert on(loop, scene, Bounds(message_max_bytes=1_000)) == []


def test_a_message_at_the_bound_is_taken(loop: str):
    """The largest message that may come comes."""

    async def scene(client, site, _):
        await client.websocket()
        client.send(frame(BINARY, bytes(1_000)))
        await until(lambda: site.messages == [bytes(1_000)])

    assert on(loop, scene, Bounds(message_max_bytes=1_000)) == []


def test_text_frames_of_every_length(loop: str):
    """A frame's length is written in the form that RFC 6455 wants for it."""

    async def scene(client, site, _):
        await client.websocket()
        for size in (0, 125, 126, 65_535, 65_536):
            site.sockets[0].send(b"x" * size)
            assert await client.frame() == (TEXT, b"x" * size)

    assert on(loop, scene) == []


# -- the end ------------------------------------------------------------------------------------


def test_a_client_may_close(loop: str):
    """The close is answered with its code, and the site hears of it once."""

    async def scene(client, site, _):
        await client.websocket()
        client.send(frame(CLOSE, closing(4000, "bye")))
        assert await client.frame() == (CLOSE, closing(4000, "bye"))
        assert await client.to_end() == b""
        await client.close()
        await until(lambda: site.closed)
        site.sockets[0].close(1000, "again")
        assert site.closed == 1

    assert on(loop, scene) == []


def test_a_client_may_just_go(loop: str):
    """A connection that breaks, or ends without a close, is the end."""

    async def scene(client, site, server):
        await client.websocket()
        client.writer.write_eof()
        await until(lambda: site.closed == 1)
        async with wire(server.port) as other:
            await other.websocket()
            other.writer.transport.abort()
            await until(lambda: site.closed == 2)

    assert on(loop, scene) == []


def test_a_client_that_does_not_answer_a_close_is_cut_off(loop: str):
    """The closing handshake has its time; then the connection is aborted."""

    async def scene(client, site, server):
        await client.websocket()
        now = asyncio.get_running_loop().time()
        site.sockets[0].close(1000, "bye")
        server.sweep(now + 1.9)
        assert not site.closed
        server.sweep(now + 2.5)
        await until(lambda: site.closed)

    assert on(loop, scene, Bounds(stop_s=2.0)) == []


def test_who_is_silent_is_pinged_and_dropped(loop: str):
    """A ping goes out now and then; a pong, or anything else, keeps a WebSocket alive."""

    async def scene(client, site, server):
        await client.websocket()
        begun = asyncio.get_running_loop().time()
        server.sweep(begun + 21)
        assert await client.frame() == (PING, b"")
        server.sweep(begun + 22)
        connection = next(iter(server.connections))._socket
        client.send(frame(PONG) + frame(TEXT, b"alive"))
        await until(lambda: site.messages)
        server.sweep(connection._heard + 59)
        assert await client.frame() == (PING, b""), "it is alive, and pinged again"
        server.sweep(connection._heard + 61)
        opcode, data = await client.frame()
        assert (opcode, data[:2]) == (CLOSE, closing(1011))
        server.sweep(asyncio.get_running_loop().time() + 100)
        await until(lambda: site.closed)

    assert on(loop, scene, Bounds(ping_s=20.0, pong_s=60.0)) == []


# -- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reads_again", [True, False])
def test_a_slow_reader_is_dropped_while_others_go_on(loop: str, reads_again: bool):
    """Who does not take what is sent loses the WebSocket and, if it reads yet, is told why."""

    async def main() -> None:
        site = Recorder()
        bounds = Bounds(stop_s=30.0 if reads_again else 0.0, sweep_s=0.01)
        async with (
            serving(site, bounds) as server,
            wire(server.port) as slow,
            wire(server.port) as quick,
        ):
            await slow.websocket()
            await quick.websocket()
            slow.writer.transport.pause_reading()
            shared = text_frame(b"x" * 100_000)
            sent = 0
            while not site.sockets[0].is_dropped and sent < 200:
                sent += 1
                for socket in site.sockets:
                    socket.send_shared(shared)
                assert await quick.frame() == (TEXT, b"x" * 100_000)
            assert [socket.is_dropped for socket in site.sockets] == [True, False]
            unsent = site.sockets[0]._transport.get_write_buffer_size()
            assert unsent <= bounds.unsent_max_bytes + 200, "no more than it may cost"
            site.sockets[0].send_shared(shared)
            if reads_again:
                slow.writer.transport.resume_reading()
                frames = [await slow.frame()]
                while frames[-1][0] == TEXT:
                    frames.append(await slow.frame())
                assert frames[-1] == (
                    CLOSE,
                    b"\x03\xf0too slow: read what is sent, or subscribe to less",
                )
                assert len(frames) == sent
                slow.send(frame(CLOSE, b"\x03\xf0"))
                slow.writer.close()
            await until(lambda: site.closed == 1)
            assert len(server.connections) == 1
            site.sockets[1].send(b"on it goes")
            assert await quick.frame() == (TEXT, b"on it goes")

    assert run(main(), loop) == []


def test_a_flood_of_pings_is_not_answered_without_end(loop: str):
    """Pongs that nobody reads stop the reading of pings, until somebody does."""

    async def scene(client, site, server):
        await client.websocket()
        (connection,) = server.connections
        transport = connection._transport
        client.writer.transport.pause_reading()
        async with asyncio.timeout(PATIENCE_S):
            while transport.is_reading():
                client.send(frame(PING, b"p" * 125) * 1_000)
                await asyncio.sleep(0)
        assert transport.get_write_buffer_size() < 1 << 20
        client.writer.transport.resume_reading()
        client.send(frame(TEXT, b"the last"))
        async with asyncio.timeout(PATIENCE_S):
            while not site.messages:
                assert await client.frame() == (PONG, b"p" * 125)

    assert on(loop, scene) == []


def test_a_flood_of_empty_fragments_takes_no_memory(loop: str):
    """A message in very many pieces costs its bytes, not its pieces."""

    async def scene(client, site, server):
        await client.websocket()
        client.send(frame(TEXT, b"a", fin=False))
        for _ in range(20):
            client.send(frame(CONTINUATION, fin=False) * 1_000)
            await client.writer.drain()
        client.send(frame(CONTINUATION, b"b"))
        await until(lambda: site.messages == ["ab"])
        (connection,) = server.connections
        assert len(connection._socket._message) == 0

    assert on(loop, scene) == []


def test_the_library_is_closed_with_1001_when_the_server_stops(loop: str):
    """A client of others sees why."""

    async def main() -> None:
        async with serving(Recorder()) as server:
            socket = await connect(f"ws://{HOST}:{server.port}/")
            await server.close()
            with pytest.raises(websockets.ConnectionClosedOK):
                await socket.recv()
            assert socket.close_code == 1001

    assert run(main(), loop) == []
