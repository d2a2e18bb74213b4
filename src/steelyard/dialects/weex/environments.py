"""What points an unmodified client library here, and where the streams are.

Spot and contracts have hosts of their own at the venue and one port here. Well-known clients tell a
contract's stream by the word `contract` in its address, so that stream is below a folder of that
name.
"""

from typing import Any

from steelyard.domain.errors import Unsupported

PUBLIC_STREAM, PRIVATE_STREAM = "/v3/ws/public", "/v3/ws/private"
CONTRACT = "/contract"  # before those of contracts


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return the settings with which a client library trades at these addresses.

    Raises:
        Unsupported: We do not know that library.
    """
    found = {"ccxt": _ccxt, "freqtrade": _freqtrade}
    if client not in found:
        raise Unsupported(f"no settings for {client!r}; there are {', '.join(found)}")
    return found[client](rest, ws)


def _ccxt(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of the constructor's dictionary of `weex`."""
    bases = ("public", "private", "contract", "contractPrivate")
    streams = {"spot": f"{ws}/v3/ws", "contract": f"{ws}{CONTRACT}/v3/ws"}
    return {"urls": {"api": {**dict.fromkeys(bases, rest), "ws": streams}}}


def _freqtrade(rest: str, ws: str) -> dict[str, Any]:
    """Return a part of its configuration, which it hands to ccxt as it is."""
    return {"exchange": {"name": "weex", "ccxt_config": _ccxt(rest, ws)}}
