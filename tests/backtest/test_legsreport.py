"""The report of several legs: what is told of the whole, and of each leg."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from steelyard.backtest import legsreport
from steelyard.backtest.legs import LegsResult
from steelyard.backtest.settings import BarPath, Settings
from steelyard.domain.errors import UsageError
from steelyard.trading.strategy import Strategy
from tests.backtest.market import walk
from tests.backtest.test_legs import ETH, leg, legs_of, play

FEES = Settings(deposits={}, taker=Decimal("0.001"))


def turning(self: Strategy, bar: Any) -> None:
    """Buy and sell in turn, a tenth at a time."""
    each = self.told
    act = each.buy if bar.open_ns // 60_000_000_000 % 4 < 2 else each.sell
    act("0.1")


@pytest.fixture(scope="module")
def result() -> LegsResult:
    legs = {
        "btc": leg(walk(300, 1), settings=FEES),
        "eth": leg(walk(300, 2, ETH), settings=FEES),
    }
    return play(legs_of(on_bar=turning), legs)


def test_the_whole_is_the_sum_of_the_legs_and_of_what_lay_there(result: LegsResult):
    """With money in one asset, what all fills made is what became of the wallet."""
    found = legsreport.document(result)
    told = {figure.name: figure.value for figure in found.figures}
    made = sum(it.report.metrics.costs.net_profit_quote for it in found.legs)
    assert float(told["profit_quote"]) == pytest.approx(float(made), abs=1e-6)
    assert Decimal(told["made"]) == made
    assert Decimal(told["fees"]) == sum(it.report.metrics.costs.fees_quote for it in found.legs)
    assert told["fills"] == sum(it.report.metrics.fills for it in found.legs) > 500
    assert told["start"] == "100000"
    last = {wallet.asset: Decimal(wallet.last) for wallet in found.wallets}
    prices = {"USDT": Decimal(1)} | {
        each.report.head.base: Decimal(repr(float(result.legs[each.name].curve["price"][-1])))
        for each in found.legs
    }
    end = sum(amount * prices[asset] for asset, amount in last.items())
    assert float(told["end"]) == pytest.approx(float(end), abs=1e-6)


def test_it_is_written_and_read(result: LegsResult):
    """What is no report of legs is none; a damaged one says so."""
    variant = legsreport.variant(result, BarPath.NEAREST, is_assumed=True)
    found = legsreport.document(result, variants=(variant,))
    assert legsreport.read(legsreport.encode(found)) == found
    assert legsreport.read(b"no json") is None
    assert legsreport.read(b'{"kind": "report", "schema": 1}') is None
    with pytest.raises(UsageError, match="has schema 9, and this version reads 1"):
        legsreport.read(b'{"kind": "legs", "schema": 9}')
    with pytest.raises(UsageError, match="no report of a backtest: Object missing"):
        legsreport.read(b'{"kind": "legs", "schema": 1}')


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda legs: legs[:1], "btc: it was played beside other legs"),
        (lambda legs: (*legs, legs[0]), "btc: it was played beside other legs"),
        (lambda legs: (legs[0], other(legs[1], legs={})), "eth: it was played beside other"),
        (lambda legs: (legs[0], head(legs[1], symbol="XRP-USDT")), "eth: it is of XRP-USDT, and"),
        (lambda legs: (legs[0], other(legs[1], params={"edge": 9})), "eth: .* other parameters"),
        (lambda legs: (legs[0], head(legs[1], strategy="a:B")), "eth: it is of another strategy"),
        (lambda legs: (legs[0], head(legs[1], start_ns=0)), "eth: it is of another time"),
    ],
)
def test_legs_of_different_runs_are_no_report(result: LegsResult, changed: Any, message: str):
    """Nobody puts the good legs of several runs together."""
    found = legsreport.document(result)
    with pytest.raises(UsageError, match=message):
        legsreport.read(legsreport.encode(replace(found, legs=changed(found.legs))))


def other(leg: legsreport.LegReport, **changes: Any) -> legsreport.LegReport:
    return replace(leg, report=replace(leg.report, **changes))


def head(leg: legsreport.LegReport, **changes: Any) -> legsreport.LegReport:
    return other(leg, head=replace(leg.report.head, **changes))


def test_a_leg_is_not_asked_for_its_profit(result: LegsResult):
    """One leg may lose what another makes; the whole is asked."""
    found = legsreport.document(result)
    rules = {warned.rule for each in found.legs for warned in each.report.warnings}
    assert rules <= {"failed", "partial", "gaps", "capacity", "refused", "unvalued_fees"}
    assert found.verdict.text.startswith("It lost")
