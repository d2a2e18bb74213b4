"""What a trader's rules need of a venue, and what a person may accept."""

import msgspec
import pytest

from steelyard.trading.venue import flaws, warnings
from steelyard.wire.capabilities import ACCEPTABLE, Capabilities, Lookup, Source

WHOLE = Capabilities(
    venue="ccxt:x",
    is_checked=True,
    lookup=Lookup.CLIENT_ID,
    request_expiry_ns=5,
    market=Source.STREAM,
    account=Source.STREAM,
    has_fills=True,
    has_open_orders=True,
    has_balances=True,
    has_cancel=True,
    has_clock=True,
    has_candles=True,
    has_dead_man=True,
    has_amend=True,
    order_types=(),
)


def with_(**changes) -> Capabilities:
    return msgspec.structs.replace(WHOLE, **changes)


def test_a_venue_that_offers_all_has_no_flaw():
    assert flaws(WHOLE, ()) == []
    assert warnings(WHOLE) == []


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"has_cancel": False}, None, "no order can be canceled"),
        ({"has_open_orders": False}, None, "open orders are not listed"),
        ({"has_fills": False}, None, "fills are not listed, so no position is known"),
        ({"has_balances": False}, None, "balances are not told"),
        ({"market": Source.NONE}, None, "there is no book"),
        ({"account": Source.NONE}, None, "nothing tells what becomes of an order"),
        ({"lookup": Lookup.NONE}, "no-lookup", "cannot be found by the id that we gave it"),
        ({"is_checked": False}, "unchecked", "nobody has compared yet"),
    ],
)
def test_what_a_rule_stands_on_is_not_done_without(changes, name, said):
    """Some of it may be accepted by its name, and only by that; the rest may not."""
    (flaw,) = flaws(with_(**changes), ())
    assert flaw.name == name
    assert said in flaw.text
    assert flaws(with_(**changes), [n for n in ACCEPTABLE if n != name]) == [flaw]
    assert flaws(with_(**changes), ACCEPTABLE) == ([flaw] if name is None else [])


@pytest.mark.parametrize("lookup", [Lookup.CLIENT_ID, Lookup.LISTS])
def test_either_way_to_find_an_order_will_do(lookup):
    assert flaws(with_(lookup=lookup), ()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"request_expiry_ns": None}, "until a person decides"),
        ({"market": Source.POLLED}, "as old as the last answer"),
        ({"account": Source.POLLED}, "fills are told late"),
        ({"has_dead_man": False}, "cancels nothing by itself"),
    ],
)
def test_what_is_weaker_is_told_and_no_reason_to_refuse(changes, said):
    assert flaws(with_(**changes), ()) == []
    (warning,) = warnings(with_(**changes))
    assert said in warning
