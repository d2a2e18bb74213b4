"""Limits over real sockets: bursts, bans and their end, WebSockets, and who does not feel them.

A burst is one write of pipelined requests, so that all of them arrive within the same moment.
"""

import json
import socket
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from exchange_here import ExchangeHere
from native_client import Client, Refused
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

PUBLIC = {"native": "/api/v1/time", "binance": "/api/v3/time"}
STRICT = """\
[native]
ban_after = 3
ban = "1s"
revoke_after = 2
revoke_within = "1h"
[[native.limits]]
name = "public"
per = "ip"
counts = "requests"
limit = 20
window = "1h"
kind = "sliding"
routes = ["/api/v1/time"]
[[native.limits]]
name = "orders"
per = "account"
counts = "orders"
limit = 2
window = "1h"
kind = "sliding"
[native.websocket]
connections = 2
connects = 6
connects_window = "1h"
subscriptions = 1
messages_per_second = 3
[binance]
limits = []
websocket = {connections = 1, subscriptions = 1}
"""


def burst(url: str, path: str, count: int, ip: str = "127.0.0.1"):
    """Send requests in one write; return (status, headers by lower-case name, body) of each."""
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    with socket.create_connection(address, timeout=20, source_address=(ip, 0)) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        connection.sendall(request.encode() * count)
        with connection.makefile("rb") as stream:
            return [_response(stream) for _ in range(count)]


def _response(stream):
    status = int(stream.readline().split()[1])
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, json.loads(stream.read(int(headers["content-length"])))


def statuses(*arguments, **options):
    return [status for status, _, _ in burst(*arguments, **options)]


def until(is_so):
    """Ask again and again, not so often as to be banned for it."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


@contextmanager
def running(path, *options):
    with ExchangeHere(path / "data", *options) as exchange:
        yield exchange


@pytest.fixture
def strict(tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text(STRICT)
    with running(tmp_path, "--limits", str(file)) as exchange:
        yield exchange


def test_a_burst_of_fifty_passes_and_a_hundred_in_a_minute(tmp_path):
    """A22, A25, in both dialects and by address."""
    with running(tmp_path, "--limits", "tutorial") as exchange:
        for dialect, path in PUBLIC.items():
            url = exchange.url(dialect)
            told = burst(url, path, 60)
            assert [status for status, _, _ in told] == [200] * 50 + [429] * 10
            assert told[9][1]["x-ratelimit-remaining"] == "40"
            assert told[-1][1]["retry-after"] == "1"
            assert statuses(url, path, 10, ip="127.0.0.2") == [200] * 10
            until(lambda: statuses(url, path, 1) == [200])  # noqa: B023 called at once
            assert statuses(url, path, 60) == [200] * 49 + [429] * 11
            (late,) = burst(url, path, 1)
            assert (late[0], late[1]["x-ratelimit-name"]) == (429, "requests_1m")
            assert 30 <= int(late[1]["retry-after"]) <= 60


def test_of_twenty_in_a_second_exactly_ten_pass(tmp_path):
    """A23: requests 11 to 20 get 429, wherever in a second the burst falls."""
    with running(tmp_path, "--limits", "tutorial-coinbase") as exchange:
        for dialect, path in PUBLIC.items():
            for last in range(2, 5):
                told = statuses(exchange.url(dialect), path, 20, ip=f"127.0.0.{last}")
                assert told == [200] * 10 + [429] * 10


def test_a_ban_ends_and_the_neighbor_feels_nothing(strict):
    """A26: 429, 418 with the time that is left, and then it is over."""
    url, path = strict.url("native"), "/api/v1/time"
    told = burst(url, path, 25)
    assert [status for status, _, _ in told] == [200] * 20 + [429] * 3 + [418] * 2
    assert told[-1][1]["retry-after"] == "1"
    assert told[-1][2]["error"]["code"] == "IP_BANNED"
    assert statuses(url, path, 5, ip="127.0.0.2") == [200] * 5
    assert statuses(url, "/api/v1/instruments", 1) == [418]  # all of it, not this route alone
    until(lambda: statuses(url, "/api/v1/instruments", 1) == [200])
    assert statuses(url, path, 1) == [429]  # the ban is over, the limit's hour is not


def test_what_is_enforced_is_told(strict):
    """A27, by the native API and by the venue's own exchangeInfo."""
    ((_, _, told),) = burst(strict.url("native"), "/api/v1/limits", 1)
    assert [limit["name"] for limit in told["rate_limits"]] == ["public", "orders"]
    assert told["rate_limits"][0]["routes"] == ["/api/v1/time"]
    assert (told["ban_after"], told["ban_ms"], told["revoke_after"]) == (3, 1_000, 2)
    assert (told["connections_max"], told["connects_max"], told["subscriptions_max"]) == (2, 6, 1)
    assert (told["connects_window_ms"], told["messages_per_second_max"]) == (3_600_000, 3)
    ((_, _, told),) = burst(strict.url("binance"), "/api/v3/exchangeInfo", 1)
    assert told["rateLimits"] == []
    assert (told["fairUse"]["wsConnections"], told["fairUse"]["wsStreams"]) == (1, 1)


