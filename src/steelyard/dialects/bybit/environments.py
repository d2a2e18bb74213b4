"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any

from steelyard.domain.errors import Unsupported

PUBLIC = "/v5/public/"
SPOT_STREAM = f"{PUBLIC}spot"
PRIVATE_STREAM = "/v5/private"
TRADE_STREAM = "/v5/trade"
CATEGORIES = ("spot", "linear", "inverse", "option")
STATUS = "misc/status"  # a stream of its own, beside those of categories
PUBLIC_STREAMS = {f"{PUBLIC}{name}": name for name in (*CATEGORIES, STATUS)}


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "pybit": _pybit,
        "hummingbot": _hummingbot,
        "cryptofeed": _cryptofeed,
        "nautilus": _nautilus,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `bybit`."""
    private = f"{ws}{PRIVATE_STREAM}"
    return {
        "urls": {
            "api": {
                **dict.fromkeys(("public", "private", "spot", "futures", "v2"), rest),
                "ws": {
                    "public": {name: f"{ws}{PUBLIC}{name}" for name in CATEGORIES},
                    "private": {
                        "spot": {"unified": private, "nonUnified": private},
                        "contract": private,
                        "usdc": private,
                        "trade": f"{ws}{TRADE_STREAM}",
                    },
                },
            }
        },
        "options": {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"},
    }


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    settings = _ccxt(rest, ws)
    return {"exchange": {"name": "bybit", "ccxt_config": settings, "ccxt_async_config": settings}}


def _pybit(rest: str, ws: str) -> dict[str, Any]:
    """Return attributes: of a session once it is made, and of modules before one is.

    Raises:
        Unsupported: The address is of TLS: it cannot be told which authority to trust.
    """
    if rest.startswith("https:"):
        raise Unsupported("pybit heeds no local authority: leave --tls out, for the plain ports")
    return {
        "HTTP": {"endpoint": rest},
        "pybit.unified_trading": {
            "PUBLIC_WSS": f"{ws}{PUBLIC}{{CHANNEL_TYPE}}",
            "PRIVATE_WSS": f"{ws}{PRIVATE_STREAM}",
        },
        "pybit._websocket_trading": {"TRADE_WSS": f"{ws}{TRADE_STREAM}"},
    }


def _hummingbot(rest: str, ws: str) -> dict[str, Any]:
    """Return constants of its connector, by the domain that is chosen."""
    return {
        "hummingbot.connector.exchange.bybit.bybit_constants": {
            "REST_URLS": {"bybit_main": rest},
            "WSS_PUBLIC_URL": {"bybit_main": f"{ws}{SPOT_STREAM}"},
            "WSS_PRIVATE_URL": {"bybit_main": f"{ws}{PRIVATE_STREAM}"},
        }
    }


def _cryptofeed(rest: str, ws: str) -> dict[str, Any]:
    """Return the address of each of the endpoints that its class lists."""
    return {
        "cryptofeed.exchanges.Bybit": {
            "websocket_endpoints": [{"address": f"{ws}{SPOT_STREAM}"}],
            "rest_endpoints": [{"address": rest}],
        }
    }


def _nautilus(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its configuration for execution; that for data has no way to say it."""
    return {
        "BybitExecClientConfig": {
            "base_url_http": rest,
            "base_url_ws_private": f"{ws}{PRIVATE_STREAM}",
            "base_url_ws_trade": f"{ws}{TRADE_STREAM}",
        }
    }
