"""Unmodified kucoin-universal-sdk, the venue's own, trades for a day and listens."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from quiet_market import quiet_exchange

from steelyard.net.clock import Clock

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is written for the Pydantic of before
    from kucoin_universal_sdk.api import DefaultClient
    from kucoin_universal_sdk.generate.account.account import model_get_spot_account_list_req
    from kucoin_universal_sdk.generate.spot import market as markets
    from kucoin_universal_sdk.generate.spot import order as orders
    from kucoin_universal_sdk.model import (
        ClientOptionBuilder,
        TransportOptionBuilder,
        WebSocketClientOptionBuilder,
    )
    from kucoin_universal_sdk.model.common import RestError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning"),
]

BTC, BID, ASK = "BTC-USDT", "49999", "50001"
FUNDS = {"USDT": "100000", "BTC": "2"}
SOON_S = 20


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("kucoin-sdk")) as running:
        yield running


def client_of(venue, name):
    """Return a client with what `steelyard env` prints."""
    key = venue.trader(name, FUNDS, dialect="kucoin")
    options = ClientOptionBuilder()
    for method, value in venue.env("kucoin", client="kucoin-universal-sdk")[
        "ClientOptionBuilder"
    ].items():
        options = getattr(options, method)(value)
    options = options.set_key(key["key"]).set_secret(key["secret"])
    options = options.set_passphrase(key["passphrase"])
    options = options.set_transport_option(TransportOptionBuilder().build())
    options = options.set_websocket_client_option(WebSocketClientOptionBuilder().build())
    client = DefaultClient(options.build())
    spot = client.rest_service().get_spot_service()
    return SimpleNamespace(
        market=spot.get_market_api(),
        order=spot.get_order_api(),
        account=client.rest_service().get_account_service().get_account_api(),
        ws=client.ws_service(),
    )


def asked(rooms, name, **fields):
    """Return a request of the SDK, by its builder."""
    builder = getattr(rooms, f"{name}ReqBuilder")()
    for field, value in fields.items():
        builder = getattr(builder, f"set_{field}")(value)
    return builder.build()


def plain(value):
    """Return what an enumeration of the SDK's stands for."""
    return getattr(value, "value", value)


def limit(**fields):
    wanted = {"symbol": BTC, "type": "limit", "side": "buy", "price": "40000", "size": "0.01"}
    return asked(orders, "AddOrder", **{**wanted, **fields})


