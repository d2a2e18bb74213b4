import pytest

from tests.dialects.coinbase_advanced.venue import Venue


@pytest.fixture
def venue():
    return Venue()


def test_a_price_is_the_last_one_or_the_books_best(venue):
    """Before anything has traded and is offered there is none."""
    assert venue.call("GET", "/v2/prices/BTC-USDT/spot")[0] == 404
    venue.place()
    venue.place({"base_size": "0.004", "limit_price": "50000"}, side="SELL", key=venue.other_key)
    venue.place({"base_size": "0.01", "limit_price": "50100"}, side="SELL", key=venue.other_key)
    path, names = "/v2/prices/BTC-USDT", ("spot", "buy", "sell")
    told = {name: venue.public(f"{path}/{name}")["data"] for name in names}
    assert {name: price["amount"] for name, price in told.items()} == {
        "spot": "50000.00",
        "buy": "50100.00",
        "sell": "50000.00",
    }
    assert (told["spot"]["base"], told["spot"]["currency"]) == ("BTC", "USDT")
    assert venue.call("GET", "/v2/prices/XRP-USD/spot")[0] == 404


@pytest.mark.parametrize("name", ["buys", "sells"])
def test_nothing_is_bought_outside_of_the_market(venue, name):
    venue.place()
    account = venue.get("/v2/accounts")["data"][0]["id"]
    assert venue.get(f"/v2/accounts/{account}/{name}")["data"] == []
