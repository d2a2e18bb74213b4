"""Every dialect's table of plain orders, against the route that it is about."""

import pytest

from steelyard import dialects
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import Auth
from steelyard.wire.plain_orders import Signed

TABLES = [found for found in map(dialects.find, dialects.names()) if found.plain_orders]


def test_the_numbers_are_those_of_the_crate():
    assert [*Signed] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("dialect", TABLES, ids=lambda dialect: dialect.name)
def test_a_table_is_about_a_route_that_places_one_order(dialect):
    table = dialect.plain_orders
    (route,) = (e for e in dialect.endpoints if (e.method, e.path) == (table.method, table.path))
    assert route.is_order
    assert (route.auth, route.scope) == (Auth.SIGNED, Scope.TRADE)
    assert route.charges is None
    assert "{" not in route.path
    named = {table.price, table.size, table.client_order_id}
    assert named <= set(route.request.__struct_fields__)
    assert (Signed.NONCE in table.signed) == bool(table.nonce) == bool(table.nonce_bytes_max)
    assert Signed.PARAMETERS in table.signed
