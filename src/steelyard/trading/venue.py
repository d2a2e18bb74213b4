"""What a trader's rules need of a venue, whatever it is and however it is spoken to.

`flaws` is asked before anything is sent: a venue that lacks what a rule stands on is refused, with
the reason, and what a person may decide has a name to be accepted by.
"""

from collections.abc import Collection
from typing import NamedTuple

from steelyard.wire.capabilities import NO_LOOKUP, UNCHECKED, Capabilities, Lookup, Source


class Flaw(NamedTuple):
    """What keeps a venue from being traded on.

    name is what a configuration has to accept for it to be traded on all the same; None: it is
    not to be had.
    """

    name: str | None
    text: str


def flaws(venue: Capabilities, accepted: Collection[str]) -> list[Flaw]:
    """Return why a trader's rules could not be kept there, but for what is accepted."""
    missing = (
        (venue.has_cancel, "no order can be canceled"),
        (venue.has_open_orders, "open orders are not listed, so nothing can be compared"),
        (venue.has_fills, "the account's own fills are not listed, so no position is known"),
        (venue.has_balances, "balances are not told"),
        (venue.market is not Source.NONE, "there is no book"),
        (venue.account is not Source.NONE, "nothing tells what becomes of an order"),
    )
    found = [Flaw(None, text) for is_there, text in missing if not is_there]
    if venue.lookup is Lookup.NONE:
        found.append(
            Flaw(
                NO_LOOKUP,
                "an order cannot be found by the id that we gave it, so one without an answer "
                "stays unknown until a person has looked",
            )
        )
    if not venue.is_checked:
        found.append(
            Flaw(
                UNCHECKED,
                "nobody has compared yet how this venue takes our order ids and tells them again",
            )
        )
    return [flaw for flaw in found if flaw.name is None or flaw.name not in accepted]


def warnings(venue: Capabilities) -> list[str]:
    """Return what to know of a venue that may be traded on."""
    found = []
    if venue.request_expiry_ns is None:
        found.append(
            "its requests do not expire: an order without an answer that cannot be found stays "
            "unknown, and blocks new ones, until a person decides"
        )
    if venue.market is Source.POLLED:
        found.append("its book is asked for again and again, so it is as old as the last answer")
    if venue.account is Source.POLLED:
        found.append("its orders are asked for again and again, so fills are told late")
    if not venue.has_dead_man:
        found.append("it cancels nothing by itself when this machine is gone")
    return found
