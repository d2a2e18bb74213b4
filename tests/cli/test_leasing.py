"""A lease from its taking to its end: what may leave meanwhile, and what is left to the next."""

import asyncio
from pathlib import Path

import pytest

from steelyard.cli import leasing
from steelyard.cli.leasing import (
    LeaseKeeper,
    Lock,
    drain_of,
    group_of,
    lock_of,
    place_of,
    take_lease,
    terms_of,
)
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import ConfigError
from steelyard.domain.lease import EXPIRY_MARGIN_NS, Grip
from steelyard.domain.messages import SECOND_NS, OrdersQuery
from steelyard.net.clock import uptime_ns
from steelyard.store.latch import Latch
from steelyard.store.leases import HostLease, Mark
from steelyard.trading.config import Environment, parse_config
from steelyard.trading.records import Killed
from steelyard.trading.takeover import Left, encode
from tests.trading.test_strangers import strange
from tests.trading.test_takeover import lease
from tests.trading.world import CONFIG

TTL_NS = 600 * SECOND_NS
ENOUGH = 2
CONFIGURED = parse_config(CONFIG)
RISKY = (strange("x"), ArmDeadMan(0, SECOND_NS))
HARMLESS = (Cancel(0, 1), CancelAll(0, 0))


class Place:
    """A row that hosts share, in memory; told what to answer."""

    kind, name, holder = "memory", "dip", "me"

    def __init__(self) -> None:
        self.has_it = True
        self.left: list[str] = []
        self.released: list[bool] = []
        self.first, self.renewed = asyncio.Event(), asyncio.Event()
        self.told: list[Mark] = []
        self.unmarked: list[tuple[str, int | None]] = []

    async def look(self):
        return lease(holder="somebody", term=4)

    async def take(self, seen, drain_ns):
        return lease(term=3)

    async def renew(self, carried):
        self.left.append(carried)
        self.first.set()
        if len(self.left) == ENOUGH:
            self.renewed.set()
        return lease(term=3) if self.has_it else None

    async def release(self, carried, *, is_clean):
        self.released.append(is_clean)

    async def wait(self):
        pass

    async def standbys(self):
        return ["b"]

    async def marks(self, names):
        return [mark for mark in self.told if mark.name in names]

    async def unmark(self, name, at_us=None):
        self.unmarked.append((name, at_us))

    async def close(self):
        pass


def keeper(age_ns: int, place: Place | None = None) -> LeaseKeeper:
    """Return one whose lease was renewed so long ago."""
    grip = Grip(TTL_NS)
    grip.granted(uptime_ns() - age_ns)
    return LeaseKeeper([place or Place()], lease(term=3), None, grip)


