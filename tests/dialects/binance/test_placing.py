"""Every type of order that the venue has, sent as a client sends it, to what becomes of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import placing
from steelyard.dialects.binance.messages import OrderRequest
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Listings
from steelyard.wire.dialect import Asker, SessionRefused
from steelyard.wire.limits import UNLIMITED
from tests.shared.desk import BTC_USDT

ASKER = Asker(100, "k", 0, Listings([BTC_USDT]), UNLIMITED)
BUY = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
SELL = {**BUY, "side": "SELL"}
GTC = {"timeInForce": "GTC"}


@pytest.mark.parametrize(
    ("side", "kind", "stop", "away"),
    [
        ("SELL", "STOP_LOSS", "49950", "49940"),
        ("BUY", "STOP_LOSS", "50050", "50060"),
        ("SELL", "TAKE_PROFIT", "50050", "50060"),
        ("BUY", "TAKE_PROFIT", "49950", "49940"),
    ],
)
def test_a_stop_waits_for_its_price_and_takes_the_market(market, side, kind, stop, away):
    placed = market.place(**{**BUY, "side": side}, type=kind, stopPrice=stop)
    shown = market.found(placed)
    assert (shown["status"], shown["isWorking"], shown["workingTime"]) == ("NEW", False, -1)
    assert (shown["type"], shown["timeInForce"]) == (kind, "GTC")
    assert shown["stopPrice"] == f"{stop}.00000000"
    market.trade(away)
    shown = market.found(placed)
    assert (shown["status"], shown["executedQty"]) == ("FILLED", "0.01000000")


@pytest.mark.parametrize("lifetime", ["GTC", "IOC", "FOK"])
def test_a_stop_limit_rests_at_its_price_or_expires(market, lifetime):
    terms = {"type": "STOP_LOSS_LIMIT", "stopPrice": "49950", "price": "49980"}
    placed = market.place(**SELL, **terms, timeInForce=lifetime)
    market.trade("49940")
    shown = market.found(placed)
    is_left = lifetime == "GTC"
    assert shown["status"] == ("NEW" if is_left else "EXPIRED")
    assert (shown["timeInForce"], shown["price"]) == (lifetime, "49980.00000000")
    assert shown["workingTime"] > shown["time"]


def test_a_stop_that_would_trigger_at_once_is_refused(market):
    terms = {"type": "STOP_LOSS", "stopPrice": "50060"}
    status, refused = market.call("POST", "order", SELL, **terms)
    assert (status, refused["code"]) == (400, -2010)
    assert refused["msg"] == "Order would trigger immediately."


def test_a_trailing_stop_follows_the_price(market):
    """Five hundred bips below the highest price since it was placed."""
    placed = market.place(**SELL, type="STOP_LOSS", trailingDelta="100")
    shown = market.found(placed)
    assert (shown["trailingDelta"], shown["type"]) == (100, "STOP_LOSS")
    market.trade("50090")
    market.trade("49950")
    assert market.found(placed)["status"] == "NEW", "49,589.10 is a percent below 50,090"
    market.call("DELETE", "openOrders", {"symbol": "BTCUSDT"}, market.other_key)
    market.place(market.other_key, **BUY, price="49500", selfTradePreventionMode="NONE")
    market.place(market.other_key, **SELL, price="49500", selfTradePreventionMode="NONE")
    assert market.found(placed)["status"] == "EXPIRED", "it was a market order in an empty book"


def test_a_market_order_spends_an_amount(market):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "501.5"}
    status, bought = market.call("POST", "order", order)
    assert status == 200
    assert (bought["status"], bought["origQuoteOrderQty"]) == ("FILLED", "501.50000000")
    assert bought["origQty"] == bought["executedQty"] == "0.01000000"
    assert float(bought["cummulativeQuoteQty"]) <= 501.5
    assert market.found(bought)["status"] == "FILLED"


@pytest.mark.parametrize("kind", ["LIMIT", "LIMIT_MAKER"])
def test_an_iceberg_shows_a_part(venue, kind):
    terms = {"type": kind, "price": "50000", "icebergQty": "0.002"}
    terms |= GTC if kind == "LIMIT" else {}
    placed = venue.place(**BUY, **terms)
    _, book = venue.get("depth", symbol="BTCUSDT")
    assert book["bids"] == [["50000.00000000", "0.00200000"]]
    assert venue.found(placed)["icebergQty"] == "0.00200000"


def test_an_iceberg_of_too_many_parts_is_refused(venue):
    terms = {"type": "LIMIT", **GTC, "price": "50000", "icebergQty": "0.00009"}
    status, refused = venue.call("POST", "order", BUY, **terms)
    assert (status, refused["code"]) == (400, -1013)
    assert refused["msg"].startswith("Filter failure: ICEBERG_PARTS")
    whole = venue.place(**BUY, **{**terms, "icebergQty": "0"})
    assert "icebergQty" not in whole, "0 is the venue's word for none"


def test_both_shrink_under_decrement(venue):
    """The other one is canceled, what is left of this one rests."""
    mine = venue.place(**{**BUY, "quantity": "0.03"}, price="50000")
    taker = venue.place(**SELL, price="50000", selfTradePreventionMode="DECREMENT")
    assert taker["status"] == "EXPIRED_IN_MATCH"
    assert venue.found(mine)["origQty"] == "0.02000000"


@pytest.mark.parametrize(
    ("kind", "side", "stop", "turn", "back"),
    [
        ("TAKE_PROFIT", "SELL", "50050", "50080", "49980"),
        ("STOP_LOSS", "SELL", "49980", "49980", "49930"),
        ("STOP_LOSS", "BUY", "50020", "50020", "50080"),
        ("TAKE_PROFIT", "BUY", "49950", "49930", "50000"),
    ],
)
@pytest.mark.parametrize("limit", [None, "40000", "60000"])
def test_a_trailing_stop_begins_at_its_stop_price(market, kind, side, stop, turn, back, limit):
    """Ten bips against the best price since the stop price was come to, whichever way that was."""
    terms = {"type": kind, "stopPrice": stop, "trailingDelta": "10"}
    if limit:
        terms |= {"type": f"{kind}_LIMIT", "price": limit, **GTC}
    placed = market.place(**{**BUY, "side": side}, **terms)
    shown = market.found(placed)
    assert (shown["type"], shown["stopPrice"]) == (terms["type"], f"{stop}.00000000")
    market.trade(turn)
    assert market.found(placed)["isWorking"] is False
    market.trade(back)
    shown = market.found(placed)
    is_taken = limit is None or (limit == "60000") == (side == "BUY")
    assert shown["status"] == ("FILLED" if is_taken else "NEW")
    assert shown["workingTime"] > shown["time"]


amounts = st.none() | st.sampled_from(["1", "61000.10", "0", "0.001", "0.00000001"]).map(Decimal)
any_order = st.builds(
    OrderRequest,
    symbol=st.sampled_from(["BTCUSDT", "NONE"]),
    side=st.sampled_from(["BUY", "SELL"]),
    type=st.sampled_from([*placing.TERMS, "FULL"]),
    timeInForce=st.none() | st.sampled_from(["GTC", "IOC", "FOK"]),
    quantity=amounts,
    quoteOrderQty=st.none() | amounts,
    price=amounts,
    stopPrice=st.none() | amounts,
    icebergQty=st.none() | amounts,
    trailingDelta=st.none() | st.just(100),
    newClientOrderId=st.none() | st.just("id-1"),
    selfTradePreventionMode=st.none() | st.sampled_from(["NONE", "EXPIRE_TAKER", "TRANSFER"]),
)


@given(any_order)
def test_a_plain_order_is_read_as_any_other(request):
    """It takes a short way, to the same command or the same refusal."""

    def outcome():
        try:
            return placing.place_from_wire(request, ASKER)
        except (UnitError, DecodeError) as error:
            return str(error), error.field
        except SessionRefused as refused:
            return refused.refusal

    found = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "_is_plain", lambda *_: False)
        assert outcome() == found
