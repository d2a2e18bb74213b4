"""Real and documented messages of the venue: the same document again, and what they mean.

Left out are the files of futures and of the binary encoding (SBE), which this dialect does not
speak.
"""

import msgspec
import pytest
from payloads import Payload, check, unnamed

from steelyard.dialects.binance import DIALECT, account_messages, frames, messages
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    MINUTE_NS,
    AssetBalance,
    BalanceEvent,
    Candle,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    Execution,
    FillList,
    FillsQuery,
    InstrumentsQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrdersQuery,
    Ticker,
    TickerList,
    TickersQuery,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    Liquidity,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered

MS = 1_000_000
NOW_NS = 1_723_161_600_000 * MS
WEEK_NS = 7 * 24 * 60 * MINUTE_NS
BTC, USDT, ETH, LTC, BNB = 1, 2, 3, 4, 5
ASSETS = {"BTC": BTC, "USDT": USDT, "ETH": ETH, "LTC": LTC, "BNB": BNB}


def spot(number: int, symbol: str, tick_size: str, lot_size: str) -> Instrument:
    """Return a market with the steps that the documented numbers have."""
    base, _, quote = symbol.partition("-")
    return Instrument.spot(
        number,
        (ASSETS.get(base, 2 * number + 100), base),
        (ASSETS.get(quote, 2 * number + 101), quote),
        tick_size=tick_size,
        lot_size=lot_size,
        price_max="100000",
        size_max="100000",
        notional_min="0",
    )


BTC_USDT = spot(0, "BTC-USDT", "0.01", "0.00001")
ETH_USDT = spot(1, "ETH-USDT", "0.01", "0.0001")
ETH_BTC = spot(2, "ETH-BTC", "0.0000001", "0.0001")
LTC_BTC = spot(3, "LTC-BTC", "0.00001", "0.01")
BNB_BTC = spot(4, "BNB-BTC", "0.00000001", "0.01")
LISTED = Listings([BTC_USDT, ETH_USDT, ETH_BTC, LTC_BTC, BNB_BTC])


# -- how a trader reads them --------------------------------------------------------------------


def answered(query, is_one_of_many: bool = False):
    """Return a reader of the answer to a query, or of one element of it."""

    def read(text: str):
        body = f"[{text}]" if is_one_of_many else text
        outcome = DIALECT.client.outcome(query, Response(200, {}, body.encode()), LISTED, NOW_NS)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer

    return read


def refused(query):
    """Return a reader of an answer that cannot be used; what is read is why."""

    def read(text: str):
        with pytest.raises(DecodeError) as caught:
            DIALECT.client.outcome(query, Response(200, {}, text.encode()), LISTED, NOW_NS)
        return str(caught.value)

    return read


def followed(text: str):
    """Return what the session of an account tells of an event, wrapped or not."""
    session = DIALECT.client.private_session(ApiKey("k", b"s"), LISTED, 0)
    is_wrapped = "event" in msgspec.json.decode(text)
    session.receive(text if is_wrapped else f'{{"subscriptionId":0,"event":{text}}}', NOW_NS)
    return session.drain()[1]


def only_served(kind):
    """Return a reader of what no trader asks for; what is read is the message itself."""
    return lambda text: msgspec.json.decode(text, type=kind)


def order(**fields) -> Order:
    """Return an order as Binance tells one: no self-trade mode unless it names one."""
    plain = {"account_id": 0, "post_only": False, "time_in_force": TimeInForce.GTC}
    modes = {"self_trade": SelfTrade.NONE, "fee_asset": FeeAsset.RECEIVED}
    return Order(**{**plain, **modes, **fields})


PLACED = 1_709_654_400_000 * MS  # when the order of the documented reports was placed


