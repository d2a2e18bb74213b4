"""Trade by unmodified ccxt: buy at the market, rest an order, cancel it, read the balance.

Besides ccxt it needs two files in the current folder:

    steelyard env binance --client ccxt --json > venue.json
    steelyard key create NAME --dialect binance --scopes read,trade --json > key.json
"""

import json
from pathlib import Path

import ccxt

settings, key = (json.loads(Path(name).read_text()) for name in ("venue.json", "key.json"))
client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})

print(client.fetch_ticker("BTC/USDT")["last"])
bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
print(bought["status"], bought["average"], bought["fee"])

resting = client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
print([order["id"] for order in client.fetch_open_orders("BTC/USDT")] == [resting["id"]])
print(client.cancel_order(resting["id"], "BTC/USDT")["status"])
print(client.fetch_balance()["total"])
