"""Recorded and documented messages of the venue: the same document again, and what they mean."""

import msgspec
import pytest
from payloads import Payload, check, unnamed
from recordings import answers, heard

from steelyard.dialects.okx import (
    DIALECT,
    account_messages,
    algo_messages,
    executions,
    frames,
    messages,
    order_messages,
    private,
)
from steelyard.dialects.okx.follower import MarketFollower
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    MINUTE_NS,
    CandlesQuery,
    InstrumentsQuery,
    Ticker,
    Trade,
    TradesQuery,
)
from steelyard.domain.order import Liquidity, Side
from steelyard.wire.dialect import ChannelKind
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered

STEPS = {"lot_size": "0.00000001", "price_max": "1000000", "size_max": "90000"}
USDT = (2, "USDT")
LISTINGS = Listings(
    [
        Instrument.spot(0, (1, "BTC"), USDT, tick_size="0.1", notional_min="0", **STEPS),
        Instrument.spot(1, (1, "BTC"), (3, "USD"), tick_size="0.1", notional_min="0", **STEPS),
    ]
)
NOT_KEPT = "nothing here asks for it"


def answer(query):
    """Return what reads an answer to a query."""

    def read(text):
        response = Response(200, {}, text.encode())
        outcome = DIALECT.client.outcome(query, response, LISTINGS, 0)
        assert isinstance(outcome, Answered), outcome
        return outcome.answer

    return read


def of(kind):
    return messages.Envelope[kind]


def data(read):
    return lambda text: [read(row) for row in msgspec.json.decode(text)["data"]]


def pushed_fill(row):
    """Return the state and price of a push that tells no fee of its fill."""
    wire = msgspec.convert(row, order_messages.OrderInfo)
    order = executions.order_from_wire(wire, LISTINGS)
    return order.state, order.price_ticks


def detail(text):
    wire = msgspec.json.decode(text, type=account_messages.BalanceDetail)
    return wire.ccy, wire.availBal


