"""The native signer and the client end make the same request of the same order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.stand import BTC_USDT
from steelyard.trading.signing import OrderForms, OrderSigners, runs
from steelyard.wire.dialect import ApiKey

pytest.importorskip("steelyard._native")

KEY = ApiKey("k" * 64, b"s" * 64)  # an example
LISTINGS = Listings([BTC_USDT])
NOW_NS = 1_723_161_600_000_000_000
CLIENT = dialects.find("binance").client


def limit(**changes) -> Place:
    place = Place(
        0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 6_000_000, 1_000,
        client_order_id="sy0000000000000000000001",
    )  # fmt: skip
    return replace(place, **changes)


@given(
    side=st.sampled_from(Side),
    price_ticks=st.integers(1, BTC_USDT.price_max_ticks),
    size_lots=st.integers(1, BTC_USDT.size_max_lots),
    number=st.integers(0, 2**128 - 1),
    now_ns=st.integers(NOW_NS, 2 * NOW_NS),
    force=st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
)
def test_they_make_the_same(side, price_ticks, size_lots, number, now_ns, force):
    signers = OrderSigners(CLIENT, KEY)
    place = limit(
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        client_order_id=CLIENT.client_order_id(number),
        time_in_force=force,
    )
    assert signers.request(place, LISTINGS, now_ns) == CLIENT.request(place, LISTINGS, KEY, now_ns)


def test_kinds_of_orders_are_not_mixed_up():
    signers = OrderSigners(CLIENT, KEY)
    stop = limit(order_type=OrderType.STOP_LIMIT, trigger_ticks=5_900_000)
    maker = limit(post_only=True)
    for place in (limit(), stop, maker, limit(display_lots=10), limit(), stop):
        assert signers.request(place, LISTINGS, NOW_NS) == CLIENT.request(
            place, LISTINGS, KEY, NOW_NS
        )


def test_new_listings_make_new_signers():
    signers = OrderSigners(CLIENT, KEY)
    finer = Listings([replace(BTC_USDT, lot_atoms=BTC_USDT.lot_atoms * 10,
                              tick_lot_atoms=BTC_USDT.tick_lot_atoms * 10)])  # fmt: skip
    before = signers.request(limit(), LISTINGS, NOW_NS)
    after = signers.request(limit(), finer, NOW_NS)
    assert after == CLIENT.request(limit(), finer, KEY, NOW_NS) != before


@pytest.mark.parametrize(
    "place",
    [
        limit(price_ticks=None, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC),
        limit(size_lots=BTC_USDT.size_max_lots + 1),
        limit(reduce_only=True),
    ],
)
def test_what_it_cannot_make_is_left_to_the_client_end(place):
    assert OrderSigners(CLIENT, KEY).request(place, LISTINGS, NOW_NS) is None


def test_key_pairs_sign_by_themselves():
    pair = ApiKey("k" * 64, b"", sign=lambda payload: payload)
    assert OrderSigners(CLIENT, pair).request(limit(), LISTINGS, NOW_NS) is None


def test_a_client_end_without_forms_is_one():
    assert not isinstance(dialects.find("native").client, OrderForms)
    assert OrderSigners(dialects.find("native").client, KEY).request(limit(), LISTINGS, 1) is None


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_where_those_that_are_wanted_stand(wanted):
    """Beside each other they are one; nothing else is in them."""
    found = [place for run in runs(wanted) for place in range(len(wanted))[run]]
    assert found == [place for place, is_wanted in enumerate(wanted) if is_wanted]
    begins = {run.start for run in runs(wanted)}
    assert begins.isdisjoint(run.stop for run in runs(wanted))
