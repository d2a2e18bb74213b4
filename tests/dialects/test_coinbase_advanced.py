"""Advanced Trade as a foreign client sees it, through the real gate: orders, lists, money."""

import msgspec
import pytest

from steelyard.dialects.coinbase_advanced import DIALECT, errors, placing, text
from steelyard.dialects.coinbase_advanced.client import Names
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import KeyKind, Scope
from steelyard.domain.order import OrderType, RejectReason, Side
from steelyard.vault.key_pairs import new_es256_pair, read_public_key
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered, NotSent
from steelyard.wire.uuids import is_foreign
from tests.dialects.coinbase_advanced.venue import BASE, Venue

BUY = {"base_size": "0.01", "limit_price": "50000"}


@pytest.fixture
def venue() -> Venue:
    return Venue()


def refused(answer):
    """Return both names of why an order was refused."""
    assert not answer["success"]
    failed = answer["error_response"]
    assert failed["error"] == failed["new_order_failure_reason"]
    assert failed["message"], "it has to say how to mend it"
    return failed["error"], failed["preview_failure_reason"]


# -- placing --------------------------------------------------------------------------------------


def test_a_new_order_is_answered_with_its_id_alone(venue):
    answer = venue.place()
    told = answer["success_response"]
    assert (answer["order_id"], told["client_order_id"]) == (told["order_id"], "own-1")
    assert answer["order_configuration"] == {"limit_limit_gtc": BUY}
    order = venue.order(answer["order_id"])
    assert (order["status"], order["order_type"]) == ("OPEN", "LIMIT")
    assert order["time_in_force"] == "GOOD_UNTIL_CANCELLED"
    assert order["outstanding_hold_amount"] == "500"


@pytest.mark.parametrize(
    ("kind", "side", "terms", "type_", "tif", "status"),
    [
        ("limit_limit_gtc", "BUY", {**BUY, "post_only": True}, "LIMIT", "CANCELLED", "OPEN"),
        ("limit_limit_gtd", "BUY", {**BUY, "end_time": "2030-01-01T00:00:00Z"}, "LIMIT",
         "DATE_TIME", "OPEN"),
        ("sor_limit_ioc", "BUY", BUY, "LIMIT", "IMMEDIATE_OR_CANCEL", "CANCELLED"),
        ("limit_limit_fok", "BUY", BUY, "LIMIT", "FILL_OR_KILL", "CANCELLED"),
        ("market_market_ioc", "SELL", {"base_size": "0.01"}, "MARKET", "OR_CANCEL", "CANCELLED"),
        ("stop_limit_stop_limit_gtc", "BUY",
         {**BUY, "stop_price": "60000", "stop_direction": placing.UP}, "STOP_LIMIT", "CANCELLED",
         "OPEN"),
        ("stop_limit_stop_limit_gtd", "SELL",
         {**BUY, "stop_price": "40000", "stop_direction": placing.DOWN,
          "end_time": "2030-01-01T00:00:00Z"}, "STOP_LIMIT", "DATE_TIME", "OPEN"),
    ],
)  # fmt: skip
def test_every_configuration_that_is_offered(venue, kind, side, terms, type_, tif, status):
    order = venue.order(venue.placed_id(terms, kind=kind, side=side))
    assert (order["order_type"], order["status"], order["side"]) == (type_, status, side)
    assert order["time_in_force"].endswith(tif)
    ((told, found),) = order["order_configuration"].items()
    assert told == kind
    for name in terms.keys() - {"end_time", "post_only"}:
        assert found[name].removesuffix(".00") == terms[name]
    waits = type_ == "STOP_LIMIT"
    assert order["trigger_status"] == ("STOP_PENDING" if waits else "INVALID_ORDER_TYPE")


def test_a_stop_goes_by_its_direction():
    """Against the position, or in its favour."""
    assert placing.STOPS[Side.SELL, placing.DOWN] is OrderType.STOP_LIMIT
    assert placing.STOPS[Side.SELL, placing.UP] is OrderType.TAKE_PROFIT_LIMIT


