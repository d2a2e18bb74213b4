"""A bot that has run, has an order open at our exchange, and is gone without a word."""

import itertools
import json

from native_client import Client

from steelyard.store.datadir import Directory
from steelyard.testing import LocalExchange

names = (f"ghost-{number}" for number in itertools.count())

CONFIG = """\
[bot]
name = "{name}"
environment = "sandbox"

[venue.main]
dialect = "native"
rest = "{rest}"
ws = "{ws}"
key = "pipe:3"

[strategy]
class = "steelyard.strategies:DipBuyer"
symbol = "BTC-USDT"
params = {{ }}

[risk]
max_order_notional = "10000"
max_position = "1"
max_open_orders = 5
price_collar = "2%"
"""


def leave_ghost(exchange: LocalExchange) -> str:
    """Make it, with an account of its own, and return its name; its key came by a pipe."""
    name = next(names)
    key = exchange.trader(name, {"USDT": "10000"}, dialect="native")
    directory = exchange.data / "bots" / name
    Directory(directory).close()
    file = exchange.data / f"{name}.toml"
    urls = {"rest": exchange.url("native"), "ws": exchange.url("native", "ws")}
    file.write_text(CONFIG.format(name=name, **urls))
    about = {"symbol": "BTC-USDT", "strategy": "DipBuyer", "key": key["key"], "config": str(file)}
    (directory / "bot.json").write_text(json.dumps(about))
    ports = {"pid": 2**22 - 3, "port": 1, "token": "t", **about}
    (directory / "ports.json").write_text(json.dumps(ports))
    client = Client(exchange.url("native"), key)
    client.place("buy", "0.01", "20000")
    client.close()
    return name
