"""Limits and breakers of a bot in a process of its own, tripped over an exchange's real API."""

import json
from decimal import Decimal

import pytest
from bot_process import Bot, config_text, open_account
from exchange_here import ExchangeHere

from steelyard.trading.records import (
    BreakerResumed,
    BreakerTripped,
    FillSeen,
    IntentRefused,
    Killed,
    OrderPending,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STRATEGIES = """
from decimal import Decimal

from steelyard.trading.strategy import Strategy


class Tries(Strategy):
    # Buys in each slot; after a refusal it sells what it has, once.
    class Params(Strategy.Params, frozen=True, kw_only=True):
        size: Decimal = Decimal("0.001")
        price: Decimal | None = None
        buys: int = 1_000

    def on_start(self):
        self.every("300ms")
        self.bought, self.last, self.sold = 0, None, False

    def on_timer(self, timer):
        if self.last is not None and self.last.refusal and self.position.size > 0 and not self.sold:
            self.sold = True
            self.sell(self.position.size.quantize(Decimal("0.00001")) - Decimal("0.00001"))
        elif self.bought < self.params.buys:
            self.bought += 1
            self.last = self.buy(self.params.size, self.params.price)


class Churns(Tries):
    def on_timer(self, timer):
        self.cancel_all()
        self.buy(self.params.size, self.params.price)
"""
ALL_OFF = ("slippage", "rejects", "heartbeats", "staleness", "volatility", "venue", "order_rate")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One exchange for the tests of this file, which may do to it what they like."""
    data = tmp_path_factory.mktemp("risk") / "data"
    with ExchangeHere(data, "--crowd", "1") as running:
        yield running


@pytest.fixture
def start(place, tmp_path):
    bots = []
    (tmp_path / "risk_strategies.py").write_text(STRATEGIES)

    def start(
        name: str,
        more: str,
        strategy: str = "Tries",
        venue: str = "",
        usdt: int = 50_000,
        **params: str | int,
    ) -> Bot:
        told = ", ".join(f"{key} = {json.dumps(value)}" for key, value in params.items())
        config = config_text(
            place,
            name,
            venue=venue,
            strategy=f"risk_strategies:{strategy}",
            params=f"{{ {told} }}",
        )
        key = open_account(place, name, usdt=usdt)
        bot = Bot(tmp_path, config + more, key, name)
        bots.append(bot)
        bot.start()
        return bot

    yield start
    for bot in bots:
        bot.end()
    place.steelyard("faults", "clear")


def only(name: str, rule: str) -> str:
    """Return a configuration of breakers with one of them."""
    lines = [f'{other} = "off"' for other in ALL_OFF if other != name]
    return "\n[breakers]\n" + "\n".join([*lines, f"{name} = {{ {rule} }}"]) + "\n"


def breaker(state: dict, name: str) -> dict:
    return next(b for b in state["breakers"] if b["name"] == name)


def has_tripped(name: str):
    return lambda state: breaker(state, name)["state"] == "tripped"


def has_resumed(name: str):
    return lambda state: breaker(state, name)["state"] == "ready"


def of(bot: Bot, kind: type) -> list:
    return [message for _, message in bot.journal() if isinstance(message, kind)]


def check_held(bot: Bot, name: str) -> None:
    """Check a stopped bot's journal: nothing that adds risk was decided on while it was tripped."""
    is_tripped, tripped = False, 0
    for _, message in bot.journal():
        match message:
            case BreakerTripped():
                assert message.name == name
                is_tripped, tripped = True, tripped + 1
            case BreakerResumed():
                is_tripped = False
            case OrderPending(place_):
                assert not is_tripped or place_.side.name == "SELL"
    assert tripped


# -- limits ---------------------------------------------------------------------------------------


def test_limits_refuse_over_the_real_api(start):
    """Each by its name, with its value and the way out; what reduces passes."""
    large = start("large", 'max_order_size = "0.0005"\n')
    often = start("often", "max_orders_per_minute = 3\n", size="0.0001", price="30000")
    heavy = start("heavy", 'max_leverage = "0.004"\n')  # a two hundred and fiftieth of 50,000
    for bot, limit in ((large, "max_order_size"), (often, "max_orders_per_minute")):
        state = bot.wait(lambda s: s["risk"]["refused"] > 0)
        assert state["risk"]["last_refusal"].startswith(f"{limit} is ")
        assert f"[risk] {limit}" in state["risk"]["last_refusal"]
    state = often.state()
    use = next(u for u in state["risk"]["limits"] if u["name"] == "max_orders_per_minute")
    assert (use["limit"], use["used"]) == ("3", "3")
    state = heavy.wait(lambda s: s["risk"]["refused"] > 0)
    assert state["risk"]["last_refusal"].startswith("max_leverage is 0.004, with this order")
    assert Decimal(state["position"]["size"]) > 0
    assert all(bot.stop() == 0 for bot in (large, often, heavy))
    assert of(large, OrderPending) == []
    assert len(of(often, OrderPending)) == 3
    assert {m.limit for m in of(heavy, IntentRefused)} >= {"max_leverage"}


def test_a_days_loss_and_a_drawdown(start):
    """A fee is a loss: the day ends for what adds risk, but not for the way out; or it kills."""
    lost = start("lost", 'max_daily_loss = "0.05"\n')
    fell = start("fell", 'max_drawdown = "0.05"\n')
    lost.wait(lambda s: s["risk"]["refused"] > 0 and float(s["position"]["size"]) < 0.0005)
    state = lost.state()
    assert "max_daily_loss is 0.05 USDT, today has lost 0." in state["risk"]["last_refusal"]
    state = fell.wait(lambda s: s["status"] == "killed")
    assert "[risk] max_drawdown is 0.05" in state["reason"]
    assert (lost.stop(), fell.stop()) == (0, 0)
    (killed,) = of(fell, Killed)
    assert killed.why.startswith("profit has fallen by 0.")
    sides = [m.fill.side.name for m in of(lost, FillSeen)]
    assert sides[-1] == "SELL"


def test_all_bots_of_a_directory_share_their_exposure(start):
    """What one has, another one cannot have; also when the first has stopped and holds it still."""
    more = 'max_gross_exposure = "150"\n'
    first = start("first", more, buys=2)
    first.wait(lambda s: len(s["fills"]) == 2)
    assert first.stop() == 0
    second = start("second", more)
    state = second.wait(lambda s: s["risk"]["refused"] > 0)
    said = state["risk"]["last_refusal"]
    assert said.startswith("max_gross_exposure is 150 USDT, with this order and all open ones")
    assert "and first has 1" in said
    assert state["fills"] == []


# -- breakers -------------------------------------------------------------------------------------


def test_rejects(start):
    """The venue refuses for want of money; a person says when it may go on."""
    rule = 'threshold = 2, window = "1m", resume = "person"'
    bot = start("refused", only("rejects", rule), usdt=10)
    state = bot.wait(has_tripped("rejects"))
    assert state["status"] == "gated"
    assert "steelyard breaker resume BOT rejects" in state["reason"]
    assert "INSUFFICIENT_BALANCE" in breaker(state, "rejects")["text"]
    assert bot.stop() == 0
    bot.start()  # and through a restart
    state = bot.wait(lambda s: s["status"] == "gated")
    assert breaker(state, "rejects")["state"] == "tripped"
    assert bot.stop() == 0
    check_held(bot, "rejects")


def test_slippage(start):
    """A market order pays half the spread, a tick at least: more than is allowed here."""
    rule = 'threshold = "0.000001%", window = "3s", resume = "ended"'
    bot = start("slipped", only("slippage", rule))
    bot.wait(has_tripped("slippage"))
    bot.wait(lambda s: s["risk"]["refused"] > 0 and float(s["position"]["size"]) < 0.0005)
    assert bot.stop() == 0
    check_held(bot, "slippage")
    assert of(bot, OrderPending)[0].mid_half_ticks > 0


def test_volatility(start):
    """The crowd's market moves; by more than next to nothing."""
    rule = 'threshold = "0.0001%", window = "5s", resume = "person"'
    bot = start("shaken", only("volatility", rule))
    state = bot.wait(has_tripped("volatility"))
    assert "moved by more than 0.0001% within 5s" in breaker(state, "volatility")["text"]
    assert bot.stop() == 0
    check_held(bot, "volatility")


def test_order_rate(start):
    """Placing and canceling in a loop ends; what rests is canceled where that is wanted."""
    rule = 'threshold = 7, window = "1m", resume = "person"'
    text = only("order_rate", rule).replace("[breakers]", '[breakers]\nopen_orders = "cancel"')
    bot = start("looping", text, "Churns", size="0.001", price="30000")
    bot.wait(has_tripped("order_rate"))
    bot.wait(lambda s: not s["orders"])
    assert bot.stop() == 0
    check_held(bot, "order_rate")
    assert len(of(bot, OrderPending)) == 4


def test_heartbeats(start, place):
    """A stream that is cut again and again."""
    rule = 'threshold = 3, window = "20s", resume = "2s"'
    bot = start("cut", only("heartbeats", rule))
    bot.wait(lambda s: s["status"] == "running")
    place.steelyard("faults", "set", "reset-stream", "--where", "book", "--times", "3")
    state = bot.wait(has_tripped("heartbeats"))
    assert "the market stream" in breaker(state, "heartbeats")["text"]
    bot.wait(has_resumed("heartbeats"))
    assert bot.stop() == 0
    check_held(bot, "heartbeats")


def test_staleness(start, place):
    """A book that says nothing any more, and whose snapshots say that it should."""
    rule = 'threshold = "1s", window = "6s", resume = "ended"'
    bot = start("blind", only("staleness", rule), venue='stale_book = "1s"')
    bot.wait(lambda s: s["status"] == "running")
    place.steelyard("faults", "set", "silent-stream", "--where", "book")
    state = bot.wait(has_tripped("staleness"))
    assert "book" in breaker(state, "staleness")["text"].rpartition("; the last was")[2]
    place.steelyard("faults", "clear")
    bot.wait(has_resumed("staleness"))
    assert bot.stop() == 0
    check_held(bot, "staleness")


def test_venue(start, place):
    """A market that is halted, and later a maintenance; each ends, and trading goes on."""
    rule = 'threshold = 1, window = "2s", resume = "ended"'
    bot = start("closed", only("venue", rule), buys=1_000, size="0.0001")
    bot.wait(lambda s: s["fills"])
    place.steelyard("exchange", "market", "BTC-USDT", "--state", "halted")
    state = bot.wait(has_tripped("venue"))
    assert "MARKET_HALTED" in breaker(state, "venue")["text"]
    place.steelyard("exchange", "market", "BTC-USDT", "--state", "open")
    bot.wait(has_resumed("venue"))
    where = ("--where", "POST /api/v3/order")
    place.steelyard("faults", "set", "maintenance", *where, "--times", "1")
    state = bot.wait(has_tripped("venue"))
    bot.wait(has_resumed("venue"))
    assert bot.stop() == 0
    check_held(bot, "venue")
    assert len(of(bot, BreakerTripped)) >= 2
