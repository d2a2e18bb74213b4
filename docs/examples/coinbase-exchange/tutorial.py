"""Read balances and buy at the market, signed as beginners' tutorials sign for Coinbase.

Besides requests it needs two files in the current folder:

    steelyard env coinbase-exchange --client tutorial --json > venue.json
    steelyard key create NAME --dialect coinbase-exchange --signing tutorial --json > key.json

The real api.exchange.coinbase.com takes no such signatures; order_ccxt.py signs as it wants them.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

API_URL = json.loads(Path("venue.json").read_text())["API_URL"]
KEY = json.loads(Path("key.json").read_text())


def call(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Sign and send a request; return its answer."""
    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = "" if body is None else json.dumps(body)
    message = timestamp + method + path + text
    signature = hmac.new(KEY["secret"].encode(), message.encode(), hashlib.sha256).hexdigest()
    headers = {
        "CB-ACCESS-KEY": KEY["key"],
        "CB-ACCESS-SIGN": signature,
        "CB-ACCESS-TIMESTAMP": timestamp,
        "Content-Type": "application/json",
    }
    response = requests.request(method, API_URL + path, headers=headers, data=text, timeout=10)
    response.raise_for_status()
    return response.json()


for account in call("GET", "/accounts"):
    if account["currency"] == "USDT":
        print("USDT", account["available"])
print("price", call("GET", "/ticker?product_id=BTC-USDT")["price"])
order = {"product_id": "BTC-USDT", "side": "buy", "order_type": "market", "size": "0.1"}
done = call("POST", "/orders", order)
print(done["status"], done["size"], done["executed_value"])
