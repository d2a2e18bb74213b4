import msgspec
import pytest

from steelyard.dialects.bybit import guarding
from steelyard.domain.messages import Scope
from tests.dialects.bybit.venue import PRIVATE

OPEN = "/v5/order/realtime"


def is_open(venue):
    return bool(venue.get(OPEN, category="spot")["list"])


def hang_up(venue, number):
    line, _ = venue.lines.pop(number)
    line.close()


def held(venue, seconds):
    for _ in range(seconds):
        venue.pass_time()


def test_all_is_canceled_when_the_last_connection_has_been_gone_for_the_time(venue):
    first, second = venue.log_in(), venue.log_in()
    for number in (first, second):
        venue.subscribe(number, "dcp.spot")
    venue.place()
    held(venue, 30)
    assert is_open(venue)
    hang_up(venue, first)
    held(venue, 30)
    assert is_open(venue), "another connection holds it"
    hang_up(venue, second)
    held(venue, guarding.WINDOW_S - 1)
    assert is_open(venue)
    held(venue, 5)
    assert not is_open(venue)


def test_who_comes_back_in_time_keeps_its_orders(venue):
    number = venue.log_in()
    venue.subscribe(number, "dcp.spot")
    venue.place()
    hang_up(venue, number)
    held(venue, 8)
    again = venue.log_in()
    venue.subscribe(again, "dcp.spot")
    held(venue, 30)
    assert is_open(venue)


def test_who_no_longer_follows_it_is_not_guarded(venue):
    number = venue.log_in()
    venue.subscribe(number, "dcp.spot")
    venue.place()
    venue.say(number, {"op": "unsubscribe", "args": ["dcp.spot"]})
    hang_up(venue, number)
    held(venue, 30)
    assert is_open(venue)


def test_other_accounts_and_other_products_are_left_alone(venue):
    number = venue.log_in(key=venue.other_key)
    venue.subscribe(number, "dcp.spot", "dcp.future")
    venue.place()
    hang_up(venue, number)
    held(venue, 30)
    assert is_open(venue)


def test_a_key_that_only_reads_holds_nothing(venue):
    number = venue.log_in(PRIVATE, venue.new_key("alice", Scope.READ))
    venue.say(number, {"op": "subscribe", "args": ["dcp.spot"]})
    (ack,) = venue.heard(number)
    assert not ack["success"]


def test_the_time_is_told_and_no_other_is_promised(venue):
    (info,) = venue.get("/v5/account/query-dcp-info")["dcpInfos"]
    assert info == {"product": "SPOT", "dcpStatus": "ON", "timeWindow": "10"}
    path = "/v5/order/disconnected-cancel-all"
    answer = venue.post(path, product="SPOT", timeWindow=10)
    assert (answer["retCode"], answer["result"]) == (0, {})


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"product": "SPOT", "timeWindow": 40}, "timeWindow"),
        ({"product": "SPOT", "timeWindow": 2}, "timeWindow"),
        ({"timeWindow": 10}, "product"),
        ({"product": "COINS", "timeWindow": 10}, "product"),
    ],
)
def test_what_is_not_offered_is_refused(venue, body, name):
    raw = msgspec.json.encode(body)
    answer = venue.response("/v5/order/disconnected-cancel-all", raw).body
    told = msgspec.json.decode(answer)
    assert told["retCode"] == 10001
    assert name in told["retMsg"]
