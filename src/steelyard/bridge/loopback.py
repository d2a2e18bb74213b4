"""Nothing leaves this machine where it must not: connections are checked where they are made.

An exchange's addresses stand in its settings, which are checked too (`settings.py`); but some are
told by the venue itself, a WebSocket's or a redirect's. So each connection is checked by the host
that it is made to, whoever asked for it.
"""

from typing import Any

import aiohttp

from steelyard.domain.hosts import is_loopback


class NotLoopback(aiohttp.ClientConnectionError):
    """A connection was asked for that leaves this machine; nothing was looked up or sent."""


class LoopbackConnector(aiohttp.TCPConnector):
    """Connects to this machine only."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 aiohttp's
        """Connect, if the host is this machine; a proxy is another one."""
        if req.proxy is not None or not is_loopback(req.url.host or ""):
            raise NotLoopback(
                f"{req.url.host} is not this machine: only a live environment may reach a venue"
            )
        return await super().connect(req, traces, timeout)
