"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any

from steelyard.domain.errors import Unsupported

FEED = "/"  # the feed's path


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "cryptofeed": _cryptofeed,
        "cbpro": _cbpro,
        "coinbasepro": _coinbasepro,
        "tutorial": _tutorial,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `coinbaseexchange`."""
    return {"urls": {"api": {"public": rest, "private": rest, "ws": ws}}}


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "coinbaseexchange", "ccxt_config": _ccxt(rest, ws)}}


def _cryptofeed(rest: str, ws: str) -> dict[str, Any]:
    """Return the address of each of the endpoints that its class lists."""
    return {
        "cryptofeed.exchanges.Coinbase": {
            "websocket_endpoints": [{"address": ws}],
            "rest_endpoints": [{"address": rest}],
        }
    }


def _cbpro(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its classes. Its OrderBook takes none: they are its attributes."""
    return {
        "PublicClient": {"api_url": rest},
        "AuthenticatedClient": {"api_url": rest},
        "WebsocketClient": {"url": ws},
        "OrderBook": {"url": ws, "_client": {"url": rest}},
    }


def _coinbasepro(rest: str, _ws: str) -> dict[str, Any]:
    """Return arguments of its classes."""
    return {name: {"api_url": rest} for name in ("PublicClient", "AuthenticatedClient")}


def _tutorial(rest: str, _ws: str) -> dict[str, Any]:
    """Return the one constant of the beginner's program."""
    return {"API_URL": rest}