@pytest.mark.parametrize(
    ("terms", "kind", "error", "preview"),
    [
        ({**BUY, "base_size": "9000"}, "limit_limit_gtc", "INSUFFICIENT_FUND",
         "PREVIEW_INSUFFICIENT_FUND"),
        ({**BUY, "limit_price": "50000.001"}, "limit_limit_gtc", "INVALID_PRICE_PRECISION",
         "PREVIEW_INVALID_PRICE_PRECISION"),
        ({**BUY, "base_size": "0.000001"}, "limit_limit_gtc", "INVALID_SIZE_PRECISION",
         "PREVIEW_INVALID_SIZE_PRECISION"),
        ({**BUY, "base_size": "0.00001"}, "limit_limit_gtc", "UNKNOWN_FAILURE_REASON",
         "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        ({**BUY, "end_time": "2001-01-01T00:00:00Z"}, "limit_limit_gtd", "END_TIME_IS_IN_THE_PAST",
         "PREVIEW_END_TIME_IS_IN_THE_PAST"),
        ({**BUY, "end_time": "0001-01-01T00:00:00Z"}, "limit_limit_gtd", "END_TIME_IS_IN_THE_PAST",
         "PREVIEW_END_TIME_IS_IN_THE_PAST"),
        ({"base_size": "1"}, "twap_limit_gtd", "UNSUPPORTED_ORDER_CONFIGURATION",
         "UNSUPPORTED_ORDER_CONFIGURATION"),
        (BUY, "no_such_kind", "UNSUPPORTED_ORDER_CONFIGURATION", "UNSUPPORTED_ORDER_CONFIGURATION"),
    ],
)  # fmt: skip
def test_refusals_have_http_200_and_both_names(venue, terms, kind, error, preview):
    assert refused(venue.place(terms, kind=kind)) == (error, preview)
    assert venue.get(f"{BASE}/orders/historical/batch?order_status=OPEN")["orders"] == []


def test_an_order_until_the_end_of_times_is_told_the_latest_one(venue):
    terms = {"limit_limit_gtd": {**BUY, "end_time": "9999-12-31T23:59:59Z"}}
    body = {"client_order_id": "own", "product_id": "BTC-USDT", "side": "BUY"}
    status, told = venue.call(
        "POST", f"{BASE}/orders", body | {"order_configuration": terms}, key=venue.key
    )
    assert (status, told["error"]) == (400, "INVALID_ARGUMENT")
    assert "end_time is at most 2262" in told["message"]


def test_an_unknown_product_and_a_post_only_order_that_would_take_are_refused(venue):
    assert refused(venue.place(product_id="XXX-USD"))[0] == "INVALID_PRODUCT_ID"
    venue.placed_id(BUY, side="SELL", key=venue.other_key)
    taking = {**BUY, "post_only": True}
    assert refused(venue.place(taking))[1] == "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"


@pytest.mark.parametrize(("direction", "word"), [("UP", "BELOW"), ("DOWN", "ABOVE")])
def test_a_stop_that_is_past_its_price_is_told_which_way(venue, direction, word):
    venue.placed_id(BUY, side="SELL", key=venue.other_key)
    venue.placed_id(BUY)
    terms = {**BUY, "stop_price": "50000", "stop_direction": f"STOP_DIRECTION_STOP_{direction}"}
    _, preview = refused(venue.place(terms, kind="stop_limit_stop_limit_gtc"))
    assert preview == f"PREVIEW_STOP_PRICE_{word}_LAST_TRADE_PRICE"


@pytest.mark.parametrize(
    "configuration",
    [{}, {"limit_limit_gtc": BUY, "sor_limit_ioc": BUY}, {"limit_limit_gtc": {"base_size": "1"}},
     {"limit_limit_gtc": {"limit_price": "1"}}, {"limit_limit_gtc": {**BUY, "quote_size": "1"}},
     {"limit_limit_gtc": {**BUY, "base_size": "x"}}, {"limit_limit_gtd": BUY},
     {"stop_limit_stop_limit_gtc": {**BUY, "stop_price": "1", "stop_direction": "UP"}}],
)  # fmt: skip
def test_a_configuration_that_is_none_is_an_invalid_argument(venue, configuration):
    body = {"client_order_id": "x", "product_id": "BTC-USDT", "side": "BUY"}
    body["order_configuration"] = configuration
    status, answer = venue.call("POST", f"{BASE}/orders", body)
    assert (status, answer["error"]) == (400, "INVALID_ARGUMENT")


def test_the_same_order_again_is_answered_with_the_first_ones_id(venue):
    first = venue.placed_id(client_order_id="mine")
    assert venue.placed_id(client_order_id="mine") == first
    other = venue.place({**BUY, "base_size": "0.02"}, client_order_id="mine")
    assert refused(other)[0] == "DUPLICATE_CLIENT_ORDER_ID"


def test_long_client_ids_come_back_as_they_were(venue):
    """One client writes its name before a UUID: longer than the exchange keeps."""
    own = "ccxt-1f7525e8-a513-490d-ae36-a953e5481a10"
    assert venue.order(venue.placed_id(client_order_id=own))["client_order_id"] == own
    assert len(text.kept_id(own)) <= text.CLIENT_ID_MAX
    for wrong in ("x" * 41, "ü", text.kept_id(own), "y" * 30 + own):
        with pytest.raises(DecodeError, match="at most 40"):
            text.kept_id(wrong)


