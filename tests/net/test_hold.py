"""A port whose site has enough to do: nothing new is taken up, nothing that came is lost."""

import asyncio
import tracemalloc
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from steelyard.net.server import Bounds
from steelyard.store.commit import GroupCommit
from steelyard.store.journal import Journal
from tests.net.port import (
    LOOPS,
    TEXT,
    Recorder,
    frame,
    get,
    later,
    post,
    run,
    serving,
    text,
    until,
    wire,
)
from tests.store.faulty import SlowDisk

pytestmark = pytest.mark.parametrize("loop", LOOPS)


async def stands_still(count) -> int:
    """Return a count that has stopped growing."""
    seen = -1
    while seen < count():
        seen = count()
        await asyncio.sleep(0.05)
    return seen


def test_a_held_port_takes_up_nothing(loop: str):
    """Requests of old and of new connections wait; answers to what was asked before go out."""

    async def main() -> None:
        site = Recorder()
        site.answer = later
        async with serving(site) as server, wire(server.port) as old:
            old.send(get("/1"))
            await until(lambda: site.replies)
            server.hold(is_held=True)
            async with wire(server.port) as new:
                old.send(get("/2"))
                new.send(get("/3") * 3)
                await until(lambda: len(server.connections) == 2)
                site.replies[0](text("one"))
                assert (await old.answer()).body == b"one"
                await asyncio.sleep(0.05)
                assert [request.target for request in site.requests] == ["/1"]
                site.answer = lambda request, reply: reply(text(request.target))
                server.hold(is_held=False)
                assert (await old.answer()).body == b"/2"
                assert [answer.body for answer in await new.answers(3)] == [b"/3"] * 3

    assert run(main(), loop) == []


def test_what_was_read_already_waits_too(loop: str):
    """A site may hold the port while it is asked: the next request is not taken up any more."""

    async def main() -> None:
        site = Recorder()

        def answer(request, reply):
            server.hold(is_held=True)
            reply(text(request.target))

        site.answer = answer
        async with serving(site) as server, wire(server.port) as client:
            client.send(b"".join(get(f"/{n}") for n in range(200)))
            for n in range(200):
                assert (await client.answer()).body == f"/{n}".encode()
                await asyncio.sleep(0)
                assert len(site.requests) == n + 1
                server.hold(is_held=False)

    assert run(main(), loop) == []


def test_messages_of_a_websocket_wait_too(loop: str):
    """Also those that came with the others in one piece; none is lost, none comes twice."""

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server, wire(server.port) as client:
            await client.websocket()
            sent = [f"{n} " + "x" * 200 for n in range(2_000)]
            server.hold(is_held=True)
            client.send(b"".join(frame(TEXT, message.encode()) for message in sent))
            await asyncio.sleep(0.05)
            assert site.messages == []
            site.sockets[0].on_message = lambda message: (
                site.messages.append(message),
                server.hold(is_held=True),
            )
            while len(site.messages) < len(sent):
                before = len(site.messages)
                server.hold(is_held=False)
                await until(lambda before=before: len(site.messages) > before)
                # What one slice holds is heard to its end.
                assert len(site.messages) - before <= 100
            assert site.messages == sent

    assert run(main(), loop) == []


def test_who_is_held_is_not_taken_for_slow_or_silent(loop: str):
    """Time at a held port counts against no client."""

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server, wire(server.port) as client, wire(server.port) as ws:
            await ws.websocket()
            whole = post(b"body", target="/order")
            client.send(whole[:30])
            await until(lambda: any(c._reader.in_head for c in server.connections))
            server.hold(is_held=True)
            client.send(whole[30:])
            ws.send(frame(TEXT, b"here"))
            server.sweep(asyncio.get_running_loop().time() + 1_000)
            server.hold(is_held=False)
            server.sweep(asyncio.get_running_loop().time() + 1)
            assert (await client.answer()).body == b"/order"
            await until(lambda: site.messages == ["here"])

    assert run(main(), loop) == []


def test_a_held_server_stops_in_time(loop: str):
    """Closing says goodbye to WebSockets and waits no longer than it says."""

    async def main() -> None:
        site = Recorder()
        async with serving(site, Bounds(stop_s=5)) as server, wire(server.port) as ws:
            await ws.websocket()
            server.hold(is_held=True)
            closing = asyncio.create_task(server.close())
            opcode, payload = await ws.frame()
            assert (opcode, payload[:2]) == (8, (1001).to_bytes(2))
            ws.send(frame(8, payload[:2]))
            await ws.close()
            await asyncio.wait_for(closing, 2)

    assert run(main(), loop) == []


@pytest.mark.slow
def test_a_slow_disk_stops_the_reading(loop: str, tmp_path: Path):
    """As the roof joins them: memory stays bounded while the disk waits, and nothing is lost.

    Forty clients send a thousand requests each at a disk that does not answer. What is taken up is
    little more than what may wait; when the disk answers again, every request is answered, in
    order, each after its record is on disk.
    """
    clients, each, waiting_max = 40, 1_000, 200

    async def main() -> None:
        disk = SlowDisk()
        journal = Journal(tmp_path / "j", file_type=disk.open)
        failures, told = [], []

        def press(is_held: bool) -> None:
            told.append(is_held)
            server.hold(is_held=is_held)

        commit = GroupCommit(
            journal, on_failure=failures.append, on_pressure=press, waiting_max=waiting_max
        )
        site = Recorder()
        site.answer = lambda request, reply: commit.release(
            journal.append(request.body), lambda: reply(text(request.body.decode()))
        )
        async with serving(site) as server, AsyncExitStack() as stack:
            wires = [await stack.enter_async_context(wire(server.port)) for _ in range(clients)]
            disk.is_slow = True
            tracemalloc.start()
            for number, client in enumerate(wires):
                client.send(b"".join(post(b"%d-%d" % (number, n)) for n in range(each)))
            taken = await stands_still(lambda: len(site.requests))
            assert waiting_max < taken < waiting_max + Bounds().pipelined_max
            assert told == [True]
            assert commit.waiting == taken
            # Four million bytes are on their way.
            assert tracemalloc.get_traced_memory()[0] < 16 << 20
            tracemalloc.stop()
            disk.is_slow = False
            disk.let.set()
            for number, client in enumerate(wires):
                for n in range(each):
                    assert (await client.answer()).body == b"%d-%d" % (number, n)
            assert len(told) > 10, "pressed again and again"
            assert told[-1] is False
            await commit.stop()
        assert failures == []
        bodies = [payload for _, payload in journal.records(0)]
        assert len(bodies) == len(set(bodies)) == clients * each
        journal.close()

    assert run(main(), loop) == []
