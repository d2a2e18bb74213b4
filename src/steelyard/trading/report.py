"""What a trader shows of itself: one document for the page, the command line and metrics.

Amounts are decimal texts, times milliseconds. The document is made of the machine's state and
changes nothing. The shell adds what only it knows: log lines and latencies.
"""

from typing import Any

from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.domain.units import EXACT, from_atoms, in_full, plain
from steelyard.trading.breakers import share_of
from steelyard.trading.channels import Channel
from steelyard.trading.limituse import uses
from steelyard.trading.measures import BOUNDS_NS
from steelyard.trading.orders import OwnOrder
from steelyard.trading.shown import fill_shown, order_shown, position_shown
from steelyard.trading.trader import Trader
from steelyard.trading.tripping import Shown

MS_NS = 1_000_000
US_NS = 1_000


def state_document(trader: Trader) -> dict[str, Any]:
    """Return the state, as the page reads it."""
    status = trader.status
    config = trader.config
    return {
        "type": "state",
        "time": trader.turn.now_ns // MS_NS,
        "bot": {
            "name": config.bot.name,
            "environment": config.bot.environment.value,
            "strategy": config.strategy.class_name.rpartition(":")[2],
            "symbol": config.strategy.symbol,
            "params": {name: str(value) for name, value in config.strategy.params.items()},
            "started": trader.started_ns // MS_NS,
        },
        "status": status.word,
        "reason": status.reason,
        "position": position_shown(trader.turn.state.portfolio),
        "pnl": _pnl(trader),
        "balances": _balances(trader),
        "orders": [_open_order(order, trader) for order in trader.turn.state.orders.open],
        "protection": _protection(trader),
        "fills": [
            fill_shown(fill, trader.turn.instrument, trader.listings.assets())
            for fill in trader.turn.state.recent_fills
        ],
        "equity": [
            [time_ns // MS_NS, in_full(from_atoms(atoms))]
            for time_ns, atoms in trader.equity.points
        ],
        "risk": _risk(trader),
        "measures": _measures(trader),
        "breakers": [_breaker(shown) for shown in trader.breakers.shown],
        "foreign_orders": len(trader.reconciler.strangers.open),
        "book": _book(trader),
        "channels": _channels(trader),
        "clock": _clock(trader),
        "trades": _trades(trader),
        "strategy": _strategy(trader),
    }


def _channels(trader: Trader) -> dict[str, Any]:
    """Return how old each channel is, and how old it may be; age_ms is None before the first."""
    now_ns, channels = trader.turn.now_ns, trader.channels
    ages = {channel: channels.age_ns(channel, now_ns) for channel in Channel}
    ages[Channel.BOOK] = None if trader.desk is None else trader.desk.book.age_ns(now_ns)
    return {
        channel.value: {
            "age_ms": None if age_ns is None else age_ns // MS_NS,
            "budget_ms": channels.budget_ns(channel) // MS_NS,
        }
        for channel, age_ns in ages.items()
    }


def _clock(trader: Trader) -> dict[str, Any] | None:
    """Return how far the venue's clock is ahead of ours, and how surely."""
    turn, clock = trader.turn, trader.clock
    if clock.measured_ns is None:
        return None
    return {
        "offset_us": turn.offset_ns // US_NS,
        "error_us": turn.offset_error_ns // US_NS,
        "jitter_us": clock.jitter_ns // US_NS,
        "measured": clock.measured_ns // MS_NS,
    }


def _strategy(trader: Trader) -> dict[str, Any]:
    """Return when the strategy was last called, how often, and how it failed; None: it did not."""
    host = trader.host
    failure = None if host.failure is None else host.failure.strip().rpartition("\n")[2]
    called_ns = host.called_ns
    return {
        "calls": host.calls,
        "called": None if called_ns is None else called_ns // MS_NS,
        "failure": failure,
    }


def _trades(trader: Trader) -> dict[str, int]:
    """Return how often trades were missed, and how often not all could be told afterwards."""
    backfill = None if trader.market is None else trader.market.backfill
    return {
        "gaps": backfill.gaps if backfill else 0,
        "unfilled": backfill.unfilled if backfill else 0,
        "repeated": backfill.repeated if backfill else 0,
    }


def _book(trader: Trader) -> dict[str, Any] | None:
    """Return how the book is; known_bid and known_ask are how deep, None where it has an end."""
    if trader.desk is None:
        return None
    book, instrument = trader.desk.book, trader.turn.instrument
    now_ns = trader.turn.now_ns

    def price(ticks: int | None) -> str | None:
        return None if ticks is None else in_full(instrument.price(ticks))

    return {
        "state": book.state(now_ns).value,
        "trouble": book.trouble(now_ns),
        "known_bid": price(book.bids.known_ticks),
        "known_ask": price(book.asks.known_ticks),
        "off_tick": book.odd_levels,
        "gaps": book.gaps,
        "snapshots": book.snapshots,
    }


def _protection(trader: Trader) -> dict[str, Any] | None:
    """Return the stop that the position is to have, and what of it is missing; None: none."""
    stop = trader.turn.state.stop
    if stop is None:
        return None
    instrument = trader.turn.instrument
    return {
        "trigger": in_full(instrument.price(stop.trigger_ticks)),
        "missing": trader.protection.trouble,
    }


def _pnl(trader: Trader) -> dict[str, str]:
    portfolio = trader.turn.state.portfolio
    if portfolio is None:
        return {"currency": "", "realized": "0", "unrealized": "0", "fees": "0", "total": "0"}
    half_ticks = trader.worth.mark_half_ticks
    unrealized = 0 if half_ticks is None else portfolio.unrealized_atoms(half_ticks)
    realized, fees = portfolio.realized_atoms, portfolio.fees_atoms
    return {
        "currency": portfolio.instrument.quote,
        "realized": in_full(from_atoms(realized)),
        "unrealized": in_full(from_atoms(unrealized)),
        "fees": in_full(from_atoms(fees)),
        "total": in_full(from_atoms(realized + unrealized - fees)),
    }


def _balances(trader: Trader) -> list[dict[str, str]]:
    names = trader.listings.assets()
    return [
        {
            "asset": names.get(asset_id, str(asset_id)),
            "free": in_full(from_atoms(free)),
            "held": in_full(from_atoms(held)),
        }
        for asset_id, (free, held) in sorted(trader.reconciler.account.balances.items())
    ]


def _open_order(order: OwnOrder, trader: Trader) -> dict[str, Any]:
    """Return an open order, and what is thought to be ahead of it, which no journal tells."""
    ahead = trader.measures.ahead_lots(order.place.client_order_id)
    instrument = trader.turn.instrument
    shown = None if ahead is None else in_full(plain(instrument.size(ahead)))
    return {**order_shown(order, instrument), "ahead": shown}


def _measures(trader: Trader) -> dict[str, Any]:
    """Return what the run has measured of its trading; shares are decimal texts, None: of nothing.

    Latencies are [counts, sum in us] by step; the bounds of their buckets are in ms.
    """
    measures = trader.measures
    liquidity, instrument = measures.liquidity, trader.turn.state.instrument
    quote = depth = None
    if liquidity is not None and instrument is not None:
        quote = in_full(instrument.price(liquidity.spread_ticks))
        depth = {
            f"{'bid' if side is Side.BUY else 'ask'}_{parts}": in_full(plain(instrument.size(lots)))
            for (side, parts), lots in liquidity.depth_lots.items()
        }
    return {
        "orders": measures.orders,
        "refusals": dict(measures.refusals),
        "fill_ratio": _share(measures.filled_lots, measures.ordered_lots),
        "slippage": _share(measures.slipped.cost, measures.slipped.worth),
        "adverse": {
            f"{horizon_ns // SECOND_NS}s": _share(told.cost, told.worth)
            for horizon_ns, told in measures.adverse.items()
        },
        "latencies": {
            step: [spread.counts[:], spread.sum_ns // US_NS]
            for step, spread in measures.latencies.items()
        },
        "bounds_ms": [bound_ns // MS_NS for bound_ns in BOUNDS_NS],
        "spread": quote,
        "depth": depth,
    }


def _share(part: int, whole: int) -> str | None:
    return in_full(plain(share_of(part, whole))) if whole else None


def _breaker(shown: Shown) -> dict[str, Any]:
    """Return one breaker; until is None where no time resumes it."""
    rule = shown.rule
    return {
        "name": shown.name,
        "state": shown.state,
        "text": shown.text,
        "threshold": None if rule is None else rule.shown,
        "window": None if rule is None else rule.window,
        "resume": None if rule is None else rule.resume,
        "since": None if shown.since_ns is None else shown.since_ns // MS_NS,
        "until": None if shown.until_ns is None else shown.until_ns // MS_NS,
    }


def _risk(trader: Trader) -> dict[str, Any]:
    limits = trader.config.limits
    percent = plain(EXACT.multiply(limits.price_collar, EXACT.create_decimal(100)))
    return {
        "max_order_notional": in_full(plain(limits.max_order_notional)),
        "max_position": in_full(plain(limits.max_position)),
        "max_open_orders": limits.max_open_orders,
        "price_collar": f"{in_full(percent)}%",
        "limits": [use._asdict() for use in uses(trader)],
        "refused": trader.host.refused,
        "last_refusal": trader.host.last_refusal,
    }
