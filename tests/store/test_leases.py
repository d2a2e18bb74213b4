"""Where leases are kept: a lock of the host, and a real PostgreSQL server."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from postgres_server import PostgresServer

from steelyard.domain.errors import ConfigError, ConnectionLost
from steelyard.domain.messages import SECOND_NS
from steelyard.store.leases import HostLease, PostgresLease, check_library

TTL_NS = 600 * SECOND_NS
LOST_NS = 10**6  # runs out before anybody looks


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_a_lock_is_had_by_one_and_each_taking_is_a_term_of_its_own(tmp_path):
    async def walk():
        first, second = HostLease(tmp_path, "dip", "x"), HostLease(tmp_path, "dip", "x")
        assert await first.look() is None
        assert (await first.take(None, None)).term == 1
        assert await second.take(None, None) is None
        found = await second.look()
        assert (found.holder, found.is_released) == (first.holder, False)
        other = HostLease(tmp_path, "dip", "y")
        assert (await other.take(None, None)).term == 1, "another bot"
        await other.close()
        await first.release("", is_clean=True)
        assert (await second.take(None, None)).term == 2
        assert first.home == second.home
        await second.close()
        assert (await second.look()).is_released

    run(walk())


def test_a_row_is_taken_as_it_was_seen_and_by_one(server):
    """Two that see the same row cannot both have it, and the term tells the older one off."""

    async def walk():
        first = PostgresLease(server.url, "one", TTL_NS, "home 1")
        second = PostgresLease(server.url, "one", TTL_NS, "home 2")
        assert await first.look() is None
        taken = await first.take(None, 7 * SECOND_NS)
        assert (taken.term, taken.home, taken.drain_ns) == (1, "home 1", 7 * SECOND_NS)
        assert await second.take(None, None) is None, "it is there by now"
        seen = await second.look()
        assert (seen.is_over, seen.is_released) == (False, False)
        renewed = await first.renew("left behind")
        assert renewed.beat > taken.beat
        assert await second.take(seen, None) is None, "it has changed since"
        stolen = await second.take(await second.look(), None)
        assert (stolen.term, stolen.drain_ns, stolen.carried) == (2, None, "left behind")
        assert await first.renew("late") is None
        await first.release("late", is_clean=True)
        assert not (await second.look()).is_released, "nor can it let go of it"
        await second.release("the end", is_clean=True)
        found = await first.look()
        assert (found.is_released, found.is_over, found.carried) == (True, True, "the end")
        for place in (first, second):
            await place.close()

    run(walk())


def test_a_row_that_ran_out_is_renewed_unless_another_has_taken_it(server):
    """A database whose clock is set ahead stops no holder, which counts for itself."""

    async def walk():
        place = PostgresLease(server.url, "two", LOST_NS, "home")
        other = PostgresLease(server.url, "two", LOST_NS, "elsewhere")
        await place.take(None, 0)
        while not (seen := await place.look()).is_over:
            pass
        assert await place.renew("") is not None
        assert await other.take(seen, 0) is None, "it has changed since it was seen"
        await place.release("", is_clean=False)
        assert not (await place.look()).is_released, "something of it may be on its way"
        assert await other.take(await other.look(), 0) is not None
        assert await place.renew("") is None
        for it in (place, other):
            await it.close()

    run(walk())


def test_who_waits_is_known_until_it_takes_it(server):
    async def walk():
        holder = PostgresLease(server.url, "three", TTL_NS, "home 1")
        waiter = PostgresLease(server.url, "three", TTL_NS, "home 2")
        await holder.take(None, 0)
        waiter.holder = "b (process 2)"
        await waiter.wait()
        assert await holder.standbys() == ["b (process 2)"]
        await waiter.take(await waiter.look(), 0)
        assert await holder.standbys() == []
        for place in (holder, waiter):
            await place.close()

    run(walk())


def test_a_database_that_is_gone_is_said_and_found_again(server):
    async def walk():
        place = PostgresLease(server.url, "four", TTL_NS, "home")
        await place.take(None, 0)
        server.stop()
        with pytest.raises(ConnectionLost, match="the lease's database cannot be asked"):
            await place.renew("")
        server.start()
        assert await place.renew("") is not None
        await place.close()
        with pytest.raises(ConfigError, match=r"\[lease\] url is no address"):
            await PostgresLease("nonsense://", "x", TTL_NS, "").look()

    run(walk())
    check_library()


def test_what_is_forgotten_leaves_no_row(server):
    """Of this bot; another one's stay."""

    async def act():
        places = [PostgresLease(server.url, name, SECOND_NS, "h") for name in ("gone", "stays")]
        for place in places:
            await place.take(None, 0)
            await place.wait()
            await place.mark(place.name, "why", "who")
        await places[0].forget()
        found = [
            (await place.look() is None, await place.standbys(), await place.marks([place.name]))
            for place in places
        ]
        for place in places:
            await place.close()
        return found

    (gone, stays) = run(act())
    assert gone == (True, [], [])
    assert (stays[0], len(stays[1]), len(stays[2])) == (False, 1, 1)
