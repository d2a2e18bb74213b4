from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import funds, requests
from steelyard.dialects.native.examples import TIME, WITHDRAWAL
from steelyard.domain.errors import DecodeError
from steelyard.domain.transfers import AskWithdrawal, TransferInfo, TransferStage
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.shared.desk import USDT

MS = 1_000_000


@pytest.fixture
def asker(venue):
    return Asker(100, "k", 0, venue.listings, UNLIMITED)


def test_a_transfer_is_shown_as_the_example_says(asker):
    """Amounts without their sign, which `kind` tells; times in milliseconds."""
    opened_ns = TIME * MS
    info = TransferInfo(
        12, USDT, -to_atoms(parse_decimal("250")), TransferStage.AWAITING_MAIL, opened_ns,
        opened_ns, to_atoms(parse_decimal("1")), "tron", WITHDRAWAL.address, "cold", "payout-7",
        opened_ns + 1_800_000 * MS,
    )  # fmt: skip
    assert funds.transfer_to_wire(info, None, asker) == WITHDRAWAL
    deposit = msgspec.structs.replace(info, amount_atoms=-info.amount_atoms)
    assert funds.transfer_to_wire(deposit, None, asker).kind == "deposit"


@given(atoms=st.integers(1, 10**30))
def test_an_amount_is_read_to_the_atom(atoms):
    text = f"{atoms // 10**12}.{atoms % 10**12:012d}"
    request = requests.WithdrawRequest(asset="USDT", amount=text, address_id=7)
    asker = Asker(100, "k", 0, None, UNLIMITED)
    assert funds.withdrawal_from_wire(request, asker) == AskWithdrawal(100, "USDT", atoms, 7)


@pytest.mark.parametrize("amount", ["0", "-1", "0.0000000000001", "1e-30"])
def test_an_amount_that_cannot_be_booked_is_refused(asker, amount):
    request = requests.WithdrawRequest(asset="USDT", amount=amount, address_id=7)
    with pytest.raises(DecodeError) as refused:
        funds.withdrawal_from_wire(request, asker)
    assert refused.value.field == "amount"


def test_a_statement_adds_up_with_trades_and_fees(venue):
    """Each balance is the one before and the amount; a trade's entries name order and trade."""
    venue.place(venue.other_key, side="sell", price="60000.00")
    placed = venue.place(size="0.01", price="60000.00")
    status, answer = venue.call("GET", "/api/v1/statement?start=0")
    assert status == 200
    balances: dict[str, Decimal] = {}
    for entry in answer["entries"]:
        before = balances.get(entry["asset"], Decimal(0))
        balances[entry["asset"]] = Decimal(entry["balance"])
        assert before + Decimal(entry["amount"]) == Decimal(entry["balance"])
    account = venue.call("GET", "/api/v1/account")[1]["balances"]
    assert balances == {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in account}
    trade = [e for e in answer["entries"] if e["order_id"] == placed["order_id"]]
    assert [(e["kind"], e["asset"], e["amount"], e["symbol"]) for e in trade] == [
        ("trade", "BTC", "0.01", "BTC-USDT"),
        ("trade", "USDT", "-600", "BTC-USDT"),
        ("fee", "USDT", "-0.6", "BTC-USDT"),
    ]
    assert {e["trade_id"] for e in trade} == {placed["fills"][0]["trade_id"]}
    only = venue.call("GET", "/api/v1/statement?asset=BTC&start=0")[1]["entries"]
    assert only == [e for e in answer["entries"] if e["asset"] == "BTC"]
