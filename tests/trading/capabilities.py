"""What a venue offers, for tests that take something away from it."""

from typing import Any

from steelyard.wire.capabilities import Capabilities, Lookup, Source


def offering(**changes: Any) -> Capabilities:
    """Return a venue that offers everything, with these changes."""
    everything: dict[str, Any] = {
        "venue": "venue",
        "is_checked": True,
        "lookup": Lookup.CLIENT_ID,
        "request_expiry_ns": None,
        "market": Source.STREAM,
        "account": Source.STREAM,
        "has_fills": True,
        "has_open_orders": True,
        "has_balances": True,
        "has_cancel": True,
        "has_clock": True,
        "has_candles": True,
        "has_dead_man": False,
        "has_amend": True,
        "order_types": (),
    }
    return Capabilities(**(everything | changes))
