"""Faults at a running exchange, over real sockets: what each does, and what the books say."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from http.client import RemoteDisconnected
from urllib.request import urlopen

import pytest
from exchange_here import ExchangeHere
from native_client import Client, Refused
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from steelyard.wire.faults import Trouble

pytestmark = pytest.mark.slow

WAIT_S = 0.7  # what has not come by then does not come
ORDER = "POST /api/v1/orders"
names = (f"alice-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def exchange(tmp_path_factory) -> Iterator[ExchangeHere]:
    data = tmp_path_factory.mktemp("faults") / "data"
    with ExchangeHere(data, "--crowd", "1", "--limits", "off") as running:
        yield running


@pytest.fixture(autouse=True)
def _cleared(exchange):
    yield
    exchange.steelyard("faults", "clear")


@pytest.fixture
def key(exchange):
    return exchange.trader(next(names), {"USDT": "100000"}, dialect="native")


@pytest.fixture
def client_of(exchange):
    """Make clients of the native API, which are closed at the end."""
    made = []

    def make(key=None, timeout_s=10.0) -> Client:
        made.append(Client(exchange.url("native"), key, timeout_s))
        return made[-1]

    yield make
    for client in made:
        client.close()


def set_fault(exchange, trouble: Trouble, *options: str) -> None:
    exchange.steelyard("faults", "set", trouble, "--times", "1", *options)


def struck(exchange) -> list[int]:
    return [fault["struck"] for fault in exchange.steelyard("faults", "list")["faults"]]


# -- requests -------------------------------------------------------------------------------------

# What the client gets, and how many orders there are afterwards.
NOTHING, CUT = TimeoutError, (ConnectionResetError, RemoteDisconnected)
REQUESTS = [
    (Trouble.LOST_REQUEST, NOTHING, 0),
    (Trouble.LOST_ANSWER, NOTHING, 1),
    (Trouble.RESET_REQUEST, CUT, 0),
    (Trouble.RESET_ANSWER, CUT, 1),
    (Trouble.REFUSED, Refused, 0),
    (Trouble.FAILED, Refused, 1),
    (Trouble.SLOW_REQUEST, None, 1),
    (Trouble.SLOW_ANSWER, None, 1),
    (Trouble.REPEATED_REQUEST, None, 1),  # the copy's nonce has been used
    (Trouble.HALF_OPEN, NOTHING, 0),
    (Trouble.MAINTENANCE, Refused, 0),
]


@pytest.mark.parametrize(("trouble", "raised", "orders"), REQUESTS)
def test_what_a_client_gets_and_what_the_exchange_has_done(
    exchange, client_of, key, trouble, raised, orders
):
    """A39: an order may be live although its answer never came."""
    set_fault(exchange, trouble, "--where", ORDER, "--delay", "300ms", "--status", "503")
    client = client_of(key, WAIT_S)
    if raised is None:
        begun = time.monotonic()
        assert client.place("buy", "0.001", "20000")["state"] == "working"
        assert (time.monotonic() - begun >= 0.3) == trouble.is_slow
    else:
        with pytest.raises(raised):
            client.place("buy", "0.001", "20000")
    again = client_of(key)
    found = again.ask("GET", "/api/v1/orders?symbol=BTC-USDT&open=true")["orders"]
    assert len(found) == orders
    assert struck(exchange) == [1]
    assert again.place("buy", "0.001", "20000")["state"] == "working"  # it is over


@pytest.mark.parametrize("status", [418, 429, 500, 502, 503, 504])
def test_a_refusal_has_the_status_that_was_asked_for(exchange, client_of, key, status):
    """And the venue's words, but for those of a gateway between."""
    set_fault(exchange, Trouble.REFUSED, "--status", str(status))
    client = client_of(key)
    client._connection.request("GET", "/api/v1/time")
    response = client._connection.getresponse()
    body = response.read()
    assert response.status == status
    if status in (502, 504):
        assert response.headers["content-type"] == "text/html"
    else:
        assert "fault" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(("status", "retry_after"), [(429, "7s"), (418, "90s")])
