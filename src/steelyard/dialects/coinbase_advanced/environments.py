"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any
from urllib.parse import urlsplit

from steelyard.domain.errors import Unsupported


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "coinbase-advanced-py": _sdk,
        "nautilus": _nautilus,
        "hummingbot": _hummingbot,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `coinbase`."""
    return {"urls": {"api": {"rest": rest, "ws": ws}}}


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "coinbase", "ccxt_config": _ccxt(rest, ws)}}


def _sdk(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its classes; REST is `https://` always, so it wants `--tls`."""
    return {
        "RESTClient": {"base_url": urlsplit(rest).netloc},
        "WSClient": {"base_url": ws},
        "WSUserClient": {"base_url": ws},
    }


def _nautilus(rest: str, ws: str) -> dict[str, Any]:
    """Return fields of its adapter's configurations."""
    return {
        "CoinbaseDataClientConfig": {"base_url_rest": rest, "base_url_ws": ws},
        "CoinbaseExecClientConfig": {"base_url_rest": rest, "base_url_ws": ws},
    }


def _hummingbot(rest: str, ws: str) -> dict[str, Any]:
    """Return the constants of its connector, which it has no setting for."""
    base = f"{rest}/api/v3/brokerage"
    return {
        "coinbase_advanced_trade_constants": {
            "REST_URL": base,
            "SIGNIN_URL": f"{rest}/v2",
            "WSS_URL": ws,
            "USER_WSS_URL": ws,
        }
    }
