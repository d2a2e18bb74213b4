import asyncio
import socket
import struct
from collections.abc import Callable

import pytest

from steelyard.net.http_connection import Reply
from steelyard.net.server import Bounds
from steelyard.wire.http import Request, Response
from tests.net.port import LOOPS, Recorder, Wire, get, later, post, run, serving, text, until, wire

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def on(
    loop: str,
    scene: Callable[[Wire, Recorder, "Time"], object],
    bounds: Bounds | None = None,
    site: Recorder | None = None,
) -> list[str]:
    """Play a scene with one client; return what the loop's exception handler was told."""
    recorder = site or Recorder()

    async def main() -> None:
        async with serving(recorder, bounds) as server, wire(server.port) as client:
            await until(lambda: server.connections)
            await scene(client, recorder, Time(server))

    return [str(context.get("exception")) for context in run(main(), loop)]


class Time:
    """Makes time pass at a server, without waiting for it."""

    def __init__(self, server) -> None:
        self.server = server
        self.now = asyncio.get_running_loop().time()

    def pass_s(self, seconds: float) -> None:
        self.now += seconds
        self.server.sweep(self.now)


def unsent_bytes(time: Time) -> int:
    (connection,) = time.server.connections
    return connection._transport.get_write_buffer_size()


# -- answers ------------------------------------------------------------------------------------


def test_a_request_is_answered(loop: str):
    """A response leaves as the site gave it, with its length, a date and what browsers heed."""

    async def scene(client, site, _):
        site.answer = lambda request, reply: reply(
            Response(429, {"retry-after": "3"}, b"\x00\xff" + request.body)
        )
        client.send(post(b"body"))
        answer = await client.answer()
        assert answer.status == 429
        assert answer.body == b"\x00\xffbody"
        assert answer.headers.pop("date").endswith(" GMT")
        assert answer.headers == {
            "retry-after": "3",
            "content-length": "6",
            "x-content-type-options": "nosniff",
        }

    assert on(loop, scene) == []


def test_a_hundred_pipelined_requests_are_answered_in_order(loop: str):
    """Answers leave in the order of the requests, though the site gives them the other way."""

    async def scene(client, site, _):
        site.answer = later
        client.send(b"".join(get(f"/{i}") for i in range(100)))
        answered = 0
        while answered < 100:
            await until(lambda: len(site.replies) > answered)  # noqa: B023
            batch = range(answered, len(site.replies))
            for i in reversed(batch):
                site.replies[i](text(f"answer {i}"))
            answered = batch.stop
        bodies = [answer.body for answer in await client.answers(100)]
        assert bodies == [b"answer %d" % i for i in range(100)]
        assert [request.target for request in site.requests] == [f"/{i}" for i in range(100)]

    assert on(loop, scene) == []


def test_no_more_is_taken_up_than_may_wait(loop: str):
    """One read full of requests does not make the site busy with more than the bound."""

    async def scene(client, site, _):
        site.answer = later
        client.send(get() * 6_000)
        await until(lambda: len(site.requests) >= 5)
        client.send(get() * 6_000)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(site.requests) == 5
        site.replies[0](text(""))
        await until(lambda: len(site.requests) == 6)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(site.requests) == 6

    assert on(loop, scene, Bounds(pipelined_max=5, stop_s=0)) == []


def test_an_answer_counts_once(loop: str):
    """A second reply to a request is nothing, and takes nobody else's place."""

    async def scene(client, site, _):
        site.answer = later
        client.send(get("/1") + get("/2"))
        await until(lambda: len(site.replies) == 2)
        site.replies[1](text("two"))
        site.replies[1](text("two again"))
        site.replies[0](text("one"))
        site.replies[0](text("one again"))
        assert [answer.body for answer in await client.answers(2)] == [b"one", b"two"]

    assert on(loop, scene) == []