def test_it_reads_the_market_and_the_account(venue):
    sdk = client_of(venue, "sdk-reads")
    market, account = sdk.market, sdk.account
    assert abs(market.get_server_time().data - Clock().now_ns() // 10**6) < 5_000
    assert market.get_service_status().status.value == "open"
    symbols = market.get_all_symbols(asked(markets, "GetAllSymbols")).data
    assert {each.symbol for each in symbols} == {BTC}
    one = market.get_symbol(asked(markets, "GetSymbol", symbol=BTC))
    assert (one.price_increment, one.min_funds) == ("0.01", "5")
    assert market.get_market_list().data == ["USDS"]
    assert "BTC" in {each.currency for each in market.get_all_currencies().data}
    touch = market.get_ticker(asked(markets, "GetTicker", symbol=BTC))
    assert (touch.best_bid, touch.best_ask, touch.price) == (BID, ASK, "50000")
    assert BTC in {each.symbol for each in market.get_all_tickers().ticker}
    for book in (
        market.get_part_order_book(asked(markets, "GetPartOrderBook", symbol=BTC, size="20")),
        market.get_full_order_book(asked(markets, "GetFullOrderBook", symbol=BTC)),
    ):
        assert (book.bids[0][0], book.asks[0][0]) == (BID, ASK)
    trades = market.get_trade_history(asked(markets, "GetTradeHistory", symbol=BTC)).data
    assert trades[0].price == "50000"
    rows = market.get_klines(asked(markets, "GetKlines", symbol=BTC, type="1min")).data
    assert rows[0][2] == "50000"
    assert market.get24hr_stats(asked(markets, "Get24hrStats", symbol=BTC)).last == "50000"
    assert account.get_apikey_info().permission == "General,Spot"
    builder = model_get_spot_account_list_req.GetSpotAccountListReqBuilder()
    held = account.get_spot_account_list(builder.set_type("trade").build()).data
    assert {each.currency: each.available for each in held}["USDT"] == "100000"


def test_it_places_alters_and_cancels(venue):
    order = client_of(venue, "sdk-trades").order
    placed = order.add_order(limit(client_oid="mine-1"))
    assert placed.common_response.rate_limit.limit == 4_000
    by_id = asked(orders, "GetOrderByOrderId", order_id=placed.order_id, symbol=BTC)
    found = order.get_order_by_order_id(by_id)
    assert (found.active, found.client_oid, found.size) == (True, "mine-1", "0.01")
    listed = order.get_open_orders(asked(orders, "GetOpenOrders", symbol=BTC)).data
    assert [each.id for each in listed] == [placed.order_id]
    assert order.get_symbols_with_open_order().symbols == [BTC]
    change = asked(orders, "ModifyOrder", symbol=BTC, client_oid="mine-1", new_price="40001")
    assert order.modify_order(change).new_order_id != placed.order_id
    by_name = asked(orders, "CancelOrderByClientOid", client_oid="mine-1", symbol=BTC)
    assert order.cancel_order_by_client_oid(by_name).client_oid == "mine-1"
    synced = asked(orders, "AddOrderSync", symbol=BTC, type="market", side="buy", size="0.01")
    assert order.add_order_sync(synced).deal_size == "0.01"
    fills = order.get_trade_history(asked(orders, "GetTradeHistory", symbol=BTC)).items
    assert [(each.price, plain(each.liquidity)) for each in fills] == [(ASK, "taker")]
    closed = order.get_closed_orders(asked(orders, "GetClosedOrders", symbol=BTC)).items
    assert len(closed) == 3
    armed = order.set_dcp(asked(orders, "SetDcp", timeout=60))
    assert armed.trigger_time - armed.current_time == 60
    order.set_dcp(asked(orders, "SetDcp", timeout=-1))
    stop = {"symbol": BTC, "type": "limit", "side": "sell", "price": "39000", "size": "0.01"}
    order.add_stop_order(
        asked(orders, "AddStopOrder", **stop, stop_price="40000", client_oid="mine-2")
    )
    waiting = order.get_stop_orders_list(asked(orders, "GetStopOrdersList", symbol=BTC)).items
    assert [each.client_oid for each in waiting] == ["mine-2"]
    order.batch_cancel_stop_order(asked(orders, "BatchCancelStopOrder", symbol=BTC))
    order.cancel_all_orders()
    with pytest.raises(RestError) as refused:
        order.add_order(limit(size="100"))
    assert refused.value.response.code == "200004"


def test_a_day_on_the_stream(venue):
    sdk = client_of(venue, "sdk-ws")
    heard = {name: [] for name in ("ticker", "book", "trade", "order", "balance")}

    def keep(name):
        return lambda _topic, _subject, data: heard[name].append(data)

    public, private = sdk.ws.new_spot_public_ws(), sdk.ws.new_spot_private_ws()
    for stream in (public, private):
        stream.start()
    try:
        public.ticker([BTC], keep("ticker"))
        public.orderbook_increment([BTC], keep("book"))
        public.trade([BTC], keep("trade"))
        private.order_v2(keep("order"))
        private.account(keep("balance"))
        placed = sdk.order.add_order(limit(price="50001"))
        deadline = time.monotonic() + SOON_S
        while not all(heard.values()) or plain(heard["order"][-1].type) != "filled":
            assert time.monotonic() < deadline, {name: len(told) for name, told in heard.items()}
            time.sleep(0.05)
    finally:
        with ThreadPoolExecutor() as pool:  # each waits ten seconds for its own threads
            tuple(pool.map(lambda stream: stream.stop(), (public, private)))
    assert [plain(told.type) for told in heard["order"]] == ["received", "open", "match", "filled"]
    assert {told.order_id for told in heard["order"]} == {placed.order_id}
    (trade,) = heard["trade"]
    assert (trade.price, plain(trade.side), trade.taker_order_id) == (ASK, "buy", placed.order_id)
    (change,) = heard["book"]
    assert change.changes.asks[0][0] == ASK
    assert {told.currency for told in heard["balance"]} == {"BTC", "USDT"}
