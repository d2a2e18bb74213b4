"""ccxt as a judge of bytes: recorded messages, and clients that read them without a socket."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt.pro

SYMBOLS = (
    *("BTCUSDT", "ETHUSDT", "ETHBTC", "BNBBTC", "LTCBTC"),
    *("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"),
)
SPOT_LINE = "ws://127.0.0.1/stream/ws/0"  # ccxt tells spot from swap by its /stream
# Words, of which the same one is expected; any other text is a text.
WORDS = {"status", "side", "type", "takerOrMaker", "timeInForce", "postOnly", "reduceOnly"}
STREAMS, SNAPSHOTS, LISTINGS = "BINANCE.ws.1.0.gz", "BINANCE.http.0.0.gz", "BINANCE.0.gz"


def payload(shared_data: Path, name: str) -> Any:
    """Return a recorded message of the spot API."""
    return json.loads((shared_data / "payloads" / "binance" / f"spot__{name}.json").read_bytes())


def captured(shared_data: Path, name: str) -> Iterator[tuple[str | None, Any]]:
    """Yield (address, body) of the REST answers of a capture, or (None, frame) of its frames."""
    with gzip.open(shared_data / "captures" / name, "rt") as lines:
        for line in lines:
            address, mark, rest = line.rstrip("\n").partition(" -> ")
            if mark and rest:
                yield address, json.loads(rest.partition(": ")[2])
            elif line[:1].isdigit():
                yield None, json.loads(line.partition(": ")[2])


def exchange_info(shared_data: Path) -> Any:
    """Return what the venue listed in 2021."""
    return next(body for url, body in captured(shared_data, LISTINGS) if "exchangeInfo" in url)


def client_of(infos: list[Any]) -> Any:
    """Return a client that knows some markets."""
    # The options are what it would ask the venue for before it reads markets.
    client = ccxt.pro.binance(
        {"options": {"crossMarginPairsData": [], "isolatedMarginPairsData": []}}
    )
    client.set_markets([client.parse_market(info) for info in infos])
    return client


class _Line:
    """Stands for a socket of ccxt.pro: keeps what a message resolves, by name."""

    def __init__(self) -> None:
        self.url, self.subscriptions, self.futures = SPOT_LINE, {"spot": True}, {}
        self.told: dict[str, Any] = {}

    def resolve(self, found: Any, name: str) -> None:
        self.told[name] = found

    def reject(self, error: Exception, name: str | None = None) -> None:
        raise error


def heard(client: Any, message: Any) -> dict[str, Any]:
    """Return what ccxt.pro makes of a message, by the name it is waited for.

    It has heard nothing before, and the book that an update is about is empty. A market's name
    is MARKET.
    """
    client.balance, client.orders, client.myTrades = {"spot": {}}, None, None
    for kept in (client.trades, client.ohlcvs, client.tickers, client.bidsasks, client.orderbooks):
        kept.clear()
    event = message.get("data", message.get("event"))
    market = client.safe_market(event.get("s"), None, None, "spot")["symbol"]
    if event.get("e") == "depthUpdate":
        before = {"bids": [], "asks": [], "nonce": event["U"] - 1}
        client.orderbooks[market] = client.order_book(before)
    line = _Line()
    client.handle_message(line, message)
    told = {name.replace(str(market), "MARKET"): found for name, found in line.told.items()}
    return json.loads(json.dumps(told))  # lists and dictionaries, not ccxt's own kinds of them


def without(found: Any, *names: str) -> Any:
    """Return a unified document without some fields, wherever they are."""
    if isinstance(found, dict):
        return {key: without(value, *names) for key, value in found.items() if key not in names}
    return [without(one, *names) for one in found] if isinstance(found, list) else found


def shape(found: Any, name: str = "") -> Any:
    """Return a unified document's form: its fields, None where they are, types, and words."""
    if isinstance(found, dict):
        fields = {key: value for key, value in found.items() if key != "info"}
        # An asset's name is no field: balances have one for each.
        return {"ASSET" if key.isupper() else key: shape(v, key) for key, v in fields.items()}
    if isinstance(found, list):
        return [shape(found[0])] if found else []
    if found is None or isinstance(found, bool) or name in WORDS:
        return found
    return "text" if isinstance(found, str) else "number"
