"""Two exchanges with one past that hear the same requests: one by the short ways of plain orders.

The gate of the second has no table of plain orders, so all of its requests go the long way.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from desk import SECOND_NS, Desk

from steelyard import dialects
from steelyard.domain.commands import Cancel, HouseLevel
from steelyard.domain.messages import FillsQuery, OrdersQuery, Scope
from steelyard.domain.order import Side
from steelyard.engine.choice import new_engine
from steelyard.exchange.admin import Admin
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.gate import Gate
from steelyard.exchange.issuing import CreateKey
from steelyard.exchange.records import codec
from steelyard.sim.stand import PlainSeal
from steelyard.vault.key_pairs import read_public_key
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from steelyard.wire.http import Request
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per

NAMES = ("native", "binance")
FEW = LimitProfile(
    (
        Limit("ip", Per.IP, Counts.WEIGHT, 9, 7 * SECOND_NS, Kind.SLIDING),
        Limit("orders", Per.ACCOUNT, Counts.ORDERS, 5, 5 * SECOND_NS, Kind.SLIDING),
    ),
    ban_after=4,
)
BASE = {
    "native": {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.1", "price": "500"},
    "binance": {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.1", "price": "500",
    },
}  # fmt: skip
CALLED = {"native": ("price", "size", "client_order_id"),
          "binance": ("price", "quantity", "newClientOrderId")}  # fmt: skip
ROUTE = {"native": "/api/v1/orders", "binance": "/api/v3/order"}
NUMBERS = (
    "500", "0.1", "499.99", "00500.10", "0.00001", "1000000", "1000000.01", "0.000001", "0", "-1",
    "", ".5", "5.", "1e2", "+5", " 5", "9" * 19, "0." + "0" * 30, "\u0665", None,
)  # fmt: skip
IDS = ("a", "b", "c", "A.:_-9", "sy-1", "x" * 36, "x" * 37, "", "\u00e4", "a b", 'a"b', None)
OTHERS = {
    "native": ({}, {"side": "sell"}, {"post_only": True}, {"time_in_force": "ioc"},
               {"type": "market"}, {"type": "stop_limit", "trigger_price": "600"},
               {"display_size": "0.01"}, {"symbol": "ETH-USDT"}, {"side": "hold"},
               {"post_only": "true"}, {"nothing": "1"}, {"slide": False}, {"price": 500}),
    "binance": ({}, {"side": "SELL"}, {"timeInForce": "IOC"}, {"type": "LIMIT_MAKER"},
                {"type": "MARKET"}, {"newOrderRespType": "ACK"}, {"newOrderRespType": "RESULT"},
                {"recvWindow": "60000"}, {"recvWindow": "60001"}, {"stopPrice": "600"},
                {"icebergQty": "0.01"}, {"symbol": "ETHUSDT"}, {"nothing": "1"},
                {"selfTradePreventionMode": "NONE"}),
}  # fmt: skip


class Pair:
    """One exchange that knows the short way and one that does not, with the same key."""

    def __init__(self, name: str, profile: LimitProfile) -> None:
        self.name = name
        self.profile = profile
        self.desks = Desk(engine=new_engine()), Desk(engine=new_engine())
        self._open()
        self.taken = self.sent = 0
        self.payloads: list[bytes] = []
        self.nonces = 0
        made = [
            desk.admin.carry_out(CreateKey("alice", name, (Scope.READ, Scope.TRADE)), desk.now_ns)
            for desk in self.desks
        ]
        assert made[0] == made[1]
        self.key = made[0]

    def _open(self) -> None:
        dialect, (first, second) = dialects.find(self.name), self.desks
        self.gates = (
            Gate(first.exchange, dialect, self.profile),
            Gate(second.exchange, dialect._replace(plain_orders=None), self.profile),
        )

    def administer(self, call) -> None:
        for desk in self.desks:
            desk.admin.carry_out(call, desk.now_ns)

    def record(self, command) -> None:
        for desk in self.desks:
            desk.exchange.record(command, desk.now_ns)

    def tick(self, seconds: int) -> None:
        for desk in self.desks:
            desk.tick(seconds)

    def send(self, request: Request) -> int:
        reader = self.gates[0]._plain_orders
        self.taken += reader.read(request, self.desks[0].now_ns) is not None
        self.sent += 1
        ours, theirs = (
            gate.http(request, "127.0.0.1", desk.now_ns)
            for gate, desk in zip(self.gates, self.desks, strict=True)
        )
        assert ours == theirs
        self.drain()
        return ours.status

    def drain(self) -> None:
        """Let both tell what they have to write and to send."""
        drained, expected = (desk.exchange.drain() for desk in self.desks)
        assert drained == expected
        self.payloads += drained.payloads

    def both(self, act: Callable[[Desk], Any]) -> Any:
        """Do the same on both, which comes to the same."""
        ours, theirs = map(act, self.desks)
        assert ours == theirs
        self.drain()
        return ours

    def look(self) -> None:
        """Ask both for what the key's account has."""
        for query in (
            OrdersQuery(self.desks[0].alice, limit=1_000, open_only=True),
            OrdersQuery(self.desks[0].alice, limit=3),
            FillsQuery(self.desks[0].alice, limit=1_000),
        ):
            self.both(lambda desk: desk.exchange.ask(query, desk.now_ns))  # noqa: B023

    def cancel(self, number: int) -> None:
        """Cancel one of the open orders of the key's account."""
        exchange, account_id = self.desks[0].exchange, self.desks[0].alice
        orders = exchange.history.orders(OrdersQuery(account_id, limit=1_000, open_only=True))
        if orders:
            cancel = Cancel(account_id, orders[number % len(orders)].order_id)
            self.both(lambda desk: desk.exchange.perform(cancel, desk.now_ns))

    def trade(self, size: str) -> None:
        """Let somebody else sell to what the key's account bids."""
        self.both(lambda desk: desk.place(desk.bob, Side.SELL, size, "499.99"))

    def house(self, number: int) -> None:
        """Let the house stand at a price, on either side, or go from there."""
        side, ticks = ((Side.SELL, 49_999), (Side.BUY, 49_997))[number % 2]
        self.record(HouseLevel(0, side, ticks, (15_000, 40_000, 0)[number % 3]))

    def listen(self) -> None:
        """Let somebody listen to everything that an order changes."""
        account_id = self.desks[0].alice
        channels = (
            Channel(ChannelKind.ORDERS, account_id=account_id),
            Channel(ChannelKind.BALANCES, account_id=account_id),
            Channel(ChannelKind.BOOK, 0),
            Channel(ChannelKind.FULL, 0),
        )
        for desk in self.desks:
            desk.exchange.feed.speak("test", lambda _, event, __: repr(event).encode())
            for channel in channels:
                desk.exchange.feed.subscribe(1, Subscription("test", channel, ""), desk.now_ns)

    def hush(self) -> None:
        """Let nobody listen any more."""
        for desk in self.desks:
            desk.exchange.feed.leave(1)

    def restart(self) -> None:
        """Let both go on from their snapshots."""
        self.hush()
        self.drain()
        for desk in self.desks:
            exchange = Exchange(new_engine(), None, PlainSeal(), read_public_key)
            exchange.restore(desk.exchange.snapshot())
            desk.exchange = exchange
            desk.admin = Admin(exchange, PlainSeal(), lambda size: b"\1" * size)
        self._open()

    def replayed(self) -> Exchange:
        """Return an exchange that has done what the journal says."""
        exchange, read = Exchange(new_engine(), None, PlainSeal(), read_public_key), codec()
        for sequence, payload in enumerate(self.payloads, 1):
            exchange.replay(read.decode(sequence, payload))
        return exchange

    def compare(self) -> None:
        self.drain()
        first, second = self.desks
        assert first.exchange.snapshot() == second.exchange.snapshot()
        for each in ("outcomes", "routes"):
            assert getattr(self.gates[0], each) == getattr(self.gates[1], each)
        assert first.exchange.counts == second.exchange.counts
        again = self.replayed()
        assert again.history.snapshot() == first.exchange.history.snapshot()
        assert again.engine.snapshot() == first.exchange.engine.snapshot()
        assert again.feed.sequences[0] == first.exchange.feed.sequences[0]

    def request(
        self, order: dict, *, late_s: float = 0, spoiled: bool = False, again: bool = False,
        spaced: bool = False, in_query: bool = False,
    ) -> Request:  # fmt: skip
        stamp = str(int(self.desks[0].now_ns / 1_000_000 - late_s * 1000))
        secret = self.key["secret"].encode()

        def sign(signed: bytes) -> str:
            proof = hmac.new(secret, signed, hashlib.sha256).hexdigest()
            return ("0" if proof[0] != "0" else "1") + proof[1:] if spoiled else proof

        if self.name == "native":
            self.nonces += not again
            nonce, target = f"n{self.nonces}", ROUTE["native"]
            body = json.dumps(order, separators=None if spaced else (",", ":")).encode()
            headers = {
                "steelyard-key": self.key["key"],
                "steelyard-timestamp": stamp,
                "steelyard-nonce": nonce,
                "steelyard-signature": sign(f"{stamp}{nonce}POST{target}".encode() + body),
            }
            return Request("POST", target, headers, body)
        form = urlencode({**order, "timestamp": stamp})
        form = f"{form}&signature={sign(form.encode())}"
        headers = {"x-mbx-apikey": self.key["key"]}
        if in_query:
            return Request("POST", f"{ROUTE['binance']}?{form}", headers, b"")
        return Request("POST", ROUTE["binance"], headers, form.encode())


def order_of(name: str, price, size, client_id, other: dict) -> dict:
    order = {**BASE[name], **other}
    for called, value in zip(CALLED[name], (price, size, client_id), strict=True):
        if value is None:
            order.pop(called, None)
        elif called not in other:
            order[called] = value
    return order
