"""Bots that want more than the venue gives: together they never go over its limits.

What counts is the exchange's own count of what it turned away.
"""

import os
import re
import signal
import time
from urllib.request import urlopen

import pytest
from bot_process import Bot, config_text
from exchange_here import ExchangeHere

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GREEDY_S = 30  # longer than the longest of the limits that bind
STRATEGY = """
from steelyard.trading.strategy import Strategy

class Greedy(Strategy):
    def on_start(self):
        self.every("50ms")

    def on_timer(self, timer):
        self.cancel_all()
        if len(self.open_orders) < 3:
            self.buy("0.001", "20000")
"""
# A tenth of each number of the dialects' own, and a third of their minutes.
LIMITS = """
[native]
ban_after = 3
ban = "20s"
limits = [
    {name = "ip_weight_20s", per = "ip", counts = "weight", limit = 200, window = "20s"},
    {name = "key_requests_1s", per = "key", counts = "requests", limit = 5, window = "1s"},
    {name = "key_weight_20s", per = "key", counts = "weight", limit = 40, window = "20s"},
    {name = "account_orders_10s", per = "account", counts = "orders", limit = 10, window = "10s"},
]

[binance]
ban_after = 3
ban = "20s"
limits = [
    {name = "weight_20s", per = "ip", counts = "weight", limit = 200, window = "20s"},
    {name = "raw_5m", per = "ip", counts = "requests", limit = 30000, window = "5m"},
    {name = "orders_10s", per = "account", counts = "orders", limit = 10, window = "10s"},
]
"""


@pytest.fixture
def floor(tmp_path):
    """An exchange with a tenth of the limits, and what starts a greedy bot on it."""
    (tmp_path / "greedy_strategies.py").write_text(STRATEGY)
    (tmp_path / "limits.toml").write_text(LIMITS)
    limits = ("--limits", str(tmp_path / "limits.toml"))
    with ExchangeHere(tmp_path / "exchange", "--crowd", "1", *limits) as exchange:
        bots = []

        def start(name: str, dialect: str, key) -> Bot:
            config = config_text(
                exchange, name, dialect, strategy="greedy_strategies:Greedy", params="{}"
            )
            bots.append(Bot(tmp_path, config, key, name))
            bots[-1].start()
            return bots[-1]

        yield exchange, start
        for bot in bots:
            bot.end()


def requests(exchange, dialect: str) -> dict[str, int]:
    """Return how many requests have come to what, by the exchange's count."""
    with urlopen(f"{exchange.url('native')}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    rows = re.findall(
        rf'^steelyard_requests_total{{dialect="{dialect}",outcome="(\w+)"}} (\d+)$',
        text,
        re.MULTILINE,
    )
    return {outcome: int(count) for outcome, count in rows}


def over(counted: dict[str, int]) -> dict[str, int]:
    """Return what was turned away for going over a limit."""
    return {name: n for name, n in counted.items() if name.endswith("_LIMIT") or "BAN" in name}


def test_two_greedy_bots_are_never_turned_away(floor):
    """Of one account, by one key: what they want is many times of what there is."""
    exchange, start = floor
    bots = {}
    for dialect in ("native", "binance"):
        key = exchange.trader(f"greedy-{dialect}", {"USDT": "50000"}, dialect=dialect)
        bots[dialect] = [start(f"{dialect}-{n}", dialect, key) for n in ("first", "second")]
    begun = time.monotonic()
    most = {dialect: {} for dialect in bots}
    while time.monotonic() < begun + GREEDY_S:
        time.sleep(1)
        for dialect, (first, _) in bots.items():
            for row in first.state()["pacing"]["limits"]:
                most[dialect][row["name"]] = max(most[dialect].get(row["name"], 0), row["used"])
    for dialect, pair in bots.items():
        counted = requests(exchange, dialect)
        assert over(counted) == {}
        assert counted["OK"] > 30
        # They were held back by what they share, and not by chance.
        orders = next(name for name in most[dialect] if "orders" in name)
        assert most[dialect][orders] >= 5
        assert not any(bot.state()["pacing"]["is_banned"] for bot in pair)


@pytest.mark.night
def test_a_bot_that_is_killed_leaves_what_it_has_used(floor):
    """The next one of its key begins where it ended, and is not turned away."""
    exchange, start = floor
    key = exchange.trader("greedy", {"USDT": "50000"}, dialect="native")
    bot = start("first", "native", key)
    bot.wait(lambda state: state["status"] == "running")
    time.sleep(5)
    os.kill(bot.ready["pid"], signal.SIGKILL)
    bot.process.wait()
    start("second", "native", key)
    time.sleep(GREEDY_S / 2)
    assert over(requests(exchange, "native")) == {}


def test_a_word_to_stop_stops_every_bot_of_the_host_and_a_ban_outlives_them(floor):
    """One of them is refused by a 429, then by a 418: neither sends anything until it is over."""
    exchange, start = floor
    keys = [
        exchange.trader(name, {"USDT": "50000"}, dialect="native") for name in ("one", "another")
    ]
    first, second = (start(f"bot{n}", "native", key) for n, key in enumerate(keys))
    for bot in (first, second):
        bot.wait(lambda state: state["status"] == "running")
    storm = ("--status", "418", "--retry-after", "25s", "--dialect", "native")
    exchange.steelyard("faults", "set", "refused", *storm, "--account", "one", "--times", "1")
    for bot in (first, second):
        # The ban is the host's at once; a bot gates when it next looks, and it may have been gated
        # for another reason before: what it waits for does not come any more.
        state = bot.wait(lambda state: state["pacing"]["is_banned"] and state["status"] == "gated")
        assert state["reason"].startswith("the venue has banned this host until ")
    before = requests(exchange, "native")
    first.stop()
    first.start()
    state = first.state()
    assert state["pacing"]["is_banned"]
    time.sleep(2)
    assert requests(exchange, "native") == before
    assert second.log().count("venue.banned") == 1
    for bot in (first, second):
        bot.wait(lambda state: state["status"] == "running", 60)
    assert "venue.open" in second.log()
    assert over(requests(exchange, "native")).get("IP_BANNED", 0) == 1  # the fault's own
