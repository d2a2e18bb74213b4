"""Several legs by one clock: one wallet a venue, everything told in order, and in one asset."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from steelyard.backtest.columns import EVENT, BarColumns, EventKind, Tape
from steelyard.backtest.legs import LegsResult, LegsRun
from steelyard.backtest.legsdata import LegInput
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Delay, Settings
from steelyard.cli.trader_strategy import guarded
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import ANY_LEGS, Strategy
from tests.backtest.market import BEGIN_NS, BTC, bars_of, clock_of, fills_of, walk

FREE = Settings(deposits={}, maker=Decimal(0), taker=Decimal(0))
MS_NS = 1_000_000


def spot(base: str, quote: str, tick: str = "0.5", lot: str = "0.001") -> Instrument:
    return Instrument.spot(
        0,
        (1, base),
        (2, quote),
        tick_size=tick,
        lot_size=lot,
        price_max="1000000",
        size_max="9000",
        notional_min="0",
    )


ETH = spot("ETH", "USDT")
ETH_BTC = spot("ETH", "BTC", "0.001")


def legs_of(**callbacks: Callable[..., None]) -> Strategy:
    """Return a strategy of any legs whose callbacks are these functions of itself."""
    return type("Acting", (Strategy,), {"leg_names": ANY_LEGS, **callbacks})()


def play(
    strategy: Strategy,
    legs: Mapping[str, LegInput],
    wallets: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> LegsResult:
    wallets = wallets or {"main": {"USDT": 100_000}}
    exact = {at: {k: Decimal(v) for k, v in of.items()} for at, of in wallets.items()}
    run = LegsRun(strategy, legs, exact, **more)
    run.go(lambda: 0.0)
    result = run.result()
    assert result.about.failure is None
    return result


def leg(data: BarColumns | Tape, venue: str = "main", **more: Any) -> LegInput:
    return LegInput(data, venue, **{"settings": FREE, **more})


def flat(count: int, price: float, instrument: Instrument = BTC) -> BarColumns:
    return bars_of([(price,) * 4] * count, instrument=instrument)


def tape(rows: list[tuple[float, EventKind, int, int]], instrument: Instrument = BTC) -> Tape:
    """Return a tape of (second, kind, ticks, lots)."""
    events = [(BEGIN_NS + int(at * SECOND_NS), lots, tick, kind) for at, kind, tick, lots in rows]
    records = np.array(events, EVENT)
    return Tape(instrument, lambda: iter([records]))


def quoted(bid: int, ask: int, *more: tuple[float, EventKind, int, int]) -> Any:
    """Return the rows of a touch from the beginning on, and what follows until second 100."""
    return [
        (0, EventKind.BID_LEVEL, bid, 5_000),
        (0, EventKind.ASK_LEVEL, ask, 5_000),
        *more,
        (100, EventKind.BID_LEVEL, bid, 4_999),
    ]


def buy(name: str, size: str = "1", price: str | None = None) -> Callable[[Strategy], None]:
    def act(self: Strategy) -> None:
        self.leg(name).buy(size, price)

    return act


def test_each_leg_is_traded_at_its_own_prices_out_of_one_wallet():
    """What one leg spends another cannot: the second order finds too little left."""

    def on_start(self: Strategy) -> None:
        self.leg("one").buy("0.6")
        self.leg("other").buy("6")

    legs = {"one": leg(flat(3, 1_000)), "other": leg(flat(3, 100, ETH))}
    result = play(legs_of(on_start=on_start), legs, {"main": {"USDT": 1_000}})
    assert fills_of(result.legs["one"]) == ["0:00 1 buy 0.6 @ 1000"]
    assert not len(result.legs["other"].fills)
    assert result.legs["other"].orders["reject_reason"] == RejectReason.INSUFFICIENT_BALANCE
    assert result.wallets == {
        "main": {"USDT": (1_000, 400), "BTC": (0, Decimal("0.6")), "ETH": (0, 0)}
    }


def test_wallets_of_venues_never_mix():
    """Two venues, money at one: there it buys, at the other it cannot."""

    def on_start(self: Strategy) -> None:
        self.leg("here").buy("0.5")
        self.leg("there").buy("0.5")

    legs = {"here": leg(flat(3, 1_000), "a"), "there": leg(flat(3, 1_000), "b")}
    wallets = {"a": {"USDT": 600}, "b": {"BTC": 1}}
    result = play(legs_of(on_start=on_start), legs, wallets)
    assert [len(it.fills) for it in result.legs.values()] == [1, 0]
    assert result.wallets["a"] == {"USDT": (600, 100), "BTC": (0, Decimal("0.5"))}
    assert result.wallets["b"] == {"USDT": (0, 0), "BTC": (1, 1)}


def test_what_a_cancel_frees_at_one_leg_another_spends():
    """A resting order holds the wallet's money until it is canceled."""

    def on_bar(self: Strategy, _bar: Any) -> None:
        one, other = self.leg("one"), self.leg("other")
        match self.told.name, clock_of(self.now_ns):
            case "one", "1:00":
                self.held = one.buy("1", "900")
            case "other", "2:00":
                other.buy("5")  # 500 are held back of 1,000: too much
            case "one", "3:00":
                one.cancel(self.held)
            case "other", "4:00":
                other.buy("5")
            case _:
                pass

    legs = {"one": leg(flat(7, 1_000)), "other": leg(flat(7, 100, ETH))}
    result = play(legs_of(on_bar=on_bar), legs, {"main": {"USDT": 1_000}})
    assert fills_of(result.legs["other"]) == ["4:00 2 buy 5 @ 100"]
    reason = result.legs["other"].orders["reject_reason"][0]
    assert reason == RejectReason.INSUFFICIENT_BALANCE