def test_orders_have_a_limit_of_their_own_and_a_key_may_lose_its_access(strict):
    """A24, A26: reads go on when orders do not; who goes on and on is revoked, sockets too."""
    key = strict.trader("eager", {"USDT": "100000"}, dialect="native")
    client = Client(strict.url("native"), key)
    for _ in range(2):
        client.place("buy", "0.01", "20000")
    with pytest.raises(Refused) as refused:
        client.place("buy", "0.01", "20000")
    assert (refused.value.status, refused.value.error["code"]) == (429, "ORDER_LIMIT")
    assert int({k.lower(): v for k, v in refused.value.headers.items()}["retry-after"]) > 3_000
    assert client.ask("GET", "/api/v1/account")

    signed = client.headers("GET", "/ws/v1", b"")
    login = {name.lower().removeprefix("steelyard-"): value for name, value in signed.items()}
    login |= {"op": "login", "timestamp": int(login["timestamp"])}
    with connect(f"{strict.url('native', 'ws')}/ws/v1", open_timeout=20) as private:
        private.send(json.dumps(login))
        assert json.loads(private.recv(timeout=20))["ok"]
        told = []

        def is_revoked() -> bool:
            with pytest.raises(Refused) as refused:
                client.place("buy", "0.01", "20000")
            told.append(refused.value.error["code"])
            return told[-1] == "UNKNOWN_KEY"

        until(is_revoked)
        assert told[:3] == ["ORDER_LIMIT"] * 2 + ["IP_BANNED"]
        with pytest.raises(ConnectionClosed, match=r"1008.*the key has been revoked"):
            private.recv(timeout=20)
    (shown,) = [k for k in strict.steelyard("key", "list")["keys"] if k["key"] == key["key"]]
    assert shown["revoked_for"].startswith("going on over its limits until it was banned, 2 times")
    client.close()


def test_websockets_are_bounded_each_with_its_reason(strict):
    """Connections and attempts before the upgrade, streams by a refusal, messages by 1008."""
    url = f"{strict.url('native', 'ws')}/ws/v1"
    with connect(url, open_timeout=20) as one, connect(url, open_timeout=20) as other:
        response = turned_away(url)
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        assert "2 WebSockets are open from this address" in response.body.decode()

        for symbol, is_ok in (("BTC-USDT", True), ("ETH-USDT", False)):
            channels = [{"channel": "trades", "symbol": symbol}]
            one.send(json.dumps({"op": "subscribe", "channels": channels}))
            while "ok" not in (answer := json.loads(one.recv(timeout=20))):
                pass
            assert answer["ok"] is is_ok
        assert "at most 1 channels" in answer["error"]["message"]

        with pytest.raises(ConnectionClosed, match=r"1008.*over 3 messages in one second"):
            for _ in range(100):
                other.send('{"op":"ping"}')
            for _ in range(101):
                other.recv(timeout=20)
    said = ""

    def is_too_fast() -> bool:
        nonlocal said
        try:
            with connect(url, open_timeout=20):
                return False
        except InvalidStatus as error:
            said = error.response.body.decode()
        return "new WebSockets" in said

    until(is_too_fast)
    assert "over the limit of 6 new WebSockets in any 3600 s from one address" in said


def turned_away(url: str):
    """Return the answer to a WebSocket that is not let in."""
    with pytest.raises(InvalidStatus) as refused, connect(url, open_timeout=20):
        pass
    return refused.value.response
