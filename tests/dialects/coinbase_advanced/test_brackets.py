"""Brackets: two orders of the engine, told as one."""

from decimal import Decimal

import pytest

from tests.dialects.coinbase_advanced.venue import BASE

GTC = "trigger_bracket_gtc"
EXITS = {"limit_price": "55000.00", "stop_trigger_price": "45000.00"}
TERMS = {"base_size": "0.01", **EXITS}


def bracket(venue, **options) -> str:
    return venue.placed_id(TERMS, kind=GTC, side="SELL", **options)


def trade(venue, price: str, size: str = "0.01") -> None:
    """Let bob buy from alice's book, or sell to it, at a price."""
    venue.place({"base_size": size, "limit_price": price}, key=venue.other_key)


def fall_to(venue, price: str) -> None:
    """Let the last price be this: the others trade with each other."""
    third = venue.third
    venue.place({"base_size": "0.001", "limit_price": price}, key=third)
    venue.place({"base_size": "0.001", "limit_price": price}, side="SELL", key=venue.other_key)


@pytest.fixture
def venue(venue):
    venue.admin.create_account("carol", {}, venue.desk.now_ns)
    venue.admin.deposit("carol", {"USDT": Decimal(1_000_000)}, venue.desk.now_ns)
    venue.third = venue.new_key("carol")
    return venue


def listed(venue, what: str = "") -> list[dict]:
    return venue.get(f"{BASE}/orders/historical/batch{what}")["orders"]


def statuses(venue, number: int) -> list[tuple[str, str, str]]:
    """Return what `user` has told of orders: id, status, what has filled."""
    return [
        (order["order_id"], order["status"], order["cumulative_quantity"])
        for message in venue.heard(number)
        if message["channel"] == "user"
        for event in message["events"]
        for order in event["orders"]
    ]


def test_a_bracket_is_one_order_and_holds_once(venue):
    free = venue.get(f"{BASE}/accounts")["accounts"]
    before = next(a for a in free if a["currency"] == "BTC")["available_balance"]["value"]
    name = bracket(venue)
    (order,) = listed(venue)
    assert order == venue.order(name)
    assert (order["order_type"], order["status"]) == ("BRACKET", "OPEN")
    assert order["trigger_status"] == "STOP_PENDING"
    assert order["order_configuration"] == {GTC: TERMS}
    after = next(a for a in venue.get(f"{BASE}/accounts")["accounts"] if a["currency"] == "BTC")
    assert float(before) - float(after["available_balance"]["value"]) == pytest.approx(0.01)
    assert [o["order_id"] for o in listed(venue, "?order_types=BRACKET")] == [name]


def test_its_target_trades(venue):
    """The fills are the bracket's, and so is what is heard."""
    number = venue.subscribe("user", key=venue.key)
    name = bracket(venue)
    trade(venue, "55000", "0.004")
    trade(venue, "55000", "0.006")
    order = venue.order(name)
    assert (order["status"], order["filled_size"], order["number_of_fills"]) == (
        "FILLED",
        "0.01",
        "2",
    )
    assert statuses(venue, number) == [
        (name, "OPEN", "0"),
        (name, "OPEN", "0.004"),
        (name, "FILLED", "0.01"),
    ]
    told = venue.get(f"{BASE}/orders/historical/fills")["fills"]
    assert {fill["order_id"] for fill in told} == {name}


def test_its_stop_is_triggered_and_trades_under_the_same_id(venue):
    """A limit 5 % beyond the trigger is at the venue by then."""
    number = venue.subscribe("user", key=venue.key)
    name = bracket(venue)
    venue.heard(number)
    fall_to(venue, "45000")
    order = venue.order(name)
    assert (order["status"], order["trigger_status"]) == ("OPEN", "STOP_TRIGGERED")
    trade(venue, "44000")
    order = venue.order(name)
    assert (order["status"], order["filled_size"]) == ("FILLED", "0.01")
    assert float(order["average_filled_price"]) == 42750
    assert statuses(venue, number) == [(name, "OPEN", "0"), (name, "FILLED", "0.01")]
    (fill,) = venue.get(f"{BASE}/orders/historical/fills?order_id={name}")["fills"]
    assert (fill["order_id"], fill["price"]) == (name, "42750.00")
    assert float(order["total_fees"]) == pytest.approx(float(fill["commission"]))


@pytest.mark.parametrize("is_triggered", [False, True])
def test_it_is_canceled_whole(venue, is_triggered):
    number = venue.subscribe("user", key=venue.key)
    name = bracket(venue)
    if is_triggered:
        fall_to(venue, "45000")
    venue.heard(number)
    body = {"order_ids": [name]}
    status, answer = venue.call("POST", f"{BASE}/orders/batch_cancel", body)
    assert (status, answer["results"][0]["success"]) == (200, True)
    assert venue.order(name)["status"] == "CANCELLED"
    assert listed(venue, "?order_status=OPEN") == []
    assert statuses(venue, number) == [(name, "CANCELLED", "0")]


