"""What a trader sends, and what it makes of answers; the rest is in the conformance tests."""

import pytest

from steelyard.dialects.coinbase_exchange.client import CoinbaseClient
from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.errors import Unsupported, UsageError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AccountQuery,
    CandlesQuery,
    FillsQuery,
    KeyQuery,
    OrderQuery,
    Refused,
    TradesQuery,
)
from steelyard.domain.order import FeeAsset, OrderType, RejectReason, SelfTrade, Side, TimeInForce
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered
from tests.shared.desk import BTC_USDT

CLIENT = CoinbaseClient()
LISTINGS = Listings([BTC_USDT])
KEY = ApiKey("k" * 32, b"AAAA", "p")
LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)


def place(**fields):
    terms = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "post_only": False,
             "price_ticks": 5_000_000, "size_lots": 1_000, **fields}  # fmt: skip
    return Place(0, 0, Side.BUY, **terms)


def request(message):
    return CLIENT.request(message, LISTINGS, KEY, 0)


def test_an_order_is_named_by_ones_own_id_where_there_is_one():
    own = CLIENT.client_order_id(5)
    assert request(Cancel(0, 7, 0, own)).target == f"/orders/client:{own}?product_id=BTC-USDT"
    assert "client:" not in request(OrderQuery(0, 0, 7)).target
    foreign = 1 << 63 | 5
    with pytest.raises(Unsupported, match="client id"):
        request(OrderQuery(0, 0, foreign))


@pytest.mark.parametrize(
    "fields",
    [
        {"order_type": OrderType.STOP, "price_ticks": None, "trigger_ticks": 1},
        {"time_in_force": TimeInForce.GTD, "expire_ns": 5},
        {"self_trade": SelfTrade.NONE},
        {"fee_asset": FeeAsset.RECEIVED},
        {"slide": True, "post_only": True},
        {"client_order_id": "mine"},
        {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price_ticks": None,
         "size_lots": 0, "quote_atoms": 5},
    ],
)  # fmt: skip
def test_what_the_venue_has_no_word_for_is_not_sent(fields):
    with pytest.raises(Unsupported, match="Coinbase Exchange has no"):
        request(place(**fields))


@pytest.mark.parametrize(
    "message",
    [
        Amend(0, 5, 1, None),
        KeyQuery("k"),
        FillsQuery(0, 5),
        TradesQuery(0, 5, start_ns=1),
        CandlesQuery(0, 7 * 10**9, 5),
    ],
)
def test_what_the_venue_does_not_offer_is_unsupported(message):
    with pytest.raises(Unsupported):
        request(message)


def test_private_routes_need_a_key():
    with pytest.raises(UsageError, match="give a key"):
        CLIENT.request(AccountQuery(0), LISTINGS, None, 0)


def test_a_rejected_order_is_a_refusal():
    body = (
        b'{"id":"a9625b04-fc66-4999-a876-543c3684d702","product_id":"BTC-USDT","side":"buy",'
        b'"type":"limit","created_at":"2024-03-11T20:48:46Z","status":"rejected","settled":false,'
        b'"reject_reason":"post only"}'
    )
    outcome = CLIENT.outcome(place(), Response(200, {}, body), LISTINGS, 0)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, Refused)
    assert outcome.answer.reason is RejectReason.POST_ONLY_WOULD_TAKE
