"""What a run assumes: refused where it contradicts itself, and said in sentences."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.backtest import settings as assumed
from steelyard.backtest.settings import BarPath, Closure, Delay, Tier
from steelyard.domain.errors import ConfigError
from steelyard.domain.order import FeeAsset, MarketState
from steelyard.engine.book import QueueModel
from tests.backtest.market import BTC, settings_of

TIERS = (Tier(Decimal(0), Decimal("0.001"), Decimal("0.002")),)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"deposits": {"ETH": Decimal(1)}}, "ETH is not traded in BTC-USDT; deposit USDT or BTC"),
        ({"deposits": {"USDT": Decimal(-1)}}, "USDT is -1; it must be an amount"),
        ({"deposits": {"USDT": Decimal("NaN")}}, "it must be an amount"),
        ({"deposits": {"USDT": Decimal(0)}}, "there is no money; deposit USDT"),
        ({"deposits": {}}, "there is no money"),
        ({"taker": Decimal("-0.1")}, r"taker is -0.1 \(-10 %\); it must be from 0 %"),
        ({"taker": Decimal("1.1")}, "taker is 1.1"),
        ({"maker": Decimal(-1)}, "maker is -1"),
        ({"slippage": Decimal("Infinity")}, "slippage is Infinity"),
        ({"volume_share": Decimal(2)}, "volume_share is 2"),
        ({"rejects": Decimal(2)}, "rejects is 2"),
        ({"impact": Decimal("-0.1")}, "impact is -0.1"),
        ({"tiers": TIERS * 17}, "17 of them; at most 16"),
        ({"tiers": (TIERS[0]._replace(volume=Decimal(1)),)}, "volumes begin with 0 and rise"),
        ({"tiers": TIERS * 2}, "volumes begin with 0 and rise"),
        ({"tiers": (TIERS[0]._replace(taker=Decimal(2)),)}, "tiers: taker is 2"),
        ({"half_spread_ticks": -1}, "half_spread_ticks must not be negative"),
        ({"half_spread_ticks": 2**60}, r"2\^53 is the most"),
        ({"seed": -1}, r"seed is -1; it is a whole number from 0 to 2\^64 - 1"),
        ({"seed": 2**64}, r"it is a whole number from 0 to 2\^64 - 1"),
        (
            {
                "tiers": (
                    Tier(Decimal(0), Decimal(0), Decimal(0)),
                    Tier(Decimal(10**60), Decimal(0), Decimal(0)),
                )
            },
            "tiers: a volume is",
        ),
        ({"order_delay": Delay.constant(10**17)}, "order_delay: a delay is more than a day"),
        ({"closures": (Closure(1, 2**80),)}, "closures must be between the years 1970 and 2200"),
        ({"order_delay": Delay("guess")}, "order_delay: 'guess' must be constant"),
        ({"order_delay": Delay("samples", ())}, "order_delay: 0 delays; give 1 to"),
        ({"answer_delay": Delay.constant(-1)}, "answer_delay: a delay is negative"),
        ({"closures": (Closure(5, 4),)}, "closures must come in time order"),
        ({"closures": (Closure(1, 5), Closure(4, 6))}, "closures must come in time order"),
        ({"curve_ns": 0}, "curve_ns must be above 0"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], text: str):
    """The message names the setting and says what is possible."""
    with pytest.raises(ConfigError, match=text):
        assumed.check(settings_of(**changes), BTC)


def test_what_is_possible_is_taken():
    """The ends of each range, too."""
    assumed.check(
        settings_of(
            maker=Decimal("-0.9"),
            taker=Decimal(1),
            volume_share=Decimal(1),
            rejects=Decimal(1),
            tiers=TIERS,
            closures=(Closure(1, 5), Closure(5, 6, MarketState.HALTED)),
        ),
        BTC,
    )


def test_the_machine_takes_whole_numbers():
    """Rates in parts of 1e8, enums by number, and what is finer than a part is lost."""
    found = assumed.for_machine(
        settings_of(
            path=BarPath.NEAREST,
            slippage=Decimal("0.000000019"),
            closures=(Closure(1, 2, MarketState.HALTED),),
            order_delay=Delay.recorded([(9, 2), (1, 3)]),
            fee_asset=FeeAsset.RECEIVED,
        ),
        is_tape=False,
    )
    assert found["path"] == 3
    assert found["slippage_e8"] == 1
    assert found["closures"] == [(1, 2, int(MarketState.HALTED))]
    assert found["order_latency"] == ("recorded", [(1, 3), (9, 2)])
    assert found["fee_asset"] == int(FeeAsset.RECEIVED)
    assert found["mark_ns"] == 0
    tape = assumed.for_machine(settings_of(curve_ns=7), is_tape=True)
    assert tape["mark_ns"] == 7


@pytest.mark.parametrize(
    ("delay", "text"),
    [
        (Delay(), "0 ms"),
        (Delay.constant(1_500_000), "1.5 ms"),
        (
            Delay.samples([3_000_000, 1_000_000, 2_000_000]),
            "drawn from 3 measurements, median 2 ms, at most 3 ms",
        ),
        (
            Delay.recorded([(0, 4_000_000)]),
            "as recorded in 1 measurements, median 4 ms, at most 4 ms",
        ),
    ],
)
def test_a_delay_in_words(delay: Delay, text: str):
    """What a report says of it."""
    assert delay.text == text


def lines(*, is_tape: bool = False, **changes: Any) -> dict[str, str]:
    found = assumed.assumptions(settings_of(**changes), BTC, is_tape=is_tape)
    return {line[0]: line[1] for line in found}


def test_everything_that_is_assumed_of_bars_is_said():
    """The defaults, and what differs from them."""
    said = lines()
    assert said["account"] == "1000000 USDT, 1000 BTC"
    assert said["fees"] == "0 % maker, 0 % taker, paid in USDT"
    assert said["inside a bar"] == "the extreme that is worse for the position came first"
    assert said["market orders trade at"] == "the next open"
    assert said["a resting order fills when the market"] == "goes through its price"
    assert said["a taker pays beyond the bar's price"] == "nothing"
    assert said["size"] == "any"
    assert "closed" not in said
    said = lines(
        at_close=True,
        fills_by_touch=True,
        half_spread_ticks=2,
        slippage=Decimal("0.001"),
        impact=Decimal("0.1"),
        volume_share=Decimal("0.25"),
        closures=(Closure(1, 2),),
        rejects=Decimal("0.5"),
        tiers=TIERS,
        fee_asset=FeeAsset.RECEIVED,
    )
    assert said["market orders trade at"] == "the close that they follow from"
    assert said["a resting order fills when the market"] == "touches its price"
    assert said["a taker pays beyond the bar's price"] == (
        "2 ticks and 0.1 % of the price and 10 % for each whole volume of the bar"
    )
    assert said["size"] == "up to 25 % of a bar's volume"
    assert said["closed"] == "1 times"
    assert said["refused for no reason"] == "50 %"
    assert said["fees"] == (
        "by 30-day volume: from 0 on 0.1 % maker, 0.2 % taker; paid in what is received"
    )


def test_a_tape_has_a_queue_and_no_path():
    """What is assumed of bars is not said of a tape."""
    said = lines(is_tape=True, queue=QueueModel.OPTIMISTIC)
    assert said["queue"] == "optimistic"
    assert "inside a bar" not in said
