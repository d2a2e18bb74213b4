"""When an order goes the plain way, and when it is handed back with nothing changed."""

import msgspec
import pytest
from order_pair import NAMES, Pair, order_of

from steelyard.domain.commands import HouseLevel
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import Side
from steelyard.engine.choice import kinds
from steelyard.exchange.admin import SetMaintenance
from steelyard.exchange.history import CLIENT_IDS_MAX
from steelyard.exchange.partial_fills import PartialFills
from steelyard.exchange.sandbox_clock import AdvanceClock, FreezeClock
from steelyard.wire.faults import Fault, FaultPlan, Trouble
from steelyard.wire.limits import UNLIMITED

pytestmark = pytest.mark.skipif("native" not in kinds(), reason="there is no native module")


class Watched(Pair):
    """A pair that notes which requests went the plain way."""

    def __init__(self, name: str) -> None:
        self.went: list[bool] = []
        super().__init__(name, UNLIMITED)
        self.number = 0

    def _open(self) -> None:
        super()._open()
        way = self.gates[0]._plain_way
        place = way.place

        def noted(request, ip, now_ns):
            before = self.desks[0].exchange.history.snapshot()
            response = place(request, ip, now_ns)
            self.went.append(response is not None)
            assert self.went[-1] or self.desks[0].exchange.history.snapshot() == before
            return response

        way.place = noted

    def order(self, *, price: str = "500", name: str | None = "", **other: str) -> bool:
        """Send an order, and return whether it went the plain way."""
        self.number += 1
        name = f"id-{self.number}" if name == "" else name
        self.send(self.request(order_of(self.name, price, "0.1", name, other)))
        return self.went[-1]


@pytest.fixture(params=NAMES)
def pair(request) -> Watched:
    pair = Watched(request.param)
    assert not pair.order(), "the first of a shape is learned"
    assert pair.order()
    return pair


def test_what_is_odd_goes_the_long_way_and_what_is_usual_again_does_not(pair):
    def misbehave(*faults: Fault) -> None:
        for gate, desk in zip(pair.gates, pair.desks, strict=True):
            plan = FaultPlan()
            for fault in faults:
                plan.add(fault)
            gate.misbehave(plan, PartialFills(desk.exchange, plan))

    misbehave(Fault(Trouble.CLOCK_SKEW, skew_ns=1_000_000))
    assert not pair.order()
    misbehave()
    assert pair.order()
    pair.administer(SetMaintenance(True))
    assert not pair.order()
    pair.administer(SetMaintenance(False))
    assert pair.order()
    pair.administer(FreezeClock())
    assert pair.order(), "at the time that stands still"
    pair.administer(AdvanceClock(3_600_000_000_000))
    assert pair.order()
    pair.compare()


def test_a_name_that_is_taken_is_told_by_the_long_way(pair):
    assert pair.order(name="mine")
    assert not pair.order(name="mine")
    pair.cancel(2)
    assert pair.order(name="mine") is (pair.name == "binance"), "good again once it has ended"
    pair.compare()


def test_what_trades_or_is_refused_is_told_as_ever(pair):
    pair.trade("0.05")
    assert pair.order(price="0.01"), "refused by the engine: too little"
    assert pair.order(price="1000000"), "refused by the engine: too much"
    pair.both(lambda desk: desk.place(desk.bob, -1, "0.02", "600"))
    assert pair.order(price="700")
    pair.look()
    pair.compare()


@pytest.mark.parametrize("ioc", [False, True], ids=["rests", "takes"])
def test_what_one_trade_with_the_house_fills_is_told_by_a_form(pair, ioc):
    other = {"native": {"time_in_force": "ioc"}, "binance": {"timeInForce": "IOC"}}[pair.name]
    if ioc:
        pair.order(price="505", **other)
    pair.record(HouseLevel(0, Side.SELL, 50_500, 35_000))
    for left in (True, True, True, False):
        assert pair.order(price="505", **(other if ioc else {}))
        pair.both(lambda desk: desk.exchange.statements.lines(desk.alice)[-3:])
        assert bool(pair.desks[0].exchange.engine.book(0, 1).asks) is left
    pair.both(lambda desk: desk.exchange.ticker(0, desk.now_ns))
    reader, kept = pair.gates[0]._plain_orders, []
    pair.gates[0]._plain_way._find = lambda *asked: kept.append(reader.find(*asked)) or kept[-1]
    assert pair.order(price="505", **(other if ioc else {}))
    assert [form is not None for form in kept[-1][0].took.values()] == [True]
    pair.look()
    pair.compare()


def test_an_order_without_a_name_is_found_by_the_one_it_got(pair):
    pair.order(name=None)
    assert pair.order(name=None)
    desk = pair.desks[0]
    found = desk.exchange.history.order(OrderQuery(desk.alice, order_id=4))
    assert found.client_order_id == "sy-4"
    assert desk.exchange.history.by_client_id(desk.alice, "sy-4") is found
    pair.compare()


def test_who_listens_hears_of_it(pair):
    pair.listen()
    for desk in pair.desks:
        desk.exchange.drain()
    assert pair.order()
    pair.hush()
    assert pair.order()
    pair.compare()


@pytest.mark.parametrize("name", NAMES)
def test_a_time_in_another_unit_goes_the_long_way(name):
    pair = Watched(name)
    header = {"native": {}, "binance": {"x-mbx-time-unit": "MICROSECOND"}}[name]

    def send(number: int, headers: dict[str, str]) -> bool:
        request = pair.request(order_of(name, "500", "0.1", f"id-{number}", {}))
        pair.send(request._replace(headers={**request.headers, **headers}))
        return pair.went[-1]

    assert [send(number, header) for number in range(3)] == [False] + [name == "native"] * 2
    assert [send(number, {}) for number in range(3, 6)][1:] == [True, True]
    pair.compare()


def test_orders_that_rest_are_bounded_by_name_like_all_others(pair, monkeypatch):
    monkeypatch.setattr("steelyard.exchange.history.CLIENT_IDS_MAX", 5)
    assert CLIENT_IDS_MAX > 5
    for _ in range(7):
        assert pair.order()
    history = pair.desks[0].exchange.history
    alice = pair.desks[0].alice
    assert history.by_client_id(alice, "id-3") is None
    oldest = history.by_client_id(alice, f"id-{pair.number - 4}")
    assert oldest.state is OrderState.WORKING
    pair.compare()


def test_a_restored_exchange_goes_on_by_the_plain_way(pair):
    pair.restart()
    assert [pair.order() for _ in range(3)] == [False, True, True]
    pair.compare()
    assert msgspec.json.decode(pair.desks[0].exchange.snapshot()) is not None
