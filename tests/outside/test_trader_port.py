import http.client
import json
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest
from bot_process import Bot, config_text, open_account
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from steelyard.cli.trader_site import SOCKETS_MAX, TOKEN_HEADER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# Everything that the page reads, as the contract between the two has it.
KEYS = {
    "": (
        "type time bot status reason position pnl balances orders fills equity risk latency log"
        " foreign_orders book clock protection pacing time_service channels trades strategy"
        " breakers measures lease"
    ),
    "bot": "name environment strategy symbol params started",
    "strategy": "calls called failure",
    "position": "size average_price side",
    "pnl": "currency realized unrealized fees total",
    "risk": (
        "max_order_notional max_position max_open_orders price_collar limits refused last_refusal"
    ),
    "latency": "order_ms_p50 order_ms_p99",
}
ROWS = {
    "balances": "asset free held",
    "fills": "trade_id side price size fee fee_asset liquidity time",
    "orders": (
        "client_order_id order_id side type price size filled state created trigger protects"
        " amending ahead"
    ),
    "log": "time level text",
}

RESTS_AND_BUYS = """
from steelyard.trading.strategy import Strategy

class RestsAndBuys(Strategy):
    def on_start(self):
        self.buy("0.001", "30000")
        self.every("1s")

    def on_timer(self, timer):
        self.buy("0.0002")
"""


@pytest.fixture(scope="module")
def bot(exchange, tmp_path_factory):
    data = tmp_path_factory.mktemp("site")
    (data / "site_strategy.py").write_text(RESTS_AND_BUYS)
    config = config_text(exchange, "site", strategy="site_strategy:RestsAndBuys", params="{ }")
    with Bot(data, config, open_account(exchange, "site"), "site") as running:
        running.wait(lambda s: s["fills"] and s["orders"])
        yield running
        assert running.stop() == 0


def ask(bot: Bot, method: str, path: str, **headers: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    connection = http.client.HTTPConnection("127.0.0.1", bot.ready["port"], timeout=10)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=names)
        response = connection.getresponse()
        return response.status, response.headers["content-type"], response.read().decode()
    finally:
        connection.close()