def test_a_storm_says_how_long_to_wait(exchange, client_of, status, retry_after):
    """In the header that clients obey."""
    set_fault(exchange, Trouble.REFUSED, "--status", str(status), "--retry-after", retry_after)
    client = client_of()
    client._connection.request("GET", "/api/v1/time")
    response = client._connection.getresponse()
    assert response.read()
    assert (response.status, response.headers["retry-after"]) == (status, retry_after[:-1])


def test_a_half_open_connection_takes_nothing_more_up_and_stays_open(exchange, client_of, key):
    """Not what comes behind, either; another connection works."""
    set_fault(exchange, Trouble.HALF_OPEN, "--where", ORDER)
    client = client_of(key, WAIT_S)
    with pytest.raises(TimeoutError):
        client.place("buy", "0.001", "20000")
    socket = client._connection.sock
    socket.sendall(b"GET /api/v1/time HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    with pytest.raises(TimeoutError):
        socket.recv(1)
    assert client_of(key).place("buy", "0.001", "20000")["state"] == "working"


def test_a_dialect_in_maintenance_still_tells_its_time(exchange, client_of, key):
    """And others trade on."""
    exchange.steelyard(
        "faults", "set", "maintenance", "--dialect", "native", "--retry-after", "30s"
    )
    client = client_of(key)
    assert client.ask("GET", "/api/v1/time")
    with pytest.raises(Refused, match="MAINTENANCE"):
        client.place("buy", "0.001", "20000")
    assert json.loads(_get(f"{exchange.url('binance')}/api/v3/depth?symbol=BTCUSDT"))["bids"]
    assert struck(exchange) == [1]


def test_a_maintenance_is_told_by_the_status_of_each_dialect(exchange):
    """To each in its words, where it has a route for that; over, it is told no longer."""
    routes = {
        "native": "/api/v1/status",
        "binance": "/sapi/v1/system/status",
        "kraken": "/0/public/SystemStatus",
        "okx": "/api/v5/system/status",
        "bybit": "/v5/system/status",
        "kucoin": "/api/v1/status",
    }
    told = {"up": [], "down": [], "again": []}
    for when, words in {"up": (), "down": ("set", "maintenance"), "again": ("clear",)}.items():
        if words:
            exchange.steelyard("faults", *words)
        for dialect, path in routes.items():
            document = json.loads(_get(f"{exchange.url(dialect)}{path}"))
            told[when].append(_word_of_maintenance(document))
    assert told["down"] == [True, 1, "maintenance", "ongoing", "ongoing", "close"]
    assert told["up"] == told["again"] == [False, 0, "online", None, None, "open"]


def _word_of_maintenance(document):
    """Return how a dialect's status says that it is in maintenance, or is not."""
    if "status" in document or "maintenance" in document:
        return document.get("maintenance", document.get("status"))
    data = document.get("data", document.get("result"))
    events = data.get("list", data) if isinstance(data, dict) else data
    if isinstance(events, dict):
        return events["status"]
    return events[0]["state"] if events else None


@pytest.mark.parametrize("skew", ["30s", "-30s"])
def test_a_clock_jumps_while_clients_are_connected(exchange, client_of, key, skew):
    """Their times are refused, the clock says why, and of another dialect nothing is wrong."""
    client = client_of(key)
    client.place("buy", "0.001", "20000")
    before_ms = client.ask("GET", "/api/v1/time")["time"]
    exchange.steelyard("faults", "set", "clock-skew", "--dialect", "native", "--skew", skew)
    after_ms = client.ask("GET", "/api/v1/time")["time"]
    ahead_ms = 1_000 * int(skew[:-1])
    assert ahead_ms <= after_ms - before_ms < ahead_ms + 20_000
    with pytest.raises(Refused, match="TIMESTAMP"):
        client.place("buy", "0.001", "20000")
    told = json.loads(_get(f"{exchange.url('binance')}/api/v3/time"))["serverTime"]
    assert abs(told - after_ms) > 10_000
    exchange.steelyard("faults", "clear")
    assert client.place("buy", "0.001", "20000")["state"] == "working"


def _get(url: str) -> bytes:
    with urlopen(url, timeout=10) as answer:
        return answer.read()


def test_an_order_fills_in_parts_and_the_books_balance(exchange, client_of, key):
    """Half, three tenths, two tenths: as the client was told, and as the ledger has it."""
    client = client_of(key)
    parts = ("--parts", "0.5,0.3,0.2", "--delay", "200ms")
    exchange.steelyard("faults", "set", "partial-fills", *parts, "--times", "1")
    order = client.place("buy", "0.01", "20000")
    assert order["state"] == "working"
    sizes, deadline = [], time.monotonic() + 20
    while len(sizes) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
        fills = client.ask("GET", f"/api/v1/fills?order_id={order['order_id']}")["fills"]
        sizes = [Decimal(fill["size"]) for fill in fills]
        assert sizes == [Decimal(part) for part in ("0.005", "0.003", "0.002")][: len(sizes)]
    assert len(sizes) == 3
    assert {Decimal(fill["price"]) for fill in fills} == {Decimal(20_000)}
    held = {row["asset"]: row for row in client.ask("GET", "/api/v1/account")["balances"]}
    assert Decimal(held["BTC"]["free"]) == Decimal("0.01")
    assert not any(map(int, exchange.steelyard("status")["exchange"]["totals"].values()))


def test_others_feel_nothing(exchange, client_of, key):
    """Another account, another route, the page, metrics and administration."""
    other = client_of(exchange.trader(next(names), {"USDT": "9"}, dialect="native"))
    name = exchange.steelyard("key", "show", key["key"])["account"]
    exchange.steelyard("faults", "set", "lost-request", "--account", name)
    assert other.ask("GET", "/api/v1/account")["balances"]
    assert other.ask("GET", "/api/v1/time")
    with pytest.raises(TimeoutError):
        client_of(key, WAIT_S).ask("GET", "/api/v1/account")
    exchange.steelyard("faults", "clear")
    exchange.steelyard("faults", "set", "lost-request")
    for path in ("/", "/metrics"):
        other._connection.request("GET", path)
        assert other._connection.getresponse().read()
    assert exchange.steelyard("status")["exchange"]["totals"]


# -- frames ---------------------------------------------------------------------------------------


@pytest.fixture
def touches(exchange) -> Iterator[ClientConnection]:
    """A stream that says something many times a second, each with a number."""
    url = exchange.url("native").replace("http", "ws") + "/ws/v1"
    with connect(url) as stream:
        wanted = [{"channel": "book", "symbol": "BTC-USDT"}]
        stream.send(json.dumps({"op": "subscribe", "id": "1", "channels": wanted}))
        while json.loads(stream.recv(5)).get("type") != "snapshot":
            pass
        yield stream


def spans(stream: ClientConnection, count: int) -> list[tuple[int, int]]:
    told = (json.loads(stream.recv(10)) for _ in range(count))
    return [(one["first_sequence"], one["last_sequence"]) for one in told]


def breaks(told: list[tuple[int, int]]) -> int:
    """How often a delta does not begin where the one before ended."""
    return sum(now[0] != before[1] + 1 for before, now in itertools.pairwise(told))


def test_without_faults_there_are_no_breaks(touches):
    assert breaks(spans(touches, 20)) == 0


@pytest.mark.parametrize(
    ("trouble", "count"),
    [(Trouble.LOST_FRAME, 1), (Trouble.REPEATED_FRAME, 1), (Trouble.SWAPPED_FRAME, 3)],
)
def test_frames_are_lost_repeated_and_swapped(exchange, touches, trouble, count):
    """A38: and the one fault makes the one break that a client has to see."""
    set_fault(exchange, trouble, "--where", "book", "--after", "3")
    told = spans(touches, 20)
    while not struck(exchange)[0]:
        told += spans(touches, 5)
    told += spans(touches, 5)
    assert breaks(told) == count
    if trouble is Trouble.SWAPPED_FRAME:
        assert breaks(sorted(told)) == 0
    if trouble is Trouble.REPEATED_FRAME:
        assert breaks([*dict.fromkeys(told)]) == 0


def test_a_slow_frame_holds_up_those_behind_it(exchange, touches):
    set_fault(exchange, Trouble.SLOW_FRAME, "--where", "book", "--delay", "1s")
    told, pauses = [], []
    for _ in range(30):
        begun = time.monotonic()
        told += spans(touches, 1)
        pauses.append(time.monotonic() - begun)
        if struck(exchange)[0] and max(pauses) > 0.8:
            break
    assert max(pauses) > 0.8
    assert breaks(told + spans(touches, 5)) == 0


def test_a_stream_breaks(exchange, touches):
    set_fault(exchange, Trouble.RESET_STREAM, "--where", "book")
    with pytest.raises(ConnectionClosedError):
        spans(touches, 1_000)


def test_a_stream_falls_silent_and_stays_open(exchange, touches):
    """Nothing comes any more, no pong either; the connection is there."""
    set_fault(exchange, Trouble.SILENT_STREAM, "--where", "book")
    while not struck(exchange)[0]:
        time.sleep(0.05)
    with pytest.raises(TimeoutError):
        while True:
            touches.recv(WAIT_S)
    assert not touches.ping().wait(WAIT_S)
    assert touches.close_code is None


# -- what a client says on a WebSocket ------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "answers"),
    [
        (Trouble.LOST_REQUEST, 0),
        (Trouble.LOST_ANSWER, 0),
        (Trouble.SLOW_REQUEST, 1),
        (Trouble.SLOW_ANSWER, 1),
        (Trouble.REPEATED_REQUEST, 2),
    ],
)
def test_a_message_meets_what_a_request_meets(exchange, trouble, answers):
    url = exchange.url("native").replace("http", "ws") + "/ws/v1"
    with connect(url) as stream:
        set_fault(exchange, trouble, "--where", "websocket", "--delay", "200ms")
        stream.send(json.dumps({"op": "ping", "id": "1"}))
        heard = 0
        with pytest.raises(TimeoutError):
            while True:
                stream.recv(WAIT_S)
                heard += 1
        assert heard == answers


@pytest.mark.parametrize("trouble", [Trouble.RESET_REQUEST, Trouble.RESET_ANSWER])
def test_a_message_may_cost_the_connection(exchange, trouble):
    url = exchange.url("native").replace("http", "ws") + "/ws/v1"
    with connect(url) as stream:
        set_fault(exchange, trouble, "--where", "websocket")
        stream.send(json.dumps({"op": "ping", "id": "1"}))
        with pytest.raises(ConnectionClosedError):
            stream.recv(5)


# -- the books ------------------------------------------------------------------------------------


def test_the_books_are_right_whatever_happened_to_bytes(exchange, client_of, key):
    exchange.steelyard("faults", "set", "lost-answer", "--chance", "30%", "--seed", "5")
    exchange.steelyard("faults", "set", "reset-answer", "--chance", "30%")
    for _ in range(30):
        with suppress(TimeoutError, ConnectionResetError, RemoteDisconnected):
            client_of(key, 0.2).place("buy", "0.001", "20000")
    exchange.steelyard("faults", "clear")
    found = client_of(key).ask("GET", "/api/v1/orders?open=true")["orders"]
    assert len(found) == 30
    assert set(exchange.steelyard("status")["exchange"]["totals"].values()) <= {"0"}
