import pytest


@pytest.fixture
def traded(venue):
    """Bob sells 0.01 at 50,000 to Alice; a book around it."""
    venue.add(venue.bob, type="sell", price="50000")
    venue.add()
    venue.add(price="49000", volume="0.02")
    venue.add(venue.bob, type="sell", price="51000", volume="0.03")
    venue.pass_time(1)
    return venue


def test_time_and_status(venue):
    assert venue.get("Time")["result"] == {
        "unixtime": 1_700_000_000,
        "rfc1123": "Tue, 14 Nov 2023 22:13:20 +0000",
    }
    status = {"status": "online", "timestamp": "2023-11-14T22:13:20Z"}
    assert venue.get("SystemStatus")["result"] == status


def test_assets_have_the_venues_names(venue):
    told = venue.get("Assets", asset="XBT,USDT")["result"]
    assert {id_: asset["altname"] for id_, asset in told.items()} == {"XXBT": "XBT", "USDT": "USDT"}
    assert venue.get("Assets", asset="NONE")["error"] == ["EQuery:Unknown asset"]


def test_a_pair_has_the_listings_steps_and_minimums(venue):
    (pair,) = venue.get("AssetPairs", pair="XBT/USDT")["result"].values()
    wanted = {
        "altname": "XBTUSDT",
        "wsname": "XBT/USDT",
        "base": "XXBT",
        "quote": "USDT",
        "pair_decimals": 2,
        "lot_decimals": 5,
        "tick_size": "0.01",
        "ordermin": "0.00001000",
        "costmin": "5.00000",
        "fees": [[0, 0.1]],
        "status": "online",
    }
    assert {**pair, **wanted} == pair


@pytest.mark.parametrize(
    ("info", "names"),
    [
        ("fees", {"fees", "fees_maker", "fee_volume_currency"}),
        ("leverage", {"leverage_buy", "leverage_sell"}),
        ("margin", {"margin_call", "margin_stop"}),
    ],
)
def test_a_part_of_a_pair_can_be_asked_for(venue, info, names):
    (pair,) = venue.get("AssetPairs", info=info)["result"].values()
    assert set(pair) == names


@pytest.mark.parametrize(
    ("route", "params", "error"),
    [
        ("AssetPairs", {"pair": "NONE"}, "EQuery:Unknown asset pair"),
        ("AssetPairs", {"info": "all"}, "EGeneral:Invalid arguments:info"),
        ("Depth", {}, "EGeneral:Invalid arguments:pair"),
        ("Depth", {"pair": "XBTUSDT", "count": 501}, "EGeneral:Invalid arguments:count"),
        ("Depth", {"pair": "XBTUSDT", "count": "x"}, "EGeneral:Invalid arguments:count"),
        ("OHLC", {"pair": "XBTUSDT", "interval": 2}, "EGeneral:Invalid arguments:interval"),
        ("Trades", {"pair": "XBTUSDT", "since": "x"}, "EGeneral:Invalid arguments:since"),
        ("Nothing", {}, "EGeneral:Unknown method"),
    ],
)
def test_what_cannot_be_asked_is_told_so(venue, route, params, error):
    told = venue.get(route, **params)
    assert told["error"] == [error]
    assert told["help"]
    assert "result" not in told


def test_a_book_is_told_best_first(traded):
    assert traded.get("Depth", pair="XBTUSDT", count=1)["result"] == {
        "XBTUSDT": {
            "asks": [["51000.00", "0.03000000", 1_700_000_001]],
            "bids": [["49000.00", "0.02000000", 1_700_000_001]],
        }
    }


def test_trades_go_on_from_the_last_one(traded):
    told = traded.get("Trades", pair="XBTUSDT")["result"]
    (trade,) = told["XBTUSDT"]
    assert trade == ["50000.00", "0.01000000", 1_700_000_000, "b", "l", "", 1]
    assert traded.get("Trades", pair="XBTUSDT", since=told["last"])["result"]["XBTUSDT"] == []
    again = traded.get("Trades", pair="XBTUSDT", since=1_699_999_999)["result"]["XBTUSDT"]
    assert again == [trade]


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 240, 1440, 10080, 21600])
def test_candles_of_each_interval_hold_the_trade(traded, interval):
    told = traded.get("OHLC", pair="XBTUSDT", interval=interval)["result"]
    *_, row = told["XBTUSDT"]
    assert row[0] % (interval * 60) == 0 or interval == 10080
    assert row[1:5] == ["50000.00"] * 4
    assert row[6:] == ["0.01000000", 1]


def test_a_ticker_tells_of_today_and_of_24_hours(traded):
    told = traded.get("Ticker", pair="XBT/USDT")["result"]["XBTUSDT"]
    assert told["a"] == ["51000.00", "0", "0.03000000"]
    assert told["b"] == ["49000.00", "0", "0.02000000"]
    assert told["c"] == ["50000.00", "0.01000000"]
    assert told["v"] == ["0.01000000", "0.01000000"]
    assert (told["t"], told["o"]) == ([1, 1], "50000.00")
    assert set(traded.get("Ticker")["result"]) == {"XBTUSDT"}


def test_the_spread_is_the_touch(traded):
    told = traded.get("Spread", pair="XBTUSDT")["result"]["XBTUSDT"]
    assert told == [[1_700_000_001, "49000.00", "51000.00"]]
