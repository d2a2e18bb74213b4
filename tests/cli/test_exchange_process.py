"""A whole exchange over real sockets: what hostile and clumsy clients get, and that it stays up."""

import hashlib
import hmac
import http.client
import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest
from native_client import CLOCK

from steelyard.testing import LocalExchange

pytestmark = pytest.mark.slow

ORDER = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "0.01", "price": "20000",
}  # fmt: skip


class Binance:
    """Raw requests to the binance dialect."""

    def __init__(self, exchange: LocalExchange) -> None:
        self.exchange = exchange
        self.key = exchange.trader("hostile", {"USDT": "100000"}, dialect="binance")

    def post(self, fields, *, age_ms=0, secret=None, body=None, path="/api/v3/order"):
        if body is None:
            stamp = CLOCK.now_ns() // 1_000_000 - age_ms
            text = urlencode({**fields, "timestamp": stamp})
            secret = secret or self.key["secret"]
            sign = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
            body = f"{text}&signature={sign}".encode()
        url = urlsplit(self.exchange.url("binance"))
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
        headers = {
            "X-MBX-APIKEY": self.key["key"],
            "content-type": "application/x-www-form-urlencoded",
        }
        try:
            connection.request("POST", path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with LocalExchange(tmp_path_factory.mktemp("hostile") / "data", "--limits", "off") as running:
        yield Binance(running)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"symbol": "DOGEUSDT"}, -1121, "Invalid symbol"),
        ({"symbol": ""}, -1102, "empty"),
        ({"price": "20000.001"}, -1013, "PRICE_FILTER"),
        ({"price": "20000.00000000001"}, -1111, "precision"),
        ({"quantity": "-0.01"}, -1100, None),
        ({"quantity": "1e30"}, -1100, None),
        ({"quantity": "0"}, -1013, None),
        ({"quantity": "99999"}, -1013, "LOT_SIZE"),
        ({"quantity": "0.0001", "price": "100"}, -1013, "NOTIONAL"),
        ({"quantity": "ten"}, -1100, None),
        ({"side": "HOLD"}, -1117, None),
        ({"type": "STOP_LOSS"}, None, None),
        ({"timeInForce": "GTD"}, -1115, None),
        ({"quantity": "5000"}, -2010, "insufficient balance"),
        ({"price": None}, -1102, "price"),
        ({"newClientOrderId": "ü"}, -1100, None),
    ],
    ids=str,
)
def test_a_bad_order_gets_the_venues_code_and_a_sentence(venue, changes, code, words):
    fields = {k: v for k, v in {**ORDER, **changes}.items() if v is not None}
    status, answer = venue.post(fields)
    assert status == 400
    assert answer["code"] < 0
    assert len(answer["msg"]) > 10
    if code is not None:
        assert answer["code"] == code, answer
    if words is not None:
        assert words in answer["msg"], answer


def test_signature_and_clock_are_told_apart(venue):
    assert venue.post(ORDER, secret="wrong")[1]["code"] == -1022
    assert venue.post(ORDER, age_ms=6_000)[1]["code"] == -1021
    assert venue.post(ORDER, age_ms=-2_000)[1]["code"] == -1021


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"signature=x", b"{", b"a=%zz&signature=1", b"=" * 10_000]
)
def test_bodies_that_are_no_parameters_are_refused(venue, body):
    status, answer = venue.post({}, body=body)
    assert 400 <= status < 500
    assert answer["code"] < 0


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(venue):
    status, answer = venue.post({}, body=b"x" * 10_000_000)
    assert status == 413
    assert json.dumps(answer)


def test_after_all_of_that_it_still_trades_and_its_books_balance(venue):
    url = urlsplit(venue.exchange.url("binance"))
    for garbage in (b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01"):
        with socket.create_connection((url.hostname, url.port), timeout=5) as client:
            client.sendall(garbage)
            client.settimeout(5)
            client.recv(4096)
    status, answer = venue.post(ORDER)
    assert (status, answer["status"]) == (200, "NEW")
    totals = venue.exchange.steelyard("status")["exchange"]["totals"]
    assert set(totals.values()) <= {"0"}
