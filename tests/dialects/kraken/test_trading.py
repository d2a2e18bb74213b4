"""Orders over WebSocket v2: REST's routes under other names."""

import pytest

from steelyard.dialects.kraken.text import id_text

LIMIT = {
    "order_type": "limit",
    "side": "buy",
    "symbol": "BTC/USDT",
    "order_qty": 0.01,
    "limit_price": 50000,
}


@pytest.fixture
def call(venue):
    """Carry out calls under alice's token; return the answers."""
    socket, token = venue.open("/wsauth/v2"), venue.token()
    socket.hear()

    def calling(method, **params):
        return socket.say(method=method, params={"token": token, **params}, req_id=9)

    return calling


def add(call, **params):
    (told,) = call("add_order", **{**LIMIT, **params})
    assert told["success"], told
    assert told["req_id"] == 9
    return told["result"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit_price": -5},
        {"order_type": "stop-loss", "limit_price": None, "triggers": {"price": -5}},
        {"conditional": {"order_type": "limit", "limit_price": -5}},
    ],
)
def test_a_price_below_nothing_is_no_distance(call, params):
    """REST has signs for that, here a type says so."""
    (told,) = call("add_order", **{**LIMIT, **params})
    assert told["error"] == "EOrder:Invalid price"


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1_0"])
def test_what_only_looks_like_a_number_is_refused(call, text):
    """And the connection goes on."""
    cases = {
        "order_qty": {"order_qty": text},
        "price": {"order_type": "stop-loss", "triggers": {"price": text}},
    }
    for name, params in cases.items():
        (told,) = call("add_order", **{**LIMIT, **params})
        assert told["error"] == f"EGeneral:Invalid arguments:{name}"
    assert add(call)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "buy 0.01000000 XBTUSDT @ limit 50000.00"),
        ({"time_in_force": "gtc", "post_only": True}, "buy 0.01000000 XBTUSDT @ limit 50000.00"),
        (
            {"order_type": "stop-loss", "limit_price": None, "triggers": {"price": 52000}},
            "buy 0.01000000 XBTUSDT @ stop loss 52000.00",
        ),
        (
            {"order_type": "stop-loss-limit", "limit_price": 52100, "triggers": {"price": 52000}},
            "buy 0.01000000 XBTUSDT @ stop loss 52000.00 -> limit 52100.00",
        ),
        (
            {
                "order_type": "trailing-stop",
                "limit_price": None,
                "triggers": {"price": 1.5, "price_type": "pct"},
            },
            "buy 0.01000000 XBTUSDT @ trailing stop +1.5000%",
        ),
        (
            {"order_type": "iceberg", "display_qty": 0.002, "stp_type": "cancel_oldest"},
            "buy 0.01000000 XBTUSDT @ limit 50000.00",
        ),
    ],
)
def test_an_order_is_what_it_says(venue, call, params, words):
    told = add(call, **{k: v for k, v in params.items() if v is not None} | {"cl_ord_id": "mine"})
    assert told["cl_ord_id"] == "mine"
    order = venue.order(told["order_id"])
    assert order["descr"]["order"] == words or params.get("limit_price", 0) is None


def test_a_market_order_may_say_what_to_spend(venue, call):
    venue.add(venue.bob, type="sell")
    (told,) = call(
        "add_order", order_type="market", side="buy", symbol="BTC/USDT", cash_order_qty=500
    )
    order = venue.order(told["result"]["order_id"])
    assert (order["vol_exec"], order["status"]) == ("0.01000000", "closed")


def test_a_conditional_close_comes_along(venue, call):
    closing = {"order_type": "stop-loss-limit", "trigger_price": 48000, "limit_price": 47900}
    told = add(call, conditional=closing)
    close = venue.order(told["order_id"])["descr"]["close"]
    assert close == "close position @ stop loss 48000.00 -> limit 47900.00"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"order_qty": None}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": 100}, "EOrder:Insufficient funds"),
        ({"side": "up"}, "EGeneral:Invalid arguments:type"),
        ({"margin": True}, "EGeneral:Invalid arguments:margin"),
        ({"symbol": "NO/NE"}, "EQuery:Unknown asset pair"),
        ({"order_qty": "x"}, "EGeneral:Invalid arguments:order_qty"),
        ({"token": "wrong"}, "EAPI:Invalid key"),
        ({"token": None}, "ESession:Invalid session"),
    ],
)
def test_an_order_that_is_none_is_told_so(call, params, error):
    (told,) = call("add_order", **{**LIMIT, **params})
    assert (told["success"], told["error"], told["req_id"]) == (False, error, 9)
    assert told["help"]


def test_a_batch_is_answered_order_by_order(venue, call):
    order = {"order_type": "limit", "side": "buy", "order_qty": 0.01, "limit_price": 50000}
    batch = [{**order, "cl_ord_id": "a"}, {**order, "order_qty": 100, "cl_ord_id": "b"}]
    (told,) = call("batch_add", symbol="BTC/USDT", orders=batch)
    first, second = told["result"]["orders"]
    assert [*venue.result("OpenOrders")["open"]] == [first["order_id"]]
    assert second == {"cl_ord_id": "b", "success": False, "error": "EOrder:Insufficient funds"}


def test_an_order_is_amended(venue, call):
    txid = add(call)["order_id"]
    (told,) = call("amend_order", order_id=txid, order_qty=0.02, limit_price=49000)
    assert told["result"]["order_id"] == txid
    assert venue.order(txid)["vol"] == "0.02000000"


def test_each_cancel_has_an_answer_of_its_own(venue, call):
    one, _ = add(call)["order_id"], add(call, cl_ord_id="mine")
    add(call, order_userref=5)
    unknown = id_text("O", 99)
    answers = call("cancel_order", order_id=[one, unknown], cl_ord_id=["mine"], order_userref=[5])
    assert [a.get("result") or a["error"] for a in answers] == [
        {"order_id": one},
        "EOrder:Unknown order",
        {"cl_ord_id": "mine"},
        {"order_userref": 5},
    ]
    assert {a["req_id"] for a in answers} == {9}
    assert venue.result("OpenOrders")["open"] == {}


def test_many_are_canceled_at_once(call):
    ids = [add(call)["order_id"] for _ in range(3)]
    (told,) = call("batch_cancel", orders=ids[:2])
    assert told["orders_cancelled"] == 2
    (told,) = call("cancel_all")
    assert told["result"] == {"count": 1}


def test_what_there_is_not_is_told_so(call):
    (told,) = call("buy_low")
    assert (told["success"], told["error"]) == (False, "Unsupported method")


def test_a_token_of_a_key_that_only_reads_places_nothing(venue):
    reader = venue.key("alice", scopes=("read",))
    socket = venue.open("/wsauth/v2")
    socket.hear()
    (told,) = socket.say(method="add_order", params={**LIMIT, "token": venue.token(reader)})
    assert told["error"] == "EGeneral:Permission denied"
