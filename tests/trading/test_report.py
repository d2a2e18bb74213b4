import json

import msgspec

from steelyard.domain.order import Side
from steelyard.trading.report import state_document
from tests.trading.session import run_session
from tests.trading.world import hand_world

AMOUNT_KEYS = {"size", "price", "filled", "fee", "free", "held", "realized", "unrealized", "total"}


def test_the_document_has_what_the_page_reads():
    """Every key of the page's contract, with values of its types."""
    world = hand_world(lambda hand: hand.buy("0.01"), lambda hand: hand.buy("0.02", "59000"))
    world.run(3)
    document = json.loads(msgspec.json.encode(state_document(world.trader)))
    assert document["type"] == "state"
    assert document["bot"] == {
        "name": "test",
        "environment": "sandbox",
        "strategy": "Test",
        "symbol": "BTC-USDT",
        "params": {},
        "started": world.trader.started_ns // 10**6,
    }
    assert (document["status"], document["reason"]) == ("running", None)
    assert document["position"] == {"size": "0.00999", "average_price": "60000.5", "side": "long"}
    assert document["pnl"]["currency"] == "USDT"
    assert document["balances"][0] == {"asset": "BTC", "free": "100.00999", "held": "0"}
    (order,) = document["orders"]
    assert order == {
        "client_order_id": order["client_order_id"],
        "order_id": "2",
        "side": "buy",
        "type": "limit",
        "price": "59000.00",
        "size": "0.02",
        "filled": "0",
        "state": "working",
        "created": order["created"],
        "trigger": None,
        "protects": False,
        "amending": False,
        "ahead": "0",
    }
    (fill,) = document["fills"]
    assert fill == {
        "trade_id": "1",
        "side": "buy",
        "price": "60000.50",
        "size": "0.01",
        "fee": "0.00001",
        "fee_asset": "BTC",
        "liquidity": "taker",
        "time": fill["time"],
    }
    assert document["risk"].pop("limits")[0]["name"] == "max_order_size"
    assert document["risk"] == {
        "max_order_notional": "10000",
        "max_position": "1",
        "max_open_orders": 10,
        "price_collar": "5%",
        "refused": 0,
        "last_refusal": None,
    }
    assert document["equity"][-1][0] <= document["time"]


def test_profit_adds_up():
    """Total = realized + unrealized - fees, digit by digit."""
    world = run_session(12)
    pnl = state_document(world.trader)["pnl"]
    from decimal import Decimal

    parts = {name: Decimal(value) for name, value in pnl.items() if name != "currency"}
    assert parts["total"] == parts["realized"] + parts["unrealized"] - parts["fees"]
    assert parts["fees"] > 0


def test_before_anything_is_known_it_is_a_document_too():
    """A page that opens during the start shows why it waits."""
    world = hand_world()
    world.run(0)
    document = state_document(world.trader)
    assert document["status"] == "starting"
    assert document["position"] == {"size": "0", "average_price": None, "side": "flat"}
    assert document["orders"] == document["fills"] == document["equity"] == []


def test_a_short_and_strangers_are_shown():
    """The side is told in a word; foreign orders are counted."""
    world = hand_world(lambda hand: hand.sell("0.01"))
    world.after(0.1, lambda: world.venue.trade_by_hand(Side.BUY))
    world.run(2)
    document = state_document(world.trader)
    assert document["position"]["side"] == "short"
    assert document["foreign_orders"] == 0, "it has filled"


def test_a_protected_position_is_shown_with_its_stop():
    """Its trigger, and what of it is missing at the venue."""
    world = hand_world(lambda hand: hand.buy("0.01"), lambda hand: hand.protect("59000"))
    world.run(2)
    document = state_document(world.trader)
    assert document["protection"] == {"trigger": "59000.00", "missing": None}
    (stop,) = document["orders"]
    assert (stop["trigger"], stop["protects"], stop["price"]) == ("59000.00", True, None)
