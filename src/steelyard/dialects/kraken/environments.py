"""What points an unmodified client library here: its own names for addresses, nothing else."""

from typing import Any

from steelyard.domain.errors import Unsupported

# Hosts of the venue, as prefixes of the path.
PUBLIC_STREAM, PRIVATE_STREAM, LEVEL3_STREAM = "/ws", "/wsauth", "/wsl3"


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {
        "ccxt": _ccxt,
        "freqtrade": _freqtrade,
        "krakenex": _krakenex,
        "python-kraken-sdk": _sdk,
        "nautilus-trader": _nautilus,
        "hummingbot": _hummingbot,
    }
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary.

    The addresses of streams have to hold `v2`: how ccxt pings depends on it.
    """
    public, private = f"{ws}{PUBLIC_STREAM}", f"{ws}{PRIVATE_STREAM}"
    return {
        "urls": {
            "api": {
                "public": rest,
                "private": rest,
                "ws": {
                    "public": public,
                    "private": private,
                    "publicV2": f"{public}/v2",
                    "privateV2": f"{private}/v2",
                },
            }
        }
    }


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "kraken", "ccxt_config": _ccxt(rest, ws)}}


def _krakenex(rest: str, _ws: str) -> dict[str, Any]:
    """Return attributes of its API."""
    return {"API": {"uri": rest, "apiversion": "0"}}


def _sdk(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its clients; for streams from 3.5 on."""
    return {
        **{name: {"url": rest} for name in ("Market", "User", "Trade", "Funding")},
        "SpotWSClient": {
            "rest_url": rest,
            "ws_url": f"{ws}{PUBLIC_STREAM}",
            "auth_ws_url": f"{ws}{PRIVATE_STREAM}",
        },
    }


def _nautilus(rest: str, ws: str) -> dict[str, Any]:
    """Return arguments of its configurations."""
    public, private = f"{ws}{PUBLIC_STREAM}/v2", f"{ws}{PRIVATE_STREAM}/v2"
    return {
        "KrakenDataClientConfig": {
            "base_url": rest,
            "ws_public_url": public,
            "ws_private_url": private,
            "ws_l3_url": f"{ws}{LEVEL3_STREAM}/v2",
        },
        "KrakenExecClientConfig": {"base_url": rest, "ws_url": private},
    }


def _hummingbot(rest: str, ws: str) -> dict[str, Any]:
    """Return constants of a module of its; it speaks WebSocket v1, which is not spoken here."""
    return {
        "hummingbot.connector.exchange.kraken.kraken_constants": {
            "BASE_URL": rest,
            "WS_URL": f"{ws}{PUBLIC_STREAM}",
            "WS_AUTH_URL": f"{ws}{PRIVATE_STREAM}",
        }
    }