def test_what_a_market_buy_spends_has_the_fee_in_it(venue):
    venue.placed_id({**BUY, "base_size": "1"}, side="SELL", key=venue.other_key)
    order = venue.order(venue.placed_id({"quote_size": "100"}, kind="market_market_ioc"))
    assert order["status"] == "FILLED"
    assert 99 < float(order["total_value_after_fees"]) <= 100
    assert order["size_inclusive_of_fees"]


# -- previews -------------------------------------------------------------------------------------


def preview(venue, terms, kind="limit_limit_gtc", side="BUY"):
    body = {"product_id": "BTC-USDT", "side": side, "order_configuration": {kind: terms}}
    status, answer = venue.call("POST", f"{BASE}/orders/preview", body)
    assert status == 200, answer
    return answer


def test_a_preview_says_what_the_order_then_costs(venue):
    venue.placed_id({**BUY, "base_size": "0.004"}, side="SELL", key=venue.other_key)
    worse = {"base_size": "0.01", "limit_price": "50100"}
    venue.placed_id(worse, side="SELL", key=venue.other_key)
    terms = {"base_size": "0.01"}
    told = preview(venue, terms, "market_market_ioc")
    order = venue.order(venue.placed_id(terms, kind="market_market_ioc"))
    assert (told["quote_size"], told["errs"]) == (order["filled_value"], [])
    assert told["commission_total"] == order["total_fees"]
    assert told["order_total"] == order["total_value_after_fees"]
    assert told["average_filled_price"] == order["average_filled_price"]
    assert told["best_ask"] == "50000.00"
    assert float(told["slippage"]) == pytest.approx(0.0012)
    assert venue.get(f"{BASE}/orders/historical/batch?order_status=OPEN")["orders"] == []


def test_a_preview_says_why_an_order_would_be_refused(venue):
    assert preview(venue, {**BUY, "base_size": "9000"})["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    assert preview(venue, {**BUY, "limit_price": "0.001"})["errs"] == [
        "PREVIEW_INVALID_PRICE_PRECISION"
    ]
    assert preview(venue, BUY, "twap_limit_gtd")["errs"] == ["UNSUPPORTED_ORDER_CONFIGURATION"]
    venue.placed_id(BUY, side="SELL", key=venue.other_key)
    posting = preview(venue, {**BUY, "post_only": True})
    assert posting["errs"] == ["PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"]


# -- edit and cancel ------------------------------------------------------------------------------


def edit(venue, order_id, route="edit", **fields):
    status, answer = venue.call("POST", f"{BASE}/orders/{route}", {"order_id": order_id, **fields})
    assert status == 200, answer
    return answer


def test_an_edit_keeps_the_orders_id(venue):
    order_id = venue.placed_id()
    assert edit(venue, order_id, "edit_preview", price="49000", size="0.02")["quote_size"] == "980"
    assert edit(venue, order_id, price="49000", size="0.02") == {"success": True, "errors": []}
    ((_, terms),) = venue.order(order_id)["order_configuration"].items()
    assert (terms["limit_price"], terms["base_size"]) == ("49000.00", "0.02")
    edit(venue, order_id, price="48000")
    history = venue.order(order_id)["edit_history"]
    assert [(each["price"], each["size"]) for each in history] == [
        ("49000.00", "0.02"),
        ("48000.00", "0.02"),
    ]
    times = [each["replace_accept_timestamp"] for each in history]
    assert times == sorted(times)
    assert venue.order(venue.placed_id())["edit_history"] == []


