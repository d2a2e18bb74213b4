from decimal import Decimal

import msgspec
import pytest

from steelyard.domain.errors import UsageError
from steelyard.domain.order import Side
from steelyard.domain.units import AMOUNT_MAX_ATOMS
from steelyard.exchange.admin import AdminCall, BalanceOf
from steelyard.exchange.bookkeeping import (
    AuditBooks,
    EndTransfer,
    ListTransfers,
    OpenTransfers,
    StatementOf,
    amount_text,
)


def carry(desk, call):
    # As it arrives over loopback: a struct that has been text.
    sent = msgspec.json.decode(msgspec.json.encode(call), type=AdminCall)
    return desk.admin.carry_out(sent, desk.tick())


def test_an_audit_shows_where_everything_is(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "0.25", "60000")
    found = carry(desk, AuditBooks())
    assert (found["balanced"], found["differences"]) == (True, [])
    assert (found["accounts"], found["open_orders"]) == (2, 1)
    assert found["assets"]["BTC"] == {
        "free": "199.25", "held": "0.75", "house": "0", "fees": "0", "world": "-200", "total": "0",
        "pending_deposits": "0", "pending_withdrawals": "0",
    }  # fmt: skip
    assert found["assets"]["USDT"]["fees"] == "30"


def test_a_statement_is_exact_text_and_ends_in_the_balance(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000.01")
    desk.place(desk.bob, Side.BUY, "0.00123", "60000.01")
    found = carry(desk, StatementOf("bob", "usdt", desk.now_ns))
    trade = {
        "number": 4, "time": desk.now_ns // 1_000_000 - 1_000, "what": "trade",
        "symbol": "BTC-USDT", "order_id": 2, "trade_id": 1, "transfer_id": None, "asset": "USDT",
        "amount": "-73.8000123", "balance": "999926.1999877",
    }  # fmt: skip
    fee = trade | {
        "number": 5, "what": "fee", "amount": "-0.0738000123", "balance": "999926.1261876877",
    }  # fmt: skip
    assert found == {
        "account": "bob", "opening": {"USDT": "1000000"}, "lines": [trade, fee],
        "closing": {"USDT": "999926.1261876877"}, "after": None,
    }  # fmt: skip
    own = carry(desk, BalanceOf("bob"))["balances"]["USDT"]
    assert Decimal(own["free"]) + Decimal(own["held"]) == Decimal(fee["balance"])


def test_a_statement_comes_in_pages(desk):
    first = carry(desk, StatementOf("bob", limit=1))
    assert [line["asset"] for line in first["lines"]] == ["USDT"]
    second = carry(desk, StatementOf("bob", after=first["after"], limit=1))
    assert [line["asset"] for line in second["lines"]] == ["BTC"]
    assert second["after"] is None


def test_a_withdrawal_is_held_until_it_leaves_or_is_canceled(desk):
    opened = carry(desk, OpenTransfers("alice", {"USDT": Decimal(-5), "BTC": Decimal("0.5")}))
    assert [(t["transfer_id"], t["what"], t["state"]) for t in opened["transfers"]] == [
        (1, "withdrawal", "pending"),
        (2, "deposit", "pending"),
    ]
    balances = carry(desk, BalanceOf("alice"))["balances"]
    assert balances["USDT"] == {"free": "999995", "held": "5"}
    assert balances["BTC"] == {"free": "100", "held": "0"}
    carry(desk, EndTransfer("alice", 1, done=False))
    ended = carry(desk, EndTransfer("alice", 2, done=True))
    assert [t["state"] for t in ended["transfers"]] == ["canceled", "done"]
    assert carry(desk, ListTransfers("alice")) == ended
    balances = carry(desk, BalanceOf("alice"))["balances"]
    assert balances["USDT"] == {"free": "1000000", "held": "0"}
    assert balances["BTC"] == {"free": "100.5", "held": "0"}
    assert carry(desk, AuditBooks())["balanced"]


def test_a_deposit_that_the_books_cannot_hold_stays_pending(desk):
    most = Decimal(AMOUNT_MAX_ATOMS) / 10**12
    for _ in range(2):
        carry(desk, OpenTransfers("alice", {"BTC": most - 300}))
    carry(desk, EndTransfer("alice", 1, done=True))
    with pytest.raises(UsageError, match="transfer 2 stays pending: AMOUNT_TOO_LARGE"):
        carry(desk, EndTransfer("alice", 2, done=True))
    assert carry(desk, ListTransfers("alice"))["transfers"][1]["state"] == "pending"
    assert carry(desk, AuditBooks())["balanced"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (StatementOf("nobody"), "no account 'nobody'"),
        (StatementOf("alice", "DOGE"), "no asset 'DOGE'"),
        (StatementOf("alice", limit=0), "1 to 5000 lines, not 0"),
        (OpenTransfers("alice", {"USDT": Decimal(0)}), r"\+5 is a deposit, -5 a withdrawal"),
        (OpenTransfers("alice", {"USDT": Decimal(-1_000_001)}), "alice has 1000000 USDT free, not"),
        (
            OpenTransfers("alice", {"BTC": Decimal(1), "USDT": Decimal(-1_000_001)}),
            "alice has 1000000 USDT free",
        ),
        (OpenTransfers("alice", {"DOGE": Decimal(1)}), "no asset 'DOGE'"),
        (OpenTransfers("nobody", {"BTC": Decimal(1)}), "no account 'nobody'"),
        (EndTransfer("alice", 7, done=True), "alice has no pending transfer 7"),
        (EndTransfer("bob", 1, done=True), "bob has no pending transfer 1"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_no_record(desk, call, words):
    """Alice's transfer 1 is pending, which is not for bob to end."""
    carry(desk, OpenTransfers("alice", {"BTC": Decimal(1)}))
    desk.exchange.drain()
    with pytest.raises(UsageError, match=words):
        carry(desk, call)
    assert desk.exchange.drain().records == []


@pytest.mark.parametrize(
    ("atoms", "text"), [(0, "0"), (1, "0.000000000001"), (-(10**34), "-1" + 22 * "0")]
)
def test_an_amount_is_plain_text(atoms, text):
    assert amount_text(atoms) == text
