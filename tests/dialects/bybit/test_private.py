import pytest

from steelyard.dialects.bybit import private
from steelyard.domain.messages import BalanceEvent, BalanceMoved
from steelyard.wire.dialect import ChannelKind


def told(venue, number):
    return [(m["topic"], each) for m in venue.heard(number) for each in m["data"]]


def test_an_order_is_told_in_each_of_its_states_with_all_its_fees(venue):
    number = venue.log_in()
    venue.subscribe(number, "order")
    venue.place(orderLinkId="mine")
    for qty in ("0.004", "0.003"):
        venue.place(venue.other_key, side="Sell", qty=qty)
    venue.post("/v5/order/cancel", symbol="BTCUSDT", orderLinkId="mine")
    orders = [order for _, order in told(venue, number)]
    assert [(o["orderStatus"], o["cumExecQty"], o["cumFeeDetail"]) for o in orders] == [
        ("New", "0", {}),
        ("PartiallyFilled", "0.004", {"BTC": "0.000004"}),
        ("PartiallyFilled", "0.007", {"BTC": "0.000007"}),
        ("PartiallyFilledCanceled", "0.007", {"BTC": "0.000007"}),
    ]
    assert {o["category"] for o in orders} == {"spot"}
    assert not any("tpslMode" in o for o in orders)


def test_who_comes_late_is_told_all_the_fees_too(venue):
    venue.place(orderLinkId="mine")
    venue.place(venue.other_key, side="Sell", qty="0.004")
    number = venue.log_in()
    venue.subscribe(number, "order.spot")
    venue.place(venue.other_key, side="Sell", qty="0.006")
    ((topic, order),) = told(venue, number)
    assert topic == "order.spot"
    assert (order["orderStatus"], order["cumExecFee"]) == ("Filled", "0.00001")


def test_executions_are_told_whole_and_in_few_words(venue):
    number = venue.log_in()
    venue.subscribe(number, "execution", "execution.fast")
    venue.place(orderLinkId="mine")
    venue.place(venue.other_key, side="Sell", qty="0.004")
    found = dict(told(venue, number))
    whole, fast = found["execution"], found["execution.fast"]
    assert (whole["execQty"], whole["orderLinkId"], whole["createType"]) == (
        *("0.004", "mine"),
        "CreateByUser",
    )
    assert (fast["isMaker"], fast["orderLinkId"]) == (True, "")
    assert whole["execId"] == fast["execId"]


def test_a_wallet_tells_the_coins_that_were_touched(venue):
    number = venue.log_in()
    venue.subscribe(number, "wallet")
    venue.place()
    ((_, wallet),) = told(venue, number)
    (coin,) = (each for each in wallet["coin"] if each["coin"] == "USDT")
    assert (coin["coin"], coin["locked"], coin["walletBalance"]) == ("USDT", "500", "1000000")


def test_a_stop_is_told_waiting_triggered_and_in_the_book(venue):
    number = venue.log_in()
    venue.subscribe(number, "order")
    venue.place(orderFilter="StopOrder", triggerPrice="51000", triggerDirection=1, price="50500")
    for side in ("Sell", "Buy"):
        venue.place(venue.other_key, side=side, price="51000", qty="0.001", smpType="None")
    states = [order["orderStatus"] for _, order in told(venue, number)]
    assert states == ["Untriggered", "Triggered", "New"]


def test_nobody_hears_of_another_account(venue):
    number = venue.log_in(key=venue.other_key)
    venue.subscribe(number, "order", "execution", "wallet")
    venue.place()
    assert venue.heard(number) == []


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("order", ChannelKind.ORDERS),
        ("execution.spot", ChannelKind.FILLS),
        ("execution.fast.spot", ChannelKind.FILLS),
        ("wallet", ChannelKind.BALANCES),
        ("position", None),
        ("order.inverse", None),
    ],
)
def test_a_topic_is_told_by_its_channel_or_stays_silent(topic, kind):
    assert private.is_topic(topic)
    assert private.kind_of(topic) is kind
    assert (private.channel_of(topic, 7) is None) == (kind is None)


def test_other_events_are_nothing_for_an_account():
    assert not private.is_topic("orders")
    assert private.packed(BalanceMoved(7, 1, 5, 0)) is None
    assert private.packed(BalanceEvent(7, (), 0)) is not None
