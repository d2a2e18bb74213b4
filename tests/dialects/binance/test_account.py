import msgspec
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import account, auth
from steelyard.dialects.binance.account_messages import (
    ApiRestrictions,
    MyTrade,
)
from steelyard.dialects.binance.frames import AccountPosition
from steelyard.domain.commands import ListInstrument
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BalanceEvent,
    FillList,
    FillsQuery,
    KeyAnswer,
    KeyQuery,
    Scope,
)
from steelyard.domain.order import Liquidity
from steelyard.exchange.issuing import RotateKey
from steelyard.wire.http import Request
from tests.dialects.binance.test_executions import fills, orders
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.test_text import LISTINGS
from tests.dialects.binance.venue import Venue

atoms = st.integers(0, 10**25)


def wallet(venue: Venue, path: str, query: str = ""):
    form = auth.signed_form(query, venue.key, venue.desk.now_ns + 50_000_000)
    request = Request("GET", f"/sapi/v1/{path}?{form}", {auth.KEY_HEADER: venue.key.key}, b"")
    response = venue.send(request)
    assert response.status == 200, response.body
    return msgspec.json.decode(response.body)


def test_an_account_shows_every_asset_and_its_fees(venue):
    venue.place(quantity="0.01", price="50000")
    _, told = venue.call("GET", "account")
    balances = {b["asset"]: (b["free"], b["locked"]) for b in told["balances"]}
    assert balances == {
        "BTC": ("100.00000000", "0.00000000"),
        "USDT": ("999500.00000000", "500.00000000"),
        "ETH": ("1000.00000000", "0.00000000"),
    }
    assert told["makerCommission"] == told["takerCommission"] == 10
    assert told["commissionRates"]["maker"] == "0.00100000"
    assert told["canTrade"] is True
    _, short = venue.call("GET", "account", {"omitZeroBalances": "true"}, venue.other_key)
    assert {b["asset"] for b in short["balances"]} == {"BTC", "USDT"}


def test_a_trader_reads_its_balances_exactly(venue):
    """After a fill whose fee is finer than 8 decimals, not one atom is missing."""
    venue.place(venue.other_key, symbol="BTCUSDT", side="BUY", price="50000.01", quantity="0.00013")
    venue.place(symbol="BTCUSDT", side="SELL", price="50000.01", quantity="0.00013")
    answer = venue.ask(AccountQuery(0)).answer
    assert isinstance(answer, AccountAnswer)
    ours = venue.exchange.engine.balances(venue.desk.alice)
    assert {b.asset_id: (b.free_atoms, b.held_atoms) for b in answer.balances} == {
        asset: (b.free_atoms, b.held_atoms) for asset, b in ours.items()
    }
    assert any(b.free_atoms % 10_000 for b in answer.balances)
    assert (answer.maker_rate_e8, answer.taker_rate_e8) == (100_000, 100_000)


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), atoms, atoms), max_size=3))
def test_balances_survive_the_stream(balances):
    event = BalanceEvent(0, tuple(AssetBalance(*b) for b in balances), 5_000_000)
    wire = msgspec.json.encode(account.position_to_wire(event, LISTINGS))
    decoded = msgspec.json.decode(wire, type=AccountPosition)
    assert account.position_from_wire(decoded, LISTINGS) == event


def test_an_asset_that_nothing_here_uses_is_left_out():
    wire = AccountPosition(E=1, u=1, B=({"a": "DOGE", "f": "1", "l": "0"},))
    decoded = msgspec.json.decode(msgspec.json.encode(wire), type=AccountPosition)
    assert account.position_from_wire(decoded, LISTINGS).balances == ()


@given(st.data())
def test_a_fill_survives_my_trades(data):
    """But for the order's client id, which the venue does not tell."""
    fill = msgspec.structs.replace(data.draw(fills(data.draw(orders()))), client_order_id="")
    wire = msgspec.json.encode(account.fill_to_wire(fill, LISTINGS))
    decoded = msgspec.json.decode(wire, type=MyTrade)
    assert account.fill_from_wire(decoded, LISTINGS[fill.instrument_id], LISTINGS) == fill


def test_fills_are_listed_from_an_id_an_order_or_a_time_on(venue):
    for price in ("50000", "50001", "50002"):
        trade(venue, price)
    _, all_of_them = venue.call("GET", "myTrades", symbol="BTCUSDT")
    ids = [fill["id"] for fill in all_of_them]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert {(f["isBuyer"], f["isMaker"], f["commissionAsset"]) for f in all_of_them} == {
        (True, False, "BTC")
    }

    def listed(**params):
        return [f["id"] for f in venue.call("GET", "myTrades", symbol="BTCUSDT", **params)[1]]

    assert listed(fromId=ids[1]) == ids[1:]
    assert listed(limit=1) == ids[-1:]
    assert listed(orderId=all_of_them[0]["orderId"]) == ids[:1]
    assert listed(startTime=all_of_them[1]["time"]) == ids[1:]
    start = all_of_them[0]["time"]
    _, refused = venue.call(
        "GET", "myTrades", symbol="BTCUSDT", startTime=start, endTime=start + 90_000_000
    )
    assert refused["code"] == -1127
    answer = venue.ask(FillsQuery(0, 100, 0), venue.other_key).answer
    assert isinstance(answer, FillList)
    assert [f.trade_id for f in answer.fills] == ids
    assert {f.liquidity for f in answer.fills} == {Liquidity.MAKER}


