from decimal import Decimal

import msgspec
import pytest
from desk import SECOND_NS
from key_pairs import PUBLIC

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.domain.order import CancelCause, Side
from steelyard.exchange.admin import (
    AdminCall,
    BalanceOf,
    CancelOrders,
    CreateAccount,
    CreateKey,
    DepositTo,
    Inspect,
    ListAccounts,
    ListKeys,
    RevokeKey,
)


def carry(desk, call):
    # As it arrives over loopback: a struct that has been text.
    sent = msgspec.json.decode(msgspec.json.encode(call), type=AdminCall)
    return desk.admin.carry_out(sent, desk.tick())


def test_an_account_is_opened_with_what_it_is_given(desk):
    result = carry(desk, CreateAccount("carol", {"USDT": Decimal("12.5")}))
    assert result["balances"] == {"USDT": {"free": "12.5", "held": "0"}}
    carry(desk, DepositTo("carol", {"btc": Decimal(1)}))
    assert carry(desk, BalanceOf("carol"))["balances"]["BTC"]["free"] == "1"
    assert [a["account"] for a in carry(desk, ListAccounts())["accounts"]] == [
        "alice",
        "bob",
        "carol",
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (CreateAccount("alice"), "there is an account 'alice' already"),
        (CreateAccount("a b"), "must be 1 to 40 letters"),
        (CreateAccount(""), "must be 1 to 40 letters"),
        (CreateAccount("carol", {"DOGE": Decimal(1)}), "no asset 'DOGE' here; known: BTC, USDT"),
        (CreateAccount("carol", {"BTC": Decimal(-1)}), "must be positive"),
        (CreateAccount("carol", {"BTC": Decimal("1e30")}), "out of range"),
        (CreateAccount("carol", {"BTC": Decimal("1e-13")}), "finer than 0.000000000001"),
        (DepositTo("nobody", {"BTC": Decimal(1)}), "no account 'nobody'"),
        (CreateKey("alice", "native", ()), "at least one scope"),
        (CreateKey("alice", "native", (Scope.WITHDRAW,)), "add --ip"),
        (CreateKey("alice", "native", (Scope.READ,), ("x",)), "'x' is not an IP address"),
        (CreateKey("alice", "native", (Scope.READ,), lifetime_ns=0), "would have expired"),
        (CreateKey("alice", "native", (Scope.READ,), kind=KeyKind.RSA), "add --public-key FILE"),
        (
            CreateKey("alice", "native", (Scope.READ,), public_key=PUBLIC),
            "kind hmac have no pub",
        ),
        (
            CreateKey("alice", "native", (Scope.READ,), kind=KeyKind.RSA, public_key=PUBLIC),
            "another kind: Ed25519",
        ),
        (RevokeKey("nothing"), "no key 'nothing'"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_no_record(desk, call, message):
    desk.exchange.drain()
    with pytest.raises(UsageError, match=message):
        carry(desk, call)
    assert desk.exchange.drain().records == []


def test_a_secret_is_shown_once_and_nowhere_else(desk):
    """B5, and sealed wherever it is kept."""
    made = carry(
        desk, CreateKey("alice", "native", (Scope.READ, Scope.TRADE), lifetime_ns=60 * SECOND_NS)
    )
    kept = desk.exchange.keys.find(made["key"])
    assert desk.exchange.keys.secret(kept).decode() == made["secret"]
    assert made["expires"] == (desk.now_ns + 60 * SECOND_NS) // 1_000_000
    assert made["secret"] not in str(carry(desk, ListKeys()))
    assert made["secret"].encode() not in desk.exchange.snapshot()
    assert made["secret"] not in repr(desk.exchange.drain())


def test_a_replacing_key_revokes_its_forerunners_and_no_others(desk):
    first = carry(desk, CreateKey("alice", "native", (Scope.READ,), label="bot"))
    other = carry(desk, CreateKey("alice", "native", (Scope.READ,), label="me"))
    second = carry(desk, CreateKey("alice", "native", (Scope.READ,), label="bot", replace=True))
    find = desk.exchange.keys.find
    assert find(first["key"]) is None
    assert find(other["key"])
    assert find(second["key"])


def test_cancelling_an_account_leaves_nothing_open_and_counts_it(desk):
    """F4's last step: cancel, then verify zero."""
    for price in ("50000", "50001"):
        desk.place(desk.alice, Side.BUY, "0.1", price)
    left = desk.place(desk.bob, Side.BUY, "0.1", "50000").order
    assert carry(desk, CancelOrders("alice")) == {
        "account": "alice",
        "canceled": 2,
        "open_orders": 0,
    }
    assert left.state.is_open
    ended = desk.exchange.history.by_client_id(desk.alice, "sy-1")
    assert ended.cancel_cause is CancelCause.ADMIN


def test_the_state_in_brief_has_books_that_balance(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "1")
    brief = carry(desk, Inspect())
    assert brief["totals"] == {"BTC": "0", "USDT": "0"}
    assert brief["state_hash"] == f"{desk.exchange.engine.state_hash():016x}"