@pytest.mark.parametrize("header", [{"x": "1\r\ny: 2"}, {"x": "1\n"}, {"x\r\ny": "1"}, {"x": "\0"}])
def test_an_answer_cannot_be_split(loop: str, header: dict[str, str]):
    """What a client got into a header does not become a header, or an answer, of its own."""

    async def scene(client, site, _):
        site.answer = lambda request, reply: reply(Response(200, header, b"x"))
        client.send(get("/a") + get("/b"))
        for answer in await client.answers(2):
            assert answer.status == 500
            assert set(answer.headers) == {
                "x-content-type-options",
                "date",
                "content-type",
                "content-length",
            }

    assert on(loop, scene) == ["None"] * 2


def test_head_and_204_have_no_body(loop: str):
    """HEAD gets the length but not the body; 204 has neither; the next answer is in place."""

    async def scene(client, site, _):
        site.answer = lambda request, reply: reply(
            Response(204, {}, b"") if request.target == "/none" else text("12345")
        )
        client.send(get("/", method="HEAD") + get("/none") + get("/"))
        head = await client.answer(has_body=False)
        assert head.headers["content-length"] == "5"
        none = await client.answer()
        assert none.status == 204
        assert "content-length" not in none.headers
        assert (await client.answer()).body == b"12345"

    assert on(loop, scene) == []


