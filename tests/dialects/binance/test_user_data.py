from decimal import Decimal
from random import Random

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated

from steelyard.dialects.binance import user_data
from steelyard.domain.commands import CloseTransfer, OpenTransfer
from steelyard.domain.messages import BalanceLocked, BalanceMoved, Scope, Touch
from steelyard.exchange.issuing import ChangeKey
from steelyard.wire.dialect import Ending
from tests.dialects.binance.test_text import LISTINGS
from tests.dialects.binance.test_ws_api import Talk
from tests.dialects.binance.venue import Venue

STREAM = "userDataStream"
HOUR_S = 3_600


def listen_key(venue, key=None):
    status, told = venue.with_key("POST", STREAM, key or venue.key)
    assert status == 200, told
    return told["listenKey"]


def test_what_came_and_what_is_held_are_two_kinds_of_events():
    moved = user_data.payload_of_account(BalanceMoved(9, 1, -3 * 10**12, 5_000_000), LISTINGS)
    held = user_data.payload_of_account(BalanceLocked(9, 1, 10**12, 5_000_000), LISTINGS)
    assert (moved.e, moved.a, moved.d, moved.T) == ("balanceUpdate", "BTC", "-3.00000000", 5)
    assert (held.e, held.a, held.d, held.T) == ("externalLockUpdate", "BTC", "1.00000000", 5)
    assert user_data.payload_of_account(Touch(0, 1, 1, 1, 1, 1, 1), LISTINGS) is None


def test_a_withdrawal_is_told_from_its_hold_to_its_end(venue):
    line = venue.open(f"/ws/{listen_key(venue)}")
    record, alice = venue.exchange.record, venue.desk.alice
    record(OpenTransfer(alice, 1, -(10**12)), venue.desk.tick())
    (number,) = venue.exchange.statements.pending_ids(alice)
    record(CloseTransfer(number, done=True), venue.desk.tick())
    venue.deliver()
    told = venue.heard(line)
    assert [(event["e"], event.get("d")) for event in told] == [
        ("externalLockUpdate", "1.00000000"),
        ("outboundAccountPosition", None),
        ("balanceUpdate", "-1.00000000"),
        ("externalLockUpdate", "-1.00000000"),
        ("outboundAccountPosition", None),
    ]
    assert told[1]["B"] == [{"a": "BTC", "f": "99.00000000", "l": "1.00000000"}]
    assert told[4]["B"] == [{"a": "BTC", "f": "99.00000000", "l": "0.00000000"}]


def test_a_listen_key_opens_the_bare_events_of_its_account(venue):
    """In the path, in a combined stream or by SUBSCRIBE; nobody else's events."""
    token = listen_key(venue)
    assert len(token) == 64
    assert user_data.is_listen_key(token)
    bare = venue.open(f"/ws/{token}")
    wrapped = venue.open(f"/stream?streams={token}/ethusdt@trade")
    later = venue.open("/ws")
    venue.say(later, {"method": "SUBSCRIBE", "params": [token], "id": 1})
    venue.heard(later)
    venue.place(venue.other_key)
    placed = venue.place()
    report, position = venue.heard(bare)
    assert (report["e"], report["i"]) == ("executionReport", placed["orderId"])
    assert position["e"] == "outboundAccountPosition"
    assert venue.heard(later) == [report, position]
    assert venue.heard(wrapped) == [{"stream": token, "data": e} for e in (report, position)]


def test_a_listen_key_is_the_same_until_it_ends(venue):
    token = listen_key(venue)
    assert listen_key(venue) == token
    assert listen_key(venue, venue.other_key) != token
    assert venue.with_key("PUT", STREAM, venue.key, listenKey=token) == (200, {})
    assert venue.with_key("DELETE", STREAM, venue.key, listenKey=token) == (200, {})
    for method in ("PUT", "DELETE"):
        status, refused = venue.with_key(method, STREAM, venue.key, listenKey=token)
        assert (status, refused["code"]) == (400, -1125)
        assert refused["msg"].startswith("This listenKey does not exist.")
    assert listen_key(venue) != token