def test_legs_have_their_own_fees_and_delays():
    """Each order travels by its own leg's delay, and pays its own leg's fee."""

    def on_start(self: Strategy) -> None:
        for each in self.legs.values():
            each.buy("1")

    slow = Settings(deposits={}, taker=Decimal("0.01"), order_delay=Delay.constant(90 * SECOND_NS))
    legs = {"one": leg(flat(5, 1_000)), "slow": leg(flat(5, 100, ETH), settings=slow)}
    result = play(legs_of(on_start=on_start), legs)
    assert fills_of(result.legs["one"]) == ["0:00 1 buy 1 @ 1000"]
    assert fills_of(result.legs["slow"]) == ["1:30 1 buy 1 @ 100 fee 1 USDT"]
    told = dict(result.assumptions)
    assert told["orders reach the exchange after"] == "one: 0 ms; slow: 90000 ms"
    assert told["answers reach the strategy after"] == "0 ms"
    assert told["wallets"] == "main: 100000 USDT; nothing is carried between venues"


def test_one_moment_is_told_in_the_order_of_the_legs_when_all_have_come_to_it():
    """At each minute both have closed before either is told, and the first is told first."""
    heard = []

    def on_bar(self: Strategy, bar: Any) -> None:
        prices = [float(each.price or 0) for each in self.legs.values()]
        heard.append((clock_of(self.now_ns), self.told.name, bar.close, prices))

    rows = [[(price + at,) * 4 for at in range(3)] for price in (1_000, 100)]
    legs = {"z": leg(bars_of(rows[0])), "a": leg(bars_of(rows[1], instrument=ETH))}
    play(legs_of(on_bar=on_bar), legs)
    assert heard == [
        (f"{at + 1}:00", name, rows[number][at][0], [1_000 + at, 100 + at])
        for at in range(3)
        for number, name in enumerate(legs)
    ]


