"""Each ready-made strategy lives an hour on the exchange, with a crash, a restart and a cut."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from steelyard import strategies
from steelyard.cli.trader_strategy import guarded
from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import Fill
from steelyard.sim.hour import HOUR_NS, Hour, Lived, Site
from steelyard.sim.quoter import TriangleQuoter
from steelyard.sim.world_auditor import Violation
from steelyard.store import segment
from steelyard.trading import risk
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.strategy import Strategy

CONFIG = """
[bot]
name = "{name}"
environment = "sandbox"
[venue.main]
dialect = "{dialect}"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:EXAMPLE"
[strategy]
class = "steelyard.strategies:{kind}"
symbol = "BTC-USDT"
[risk]
max_order_notional = "2000"
max_position = "0.1"
max_open_orders = 20
price_collar = "5%"
"""
SCALE: dict[str, dict[str, Any]] = {
    # The simulated price stays around 60,000, within some thousandths of a percent.
    "DipBuyer": {"below": "60000", "size": "0.001", "every": "60s"},
    "Dca": {"spend": "20", "every": "1m"},
    "SmaCross": {"fast": 3, "slow": 8, "size": "0.01", "bar": "10s"},
    "EmaCross": {"fast": 3, "slow": 8, "margin": "0", "size": "0.01", "bar": "10s"},
    "Momentum": {"bars": 5, "enter": "0.002", "size": "0.01", "bar": "10s", "both_ways": True},
    "MeanReversion": {"bars": 20, "enter": "1.5", "size": "0.01", "bar": "10s"},
    "Grid": {"low": "59960", "high": "60040", "lines": 9, "size": "0.002", "every": "5s"},
    "MarketMaker": {"spread": "0.003", "size": "0.002", "inventory_max": "0.02", "pause": "20s"},
}


# Of several legs: where each trades what, and the parameters; fees would make it rest.
LEGS: dict[str, tuple[dict[str, tuple[str, str]], dict[str, Any]]] = {
    "CrossVenueArbitrage": (
        {"one": ("here", "BTC-USDT"), "other": ("there", "BTC-USDT")},
        {"edge": "0.001", "fees": "0", "size": "0.005", "inventory_max": "0.02", "pause": "5s"},
    ),
    "TriangularArbitrage": (
        {
            "first": ("here", "BTC-USDT"),
            "second": ("here", "ETH-BTC"),
            "third": ("here", "ETH-USDT"),
        },
        {"edge": "0.01", "fee": "0", "spend": "100", "pause": "60s"},
    ),
    "Rebalancer": (
        {"btc": ("here", "BTC-USDT"), "eth": ("there", "ETH-USDT")},
        {
            "shares": {"btc": "10", "eth": "20"},
            "capital": "10000",
            "band": "0.05",
            "every": "30s",
        },
    ),
}
RICH = {"USDT": Decimal(50_000), "BTC": Decimal(1), "ETH": Decimal(10)}
SITES = {
    "CrossVenueArbitrage": {"here": Site("binance"), "there": Site("kraken")},
    "TriangularArbitrage": {"here": Site("binance", TriangleQuoter, RICH)},
    "Rebalancer": {"here": Site("binance"), "there": Site("native", TriangleQuoter, RICH)},
}


def config_of(kind: str, dialect: str, name: str = "bot", symbol: str = "BTC-USDT") -> BotConfig:
    text = CONFIG.format(name=name, kind=kind, dialect=dialect)
    if kind == "Rebalancer":  # what it trades is a small part of what it holds
        text = text.replace('"2000"', '"20000"').replace('"0.1"', '"5"')
    return parse_config(text.replace("BTC-USDT", symbol))


def legs_of(
    kind: str,
    length_ns: int = HOUR_NS,
    make: Callable[[], Strategy] | None = None,
    **hour_options: Any,
) -> tuple[Hour, Lived]:
    """Let a strategy of several legs live."""
    legs, parameters = LEGS[kind]
    sites = SITES[kind]
    bots = [
        (site, config_of(kind, sites[site].dialect, name, symbol))
        for name, (site, symbol) in legs.items()
    ]
    new = make or (lambda: getattr(strategies, kind)(**parameters))
    hour = Hour(sites, bots, new, segment, **hour_options)
    return hour, hour.live(length_ns)


def hour_of(kind: str, length_ns: int = HOUR_NS, dialect: str = "binance") -> tuple[Hour, Lived]:
    """Let a ready-made strategy live."""

    def make() -> Strategy:
        return getattr(strategies, kind)(**SCALE[kind])

    hour = Hour({"here": Site(dialect)}, [("here", config_of(kind, dialect))], make, segment)
    return hour, hour.live(length_ns)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SCALE)
def test_an_hour_breaks_no_rule(kind: str):
    """Nothing is doubled, lost or miscounted, no limit passed; and it does trade."""
    hour, lived = hour_of(kind)
    assert hour.bots[0].starts == 2
    assert lived.counts["arrived"] >= 10
    truth = hour.auditors["here"].truth(hour.bots[0])
    assert any(order.filled_lots for order in truth.orders.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEGS)
def test_an_hour_on_several_legs_breaks_no_rule(kind: str):
    """Of any leg: each is a bot; and each of them trades."""
    hour, lived = legs_of(kind)
    assert {bot.starts for bot in hour.bots} == {2}
    for bot, (site, _) in zip(hour.bots, LEGS[kind][0].values(), strict=True):
        truth = hour.auditors[site].truth(bot)
        assert any(order.filled_lots for order in truth.orders.values()), bot.name
    assert lived.counts["arrived"] >= 10


def test_a_few_minutes_on_several_legs():
    """The same each time, too."""
    first, second = (legs_of("TriangularArbitrage", HOUR_NS // 60)[1] for _ in range(2))
    assert first == second
    assert first.counts["arrived"] >= 3


def test_a_strategy_that_raises_leaves_no_order_behind_unattended():
    """In a call of one leg: both fail, and what both have at their venues is still agreed on."""

    class Torn(strategies.CrossVenueArbitrage):
        def on_fill(self, fill: Fill) -> None:
            raise RuntimeError("torn")

    parameters = LEGS["CrossVenueArbitrage"][1]
    hour, _ = legs_of(
        "CrossVenueArbitrage", HOUR_NS // 20, lambda: Torn(**parameters), guard=guarded
    )
    for bot in hour.bots:
        assert bot.trader.host.failure is not None
        assert bot.trader.status.word == "gated"


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["coinbase-exchange", "kraken", "native"])
def test_the_maker_lives_on_each_venue(dialect: str):
    """It is the busiest, and quotes rest and are taken back everywhere."""
    _, lived = hour_of("MarketMaker", HOUR_NS // 6, dialect)
    assert lived.counts["arrived"] >= 10


def test_a_few_minutes_are_the_same_each_time():
    """To the last byte that is sent and written: a failure can be looked at again."""
    first, second = (hour_of("Grid", HOUR_NS // 20)[1] for _ in range(2))
    assert first == second
    assert first.counts["arrived"] > 5


def test_what_must_not_be_is_found(monkeypatch: pytest.MonkeyPatch):
    """A bot whose limits hold nothing back goes beyond them, and the hour ends with the rule."""

    def lax(place: Place, *_: object) -> risk.Approved:
        return risk.Approved(place)

    monkeypatch.setattr(risk, "check", lax)
    monkeypatch.setitem(SCALE, "Grid", SCALE["Grid"] | {"size": "0.05"})
    with pytest.raises(Violation) as caught:
        hour_of("Grid", HOUR_NS // 20)
    assert caught.value.rule == "max_order_notional"
