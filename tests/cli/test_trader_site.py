import asyncio
import json

import pytest

from steelyard.cli.trader_site import BotSite, metrics_text
from steelyard.vault.hiding import Secrets
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response

TOKEN = "t0ken"
PORT = 8620

DOCUMENT = {
    "type": "state",
    "time": 1,
    "bot": {"name": "dip", "symbol": "BTC-USDT"},
    "status": "running",
    "position": {"size": "0.05"},
    "pnl": {"total": "-3.5", "fees": "3", "realized": "1"},
    "orders": [{"side": "buy", "ahead": "0.5"}, {"side": "buy", "ahead": "1"}, {"side": "sell"}],
    "foreign_orders": 0,
    "book": {"state": "live", "gaps": 2, "snapshots": 3, "off_tick": 0},
    "risk": {
        "refused": 2,
        "limits": [
            {"name": "max_position", "limit": "1", "used": "0.5"},
            {"name": "max_order_size", "limit": "1", "used": None},
            {"name": "max_leverage", "limit": None, "used": "3"},
        ],
    },
    "breakers": [
        {"name": "rejects", "state": "tripped"},
        {"name": "venue", "state": "ready"},
        {"name": "staleness", "state": "off"},
    ],
    "measures": {
        "orders": 8,
        "refusals": {"INSUFFICIENT_BALANCE": 2},
        "fill_ratio": "0.75",
        "slippage": "-0.0001",
        "adverse": {"1s": "0.0002", "5s": None},
        "latencies": {"ack": [[1, 2, 1], 2_500]},
        "bounds_ms": [1, 5],
        "spread": "0.02",
        "depth": {"bid_1": "3", "ask_10": "4.5"},
    },
    "latency": None,
    "channels": {
        "book": {"age_ms": 1500, "budget_ms": 10_000},
        "trades": {"age_ms": None, "budget_ms": 60_000},
    },
    "clock": {"offset_us": 2_500, "error_us": 500, "jitter_us": 250, "measured": 1},
    "trades": {"gaps": 3, "unfilled": 1, "repeated": 0},
    "lease": {
        "kind": "postgresql",
        "term": 3,
        "left_ms": 12_500,
        "allowed": "cancels",
        "standbys": ["b"],
    },
    "pacing": {
        "limits": [{"name": "orders per 10 SECOND", "used": 7, "limit": 100}],
        "stopped_until": 90_001,
        "is_banned": True,
    },
}


class Bot:
    def __init__(self) -> None:
        self.state = dict(DOCUMENT)
        self.pressed: list[str] = []
        self.error: str | None = None

    def document(self):
        return dict(self.state)

    async def kill(self, why: str):
        self.pressed.append("kill")
        return {"killed": True, "error": self.error}

    async def resume(self, why: str):
        self.pressed.append("resume")
        return {"resumed": True}


class Socket:
    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.on_close = lambda: None

    def send(self, payload: bytes) -> None:
        self.sent.append(json.loads(payload))


def site() -> tuple[BotSite, Bot]:
    bot = Bot()
    made = BotSite(bot, TOKEN, asyncio.run)
    made.port = PORT
    return made, bot


def call(
    method: str, target: str, headers: dict[str, str] | None = None, made: BotSite | None = None
) -> Response:
    answers: list[Response] = []
    host = {"host": f"127.0.0.1:{PORT}", "x-steelyard-token": TOKEN}
    request = Request(method, target, {**host, **(headers or {})}, b"")
    (made or site()[0]).http(request, "127.0.0.1", answers.append)
    (answer,) = answers
    return answer


def test_the_state_is_one_document():
    """For the command line and for whoever has the token."""
    answer = call("GET", "/status")
    assert (answer.status, json.loads(answer.body)) == (200, DOCUMENT)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:8620"}, 403),
        ({"host": "127.0.0.1:8600"}, 403),
        ({"host": ""}, 403),
        ({"host": "127.0.0.1:x"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"x-steelyard-token": "guess"}, 401),
        ({"x-steelyard-token": ""}, 401),
        ({"x-steelyard-token": "t\u00f6ken"}, 401),
    ],
)
@pytest.mark.parametrize("target", ["/status", "/kill"])
def test_a_stranger_presses_nothing(headers: dict[str, str], status: int, target: str):
    """Another host, a page from elsewhere, no token: each is turned away before anything."""
    made, bot = site()
    method = "POST" if target == "/kill" else "GET"
    assert call(method, target, headers, made).status == status
    assert bot.pressed == []