def test_a_connection_is_kept_or_closed_as_asked(loop: str):
    """HTTP/1.1 is kept unless told, HTTP/1.0 closed unless told, and the answer says so."""

    async def scene(client, _site, time):
        client.send(get("/1"))
        assert "connection" not in (await client.answer()).headers
        client.send(b"GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await client.answer()).headers["connection"] == "keep-alive"
        client.send(get("/3", "Connection: close"))
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.to_end() == b""
        async with wire(time.server.port) as old:
            old.send(b"GET /4 HTTP/1.0\r\n\r\n")
            assert (await old.answer()).headers["connection"] == "close"
            assert await old.to_end() == b""

    assert on(loop, scene) == []


def test_expect_is_answered_when_its_turn_has_come(loop: str):
    """100 Continue goes out for a body that is waited for, never before an earlier answer."""
    waiting = get("/2", "Content-Length: 3", "Expect: 100-continue", method="POST")

    async def scene(client, site, _):
        site.answer = later
        client.send(get("/1") + waiting)
        await until(lambda: len(site.replies) == 1)
        site.replies[0](text("one"))
        assert (await client.answer()).body == b"one"
        assert (await client.answer()).status == 100
        client.send(b"abc")
        await until(lambda: len(site.replies) == 2)
        site.replies[1](text("two"))
        assert (await client.answer()).body == b"two"
        client.send(post(b"abc", "Expect: 100-continue"))
        await until(lambda: len(site.replies) == 3)
        site.replies[2](text("three"))
        assert (await client.answer()).body == b"three", "who has sent the body is told nothing"

    assert on(loop, scene) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_a_half_closed_client_gets_every_answer(loop: str, backwards: bool):
    """Who sends its last requests and closes its side still gets all the answers."""

    async def scene(client, site, _):
        site.answer = later
        client.send(get("/0") + get("/1") + get("/2") + b"GET /half")
        client.writer.write_eof()
        await until(lambda: len(site.replies) == 3)
        for _ in range(20):
            await asyncio.sleep(0)  # the end of the client's side arrives
        order = [2, 1, 0] if backwards else [0, 1, 2]
        for i in order:
            site.replies[i](text(f"{i}"))
            await asyncio.sleep(0)
        answers = await client.answers(3)
        assert [answer.body for answer in answers] == [b"0", b"1", b"2"]
        assert ["connection" in answer.headers for answer in answers] == [False, False, True]
        assert answers[2].headers["connection"] == "close"
        assert await client.to_end() == b""

    assert on(loop, scene) == []


def test_a_half_closed_client_gets_answers_beyond_the_bound(loop: str):
    """Requests that wait to be taken up when the client closes its side are answered too."""

    async def scene(client, site, _):
        site.answer = lambda request, reply: asyncio.get_running_loop().call_soon(
            reply, text(request.target)
        )
        client.send(b"".join(get(f"/{i}") for i in range(500)))
        client.writer.write_eof()
        bodies = [answer.body for answer in await client.answers(500)]
        assert bodies == [b"/%d" % i for i in range(500)]
        assert await client.to_end() == b""

    assert on(loop, scene, Bounds(pipelined_max=3)) == []


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_client_that_is_killed_takes_nothing_with_it(loop: str, is_reset: bool):
    """Answers to a client that has gone, and half a request of it, are nobody's any more."""

    async def scene(client, site, time):
        site.answer = later
        client.send(get("/1") + get("/2") + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Le")
        await until(lambda: len(site.replies) == 2)
        if is_reset:
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
        if is_reset:
            await until(lambda: not time.server.connections)
        for reply in site.replies:
            reply(text("too late"))
        await until(lambda: not time.server.connections)
        site.answer = lambda _, reply: reply(text("fine"))
        async with wire(time.server.port) as other:
            other.send(get())
            assert (await other.answer()).body == b"fine"

    assert on(loop, scene) == []


# -- sites that fail ----------------------------------------------------------------------------


@pytest.mark.parametrize("replies", [False, True])
def test_an_error_of_the_site_is_heard(loop: str, replies: bool):
    """The loop's handler gets the error, the client a 500 and the end, others go on."""

    async def scene(client, site, time):
        def fail(request: Request, reply: Reply) -> None:
            if replies:
                reply(text("before it failed"))
            raise RuntimeError("a bug in the site")

        site.answer = fail
        async with wire(time.server.port) as other:
            client.send(get("/1") + get("/2"))
            answer = await client.answer()
            assert answer.status == (200 if replies else 500)
            assert answer.headers["connection"] == "close"
            assert await client.to_end() == b""
            assert [request.target for request in site.requests] == ["/1"]
            site.answer = lambda _, reply: reply(text("fine"))
            other.send(get())
            assert (await other.answer()).body == b"fine"

    assert on(loop, scene) == ["a bug in the site"]


def test_earlier_answers_come_before_the_500(loop: str):
    """A request that fails does not take the answers of those before it."""

    async def scene(client, site, _):
        def fail_second(request: Request, reply: Reply) -> None:
            if request.target == "/2":
                raise RuntimeError("a bug in the site")

        site.answer = fail_second
        client.send(get("/1") + get("/2") + get("/3"))
        await until(lambda: len(site.requests) == 2)
        site.replies[0](text("one"))
        assert (await client.answer()).body == b"one"
        assert (await client.answer()).status == 500
        assert await client.to_end() == b""
        assert len(site.requests) == 2

    assert on(loop, scene) == ["a bug in the site"]


# -- refusals -----------------------------------------------------------------------------------


def test_a_refusal_comes_in_its_turn(loop: str):
    """Garbage after good requests is answered after them."""

    async def scene(client, site, _):
        site.answer = later
        client.send(get("/1") + get("/2") + b"\0garbage")
        await until(lambda: len(site.replies) == 2)
        site.replies[1](text("two"))
        site.replies[0](text("one"))
        assert [a.body for a in await client.answers(2)] == [b"one", b"two"]
        refusal = await client.answer()
        assert refusal.status == 400
        assert refusal.headers["connection"] == "close"
        assert refusal.headers["x-content-type-options"] == "nosniff"
        client.writer.write_eof()
        assert await client.to_end() == b""

    assert on(loop, scene) == []


def test_a_client_that_sends_ten_megabytes_can_read_why_not(loop: str):
    """A body that is too large is refused, read past and thrown away: no reset hides the 413."""

    async def scene(client, site, time):
        for _ in range(3):
            async with wire(time.server.port) as other:
                other.send(get("/", f"Content-Length: {10 << 20}", method="POST"))
                for _ in range(160):
                    other.send(bytes(64 << 10))
                    await other.writer.drain()
                answer = await other.answer()
                assert answer.status == 413
                assert b"1048576 bytes" in answer.body
                assert await other.to_end() == b""
        assert site.requests == []

    assert on(loop, scene) == []


def test_a_refused_client_may_not_send_for_ever(loop: str):
    """Reading past a refused request ends after so many bytes or seconds."""

    async def flood(client):
        for _ in range(1_000):
            client.send(bytes(64 << 10))
            await client.writer.drain()

    async def too_much(client, _site, _time):
        client.send(get("/", "Content-Length: 999999999999", method="POST"))
        assert (await client.answer()).status == 413
        with pytest.raises(ConnectionError):
            await flood(client)

    async def too_long(client, _site, time):
        client.send(get("/", "Content-Length: 999999999999", method="POST"))
        assert (await client.answer()).status == 413
        time.pass_s(4.9)
        (connection,) = time.server.connections
        assert not connection._transport.is_closing()
        time.pass_s(0.3)
        await until(lambda: not time.server.connections)

    assert on(loop, too_much, Bounds(linger_max_bytes=1 << 20)) == []
    assert on(loop, too_long, Bounds(linger_s=5.0)) == []


def test_a_site_may_refuse_in_its_own_words(loop: str):
    """What the port refuses reads as the site's API has it, or plainly where it says nothing."""

    class Words(Recorder):
        def refuse(self, request: Request, status: int, message: str) -> Response | None:
            if status != 413:
                return None
            return Response(413, {"x-for": request.target}, message.encode())

    async def scene(client, _site, time):
        client.send(get("/order", "Content-Length: 9999999", method="POST"))
        answer = await client.answer()
        assert answer.headers["x-for"] == "/order"
        assert answer.body.startswith(b"the body is too large")
        async with wire(time.server.port) as other:
            other.send(b"garbage\r\n\r\n")
            assert b"HTTP_400" in (await other.answer()).body

    assert on(loop, scene, site=Words()) == []


# -- memory -------------------------------------------------------------------------------------


def test_a_client_that_does_not_read_is_not_served_on(loop: str):
    """Answers that are not taken stop the reading: what waits to be sent stays small."""

    async def scene(client, site, time):
        site.answer = lambda _, reply: reply(text("x" * 10_000))
        client.writer.transport.pause_reading()
        client.send(get() * 20_000)
        served = -1
        while served < len(site.requests):  # until it stands still
            served = len(site.requests)
            await asyncio.sleep(0.05)
        assert unsent_bytes(time) < 1 << 20
        assert served < 5_000
        client.writer.transport.resume_reading()
        assert len(await client.answers(served + 100)) == served + 100, "reads on, served on"

    assert on(loop, scene, Bounds(stop_s=0)) == []


def test_answers_that_come_late_wait_too(loop: str):
    """Answers that the site gives later are held back, not piled up below."""

    async def scene(client, site, time):
        site.answer = later
        client.writer.transport.pause_reading()
        client.send(get() * 20)
        await until(lambda: len(site.replies) == 20)
        for reply in site.replies:
            reply(text("x" * (1 << 20)))
            await asyncio.sleep(0)
        assert unsent_bytes(time) < 8 << 20
        client.writer.transport.resume_reading()
        assert [len(a.body) for a in await client.answers(20)] == [1 << 20] * 20

    assert on(loop, scene) == []


def test_a_connection_that_hangs_takes_nothing_more_up_and_stays_open(loop: str):
    """Neither what had come with it nor what comes behind it; others are served."""

    async def scene(client, site, time):
        site.answer = lambda _request, reply: reply.hang()
        client.send(get() * 3)
        await until(lambda: site.requests)
        client.send(get() * 3)
        await asyncio.sleep(0.05)
        assert len(site.requests) == 1
        (connection,) = time.server.connections
        assert not connection._transport.is_closing()
        site.replies[0](text("too late"))
        await asyncio.sleep(0.01)
        assert not client.reader._buffer

    assert on(loop, scene) == []


# -- time ---------------------------------------------------------------------------------------


def test_a_slow_request_is_cut_off(loop: str):
    """A head or a body that dribbles gets a 408, however often a byte comes."""

    async def head(client, _site, time):
        client.send(b"GET / HTTP/1.1\r\n")
        connection = next(iter(time.server.connections))
        await until(lambda: connection._reader.in_head)
        deadline = connection._deadline
        for letter in b"X: slow":
            seen = connection._reader._unseen_bytes
            await asyncio.sleep(0.002)  # a tick of the loop's clock
            client.send(bytes([letter]))
            await until(lambda: connection._reader._unseen_bytes > seen)  # noqa: B023
        assert connection._deadline == deadline, "a byte buys no time"
        time.pass_s(9.4)
        assert connection._reader.in_head
        time.pass_s(0.2)
        assert (await client.answer()).status == 408

    async def body(client, _site, time):
        client.send(get("/", "Content-Length: 100", method="POST"))
        connection = next(iter(time.server.connections))
        await until(lambda: connection._reader.in_body)
        time.pass_s(9.0)
        client.send(b"a")
        time.pass_s(20.0)
        assert connection._reader.in_body
        time.pass_s(1.1)
        assert (await client.answer()).status == 408

    async def nothing(client, _site, time):
        time.pass_s(10.1)
        assert await client.to_end() == b"", "who says nothing is not answered"

    for scene in (head, body, nothing):
        assert on(loop, scene, Bounds(head_s=9.5, body_s=30.0)) == []


def test_every_request_has_its_own_time(loop: str):
    """A kept connection may live long: the time of a request begins with it."""

    async def scene(client, _site, time):
        connection = next(iter(time.server.connections))
        for i in range(3):
            begun = connection._reader.begun
            client.send(get(f"/{i}")[:-2])
            await until(lambda: connection._reader.begun > begun)  # noqa: B023
            client.send(b"\r\n")
            assert (await client.answer()).status == 200
        assert connection._deadline > time.now + 70, "idle time, after an answer"

    assert on(loop, scene) == []


def test_an_idle_connection_is_closed(loop: str):
    """Between requests a connection is kept for some time and then closed without a word."""

    async def scene(client, _site, time):
        client.send(get())
        await client.answer()
        time.pass_s(74)
        client.send(get())
        await client.answer()
        time.pass_s(76)
        assert await client.to_end() == b""

    assert on(loop, scene, Bounds(idle_s=75.0)) == []


def test_a_site_may_take_its_time(loop: str):
    """A client that waits for the site is not cut off, nor while more of it waits."""

    async def scene(client, site, time):
        site.answer = later
        client.send(get("/1") + get("/2") + get("/3"))
        await until(lambda: len(site.replies) == 2)
        time.pass_s(1_000)
        site.replies[0](text("one"))
        site.replies[1](text("two"))
        await until(lambda: len(site.replies) == 3)
        site.replies[2](text("three"))
        assert len(await client.answers(3)) == 3

    assert on(loop, scene, Bounds(pipelined_max=2)) == []


@pytest.mark.slow
def test_a_client_that_takes_nothing_is_dropped(loop: str):
    """Not reading for long ends a connection; reading slowly does not."""

    async def scene(client, site, time):
        site.answer = lambda _, reply: reply(text("x" * (32 << 20)))
        client.send(get())  # a stream reader stops by itself when nobody reads from it
        await until(lambda: site.requests)
        time.pass_s(29)
        await client.reader.readexactly(16 << 20)
        time.pass_s(29)
        (connection,) = time.server.connections
        assert not connection._transport.is_closing(), "it took some of it"
        time.pass_s(31)
        await until(lambda: not time.server.connections)

    assert on(loop, scene, Bounds(unread_s=30.0)) == []