def test_a_listen_key_is_of_its_account_alone(venue):
    token = listen_key(venue)
    for method in ("PUT", "DELETE"):
        refused = venue.with_key(method, STREAM, venue.other_key, listenKey=token)[1]
        assert refused["code"] == -1125
    assert venue.with_key("PUT", STREAM, venue.key, listenKey=token)[0] == 200


def test_a_listen_key_ends_after_an_hour_unless_it_is_kept(venue):
    """The stream says so once, and says nothing more."""
    token = listen_key(venue)
    line = venue.open(f"/ws/{token}")
    venue.wait(HOUR_S // 2)
    venue.with_key("PUT", STREAM, venue.key, listenKey=token)
    venue.wait(HOUR_S // 2 + 60)
    assert venue.heard(line) == []
    venue.wait(HOUR_S // 2)
    now_ms = venue.desk.now_ns // 1_000_000
    expired = {"e": "listenKeyExpired", "E": now_ms, "listenKey": token}
    assert venue.heard(line) == [expired]
    venue.place()
    venue.wait()
    assert venue.heard(line) == []
    (refused,) = venue.heard(venue.open(f"/ws/{token}"))
    assert "does not exist or has expired" in refused["msg"]


def test_a_listen_key_is_worth_what_its_key_is(venue):
    token = listen_key(venue)
    line = venue.open(f"/ws/{token}")
    assert venue.key.key in venue.lines[line][0].keys
    venue.admin.revoke_key(venue.key.key, venue.desk.now_ns)
    (refused,) = venue.heard(venue.open(f"/ws/{token}"))
    assert refused["code"] == 2
    assert venue.with_key("POST", STREAM, venue.key)[1]["code"] == -2008


@pytest.mark.parametrize(
    "change",
    [{"scopes": (Scope.TRADE,)}, {"ip": ("10.0.0.0/24",)}],
    ids=["no longer reads", "comes from elsewhere"],
)
def test_a_listen_key_opens_no_more_than_its_key_does_now(venue, change):
    """Whoever has it cannot go on under the terms that its owner has taken back."""
    token = listen_key(venue)
    venue.admin.carry_out(ChangeKey(venue.key.key, **change), venue.desk.now_ns)
    line = venue.open(f"/ws/{token}")
    (refused,) = venue.heard(line)
    assert "does not exist or has expired" in refused["msg"]
    venue.place(venue.new_key("alice"))
    assert venue.heard(line) == []


def test_who_only_names_a_key_has_not_used_it(venue):
    """Its last use is where a thief would be seen."""
    listen_key(venue)
    kept = venue.exchange.keys.find(venue.key.key)
    assert kept.last_used_ns is None
    venue.call("GET", "account")
    assert kept.last_used_ns is not None


def test_a_listen_key_wants_a_key_that_may_read_from_here(venue):
    trader = venue.new_key("alice", Scope.TRADE)
    assert venue.with_key("POST", STREAM, trader)[1]["code"] == -2015
    away = venue.new_key("alice", ip=("10.0.0.0/8",))
    assert venue.with_key("POST", STREAM, away)[1]["code"] == -2015
    assert venue.get("nothing")[0] == 404


def test_listen_keys_over_the_websocket_api_name_a_key_and_nothing_else(venue):
    talk = Talk(venue)
    token = talk.ask("userDataStream.start", apiKey=venue.key.key)["result"]["listenKey"]
    assert token == listen_key(venue)
    for method in ("ping", "stop"):
        told = talk.ask(f"userDataStream.{method}", apiKey=venue.key.key, listenKey=token)
        assert (told["status"], told["result"]) == (200, {})
    again = talk.ask("userDataStream.ping", apiKey=venue.key.key, listenKey=token)
    assert again["error"]["code"] == -1125
    assert venue.lines[talk.line][0].keys == set()


def test_a_session_whose_key_ends_is_told_before_it_is_closed(venue):
    talk = Talk(venue)
    talk.ask_signed(f"{STREAM}.subscribe.signature")
    venue.lines[talk.line][0].session.end(Ending.KEY, venue.desk.now_ns)
    venue.deliver()
    ended, refused = venue.heard(talk.line)
    assert (ended["subscriptionId"], ended["event"]["e"]) == (0, "eventStreamTerminated")
    assert (refused["id"], refused["status"], refused["error"]["code"]) == (None, 401, -2015)


def test_an_orderly_stop_is_told_over_the_websocket_api(venue):
    talk = Talk(venue)
    venue.lines[talk.line][0].session.end(Ending.STOP, venue.desk.now_ns)
    venue.deliver()
    time = venue.desk.now_ns // 1_000_000
    assert venue.heard(talk.line) == [{"event": {"e": "serverShutdown", "E": time}}]


@pytest.mark.parametrize("unit", ["MICROSECOND", "millisecond"])
def test_the_events_of_a_connection_are_in_its_unit(venue, unit):
    talk = Talk(venue, f"/ws-api/v3?timeUnit={unit}")
    talk.ask_signed(f"{STREAM}.subscribe.signature")
    venue.admin.deposit("alice", {"BTC": Decimal(1)}, venue.desk.tick())
    venue.deliver()
    update, position = talk.heard()
    expected = venue.desk.now_ns // (1_000 if unit == "MICROSECOND" else 1_000_000)
    assert (update["T"], position["u"]) == (expected, expected)
    assert talk.ask("time")["result"]["serverTime"] > expected


# -- listen keys that are none -------------------------------------------------------------------


CODES = (-1100, -1102, -1105, -1125)  # illegal, missing, empty, none that there is


def hears_nothing(venue, changed: str) -> None:
    """Try what is no listen key everywhere where one may stand."""
    for target in (f"/ws/{changed}", f"/stream?streams={changed}", f"/stream/ws/{changed}"):
        line = venue.gate.line(target, "127.0.0.1", 1, lambda: venue.desk.now_ns)
        assert line is None or line.keys == set(), target
    line = venue.open("/ws")
    venue.say(line, {"method": "SUBSCRIBE", "params": [changed], "id": 1})
    assert venue.lines[line][0].keys == set()
    for method in ("PUT", "DELETE"):
        status, refused = venue.with_key(method, STREAM, venue.key, listenKey=changed)
        assert (status, refused["code"] in CODES) == (400, True), (changed, refused)
    talk = venue.open("/ws-api/v3")
    params = {"apiKey": venue.key.key, "listenKey": changed}
    venue.say(talk, {"id": 1, "method": "userDataStream.ping", "params": params})
    assert venue.heard(talk)[0]["status"] == 400


def test_a_listen_key_with_another_byte_opens_nothing():
    """Every position; and the right one is good after all that."""
    venue = Venue()
    token = listen_key(venue)
    for position, byte in enumerate(token):
        for other in {byte.swapcase(), chr(ord(byte) ^ 1), "0", "%"} - {byte}:
            hears_nothing(venue, token[:position] + other + token[position + 1 :])
    assert venue.with_key("PUT", STREAM, venue.key, listenKey=token) == (200, {})


@examples(15)
@given(st.integers(0, 2**64 - 1))
def test_garbage_is_no_listen_key(seed):
    """Too short, too long, twice, with what stands in no key."""
    venue, random = Venue(), Random(seed)
    token = listen_key(venue)
    for _ in range(5):
        changed = mutated(token.encode(), [token.encode()], random).decode("latin-1")
        if changed != token and token not in changed:
            hears_nothing(venue, changed)
    assert venue.with_key("PUT", STREAM, venue.key, listenKey=token) == (200, {})
