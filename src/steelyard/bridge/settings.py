"""What a configuration may want of the library's constructor: no keys, and no way off this machine.

Checked by the bot before a child is started, and by the child again.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from steelyard.domain.errors import ConfigError
from steelyard.domain.hosts import is_loopback

SCHEMES = frozenset({"http", "https", "ws", "wss"})
DEPTH_MAX = 8
FORBIDDEN = frozenset(
    {"apiKey", "secret", "password", "uid", "login", "privateKey", "walletAddress", "token"}
    | {"twofa", "accountId", "session", "headers", "verbose", "number"}
)
PROXIES = frozenset(
    {"proxy", "proxyUrl", "proxy_url", "httpProxy", "http_proxy", "httpsProxy", "https_proxy"}
    | {"socksProxy", "socks_proxy", "aiohttp_proxy", "aiohttp_trust_env", "wsProxy", "ws_proxy"}
    | {"wssProxy", "wss_proxy", "wsSocksProxy", "ws_socks_proxy"}
)
_HOW = (
    "only a live environment may reach a venue. Give [venue.main] rest and ws, or settings with "
    "urls, as `steelyard env DIALECT --client ccxt` prints them"
)


def check_settings(settings: Mapping[str, Any], *, loopback_only: bool) -> None:
    """Check what a configuration wants of the constructor.

    Raises:
        ConfigError: A key stands there, or what is not a user's to set; or an address or a proxy
            that leaves this machine where nothing may.
    """
    for name in settings:
        if name in FORBIDDEN:
            raise ConfigError(
                f"[venue.main] settings has {name!r}, which does not belong there; keys are "
                "named by [venue.main] key, as env:NAME or pipe:N"
            )
        if loopback_only and name in PROXIES:
            raise ConfigError(
                f"[venue.main] settings has the proxy {name!r}; only a live environment may "
                "leave this machine"
            )
    if not isinstance(settings.get("options", {}), Mapping):
        raise ConfigError("[venue.main] settings: options should be a table")
    if not loopback_only:
        return
    for name, address in _addresses(settings.get("urls"), "urls", DEPTH_MAX):
        if not _stays(address):
            raise ConfigError(f"settings {name} is {address!r}, not this machine; {_HOW}")


def check_use(addresses: Any) -> None:
    """Check that one of the addresses in use, the library's `urls["api"]`, is of this machine.

    The library keeps its own beside those that were given; no connection is made to them.

    Raises:
        ConfigError: None is.
    """
    if not any(_stays(address) for _, address in _addresses(addresses, "", DEPTH_MAX)):
        raise ConfigError(f"the exchange has no address of this machine; {_HOW}")


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
