"""How a bot's orders, fills and position are shown, by it and by who reads its journal.

Amounts are decimal texts, times milliseconds. What is shown is made of what the journal tells, so
both show the same.
"""

from collections.abc import Mapping
from typing import Any

from steelyard.domain.instrument import Instrument, foreign_asset_name
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.breakers import share_of
from steelyard.trading.measures import HORIZONS_NS, STEPS
from steelyard.trading.orders import OwnOrder
from steelyard.trading.portfolio import Portfolio

MS_NS, US_NS = 1_000_000, 1_000


def measured_shown(time_ns: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Return what a run had measured of its trading, as it was last journaled.

    Shares are decimal texts, None: of nothing; latencies are means in us, with how many there were.
    """

    def share(part: str, whole: str) -> str | None:
        of = numbers.get(whole, 0)
        return in_full(plain(share_of(numbers.get(part, 0), of))) if of else None

    def mean(step: str) -> dict[str, int | None]:
        count = numbers.get(f"{step}_count", 0)
        mean_us = numbers.get(f"{step}_ns", 0) // (count * US_NS) if count else None
        return {"count": count, "mean_us": mean_us}

    return {
        "time": time_ns // MS_NS,
        "orders": numbers.get("orders", 0),
        "refused": numbers.get("refusals", 0),
        "fill_ratio": share("filled_lots", "ordered_lots"),
        "reject_ratio": share("refusals", "orders"),
        "slippage": share("slippage", "slippage_worth"),
        "adverse": {
            after: share(f"adverse_{after}", f"adverse_{after}_worth")
            for after in (f"{horizon_ns // SECOND_NS}s" for horizon_ns in HORIZONS_NS)
        },
        "latencies": {step: mean(step) for step in STEPS},
    }


def position_shown(portfolio: Portfolio | None) -> dict[str, Any]:
    """Return what is held."""
    if portfolio is None:
        return {"size": "0", "average_price": None, "side": "flat"}
    lots, average = portfolio.position_lots, portfolio.average_price
    return {
        "size": in_full(plain(portfolio.instrument.size(lots))),
        "average_price": None if average is None else in_full(plain(average)),
        "side": "long" if lots > 0 else "short" if lots < 0 else "flat",
    }


def order_shown(order: OwnOrder, instrument: Instrument) -> dict[str, Any]:
    """Return one of a bot's orders."""
    place = order.place
    price = None if place.price_ticks is None else in_full(instrument.price(place.price_ticks))
    return {
        "client_order_id": place.client_order_id,
        "order_id": str(order.order_id) if order.order_id else None,
        "side": place.side.name.lower(),
        "type": place.order_type.name.lower(),
        "price": price,
        "size": in_full(plain(instrument.size(place.size_lots))),
        "filled": in_full(plain(instrument.size(order.filled_lots))),
        "state": OrderState(order.state).name.lower(),
        "created": order.created_ns // MS_NS,
        "trigger": None
        if place.trigger_ticks is None
        else in_full(instrument.price(place.trigger_ticks)),
        "protects": order.protects,
        "amending": order.amending is not None,
    }


def fill_shown(fill: Fill, instrument: Instrument, assets: Mapping[int, str]) -> dict[str, Any]:
    """Return a fill; assets are the names that are known."""
    names = {
        instrument.base_asset_id: instrument.base,
        instrument.quote_asset_id: instrument.quote,
        **assets,
    }
    return {
        "trade_id": str(fill.trade_id),
        "side": fill.side.name.lower(),
        "price": in_full(instrument.price(fill.price_ticks)),
        "size": in_full(plain(instrument.size(fill.size_lots))),
        "fee": in_full(from_atoms(fill.fee_atoms)),
        "fee_asset": names.get(fill.fee_asset_id)
        or foreign_asset_name(fill.fee_asset_id)
        or str(fill.fee_asset_id),
        "liquidity": fill.liquidity.name.lower(),
        "time": fill.time_ns // MS_NS,
    }
