"""`steelyard clock` on a real process and between its lives."""

import http.client
import json
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import ccxt
import pytest
from exchange_here import ExchangeHere
from native_client import CLOCK, Client, Refused

from steelyard.cli.main import run

DAY_MS = 86_400_000


def now_ms() -> int:
    return CLOCK.now_ns() // 1_000_000


@pytest.fixture
def venue(tmp_path):
    return ExchangeHere(tmp_path / "data", "--crowd", "1", "--limits", "off")


def page_clock(exchange):
    token = (exchange.data / "exchange" / "admin.token").read_text().strip()
    connection = http.client.HTTPConnection(exchange.url("native").removeprefix("http://"))
    connection.request("GET", "/page/session", headers={"x-steelyard-token": token})
    session = json.loads(connection.getresponse().read())
    connection.close()
    return session["clock"]


@pytest.mark.slow
def test_a_month_passes_and_what_ends_within_it_has_ended(venue, capsys):
    """Keys and orders expire by the sandbox's clock; clients sign by the host's."""
    with venue, ExitStack() as lines:
        assert page_clock(venue) is None
        short = venue.trader("short", {"USDT": "1000"}, dialect="native", expires="30d")
        lasting = venue.trader("lasting", {"USDT": "1000"}, dialect="native", expires="32d")
        one = lines.enter_context(closing(Client(venue.url("native"), short)))
        two = lines.enter_context(closing(Client(venue.url("native"), lasting)))
        until = now_ms() + 25 * 3_600_000
        order = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01"}
        two.ask(
            "POST", "/api/v1/orders",
            {**order, "price": "20000", "time_in_force": "gtd", "expires": until},
        )  # fmt: skip
        kept = two.place("buy", "0.01", "20001")
        assert one.ask("GET", "/api/v1/account")
        shown = venue.steelyard("clock", "advance", "31d")
        assert shown["ahead_ms"] == pytest.approx(31 * DAY_MS, abs=60_000)
        with pytest.raises(Refused, match="expired"):
            one.ask("GET", "/api/v1/account")
        orders = two.ask("GET", "/api/v1/orders?open=true")["orders"]
        assert [o["order_id"] for o in orders] == [kept["order_id"]]
        fresh = two.place("buy", "0.001")
        assert fresh["created"] > now_ms() + 30 * DAY_MS
        assert abs(two.ask("GET", "/api/v1/time")["time"] - now_ms()) < 5_000
        assert page_clock(venue)["ahead_s"] == pytest.approx(31 * 86_400, abs=60)
        assert run(["status", "--data", str(venue.data)]) == 0
        assert "31 days, 0:00:00 ahead of this machine's" in capsys.readouterr().out


@pytest.mark.slow
def test_frozen_it_stays_frozen_over_a_restart_and_a_crash(venue):
    with venue:
        trader = venue.trader("ada", {"USDT": "100000"}, dialect="native")
        frozen = venue.steelyard("clock", "freeze")
        assert frozen["is_frozen"]
    with venue, closing(Client(venue.url("native"), trader)) as client:
        before = venue.steelyard("status")["exchange"]["state_hash"]
        status = client.ask("GET", "/api/v1/status")
        assert status["time"] == frozen["sandbox"]
        assert page_clock(venue)["frozen_at"] == frozen["sandbox"]
        assert venue.steelyard("status")["exchange"]["state_hash"] == before
        assert client.place("buy", "0.001")["filled"] == "0.001"
        venue.kill()
    assert venue.steelyard("clock")["sandbox"] == frozen["sandbox"]
    moved = venue.steelyard("clock", "advance", "1h")
    assert moved["sandbox"] == frozen["sandbox"] + 3_600_000
    venue.steelyard("clock", "resume")
    with venue:
        shown = venue.steelyard("clock")
        assert not shown["is_frozen"]
        assert moved["sandbox"] <= shown["sandbox"] < moved["sandbox"] + 60_000


@pytest.mark.slow
def test_set_is_shown_in_words(venue, capsys):
    wanted = (datetime.fromtimestamp(now_ms() // 1000, UTC) + timedelta(days=2)).isoformat()
    with venue:
        assert run(["clock", "set", wanted, "--data", str(venue.data)]) == 0
        said = capsys.readouterr().out
        assert f"sandbox clock {wanted[:16]}" in said
        assert "running, 1 day, 23:59" in said or "running, 2 days, 0:00" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "2020-01-01"), "never goes back"),
        (("set", "soon"), "2026-11-21T10:30:00Z, or host"),
        (("set", "2300-01-01"), "ends with the year 2199"),
        (("advance", "a while"), "90d"),
        (("advance", "0s"), "such as 25h"),
        (("resume",), "not frozen"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_exit_code_2(exchange, arguments, words, capsys):
    assert run(["clock", *arguments, "--data", str(exchange.data)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.parametrize("skew", ["3s", "-2s"])
def test_clients_sign_by_the_hosts_clock_and_the_skew(tmp_path, skew):
    """A client with a clock of its own is refused; one that asks for the time is not."""
    seconds = int(skew[:-1])
    with ExchangeHere(tmp_path / "data", "--crowd", "1", "--skew", skew) as venue:
        key = venue.trader("skewed", {"USDT": "100000"}, dialect="binance")
        venue.steelyard("clock", "advance", "40d")
        settings = venue.env("binance", client="ccxt")
        client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
        told = client.fetch_time() - client.milliseconds()
        assert told == pytest.approx(seconds * 1_000, abs=900)
        client.options["recvWindow"] = 1_000
        with pytest.raises(ccxt.InvalidNonce):
            client.fetch_balance()
        client.load_time_difference()
        client.options["adjustForTimeDifference"] = True
        assert client.fetch_balance()["USDT"]["free"] == 100_000


@pytest.mark.slow
def test_unmodified_ccxt_trades_forty_days_from_now(venue):
    with venue:
        key = venue.trader("ahead", {"USDT": "100000"}, dialect="binance")
        venue.steelyard("clock", "advance", "40d")
        settings = venue.env("binance", client="ccxt")
        client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
        client.load_markets()
        bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
        assert bought["status"] == "closed"
        assert bought["timestamp"] > client.milliseconds() + 39 * DAY_MS
        resting = client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
        assert [o["id"] for o in client.fetch_open_orders("BTC/USDT")] == [resting["id"]]
        assert client.cancel_order(resting["id"], "BTC/USDT")["status"] == "canceled"
        assert client.fetch_my_trades("BTC/USDT")[0]["order"] == bought["id"]
        hourly = client.fetch_ohlcv("BTC/USDT", "1h", limit=1_000)
        opens = [candle[0] for candle in hourly]
        assert opens == list(range(opens[0], opens[-1] + 1, 3_600_000))
        assert len(hourly) >= 41 * 24
