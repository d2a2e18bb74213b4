import pytest

from tests.dialects.okx.test_algos import ICEBERG, OCO, SL, TRAIL, TRIGGER

KINDS = {
    "conditional": SL,
    "oco": OCO,
    "trigger": TRIGGER,
    "move_order_stop": TRAIL,
    "smart_iceberg": ICEBERG,
}


def test_each_kind_is_on_its_own_list(market):
    numbers = {kind: market.algo(**params)["algoId"] for kind, params in KINDS.items()}
    for kind, number in numbers.items():
        (row,) = market.rows("trade/orders-algo-pending", ordType=kind)
        assert (row["algoId"], row["ordType"], row["state"]) == (number, kind, "live")
        assert market.rows("trade/order-algo", algoId=number) == [row]
    both = market.rows("trade/orders-algo-pending", ordType="conditional,oco")
    assert [row["algoId"] for row in both] == [numbers["oco"], numbers["conditional"]]
    (old,) = market.rows("trade/orders-algo-pending", ordType="iceberg")
    assert old["algoId"] == numbers["smart_iceberg"]
    assert market.rows("trade/orders-algo-pending", ordType="twap") == []
    assert market.rows("trade/orders-algo-pending", ordType="oco", instType="SWAP") == []


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("orders-algo-pending", {}, "50014"),
        ("orders-algo-pending", {"ordType": "limit"}, "51000"),
        ("orders-algo-pending", {"ordType": "oco", "instId": "X-Y"}, "51001"),
        ("orders-algo-history", {"ordType": "oco"}, "50014"),
        ("orders-algo-history", {"ordType": "oco", "state": "live"}, "51000"),
        ("order-algo", {}, "51003"),
        ("order-algo", {"algoId": "999"}, "51603"),
        ("order-algo", {"algoClOrdId": "nobody"}, "51603"),
    ],
)
def test_what_is_asked_wrongly_is_told(market, path, params, code):
    assert market.get(f"trade/{path}", market.alice, **params)["code"] == code


def test_an_iceberg_is_on_both_lists(market):
    number = market.algo(**ICEBERG)["algoId"]
    (row,) = market.rows("trade/orders-pending")
    assert (row["ordId"], row["algoId"], row["ordType"]) == (number, number, "limit")
    (book,) = market.rows("market/books", instId="BTC-USDT", sz="5")
    assert ["52000", "0.002", "0", "1"] in book["asks"]
    market.place(market.bob, px="52000", sz="0.004")
    (algo,) = market.rows("trade/order-algo", algoId=number)
    assert (algo["state"], algo["szLimit"]) == ("partially_effective", "0.002")


def test_what_was_canceled_is_found_by_its_number(market):
    number = market.algo(**SL)["algoId"]
    assert market.rows("trade/orders-algo-history", ordType="conditional", algoId=number) == []
    market.post("trade/cancel-algos", [{"instId": "BTC-USDT", "algoId": number}])
    (row,) = market.rows("trade/orders-algo-history", ordType="conditional", algoId=number)
    assert row["state"] == "canceled"
