import msgspec
import pytest
from desk import BTC_USDT

from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.lifecycle import Fill, Liquidity
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.trading.alerting import AlertsTable, Topic, told
from steelyard.trading.records import (
    BalancesSeen,
    CancelAsked,
    FillSeen,
    Killed,
    OrderPending,
    OrderRefused,
    RunStopped,
)

LIMIT = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, True, 3_000_050, 1_000, client_order_id="a1"
)
FILL = Fill(
    trade_id=7,
    order_id=1,
    client_order_id="a1",
    account_id=0,
    instrument_id=0,
    side=Side.BUY,
    price_ticks=3_000_050,
    size_lots=600,
    quote_atoms=1,
    liquidity=Liquidity.MAKER,
    fee_asset_id=1,
    fee_atoms=1,
    time_ns=1,
)


def check(**table) -> None:
    AlertsTable(**table).check()


def test_a_table_names_references_and_bounds():
    check()
    check(to=("vault:alerts/slack", "env:MAIL", "aws-sm:x"), again="1h", per_hour=1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"again": "soon"}, r"\[alerts\] again: 'soon' is not a duration"),
        ({"per_hour": 0}, r"\[alerts\] per_hour is 0; write 1 to 3600"),
        ({"to": ("env:A", "env:A")}, "each once"),
        ({"to": tuple(f"env:A{n}" for n in range(21))}, "up to 20 references"),
        ({"to": ("slack://hunter2/b/c",)}, "never the address itself"),
        ({"to": ("hunter2",)}, "never the address itself"),
        ({"to": ("mailto:hunter2//x",)}, "never the address itself"),
    ],
)
def test_what_is_no_table_is_said_and_no_address_is_repeated(table, said):
    with pytest.raises(ConfigError, match=said) as caught:
        check(**table)
    assert "hunter2" not in str(caught.value)


def changed(place: Place, **terms) -> Place:
    return msgspec.structs.replace(place, **terms)


@pytest.mark.parametrize(
    ("message", "topic", "kind", "text"),
    [
        (
            OrderPending(LIMIT),
            Topic.ORDERS,
            "order.placed",
            "buy 0.01 BTC-USDT, limit at 30000.50 (id a1)",
        ),
        (
            OrderPending(changed(LIMIT, order_type=OrderType.STOP_LIMIT, trigger_ticks=3_100_000)),
            Topic.ORDERS,
            "order.placed",
            "buy 0.01 BTC-USDT, stop limit at 30000.50, trigger 31000.00 (id a1)",
        ),
        (
            OrderPending(
                changed(
                    LIMIT,
                    order_type=OrderType.MARKET,
                    price_ticks=None,
                    size_lots=0,
                    quote_atoms=50 * 10**12,
                )
            ),
            Topic.ORDERS,
            "order.placed",
            "buy BTC-USDT for 50 USDT, market (id a1)",
        ),
        (
            OrderRefused("a1", RejectReason.INSUFFICIENT_BALANCE, "too poor"),
            Topic.ORDERS,
            "order.refused",
            "a1: INSUFFICIENT_BALANCE: too poor",
        ),
        (CancelAsked("a1", "stale"), Topic.ORDERS, "order.canceled", "a1: stale"),
        (
            FillSeen(FILL, "a1", "stream"),
            Topic.FILLS,
            "order.filled",
            "buy 0.006 BTC-USDT at 30000.50 (id a1)",
        ),
        (RunStopped("SIGTERM"), Topic.RUNS, "run.stopped", "SIGTERM"),
        (Killed("panic"), Topic.RUNS, "run.killed", "panic"),
    ],
)
def test_a_record_is_told_in_a_sentence_for_people(message, topic, kind, text):
    assert told(message, BTC_USDT) == (topic, kind, text)


def test_most_records_are_nobodys_news():
    assert told(BalancesSeen({}, {}), BTC_USDT) is None
    assert told(OrderPending(LIMIT), None) is None, "before the instrument is known"
