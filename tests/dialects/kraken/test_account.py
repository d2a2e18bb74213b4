import pytest

from steelyard.domain.messages import Scope


def test_balances_tell_what_orders_hold(venue):
    venue.add()
    told = venue.result("BalanceEx")
    assert told["XXBT"] == {"balance": "100.0000000000", "hold_trade": "0.0000000000"}
    assert told["USDT"] == {"balance": "1000000.0000000000", "hold_trade": "500.5000000000"}
    assert venue.result("Balance")["USDT"] == "1000000.0000000000"


def test_an_account_without_anything_still_tells_of_something(venue):
    """Clients in use take an empty answer for a failure."""
    venue.desk.admin.create_account("carol", {}, venue.desk.now_ns)
    assert venue.result("Balance", key=venue.key("carol")) == {"ZUSD": "0.0000"}


def test_fees_are_told_in_percent(venue):
    told = venue.result("TradeVolume", {"pair": "XBTUSDT", "fee-info": "True"})
    assert told["fees"]["XBTUSDT"]["fee"] == "0.1000"
    assert told["fees_maker"]["XBTUSDT"]["fee"] == "0.1000"
    assert "fees" not in venue.result("TradeVolume")


def test_equity_is_counted_at_the_last_price(venue):
    assert venue.result("TradeBalance", asset="USDT")["eb"] == "1000000.0000"
    venue.add(venue.bob, type="sell")
    venue.add()
    told = venue.result("TradeBalance", asset="USDT")
    assert told["eb"] == "5999999.5000"
    assert told["eb"] == told["tb"] == told["e"]


def test_the_ledger_tells_both_sides_of_a_trade_and_its_fee(venue):
    venue.add(venue.bob, type="sell")
    venue.add()
    told = venue.result("Ledgers", type="trade")["ledger"]
    moved = sorted((e["asset"], e["amount"], e["fee"]) for e in told.values())
    assert moved == [
        ("USDT", "-500.0000000000", "0.0000000000"),
        ("USDT", "0.0000000000", "0.5000000000"),
        ("XXBT", "0.0100000000", "0.0000000000"),
    ]
    one = next(iter(told))
    assert venue.result("QueryLedgers", id=one) == {one: told[one]}
    assert {e["type"] for e in venue.result("Ledgers", asset="XBT")["ledger"].values()} == {
        "trade",
        "deposit",
    }
    assert venue.error("Ledgers", type="gift") == "EGeneral:Invalid arguments:type"


def test_fills_are_told_from_a_time_on(venue):
    for _ in range(3):
        venue.add(venue.bob, type="sell")
        venue.add()
        venue.pass_time(10)
    assert venue.result("TradesHistory")["count"] == 3
    assert venue.result("TradesHistory", start="1700000000")["count"] == 2
    assert venue.result("TradesHistory", end="1700000000")["count"] == 1
    assert venue.error("QueryTrades", txid="nothing") == "EQuery:Unknown trade"
    assert venue.error("TradesHistory", start="then") == "EGeneral:Invalid arguments:start"


def test_there_are_no_positions(venue):
    assert venue.result("OpenPositions") == {}


@pytest.mark.parametrize(
    ("scopes", "has", "has_not"),
    [
        ((Scope.READ,), "query-funds", "modify-trades"),
        ((Scope.READ, Scope.TRADE), "modify-trades", "withdraw-funds"),
    ],
)
def test_a_key_tells_what_it_may_do(venue, scopes, has, has_not):
    told = venue.result("GetApiKeyInfo", key=venue.key("alice", scopes=scopes))
    assert has in told["permissions"]
    assert has_not not in told["permissions"]
    assert (told["validUntil"], told["ipAllowlist"]) == ("0", [])


def test_a_token_is_good_for_a_while(venue):
    told = venue.result("GetWebSocketsToken")
    assert told["expires"] == 900
    assert told["token"] == venue.token()


def test_there_are_no_positions_in_either_form(venue):
    assert venue.result("OpenPositions") == {}
    assert venue.result("OpenPositions", consolidation="market") == []
