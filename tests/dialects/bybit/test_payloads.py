"""Recorded and documented messages of the venue: the same document again, and what they mean.

Most of what was recorded is of contracts, which have the same messages: what is read of it is what
a symbol of spot would have.
"""

import msgspec
import pytest
from payloads import again, unnamed

from steelyard.dialects.bybit import (
    DIALECT,
    account,
    account_messages,
    executions,
    frames,
    market,
    messages,
    order_messages,
    stream,
)
from steelyard.dialects.bybit.follower import AccountFollower
from steelyard.domain.errors import AuthError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrdersQuery,
    Scope,
    TradesQuery,
)
from steelyard.domain.order import OrderType, Side
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered


def spot(number, base, tick):
    steps = {"tick_size": tick, "lot_size": "0.001", "price_max": "10000000"}
    return Instrument.spot(
        number, (number + 2, base), (1, "USDT"), **steps, size_max="9000", notional_min="5"
    )


LISTINGS = Listings([spot(0, "BTC", "0.01"), spot(1, "ETH", "0.01")])
BTC = LISTINGS[0]


def answer(query):
    """Return what reads an answer to a query."""

    def read(text):
        response = Response(200, {}, text.encode())
        outcome = DIALECT.client.outcome(query, response, LISTINGS, 10**18)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer

    return read


def of(kind):
    return messages.Envelope[kind]


def topic(kind, read):
    """Return what reads the first entry of a private topic."""

    def first(text):
        told = msgspec.json.decode(text, type=frames.Topic)
        return read(msgspec.json.decode(bytes(told.data), type=tuple[kind, ...])[0])

    return first


def order_of(wire):
    found = executions.order_from_wire(wire, LISTINGS)
    return found.order_type, found.state, found.side


def streamed(order_type, state, side):
    read = topic(order_messages.Order, order_of)
    return frames.Topic, read, (order_type, state, side)


