"""A whole exchange over real sockets: what hostile and clumsy clients get, and that it stays up."""

import asyncio
import gzip
import hashlib
import hmac
import http.client
import json
import shutil
import socket
from urllib.parse import urlencode, urlsplit

import pytest
from native_client import CLOCK
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State
from websockets.sync.client import connect

from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.exchange_process import ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.cli.market_source import script_source, tape_source
from steelyard.cli.opening import OpenExchange
from steelyard.domain.errors import ConfigError
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


def test_a_target_that_is_too_long_is_refused_in_the_venues_shape(venue):
    host, port = urlsplit(venue.exchange.url("binance")).netloc.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", f"/api/v3/time?x={'a' * 20_000}")
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert (response.status, answer["code"]) == (414, -1130)
    assert "it may have 16384 bytes. Send long parameters in the body" in answer["msg"]


def raw(port, head):
    """Return the answer to a request as it is: its status line, its headers and its body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(head)
        response = http.client.HTTPResponse(client)
        response.begin()
        return response.status, response.headers, json.loads(response.read())


@pytest.mark.parametrize(
    ("dialect", "words"),
    [("native", {"code": "METHOD_NOT_ALLOWED"}), ("binance", {"code": -1020})],
)
def test_a_tunnel_is_refused_as_a_method_that_is_not_taken(venue, dialect, words):
    """405 with Allow (RFC 9110, 15.5.6), in the venue's shape: nothing of ours has failed."""
    port = urlsplit(venue.exchange.url(dialect)).port
    status, headers, answer = raw(port, b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status == 405
    assert set(headers["allow"].split(", ")) >= {"GET", "POST", "DELETE"}
    error = answer.get("error", answer)
    assert error["code"] == words["code"]
    assert "no proxy" in json.dumps(error)


@pytest.mark.parametrize(
    ("dialect", "path", "code"),
    [
        ("native", "/ws/v1", "UPGRADE_REQUIRED"),
        ("binance", "/ws", -1020),
        ("binance", "/ws/btcusdt@trade", -1020),
        ("binance", "/stream?streams=btcusdt@trade", -1020),
        ("binance", "/ws-api/v3", -1020),
    ],
)
def test_a_websockets_path_says_that_it_is_one(venue, dialect, path, code):
    """426 with what to upgrade to (RFC 9110, 15.5.22)."""
    port = urlsplit(venue.exchange.url(dialect)).port
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    status, headers, answer = raw(port, head)
    assert (status, headers["upgrade"], headers["connection"]) == (426, "websocket", "Upgrade")
    error = answer.get("error", answer)
    assert error["code"] == code
    assert "is a WebSocket" in json.dumps(error)


@pytest.mark.parametrize("path", ["/no/such/stream", "/ws-api/v4", "/"])
def test_a_websocket_that_there_is_not_is_refused_in_the_venues_shape(venue, path):
    url = venue.exchange.url("binance", "ws") + path
    with pytest.raises(InvalidStatus) as error, connect(url, proxy=None):
        pass
    response = error.value.response
    answer = json.loads(response.body)
    assert (response.status_code, answer["code"]) == (404, -1020)
    assert "there is no stream at /" in answer["msg"]


def play(tmp_path, monkeypatch, *after_the_warm_minute: bytes, at_end: str = "hold"):
    """Play a recording of a minute and some lines as fast as it goes, until the process stops."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    frame = (
        b'%d {"stream":"btcusdt@depth","data":{"E":%d,"U":%d,"u":%d,"b":[["61000","1"]],"a":[]}}'
    )
    start_ms = 1_723_161_600_000
    times_ms = [(n, start_ms + 1_000 * n) for n in range(70)]
    recorded = [frame % (ms * 1_000_000, ms, n, n) for n, ms in times_ms]
    file = tmp_path / "recorded.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join([*recorded, *after_the_warm_minute, b""])))
    source = tape_source(f"{file}@1000", at_end)
    config = ExchangeConfig(tmp_path / "data", 0, source, profile_chooser("off"))

    async def main() -> BaseException | None:
        process = ExchangeProcess(config)
        await process.start()
        await asyncio.wait_for(process.stopped.wait(), 30)
        await process.stop()
        return process.failure

    return asyncio.run(main())


def test_a_recording_that_breaks_off_stops_the_exchange_and_says_why(tmp_path, monkeypatch):
    """A market that stands still without a word would look like a quiet one."""
    failure = play(tmp_path, monkeypatch, b"garbage")
    assert isinstance(failure, ConfigError)
    assert "recorded.jsonl.gz is no tape: line 71 of the recording" in str(failure)


def test_an_exchange_may_end_with_its_tape(tmp_path, monkeypatch):
    """`--at-end exit`."""
    assert play(tmp_path, monkeypatch, at_end="exit") is None


def test_an_exchange_may_end_with_its_script_and_goes_on_where_it_was(tmp_path, monkeypatch):
    """Its directory opens with the state that it was left in, by the journal alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "lesson.txt"
    file.write_text(
        "market BTC-USDT\nat +0s: book bid 49999 1, ask 50001 1\nat +1s: price 51000 over 10s\n"
        "at +20s: halt\nat +30s: open\nat +40s: trade buy 0.5\nat +60s: end\n"
    )
    config = ExchangeConfig(
        tmp_path / "data", 0, script_source(f"{file}@100", "exit"), profile_chooser("off")
    )

    async def main() -> ExchangeProcess:
        process = ExchangeProcess(config)
        await process.start()
        await asyncio.wait_for(process.stopped.wait(), 30)
        await process.stop()
        return process

    process = asyncio.run(main())
    assert process.failure is None
    assert process.exchange.levels(0, 1).asks == [(5_100_100, 50_000)]
    shutil.rmtree(tmp_path / "data" / "exchange" / "snapshots")
    opened = OpenExchange(tmp_path / "data", None, process.exchange.now_ns)
    try:
        assert opened.exchange.engine.state_hash() == process.exchange.engine.state_hash()
        assert opened.exchange.market.ended
    finally:
        opened.close()


def test_a_websocket_lasts_as_long_as_its_dialect_says(tmp_path, monkeypatch):
    """And is then closed with a word; a market stream of another dialect goes on."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    config = ExchangeConfig(tmp_path / "data", 0, None, profile_chooser("off"))

    def last_close(ports: dict[str, int]) -> tuple[int, str, bool]:
        native, binance = (f"ws://127.0.0.1:{ports[name]}" for name in ("native", "binance"))
        with (
            connect(f"{native}/ws/v1", proxy=None) as other,
            connect(f"{binance}/ws", proxy=None) as line,
        ):
            with pytest.raises(ConnectionClosed) as closed:
                line.recv(20)
            frame = closed.value.rcvd
            assert frame is not None
            other.ping().wait(20)
            return frame.code, frame.reason, other.state is State.OPEN

    async def main() -> tuple[int, str, bool]:
        process = ExchangeProcess(config)
        await process.start()
        try:
            gate = process._gates["binance"]
            gate.dialect = gate.dialect._replace(connection_life_ns=1)
            ports = {name: process.port(name) for name in ("native", "binance")}
            return await asyncio.to_thread(last_close, ports)
        finally:
            await process.stop()

    assert asyncio.run(main()) == (1001, "a connection lasts no longer; connect again", True)