DETAIL = ("coinUsdPrice", "colBorrAutoConversion", "collateralEnabled", "collateralRestrict")
PAYLOADS: dict[str, Payload] = {
    "http_get_instruments_spot": Payload(
        of(messages.Instrument),
        lambda text: [i.symbol for i in answer(InstrumentsQuery())(text).instruments][:2],
        ["BTC-USD", "ETH-USD"],
    ),
    "http_place_order_response": Payload(
        order_messages.Ack,
        lambda text: msgspec.json.decode(text, type=order_messages.Ack).sCode,
        "0",
    ),
    "http_get_trades": Payload(
        of(messages.Trade),
        lambda text: [(t.trade_id, t.taker_side) for t in answer(TradesQuery(0, 5))(text).trades],
        [(734_864_332, Side.BUY), (734_864_333, Side.SELL)],
    ),
    "http_get_candlesticks": Payload(
        of(messages.Candle),
        lambda text: [c.close_ticks for c in answer(CandlesQuery(0, MINUTE_NS, 5))(text).candles],
        [337_821, 337_839],
    ),
    "http_get_trade_fee_response": Payload(
        of(account_messages.Fee), data(lambda row: row["taker"]), ["-0.001"]
    ),
    "http_set_position_mode_response": Payload(
        of(account_messages.PositionMode), data(lambda row: row["posMode"]), ["long_short_mode"]
    ),
    "http_get_orders_pending": Payload(
        of(order_messages.OrderInfo), data(lambda row: row["state"]), ["live"]
    ),
    "http_transaction_detail": Payload(
        order_messages.FillInfo,
        lambda text: (
            executions.fill_from_wire(
                msgspec.json.decode(text, type=order_messages.FillInfo), LISTINGS
            ).liquidity
        ),
        Liquidity.TAKER,
    ),
    "http_balance_detail_new_fields": Payload(
        account_messages.BalanceDetail,
        detail,
        ("USDT", "100.0"),
        lost=dict.fromkeys(DETAIL, NOT_KEPT),
    ),
    "ws_account": Payload(
        tuple[account_messages.Balance, ...],
        lambda text: [
            balance.free_atoms
            for event in private.balances_read(
                msgspec.json.encode(msgspec.json.decode(text)["data"]), LISTINGS
            )
            for balance in event.balances
        ],
        [100_527_685_697_978, 5_100],
        part="data",
        lost=dict.fromkeys(
            (
                *(f"[].details[].{name}" for name in DETAIL),
                *(f"[].notionalUsdFor{it}" for it in ("Borrow", "Futures", "Option", "Swap")),
            ),
            NOT_KEPT,
        ),
    ),
    "ws_bbo_tbt": Payload(
        tuple[frames.BestLevels, ...], data(lambda row: row["seqId"]), [123_456], part="data"
    ),
    "ws_books_update": Payload(
        tuple[frames.BookChange, ...],
        data(lambda row: (row["prevSeqId"], row["seqId"])),
        [(123_456, 123_457)],
        part="data",
    ),
    "ws_candle": Payload(tuple[messages.Candle, ...], data(lambda row: row[8]), ["1"], part="data"),
    "ws_trades": Payload(
        tuple[messages.Trade, ...], data(lambda row: row["count"]), ["3"], part="data"
    ),
    "ws_orders_fok": Payload(
        tuple[order_messages.OrderInfo, ...],
        data(pushed_fill),
        [(OrderState.FILLED, 500_000)],
        part="data",
    ),
    "ws_orders_ioc": Payload(
        tuple[order_messages.OrderInfo, ...],
        data(lambda row: row["ordType"]),
        ["ioc"],
        part="data",
    ),
    "ws_instruments": Payload(
        frames.Told, lambda text: msgspec.json.decode(text)["arg"]["channel"], "instruments"
    ),
}
LEFT_OUT = {
    "http_balance_detail_old_fields": "of names that the venue has changed",
    "http_get_candlesticks_full": "the same in full",
    "http_get_index_price": "there is no index here",
    "http_get_instruments_": "there is spot alone",
    "http_get_mark_price": "there is spot alone",
    "http_get_orders_algo_pending_attached_oco": "of a swap",
    "http_get_orders_pending_with_attached_tp_sl": "of a swap",
    "http_get_position": "there are no positions",
    "http_get_spread": "spreads are another product",
    "ws_account_empty": "the same without anything",
    "ws_opt_summary": "there are no options",
    "ws_orders": "of swaps: what ended them is not known to spot",
    "ws_sprd_orders": "spreads are another product",
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_comes_out_as_it_came_in_and_means_what_it_says(shared_data, name):
    payload = PAYLOADS[name]
    path = shared_data / f"payloads/okx/{name}.json"
    check(payload, path)


def test_no_payload_is_forgotten(shared_data):
    names = [path.stem for path in (shared_data / "payloads/okx").glob("*.json")]
    assert unnamed(names, PAYLOADS, LEFT_OUT) == []


@pytest.mark.parametrize("name", ["http_get_orders_algo_pending_attached_oco", "ws_orders_algo"])
def test_algo_orders_of_others_are_read(shared_data, name):
    text = (shared_data / f"payloads/okx/{name}.json").read_bytes()
    rows = msgspec.json.decode(msgspec.json.encode(msgspec.json.decode(text)["data"]))
    assert msgspec.convert(rows, tuple[algo_messages.AlgoInfo, ...])


def test_a_recording_of_2022_is_read_by_the_clients_end(shared_data):
    """Trades and tickers; books had no numbers then."""
    found = MarketFollower(
        tuple(LISTINGS), LISTINGS, frozenset({ChannelKind.TRADES, ChannelKind.TICKER})
    )
    for text in heard(shared_data / "captures" / "OKX.ws.1.0.gz"):
        if '"instId":"BTC-USDT"' in text and '"data"' in text and '"books"' not in text:
            found.receive(text, 0)
    _, events = found.drain()
    kinds = [type(event) for event in events]
    assert kinds.count(Trade) > 20
    assert kinds.count(Ticker) > 20
    assert all(event.price_ticks > 0 for event in events if isinstance(event, Trade))


def test_the_instruments_of_2022_are_read_by_the_clients_end(shared_data):
    """Some hundred markets of spot, with nothing that our numbers cannot hold."""
    for address, text in answers(shared_data / "captures" / "OKX.0.gz"):
        if address.endswith("instType=SPOT"):
            listed = answer(InstrumentsQuery())(text.replace('"code":"0"', '"code":"0","msg":""'))
            assert len(listed.instruments) > 300
            assert all(instrument.is_sound for instrument in listed.instruments)
            return
    raise AssertionError("the capture has no instruments")
