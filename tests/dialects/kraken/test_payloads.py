"""Recorded and documented messages of the venue: the same document again, and what they mean."""

import msgspec
import pytest
from payloads import Payload, check, unnamed

from steelyard.dialects.kraken import DIALECT, account_messages, frames, messages, order_messages
from steelyard.dialects.kraken.stream import book_to_wire, ticker_from_wire, trade_from_wire
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookSnapshot, OrdersQuery, StatusQuery, TickersQuery
from steelyard.domain.order import OrderType, Side
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered


def spot(number: int, base: tuple[int, str], quote: tuple[int, str], tick: str) -> Instrument:
    steps = {"tick_size": tick, "lot_size": "0.00000001", "price_max": "10000000"}
    return Instrument.spot(number, base, quote, **steps, size_max="9000", notional_min="0.5")


USD, USDT = (9, "USD"), (8, "USDT")
LISTINGS = Listings(
    [
        spot(0, (1, "BTC"), USD, "0.1"),
        spot(1, (1, "BTC"), USDT, "0.1"),
        spot(2, (2, "ETH"), USDT, "0.01"),
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


def orders(text):
    """Return an open order in a few words."""
    return [
        (o.instrument_id, o.side, o.order_type, o.size_lots, o.price_ticks)
        for o in answer(OrdersQuery(0, 10, open_only=True))(text).orders
    ]


def first(kind, part):
    """Return what reads the first entry of a channel's message."""

    def read(text):
        message = msgspec.json.decode(text, type=frames.Message)
        return part(msgspec.json.decode(bytes(message.data), type=tuple[kind, ...])[0])

    return read


def of(kind):
    return messages.Envelope[kind]


def result(read):
    """Return what reads the result of an envelope."""
    return lambda text: read(msgspec.json.decode(text)["result"])


def told(name):
    return lambda text: getattr(msgspec.json.decode(text, type=frames.Ack), name)


PAYLOADS: dict[str, Payload] = {
    "http_add_order_spot": Payload(
        of(order_messages.AddedOrder),
        result(lambda told: told["txid"]),
        ["OUF4EM-FRGI2-MQMWZD"],
        lost={
            f"result.descr.{name}": NOT_KEPT
            for name in ("pair", "type", "ordertype", "price", "price2", "leverage")
        },
    ),
    "http_cancel_order_spot": Payload(
        of(order_messages.Canceled), result(lambda told: told["count"]), 1
    ),
    "http_open_orders": Payload(
        of(order_messages.OpenOrders),
        orders,
        [
            (1, Side.BUY, OrderType.LIMIT, 50_000_000, 295_000),
            (2, Side.SELL, OrderType.STOP, 100_000_000, None),
        ],
    ),
    "http_spot_balance": Payload(of(dict[str, str]), result(lambda told: told["XXBT"]), "0.5"),
    "http_spot_trade_balance": Payload(
        of(account_messages.TradeBalance),
        result(lambda told: told["mf"]),
        "185999.67",
        lost={"result.uv": NOT_KEPT, "result.ml": NOT_KEPT},
    ),
    "http_system_status": Payload(
        of(messages.SystemStatus), lambda text: answer(StatusQuery())(text).trading, True
    ),
    "http_ticker": Payload(
        of(dict[str, messages.Ticker]),
        lambda text: answer(TickersQuery((1,)))(text).tickers[0].last_ticks,
        1_058_994,
    ),
    "ws_add_order_response_success": Payload(frames.Ack, told("success"), True),
    "ws_batch_add_response_partial": Payload(frames.Ack, told("req_id"), 45),
    "ws_pong": Payload(
        frames.Pong, lambda text: msgspec.json.decode(text, type=frames.Pong).req_id, 42
    ),
    "ws_trade_update": Payload(
        frames.Message,
        first(frames.Trade, lambda t: trade_from_wire(t, LISTINGS).taker_side),
        Side.BUY,
    ),
    "ws_l3_snapshot": Payload(
        frames.Message,
        first(frames.Level3, lambda book: [bytes(o.order_qty) for o in book.bids]),
        [b"0.5", b"1.2", b"0.3"],
    ),
    **{
        f"ws_l3_update_{name}": Payload(
            frames.Message,
            first(frames.Level3, lambda book: [o.event for o in (*book.bids, *book.asks)]),
            [event],
        )
        for name, event in (("add", "add"), ("delete", "delete"), ("modify_price", "modify"))
    },
    "ws_book_update": Payload(
        frames.Message, first(frames.Book, lambda book: book.checksum), 2_114_181_697
    ),
    "ws_ticker_snapshot": Payload(
        frames.Message,
        first(frames.Ticker, lambda t: ticker_from_wire(t, LISTINGS, 0).open_ticks),
        1_056_494,
    ),
}
LEFT_OUT = {
    "http_futures": "futures are another API",
    "http_send_order_futures": "futures are another API",
    "ws_futures": "futures are another API",
    "http_asset_pairs_tokenized": "its lot is finer than what our amounts hold",
    "http_closed_orders": "the ids in it are none of the venue's form",
    "http_spot_open_positions": "there is no margin here",
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_comes_out_as_it_came_in_and_means_what_it_says(shared_data, name):
    check(PAYLOADS[name], shared_data / f"payloads/kraken/{name}.json")


def test_no_payload_is_forgotten(shared_data):
    names = [path.stem for path in (shared_data / "payloads/kraken").glob("*.json")]
    assert unnamed(names, PAYLOADS, LEFT_OUT) == []


def test_our_own_books_have_the_documented_form():
    book = book_to_wire(BookSnapshot(0, 1, ((452_835, 10_000_000),), (), 0), LISTINGS)
    assert msgspec.json.encode(book.bids) == b'[{"price":45283.5,"qty":0.10000000}]'
