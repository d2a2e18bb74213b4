"""A backtest's configuration: what it takes, and the sentence for what it does not."""

from decimal import Decimal

import pytest

from steelyard.backtest.config import SignalsTable, moment_ns, parse_backtest, percentage
from steelyard.backtest.settings import BarPath, Closure, Delay, Tier
from steelyard.domain.errors import ConfigError
from steelyard.domain.order import FeeAsset, MarketState
from steelyard.engine.book import QueueModel
from steelyard.trading.config import StrategyTable

PLAIN = """
[bot]
name = "trend"
environment = "backtest"
[strategy]
class = "steelyard.strategies:SmaCross"
symbol = "btc/usdt"
[backtest]
data = "bars.csv"
deposit = { usdt = "1000" }
"""


def test_defaults_err_against_the_strategy():
    """Nothing but a file and a deposit is needed; what is left out is pessimistic."""
    config = parse_backtest(PLAIN)
    assert isinstance(config.strategy, StrategyTable)
    assert config.strategy.symbol == "BTC-USDT"
    assert config.risk is None
    settings = config.settings
    assert settings.deposits == {"USDT": Decimal(1000)}
    assert settings.taker == Decimal("0.001")
    assert settings.path is BarPath.PESSIMISTIC
    assert settings.queue is QueueModel.PESSIMISTIC
    assert (settings.fills_by_touch, settings.at_close) == (False, False)
    assert config.span_ns == (None, None)


def test_the_breakers_of_a_bot_are_taken_and_not_looked_at():
    """The same file; a mistake in them is told all the same."""
    breakers = '[breakers]\nrejects = "off"\nvenue = { threshold = 3 }\n'
    assert parse_backtest(PLAIN + breakers) == parse_backtest(PLAIN)
    with pytest.raises(ConfigError, match="did you mean 'rejects'"):
        parse_backtest(PLAIN + breakers.replace("rejects", "reject"))
    with pytest.raises(ConfigError, match=r"\[breakers\] venue threshold is '0'"):
        parse_backtest(PLAIN + breakers.replace("3", "0"))


def test_every_key_reaches_the_settings():
    config = parse_backtest(
        PLAIN
        + """
from = "2026-01-01"
to = "2026-01-02T12:00:00Z"
queue = "optimistic"
path = "nearest"
fills = "touch"
market_orders = "close"
half_spread_ticks = 2
slippage = "0.02%"
impact = "1%"
volume_share = "10%"
rejects = "5%"
seed = 7
closed = [["2026-01-01T01:00", "2026-01-01T02:00", "halted"]]
fees = { maker = "-0.005%", taker = "0.05%", asset = "received", tiers = [[0, "0.1%", "0.2%"]] }
delay = { order = "50ms", answer = "off" }
"""
    )
    settings = config.settings
    day_ns = 1_767_225_600_000_000_000
    hour_ns = 3_600_000_000_000
    assert config.span_ns == (day_ns, day_ns + 36 * hour_ns)
    assert settings.queue is QueueModel.OPTIMISTIC
    assert settings.path is BarPath.NEAREST
    assert (settings.fills_by_touch, settings.at_close) == (True, True)
    assert settings.half_spread_ticks == 2
    assert settings.slippage == Decimal("0.0002")
    assert settings.impact == Decimal("0.01")
    assert settings.volume_share == Decimal("0.1")
    assert settings.rejects == Decimal("0.05")
    assert settings.seed == 7
    assert settings.closures == (
        Closure(day_ns + hour_ns, day_ns + 2 * hour_ns, MarketState.HALTED),
    )
    assert settings.maker == Decimal("-0.00005")
    assert settings.tiers == (Tier(Decimal(0), Decimal("0.001"), Decimal("0.002")),)
    assert settings.fee_asset is FeeAsset.RECEIVED
    assert settings.order_delay == Delay.constant(50_000_000)
    assert settings.answer_delay == Delay.constant(0)


def test_a_function_may_stand_for_a_class():
    config = parse_backtest(
        PLAIN.replace('class = "steelyard.strategies:SmaCross"', 'signals = "trend:signals"')
    )
    assert isinstance(config.strategy, SignalsTable)
    assert config.strategy.signals == "trend:signals"


def test_legs_are_not_for_a_backtest():
    """Of one instrument: it says what plays several."""
    with pytest.raises(ConfigError, match="`steelyard backtest` plays them together"):
        parse_backtest(PLAIN + '[legs.one]\nsymbol = "BTC-USDT"\n')


def test_the_file_of_a_bot_will_do():
    """What only a bot at a venue needs is passed over, and its limits count."""
    config = parse_backtest(
        PLAIN
        + """
[venue.main]
dialect = "binance"
[risk]
max_order_notional = "100"
max_position = "1"
max_open_orders = 5
price_collar = "2%"
stop_loss = "5%"
"""
    )
    assert config.risk is not None
    assert config.risk.limits.max_open_orders == 5
    assert config.risk.stop_loss_share == Decimal("0.05")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("deposit", "depot"), "[backtest] 'depot' is not a key of the configuration; did you"),
        (('data = "bars.csv"', ""), "[backtest] says neither data (a file) nor venue"),
        (('data = "bars.csv"', 'data = "b"\nkind = "ticks"'), "[backtest] kind is 'ticks'"),
        (('data = "bars.csv"', 'data = "b"\nsteps = "mine"'), "[backtest] steps is 'mine'"),
        (('data = "bars.csv"', 'data = "b"\npath = "best"'), "[backtest] path is 'best'; it must"),
        (('data = "bars.csv"', 'data = "b"\nslippage = "0.1"'), "[backtest] slippage is '0.1'"),
        (('data = "bars.csv"', 'data = "b"\nfrom = "soon"'), "[backtest] from is 'soon'; write a"),
        (
            ('data = "bars.csv"', 'data = "b"\nfrom = "2026-01-02"\nto = "2026-01-01"'),
            "[backtest] to is 2026-01-01, which is not after 2026-01-02",
        ),
        (('data = "bars.csv"', 'data = "b"\nseed = "x"'), "expected `int`"),
        (('data = "bars.csv"', 'data = "b"\nfees = { make = "1%" }'), "[backtest.fees] 'make'"),
        (('data = "bars.csv"', 'data = "b"\ndelay = { order = "soon" }'), "[backtest.delay] order"),
        (('class = "steelyard.strategies:SmaCross"', 'class = "x"'), "[strategy] class is 'x'"),
        (('class = "steelyard.strategies:SmaCross"', 'signals = "x"'), "[strategy] signals is 'x'"),
        (("[bot]", "[bot"), "the configuration is not TOML"),
    ],
)
def test_what_is_wrong_is_named(change, said):
    with pytest.raises(ConfigError) as caught:
        parse_backtest(PLAIN.replace(*change))
    assert said in str(caught.value)


def test_percentages_and_moments_are_exact():
    assert percentage("0.1%", "x") == Decimal("0.001")
    assert percentage("-0.005 %", "x") == Decimal("-0.00005")
    for text in ("1", "x%", "101%", "nan%"):
        with pytest.raises(ConfigError, match=r"x is .*; write a percentage"):
            percentage(text, "x")
    assert moment_ns("1970-01-01T00:00:01.5+00:00", "x") == 1_500_000_000
    assert moment_ns("1970-01-01T02:00:00+02:00", "x") == 0
