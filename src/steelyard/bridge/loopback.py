"""Nothing leaves this machine where it must not: addresses are checked, and then connections.

An exchange's addresses stand in its settings, but some are told by the venue itself (a WebSocket's,
a redirect). So each connection is checked by the host that it is made to, whoever asked for it.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from steelyard.domain.errors import ConfigError

SCHEMES = frozenset({"http", "https", "ws", "wss"})
DEPTH_MAX = 8


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


def is_loopback(host: str) -> bool:
    """Whether a host's name is this machine, without looking it up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_addresses(given: Any, used: Any) -> None:
    """Check addresses: all of those that were given, and that one of those in use is given.

    Both are nested tables, such as `urls` of the settings and the library's `urls["api"]`. The
    library keeps its own addresses beside ours; no connection is made to those.

    Raises:
        ConfigError: One that was given is not of this machine, or none in use is.
    """
    how = (
        "only a live environment may reach a venue. Give [venue.main] rest and ws, or settings "
        "with urls, as `steelyard env DIALECT --client ccxt` prints them"
    )
    for name, address in _addresses(given, "", DEPTH_MAX):
        if not _stays(address):
            raise ConfigError(f"settings urls.{name} is {address!r}, not this machine; {how}")
    if not any(_stays(address) for _, address in _addresses(used, "", DEPTH_MAX)):
        raise ConfigError(f"the exchange has no address of this machine; {how}")


def _stays(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in SCHEMES and is_loopback(parts.hostname or "")


def _addresses(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping) and depth:
        for key, each in value.items():
            yield from _addresses(each, f"{name}.{key}" if name else str(key), depth - 1)
