"""Trade by unmodified python-binance: buy at the market, rest an order, cancel it.

Besides python-binance it needs two files in the current folder:

    steelyard env binance --client python-binance --json > venue.json
    steelyard key create NAME --dialect binance --scopes read,trade --json > key.json
"""

import json
from pathlib import Path

import binance

settings, key = (json.loads(Path(name).read_text()) for name in ("venue.json", "key.json"))
for name, attributes in settings.items():  # before anything is made of its classes
    for attribute, value in attributes.items():
        setattr(getattr(binance, name), attribute, value)

client = binance.Client(key["key"], key["secret"])
print(client.get_symbol_ticker(symbol="BTCUSDT")["price"])
bought = client.order_market_buy(symbol="BTCUSDT", quantity=0.01)
print(bought["status"], bought["fills"][0]["price"])

resting = client.order_limit_buy(symbol="BTCUSDT", quantity=0.01, price="20000.00")
print([order["orderId"] for order in client.get_open_orders()] == [resting["orderId"]])
print(client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])["status"])
print(client.get_asset_balance(asset="BTC"))