def test_edits_that_cannot_be_say_why(venue):
    order_id = venue.placed_id()
    stop = {**BUY, "stop_price": "60000", "stop_direction": placing.UP}
    waiting = venue.placed_id(stop, kind="stop_limit_stop_limit_gtc")
    venue.placed_id({**BUY, "base_size": "0.005"}, side="SELL", key=venue.other_key)
    cases = [
        ("nobody", {"price": "1"}, "ORDER_NOT_FOUND"),
        (waiting, {"price": "1"}, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"),
        (order_id, {"price": "0.001"}, "INVALID_EDITED_PRICE"),
        (order_id, {"size": "0.000001"}, "INVALID_EDITED_SIZE"),
        (order_id, {"price": "50000", "size": "0.01"}, "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
        (order_id, {"size": "0.004"}, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
    ]
    for each, fields, reason in cases:
        for route in ("edit", "edit_preview")[: 1 if "BELOW" in reason else 2]:
            (error,) = edit(venue, each, route, **fields)["errors"]
            assert error["edit_failure_reason"] == reason


def test_cancels_have_an_outcome_each(venue):
    mine, theirs = venue.placed_id(), venue.placed_id(key=venue.other_key)
    filled = venue.placed_id({**BUY, "limit_price": "51000"})
    venue.placed_id({**BUY, "limit_price": "51000"}, side="SELL", key=venue.other_key)
    body = {"order_ids": [mine, theirs, "x", mine, filled]}
    _, answer = venue.call("POST", f"{BASE}/orders/batch_cancel", body)
    assert [(r["success"], r["failure_reason"]) for r in answer["results"]] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "DUPLICATE_CANCEL_REQUEST"),
        (False, "ORDER_IS_FULLY_FILLED"),
    ]
    assert [r["order_id"] for r in answer["results"]] == body["order_ids"]
    assert venue.order(mine)["status"] == "CANCELLED"
    assert venue.order(theirs, key=venue.other_key)["status"] == "OPEN"
    assert venue.call("POST", f"{BASE}/orders/batch_cancel", {"order_ids": []})[0] == 400


# -- lists ----------------------------------------------------------------------------------------


def test_orders_come_in_pages_newest_first(venue):
    placed = [venue.placed_id({**BUY, "limit_price": str(40_000 + n)}) for n in range(5)]
    told, cursor = [], ""
    while True:
        page = venue.get(f"{BASE}/orders/historical/batch?limit=2&cursor={cursor}")
        told += [order["order_id"] for order in page["orders"]]
        cursor = page["cursor"]
        if not page["has_next"]:
            break
    assert told == placed[::-1]
    status, answer = venue.call("GET", f"{BASE}/orders/historical/batch?cursor=x")
    assert (status, answer["error"]) == (400, "INVALID_ARGUMENT")


def test_lists_are_narrowed(venue):
    open_id, eth = venue.placed_id(), venue.placed_id(product_id="ETH-USDT")
    ended = venue.placed_id(BUY, kind="sor_limit_ioc")

    def ids(query):
        found = venue.get(f"{BASE}/orders/historical/batch?{query}")["orders"]
        return [order["order_id"] for order in found]

    assert ids("order_status=OPEN") == [eth, open_id]
    assert ids("order_status=CANCELLED&order_status=FILLED") == [ended]
    assert ids("product_ids=ETH-USDT") == ids("product_id=ETH-USDT") == [eth]
    assert ids("product_ids=ETH-USDT&product_ids=BTC-USDT&order_status=OPEN") == [eth, open_id]
    assert ids("time_in_forces=IMMEDIATE_OR_CANCEL") == [ended]
    assert ids(f"order_ids={eth}&order_ids={ended}") == [ended, eth]
    assert ids("order_side=SELL") == ids("product_type=FUTURE") == []
    status, _ = venue.call(
        "GET", f"{BASE}/orders/historical/batch?order_status=OPEN&order_status=FILLED"
    )
    assert status == 400


def test_fills_come_in_pages_and_say_what_an_order_has_paid(venue):
    order_id = venue.placed_id()
    for _ in range(3):
        venue.placed_id({**BUY, "base_size": "0.002"}, side="SELL", key=venue.other_key)
    first = venue.get(f"{BASE}/orders/historical/fills?limit=2")
    rest = venue.get(f"{BASE}/orders/historical/fills?limit=2&cursor={first['cursor']}")
    fills = [*first["fills"], *rest["fills"]]
    assert rest["cursor"] == ""
    assert [fill["trade_id"] for fill in fills] == ["3", "2", "1"]
    assert {fill["liquidity_indicator"] for fill in fills} == {"MAKER"}
    order = venue.order(order_id)
    assert (order["number_of_fills"], order["filled_size"]) == ("3", "0.006")
    assert order["completion_percentage"] == "60"
    fees = sum(float(fill["commission"]) for fill in fills)
    assert float(order["total_fees"]) == pytest.approx(fees)
    of_it = venue.get(f"{BASE}/orders/historical/fills?order_ids={order_id}&sort_by=PRICE")
    assert len(of_it["fills"]) == 3


def test_an_unknown_order_and_product_are_told_apart(venue):
    for path in ("/orders/historical/nobody", "/products/XXX-USD"):
        status, answer = venue.call("GET", BASE + path)
        assert (status, answer["error"]) == (404, "NOT_FOUND")
        outcome = errors.refused_outcome(Response(404, {}, msgspec.json.encode(answer)))
        assert isinstance(outcome, Answered)
        wanted = RejectReason.UNKNOWN_ORDER if "orders" in path else RejectReason.UNKNOWN_INSTRUMENT
        assert outcome.answer.reason is wanted


# -- accounts, keys, limits -----------------------------------------------------------------------


def test_accounts_add_up_in_both_apis(venue):
    venue.placed_id()
    accounts = {a["currency"]: a for a in venue.get(f"{BASE}/accounts?limit=250")["accounts"]}
    held = accounts["USDT"]
    assert float(held["hold"]["value"]) == pytest.approx(500.5)
    one = venue.get(f"{BASE}/accounts/{held['uuid']}")["account"]
    assert one == held
    wallets = {w["currency"]["code"]: w for w in venue.get("/v2/accounts?limit=250")["data"]}
    total = float(held["hold"]["value"]) + float(held["available_balance"]["value"])
    assert float(wallets["USDT"]["balance"]["amount"]) == pytest.approx(total)
    (portfolio,) = venue.get(f"{BASE}/portfolios")["portfolios"]
    inside = venue.get(f"{BASE}/portfolios/{portfolio['uuid']}")["breakdown"]["spot_positions"]
    assert {each["asset"] for each in inside} == {"BTC", "ETH", "USDT"}
    pages = venue.get(f"{BASE}/accounts?limit=1")
    assert pages["has_next"]
    again = venue.get(f"{BASE}/accounts?limit=1&cursor={pages['cursor']}")
    assert again["accounts"][0]["currency"] != pages["accounts"][0]["currency"]


def test_a_key_tells_its_rights_and_has_no_others(venue):
    reader = venue.new_key("alice", Scope.READ)
    told = venue.get(f"{BASE}/key_permissions", key=reader)
    assert (told["can_view"], told["can_trade"], told["can_transfer"]) == (True, False, False)
    body = {"order_ids": ["x"]}
    response = venue.answer("POST", f"{BASE}/orders/batch_cancel", body, key=reader)
    assert response.status == 403
    assert b'"error_details":"Missing required scopes"' in response.body, "the SDK looks for it"


def test_a_key_pairs_name_is_spelled_as_the_venue_does(venue):
    venue.exchange.keys.read_public_key = read_public_key
    made = venue.new_key("alice", kind=KeyKind.ES256, public_key=new_es256_pair()[1])
    organization, _, kind, name = made.key.split("/")[0], *made.key.split("/")[1:]
    assert (organization, kind) == ("organizations", "apiKeys")
    assert len(name) == 36


def test_what_is_private_says_so_and_a_wrong_signature_says_why(venue):
    response = venue.send(Request("GET", f"{BASE}/accounts", {}, b""))
    assert response.status == 401
    (error,) = msgspec.json.decode(response.body)["errors"]
    assert error["id"] == "authentication_error"
    status, _ = venue.call("GET", f"{BASE}/accounts", key=venue.key._replace(secret=b"x"))
    assert status == 401
    outcome = errors.refused_outcome(response)
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_limits_are_told_in_headers_and_ended_by_429():
    venue = Venue(DIALECT.limits)
    request = Request("GET", f"{BASE}/market/products", {}, b"")
    told = [venue.gate.http(request, "10.1.1.1", venue.desk.now_ns) for _ in range(11)]
    assert told[0].headers["x-ratelimit-limit"] == "10"
    assert [response.status for response in told] == [200] * 10 + [429]
    assert isinstance(errors.refused_outcome(told[-1]), NotSent)


def test_a_portfolio_that_is_nobodys_is_not_available(venue):
    answer = venue.call("GET", f"{BASE}/accounts?retail_portfolio_id=other")
    assert (answer[0], answer[1]["error_details"]) == (400, "account is not available")


# -- the client's end -----------------------------------------------------------------------------


def test_ids_that_the_venue_has_made_are_remembered_once_they_are_told():
    names, theirs = Names(), "a9625b04-fc66-4999-a876-543c3684d702"
    number = names.number(theirs)
    assert is_foreign(number)
    assert names.text(number) == theirs
    with pytest.raises(Unsupported, match="ask for the open orders"):
        Names().text(number)


def test_trades_whose_ids_are_no_numbers_are_numbered_by_their_time():
    """So that a later fill has the higher number, as a trader needs it."""
    ids = ["34b080bf-fcfd-445a-832b-46b5ddc65601", "11b080bf-fcfd-445a-832b-46b5ddc65601"]
    early, late = (text.trade_number(each, n * 10**6) for n, each in enumerate(ids, 10**6))
    assert early < late < 2**63
    assert text.trade_number("12345", 5) == 12345
