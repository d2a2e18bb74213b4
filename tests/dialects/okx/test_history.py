import itertools

import pytest

from steelyard.dialects.okx import DIALECT, history
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import MINUTE_NS, CandlesQuery, TradesQuery
from steelyard.sim.stand import BTC_USDT, Stand
from tests.dialects.okx.venue import PAIR


@pytest.fixture
def traded(venue):
    for _ in range(5):
        venue.place(venue.bob, side="sell")
        venue.place()
        venue.pass_time(60)
    return venue


def test_trades_come_newest_first_and_page_by_page(traded):
    rows = traded.rows("market/trades", instId=PAIR)
    assert [row["tradeId"] for row in rows] == ["5", "4", "3", "2", "1"]
    assert rows[0] == {**rows[0], "px": "50000", "sz": "0.01", "side": "buy", "source": "0"}

    def ids(**params):
        found = traded.rows("market/history-trades", instId=PAIR, **params)
        return [row["tradeId"] for row in found]

    assert ids(after="4", limit="2") == ["3", "2"]
    assert ids(before="3") == ["5", "4"]
    assert ids(type="2", after=rows[2]["ts"]) == ["2", "1"]
    assert traded.get("market/history-trades", instId=PAIR, type="3")["code"] == "51000"


def test_candles_are_told_by_times_without_them(traded):
    rows = traded.rows("market/candles", instId=PAIR, bar="1m", limit="3")
    times = [int(row[0]) for row in rows]
    assert [a - b for a, b in itertools.pairwise(times)] == [60_000, 60_000]
    assert rows[1][1:] == ["50000", "50000", "50000", "50000", "0.01", "500", "500", "1"]
    older = traded.rows("market/history-candles", instId=PAIR, after=times[1])
    assert int(older[0][0]) == times[2]
    newer = traded.rows("market/candles", instId=PAIR, before=times[2])
    assert [int(row[0]) for row in newer] == times[:2]
    assert traded.get("market/candles", instId=PAIR, bar="2D")["code"] == "51000"


def test_a_day_begins_in_the_east_unless_it_says_utc(traded):
    (east,) = traded.rows("market/candles", instId=PAIR, bar="1D", limit="1")
    (west,) = traded.rows("market/candles", instId=PAIR, bar="1Dutc", limit="1")
    assert int(east[0]) % 86_400_000 == 16 * 3_600_000
    assert int(west[0]) % 86_400_000 == 0


def test_a_client_gets_candles_from_a_start_on():
    stand = Stand(DIALECT)
    start_ns = stand.now_ns // MINUTE_NS * MINUTE_NS
    stand.pass_time(5 * MINUTE_NS)
    query = CandlesQuery(0, MINUTE_NS, 2, start_ns=start_ns)
    opened = [candle.open_ns for candle in stand.ask(query, None).candles]
    assert opened in ([], [start_ns, start_ns + MINUTE_NS])
    with pytest.raises(Unsupported, match="1Dutc"):
        stand.ask(CandlesQuery(0, 7, 2), None)
    with pytest.raises(Unsupported, match="name an id"):
        stand.ask(TradesQuery(0, 5, start_ns=3), None)


def test_every_bar_has_one_name():
    assert set(history.BAR_NAMES) == set(history.BARS.values())


def test_a_trade_without_a_side_is_an_error():
    from steelyard.dialects.okx.messages import Trade

    wire = Trade(instId=PAIR, tradeId="1", px="1", sz="1", side="none", ts="1")
    with pytest.raises(DecodeError, match="side"):
        history.trade_from_wire(wire, BTC_USDT)