def test_what_may_leave_depends_on_how_sure_the_lease_is():
    """Questions always may; a dead man's switch of another holder would cancel what is not ours."""
    fresh, old, over = keeper(0), keeper(TTL_NS * 3 // 4), keeper(TTL_NS)
    question = OrdersQuery(0, 10)
    assert [fresh.why_not(message) for message in (*RISKY, *HARMLESS, question)] == [None] * 5
    assert [old.why_not(message) is None for message in (*RISKY, *HARMLESS)] == [
        *[False, False],
        *[True, True],
    ]
    assert "about to run out" in old.why_not(RISKY[0])
    for message in (*RISKY, *HARMLESS):
        assert "its lease is lost" in over.why_not(message)
    assert over.why_not(question) is None
    assert (fresh.is_lost, over.is_lost) == (False, True)


def test_it_is_renewed_with_what_is_left_and_ends_when_another_has_it():
    place = Place()
    held = keeper(0, place)
    held.leaves[""] = lambda: Left(len(place.left) + 1, None)

    async def walk():
        keeping = asyncio.create_task(held.keep())
        await place.renewed.wait()
        assert held.document()["standbys"] == ["b"]
        place.has_it = False
        await keeping
        assert held.is_lost
        await held.release()

    asyncio.run(walk())
    assert '"run":1' in place.left[0]
    assert "somebody has it" in held.trouble
    assert held.was_lost
    assert place.released == [], "it is not ours to let go of"


def test_it_is_released_with_word_of_what_may_be_on_its_way():
    place = Place()
    held = keeper(0, place)
    held.is_clean = False
    asyncio.run(held.release())
    assert (place.released, held.was_lost) == ([False], False)


def test_what_was_left_stays_until_each_leg_has_begun_with_it():
    """One that dies while it starts takes no kill latch along."""
    told = encode({"btc": Left(7, None, (Killed("why"),)), "eth": Left(8, None)})
    place, before = Place(), lease(carried=told)
    grip = Grip(TTL_NS)
    grip.granted(uptime_ns() - TTL_NS // 2)
    held = LeaseKeeper([place], lease(term=3), before, grip)

    async def walk():
        keeping = asyncio.create_task(held.keep())
        await place.first.wait()
        assert place.left[-1] == told
        held.leaves["eth"] = lambda: Left(9, None)
        await place.renewed.wait()
        assert place.left[-1] == told.replace('"run":8', '"run":9')
        keeping.cancel()

    asyncio.run(walk())
    garbled = LeaseKeeper([place], lease(term=3), lease(carried="{x"), Grip(TTL_NS))
    garbled.leaves[""] = lambda: Left(1, None)
    assert garbled.left() == "{x", "who can read it may come"


def test_marks_of_other_hosts_are_obeyed_before_a_renewal_and_lifted_once(tmp_path):
    """One that cannot be set ends the lease: nobody knows if it would be obeyed."""
    place, latch = Place(), Latch(tmp_path, "dip")
    grip = Grip(TTL_NS)
    grip.granted(uptime_ns())
    held = LeaseKeeper([place], lease(term=3), None, grip, latches={"dip.paper": latch})
    place.told = [Mark("dip.paper", "why", "ann", 5), Mark("other.paper", "why", "ann", 5)]
    asyncio.run(held.obey())
    assert latch.is_set
    assert (place.unmarked, held.is_lost) == ([], False)
    latch.lift("a person", "bob", 0)
    asyncio.run(held.obey())
    assert place.unmarked == [("dip.paper", 5)]
    place.told = [Mark("dip.paper", "again", "ann", 6)]
    asyncio.run(held.obey())
    assert latch.is_set
    (tmp_path / "file").touch()
    grip = Grip(TTL_NS)
    grip.granted(uptime_ns())
    latches = {"dip.paper": Latch(tmp_path / "file", "dip")}
    nowhere = LeaseKeeper([place], lease(term=3), None, grip, latches=latches)
    asyncio.run(nowhere.obey())
    assert nowhere.is_lost


def test_what_a_bot_trades_is_its_market_and_the_api_of_its_venue():
    assert place_of(CONFIGURED) == "BTC-USDT on venue"


def test_on_one_host_a_second_start_is_refused_and_a_standby_waits(tmp_path):
    """It gets it when the first has let go, in a later term."""
    lock, said = Lock(tmp_path, ("dip",)), []

    async def walk():
        first = await take_lease({"": CONFIGURED}, "dip", lock, None)
        assert first.takeover("") is None
        with pytest.raises(ConfigError, match=r"trades dip; stop that one, or .*--standby"):
            await take_lease({"": CONFIGURED}, "dip", lock, None)
        has_said = asyncio.Event()

        def say(why: str) -> None:
            said.append(why)
            has_said.set()

        waiting = asyncio.create_task(take_lease({"": CONFIGURED}, "dip", lock, say))
        await has_said.wait()
        await first.release()
        second = await waiting
        assert second.document()["term"] > first.document()["term"]
        assert second.document()["left_ms"] is None
        await second.release()

    asyncio.run(walk())
    assert "trades dip" in said[0]


def test_a_bot_of_real_money_is_one_on_this_host_and_others_are_their_directorys():
    here, there = Path("/a"), Path("/b")
    assert group_of(Environment.LIVE, here) == group_of(Environment.LIVE_CANARY, there)
    assert group_of(Environment.SANDBOX, here) != group_of(Environment.SANDBOX, there)
    assert lock_of(CONFIGURED, "dip", here) != lock_of(CONFIGURED, "dop", here)


@pytest.mark.parametrize(
    ("dialect", "drain_s"), [("binance", 5), ("coinbase-exchange", 30), ("kraken", None)]
)
def test_a_takeover_waits_for_what_was_signed_last(dialect, drain_s):
    """Where requests do not expire nobody knows; nor of a bridge, which signs by itself."""
    config = parse_config(CONFIG.replace('dialect = "venue"', f'dialect = "{dialect}"'))
    expected = None if drain_s is None else drain_s * SECOND_NS + EXPIRY_MARGIN_NS
    assert drain_of({"": config}) == expected
    assert HostLease.kind == "host"


def test_a_standby_with_other_terms_is_refused_unless_they_are_meant(monkeypatch, tmp_path):
    """At its start; one that waits already goes on and says so. A lease nobody holds has none."""
    text = CONFIG.replace('"venue"', '"binance"').replace(
        "[strategy]", '[lease]\nurl = "postgresql://x/y"\n[strategy]', 1
    )
    ours = parse_config(text)
    theirs = {**terms_of(ours), "params.fast": "5"}
    left = encode({"": Left(0, None, place=place_of(ours), terms=theirs)})
    same = encode({"": Left(0, None, place=place_of(ours), terms=terms_of(ours))})
    said = []

    class Held(Place):
        first = lease(holder="b", is_over=False, carried=left)

        async def look(self):
            found, Held.first = Held.first, lease(holder="b", is_over=False, carried=left)
            return found

    async def taken(say, *, may_differ=False):
        lock = Lock(tmp_path / "owners", ("x",))
        told = take_lease({"": ours}, "dip", lock, say, may_differ=may_differ)
        return await asyncio.wait_for(told, 0.2)

    monkeypatch.setattr(leasing, "PostgresLease", lambda *_: Held())
    monkeypatch.setattr(leasing, "LOOK_S", 0.01)
    with pytest.raises(ConfigError, match=r"params.fast is 5 there, not set here.*--changed"):
        asyncio.run(taken(said.append))
    with pytest.raises(TimeoutError):
        asyncio.run(taken(said.append, may_differ=True))
    assert [it for it in said if "otherwise" in it] == []
    Held.first = lease(holder="b", is_over=False, carried=same)
    with pytest.raises(TimeoutError):
        asyncio.run(taken(said.append))
    assert "it trades otherwise: params.fast is 5 there, not set here" in said[-1]
    Held.first = lease(is_released=True, carried=left)

    async def had():
        keeper = await taken(said.append)
        await keeper.release()
        return keeper.takeover("").changed

    assert asyncio.run(had()) == "params.fast is 5 there, not set here"


def test_terms_are_what_decides_how_a_bot_trades():
    """Not its tape, nor where it tells people."""
    told = terms_of(CONFIGURED)
    assert told["strategy.class"] == CONFIGURED.strategy.class_name
    assert {"risk.max_position", "risk.price_collar", "bot.on_stop", "breakers.rejects"} <= {*told}
    assert not [name for name in told if "record_market" in name or "key" in name]
