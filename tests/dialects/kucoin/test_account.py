"""Balances, keys, ledgers and fees, through the real gate."""

import msgspec
import pytest

from steelyard.dialects.kucoin import account
from steelyard.dialects.kucoin.account_messages import Account, KeyInfo
from steelyard.domain.messages import Scope
from tests.dialects.kucoin.venue import BTC


def test_there_is_one_wallet_under_the_name_that_is_asked_for(venue):
    venue.place()
    for wallet, asked in (("trade", ""), ("trade", "?type=trade"), ("trade_hf", "?type=trade_hf")):
        rows = {row["currency"]: row for row in venue.get(f"/api/v1/accounts{asked}")}
        assert {row["type"] for row in rows.values()} == {wallet}
        usdt = rows["USDT"]
        assert (usdt["balance"], usdt["available"]) == ("1000000", "999499.5")
        assert usdt["holds"] == "500.5"
        assert venue.get(f"/api/v1/accounts/{usdt['id']}") == usdt
        assert rows.keys() == {"BTC", "USDT", "ETH"}
    for empty in ("main", "margin", "isolated"):
        assert venue.get(f"/api/v1/accounts?type={empty}") == []
    assert [r["currency"] for r in venue.get("/api/v1/accounts?currency=BTC")] == ["BTC"]
    assert venue.refused("GET", "/api/v1/accounts?type=futures")[2] == "type is invalid"
    stranger = venue.get("/api/v1/accounts", venue.bob)[0]["id"]
    for wrong in (stranger, "7", "x"):
        assert venue.refused("GET", f"/api/v1/accounts/{wrong}")[2] == "account.notExist"


def test_rows_of_both_trading_wallets_are_one_balance(venue):
    row = {"currency": "BTC", "balance": "1.5", "available": "1", "holds": "0.5"}
    rows = [
        *(Account(**row, type=wallet) for wallet in ("trade", "trade_hf", "main")),
        Account(currency="KCS", balance="1", available="1", holds="0"),
    ]
    told = account.account_from_wire(rows, venue.listings)
    (balance,) = told.balances
    assert (balance.free_atoms, balance.held_atoms) == (2 * 10**12, 10**12)


@pytest.mark.parametrize(
    ("scopes", "permission"),
    [
        ((Scope.READ,), "General"),
        ((Scope.READ, Scope.TRADE), "General,Spot"),
    ],
)
def test_a_key_tells_what_it_may_do(venue, scopes, permission):
    key = venue.new_key("alice", *scopes, ip=("10.0.0.0/8", "127.0.0.1/32"))
    told = venue.get("/api/v1/user/api-key", key)
    assert (told["apiKey"], told["permission"]) == (key.key, permission)
    assert told["apiVersion"] == 3
    read = account.key_from_wire(msgspec.convert(told, KeyInfo))
    assert read.scopes == frozenset(scopes)
    assert read.ip == ("10.0.0.0/8", "127.0.0.1/32")
    assert "ipWhitelist" not in venue.get("/api/v1/user/api-key")


def test_rights_that_we_have_no_word_for_are_told_as_they_are():
    wire = KeyInfo(apiKey="k", permission="General,Futures,Withdrawal,Earn", createdAt=1)
    read = account.key_from_wire(wire)
    assert read.scopes == {Scope.READ, Scope.WITHDRAW}
    assert read.others == ("Futures", "Earn")


def test_ledgers_tell_what_moved_and_why(venue):
    venue.place()
    venue.place(venue.bob, side="sell")
    page = venue.get("/api/v1/accounts/ledgers?currency=USDT&pageSize=10")
    told = [(row["amount"], row["direction"], row["bizType"]) for row in page["items"]]
    assert told == [
        ("0.5", "out", "Exchange"),
        ("500", "out", "Exchange"),
        ("1000000", "in", "Deposit"),
    ]
    assert BTC in page["items"][0]["context"]
    first, *_ = listed = venue.get("/api/v1/hf/accounts/ledgers?currency=USDT,BTC&direction=out")
    assert [row["amount"] for row in listed] == ["0.5", "500"]
    older = venue.get(f"/api/v1/hf/accounts/ledgers?currency=USDT&lastId={first['id']}&limit=1")
    assert [row["amount"] for row in older] == ["500"]
    assert venue.get("/api/v1/hf/accounts/ledgers?bizType=TRANSFER") == []
    refused = venue.refused("GET", "/api/v1/accounts/ledgers?currency=NOPE")
    assert refused[2] == "currency not exists"
    assert venue.refused("GET", "/api/v1/hf/accounts/ledgers?limit=0")[2] == "limit is invalid"


def test_fees_are_the_accounts(venue):
    rates = {"takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    assert venue.get("/api/v1/base-fee?currencyType=0") == rates
    told = venue.get("/api/v1/trade-fees?symbols=BTC-USDT,ETH-USDT")
    assert told == [{"symbol": symbol, **rates} for symbol in ("BTC-USDT", "ETH-USDT")]
    many = ",".join([BTC] * 11)
    assert venue.refused("GET", f"/api/v1/trade-fees?symbols={many}")[2] == "symbols is invalid"
    assert venue.refused("GET", "/api/v1/trade-fees?symbols=X")[1] == "900001"


def test_what_ccxt_asks_before_anything_else_is_answered(venue):
    assert venue.get("/api/ua/v1/account/mode") == {"selfAccountMode": "CLASSIC"}
    assert venue.get("/api/v1/hf/accounts/opened") is True
    assert venue.get("/api/v3/margin/symbols") == {"items": []}
    assert venue.get("/api/v1/isolated/symbols") == []
    assert venue.get("/api/v2/user-info")["subQuantity"] == 0