def test_a_wish_at_another_leg_is_sent_at_that_moment():
    """A book that has changed at one venue is answered at both, at their touches of then."""

    def on_book(self: Strategy, _book: Any) -> None:
        if self.told.name == "one" and clock_of(self.now_ns) == "0:05":
            one, other = self.leg("one"), self.leg("other")
            one.buy("1", one.book.best_ask)
            other.sell("1", other.book.best_bid)

    change = (5, EventKind.ASK_LEVEL, 2_000, 1_000)
    later = (5.5, EventKind.BID_LEVEL, 2_050, 1_000)
    legs = {
        "one": leg(tape(quoted(1_990, 2_010, change)), "a"),
        "other": leg(tape(quoted(2_040, 2_060, later)), "b"),
    }
    wallets = {"a": {"USDT": 10_000}, "b": {"BTC": 5}}
    result = play(legs_of(on_book=on_book), legs, wallets)
    assert fills_of(result.legs["one"]) == ["0:05 1 buy 1 @ 1000"]
    assert fills_of(result.legs["other"]) == ["0:05 1 sell 1 @ 1020"]


def test_trading_begins_when_all_data_have_and_ends_with_the_first():
    """A tape that begins later is waited for, and what comes after one's end is not told."""
    told = []

    def on_start(self: Strategy) -> None:
        told.append(("start", clock_of(self.now_ns)))

    def on_book(self: Strategy, _book: Any) -> None:
        told.append((self.told.name, clock_of(self.now_ns)))

    early = tape(
        [*quoted(1_990, 2_010)[:2], *((at, EventKind.BID_LEVEL, 1_990, 9) for at in (1, 3, 8))]
    )
    rows = [(at, kind, tick, 5 + at) for at in (2, 4) for kind, tick in ((0, 199), (1, 201))]
    late = tape([(at, EventKind(kind), tick, lots) for at, kind, tick, lots in rows], ETH)
    play(legs_of(on_start=on_start, on_book=on_book), {"early": leg(early), "late": leg(late)})
    assert told[0] == ("start", "0:02")
    assert told[1:3] == [("early", "0:02"), ("late", "0:02")]
    assert told[3:] == [("early", "0:03"), ("late", "0:04")]


def test_tapes_without_a_common_time_are_refused():
    """When they are played: only then is it known where a file of events ends."""
    early = tape(quoted(1_990, 2_010)[:2])
    late = tape([(9, EventKind(kind), tick, 5) for kind, tick in ((0, 199), (1, 201))], ETH)
    with pytest.raises(ConfigError, match="no time in common: early ends at 2023-11-15T00:00:00"):
        play(legs_of(), {"early": leg(early), "late": leg(late)})


def test_the_past_of_every_leg_is_told_before_the_beginning():
    """So many bars of each, and all of it before anything else."""
    told = []

    def on_warm_up(self: Strategy, bar: Any) -> None:
        told.append((self.told.name, bar.close))

    def on_start(self: Strategy) -> None:
        told.append(("start", clock_of(self.now_ns)))

    def on_bar(self: Strategy, bar: Any) -> None:
        told.append((self.told.name, bar.close))

    rows = [[(price + at,) * 4 for at in range(3)] for price in (1_000, 100)]
    legs = {"one": leg(bars_of(rows[0])), "other": leg(bars_of(rows[1], instrument=ETH))}
    strategy = legs_of(on_warm_up=on_warm_up, on_start=on_start, on_bar=on_bar, history_bars=2)
    play(strategy, legs)
    assert told == [
        ("one", 1_000), ("one", 1_001), ("other", 100), ("other", 101),
        ("start", "2:00"), ("one", 1_002), ("other", 102),
    ]  # fmt: skip


def test_a_strategy_that_raises_ends_the_run_and_what_was_found_is_kept():
    """Its wishes of that call are carried out at no leg."""

    def on_bar(self: Strategy, _bar: Any) -> None:
        self.leg("one").buy("0.1")
        if clock_of(self.now_ns) == "2:00" and self.told.name == "other":
            raise ValueError("enough")

    legs = {"one": leg(flat(9, 1_000)), "other": leg(flat(9, 100, ETH))}
    run = LegsRun(legs_of(on_bar=on_bar), legs, {"main": {"USDT": Decimal(10_000)}})
    run.go(lambda: 0.0, guarded)
    result = run.result()
    assert result.about.is_partial
    assert "ValueError: enough" in (result.about.failure or "")
    assert len(result.legs["one"].orders) == 3


