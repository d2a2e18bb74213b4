import pytest

from tests.dialects.okx.venue import PAIR


@pytest.fixture
def socket(venue):
    return venue.open("private", venue.alice)


def op(socket, name, *args, **more):
    (told,) = socket.say(id="1", op=name, args=list(args), **more)
    assert (told["id"], told["op"]) == ("1", name)
    return told


def test_orders_come_and_go_over_the_socket(venue, socket):
    order = venue.order(instId=None, instIdCode=1_000_000_000, clOrdId="a")
    told = op(socket, "order", order)
    assert (told["code"], len(told["inTime"])) == ("0", 16)
    (row,) = told["data"]
    number = row["ordId"]
    assert venue.one(number)["clOrdId"] == "a"
    change = {"instId": PAIR, "ordId": number, "newSz": "0.02"}
    assert op(socket, "amend-order", change)["data"][0]["sCode"] == "0"
    assert op(socket, "cancel-order", {"instId": PAIR, "clOrdId": "a"})["code"] == "0"
    assert venue.one(number)["state"] == "canceled"


def test_batches_have_an_answer_for_each(venue, socket):
    told = op(socket, "batch-orders", venue.order(clOrdId="a"), venue.order(sz="x"))
    assert (told["code"], [row["sCode"] for row in told["data"]]) == ("2", ["0", "51000"])
    changes = [{"instId": PAIR, "clOrdId": "a", "newSz": "0.02"}]
    assert op(socket, "batch-amend-orders", *changes)["code"] == "0"
    names = [{"instId": PAIR, "clOrdId": name} for name in "ab"]
    told = op(socket, "batch-cancel-orders", *names)
    assert [row["sCode"] for row in told["data"]] == ["0", "51400"]


def test_a_login_is_good_for_longer_than_a_signature(venue, socket):
    venue.desk.now_ns += 3_600 * 10**9
    assert op(socket, "order", venue.order())["code"] == "0"


def test_who_is_not_logged_in_or_elsewhere_is_told(venue):
    order = venue.order()
    assert op(venue.open("private"), "order", order)["code"] == "60011"
    assert op(venue.open("public"), "order", order)["code"] == "60028"


def test_what_is_wrong_is_told_and_nothing_is_done(venue, socket):
    order = venue.order()
    assert op(socket, "order")["code"] == "50025"
    assert op(socket, "order", order, order)["code"] == "50025"
    assert op(socket, "order", 5)["code"] == "60013"
    assert op(socket, "order", {**order, "side": None})["code"] == "50014"
    late = str(venue.desk.now_ns // 10**6 - 1)
    assert op(socket, "order", order, expTime=late)["code"] == "51149"
    assert venue.rows("trade/orders-pending") == []


def test_a_reader_places_nothing(venue):
    reader = venue.key("alice", scopes=("read",))
    told = op(venue.open("private", reader), "order", venue.order())
    assert told["code"] != "0"
    assert venue.rows("trade/orders-pending") == []
