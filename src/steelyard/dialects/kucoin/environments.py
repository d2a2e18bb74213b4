"""What points an unmodified client library here: its own names for addresses, nothing else.

Nobody needs the address of the WebSocket: the venue hands it out.
"""

from typing import Any

from steelyard.domain.errors import Unsupported

BASES = (
    *("public", "private", "futuresPublic", "futuresPrivate", "broker", "earn"),
    *("uta", "utaV2", "utaPrivate"),
)


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:  # noqa: ARG001
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "kucoin-universal-sdk": _universal,
        "python-kucoin": _python_kucoin,
        "hummingbot": _hummingbot,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest)


def _ccxt(rest: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `kucoin`."""
    return {
        "urls": {"api": dict.fromkeys(BASES, rest)},
        "options": {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
    }


def _freqtrade(rest: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "kucoin", "ccxt_config": _ccxt(rest)}}


def _universal(rest: str) -> dict[str, Any]:
    """Return arguments of its option builder's methods; over plain HTTP.

    Raises:
        Unsupported: The address is of TLS: it cannot be told which authority to trust.
    """
    if rest.startswith("https:"):
        raise Unsupported(
            "kucoin-universal-sdk heeds no local authority: leave --tls out, for the plain ports"
        )
    return {
        "ClientOptionBuilder": {
            "set_spot_endpoint": rest,
            "set_futures_endpoint": rest,
            "set_broker_endpoint": rest,
        }
    }


def _python_kucoin(rest: str) -> dict[str, Any]:
    """Return attributes of a client of it, to be set once it is made.

    Its WebSocket wants TLS: give it an exchange that was started with --tls.
    """
    return {"Client": {"API_URL": rest, "FUTURES_API_URL": rest}}


def _hummingbot(rest: str) -> dict[str, Any]:
    """Return constants of a module of its: it has no setting for them."""
    return {
        "hummingbot.connector.exchange.kucoin.kucoin_constants": {
            "BASE_PATH_URL": {"main": rest, "hft": rest}
        }
    }
