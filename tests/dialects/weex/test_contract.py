"""Contract paths on the same port: empty, or the venue's own no."""

import pytest

from steelyard.dialects.weex import contract
from steelyard.wire.dialect import Auth

NO_ORDERS = {"orders": [], "hasMore": False}
SIGNED = [e for e in contract.ENDPOINTS if e.auth is Auth.SIGNED]


def test_what_clients_ask_first_is_empty(venue):
    info = venue.public("/capi/v3/market/exchangeInfo")
    assert info == {"assets": [], "symbols": []}
    assert venue.public("/capi/v3/market/time").keys() == {"serverTime"}
    assert venue.public("/capi/v3/market/ticker/24hr") == []
    assert venue.get("/capi/v3/account/accountConfig")["canTrade"] is False


@pytest.mark.parametrize("endpoint", contract.ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_every_path_is_empty_or_refuses_a_symbol(venue, endpoint):
    """In words of contracts; nothing is ever placed or canceled."""
    if endpoint.path.endswith(("exchangeInfo", "/time", "accountConfig")):
        return
    if endpoint.path.endswith(("/income", "/allAlgoOrders")):
        told = venue.call(endpoint.method, endpoint.path, {} if endpoint.method == "POST" else None)
        assert told in ((200, {"hasNextPage": False, "items": []}), (200, NO_ORDERS))
        return
    spot = venue.place()
    body = {"symbol": "BTCUSDT", "orderId": "1"} if endpoint.method == "POST" else None
    pairs = {} if body else {"symbol": "BTCUSDT", "orderId": spot}
    status, told = venue.call(endpoint.method, endpoint.path, body, **pairs)
    if status == 200:
        assert told == []
    else:
        assert (status, told["code"]) in ((400, -1121), (400, -3200))
        assert told["help"]
    assert venue.order(spot)["status"] == "NEW"


def test_there_is_something_of_each_kind():
    assert {e.method for e in SIGNED} == {"GET", "POST", "DELETE"}
    assert len(contract.ENDPOINTS) > 30
