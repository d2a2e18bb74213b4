"""A bot on an exchange whose clock is wrong, leaps or stands still: it goes on trading, in order.

Its timers are this machine's; its bars are in the market's time.
"""

import re
import time
from typing import NamedTuple

import pytest
from bot_process import Bot, config_text
from demo_process import Demo
from exchange_here import ExchangeHere
from native_client import CLOCK

from steelyard.domain.messages import SECOND_NS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
FROZEN_S = 6
DEMO_S = 100  # its averages have to cross
STRATEGY = """
from steelyard.trading.duration import Duration
from steelyard.trading.strategy import Strategy

class Ticks(Strategy):
    bar_interval = Duration("1s")

    def on_start(self):
        self.every("1s")

    def on_timer(self, timer):
        self.buy("0.001") if self.position.size < 0.005 else self.sell("0.004")

    def on_bar(self, bar):
        self.log(f"bar {bar.open_ns} {bar.trade_count} {bar.is_gapped}")
"""


class Seen(NamedTuple):
    """A bar as the strategy was told of it."""

    open_ns: int
    trades: int
    is_gapped: bool


class Running:
    """The bot and its exchange."""

    def __init__(self, exchange: ExchangeHere, bot: Bot) -> None:
        self.exchange, self.bot = exchange, bot

    def bars(self) -> list[Seen]:
        told = re.findall(r"strategy bar (\d+) (\d+) (True|False)", self.bot.log())
        return [Seen(int(open_ns), int(trades), gap == "True") for open_ns, trades, gap in told]

    def fills(self) -> int:
        return self.bot.log().count(" fill ")

    def go_on(self, bars: int = 4, fills: int = 2) -> list[Seen]:
        """Wait until so many more bars with trades and fills have come; return those bars."""
        bars_before, fills_before = len(self.bars()), self.fills()

        def have_come(_state) -> bool:
            traded = sum(bar.trades > 0 for bar in self.bars()[bars_before:])
            return traded >= bars and self.fills() >= fills_before + fills

        state = self.bot.wait(have_come)
        assert state["status"] == "running", state
        return self.bars()[bars_before:]


@pytest.fixture
def start(tmp_path):
    """Start an exchange with options of its own, and a bot on it."""
    (tmp_path / "clock_strategies.py").write_text(STRATEGY)
    opened = []

    def start(*options: str, **of_key: str) -> Running:
        exchange = ExchangeHere(tmp_path / "exchange", "--crowd", "1", *options)
        exchange.start()
        opened.append(exchange)
        config = config_text(
            exchange,
            "ticks",
            strategy="clock_strategies:Ticks",
            params="{}",
            venue='skew_max = "3h"',
        )
        key = exchange.trader("ticks", {"USDT": "50000"}, dialect="binance", **of_key)
        bot = Bot(tmp_path, config, key, "ticks")
        opened.append(bot)
        bot.start()
        return Running(exchange, bot)

    yield start
    for one in reversed(opened):
        one.end() if isinstance(one, Bot) else one.stop()


@pytest.mark.parametrize("skew", ["2h", "-2h", "3s"])
def test_a_bot_trades_where_the_venues_clock_is_wrong(start, skew):
    """It signs by the venue's clock and has its bars by the market's, which is this machine's."""
    running = start("--skew", skew)
    bars = running.go_on()
    assert abs(bars[-1].open_ns - CLOCK.now_ns()) < 10 * SECOND_NS
    assert "market.time" in running.bot.log()
    assert running.bot.stop() == 0


def test_a_bot_goes_on_forty_days_later(start):
    """The days between are one gap in its bars; orders and fills go on."""
    running = start()
    running.go_on()
    running.exchange.steelyard("clock", "advance", "40d")
    leapt = running.go_on()
    assert leapt[-1].open_ns > CLOCK.now_ns() + 39 * DAY_NS
    every = running.bars()
    assert sum(bar.is_gapped for bar in every) == 1
    assert [bar.open_ns for bar in every] == sorted({bar.open_ns for bar in every})
    assert len(every) < 100
    assert re.search("market's time is 345[0-9]{7} ms ahead", running.bot.log())
    assert running.bot.stop() == 0


