"""A venue that speaks a dialect of ours; what it sends and hears is in test_trader_process.py."""

import asyncio
from base64 import b64encode
from random import Random

import msgspec
import pytest

from steelyard import dialects
from steelyard.cli import dialect_venue
from steelyard.cli.dialect_venue import DialectVenue, has_dead_man
from steelyard.domain.commands import Cancel
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS, ClockQuery
from steelyard.trading.actions import Returned, Sent, VenueHalt
from steelyard.trading.config import VenueTable
from steelyard.trading.venue import flaws
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import NotSent
from tests.trading.venue import BTC_USDT

SECRET = b64encode(bytes(64))
TABLE = VenueTable(dialect="binance", key="env:X", rest="http://127.0.0.1:1", ws="ws://127.0.0.1:1")


class Owner:
    """Notes what a venue tells."""

    def __init__(self) -> None:
        self.inputs = []
        self.time_ns = 10

    def step(self, event) -> None:
        self.inputs.append(event)

    def spawn(self, work) -> asyncio.Task:
        return asyncio.get_running_loop().create_task(work)

    def now_ns(self) -> int:
        return self.time_ns

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


def test_a_command_has_left_before_it_is_told_so_and_then_comes_its_answer():
    """Whoever hears of it keeps its bytes from nothing; a question is not told of."""

    async def act() -> None:
        taken = asyncio.Event()

        async def serve(reader, writer) -> None:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0] or 0)
                await reader.readexactly(length)
                taken.set()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        owner = Owner()
        table = VenueTable(
            dialect="binance", key="env:X", rest=f"http://127.0.0.1:{port}", ws=TABLE.ws
        )
        venue = DialectVenue(owner, table, ApiKey("k", b"s"), Random(1))
        venue._connector.listings = Listings([BTC_USDT])
        for request_id in (1, 2):  # the second one on a connection that is kept
            cancel = Cancel(0, 7, BTC_USDT.instrument_id, "name")
            venue.ask(request_id, cancel, is_command=True)
            assert not [told for told in owner.inputs if told == Sent(request_id)]
            await asyncio.wait(venue.asking)
            assert taken.is_set()
            told = [type(one).__name__ for one in owner.inputs]
            assert told == ["Sent", "Returned"] * request_id
        await venue.close()
        server.close()

    asyncio.run(act())


def test_what_may_leave_is_asked_after_it_was_signed():
    """Who stood still before the question has signed with a time that is over by then."""
    asked: list[str] = []

    def why_not(message) -> str | None:
        asked.append(type(message).__name__)
        return "its lease is lost"

    async def act() -> None:
        owner = Owner()
        venue = DialectVenue(owner, TABLE, ApiKey("k", b"s"), Random(1), why_not=why_not)
        signing = venue._connector.request

        def signed(*told):
            asked.append("signed")
            return signing(*told)

        venue._connector.request = signed
        venue.ask(5, ClockQuery(), is_command=False)
        await asyncio.wait(venue.asking)
        (returned,) = owner.inputs
        assert returned.outcome == NotSent("its lease is lost")
        await venue.close()

    asyncio.run(act())
    assert asked == ["signed", "ClockQuery"]


@pytest.mark.parametrize(
    ("name", "has_amend", "some", "none"),
    [
        ("native", True, "TRAILING_STOP GTD", "MARKET GTC"),
        ("binance", True, "STOP GTC", "LIMIT GTD"),
        ("kraken", True, "STOP_LIMIT GTD", "MARKET FOK"),
        ("coinbase-exchange", False, "STOP_LIMIT GTC", "STOP GTC"),
    ],
)
def test_what_a_dialect_has_words_for_is_asked_of_it(name, has_amend, some, none):
    """So a strategy is refused here, with the reason, and not by the venue in a bad minute."""

    async def act() -> None:
        table = VenueTable(dialect=name, key="env:X", rest=TABLE.rest, ws=TABLE.ws)
        venue = DialectVenue(Owner(), table, ApiKey("k", SECRET, "p"), Random(1))
        found = await venue.start()
        assert found.has_amend is has_amend
        assert some in found.order_types
        assert none not in found.order_types
        await venue.close()

    asyncio.run(act())


def test_a_venue_that_does_not_tell_its_limits_is_known_by_the_published_ones():
    """Nobody listens there: it is said, and the start goes on."""

    async def act() -> None:
        owner = Owner()
        venue = DialectVenue(owner, TABLE, ApiKey("k", b"s"), Random(1))
        await venue.start()
        notes = [said for said in owner.inputs if said[0] == "limits"]
        assert len(notes) == 1
        assert "its published ones are kept to" in notes[0][1]
        names = [row["name"] for row in venue.pacing()["limits"]]
        assert "request weight per 1 MINUTE" in names
        await venue.close()

    asyncio.run(act())


def test_what_another_trader_has_heard_is_told_to_the_machine(monkeypatch):
    """Once, and once more when it is over."""

    async def act() -> None:
        one, other = Owner(), Owner()
        monkeypatch.setattr(dialect_venue, "uptime_ns", lambda: other.time_ns)
        table = msgspec.structs.replace(TABLE, rest="http://127.0.0.1:2")
        first = DialectVenue(one, table, ApiKey("a", b"s"), Random(1))
        second = DialectVenue(other, table, ApiKey("b", b"s"), Random(1))
        first._connector.heard(Response(418, {"retry-after": "9"}, b""), 20, 10)
        for _ in range(3):
            second.check()
        halts = [told for told in other.inputs if isinstance(told, VenueHalt)]
        assert halts == [VenueHalt(10 + 9 * SECOND_NS, is_ban=True)]
        assert second.pacing()["is_banned"]
        second.ask(5, ClockQuery(), is_command=False)
        await asyncio.sleep(0.01)
        (returned,) = (told for told in other.inputs if isinstance(told, Returned))
        assert returned.outcome == NotSent("the venue has banned this host", 9 * SECOND_NS)
        other.time_ns = 10 + 10 * SECOND_NS
        second.check()
        assert other.inputs[-1] == VenueHalt(0, is_ban=False)
        await first.close()
        await second.close()

    asyncio.run(act())


def test_which_venues_have_a_dead_mans_switch_is_known_without_asking_them():
    """Every dialect answers, whatever form its keys have."""
    have = {name for name in dialects.names() if has_dead_man(name)}
    assert {"kraken", "kucoin", "okx"} <= have
    assert "binance" not in have