def code(answer: tuple[int, str, str]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["error"]["code"]


def token(bot: Bot) -> dict[str, str]:
    return {TOKEN_HEADER: bot.ready["token"]}


def url(bot: Bot, given: str | None = None) -> str:
    return f"ws://127.0.0.1:{bot.ready['port']}/ws?token={given or bot.ready['token']}"


@pytest.mark.parametrize("path", ["/status", "/kill", "/resume"])
def test_only_who_has_the_token_is_answered(bot, path):
    """Another page or program of this machine reads nothing and stops nothing."""
    method = "GET" if path == "/status" else "POST"
    assert code(ask(bot, method, path)) == (401, "TOKEN")
    for wrong in ("", "x", bot.ready["token"][:-1], bot.ready["token"] + "x", "\xfc"):
        assert code(ask(bot, method, path, **{TOKEN_HEADER: wrong})) == (401, "TOKEN")
    assert bot.state()["status"] == "running"


@pytest.mark.parametrize("path", ["/status", "/metrics"])
@pytest.mark.parametrize(
    ("header", "value", "is_let_in"),
    [
        ("host", "127.0.0.1:{port}", True),
        ("host", "localhost:{port}", True),
        ("host", "[::1]:{port}", True),
        ("host", "127.0.0.1", False),
        ("host", "127.0.0.1:1", False),
        ("host", "evil.example:{port}", False),  # a name that was made to resolve to us
        ("host", "127.0.0.1.evil.example:{port}", False),
        ("host", "[", False),
        ("origin", "http://127.0.0.1:8600", True),
        ("origin", "http://localhost:5173", True),
        ("origin", "http://evil.example", False),
        ("origin", "http://127.0.0.1.evil.example", False),
        ("origin", "null", False),
        ("origin", "", False),
    ],
)
def test_neither_another_host_nor_a_page_from_elsewhere_may_ask(
    bot, path, header, value, is_let_in
):
    """Decision 9: loopback, and Host and Origin checked, with the right token or without."""
    value = value.format(port=bot.ready["port"])
    answer = ask(bot, "GET", path, **{**token(bot), header: value})
    if is_let_in:
        assert answer[0] == 200
    else:
        assert code(answer) == (403, header.upper())


def test_what_is_not_there_is_said(bot):
    assert code(ask(bot, "GET", "/nowhere", **token(bot))) == (404, "NOT_FOUND")
    assert code(ask(bot, "POST", "/status", **token(bot))) == (405, "METHOD_NOT_ALLOWED")
    assert code(ask(bot, "GET", "/kill", **token(bot))) == (405, "METHOD_NOT_ALLOWED")


def test_a_stream_needs_the_token_and_a_page_of_this_machine(bot):
    """A WebSocket is no exception: browsers open them across origins without asking."""
    for bad, origin in (("x", None), (None, "http://evil.example")):
        with pytest.raises(InvalidStatus), connect(url(bot, bad), origin=origin, proxy=None):
            pass
    with connect(url(bot), origin="http://127.0.0.1:8600", proxy=None) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "state"


def test_the_state_has_everything_that_the_page_shows(bot):
    """One document, and no key of it is missing or unheard of."""
    state = bot.wait(lambda s: s["latency"] and s["equity"] and s["orders"] and s["fills"])
    for table, names in KEYS.items():
        assert {*(state[table] if table else state)} == {*names.split()}, table
    for table, names in ROWS.items():
        assert state[table]
        assert all({*row} == {*names.split()} for row in state[table]), table
    assert all(
        isinstance(ms, int) and float(value) == float(value) for ms, value in state["equity"]
    )
    assert state["bot"]["environment"] == "sandbox"
    assert state["position"]["side"] == "long"
    assert {fill["side"] for fill in state["fills"]} == {"buy"}
    (order,) = (o for o in state["orders"] if o["price"] is not None)
    assert (order["state"], float(order["price"])) == ("working", 30_000)


def test_changes_are_pushed_at_most_five_times_a_second(bot):
    """However fast the market is, a page has time to draw."""
    with connect(url(bot), proxy=None) as socket:
        socket.recv(timeout=10)
        begin, times, states = time.monotonic(), [], []
        while time.monotonic() < begin + 3:
            states.append(json.loads(socket.recv(timeout=10)))
            times.append(time.monotonic() - begin)
    assert 3 <= len(times) <= 5 * times[-1] + 2
    assert all({**a, "time": 0} != {**b, "time": 0} for a, b in pairwise(states))
    assert {*states[0]} == {*KEYS[""].split()}


# The client library leaves a refused handshake's socket to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_streams_are_bounded(bot):
    """A page in a loop of reconnects does not take the bot with it."""
    with ExitStack() as sockets:
        for _ in range(SOCKETS_MAX):
            sockets.enter_context(connect(url(bot), proxy=None))
        with pytest.raises(InvalidStatus), connect(url(bot), proxy=None):
            pass
    last = time.monotonic() + 10
    while True:  # the places of those who left are free again
        try:
            with connect(url(bot), proxy=None) as socket:
                socket.recv(timeout=10)
                return
        except InvalidStatus:
            assert time.monotonic() < last
            time.sleep(0.1)


def test_metrics_are_numbers_that_prometheus_reads(bot):
    """Each with a type and labels, without a token, and the same as the state says."""
    status, kind, text = ask(bot, "GET", "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = text.splitlines()
    values, family = {}, ""
    for line in lines:
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name == family
            assert kind in {"gauge", "counter", "histogram"}
        else:
            name, value = line.split("{")[0], line.rpartition(" ")[2]
            parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert name in {f"{family}{part}" for part in parts}
            assert '{bot="site",symbol="BTC-USDT"' in line
            values[name] = float(value)
    assert values["steelyard_bot_running"] == 1
    assert values["steelyard_bot_killed"] == 0
    assert values["steelyard_bot_position_base"] > 0
    assert values["steelyard_bot_fees_quote"] > 0
    assert values["steelyard_bot_open_orders"] >= 1
    assert values["steelyard_bot_order_ms_p50"] <= values["steelyard_bot_order_ms_p99"]


def test_a_kill_is_answered_when_the_venue_has_counted(bot):
    """F4: the answer says verified, and the latch holds until it is lifted."""
    status, killed = bot.ask("POST", "/kill")
    assert status == 200, killed
    assert (killed["killed"], killed["verified"], killed["open_orders"]) == (True, True, 0)
    assert killed["canceled"] == 1
    state = bot.state()
    assert (state["status"], state["orders"]) == ("killed", [])
    assert (
        'steelyard_bot_killed{bot="site",symbol="BTC-USDT"} 1\n' in ask(bot, "GET", "/metrics")[2]
    )
    assert bot.ask("POST", "/resume") == (200, {"resumed": True})
    bot.wait(lambda s: s["status"] == "running")
