"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any

from steelyard.domain.errors import Unsupported

STREAMS = "/ws/v5"


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "python-okx": _python_okx,
        "nautilus": _nautilus,
        "hummingbot": _hummingbot,
        "cryptofeed": _cryptofeed,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `okx`; there is nothing but spot."""
    return {
        "urls": {"api": {"rest": rest, "ws": ws + STREAMS}},
        "options": {"fetchMarkets": {"types": ["spot"]}},
    }


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "okx", "ccxt_config": _ccxt(rest, ws)}}


def _python_okx(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its classes; its WebSockets speak TLS alone (`--tls`)."""
    classes = ("AccountAPI", "FundingAPI", "MarketAPI", "PublicAPI", "StatusAPI", "TradeAPI")
    return {
        **{name: {"domain": rest, "flag": "1"} for name in classes},
        "WsPublicAsync": {"url": f"{ws}{STREAMS}/public"},
        "WsPrivateAsync": {"url": f"{ws}{STREAMS}/private"},
        "WsBusinessAsync": {"url": f"{ws}{STREAMS}/business"},
    }


def _nautilus(rest: str, ws: str) -> dict[str, Any]:
    """Return fields of its configurations; it loads spot alone."""
    urls = {"base_url_http": rest, "base_url_ws": f"{ws}{STREAMS}/public"}
    private = {"base_url_http": rest, "base_url_ws": f"{ws}{STREAMS}/private"}
    return {"OKXDataClientConfig": urls, "OKXExecClientConfig": private}


def _hummingbot(rest: str, ws: str) -> dict[str, Any]:
    """Return what to put in the place of functions that have no setting."""
    return {
        "hummingbot.connector.exchange.okx.okx_constants": {
            "get_okx_base_url": rest,
            "get_ws_url": f"{ws}{STREAMS}",
        }
    }


def _cryptofeed(rest: str, ws: str) -> dict[str, Any]:
    """Return the address of each of the endpoints that its class lists."""
    return {
        "cryptofeed.exchanges.OKX": {
            "websocket_endpoints": [{"address": f"{ws}{STREAMS}/public"}],
            "rest_endpoints": [{"address": rest}],
        }
    }
