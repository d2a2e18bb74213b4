from steelyard.domain.messages import TradeList, TradesQuery
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.venue import Venue


def sweep(venue: Venue, *sizes: str, price: str = "50000") -> None:
    """Let alice buy at once what bob has offered in so many orders."""
    for size in sizes:
        venue.place(venue.other_key, side="SELL", price=price, quantity=size)
    venue.place(price=price, quantity=str(sum(map(float, sizes))))


def test_trades_are_listed_from_an_id_on(venue):
    for price in ("50000", "50001", "50002"):
        trade(venue, price)
    _, trades = venue.get("trades", symbol="BTCUSDT")
    assert [t["price"] for t in trades] == ["50000.00000000", "50001.00000000", "50002.00000000"]
    assert {t["isBuyerMaker"] for t in trades} == {False}
    assert trades[0]["quoteQty"] == "500.00000000"
    _, old = venue.get("historicalTrades", symbol="BTCUSDT", fromId=trades[0]["id"], limit=1)
    assert old == trades[:1]
    found = venue.ask(TradesQuery(0, 2)).answer
    assert isinstance(found, TradeList)
    assert [t.trade_id for t in found.trades] == [t["id"] for t in trades[1:]]


def test_what_a_taker_trades_at_a_price_is_one_aggregate(venue):
    """With a number of its own; by id, by time, or the newest."""
    trade(venue, "50000")
    sweep(venue, "0.01", "0.02", "0.03")
    trade(venue, "50000")
    _, trades = venue.get("trades", symbol="BTCUSDT")
    ids = [t["id"] for t in trades]
    _, every = venue.get("aggTrades", symbol="BTCUSDT")
    assert [(a["a"], a["f"], a["l"], a["q"]) for a in every] == [
        (1, ids[0], ids[0], "0.01000000"),
        (2, ids[1], ids[3], "0.06000000"),
        (3, ids[4], ids[4], "0.01000000"),
    ]
    assert every[1]["T"] == trades[1]["time"]
    for asked, part in (
        ({"limit": 1}, every[2:]),
        ({"fromId": 2, "limit": 1}, every[1:2]),
        ({"startTime": every[1]["T"]}, every[1:]),
        ({"endTime": every[0]["T"]}, every[:1]),
        ({"fromId": 4}, []),
    ):
        assert venue.get("aggTrades", symbol="BTCUSDT", **asked)[1] == part, asked


def test_the_stream_of_aggregates_is_the_list(venue):
    line = venue.open("/ws/btcusdt@aggTrade")
    sweep(venue, "0.01", "0.02")
    (told,) = venue.heard(line)
    (listed,) = venue.get("aggTrades", symbol="BTCUSDT")[1]
    assert {name: told[name] for name in listed} == listed


def test_there_are_no_block_trades(venue):
    assert venue.get("historicalBlockTrades", symbol="BTCUSDT", fromId=1) == (200, [])
    assert venue.get("historicalBlockTrades", symbol="BTCUSDT")[1]["code"] == -1102
    assert venue.get("historicalBlockTrades", symbol="X", fromId=1)[1]["code"] == -1121
