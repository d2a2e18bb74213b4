"""What each rung asks: one criterion at a time is not met, and that one alone is missing."""

from decimal import Decimal

import msgspec
import pytest

from steelyard.domain.errors import UsageError
from steelyard.trading.config import Environment, RiskTable
from steelyard.trading.evidence import DAY_NS, Evidence, Identity
from steelyard.trading.ladder import (
    CANARY_CAP,
    NEEDS,
    Backtested,
    Grant,
    after,
    cap_of,
    capped,
    granted,
    judge,
    judge_backtest,
    judge_rungs,
    unmet,
)

DIP = Identity("a:Dip", "BTC-USDT", {"below": "1"})
OTHER = Identity("a:Dip", "BTC-USDT", {"below": "2"})
SLIPPAGE = Decimal("0.0002")
GOOD = Evidence(
    bot="dip",
    environment="paper",
    identity=DIP,
    open_ns=8 * DAY_NS,
    days=9,
    orders=100,
    refused=1,
    fills=90,
    slippage=Decimal("0.0003"),
    fall_atoms=5,
    exposure_atoms=100,
    markets=("live binance wss://data-stream.binance.vision",),
)


def grant(environment: Environment, identity: Identity = DIP, cap: str | None = None) -> Grant:
    return Grant(
        bot="dip",
        environment=environment,
        identity=identity,
        cap=None if cap is None else Decimal(cap),
        who="me",
        why="it did well",
        time_ns=1,
    )


def missing(evidence: Evidence, slippage: Decimal | None = SLIPPAGE) -> list[str]:
    return [it.name for it in unmet(judge(evidence, slippage), ())]


def test_good_evidence_lacks_nothing():
    assert missing(GOOD) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"open_ns": DAY_NS}, "time"),
        ({"days": 6}, "days"),
        ({"fills": 29}, "fills"),
        ({"refused": 11}, "rejects"),
        ({"orders": 0, "refused": 0}, "rejects"),
        ({"fall_atoms": 16}, "drawdown"),
        ({"exposure_atoms": 0}, "drawdown"),
        ({"slippage": Decimal("0.0008")}, "slippage"),
        ({"slippage": None}, "slippage"),
        ({"incidents": ("it was killed",)}, "incidents"),
    ],
)
def test_what_is_not_shown_is_missing(change, name):
    """Each criterion alone, also where the number is not known at all."""
    assert missing(msgspec.structs.replace(GOOD, **change)) == [name]


def test_without_a_backtest_slippage_is_not_shown():
    """There is nothing to compare with, and that is not a yes."""
    assert missing(GOOD, None) == ["slippage"]


def test_rungs_ask_for_more_the_higher_they_are():
    """No later rung is easier than one before it."""
    for lower, higher in zip(list(NEEDS.values()), list(NEEDS.values())[1:], strict=False):
        assert lower.open_ns <= higher.open_ns
        assert lower.days <= higher.days
        assert lower.fills <= higher.fills
        assert lower.refused_max >= higher.refused_max
        assert lower.fall_max >= higher.fall_max


def test_a_report_with_a_serious_warning_or_few_fills_is_not_enough():
    report = Backtested(identity=DIP, fills=30, slippage=None, serious=())
    assert unmet(judge_backtest(report), ()) == []
    few = msgspec.structs.replace(report, fills=29)
    doubtful = msgspec.structs.replace(report, serious=("luck",))
    assert [it.name for it in unmet(judge_backtest(few), ())] == ["fills"]
    assert [it.name for it in unmet(judge_backtest(doubtful), ())] == ["warnings"]


def test_a_criterion_is_waived_by_name_but_not_incidents_and_not_rungs():
    """What is waived has to be asked for; what is dangerous is never waived."""
    bad = msgspec.structs.replace(GOOD, days=1, incidents=("it was killed",))
    assert [it.name for it in unmet(judge(bad, SLIPPAGE), ["days"])] == ["incidents"]
    with pytest.raises(UsageError, match="never waived"):
        unmet(judge(bad, SLIPPAGE), ["incidents"])
    with pytest.raises(UsageError, match="what is: market, time, days, fills"):
        unmet(judge(bad, SLIPPAGE), ["day"])
    rungs = judge_rungs([], Environment.PAPER, DIP)
    with pytest.raises(UsageError, match="no rung is skipped"):
        unmet([rungs], ["granted"])


def test_no_rung_is_skipped_and_another_bot_begins_below():
    """Every rung up to where it stands is granted, for the same class, symbol and parameters."""
    grants = [grant(Environment.SANDBOX), grant(Environment.PAPER)]
    assert judge_rungs(grants, Environment.PAPER, DIP).is_met
    assert not judge_rungs(grants[1:], Environment.PAPER, DIP).is_met
    assert not judge_rungs(grants, Environment.LIVE_CANARY, DIP).is_met
    assert not judge_rungs(grants, Environment.PAPER, OTHER).is_met
    assert granted(grants, "dip", Environment.PAPER, DIP) is grants[1]
    assert granted(grants, "dip", Environment.PAPER, OTHER) is None
    assert granted(grants, "dop", Environment.PAPER, DIP) is None
    assert granted(grants, "dip", Environment.LIVE, DIP) is None