def test_the_limit_of_all_counts_every_leg():
    """What one leg holds is taken from what another may."""

    def on_bar(self: Strategy, _bar: Any) -> None:
        if clock_of(self.now_ns) == "1:00":
            self.told.buy("1")

    limits = Limits(
        max_order_notional=Decimal(10_000),
        max_position=Decimal(10),
        max_open_orders=5,
        price_collar=Decimal("0.5"),
        max_gross_exposure=Decimal(1_050),
    )
    one, other = leg(flat(4, 1_000), limits=limits), leg(flat(4, 100, ETH), limits=limits)
    result = play(legs_of(on_bar=on_bar), {"one": one, "other": other})
    assert [len(it.fills) for it in result.legs.values()] == [1, 0]
    assert result.legs["other"].totals.refusals == {"max_gross_exposure": 1}


def test_the_whole_is_told_in_one_asset():
    """A wallet of three assets, one of them priced by two legs: what moved is what prices moved."""

    def on_start(self: Strategy) -> None:
        self.leg("cross").buy("10")

    eth = bars_of([(100,) * 4] * 2 + [(120,) * 4] * 2, instrument=ETH)
    legs = {
        "btc": leg(flat(4, 1_000)),
        "eth": leg(eth),
        "cross": leg(flat(4, 0.1, ETH_BTC)),
    }
    result = play(legs_of(on_start=on_start), legs, {"main": {"USDT": 1_000, "BTC": 2}})
    assert result.worth.text == "in USDT; BTC at the middle of btc, ETH at the middle of eth"
    assert result.curve["equity"].tolist() == pytest.approx([3_000, 3_000, 3_000, 3_200, 3_200])
    assert fills_of(result.legs["cross"]) == ["0:00 1 buy 10 @ 0.1"]
    in_btc = play(
        legs_of(on_start=on_start), legs, {"main": {"USDT": 1_000, "BTC": 2}}, equity="BTC"
    )
    assert in_btc.curve["equity"][-1] == pytest.approx(3)
    assert in_btc.worth.text == "in BTC; USDT at the middle of btc, ETH at the middle of cross"


# -- a leg is what a backtest of one instrument is ------------------------------------------------