def reported(after_ms: int, **fields) -> Order:
    """Return that order so much later."""
    return order(
        **{
            "order_id": 12_345_678,
            "client_order_id": "x-TD67BGP9-T0000000000000",
            "instrument_id": ETH_USDT.instrument_id,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "price_ticks": 250_000,
            "size_lots": 10_000,
            "created_ns": PLACED,
            "updated_ns": PLACED + after_ms * MS,
            **fields,
        }
    )


SOLD_NS = 1_507_725_176_595 * MS


def sold(trade_id: int, price_ticks: int, size: int, fee_e12: int) -> Fill:
    """Return one fill of the documented market order; its fee is in USDT."""
    return Fill(
        trade_id=trade_id,
        order_id=28,
        client_order_id="6gCrw2kRUAF9CvJDGP16IP",
        account_id=0,
        instrument_id=0,
        side=Side.SELL,
        price_ticks=price_ticks,
        size_lots=size * 100_000,
        quote_atoms=price_ticks * size * 10**10,
        liquidity=Liquidity.TAKER,
        fee_asset_id=USDT,
        fee_atoms=fee_e12,
        time_ns=SOLD_NS,
    )


# -- the payloads -------------------------------------------------------------------------------

ANSWERS = "spot__http_json__"
EVENTS = "spot__user_data_json__"
LEFT_OUT = {
    "futures__": "another API of the venue, with messages of its own",
    "spot__user_data_sbe__": "the binary encoding, which the dialect does not speak",
}
SHORT = dict.fromkeys("QVIgYMF", "always sent nowadays; an older report lacks it")
MARKET_ORDER = Place(0, 0, Side.SELL, OrderType.MARKET, TimeInForce.IOC, False, None, 10**6)

