"""Whose market an exchange of ours shows: told on each of its ports, and asked for by its bots.

It stands beside a venue's own paths, where no venue has any: in `/.well-known/`. So a bot that
speaks a venue's API learns what it practices on, and its journal can tell. No fault befalls it, and
it costs nothing of the limits. Who answers something else is no exchange of ours.
"""

import msgspec
from msgspec import Struct

from steelyard.trading.actions import MarketTold
from steelyard.wire.http import Request, Response

MARKET_PATH = "/.well-known/steelyard"
QUESTION = Request("GET", MARKET_PATH, {}, b"")
OK = 200
WORD_MAX = 200  # letters of what is told that are believed


class MarketDocument(Struct, frozen=True):
    """What is told: the kind of the market, and by symbol the venue that is followed."""

    steelyard: str
    follows: dict[str, str] = {}


def market_in(response: Response, symbol: str) -> MarketTold:
    """Return what an exchange has told of one market; what is none of ours tells nothing."""
    try:
        found = msgspec.json.decode(response.body, type=MarketDocument)
    except msgspec.DecodeError:
        return MarketTold()
    venue = found.follows.get(symbol, "")
    if response.status != OK or max(len(found.steelyard), len(venue)) > WORD_MAX:
        return MarketTold()
    return MarketTold(found.steelyard, venue)