class Dice(Strategy):
    """Orders of all kinds from a seed, at the leg that it is told of if that is the one."""

    class Params(Strategy.Params):
        """The seed."""

        seed: int = 1

    def on_bar(self, bar: Any) -> None:
        """Do what the dice say of this bar."""
        self._throw(bar.open_ns, bar.close_ticks)

    def on_timer(self, timer: Any) -> None:
        """Do what the dice say of this moment, around the book."""
        if (mid := self.leg_of().book.mid_half_ticks) is not None:
            self._throw(timer.due_ns, mid // 2)

    def leg_of(self) -> Any:
        """Return where it trades."""
        return self

    def _throw(self, time_ns: int, ticks: int) -> None:
        one = self.leg_of()
        random = np.random.default_rng([self.params.seed, time_ns // MS_NS % 2**31])
        side = Side.BUY if random.random() < 0.5 else Side.SELL
        act = one.buy if side is Side.BUY else one.sell
        size = one.instrument.size(int(random.integers(1, 2_000)))
        price = one.instrument.price(max(1, ticks + int(random.integers(-12, 13))))
        match random.integers(0, 7):
            case 0:
                act(size)
            case 1 | 2:
                act(size, price)
            case 3:
                one.stop(side, size, price)
            case 4:
                one.take_profit(side, size, price)
            case 5 if one.open_orders:
                one.cancel(one.open_orders[0])
            case 6 if one.open_orders:
                one.amend(one.open_orders[-1], price=price)
            case _:
                pass


class DiceOfLegs(Dice):
    """The same at one of several legs, with a bystander that trades nothing."""

    leg_names = ANY_LEGS

    def on_bar(self, bar: Any) -> None:
        """Only of the one."""
        if self.told.name == "one":
            super().on_bar(bar)

    def leg_of(self) -> Any:
        """Return the one."""
        return self.leg("one")


@pytest.mark.parametrize("seed", range(4))
def test_a_leg_of_bars_fills_as_it_would_alone(seed: int):
    """Limits, stops, changes, delays within bars: the same orders and fills, to the nanosecond."""
    delay = Delay.samples([0, 3 * SECOND_NS, 70 * SECOND_NS])
    terms = Settings(
        deposits={"USDT": Decimal(10**7), "BTC": Decimal(10_000)},
        order_delay=delay,
        answer_delay=Delay.constant(SECOND_NS // 3),
        half_spread_ticks=seed % 2,
        volume_share=Decimal("0.5") * (seed // 2),
    )
    alone = Run(Dice(seed=seed), walk(400, seed), terms)
    alone.go(lambda: 0.0)
    legs = {"one": leg(walk(400, seed), settings=terms), "by": leg(walk(400, 99, ETH))}
    beside = play(DiceOfLegs(seed=seed), legs, {"main": terms.deposits})
    assert_same(alone.result(), beside.legs["one"], fills=100)


def wandering(seed: int, instrument: Instrument) -> Tape:
    """Return a minute of a market whose book and trades are never quiet."""
    random = np.random.default_rng(seed)
    rows, middle = [], 2_000
    for at in range(1_500):
        time_ns = BEGIN_NS + at * 40 * MS_NS + int(random.integers(0, 39)) * MS_NS
        middle += int(random.integers(-1, 2))
        for side, kind in ((-1, EventKind.BEST_BID), (1, EventKind.BEST_ASK)):
            rows.append((time_ns, int(random.integers(100, 5_000)), middle + 3 * side, kind))
        kind = random.choice([EventKind.BUY_TRADE, EventKind.SELL_TRADE])
        away = 3 if kind == EventKind.BUY_TRADE else -3
        rows.append((time_ns + MS_NS, int(random.integers(1, 4_000)), middle + away, kind))
    records = np.array(rows, EVENT)
    return Tape(instrument, lambda: iter(np.array_split(records, 7)))


@pytest.mark.parametrize("seed", range(2))
def test_a_leg_of_a_tape_fills_as_it_would_alone(seed: int):
    """Twice a second by the clock, with delays, beside another tape: the same orders and fills."""

    class Clocked(Dice):
        def on_start(self) -> None:
            self.every("500ms")

    class ClockedLegs(DiceOfLegs):
        def on_start(self) -> None:
            self.every("500ms")

    terms = Settings(
        deposits={"USDT": Decimal(10**7), "BTC": Decimal(10_000)},
        order_delay=Delay.samples([0, 3 * MS_NS, 700 * MS_NS]),
        answer_delay=Delay.constant(5 * MS_NS),
    )
    alone = Run(Clocked(seed=seed), wandering(seed, BTC), terms)
    alone.go(lambda: 0.0)
    legs = {
        "one": leg(wandering(seed, BTC), settings=terms),
        "by": leg(wandering(9, ETH)),
    }
    beside = play(ClockedLegs(seed=seed), legs, {"main": terms.deposits})
    assert_same(alone.result(), beside.legs["one"], fills=40)


def assert_same(alone: Any, beside: Any, fills: int) -> None:
    assert alone.about.failure is None
    assert len(alone.fills) > fills
    ours = alone.fills.copy()
    for name in ours.dtype.names:
        if name != "fee_asset_id":
            assert (ours[name] == beside.fills[name]).all(), name
    for name in alone.orders.dtype.names:
        assert (alone.orders[name] == beside.orders[name]).all(), name