PAYLOADS: dict[str, Payload] = {
    ANSWERS + "account_trades_response": Payload(
        tuple[account_messages.MyTrade, ...],
        answered(FillsQuery(0, 10, BNB_BTC.instrument_id)),
        FillList(
            (
                Fill(
                    trade_id=28_457,
                    order_id=100_234,
                    client_order_id="",  # not told here
                    account_id=0,
                    instrument_id=BNB_BTC.instrument_id,
                    side=Side.BUY,
                    price_ticks=400_000_100,
                    size_lots=1_200,
                    quote_atoms=48_000_012_000_000,
                    liquidity=Liquidity.TAKER,
                    fee_asset_id=BNB,
                    fee_atoms=10_100_000_000_000,
                    time_ns=1_499_865_549_590 * MS,
                ),
            )
        ),
    ),
    ANSWERS + "all_orders_response": Payload(
        tuple[messages.OrderInfo, ...],
        answered(OrdersQuery(0, 10, LTC_BTC.instrument_id)),
        OrderList(
            (
                order(
                    order_id=1,
                    client_order_id="myOrder1",
                    instrument_id=LTC_BTC.instrument_id,
                    side=Side.BUY,
                    order_type=OrderType.LIMIT,
                    price_ticks=10_000,
                    size_lots=100,
                    state=OrderState.WORKING,
                    created_ns=1_499_827_319_559 * MS,
                    updated_ns=1_499_827_319_559 * MS,
                ),
            )
        ),
    ),
    ANSWERS + "avg_price_response": Payload(
        messages.AvgPrice,
        only_served(messages.AvgPrice),
        messages.AvgPrice(mins=5, price="9.35751834", closeTime=1_694_061_154_503),
    ),
    ANSWERS + "book_ticker_response": Payload(
        messages.BookTicker,
        only_served(messages.BookTicker),
        messages.BookTicker(
            symbol="LTCBTC",
            bidPrice="4.00000000",
            bidQty="431.00000000",
            askPrice="4.00000200",
            askQty="9.00000000",
        ),
    ),
    ANSWERS + "exchange_info_response": Payload(
        messages.ExchangeInfo,
        refused(InstrumentsQuery()),
        "ETHBTC has no PRICE_FILTER or no LOT_SIZE",  # the documentation leaves them out
        lost={"sors": "smart order routing: there is one book a symbol here"},
    ),
    ANSWERS + "klines_response": Payload(
        tuple[messages.Kline, ...],
        answered(CandlesQuery(BNB_BTC.instrument_id, WEEK_NS, 10)),
        CandleList(
            (
                Candle(
                    BNB_BTC.instrument_id,
                    WEEK_NS,
                    1_499_040_000_000 * MS,
                    1_634_790,
                    80_000_000,
                    1_575_800,
                    1_577_100,
                    14_897_611,  # whole lots
                    2_434_190_553_340_000,
                    308,
                    175_687,
                    28_466_943_680_000,
                    0,
                    0,
                    is_closed=True,
                ),
            )
        ),
    ),
    ANSWERS + "new_order_full_response": Payload(
        messages.OrderResult,
        answered(MARKET_ORDER),
        OrderAnswer(
            order(
                order_id=28,
                client_order_id="6gCrw2kRUAF9CvJDGP16IP",
                instrument_id=0,
                side=Side.SELL,
                order_type=OrderType.MARKET,
                time_in_force=TimeInForce.IOC,  # the venue says GTC of what does not rest
                price_ticks=None,
                size_lots=1_000_000,
                state=OrderState.FILLED,
                filled_lots=1_000_000,
                quote_atoms=10 * ATOMS_PER_UNIT,  # the documentation's fills are worth 39,975
                created_ns=SOLD_NS,
                updated_ns=SOLD_NS,
            ),
            (
                sold(56, 400_000, 1, 4_000_000_000_000),
                sold(57, 399_900, 5, 19_995_000_000_000),
                sold(58, 399_800, 2, 7_996_000_000_000),
                sold(59, 399_700, 1, 3_997_000_000_000),
                sold(60, 399_500, 1, 3_995_000_000_000),
            ),
        ),
    ),
    ANSWERS + "server_time_response": Payload(
        messages.ServerTime, answered(ClockQuery()), Clock(1_499_827_319_559 * MS)
    ),
    ANSWERS + "ticker_24hr_response": Payload(
        messages.Ticker24h,
        answered(TickersQuery((BNB_BTC.instrument_id,)), is_one_of_many=True),
        TickerList(
            (
                Ticker(
                    BNB_BTC.instrument_id,
                    1_499_869_899_040 * MS,
                    1_499_783_499_040 * MS,
                    open_ticks=9_900_000_000,
                    high_ticks=10_000_000_000,
                    low_ticks=10_000_000,
                    last_ticks=400_000_200,
                    last_lots=20_000,
                    previous_close_ticks=10_002_000,
                    volume_lots=891_330,
                    quote_atoms=15_300_000_000_000,
                    trade_count=76,
                    first_trade_id=28_385,
                    last_trade_id=28_460,
                    bid_ticks=400_000_000,
                    bid_lots=10_000,
                    ask_ticks=400_000_200,
                    ask_lots=10_000,
                ),
            )
        ),
    ),
    ANSWERS + "trades_response": Payload(
        tuple[messages.PublicTrade, ...],
        answered(TradesQuery(BNB_BTC.instrument_id, 10)),
        TradeList(
            (
                Trade(
                    BNB_BTC.instrument_id,
                    28_457,
                    400_000_100,
                    1_200,
                    Side.SELL,
                    1_499_865_549_590 * MS,
                ),
            )
        ),
    ),
    EVENTS + "account_position_wrapped": Payload(
        frames.AccountPosition,
        followed,
        [BalanceEvent(0, (AssetBalance(ETH, 10_000 * ATOMS_PER_UNIT, 0),), 1_564_034_571_073 * MS)],
        part="event",
    ),
    EVENTS + "balance_update_wrapped": Payload(
        frames.BalanceUpdate,
        followed,
        [],  # the position that follows says it
        part="event",
    ),
    EVENTS + "execution_report_canceled": Payload(
        frames.ExecutionReport,
        followed,
        [
            OrderEvent(
                Execution.CANCELED,
                reported(2_000, state=OrderState.CANCELED, cancel_cause=CancelCause.USER),
                None,
                PLACED + 2_000 * MS,
            )
        ],
        added=SHORT,
    ),
    EVENTS + "execution_report_expired": Payload(
        frames.ExecutionReport,
        followed,
        [
            OrderEvent(
                Execution.EXPIRED,
                reported(
                    3_000,
                    time_in_force=TimeInForce.IOC,
                    state=OrderState.EXPIRED,
                    cancel_cause=CancelCause.NO_LIQUIDITY,  # the venue's word for it
                ),
                None,
                PLACED + 3_000 * MS,
            )
        ],
        added=SHORT,
    ),
    EVENTS + "execution_report_new": Payload(
        frames.ExecutionReport,
        followed,
        [OrderEvent(Execution.NEW, reported(0), None, PLACED)],
        added=SHORT,
    ),
    EVENTS + "execution_report_stop_loss": Payload(
        frames.ExecutionReport,
        followed,
        [
            OrderEvent(
                Execution.NEW,
                reported(
                    0,
                    order_id=12_345_679,
                    client_order_id="x-TD67BGP9-T0000000000001",
                    side=Side.SELL,
                    order_type=OrderType.STOP_LIMIT,
                    price_ticks=240_000,
                    trigger_ticks=245_000,
                ),
                None,
                PLACED,
            )
        ],
        added=SHORT,
    ),
    EVENTS + "execution_report_trade": Payload(
        frames.ExecutionReport,
        followed,
        [
            OrderEvent(
                Execution.FILL,
                reported(
                    1_000,
                    state=OrderState.FILLED,
                    filled_lots=10_000,
                    quote_atoms=2_500 * ATOMS_PER_UNIT,
                ),
                Fill(
                    trade_id=98_765_432,
                    order_id=12_345_678,
                    client_order_id="x-TD67BGP9-T0000000000000",
                    account_id=0,
                    instrument_id=ETH_USDT.instrument_id,
                    side=Side.BUY,
                    price_ticks=250_000,
                    size_lots=10_000,
                    quote_atoms=2_500 * ATOMS_PER_UNIT,
                    liquidity=Liquidity.MAKER,
                    fee_asset_id=ETH,
                    fee_atoms=1_000_000_000,
                    time_ns=PLACED + 1_000 * MS,
                ),
                PLACED + 1_000 * MS,
            )
        ],
        added=SHORT,
    ),
    EVENTS + "execution_report_wrapped": Payload(
        frames.ExecutionReport,
        followed,
        [
            OrderEvent(
                Execution.NEW,
                order(
                    order_id=4_293_153,
                    client_order_id="mUvoqJxFIILMdfAW5iGSOW",
                    instrument_id=ETH_BTC.instrument_id,
                    side=Side.BUY,
                    order_type=OrderType.LIMIT,
                    price_ticks=1_026_441,
                    size_lots=10_000,
                    created_ns=1_499_405_658_657 * MS,
                    updated_ns=1_499_405_658_657 * MS,
                ),
                None,
                1_499_405_658_657 * MS,
            )
        ],
        part="event",
    ),
    EVENTS + "list_status_wrapped": Payload(
        frames.ListStatus,
        followed,
        [],  # the reports of its orders say it
        part="event",
    ),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_comes_out_as_it_came_in_and_means_what_it_says(shared_data, name):
    """The same document, but for what is named with its reason; and each value in our own terms."""
    check(PAYLOADS[name], shared_data / f"payloads/binance/{name}.json")


def test_no_payload_is_forgotten(shared_data):
    names = [path.stem for path in (shared_data / "payloads/binance").glob("*.json")]
    assert unnamed(names, PAYLOADS, LEFT_OUT) == []
    assert set(PAYLOADS) <= set(names)
