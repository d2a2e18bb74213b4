import pytest

from steelyard.dialects.okx import orders
from steelyard.domain.errors import DecodeError
from tests.dialects.okx.venue import PAIR


def test_each_order_of_a_batch_has_an_answer_of_its_own(venue):
    good, bad, poor = venue.order(clOrdId="a"), venue.order(px="x"), venue.order(sz="100")
    told = venue.post("trade/batch-orders", [good, bad, poor])
    assert (told["code"], told["msg"]) == ("2", "Bulk operation partially succeeded.")
    assert [row["sCode"] for row in told["data"]] == ["0", "51000", "51008"]
    assert [row["clOrdId"] for row in told["data"]] == ["a", "", ""]
    assert len(told["inTime"]) == len(told["outTime"]) == 16
    assert len(venue.rows("trade/orders-pending")) == 1
    told = venue.post("trade/batch-orders", [bad, poor])
    assert (told["code"], told["msg"]) == ("1", "All operations failed")
    told = venue.post("trade/batch-orders", [good] * 21)
    assert (told["code"], told["data"]) == ("50025", [])


def test_a_request_that_comes_late_is_dropped(venue):
    now_ms = venue.desk.now_ns // 10**6
    assert venue.post("trade/order", venue.order(), exptime=str(now_ms + 1))["code"] == "0"
    assert venue.post("trade/order", venue.order(), exptime=str(now_ms - 1))["code"] == "51149"
    assert venue.post("trade/order", venue.order(), exptime="soon")["code"] == "51000"


def test_an_order_is_canceled_by_either_name(venue):
    first, second = venue.place(clOrdId="a"), venue.place(clOrdId="b")
    told = venue.post("trade/cancel-order", {"instId": PAIR, "ordId": first, "clOrdId": "b"})
    assert told["data"][0]["ordId"] == first, "the venue's name wins"
    told = venue.post("trade/cancel-order", {"instId": PAIR, "clOrdId": "b"})
    assert told["data"][0]["ordId"] == second
    told = venue.post("trade/cancel-order", {"instId": PAIR, "ordId": first})
    assert (told["code"], told["data"][0]["sCode"]) == ("1", "51400")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"instId": PAIR}, "51003"),
        ({"instId": PAIR, "ordId": "999"}, "51400"),
        ({"instId": PAIR, "ordId": "x"}, "51400"),
        ({"instId": "X-Y", "ordId": "1"}, "51001"),
        ({"ordId": "1"}, "50014"),
    ],
)
def test_an_order_that_is_not_there_is_not_canceled(venue, request_, code):
    (row,) = venue.post("trade/cancel-order", request_)["data"]
    assert row["sCode"] == code
    told = venue.post("trade/cancel-batch-orders", [request_, request_])
    assert [row["sCode"] for row in told["data"]] == [code, code]


def test_nobody_elses_order_is_touched(venue):
    number = venue.place(venue.bob)
    for path, more in (("cancel-order", {}), ("amend-order", {"newSz": "1"})):
        (row,) = venue.post(f"trade/{path}", {"instId": PAIR, "ordId": number, **more})["data"]
        assert row["sCode"] in ("51400", "51503")
    assert venue.one(number, venue.bob)["state"] == "live"


def test_an_order_is_amended_and_keeps_its_number(venue):
    number = venue.place(clOrdId="a")
    change = {"instId": PAIR, "clOrdId": "a", "newPx": "49000", "newSz": "0.02", "reqId": "r1"}
    (row,) = venue.post("trade/amend-order", change)["data"]
    assert (row["ordId"], row["sCode"], row["reqId"]) == (number, "0", "r1")
    found = venue.one(number)
    assert (found["px"], found["sz"], found["state"]) == ("49000", "0.02", "live")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "51500"),
        ({"newPx": "x"}, "51000"),
        ({"newSz": "0"}, "51020"),
        ({"newSz": "1", "cxlOnFail": True}, "51000"),
        ({"newSz": "1", "reqId": "a b"}, "51000"),
        ({"ordId": "999", "newSz": "1"}, "51503"),
        ({"newSz": "1", "attachAlgoOrds": [{"attachAlgoId": "1"}]}, "51506"),
    ],
)
def test_a_change_that_is_none_is_told_so(venue, change, code):
    number = venue.place()
    given = {"instId": PAIR, "ordId": number, **change}
    told = venue.post("trade/amend-batch-orders", [given])
    assert [row["sCode"] for row in told["data"]] == [code]


def test_a_post_only_order_is_not_amended_into_the_other_side(market):
    number = market.place(ordType="post_only")
    change = {"instId": PAIR, "ordId": number, "newPx": "51000"}
    (row,) = market.post("trade/amend-order", change)["data"]
    assert row["sCode"] == "51511"
    assert market.one(number)["px"] == "50000"


def test_all_is_canceled_when_nobody_is_heard_of(venue):
    number = venue.place()
    (armed,) = venue.post("trade/cancel-all-after", {"timeOut": "10"})["data"]
    assert int(armed["triggerTime"]) - int(armed["ts"]) == 10_000
    (off,) = venue.post("trade/cancel-all-after", {"timeOut": 0})["data"]
    assert off["triggerTime"] == "0"
    venue.pass_time(11)
    assert venue.one(number)["state"] == "live"
    venue.post("trade/cancel-all-after", {"timeOut": "10"})
    venue.pass_time(11)
    assert venue.one(number)["state"] == "canceled"
    for wrong in ("5", "121", "x"):
        assert venue.post("trade/cancel-all-after", {"timeOut": wrong})["code"] == "51000"
    tagged = {"timeOut": "10", "tag": "x"}
    assert venue.post("trade/cancel-all-after", tagged)["code"] == "51000"


def test_there_is_no_position_to_close(venue):
    told = venue.post("trade/close-position", {"instId": PAIR, "mgnMode": "cross"})
    assert told["code"] == "51023"


def test_answers_that_say_too_little_are_errors():
    with pytest.raises(DecodeError, match="ordId"):
        orders.placed_from_ack((), None)
    with pytest.raises(DecodeError):
        orders.armed_from_wire(())
