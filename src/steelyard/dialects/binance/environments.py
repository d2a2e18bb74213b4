"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any

from steelyard.domain.errors import Unsupported


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "python-binance": _python_binance,
        "binance-sdk-spot": _sdk,
        "binance-connector": _connector,
        "nautilus-trader": _nautilus,
        "hummingbot": _hummingbot,
        "cryptofeed": _cryptofeed,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary."""
    return {
        "urls": {
            "api": {
                "public": f"{rest}/api/v3",
                "private": f"{rest}/api/v3",
                "sapi": f"{rest}/sapi/v1",
                # The stream address has to hold /stream: ccxt tells spot from swap by it.
                "ws": {
                    "spot": f"{ws}/stream/ws",
                    "ws-api": {"spot": f"{ws}/ws-api/v3"},
                },
            }
        },
        "options": {"fetchMarkets": {"types": ["spot"]}},
    }


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "binance", "ccxt_config": _ccxt(rest, ws)}}


def _python_binance(rest: str, ws: str) -> dict[str, Any]:
    """Return attributes of its classes, to be set before anything is made of them.

    The sockets of a ThreadedWebsocketManager make a client of their own.
    """
    attributes = {
        "API_URL": f"{rest}/api",
        "MARGIN_API_URL": f"{rest}/sapi",
        "WS_API_URL": f"{ws}/ws-api/v3",
    }
    return {
        "Client": attributes,
        "AsyncClient": attributes,
        "BinanceSocketManager": {"STREAM_URL": f"{ws}/"},
    }


def _sdk(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its configurations."""
    return {
        "ConfigurationRestAPI": {"base_path": rest},
        "ConfigurationWebSocketAPI": {"stream_url": f"{ws}/ws-api/v3"},
        "ConfigurationWebSocketStreams": {"stream_url": ws},
    }


def _connector(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its clients."""
    return {
        "Spot": {"base_url": rest},
        "SpotWebsocketStreamClient": {"stream_url": ws},
        "SpotWebsocketAPIClient": {"stream_url": f"{ws}/ws-api/v3"},
    }


def _nautilus(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its configurations; the trading one wants the WebSocket API."""
    return {
        "BinanceDataClientConfig": {"base_url_http": rest, "base_url_ws": ws},
        "BinanceExecClientConfig": {"base_url_http": rest, "base_url_ws": f"{ws}/ws-api/v3"},
    }


def _hummingbot(rest: str, ws: str) -> dict[str, Any]:
    """Return constants of a module of its: it has no setting for them."""
    return {
        "hummingbot.connector.exchange.binance.binance_constants": {
            "REST_URL": f"{rest}/api/",
            "WSS_URL": f"{ws}/ws",
            "WSS_API_URL": f"{ws}/ws-api/v3",
        }
    }


def _cryptofeed(rest: str, ws: str) -> dict[str, Any]:
    """Return the address of each of the endpoints that its class lists."""
    return {
        "cryptofeed.exchanges.Binance": {
            "websocket_endpoints": [{"address": ws}],
            "rest_endpoints": [{"address": rest}],
        }
    }
