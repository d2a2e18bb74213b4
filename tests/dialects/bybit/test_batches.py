def test_each_entry_is_carried_out_by_itself(venue):
    """One that is refused has no id and a code of its own; the request is a success."""
    entry = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "50000"}
    answer = venue.post(
        "/v5/order/create-batch",
        request=[
            {**entry, "qty": "0.01", "orderLinkId": "a"},
            {**entry, "qty": "1000", "orderLinkId": "b"},
            {**entry, "orderLinkId": "c"},
            {**entry, "qty": "0.02", "price": "49000"},
            {**entry, "qty": "0.01", "orderLinkId": "a"},
        ],
    )
    assert answer["retCode"] == 0
    codes = [each["code"] for each in answer["retExtInfo"]["list"]]
    assert codes == [0, 170131, 10001, 0, 170141]
    rows = answer["result"]["list"]
    assert [bool(row["orderId"]) for row in rows] == [True, False, False, True, False]
    assert [row["orderLinkId"] for row in rows] == ["a", "b", "c", "", "a"]
    assert {row["category"] for row in rows} == {"spot"}
    listed = venue.get("/v5/order/realtime", category="spot")["list"]
    assert {row["orderId"] for row in listed} == {row["orderId"] for row in rows} - {""}


def test_several_are_amended_and_canceled(venue):
    numbers = [venue.place(price=str(40_000 + n)) for n in range(2)]
    named = [{"symbol": "BTCUSDT", "orderId": number} for number in (*numbers, "77")]
    answer = venue.post("/v5/order/amend-batch", request=[{**n, "qty": "0.02"} for n in named])
    assert [each["code"] for each in answer["retExtInfo"]["list"]] == [0, 0, 170213]
    assert {venue.order(number)["qty"] for number in numbers} == {"0.02"}
    answer = venue.post("/v5/order/cancel-batch", request=named)
    assert [row["orderId"] for row in answer["result"]["list"]] == [*numbers, ""]
    assert venue.get("/v5/order/realtime", category="spot")["list"] == []


def test_a_batch_has_one_to_ten_entries_of_spot(venue):
    for request in ([], [{}] * 11):
        assert venue.post("/v5/order/create-batch", request=request)["retCode"] == 10001
    answer = venue.post("/v5/order/create-batch", category="linear", request=[{}])
    assert answer["retCode"] == 10001