def test_an_attached_bracket_waits_for_its_order(venue):
    number = venue.subscribe("user", key=venue.key)
    answer = venue.place(attached_order_configuration={GTC: EXITS})
    entry, exit_ = (answer["success_response"][n] for n in ("order_id", "attached_order_id"))
    assert exit_ not in ("", entry)
    told = venue.order(entry)
    assert (told["status"], told["attached_order_id"]) == ("OPEN", exit_)
    assert told["attached_order_configuration"] == {GTC: EXITS}
    waiting = venue.order(exit_)
    assert (waiting["status"], waiting["originating_order_id"]) == ("PENDING", entry)
    assert waiting["order_configuration"] == {GTC: TERMS}
    assert waiting["side"] == "SELL"
    venue.place({"base_size": "0.01", "limit_price": "50000"}, side="SELL", key=venue.other_key)
    assert venue.order(entry)["status"] == "FILLED"
    assert venue.order(exit_)["status"] == "OPEN"
    trade(venue, "55000")
    assert venue.order(exit_)["status"] == "FILLED"
    heard = [(name, status) for name, status, _ in statuses(venue, number)]
    assert [status for name, status in heard if name == entry] == ["OPEN", "FILLED"]
    assert [status for name, status in heard if name == exit_] == ["PENDING", "OPEN", "FILLED"]
    assert len(listed(venue)) == 2


def test_it_goes_with_its_order(venue):
    answer = venue.place(attached_order_configuration={GTC: EXITS})
    entry, exit_ = (answer["success_response"][n] for n in ("order_id", "attached_order_id"))
    venue.call("POST", f"{BASE}/orders/batch_cancel", {"order_ids": [entry]})
    assert [venue.order(name)["status"] for name in (entry, exit_)] == ["CANCELLED"] * 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"terms": {**TERMS, "limit_price": "55000.001"}}, "PREVIEW_INVALID_PRICE_PRECISION"),
        (
            {"terms": {**TERMS, "stop_trigger_price": "51000"}},
            "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        ),
        ({"terms": {**TERMS, "base_size": "9000"}}, "PREVIEW_INSUFFICIENT_FUND"),
        (
            {"terms": TERMS, "attached_order_configuration": {GTC: EXITS}},
            "UNSUPPORTED_ORDER_CONFIGURATION",
        ),
    ],
)
def test_what_does_not_go_is_refused_whole(venue, options, reason):
    fall_to(venue, "50000")
    answer = venue.place(kind=GTC, side="SELL", **options)
    assert not answer["success"]
    assert answer["error_response"]["preview_failure_reason"] == reason
    assert listed(venue, "?order_status=OPEN") == []


@pytest.mark.parametrize(
    ("entry", "attached", "text"),
    [
        ({"quote_size": "100"}, {GTC: EXITS}, "base_size"),
        (None, {GTC: TERMS}, "leave base_size out"),
        (None, {"limit_limit_gtc": {"limit_price": "1"}}, "trigger_bracket_gtc"),
    ],
)
def test_what_cannot_be_attached_is_said(venue, entry, attached, text):
    kind = "limit_limit_gtc" if entry is None else "market_market_ioc"
    answer = venue.place(entry, kind=kind, attached_order_configuration=attached)
    assert not answer["success"]
    assert text in answer["error_response"]["message"]


def test_a_snapshot_tells_it_as_one(venue):
    name = bracket(venue)
    number = venue.subscribe("user", key=venue.key)
    assert statuses(venue, number) == [(name, "OPEN", "0")]


def test_it_has_a_preview_and_cannot_be_edited(venue):
    name = bracket(venue)
    body = {"product_id": "BTC-USDT", "side": "SELL", "order_configuration": {GTC: TERMS}}
    assert venue.call("POST", f"{BASE}/orders/preview", body)[1]["errs"] == []
    answer = venue.call("POST", f"{BASE}/orders/edit", {"order_id": name, "price": "56000"})[1]
    (error,) = answer["errors"]
    assert error["edit_failure_reason"] == "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"


def test_one_that_ends_in_time(venue):
    terms = {**TERMS, "end_time": "2099-01-01T00:00:00.000000Z"}
    name = venue.placed_id(terms, kind="trigger_bracket_gtd", side="SELL")
    assert venue.order(name)["order_configuration"] == {"trigger_bracket_gtd": terms}
