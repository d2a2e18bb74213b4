"""The exchange's process in virtual time: what leaves when, and what is there after a crash."""

from decimal import Decimal
from random import Random

import pytest

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import OrderAnswer, OrdersQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.disk import Disk
from steelyard.sim.exchange_host import Crash, ExchangeHost
from steelyard.sim.network import Link
from steelyard.sim.quoter import LISTED
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.store import segment
from steelyard.wire.faults import Fault, Trouble
from steelyard.wire.http import Response
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.outcome import Answered

T0 = 1_700_000_000 * 10**9
MS = 10**6
BINANCE = dialects.find("binance")


class Stage:
    """An exchange with one account, and a link to it."""

    def __init__(self, **options) -> None:
        self.timeline = Timeline(T0)
        self.disk = Disk("disk", segment, Random(1))
        self.host = ExchangeHost(
            self.timeline,
            self.disk,
            HostClock(self.timeline),
            dialect="binance",
            limits=UNLIMITED,
            seed=1,
            step_ns=100 * MS,
            **options,
        )
        keys = self.host.found({"alice": {"USDT": Decimal(1_000), "BTC": Decimal(1)}})
        self.key = keys["alice"]
        self.link = Link(self.timeline, Random(1), self.host, "127.0.0.2", delay_ns=MS, jitter_ns=0)
        self.host.links.append(self.link)
        self.came: list = []
        self.host.boot()
        self.run(150)

    def run(self, ms: int) -> None:
        end_ns = self.timeline.now_ns + ms * MS
        while self.timeline.now_ns < end_ns:
            self.timeline.advance()

    def place(self, name: str = "a-1") -> None:
        """Place a resting buy."""
        place = Place(
            *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
            post_only=False,
            price_ticks=5_000_000,
            size_lots=100,
            client_order_id=name,
        )
        listings = Listings((LISTED,))
        request = BINANCE.client.request(place, listings, self.key, self.timeline.now_ns)

        def came(what) -> None:
            if isinstance(what, Response):
                what = BINANCE.client.outcome(place, what, listings, self.timeline.now_ns)
            self.came.append((self.timeline.now_ns, what))

        self.link.send(request, came)

    @property
    def orders(self) -> list[str]:
        machine = self.host.exchange
        found = machine.history.orders(OrdersQuery(machine.keys.account_id("alice"), 99))
        return [order.client_order_id for order in found]


def test_an_order_is_answered_when_it_is_on_the_disk():
    """And not before, however slow that is."""
    stage = Stage()
    stage.disk.slow_ns = 700 * MS
    stage.place()
    sent_ns = stage.timeline.now_ns
    stage.run(600)
    assert (stage.came, stage.orders) == ([], ["a-1"])
    stage.run(1_500)
    ((time_ns, outcome),) = stage.came
    assert time_ns - sent_ns > 700 * MS
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, OrderAnswer)


def test_what_was_answered_is_there_after_a_crash():
    """And the market goes on where it was."""
    stage = Stage()
    stage.place()
    stage.run(50)
    assert stage.came
    while not stage.host.is_synced:
        stage.timeline.advance()
    levels, sequence = stage.host.exchange.levels(0, 3), dict(stage.host.exchange.feed.sequences)
    stage.host.die("x")
    assert not stage.host.is_up
    stage.host.boot()
    assert stage.orders == ["a-1"]
    assert stage.host.exchange.levels(0, 3) == levels
    assert dict(stage.host.exchange.feed.sequences) == sequence


def test_a_disk_that_refuses_ends_the_process_without_an_answer_that_may_not_last():
    """The client is told that it is not known."""
    stage = Stage()
    ends = []
    stage.host.gone = ends.append
    stage.disk.trouble = "Input/output error"
    stage.place()
    stage.run(50)
    assert "Input/output" in ends[0]
    ((_, outcome),) = stage.came
    assert not isinstance(outcome, Answered)


def test_it_is_killed_at_a_counted_point():
    """The point says where."""
    whole = Stage()
    points = whole.host.points
    with pytest.raises(Crash) as caught:
        Stage(kill_at=[points])
    assert str(caught.value) in {"append", "appended", "write", "synced"}


def test_a_fault_befalls_what_fits():
    """The plan is that of a running exchange."""
    stage = Stage()
    stage.host.faults.add(Fault(Trouble.LOST_ANSWER, where="POST /api/v3/order", times=1))
    stage.place("a-1")
    stage.place("a-2")
    stage.run(50)
    assert stage.orders == ["a-1", "a-2"]
    assert len(stage.came) == 1