def test_the_rungs_follow_each_other():
    rungs = [Environment.BACKTEST]
    while rungs[-1] is not Environment.LIVE:
        rungs.append(after(rungs[-1]))
    assert rungs == list(Environment)
    assert after(Environment.LIVE) is Environment.LIVE


def test_the_cap_begins_small_and_doubles():
    """Nothing is at stake below the canary; live begins where the canary was."""
    assert cap_of(None, Environment.SANDBOX, "BTC-USDT") is None
    assert cap_of(None, Environment.PAPER, "BTC-USDT") == CANARY_CAP
    canary = grant(Environment.LIVE_CANARY, cap="60")
    assert cap_of(canary, Environment.LIVE_CANARY, "BTC-USDT") == 60
    assert cap_of(grant(Environment.LIVE, cap="200"), Environment.LIVE, "BTC-USDT") == 400


def test_a_canary_on_this_machine_shows_nothing_of_a_venue():
    """Its fills are made up; an older journal does not say where they are from."""
    for venue, is_met in (
        ("binance http://127.0.0.1:8601", False),
        ("native https://localhost:8600", False),
        ("binance https://api.venue.example", True),
        ("", True),
    ):
        found = msgspec.structs.replace(GOOD, environment="live-canary", venue=venue)
        (told,) = [it for it in judge(found, SLIPPAGE) if it.name == "venue"]
        assert told.is_met is is_met, venue
    assert "venue" not in [it.name for it in judge(GOOD, SLIPPAGE)]


def test_paper_is_a_venues_own_market_and_not_a_word():
    """What the exchange has told counts, by the venue's address; a mirror's can be waived."""
    real = GOOD.markets
    for markets, is_met in (
        (real, True),
        ((*real, "live kraken wss://ws.kraken.com"), True),
        ((*real, "crowd"), False),
        (("crowd",), False),
        (("",), False),
        ((), False),
        (("live binance ws://127.0.0.1:8601",), False),
        (("live binance wss://mirror.example",), False),
        (("live binance wss://ws.kraken.com",), False),
        (("live nobody wss://ws.kraken.com",), False),
    ):
        found = msgspec.structs.replace(GOOD, markets=markets)
        lacks = unmet(judge(found, SLIPPAGE), ())
        assert [it.name for it in lacks] == ([] if is_met else ["market"]), markets
        assert unmet(judge(found, SLIPPAGE), ["market"] if not is_met else []) == []
    sandbox = msgspec.structs.replace(GOOD, environment="sandbox", markets=("crowd",))
    assert unmet(judge(sandbox, SLIPPAGE), ()) == []


def test_a_cap_can_be_said_and_only_lowers():
    """What is said is at most what the rung allows, and is for real money alone."""
    assert cap_of(None, Environment.PAPER, "BTC-USDT", Decimal(20)) == 20
    for said in ("100.1", "0", "-1", "NaN"):
        with pytest.raises(UsageError, match="at most 100"):
            cap_of(None, Environment.PAPER, "BTC-USDT", Decimal(said))
    with pytest.raises(UsageError, match="real money"):
        cap_of(None, Environment.SANDBOX, "BTC-USDT", Decimal(1))


def test_a_hundred_of_what_is_no_money_is_never_granted_by_itself():
    """A hundred BTC are not a sum to learn with: who grants it says what is."""
    with pytest.raises(UsageError, match="how much BTC may be at stake is for you to say"):
        cap_of(None, Environment.PAPER, "ETH-BTC")
    assert cap_of(None, Environment.PAPER, "ETH-BTC", Decimal("0.001")) == Decimal("0.001")
    canary = grant(Environment.LIVE_CANARY, cap="0.001")
    assert cap_of(canary, Environment.LIVE_CANARY, "ETH-BTC") == Decimal("0.001")


def test_a_cap_only_lowers_limits():
    risk = RiskTable(
        max_order_notional=Decimal(1000),
        max_position=Decimal(1),
        max_open_orders=5,
        price_collar="2%",
    )
    low = capped(risk, Decimal(100))
    assert (low.limits.max_order_notional, low.limits.max_gross_exposure) == (100, 100)
    assert low.drawdown == 100  # turned over often enough, a small position loses any sum
    assert capped(risk, None) == risk
    careful = msgspec.structs.replace(
        risk, max_order_notional=Decimal(50), max_gross_exposure="60", max_drawdown="5"
    )
    assert capped(careful, Decimal(100)) == careful
