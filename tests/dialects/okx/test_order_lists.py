import pytest

from tests.dialects.okx.venue import PAIR


def ids(rows):
    return [row["ordId"] for row in rows]


def test_an_order_that_is_not_there_is_told(venue):
    told = venue.get("trade/order", venue.alice, instId=PAIR, ordId="5")
    assert (told["code"], told["data"]) == ("51603", [])
    assert venue.get("trade/order", venue.alice, instId=PAIR)["code"] == "51003"


def test_open_orders_come_newest_first_and_page_by_page(venue):
    numbers = [venue.place(px=str(40_000 + n)) for n in range(4)][::-1]
    assert ids(venue.rows("trade/orders-pending", instType="SPOT", instId=PAIR)) == numbers
    assert ids(venue.rows("trade/orders-pending", after=numbers[1], limit="1")) == [numbers[2]]
    assert ids(venue.rows("trade/orders-pending", before=numbers[1])) == numbers[:1]
    assert venue.rows("trade/orders-pending", instType="SWAP") == []
    assert venue.rows("trade/orders-pending", ordType="post_only,fok") == []
    assert ids(venue.rows("trade/orders-pending", ordType="limit", state="live")) == numbers
    assert venue.get("trade/orders-pending", venue.alice, state="filled")["code"] == "51000"


def test_a_fill_is_told_with_its_fee_of_what_was_received(market):
    number = market.place(px="51000", sz="0.5", clOrdId="mine")
    row = market.one(number)
    assert row == {
        **row,
        "state": "filled",
        "accFillSz": "0.5",
        "avgPx": "51000",
        "fillPx": "51000",
        "fillSz": "0.5",
        "tradeId": "2",
        "feeCcy": "BTC",
        "rebate": "0",
        "tgtCcy": "",
        "cancelSource": "",
    }
    (fill,) = market.rows("trade/fills", ordId=number)
    assert fill == {
        **fill,
        "ordId": number,
        "clOrdId": "mine",
        "tradeId": "2",
        "fillPx": "51000",
        "fillSz": "0.5",
        "side": "buy",
        "subType": "1",
        "execType": "T",
        "feeCcy": "BTC",
    }
    assert row["fee"] == fill["fee"]
    assert float(fill["fee"]) == pytest.approx(0.5 * float(fill["feeRate"]))
    assert float(fill["fee"]) < 0
    (maker,) = market.rows("trade/fills", market.bob, instId=PAIR, limit="1")
    assert (maker["execType"], maker["feeCcy"], maker["tradeId"]) == ("M", "USDT", "2")


def test_fills_are_paged_by_their_bills(market):
    for _ in range(3):
        market.place(px="51000", sz="0.1")
        market.pass_time(1)
    rows = market.rows("trade/fills-history", instType="SPOT")
    bills = [int(row["billId"]) for row in rows]
    assert bills == sorted(bills, reverse=True)
    assert len(set(bills)) == 4
    older = market.rows("trade/fills-history", instType="SPOT", after=bills[1])
    assert [int(row["billId"]) for row in older] == bills[2:]
    assert market.rows("trade/fills", subType="2") == []
    assert market.rows("trade/fills", instType="SWAP") == []
    assert market.get("trade/fills-history", market.alice)["code"] == "50014"


def test_what_ended_stays_for_a_while(market):
    filled = market.place(px="51000", sz="0.1")
    canceled = market.place()
    market.post("trade/cancel-order", {"instId": PAIR, "ordId": canceled})
    history = {"instType": "SPOT", "instId": PAIR}
    assert ids(market.rows("trade/orders-history", **history)) == [canceled, filled, "2"]
    assert ids(market.rows("trade/orders-history", **history, state="canceled")) == [canceled]
    assert ids(market.rows("trade/orders-history-archive", **history)) == [filled, "2"]
    market.desk.now_ns += 3 * 3_600 * 10**9
    assert ids(market.rows("trade/orders-history", **history)) == [filled, "2"]
    market.desk.now_ns += 8 * 86_400 * 10**9
    assert market.rows("trade/orders-history", **history) == []
    assert ids(market.rows("trade/orders-history-archive", **history)) == [filled, "2"]
    assert market.rows("trade/fills") == []
    assert len(market.rows("trade/fills-history", **history)) == 2
    assert (
        market.get("trade/orders-history", market.alice, **history, state="live")["code"] == "51000"
    )


def test_an_order_by_quote_keeps_its_size_in_quote(market):
    row = market.one(market.place(ordType="market", px=None, sz="510"))
    assert (row["sz"], row["tgtCcy"], row["accFillSz"], row["state"]) == (
        "510",
        "quote_ccy",
        "0.01",
        "filled",
    )


@pytest.mark.parametrize(
    ("params", "source"),
    [
        ({"ordType": "ioc", "px": "50500"}, "14"),
        ({"ordType": "fok", "px": "51000", "sz": "5"}, "13"),
    ],
)
def test_why_an_order_ended_is_told(market, params, source):
    row = market.one(market.place(**params))
    assert (row["state"], row["cancelSource"]) == ("canceled", source)
