import pytest

from steelyard.dialects.okx import DIALECT, market, messages
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import InstrumentsQuery
from steelyard.domain.order import MarketState
from steelyard.exchange.admin import SetMaintenance
from steelyard.sim.stand import BTC_USDT, Stand
from tests.dialects.okx.venue import PAIR


def test_an_instrument_has_its_steps_and_a_number(venue):
    (row,) = venue.rows("public/instruments", instType="SPOT")
    told = {name: row[name] for name in ("instId", "baseCcy", "quoteCcy", "tickSz", "lotSz")}
    assert told == {
        "instId": PAIR,
        "baseCcy": "BTC",
        "quoteCcy": "USDT",
        "tickSz": "0.01",
        "lotSz": "0.00001",
    }
    assert (row["minSz"], row["state"], row["instIdCode"]) == ("0.00001", "live", 1_000_000_000)
    assert row["settleCcy"] == row["ctVal"] == ""


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "50014"),
        ({"instType": "spot"}, "51000"),
        ({"instType": "SPOT", "instId": "X-Y"}, "51001"),
    ],
)
def test_instruments_are_asked_for_by_type(venue, params, code):
    assert venue.get("public/instruments", **params)["code"] == code


def test_there_are_no_derivatives(venue):
    for kind in ("SWAP", "FUTURES", "OPTION", "MARGIN"):
        assert venue.rows("public/instruments", instType=kind, uly="BTC-USD") == []
        assert venue.rows("market/tickers", instType=kind) == []
    assert venue.rows("public/funding-rate", instId="BTC-USDT-SWAP") == []


def test_an_instrument_comes_through_with_all_its_numbers():
    stand = Stand(DIALECT)
    (found,) = stand.ask(InstrumentsQuery(), None).instruments
    for name in ("size_min_lots", "notional_min_atoms", "tick_size", "lot_size", "size_max_lots"):
        assert getattr(found, name) == getattr(BTC_USDT, name), name


def test_what_our_numbers_cannot_hold_is_left_out():
    """The venue lists instruments of any kind, and allows more than there is of anything."""

    def row(**fields):
        told = {"instId": PAIR, "baseCcy": "BTC", "quoteCcy": "USDT", "state": "live"}
        return messages.Instrument(**{**told, "tickSz": "0.1", "lotSz": "0.00000001"} | fields)

    rows = [
        row(minSz="0.00001", maxLmtSz="9999999999"),
        row(minSz="1", instType="SWAP"),
        row(minSz="1", state="preopen"),
        row(minSz="1", instId="BTC-USDT-X"),
        row(minSz="1", tickSz="0.0000000000001"),
    ]
    listed = market.instruments_from_wire(rows)
    assert [i.symbol for i in listed.instruments] == [PAIR]
    assert listed.instruments[0].size_min_lots == 1_000
    assert listed.instruments[0].is_sound
    assert listed.states == (MarketState.OPEN,)
    with pytest.raises(DecodeError):
        market.instruments_from_wire([row(minSz="1", tickSz="0")])


def test_the_clock_and_the_status(venue):
    (time,) = venue.rows("public/time")
    assert time == {"ts": str(venue.desk.now_ns // 10**6)}
    assert venue.rows("system/status") == []
    with pytest.raises(DecodeError):
        market.clock_from_wire(())


def test_a_maintenance_is_told_while_it_lasts(venue):
    begun = SetMaintenance(is_on=True, retry_after_ns=60 * 10**9)
    venue.desk.admin.carry_out(begun, venue.desk.now_ns)
    (status,) = venue.rows("system/status")
    assert status["state"] == "ongoing"
    assert venue.get("public/time")["code"] == "50001"
    assert venue.rows("system/status", state="scheduled") == []


def test_a_book_comes_with_its_number(market):
    (book,) = market.rows("market/books", instId=PAIR, sz="5")
    assert book["bids"] == [["49000", "1", "0", "1"]]
    assert book["asks"] == [["51000", "1", "0", "1"]]
    assert isinstance(book["seqId"], int)
    (full,) = market.rows("market/books-full", instId=PAIR, sz="5000")
    assert full["bids"] == [["49000", "1", "1"]]
    for sz in ("0", "401", "x"):
        assert market.get("market/books", instId=PAIR, sz=sz)["code"] == "51000"


def test_a_ticker_has_the_day_and_the_touch(market):
    (ticker,) = market.rows("market/ticker", instId=PAIR)
    assert ticker == {
        **ticker,
        "last": "50000",
        "lastSz": "0.01",
        "bidPx": "49000",
        "askPx": "51000",
        "vol24h": "0.01",
        "volCcy24h": "500",
        "sodUtc0": "50000",
        "sodUtc8": "50000",
    }
    assert market.rows("market/tickers", instType="SPOT") == [ticker]


def test_how_far_a_price_may_be_is_told_where_there_is_a_band(market):
    (limit,) = market.rows("public/price-limit", instId=PAIR)
    assert (limit["enabled"], limit["buyLmt"]) == (False, "")