def test_fees_are_told_for_one_symbol_or_all(venue):
    _, told = venue.call("GET", "account/commission", symbol="BTCUSDT")
    assert told["standardCommission"]["taker"] == "0.00100000"
    assert told["discount"]["enabledForAccount"] is False
    assert [fee["symbol"] for fee in wallet(venue, "asset/tradeFee")] == [
        "BTCUSDT",
        "ETHUSDT",
        "ETHBTC",
    ]
    (fee,) = wallet(venue, "asset/tradeFee", "symbol=ETHBTC")
    assert fee == {
        "symbol": "ETHBTC",
        "makerCommission": "0.00100000",
        "takerCommission": "0.00100000",
    }


def test_the_wallet_routes_that_ccxt_asks_before_it_trades(venue):
    coins = wallet(venue, "capital/config/getall")
    assert {coin["coin"]: coin["free"] for coin in coins}["BTC"] == "100.00000000"
    assert all(coin["depositAllEnable"] and coin["withdrawAllEnable"] for coin in coins)
    assert wallet(venue, "margin/allPairs") == []
    assert wallet(venue, "margin/isolated/allPairs") == []


def test_there_are_no_allocations_and_prevented_matches_are_not_kept(venue):
    """Allocations would come of smart order routing; the other has the venue's word for a no."""
    assert venue.call("GET", "myAllocations", symbol="BTCUSDT") == (200, [])
    assert venue.call("GET", "myAllocations", symbol="NOPE")[1]["code"] == -1121
    status, refused = venue.call("GET", "myPreventedMatches", symbol="BTCUSDT", orderId=1)
    assert (status, refused["code"]) == (400, -1020)


def test_my_filters_are_those_that_count_an_accounts_orders(venue):
    assert venue.call("GET", "myFilters", symbol="BTCUSDT")[1] == {
        "exchangeFilters": [],
        "symbolFilters": [],
        "assetFilters": [],
    }
    listed = venue.exchange.listings.symbol("BTC-USDT")
    ruled = msgspec.structs.replace(listed, band_rate_e8=5_000_000, orders_max=3)
    venue.exchange.record(ListInstrument(ruled), venue.desk.tick())
    told = venue.call("GET", "myFilters", symbol="BTCUSDT")[1]
    assert told["symbolFilters"] == [{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 3}]


def test_a_key_says_what_it_may_do(venue):
    told = wallet(venue, "account/apiRestrictions")
    assert (told["enableReading"], told["enableSpotAndMarginTrading"]) == (True, True)
    assert (told["enableWithdrawals"], told["ipRestrict"]) == (False, False)
    assert "tradingAuthorityExpirationTime" not in told
    answer = venue.ask(KeyQuery(venue.key.key)).answer
    assert isinstance(answer, KeyAnswer)
    assert answer.scopes == {Scope.READ, Scope.TRADE}
    assert answer.ip == ()
    later = venue.desk.now_ns + 86_400_000_000_000
    bound = venue.new_key("alice", Scope.READ, ip=["127.0.0.0/24"], expires_ns=later)
    answer = venue.ask(KeyQuery(bound.key), bound).answer
    assert answer.scopes == {Scope.READ}
    assert answer.ip == account.UNLISTED_ADDRESSES
    assert abs(answer.expires_ns - later) < 1_000_000


def test_a_key_for_some_products_is_denied_the_others(venue):
    """-2015, with what it may trade; by REST for orders and cancels, one or all."""
    part = venue.new_key("alice", products=("ETH-USDT",))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"quantity": "0.01", "price": "50000"}
    mine = venue.place(quantity="0.01", price="50000")
    one = {"symbol": "BTCUSDT", "orderId": mine["orderId"]}
    for method, path, params in (
        ("POST", "order", order),
        ("DELETE", "order", one),
        ("DELETE", "openOrders", {"symbol": "BTCUSDT"}),
    ):
        status, told = venue.call(method, path, params, part)
        assert (status, told["code"]) == (401, -2015), (method, path)
        assert "this key may trade ETH-USDT, not BTC-USDT" in told["msg"]
    assert venue.call("GET", "order", one, part)[1]["status"] == "NEW"
    order |= {"symbol": "ETHUSDT", "quantity": "1", "price": "3000"}
    assert venue.call("POST", "order", order, part)[0] == 200


def test_a_key_that_was_replaced_says_when_it_ends(venue):
    """Its overlap, which is before its expiry; and whether it may withdraw."""
    day_ns = 86_400_000_000_000
    now_ns = venue.desk.now_ns
    whole = venue.new_key("alice", *Scope, ip=["127.0.0.0/24"], expires_ns=now_ns + 9 * day_ns)
    venue.admin.carry_out(RotateKey(whole.key, day_ns), now_ns)
    venue.key = whole
    told = wallet(venue, "account/apiRestrictions")
    assert told["tradingAuthorityExpirationTime"] == (now_ns + day_ns) // 1_000_000
    assert (told["enableWithdrawals"], told["ipRestrict"]) == (True, True)


def test_any_way_out_of_the_account_counts_as_withdrawing():
    """An audit must not pass a key that can move money by another door."""
    base = {
        "ipRestrict": False,
        "createTime": 1,
        "enableReading": True,
        "enableWithdrawals": False,
        "enableSpotAndMarginTrading": False,
    }
    for door in ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"):
        wire = ApiRestrictions(**{**base, door: True})
        assert Scope.WITHDRAW in account.restrictions_from_wire(wire, "k").scopes
    assert account.restrictions_from_wire(ApiRestrictions(**base), "k").scopes == {Scope.READ}


def test_rights_that_are_not_told_are_unknown_and_others_are_named():
    """The audit of a bot's key takes neither for a no."""
    wire = ApiRestrictions(ipRestrict=False, createTime=1, enableReading=True, enableFutures=True)
    answer = account.restrictions_from_wire(wire, "k")
    assert (answer.scopes, answer.unknown) == ({Scope.READ}, {Scope.TRADE, Scope.WITHDRAW})
    assert answer.others == ("trade futures",)
