from decimal import Decimal

import msgspec

from steelyard.domain.messages import Scope


def test_coins_have_their_networks(venue):
    rows = venue.get("/v5/asset/coin/query-info")["rows"]
    assert {"BTC", "USDT"} <= {row["coin"] for row in rows}
    (one,) = venue.get("/v5/asset/coin/query-info", coin="BTC")["rows"]
    assert one["chains"][0]["chainDeposit"] == "1"


def test_a_deposit_is_told_and_moves_the_log(venue):
    venue.admin.deposit("alice", {"USDT": Decimal(5)}, venue.desk.now_ns)
    log = venue.get("/v5/account/transaction-log", currency="USDT")["list"]
    assert log[0]["type"] == "TRANSFER_IN"
    assert log[0]["change"] == "5"
    assert venue.get("/v5/asset/deposit/query-record", coin="USDT")["rows"] is not None
    assert venue.get("/v5/asset/withdraw/query-record")["rows"] == []


def test_a_trade_is_two_movements_and_its_fee_one(venue):
    venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    log = venue.get("/v5/account/transaction-log", baseCoin="BTC", type="TRADE")["list"]
    changes = {(row["currency"], row["change"], row["fee"]) for row in log}
    assert changes == {
        ("USDT", "-200", "0"),
        ("BTC", "0.004", "0"),
        ("BTC", "-0.000004", "0.000004"),
    }


def test_an_address_is_a_pretended_one(venue):
    found = venue.get("/v5/asset/deposit/query-address", coin="BTC")
    assert found["chains"][0]["addressDeposit"]
    path = "/v5/asset/deposit/query-address"
    every = {each["chain"] for each in venue.get(path, coin="USDT")["chains"]}
    assert {"ETH", "TRX"} <= every
    (one,) = venue.get(path, coin="USDT", chainType="TRX")["chains"]
    assert one["chain"] == "TRX"


def test_a_key_alone_moves_nothing_out(venue):
    """A key that may only trade may not ask, and there is nobody who could confirm it."""
    body = msgspec.json.encode({"coin": "USDT", "address": "a" * 20, "amount": "5"})
    path = "/v5/asset/withdraw/create"
    denied = msgspec.json.decode(venue.response(path, body).body)
    assert denied["retCode"] == 10005
    key = venue.new_key("alice", Scope.READ, Scope.WITHDRAW, ip=("127.0.0.1/32",))
    venue.desk.now_ns += 10 * 86_400 * 10**9
    refused = msgspec.json.decode(venue.response(path, body, key=key).body)
    assert "nobody to write to" in refused["retMsg"]