def test_a_bot_whose_key_has_expired_by_then_says_so(start):
    """It sends no order any more, and goes on asking."""
    running = start(expires="30d")
    running.go_on()
    running.exchange.steelyard("clock", "advance", "40d")
    state = running.bot.wait(lambda state: "key has expired" in (state["reason"] or ""))
    assert state["status"] == "gated"
    assert running.bot.stop() == 0


def test_a_bot_waits_out_a_frozen_market(start):
    """Its orders are taken meanwhile; its bars wait, and afterwards have trades again."""
    running = start()
    running.go_on()
    frozen_ns = running.exchange.steelyard("clock", "freeze")["sandbox"] * 10**6
    fills = running.fills()
    time.sleep(FROZEN_S)
    assert running.fills() > fills
    assert max(bar.open_ns for bar in running.bars()) < frozen_ns + 4 * SECOND_NS
    running.exchange.steelyard("clock", "resume")
    resumed = running.go_on()
    assert resumed[-1].open_ns < CLOCK.now_ns() - (FROZEN_S - 2) * SECOND_NS
    opens = [bar.open_ns for bar in running.bars()]
    assert opens == sorted(set(opens))
    assert running.bot.stop() == 0


def test_a_bot_does_not_start_where_the_clocks_are_too_far_apart(tmp_path):
    """It says whose, by how much, and what to do; nothing is ordered."""
    with ExchangeHere(tmp_path / "exchange", "--crowd", "1", "--skew", "2h") as exchange:
        key = exchange.trader("ticks", {"USDT": "50000"}, dialect="binance")
        bot = Bot(tmp_path, config_text(exchange, "ticks"), key, "ticks")
        bot.launch()
        assert bot.process.wait(60) == 2
        bot.process.stdout.close()
    said = bot.log()
    assert "this machine's clock is 7200 s behind the venue's" in said
    assert "clock.host" in said
    assert "order" not in said


def test_a_clock_that_jumps_while_a_bot_trades_is_measured_at_once(tmp_path):
    """The venue refuses its times once; then it signs by the new ones, and trades on."""
    with ExchangeHere(tmp_path / "exchange", "--crowd", "1") as exchange:
        key = exchange.trader("ticks", {"USDT": "50000"}, dialect="binance")
        with Bot(tmp_path, config_text(exchange, "ticks"), key, "ticks") as bot:
            bot.wait(lambda state: state["fills"])
            skew = ("--dialect", "binance", "--skew", "30s")
            exchange.steelyard("faults", "set", "clock-skew", *skew)
            seen = len(bot.state()["fills"])
            state = bot.wait(lambda state: len(state["fills"]) >= seen + 3)
            assert abs(state["clock"]["offset_us"] - 30_000_000) < 2_000_000
            said = bot.log()
            assert "clock.blamed" in said
            assert "clock.leapt" in said
            assert bot.stop() == 0


def test_a_bot_is_restarted_on_a_shifted_clock(start):
    """It finds its orders and fills again, and has bars at once."""
    running = start("--skew", "2h")
    running.exchange.steelyard("clock", "advance", "40d")
    running.go_on()
    assert running.bot.stop() == 0
    running.bot.start()
    running.go_on()
    assert "reconcile.differs" not in running.bot.log()
    assert running.bot.stop() == 0


@pytest.mark.timeout(300)
@pytest.mark.night
def test_the_demo_goes_on_after_a_leap_and_a_pause(tmp_path):
    """What `make run` starts."""
    with Demo(tmp_path / "data") as demo:
        demo.wait(lambda bot: bot["fills"])
        for change in (("advance", "40d"), ("freeze",), ("resume",)):
            code, _ = demo.steelyard("clock", *change)
            assert code == 0
            if change == ("freeze",):
                time.sleep(FROZEN_S)
                continue
            seen = {fill["trade_id"] for fill in demo.bot()["fills"]}
            demo.wait(lambda bot, seen=seen: {f["trade_id"] for f in bot["fills"]} - seen, DEMO_S)
        assert demo.bot()["status"] == "running"
        assert demo.stop() == 0
