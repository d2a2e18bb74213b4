from steelyard.dialects.kraken import DIALECT
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import Auth


def test_public_routes_are_got_and_private_ones_posted():
    for endpoint in DIALECT.endpoints:
        is_public = endpoint.auth is Auth.NONE
        assert endpoint.method == ("GET" if is_public else "POST")
        assert endpoint.path.startswith("/0/public/" if is_public else "/0/private/")


def test_whatever_changes_orders_needs_the_scope_to_trade_and_costs_on_its_counter():
    for endpoint in DIALECT.endpoints:
        name = endpoint.path.rpartition("/")[2]
        changes = "Order" in name and name.startswith(("Add", "Amend", "Edit", "Cancel"))
        if changes:
            assert endpoint.scope is Scope.TRADE, name
        if changes and name != "CancelAllOrdersAfter":
            assert endpoint.charges is not None, name


def test_histories_weigh_two_and_orders_nothing():
    weights = {e.path.rpartition("/")[2]: e.weight(None) for e in DIALECT.endpoints}
    assert (weights["Ledgers"], weights["TradesHistory"], weights["Balance"]) == (2, 2, 1)
    assert (weights["AddOrder"], weights["CancelOrder"]) == (0, 0)
