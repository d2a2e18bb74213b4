import msgspec
import pytest

COINS = "/v5/asset/transfer/query-account-coins-balance"
COIN = "/v5/asset/transfer/query-account-coin-balance"


@pytest.fixture
def holding(venue):
    """Alice has 500 USDT on hold."""
    venue.place(price="50000", qty="0.01")
    return venue


def refused(venue, path, **pairs):
    return msgspec.json.decode(venue.response(path, pairs).body)["retCode"]


def test_all_is_in_one_pocket_and_the_other_is_empty(holding):
    """What is on hold cannot be moved."""
    (row,) = holding.get(COINS, accountType="UNIFIED", coin="USDT")["balance"]
    whole, free = float(row["walletBalance"]), float(row["transferBalance"])
    assert whole - free == 500
    assert holding.get(COIN, accountType="UNIFIED", coin="USDT")["balance"] == row
    empty = holding.get(COINS, accountType="FUND")["balance"]
    assert {"BTC", "USDT"} <= {each["coin"] for each in empty}
    assert {each["walletBalance"] for each in empty} == {"0"}
    assert refused(holding, COINS, accountType="UNIFIED") == 10001
    assert refused(holding, COINS, accountType="SPOT") == 10001


def test_what_is_free_can_be_withdrawn(holding):
    row = holding.get(COIN, accountType="UNIFIED", coin="USDT")["balance"]
    movable = holding.get("/v5/account/withdrawal", coinName="USDT,BTC")
    assert movable["availableWithdrawal"] == row["transferBalance"]
    assert set(movable["availableWithdrawalMap"]) == {"USDT", "BTC"}
    told = holding.get("/v5/asset/withdraw/withdrawable-amount", coin="USDT")["withdrawableAmount"]
    assert told["UTA"]["withdrawableAmount"] == row["transferBalance"]
    assert told["FUND"]["withdrawableAmount"] == "0"
    assert refused(holding, "/v5/account/withdrawal", coinName="") == 10001


def test_nothing_moves_between_pockets(holding):
    given = {"coin": "USDT", "amount": "5", "transferId": "a"}
    pockets = {"fromAccountType": "UNIFIED", "toAccountType": "FUND"}
    answer = holding.post("/v5/asset/transfer/inter-transfer", **given, **pockets)
    assert (answer["retCode"], "one account" in answer["retExtInfo"]["help"]) == (131231, True)
    assert holding.get("/v5/asset/transfer/query-inter-transfer-list")["list"] == []