def test_a_secret_is_told_to_nobody():
    """A strategy's error may say it, and an alert carries that away: no document has it."""
    bot, socket = Bot(), Socket()
    bot.state["reason"] = "the strategy failed: topsecret"
    bot.error = "no: topsecret"

    async def listen(made: BotSite) -> None:
        assert made.websocket(request(f"/ws?token={TOKEN}"), "127.0.0.1", socket)
        await asyncio.sleep(0)
        made.push()

    made = BotSite(bot, TOKEN, asyncio.run, Secrets(ApiKey("k", b"topsecret")).hidden)
    made.port = PORT
    said = [call("GET", "/status", made=made).body, call("POST", "/kill", made=made).body]
    asyncio.run(listen(made))
    said += [json.dumps(document).encode() for document in socket.sent]
    assert [b": ***" in each for each in said] == [True] * 4
    assert not any(b"topsecret" in each for each in said)


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"127.0.0.1:{PORT}", f"[::1]:{PORT}"])
def test_pages_of_this_machine_are_welcome(host: str):
    """The exchange's page has another port than the bot."""
    headers = {"host": host, "origin": "http://localhost:8600"}
    assert call("GET", "/status", headers).status == 200


def test_the_buttons_are_posts():
    """A link that is followed presses nothing."""
    made, bot = site()
    assert call("GET", "/kill", made=made).status == 405
    assert call("POST", "/kill", made=made).status == 200
    assert call("POST", "/resume", made=made).status == 200
    assert bot.pressed == ["kill", "resume"]
    bot.error = "not verified"
    assert call("POST", "/kill", made=made).status == 503
    assert call("GET", "/nothing").status == 404