WORKING, STOP, TAKE = OrderState.WORKING, OrderType.STOP, OrderType.TAKE_PROFIT
# By file: the struct, what reads it, and what that has to be.
PAYLOADS = {
    "http_get_account_info": (
        of(account_messages.AccountInfo),
        lambda text: msgspec.json.decode(text)["result"]["unifiedMarginStatus"],
        4,
    ),
    "http_get_executions": (
        of(order_messages.Executions),
        lambda text: [f.fee_atoms for f in answer(FillsQuery(0, 10))(text).fills],
        [15 * 10**9, 9 * 10**11],
    ),
    "http_get_fee_rate": (
        of(account_messages.FeeRates),
        lambda text: len(msgspec.json.decode(text)["result"]["list"]),
        3,
    ),
    "http_get_instruments_spot_xstocks": (
        of(messages.Instruments),
        lambda text: [str(i.lot_size) for i in answer(InstrumentsQuery())(text).instruments],
        ["0.0001"],
    ),
    "http_get_klines_linear": (
        of(messages.Klines),
        lambda text: msgspec.json.decode(text)["result"]["symbol"],
        "BTCUSDT",
    ),
    "http_get_orders_history": (
        of(order_messages.Orders),
        lambda text: [o.state for o in answer(OrdersQuery(0, 10))(text).orders],
        [OrderState.CANCELED],
    ),
    "http_get_orders_realtime": (
        of(order_messages.Orders),
        lambda text: [o.price_ticks for o in answer(OrdersQuery(0, 10))(text).orders],
        [393_041, 394_042],
    ),
    "http_get_trades_recent": (
        of(messages.RecentTrades),
        lambda text: [t.taker_side for t in answer(TradesQuery(0, 10))(text).trades],
        [Side.BUY],
    ),
    "http_get_user_query_api": (
        of(account_messages.KeyInfo),
        lambda text: (
            answer(KeyQuery("k"))(text).scopes,
            len(answer(KeyQuery("k"))(text).ip),
        ),
        (frozenset({Scope.READ}), 3),
    ),
    "http_get_wallet_balance": (
        of(account_messages.Wallets),
        lambda text: [(b.asset_id, b.free_atoms) for b in answer(AccountQuery(0))(text).balances],
        [(2, 0), (1, 1_000_500 * 10**9), (3, 0)],
    ),
    "http_get_wallet_balance_spot_short": (
        of(account_messages.Wallets),
        lambda text: len(answer(AccountQuery(0))(text).balances),
        2,
    ),
    "ws_account_execution": (
        frames.Topic,
        topic(
            order_messages.Execution,
            lambda x: executions.fill_from_wire(x, LISTINGS).size_lots,
        ),
        500,
    ),
    "ws_account_execution_adl": (
        frames.Topic,
        topic(order_messages.Execution, lambda x: x.execType),
        "AdlTrade",
    ),
    "ws_account_execution_fast": (
        frames.Topic,
        topic(order_messages.FastExecution, lambda x: x.execQty),
        "3000",
    ),
    "ws_account_order_filled": streamed(OrderType.TAKE_PROFIT_LIMIT, OrderState.FILLED, Side.BUY),
    "ws_account_order_stop_limit": streamed(OrderType.STOP_LIMIT, WORKING, Side.SELL),
    "ws_account_order_stop_loss": streamed(STOP, WORKING, Side.SELL),
    "ws_account_order_stop_market": streamed(STOP, WORKING, Side.SELL),
    "ws_account_order_buy_stop_market": streamed(STOP, WORKING, Side.BUY),
    "ws_account_order_take_profit": streamed(TAKE, WORKING, Side.SELL),
    "ws_account_order_market_if_touched": streamed(TAKE, WORKING, Side.BUY),
    "ws_account_order_sell_market_if_touched": streamed(TAKE, WORKING, Side.SELL),
    "ws_account_order_limit_if_touched": streamed(OrderType.TAKE_PROFIT_LIMIT, WORKING, Side.BUY),
    "ws_account_order_partially_filled_rejected": (
        frames.Topic,
        topic(order_messages.Order, lambda order: order.orderStatus),
        "Rejected",
    ),
    "ws_account_wallet": (
        frames.Topic,
        topic(
            account_messages.Wallet,
            lambda w: [b.held_atoms for b in account.balances_from_wire(w, LISTINGS)],
        ),
        [10**8, 1_278_573_161 * 10**5],
    ),
    "ws_account_wallet_small_order": (
        frames.Topic,
        topic(
            account_messages.Wallet,
            lambda w: [b.held_atoms for b in account.balances_from_wire(w, LISTINGS)],
        ),
        [50_028 * 10**9],
    ),
    "ws_kline": (
        frames.Topic,
        topic(frames.Candle, lambda c: stream.candle_from_wire(c, BTC).volume_lots),
        2_081,
    ),
    "ws_order_response": (
        order_messages.CallAnswer,
        lambda text: msgspec.json.decode(text, type=order_messages.CallAnswer).data["orderId"],
        "1726025498520715008",
    ),
    **{
        f"ws_orderbook_{kind}": (
            frames.Topic,
            lambda text: market.levels_from_wire(BTC, msgspec.json.decode(text)["data"]["b"])[0],
            (2_745_000, lots),
        )
        for kind, lots in (("snapshot", 500), ("delta", 400))
    },
    "ws_subscription_ack": (
        frames.Ack,
        lambda text: msgspec.json.decode(text, type=frames.Ack).success,
        True,
    ),
    "ws_auth_success": (
        frames.Ack,
        lambda text: msgspec.json.decode(text, type=frames.Ack).success,
        True,
    ),
    "ws_auth_failure": (
        frames.Ack,
        lambda text: msgspec.json.decode(text, type=frames.Ack).retCode,
        10003,
    ),
    "ws_ticker_linear": (
        frames.Topic,
        lambda text: msgspec.json.decode(text, type=frames.Topic).cs,
        24_987_956_059,
    ),
}
# What a message loses on its way: nothing here asks for it.
LOST = {
    "http_get_user_query_api": {
        *(f"result.{name}" for name in ("userIDInt64", "inviterIDInt64", "affiliateIDInt64")),
        *(
            f"result.permissions.{name}"
            for name in (
                *("FiatP2P", "FiatBybitPay", "FiatConvertBroker", "FiatGlobalPay"),
                *("FiatBitPay", "BitCard", "ByXPost"),
            )
        ),
    },
}
LEFT_OUT = {
    "http_get_funding_history": "of contracts",
    "http_get_instruments_inverse": "of contracts",
    "http_get_instruments_option": "of contracts",
    "http_get_orders_history_with_duplicate": "of contracts, at prices that are off any tick here",
    "http_get_positions": "of contracts",
    "http_get_user_escrow": "there are no sub-accounts",
    "http_get_user_sub": "there are no sub-accounts",
    "http_post_user_update": "keys are the exchange's to change",
    "ws_account_position": "of contracts",
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_comes_out_as_it_came_in_and_means_what_it_says(shared_data, name):
    """What a struct adds to a shorter message is a default that means nothing."""
    text = (shared_data / f"payloads/bybit/{name}.json").read_text(encoding="utf-8")
    kind, read, meaning = PAYLOADS[name]
    found = again(text, kind)
    assert found._replace(added=frozenset()) == (LOST.get(name, set()), set(), set())
    assert read(text) == meaning


def test_no_payload_is_forgotten(shared_data):
    names = [path.stem for path in (shared_data / "payloads/bybit").glob("*.json")]
    assert unnamed(names, PAYLOADS, LEFT_OUT) == []


def test_a_login_that_failed_ends_the_session(shared_data):
    text = (shared_data / "payloads/bybit/ws_auth_failure.json").read_text()
    follower = AccountFollower(ApiKey("k", b"s"), LISTINGS)
    follower.opened(0)
    with pytest.raises(AuthError, match="Invalid apikey"):
        follower.receive(text, 0)
