from decimal import Decimal

import msgspec
import pytest
from desk import BTC, BTC_USDT, SECOND_NS, START_NS, USDT

from steelyard.domain.commands import (
    CloseTransfer,
    Filled,
    OpenAccount,
    OpenTransfer,
    TransferChanged,
    Transferred,
    Withdraw,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.order import FeeAsset, Liquidity, Side, TransferState
from steelyard.domain.transfers import EntryKind
from steelyard.exchange import statement
from steelyard.exchange.statement import AccountStatement, Statements

LIMIT = 10**9


def told(desk, account, **asked):
    page = desk.exchange.statements.page(account, limit=LIMIT, **asked)
    return [
        (line.entry.kind.value, line.entry.asset_id, line.entry.amount_atoms, line.balance_atoms)
        for line in page.lines
    ]


def has(desk, account):
    balances = desk.exchange.engine.balances(account)
    return {asset: b.free_atoms + b.held_atoms for asset, b in balances.items()}


def atoms(amount):
    return int(Decimal(amount) * 10**12)


def test_a_trade_is_two_movements_and_a_fee_and_ends_in_the_balances(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "0.5", "60000", fee_asset=FeeAsset.RECEIVED)
    assert told(desk, desk.bob, since_ns=desk.now_ns) == [
        ("trade", BTC, atoms("0.5"), atoms("100.5")),
        ("trade", USDT, atoms(-30_000), atoms(970_000)),
        ("fee", BTC, atoms("-0.0005"), atoms("100.4995")),
    ]
    assert told(desk, desk.alice, asset_id=USDT)[1:] == [
        ("trade", USDT, atoms(30_000), atoms(1_030_000)),
        ("fee", USDT, atoms(-30), atoms(1_029_970)),
    ]
    for account in (desk.alice, desk.bob):
        assert desk.exchange.statements.closing(account) == has(desk, account)


def test_a_rebate_comes_and_a_fee_of_nothing_is_no_line(desk):
    desk.exchange.record(OpenAccount(desk.alice, -10_000, 0), desk.tick())
    desk.exchange.record(OpenAccount(desk.bob, 0, 0), desk.tick())
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "1", "60000")
    assert [what for what, *_ in told(desk, desk.bob, since_ns=desk.now_ns)] == ["trade"] * 2
    assert told(desk, desk.alice)[-1] == ("fee", USDT, atoms(6), atoms(1_060_006))


def test_holds_move_nothing(desk):
    before = told(desk, desk.alice)
    desk.place(desk.alice, Side.BUY, "1", "50000")
    desk.exchange.perform(OpenTransfer(desk.alice, USDT, -atoms(5)), desk.tick())
    assert told(desk, desk.alice) == before
    assert desk.exchange.statements.closing(desk.alice) == has(desk, desk.alice)


def test_a_transfer_is_booked_when_it_is_done_under_its_number(desk):
    statements = desk.exchange.statements
    for amount in (atoms(5), -atoms(7), -atoms(9)):
        desk.exchange.perform(OpenTransfer(desk.alice, USDT, amount), desk.tick())
    opened_ns = desk.now_ns
    desk.exchange.record(CloseTransfer(1, done=True), desk.tick())
    desk.exchange.record(CloseTransfer(2, done=True), desk.tick())
    desk.exchange.record(CloseTransfer(3, done=False), desk.tick())
    desk.exchange.perform(Withdraw(desk.alice, USDT, atoms(1)), desk.tick())
    page = statements.page(desk.alice, since_ns=opened_ns, limit=LIMIT)
    assert [
        (x.entry.kind, x.entry.amount_atoms, x.entry.transfer_id) for x in page.lines
    ] == [
        (EntryKind.DEPOSIT, atoms(5), 1),
        (EntryKind.WITHDRAWAL, -atoms(7), 2),
        (EntryKind.WITHDRAWAL, -atoms(1), 0),
    ]  # fmt: skip
    transfers = statements.transfers(desk.alice)
    assert [t.state.name for t in transfers] == ["DONE", "DONE", "CANCELED"]
    assert (transfers[2].opened_ns, transfers[2].changed_ns) == (
        opened_ns,
        opened_ns + 3 * SECOND_NS,
    )
    assert statements.closing(desk.alice) == has(desk, desk.alice)


def filled(number):
    return Filled(number, 100, 0, number, Side.BUY, 100, 1, 0, Liquidity.TAKER, USDT, 3)


@pytest.fixture
def short(monkeypatch):
    """Statements that keep 5 entries, which saves a test from making a hundred thousand."""
    monkeypatch.setattr(statement, "ENTRIES_MAX", 5)
    return Statements(Listings([BTC_USDT]))


def test_what_is_too_old_leaves_into_the_opening_balance(short):
    """Whatever has left: opening and lines end in the same balances, and numbers go on."""
    for number in range(1, 8):
        short.filled(filled(number), START_NS + number)
    page = short.page(100, limit=LIMIT)
    assert [line.number for line in page.lines] == [17, 18, 19, 20, 21]
    assert page.closing == {BTC: 7 * BTC_USDT.lot_atoms, USDT: -7 * (100 * 100_000 + 3)}
    ends = dict(page.opening)
    for line in page.lines:
        ends[line.entry.asset_id] += line.entry.amount_atoms
        assert line.balance_atoms == ends[line.entry.asset_id]
    assert ends == page.closing


def test_pages_follow_each_other_without_a_gap(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    for _ in range(5):
        desk.place(desk.bob, Side.BUY, "0.1", "60000")
    statements = desk.exchange.statements
    whole = statements.page(desk.bob, limit=LIMIT)
    pages, after = [], 0
    while after is not None:
        page = statements.page(desk.bob, after=after, limit=4)
        pages += page.lines
        after = page.after
    assert pages == whole.lines
    assert whole.after is None


def test_what_was_before_the_asked_time_is_the_opening(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    since_ns = desk.now_ns
    desk.place(desk.bob, Side.BUY, "1", "60000")
    page = desk.exchange.statements.page(desk.bob, since_ns=since_ns, limit=LIMIT)
    assert page.opening == {BTC: atoms(100), USDT: atoms(1_000_000)}
    assert len(page.lines) == 3


def test_a_snapshot_restores_everything_also_what_has_left(short):
    """As text, as the exchange's snapshot has it, with amounts beyond 64 bits."""
    for number in range(1, 8):
        short.filled(filled(number), START_NS + number)
    short.transferred(Transferred(100, USDT, 10**34), START_NS)
    short.transfer_changed(TransferChanged(1, 100, USDT, 10**34, TransferState.DONE), START_NS)
    short.transfer_changed(TransferChanged(2, 100, BTC, 5, TransferState.PENDING), START_NS)
    kept = msgspec.json.encode(short.snapshot())
    again = Statements(Listings([BTC_USDT]))
    again.restore(msgspec.json.decode(kept, type=list[AccountStatement]))
    assert again.snapshot() == short.snapshot()
    assert again.page(100, limit=LIMIT) == short.page(100, limit=LIMIT)
    assert again.pending(100, 2) == short.pending(100, 2)
    assert again.pending_ids(100) == [2]


def test_asking_about_nobody_enters_nobody(short):
    assert short.page(7, limit=1).lines == []
    assert short.closing(7) == {}
    assert short.transfers(7) == []
    assert short.snapshot() == []