def test_metrics_need_no_token_and_read_as_prometheus_does():
    """One sample per line, labels quoted, a type before each."""
    answer = call("GET", "/metrics", {"x-steelyard-token": ""})
    lines = answer.body.decode().splitlines()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'steelyard_bot_running{bot="dip",symbol="BTC-USDT"} 1' in lines
    assert 'steelyard_bot_pnl_quote{bot="dip",symbol="BTC-USDT"} -3.5' in lines
    assert 'steelyard_bot_book_live{bot="dip",symbol="BTC-USDT"} 1' in lines
    assert 'steelyard_bot_book_gaps_total{bot="dip",symbol="BTC-USDT"} 2' in lines
    assert 'steelyard_bot_clock_offset_seconds{bot="dip",symbol="BTC-USDT"} 0.0025' in lines
    assert 'steelyard_bot_clock_jitter_seconds{bot="dip",symbol="BTC-USDT"} 0.00025' in lines
    assert 'steelyard_bot_venue_banned{bot="dip",symbol="BTC-USDT"} 1' in lines
    assert 'steelyard_bot_venue_stop_seconds{bot="dip",symbol="BTC-USDT"} 90.0' in lines
    assert 'steelyard_bot_trade_gaps_unfilled_total{bot="dip",symbol="BTC-USDT"} 1' in lines
    of_bot = 'bot="dip",symbol="BTC-USDT"'
    ages = [line for line in lines if line.startswith("steelyard_bot_channel_age_seconds{")]
    assert ages == [f'steelyard_bot_channel_age_seconds{{{of_bot},channel="book"}} 1.5']
    limit = f'{{{of_bot},limit="orders per 10 SECOND"}}'
    assert f"steelyard_bot_limit_used{limit} 7" in lines
    assert f"steelyard_bot_limit{limit} 100" in lines
    names = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    assert [line.split()[2] for line in lines if line.startswith("# TYPE ")] == names
    parts = tuple(f"_seconds_{part}" for part in ("bucket", "sum", "count"))
    told = {line.partition("{")[0] for line in lines if line[0] != "#"}
    told = {n.rpartition("_")[0] if n.endswith(parts) and "latency" in n else n for n in told}
    assert told == set(names)
    leased = f'{{{of_bot},kind="postgresql"}}'
    for line in (
        f"steelyard_bot_lease_term{leased} 3",
        f"steelyard_bot_lease_allowed{leased} 1",
        f"steelyard_bot_lease_left_seconds{leased} 12.5",
        f"steelyard_bot_lease_standbys{leased} 1",
        f"steelyard_bot_pnl_realized_quote{{{of_bot}}} -2",
        f"steelyard_bot_fill_ratio{{{of_bot}}} 0.75",
        f"steelyard_bot_slippage_ratio{{{of_bot}}} -0.0001",
        f"steelyard_bot_reject_ratio{{{of_bot}}} 0.25",
        f'steelyard_bot_rejects_total{{{of_bot},reason="INSUFFICIENT_BALANCE"}} 2',
        f'steelyard_bot_adverse_selection_ratio{{{of_bot},after="1s"}} 0.0002',
        f'steelyard_bot_adverse_selection_ratio{{{of_bot},after="5s"}} NaN',
        f'steelyard_bot_latency_seconds_bucket{{{of_bot},step="ack",le="0.005"}} 3',
        f'steelyard_bot_latency_seconds_bucket{{{of_bot},step="ack",le="+Inf"}} 4',
        f'steelyard_bot_latency_seconds_sum{{{of_bot},step="ack"}} 0.002500000',
        f'steelyard_bot_latency_seconds_count{{{of_bot},step="ack"}} 4',
        f'steelyard_bot_queue_ahead_base{{{of_bot},side="buy"}} 1.5',
        f'steelyard_bot_depth_base{{{of_bot},side="ask",within="1%"}} 4.5',
        f'steelyard_bot_risk_limit{{{of_bot},limit="max_position"}} 1',
        f'steelyard_bot_risk_used{{{of_bot},limit="max_position"}} 0.5',
        f'steelyard_bot_breaker_tripped{{{of_bot},breaker="rejects"}} 1',
        f'steelyard_bot_breaker_tripped{{{of_bot},breaker="venue"}} 0',
    ):
        assert line in lines
    assert not [line for line in lines if "max_leverage" in line or '"staleness"' in line]
    unknown = metrics_text({**DOCUMENT, "clock": None, "pacing": None})
    assert "nan" in unknown
    with_latency = metrics_text({**DOCUMENT, "latency": {"order_ms_p50": 1.5, "order_ms_p99": 4}})
    assert 'steelyard_bot_order_ms_p50{bot="dip",symbol="BTC-USDT"} 1.5' in with_latency


def request(target: str, **headers: str) -> Request:
    return Request("GET", target, {"host": f"127.0.0.1:{PORT}", **headers}, b"")


def test_the_stream_pushes_what_has_changed():
    """At once, and then only when it is another state; time alone is no change."""

    async def main() -> None:
        made, bot = site()
        socket = Socket()
        assert made.websocket(request(f"/ws?token={TOKEN}"), "127.0.0.1", socket)
        await asyncio.sleep(0)
        assert socket.sent == [DOCUMENT]
        made.push()
        for time in (2, 3):
            bot.state["time"] = time
            made.push()
        assert len(socket.sent) == 2
        bot.state["status"] = "killed"
        made.push()
        assert socket.sent[-1]["status"] == "killed"
        socket.on_close()
        bot.state["status"] = "running"
        made.push()
        assert len(socket.sent) == 3

    asyncio.run(main())


def test_the_stream_is_guarded_and_bounded():
    """Token, origin, path and number."""

    async def main() -> None:
        made, _ = site()
        evil = request(f"/ws?token={TOKEN}", origin="http://evil.example")
        for wrong, status, words in (
            (request("/ws?token=guess"), 401, "this bot's token in x-steelyard-token"),
            (request("/ws"), 401, "or as ?token="),
            (request(f"/other?token={TOKEN}"), 404, "at /ws"),
            (evil, 403, "a page from elsewhere"),
        ):
            refused = made.websocket(wrong, "", Socket())
            assert refused.status == status
            assert words in json.loads(refused.body)["error"]["message"]
        taken = [made.websocket(request(f"/ws?token={TOKEN}"), "", Socket()) for _ in range(25)]
        assert taken[:20] == [True] * 20
        assert {refused.status for refused in taken[20:]} == {503}

    asyncio.run(main())
