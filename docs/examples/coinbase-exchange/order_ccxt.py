"""Trade by unmodified ccxt: buy at the market, rest an order, cancel it, read the balance.

Besides ccxt it needs two files in the current folder:

    steelyard env coinbase-exchange --client ccxt --json > venue.json
    steelyard key create NAME --dialect coinbase-exchange --scopes read,trade --json > key.json
"""

import json
from pathlib import Path

import ccxt

settings, key = (json.loads(Path(name).read_text()) for name in ("venue.json", "key.json"))
client = ccxt.coinbaseexchange(
    {**settings, "apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
)

print(client.fetch_ticker("BTC/USDT")["last"])
taken_up = client.create_order("BTC/USDT", "market", "buy", 0.01)
print(taken_up["status"], client.fetch_order(taken_up["id"])["status"])

resting = client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
print([order["id"] for order in client.fetch_open_orders("BTC/USDT")] == [resting["id"]])
client.cancel_order(resting["id"], "BTC/USDT")
print(client.fetch_order(resting["id"])["status"])
print(client.fetch_balance()["total"])
