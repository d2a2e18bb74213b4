import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.net.server import Bounds, Server, serve
from steelyard.wire.http import Response
from tests.net.port import (
    CLOSE,
    HOST,
    TEXT,
    Recorder,
    closing,
    frame,
    get,
    later,
    run,
    serving,
    text,
    until,
    wire,
)


def refused(host: str, port: int) -> str:
    """Return what `serve` says when it cannot."""
    said = []

    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            await serve(Recorder(), host, port)
        said.append(str(caught.value))

    assert run(main()) == []
    return said[0]


def test_a_free_port_is_found():
    """Port 0 takes one that is free and says which."""

    async def main() -> None:
        async with serving(Recorder()) as one, serving(Recorder()) as two:
            assert 0 < one.port != two.port > 0

    assert run(main()) == []


def test_a_port_that_is_taken_is_said_with_its_holder():
    """The message names the port, who has it and what to do."""
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        said = refused(HOST, port)
    assert f"port {port}" in said
    assert "--port-base" in said
    assert "in use" in said
    if Path("/proc/net/tcp").exists():
        assert f"by process {os.getpid()}," in said


def test_a_port_that_is_lost_between_bind_and_listen_is_said_too(monkeypatch):
    """Two may bind and only one listens: the other is told as plainly as if it could not bind."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, 0))
        port = other.getsockname()[1]

        class Listens(socket.socket):
            """Binds, and then somebody else listens first."""

            def bind(self, address):
                super().bind(address)
                other.listen()

        monkeypatch.setattr(socket, "socket", Listens)
        said = refused(HOST, port)
    assert f"port {port}" in said
    assert os.strerror(errno.EADDRINUSE) in said


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_cannot_be_is_said(port: int):
    """A number that is no port is a mistake of the caller, not a traceback."""
    assert f"no port {port}" in refused(HOST, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "::ffff:192.0.2.1"])
def test_a_host_that_is_not_ours_is_said(host: str):
    """An address of another machine cannot be listened on."""
    assert f"on {host} cannot be used" in refused(host, 0)


def test_three_hundred_clients_are_served_at_once():
    """Each of 300 connections gets its own answers, and all of them go when they close."""

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server:

            async def client(number: int) -> None:
                async with wire(server.port) as one:
                    for turn in range(3):
                        one.send(get(f"/{number}/{turn}"))
                        assert (await one.answer()).body == b"/%d/%d" % (number, turn)
                    if number == 0:
                        assert len(server.connections) > 1

            await asyncio.gather(*(client(number) for number in range(300)))
            assert len(site.requests) == 900
            await until(lambda: not server.connections)

    assert run(main()) == []


def test_one_connection_too_many_is_closed_at_once():
    """Beyond the bound a client is turned away; it is served when another one has gone."""

    async def main() -> None:
        async with serving(Recorder(), Bounds(connections_max=2)) as server:
            async with wire(server.port) as one, wire(server.port) as two:
                for client in (one, two):
                    client.send(get())
                    assert (await client.answer()).status == 200
                async with wire(server.port) as three:
                    three.send(get())
                    assert await three.turned_away()
                assert len(server.connections) == 2
            await until(lambda: not server.connections)
            async with wire(server.port) as four:
                four.send(get())
                assert (await four.answer()).status == 200

    assert run(main()) == []


def test_closing_lets_answers_finish():
    """Every request that the site was asked gets its answer; the last one says that it is over."""

    async def main() -> None:
        site = Recorder()
        site.answer = later
        async with serving(site) as server, wire(server.port) as client, wire(server.port) as idle:
            client.send(get("/1") + get("/2") + get("/3") + b"GET /half")
            await until(lambda: len(site.replies) == 3)
            closing_it = asyncio.create_task(server.close())
            assert await idle.to_end() == b"", "who waits for nothing is closed at once"
            for i in (2, 0, 1):
                site.replies[i](text(f"{i}"))
            answers = await client.answers(3)
            assert [answer.body for answer in answers] == [b"0", b"1", b"2"]
            assert answers[2].headers["connection"] == "close"
            client.writer.write_eof()
            assert await client.to_end() == b""
            await closing_it
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, server.port)

    assert run(main()) == []


def test_closing_says_goodbye_to_websockets():
    """A WebSocket is closed with 1001, and a client that answers is not cut off."""

    async def main() -> None:
        site = Recorder()
        async with serving(site) as server, wire(server.port) as client:
            await client.websocket()
            client.send(frame(TEXT, b"a"))
            await until(lambda: site.messages)
            closing_it = asyncio.create_task(server.close())
            opcode, data = await client.frame()
            assert (opcode, data[:2]) == (CLOSE, closing(1001))
            client.send(frame(CLOSE, closing(1001)))
            assert await client.to_end() == b""
            await client.close()
            await closing_it
            assert site.closed == 1

    assert run(main()) == []


def test_closing_is_bounded():
    """Who neither answers nor closes is cut off when the time is up."""

    async def main() -> None:
        site = Recorder()
        site.answer = later
        server = await serve(site, HOST, 0, Bounds(stop_s=0.05))
        async with wire(server.port) as client, wire(server.port) as socket_client:
            await socket_client.websocket()
            client.send(get())
            await until(lambda: site.replies)
            await server.close()
            await until(lambda: not server.connections)
            await server.close()  # a second time is nothing

    assert run(main()) == []


def test_a_server_that_never_started_closes_its_port():
    """Closing gives the port back, started or not."""

    async def main() -> None:
        listening = socket.create_server((HOST, 0))
        server = Server(Recorder(), listening)
        await server.close()
        assert listening.fileno() == -1

    assert run(main()) == []


def test_time_passes_by_itself():
    """The sweeper runs by itself, and looks at every connection."""

    async def main() -> None:
        bounds = Bounds(sweep_s=0.01, head_s=0.02)
        async with serving(Recorder(), bounds) as server, wire(server.port) as client:
            assert await client.to_end() == b"", "cut off without anybody asking"

    assert run(main()) == []


def test_a_long_pipeline_gives_way_to_others():
    """Who asks once is answered before all of another's hundreds are."""
    asked = []

    class Noting(Recorder):
        def http(self, request, ip, reply):
            asked.append(request.path)
            reply(Response(200, {}, b""))

    async def main() -> None:
        server = await serve(Noting(), "127.0.0.1", 0)
        (_, many), (_, one) = [
            await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)
        ]
        many.write(b"GET /many HTTP/1.1\r\nhost: x\r\n\r\n" * 300)
        one.write(b"GET /one HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: len(asked) >= 301)
        many.close()
        one.close()
        await server.close()

    assert run(main()) == []
    assert asked.index("/one") < 100
