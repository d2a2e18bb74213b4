import pytest

from steelyard.dialects.okx import account
from steelyard.dialects.okx.account_messages import Config
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Scope
from tests.dialects.okx.venue import PAIR


def details(venue, **params):
    (row,) = venue.rows("account/balance", **params)
    return {detail["ccy"]: detail for detail in row["details"]}, row


def test_a_balance_says_what_is_free_and_what_orders_hold(market):
    market.place(sz="1", px="40000")
    found, row = details(market)
    usdt = found["USDT"]
    assert usdt == {**usdt, "eq": usdt["cashBal"], "frozenBal": "40000", "availEq": ""}
    assert float(usdt["availBal"]) == float(usdt["eq"]) - 40_000
    assert found["BTC"]["eqUsd"] == str(float(found["BTC"]["eq"]) * 50_000).removesuffix(".0")
    total = sum(float(detail["eqUsd"]) for detail in found.values())
    assert float(row["totalEq"]) == pytest.approx(total)


def test_currencies_can_be_named(venue):
    assert set(details(venue, ccy="BTC,ETH")[0]) == {"BTC"}
    many = ",".join(["BTC"] * 21)
    assert venue.get("account/balance", venue.alice, ccy=many)["code"] == "50025"


def test_a_key_is_told_what_it_may_do(venue):
    made = venue.key("alice", scopes=("read", "trade"), ip=("127.0.0.1",), label="bot")
    (config,) = venue.rows("account/config", made)
    told = {name: config[name] for name in ("perm", "ip", "label", "acctLv", "posMode")}
    assert told == {
        "perm": "read_only,trade",
        "ip": "127.0.0.1",
        "label": "bot",
        "acctLv": "1",
        "posMode": "net_mode",
    }


def test_permissions_without_a_word_of_ours_are_told_as_they_are():
    config = Config(uid="1", mainUid="1", perm="read_only,withdraw,lend", ip="1.2.3.4,5.6.7.8")
    found = account.key_from_wire((config,), "k")
    assert found.scopes == {Scope.READ, Scope.WITHDRAW}
    assert (found.others, found.ip) == (("lend",), ("1.2.3.4", "5.6.7.8"))
    with pytest.raises(DecodeError):
        account.key_from_wire((), "k")


def test_what_is_paid_is_below_zero(venue):
    (fee,) = venue.rows("account/trade-fee", instType="SPOT", instId=PAIR)
    assert float(fee["taker"]) < 0
    assert fee["feeGroup"][0]["taker"] == fee["taker"]
    assert venue.rows("account/trade-fee", instType="SWAP") == []


def test_how_much_could_be_traded(market):
    (size,) = market.rows("account/max-size", instId=PAIR, tdMode="cash", px="50000")
    (avail,) = market.rows("account/max-avail-size", instId=PAIR, tdMode="cash")
    assert float(size["maxBuy"]) * 50_000 == pytest.approx(float(avail["availBuy"]), abs=1)
    assert float(size["maxSell"]) == pytest.approx(float(avail["availSell"]), abs=1e-5)


def test_movements_say_what_came_and_went(market):
    rows = market.rows("account/bills")
    assert [int(row["billId"]) for row in rows] == sorted(
        (int(row["billId"]) for row in rows), reverse=True
    )
    trades = [row for row in rows if row["type"] == "2"]
    assert {(row["ccy"], row["subType"]) for row in trades} == {
        ("BTC", "1"),
        ("USDT", "2"),
        ("BTC", "2"),
    }
    assert {row["instId"] for row in trades} == {PAIR}
    older = market.rows("account/bills", after=rows[1]["billId"], limit="1")
    assert older[0]["billId"] == rows[2]["billId"]
    only = market.rows("account/bills-archive", ccy="USDT", type="1")
    assert [row["balChg"] for row in only] == ["1000000"]


def test_there_is_no_margin(venue):
    assert venue.rows("account/positions") == []
    assert venue.rows("account/leverage-info", mgnMode="cross", instId=PAIR) == []
    told = venue.post("account/set-leverage", {"mgnMode": "cross", "lever": 5, "instId": PAIR})
    assert told["code"] == "51010"
    assert venue.post("account/set-position-mode", {"posMode": "net_mode"})["code"] == "0"
    told = venue.post("account/set-position-mode", {"posMode": "long_short_mode"})
    assert told["code"] == "51000"
    assert len(venue.rows("account/instruments", instType="SPOT")) == 1
