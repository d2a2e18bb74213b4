"""A venue that speaks a dialect of ours; what it sends and hears is in test_trader_process.py."""

import asyncio
from random import Random

import pytest

from steelyard.cli.dialect_venue import DialectVenue
from steelyard.domain.messages import ClockQuery
from steelyard.trading.actions import Returned
from steelyard.trading.config import VenueTable
from steelyard.trading.venue import flaws
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import NotSent

TABLE = VenueTable(dialect="binance", key="env:X", rest="http://127.0.0.1:1", ws="ws://127.0.0.1:1")


class Owner:
    """Notes what a venue tells."""

    def __init__(self) -> None:
        self.inputs = []

    def step(self, event) -> None:
        self.inputs.append(event)

    def spawn(self, work) -> asyncio.Task:
        return asyncio.get_running_loop().create_task(work)

    def now_ns(self) -> int:
        return 10

    def venue_now_ns(self) -> int:
        return 20

    def note(self, name: str, text: str) -> None:
        self.inputs.append((name, text))


def test_a_dialect_of_ours_lacks_nothing_that_a_rule_needs():
    async def act() -> None:
        venue = DialectVenue(Owner(), TABLE, ApiKey("k", b"s"), Random(1))
        found = await venue.start()
        assert flaws(found, ()) == []
        assert found.request_expiry_ns == venue.rules.expiry_ns(None) or found.request_expiry_ns
        assert "LIMIT IOC" in found.order_types
        await venue.close()

    asyncio.run(act())


def test_what_cannot_be_delivered_was_not_sent():
    """Nobody listens there: one outcome, and nothing is left waiting."""

    async def act() -> None:
        owner = Owner()
        venue = DialectVenue(owner, TABLE, ApiKey("k", b"s"), Random(1))
        venue.ask(5, ClockQuery(), is_command=False)
        assert len(venue.asking) == 1
        await asyncio.wait(venue.asking)
        (returned,) = owner.inputs
        assert isinstance(returned, Returned)
        assert (returned.request_id, returned.sent_ns) == (5, 10)
        assert isinstance(returned.outcome, NotSent)
        await asyncio.sleep(0)
        assert not venue.asking
        await venue.close()

    asyncio.run(act())


@pytest.mark.parametrize(
    ("name", "has_amend", "some", "none"),
    [
        ("native", True, "LIMIT GTD", "STOP GTC"),
        ("binance", True, "LIMIT FOK", "LIMIT GTD"),
        ("kraken", True, "LIMIT GTD", "MARKET FOK"),
        ("coinbase-exchange", False, "LIMIT IOC", "MARKET GTC"),
    ],
)
def test_what_a_dialect_has_words_for_is_asked_of_it(name, has_amend, some, none):
    """Nothing is claimed for all of them: not amending, and not every time in force."""

    async def act() -> None:
        table = VenueTable(dialect=name, key="env:X", rest=TABLE.rest, ws=TABLE.ws)
        venue = DialectVenue(Owner(), table, ApiKey("k", b"s"), Random(1))
        found = await venue.start()
        assert found.has_amend is has_amend
        assert some in found.order_types
        assert none not in found.order_types
        await venue.close()

    asyncio.run(act())
