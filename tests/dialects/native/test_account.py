from steelyard.dialects.native import account
from steelyard.domain.messages import (
    AccountAnswer,
    AssetBalance,
    BalanceEvent,
    Clock,
    KeyAnswer,
    KeyKind,
    Scope,
    Status,
)
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.dialects.native.venue import Venue

MS = 1_000_000


def asker(venue: Venue) -> Asker:
    return Asker(venue.desk.alice, "k", venue.desk.now_ns, venue.listings, UNLIMITED)


def test_an_account_comes_back_as_it_went(venue):
    """Every atom and rate survives, down to the last one."""
    balances = (AssetBalance(1, 1, 0), AssetBalance(2, 10**30 + 1, 999_999_999_999))
    answer = AccountAnswer(venue.desk.alice, balances, 0, 12_345, 5 * MS)
    wire = account.account_to_wire(answer, None, asker(venue))
    assert [(b.asset, b.free, b.held) for b in wire.balances] == [
        ("BTC", "0.000000000001", "0"),
        ("USDT", "1000000000000000000.000000000001", "0.999999999999"),
    ]
    assert (wire.maker_rate, wire.taker_rate) == ("0", "0.00012345")
    assert account.account_from_wire(wire, venue.listings) == answer


def test_assets_that_we_do_not_list_are_left_out(venue):
    """A venue may know more assets than its listings name."""
    wire = (
        account.messages.Balance("DOGE", "1", "0"),
        account.messages.Balance("BTC", "2", "0"),
    )
    assert account.balances_from_wire(wire, venue.listings) == (AssetBalance(1, 2 * 10**12, 0),)


def test_pushed_balances_come_back_as_they_went(venue):
    """The account's number is the client's knowledge, from its login."""
    event = BalanceEvent(100, (AssetBalance(1, 5, 6),), 7 * MS)
    wire = account.balances_push(event, venue.listings)
    assert account.balances_event(wire, venue.listings, 100) == event


def test_clock_status_and_key_come_back_as_they_went():
    """The clock keeps its nanoseconds."""
    clock = Clock(1_795_000_000_000_000_001)
    assert account.clock_from_wire(account.clock_to_wire(clock, None, None)) == clock
    status = Status(trading=True, market="tape", ended=True, time_ns=3 * MS)
    assert account.status_from_wire(account.status_to_wire(status, None, None)) == status
    for expires_ns in (None, 9 * MS):
        key = KeyAnswer(
            "k", 100, frozenset({Scope.READ, Scope.TRADE}), ("::1/128",), MS, expires_ns
        )
        assert account.key_from_wire(account.key_to_wire(key, None, None)) == key
    whole = KeyAnswer(
        "k", 100, frozenset(Scope), (), MS, 9 * MS, KeyKind.ES256, "bot", ("BTC-USDT",), 5 * MS,
        7 * MS, ("It is harmless.",),
    )  # fmt: skip
    assert whole.ends_ns == 5 * MS
    assert account.key_from_wire(account.key_to_wire(whole, None, None)) == whole


def test_scopes_are_told_in_one_order():
    """A set has none of its own, and answers should not differ from run to run."""
    key = KeyAnswer("k", 100, frozenset(Scope), (), 0, None)
    assert account.key_to_wire(key, None, None).scopes == ("read", "trade", "withdraw")


def test_a_key_sees_its_account_and_itself(venue):
    """Free and held are told apart, and add up."""
    venue.place(size="0.5", price="60000")
    status, answer = venue.call("GET", "/api/v1/account")
    held = {b["asset"]: b["held"] for b in answer["balances"]}
    assert status == 200
    assert held["USDT"] == "30030"  # with the fee of 0.1 %
    assert answer["maker_rate"] == "0.001"
    status, answer = venue.call("GET", "/api/v1/key")
    assert (answer["key"], answer["scopes"], answer["expires"]) == (
        venue.key.key,
        ["read", "trade"],
        None,
    )
