import msgspec
import pytest

from steelyard.dialects.bybit import contracts

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.mark.parametrize("path", contracts.LISTS)
def test_what_only_contracts_have_is_empty_for_them_and_nothing_for_spot(venue, path):
    empty = venue.public(f"/v5/market/{path}", **LINEAR)
    assert (empty["retCode"], empty["result"]["list"]) == (0, [])
    assert venue.public(f"/v5/market/{path}", category="spot")["retCode"] == 10001


@pytest.mark.parametrize("name", ["list", "closed-pnl"])
def test_there_are_no_positions(venue, name):
    pairs = {"category": "linear", "settleCoin": "USDT"}
    assert venue.get(f"/v5/position/{name}", **pairs)["list"] == []
    spot = venue.response(f"/v5/position/{name}", {"category": "spot"})
    assert msgspec.json.decode(spot.body)["retCode"] == 10001


@pytest.mark.parametrize("name", contracts.CHANGES)
def test_a_position_is_not_changed_but_refused_as_of_a_symbol_that_is_not_listed(venue, name):
    answer = venue.post(f"/v5/position/{name}", **LINEAR, buyLeverage="5", sellLeverage="5")
    assert (answer["retCode"], answer["result"]) == (10001, {})
    assert "symbol invalid 'BTCUSDT'" in answer["retMsg"]
    assert "only contracts have positions" in venue.post(f"/v5/position/{name}")["retMsg"]


@pytest.mark.parametrize(
    ("path", "more"),
    [("orderbook", {}), ("kline", {"interval": "1"}), ("recent-trade", {}), ("price-limit", {})],
)
def test_a_contract_has_no_market(venue, path, more):
    answer = venue.public(f"/v5/market/{path}", **LINEAR, **more)
    assert answer["retCode"] == 10001
    assert "only spot is traded here" in answer["retMsg"]


@pytest.mark.parametrize("category", ["linear", "inverse", "option"])
def test_the_stream_of_contracts_knows_no_symbol(venue, category):
    """It is there, pings, and says of every topic that there is none."""
    number = venue.connect(f"/v5/public/{category}")
    venue.say(number, {"op": "ping"})
    venue.say(number, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})
    pong, refused = venue.heard(number)
    assert pong["ret_msg"] == "pong"
    assert (refused["success"], refused["ret_msg"]) == (
        False,
        "error:handler not found,topic:publicTrade.BTCUSDT",
    )


def test_an_order_of_a_contract_is_refused_by_itself_and_in_a_batch(venue):
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "50000"}
    answer = venue.post("/v5/order/create", **{**order, "category": "linear"})
    assert answer["retCode"] == 10001
    batch = venue.post("/v5/order/create-batch", category="linear", request=[order])
    assert batch["retCode"] == 10001
    assert venue.get("/v5/order/realtime", category="linear")["list"] == []
