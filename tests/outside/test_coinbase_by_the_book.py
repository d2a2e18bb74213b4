"""A program that was written by the venue's documentation alone, over real sockets.

It knows nothing of us: it signs, follows the full channel of a busy market by the documented
algorithm (queue, level-3 snapshot, one sequence number at a time), and trades meanwhile.
"""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import time
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

PRODUCT = "BTC-USDT"
MESSAGES = 400  # of the full channel that are followed
names = (f"book-{number}" for number in itertools.count())


class Program:
    """A client of the documented API."""

    def __init__(self, exchange) -> None:
        self.key = exchange.trader(next(names), {"USDT": "10000"}, dialect="coinbase-exchange")
        self.rest = urlsplit(exchange.url("coinbase-exchange"))
        self.feed = exchange.url("coinbase-exchange", "ws")

    def signed(self, method: str, path: str, body: str = "") -> dict[str, str]:
        timestamp = f"{time.time():.3f}"  # noqa: TID251 a foreign program has its own clock
        message = f"{timestamp}{method}{path}{body}".encode()
        secret = base64.b64decode(self.key["secret"])
        signature = base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest())
        return {
            "key": self.key["key"],
            "signature": signature.decode(),
            "timestamp": timestamp,
            "passphrase": self.key["passphrase"],
        }

    def call(self, method: str, path: str, body: dict | None = None):
        text = "" if body is None else json.dumps(body)
        signed = self.signed(method, path, text)
        headers = {
            "CB-ACCESS-KEY": signed["key"],
            "CB-ACCESS-SIGN": signed["signature"],
            "CB-ACCESS-TIMESTAMP": signed["timestamp"],
            "CB-ACCESS-PASSPHRASE": signed["passphrase"],
            "User-Agent": "by-the-book",
            "Content-Type": "application/json",
        }
        connection = http.client.HTTPConnection(self.rest.hostname, self.rest.port, timeout=20)
        connection.request(method, path, text, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        assert response.status == 200, answer
        return answer

    def subscribe(self, socket, *channels: str) -> None:
        login = self.signed("GET", "/users/self/verify")
        message = {"type": "subscribe", "product_ids": [PRODUCT], "channels": [*channels]}
        socket.send(json.dumps({**message, **login}))


class Book:
    """Orders by their ids, kept by the documented rules."""

    def __init__(self, snapshot) -> None:
        self.sequence = snapshot["sequence"]
        self.orders = {
            order_id: [side, Decimal(price), Decimal(size)]
            for side, rows in (("buy", snapshot["bids"]), ("sell", snapshot["asks"]))
            for price, size, order_id in rows
        }

    def take(self, message) -> None:
        if message["sequence"] <= self.sequence:
            return
        assert message["sequence"] == self.sequence + 1, "a gap"
        self.sequence += 1
        match message["type"]:
            case "open":
                price, size = Decimal(message["price"]), Decimal(message["remaining_size"])
                self.orders[message["order_id"]] = [message["side"], price, size]
            case "done":
                self.orders.pop(message["order_id"], None)
            case "match" if message["maker_order_id"] in self.orders:
                self.orders[message["maker_order_id"]][2] -= Decimal(message["size"])
            case "change" if message["order_id"] in self.orders:
                order = self.orders[message["order_id"]]
                order[2] = Decimal(message["new_size"])
                order[1] = Decimal(message.get("new_price", order[1]))

    def levels(self, side: str) -> dict[Decimal, Decimal]:
        found: dict[Decimal, Decimal] = {}
        for at, price, size in self.orders.values():
            if at == side and size:
                found[price] = found.get(price, Decimal(0)) + size
        return found


def test_a_busy_book_is_followed_order_by_order_without_a_gap(exchange):
    """And at the end it is the book that another level-3 snapshot shows."""
    program = Program(exchange)
    with connect(program.feed, open_timeout=20) as socket:
        program.subscribe(socket, "full")
        assert json.loads(socket.recv(20))["type"] == "subscriptions"
        book = Book(program.call("GET", f"/products/{PRODUCT}/book?level=3"))
        order = {"product_id": PRODUCT, "side": "buy", "price": "20000", "size": "0.01"}
        resting = program.call("POST", "/orders", order)["id"]
        seen = set()
        for _ in range(MESSAGES):
            message = json.loads(socket.recv(20))
            book.take(message)
            seen.add(message["type"])
            bids, asks = book.levels("buy"), book.levels("sell")
            assert not bids or not asks or max(bids) <= min(asks)
        assert {"open", "change", "done"} <= seen
        assert book.orders[resting][2] == Decimal("0.01")
        later = program.call("GET", f"/products/{PRODUCT}/book?level=3")
        while book.sequence < later["sequence"]:
            book.take(json.loads(socket.recv(20)))
        if book.sequence == later["sequence"]:
            snapshot = Book(later)
            for side in ("buy", "sell"):
                assert book.levels(side) == snapshot.levels(side)


def test_an_account_has_one_profile_and_all_that_is_its_own_names_it(exchange):
    program = Program(exchange)
    (profile,) = program.call("GET", "/profiles")
    assert (profile["is_default"], profile["active"]) == (True, True)
    assert program.call("GET", f"/profiles/{profile['id']}") == profile
    order = {"product_id": PRODUCT, "side": "buy", "price": "20000", "size": "0.01"}
    placed = program.call("POST", "/orders", {**order, "profile_id": profile["id"]})
    assert placed["profile_id"] == profile["id"]
    assert {a["profile_id"] for a in program.call("GET", "/accounts")} == {profile["id"]}
    listed = program.call("GET", f"/orders?profile_id={profile['id']}")
    assert [each["id"] for each in listed] == [placed["id"]]


def test_own_orders_are_heard_from_received_to_done(exchange):
    program = Program(exchange)
    with connect(program.feed, open_timeout=20) as socket:
        program.subscribe(socket, "user")
        assert json.loads(socket.recv(20))["type"] == "subscriptions"
        order = {"product_id": PRODUCT, "side": "buy", "type": "market", "size": "0.01"}
        placed = program.call("POST", "/orders", order)
        assert placed["status"] == "pending"
        heard = [json.loads(socket.recv(20))]
        while heard[-1]["type"] != "done":
            heard.append(json.loads(socket.recv(20)))
        assert [m["type"] for m in heard[:2]] == ["received", "match"]
        done = program.call("GET", f"/orders/{placed['id']}")
        matched = sum(Decimal(m["size"]) for m in heard if m["type"] == "match")
        assert matched == Decimal(done["filled_size"])
        fills = program.call("GET", f"/fills?order_id={placed['id']}")
        assert {f["trade_id"] for f in fills} == {
            m["trade_id"] for m in heard if m["type"] == "match"
        }
