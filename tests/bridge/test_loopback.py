"""Nothing leaves this machine: not by an address, a redirect or a proxy."""

import aiohttp
import pytest
from aiohttp import web

from steelyard.bridge.loopback import (
    LoopbackConnector,
    NotLoopback,
)


async def _ask(url: str, **options) -> None:
    async with (
        aiohttp.ClientSession(connector=LoopbackConnector()) as session,
        session.get(url, **options) as answer,
    ):
        await answer.read()


@pytest.fixture
def serving():
    """Run a coroutine function beside a server that redirects elsewhere."""
    import asyncio

    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://192.0.2.1:9/")

    async def run(act) -> None:
        application = web.Application()
        application.router.add_get("/away", away)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            await act(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return lambda act: asyncio.run(run(act))


def test_a_connection_that_leaves_is_not_made(serving):
    """Told by the venue, by a redirect or through a proxy: it is where connections begin."""

    async def act(base: str) -> None:
        for url, options in (
            ("http://192.0.2.1:9/", {}),
            (f"{base}/away", {}),
            (base, {"proxy": "http://127.0.0.1:1"}),
            ("ws://192.0.2.1:9/", {}),
        ):
            with pytest.raises(NotLoopback, match="is not this machine"):
                await _ask(url, **options)

    serving(act)


def test_a_connection_that_stays_is_made(serving):
    async def act(base: str) -> None:
        await _ask(f"{base}/nothing")

    serving(act)
