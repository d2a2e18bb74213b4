import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from random import Random

import pytest

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.stand import BTC_USDT
from steelyard.store import pacing
from steelyard.store.pacing import (
    BUSY_NS,
    FORGOTTEN_NS,
    Names,
    SharedPacing,
    UrgentPacing,
    host_of,
)
from steelyard.wire import budget
from steelyard.wire.budget import DAMAGED_NS, SIZE, Cost, Spent, unpacked
from steelyard.wire.choice import new_signer
from steelyard.wire.dialect import ApiKey
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per

T0 = 1_700_000_000 * SECOND_NS
ONE = Cost("GET", "/", is_public=True, weight=1)
LIMITS = LimitProfile(
    (
        Limit("ip", Per.IP, Counts.WEIGHT, 100, MINUTE_NS),
        Limit("key", Per.KEY, Counts.REQUESTS, 50, MINUTE_NS),
        Limit("account", Per.ACCOUNT, Counts.ORDERS, 10, MINUTE_NS),
    )
)
NAMES = Names("127.0.0.1:8601", "EXAMPLE-KEY", "")


@pytest.fixture
def opened():
    """What opens a trader's share, and closes all at the end."""
    kept = []

    def open_one(directory, names=NAMES, now_ns=T0, uptime_ns=10**12):
        kept.append(SharedPacing(directory, names, LIMITS, Random(1), now_ns, lambda: uptime_ns))
        return kept[-1]

    yield open_one
    for one in kept:
        one.close()


def taken(pacing, now_ns=T0, most=1_000, cost=ONE) -> int:
    """Return how many requests are let through."""
    for count in range(most):
        if pacing.take(cost, now_ns, is_urgent=True) is not None:
            return count
    return most


def counted(method, calls):
    """Return a method that notes its calls."""

    def call(*args):
        calls.append(args)
        return method(*args)

    return call


def test_two_traders_share_one_budget(tmp_path, opened):
    """With another key, the address's; with the same, the key's; each account's apart."""
    first, second = opened(tmp_path), opened(tmp_path)
    other = opened(tmp_path, NAMES._replace(key="OTHER"))
    assert taken(first, most=20) == 20
    assert taken(second) == 30
    assert taken(other) == 50  # 100 of the address
    assert taken(opened(tmp_path, NAMES._replace(host="127.0.0.1:8602"))) == 50


def test_accounts_are_told_apart_by_the_name_they_are_given(tmp_path, opened):
    """Without one, all keys of a host at a venue are taken for one account's."""
    order = ONE._replace(orders=1)
    one = opened(tmp_path, NAMES._replace(key="a"))
    same = opened(tmp_path, NAMES._replace(key="b"))
    other = opened(tmp_path, NAMES._replace(key="c", account="second"))
    assert taken(one, most=6, cost=order) == 6
    assert taken(same, cost=order) == 4
    assert taken(other, cost=order) == 10


def test_a_word_to_stop_is_everybodys(tmp_path, opened):
    """And outlives whoever heard it."""
    first, second = opened(tmp_path), opened(tmp_path)
    first.told_to_stop(T0, 90 * SECOND_NS, is_ban=True)
    first.close()
    assert second.take(ONE, T0, is_urgent=True).wait_ns == 90 * SECOND_NS
    later = opened(tmp_path, now_ns=T0)
    assert later.stop(T0) == (T0 + 90 * SECOND_NS, True)


def test_what_the_venue_says_is_used_all_know(tmp_path, opened):
    first, second = opened(tmp_path), opened(tmp_path)
    first.learn((Spent(95, counts=Counts.WEIGHT, window_ns=MINUTE_NS),), T0, 0)
    assert second.usage(T0)["ip"] == (95, 100)
    assert taken(second) == 5


def test_nonces_of_one_key_rise_over_all_processes(tmp_path, opened):
    """Also after a restart, and with a clock that was set back."""
    first, second = opened(tmp_path), opened(tmp_path)
    drawn = [one.stamp(T0, T0) for one in (first, second, first, second)]
    first.close()
    drawn.append(opened(tmp_path).stamp(T0 - MINUTE_NS, T0 - MINUTE_NS))
    assert drawn == [T0, T0 + 1, T0 + 2, T0 + 3, T0 + 4]
    assert opened(tmp_path, NAMES._replace(key="OTHER")).stamp(T0, T0) == T0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com", "api.example.com"),
        ("https://API.example.com.:443/v1", "api.example.com"),
        ("http://127.0.0.1:8601", "127.0.0.1:8601"),
        ("http://example.com:443", "example.com:443"),
        ("http://[::1]:8601", "[::1]:8601"),
    ],
)
def test_a_venue_is_one_however_its_address_is_written(url, host):
    """Else two bots would have a budget each."""
    assert host_of(url) == host


@pytest.mark.parametrize("data", [b"alien", b"\0" * SIZE, b"x" * (3 * SIZE)])
def test_a_file_that_is_none_of_ours_is_begun_anew_and_that_is_said(tmp_path, opened, data):
    """Torn, somebody else's, or too long: it is replaced once, and works."""
    first = opened(tmp_path)
    taken(first, most=10)
    (path,) = tmp_path.glob("*.ip.*")
    path.write_bytes(data)
    assert first.usage(T0)["ip"] == (0, 100)
    assert [str(path) in note for note in first.notes] == [True]
    second = opened(tmp_path)
    assert not second.notes
    assert path.stat().st_size == SIZE
    held = second.take(ONE, T0, is_urgent=True)
    assert held is not None
    assert held.wait_ns == DAMAGED_NS  # nobody knows what was used
    later_ns = T0 + DAMAGED_NS
    third = opened(tmp_path, now_ns=later_ns, uptime_ns=10**12 + DAMAGED_NS)
    assert taken(third, later_ns, most=10) == 10
    assert first.usage(T0)["ip"] == (10, 100)


def test_a_file_that_was_removed_is_made_again(tmp_path, opened):
    """By all who have it open: nobody goes on alone."""
    first, second = opened(tmp_path), opened(tmp_path)
    taken(first, most=10)
    for path in tmp_path.iterdir():
        path.unlink()
    assert taken(first, most=10) == 10
    assert taken(second, most=10) == 10
    assert first.usage(T0)["ip"] == second.usage(T0)["ip"] == (20, 100)


def test_files_are_the_owners_alone_and_name_no_key(tmp_path, opened):
    """And lie in a directory that is theirs."""
    opened(tmp_path / "state" / "pace")
    (folder,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"EXAMPLE" not in path.read_bytes()
        assert "EXAMPLE" not in path.name
        assert path.name.startswith("127.0.0.1_8601.")


def test_who_holds_the_lock_and_does_nothing_is_not_waited_for(tmp_path, opened):
    """Nothing is sent meanwhile, it is said once, and a word of the venue is kept for later."""
    pacing = opened(tmp_path)
    (path,) = tmp_path.glob("*.ip.*")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for _ in range(3):
            assert pacing.take(ONE, T0, is_urgent=True).wait_ns == BUSY_NS
        pacing.told_to_stop(T0, 9 * SECOND_NS, is_ban=False)
        assert pacing.stop(T0) is None
    assert len(pacing.notes) == 1
    assert pacing.stop(T0) == (T0 + 9 * SECOND_NS, False)


def test_a_place_that_cannot_be_written_is_refused_with_the_way_out(tmp_path, opened):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="STEELYARD_STATE"):
        opened(tmp_path / "file")


def test_a_link_is_not_followed(tmp_path, opened):
    """Nobody has us write somewhere else."""
    opened(tmp_path).close()
    (path,) = tmp_path.glob("*.ip.*")
    (tmp_path / "elsewhere").touch()
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        opened(tmp_path)


def test_what_nobody_has_used_for_long_goes(tmp_path, opened):
    """Each sandbox has a port of its own; other files stay."""
    opened(tmp_path).close()
    (tmp_path / "other").touch()
    old_ns = time.time_ns() - FORGOTTEN_NS - SECOND_NS  # noqa: TID251 the files' own time
    for path in tmp_path.iterdir():
        os.utime(path, ns=(old_ns, old_ns))
    opened(tmp_path, Names("other", "k", ""), now_ns=time.time_ns())  # noqa: TID251
    names = sorted(path.name.partition(".")[0] for path in tmp_path.iterdir())
    assert names == ["other"] * 4


GREEDY = """
import sys, time
from pathlib import Path
from random import Random
from steelyard.net.clock import Clock, uptime_ns
from steelyard.store.pacing import BUSY_NS, Names, SharedPacing
from steelyard.wire.budget import Cost
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
hour_ns, most = 3600 * 10**9, int(sys.argv[2])
limits = LimitProfile(
    (
        Limit("ip", Per.IP, Counts.WEIGHT, most, hour_ns),
        Limit("account", Per.ACCOUNT, Counts.ORDERS, most, hour_ns),
    )
)
clock = Clock()
pacing = SharedPacing(
    Path(sys.argv[1]), Names("venue", sys.argv[3], ""), limits, Random(1), clock.now_ns(), uptime_ns
)
cost = Cost("GET", "/", is_public=True, weight=1, orders=1)
print("ready", flush=True)
sys.stdin.readline()
wait_ns = 0
while wait_ns in (0, BUSY_NS):
    held = pacing.take(cost, clock.now_ns(), is_urgent=True)
    wait_ns = 0 if held is None else held.wait_ns
    if held is None:
        print("took", flush=True)
    time.sleep(0.0002)  # all of them have their turns
print("end", flush=True)
time.sleep(3600)
"""


def test_processes_that_are_greedy_take_no_more_than_there_is_and_some_are_killed(tmp_path):
    """Real processes, of which some end in the middle: the others go on with what is left."""
    most, killed_at = 4_000, (1, 40, 90, 170)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", GREEDY, str(tmp_path), str(most), f"key{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(len(killed_at) + 2)
    ]
    told = 0
    try:
        assert [child.stdout.readline() for child in children] == ["ready\n"] * len(children)
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child, least in zip(children, killed_at, strict=False):
            for _ in range(least):
                assert child.stdout.readline() == "took\n"
            child.send_signal(signal.SIGKILL)
            told += least + child.stdout.read().count("took\n")
        for child in children[len(killed_at) :]:
            while child.stdout.readline() == "took\n":
                told += 1
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()
    # What each of them took last and could not tell any more is lost, and nothing else.
    assert most - len(killed_at) <= told <= most
    counted = {
        kind: unpacked(path.read_bytes(), budget.digest("venue", kind, ""))
        for kind in ("ip", "account")
        for path in tmp_path.glob(f"*.{kind}.*")
    }
    used = {
        kind: sum(sum(t.slots) for t in found.tallies.values()) for kind, found in counted.items()
    }
    assert told <= used["account"] <= used["ip"] == most


def test_a_trader_without_the_native_module_shares_the_same_files(tmp_path, opened, monkeypatch):
    """What one takes the long way the other sees, and the other way round."""
    native, python = opened(tmp_path), opened(tmp_path)
    order = ONE._replace(orders=1)
    assert native.take(order, T0, is_urgent=True) is None
    assert python.take(order, T0, is_urgent=True) is None
    locks = []
    monkeypatch.setattr(pacing._File, "lock", counted(pacing._File.lock, locks))
    for number in range(1, 5):
        assert native.take(order, T0, is_urgent=True) is None
        assert not locks
        with monkeypatch.context() as patched:
            patched.setattr(pacing, "_new_short", None)
            patched.setattr(python, "_short", None)
            assert python.take(order, T0, is_urgent=True) is None
            assert python.usage(T0)["ip"] == (2 * number + 2, 100)
        assert locks
        locks.clear()
    assert native.take(order, T0, is_urgent=True) is not None
    assert not native.notes
    assert not python.notes


def test_the_short_way_opens_files_anew_that_were_put_in_their_place(tmp_path, opened):
    """Removed and made again by another: what both take is one sum."""
    order = ONE._replace(orders=1)
    first = opened(tmp_path)
    assert taken(first, most=3, cost=order) == 3
    for path in tmp_path.iterdir():
        path.unlink()
    second = opened(tmp_path)
    assert taken(second, most=4, cost=order) == 4
    assert taken(first, cost=order) == 6
    assert first.usage(T0)["account"] == (10, 10)


def test_limits_that_were_told_count_from_then_on(tmp_path, opened):
    """What a request costs is remembered for the limits it was reckoned by."""
    pacing = opened(tmp_path)
    assert taken(pacing, most=10) == 10
    pacing.limits = LimitProfile((LIMITS.limits[0]._replace(limit=12),))
    assert taken(pacing) == 2


def test_the_kill_switch_counts_by_itself_while_another_holds_the_files(tmp_path, opened):
    """A trader that was stopped in the middle keeps nobody from canceling; nor does the disk."""
    opened(tmp_path)
    (file,) = tmp_path.glob("*.ip.*")
    with file.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        urgent = UrgentPacing(tmp_path, NAMES, LIMITS, Random(1), T0, lambda: 10**12)
        assert taken(urgent) == 50
        assert urgent.stamp(7, T0) == 7
        assert urgent.stamp(7, T0) == 8
    assert taken(urgent, T0 + MINUTE_NS) == 50
    urgent.told_to_stop(T0 + 2 * MINUTE_NS, SECOND_NS, is_ban=False)
    assert taken(urgent, T0 + 2 * MINUTE_NS) == 0
    urgent.close()


def test_the_kill_switch_needs_no_files(tmp_path):
    (tmp_path / "file").write_text("")
    urgent = UrgentPacing(tmp_path / "file", NAMES, LIMITS, Random(1), T0, lambda: 10**12)
    assert taken(urgent) == 50
    urgent.told_to_stop(T0, SECOND_NS, is_ban=False)
    assert taken(urgent, T0) == 0
    urgent.close()


def test_a_state_of_which_a_part_was_written_is_whole(tmp_path, opened):
    """Between two of the short way, which reads and writes heads and tallies, all stays right."""
    order = ONE._replace(orders=1)
    one, other = opened(tmp_path), opened(tmp_path)
    for turn in (one, one, one, other, other, one, one):
        assert turn.take(order, T0, is_urgent=True) is None
        for file in one._files.values():
            data = file.path.read_bytes()
            assert len(data) == SIZE
            assert unpacked(data, file.identity) is not None
    assert one.usage(T0)["account"] == (7, 10)
    assert not one.notes


ORDERS = ONE._replace(orders=1)
CLIENT = dialects.find("binance").client
PLACE = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 6_000_000, 1_000, client_order_id="a"
)  # fmt: skip
TERMS = (PLACE.side, PLACE.price_ticks, PLACE.size_lots, PLACE.client_order_id, T0)


@pytest.fixture
def signer():
    """What signs orders natively."""
    pytest.importorskip("steelyard._native")
    key = ApiKey("k", b"s")
    return new_signer(CLIENT.order_form(PLACE, Listings([BTC_USDT]), key, "localhost"), key)


def test_what_is_made_ready_is_used_by_the_first_request_and_uses_nothing(
    tmp_path, opened, signer, monkeypatch
):
    """The first order is signed and paid for by one call, in files that are whole."""
    pacing = opened(tmp_path)
    pacing.make_ready(ORDERS)
    assert [used for used, _ in pacing.usage(T0).values()] == [0, 0, 0]
    for file in pacing._files.values():
        assert unpacked(file.path.read_bytes(), file.identity) is not None
    locked = pacing._locked
    monkeypatch.setattr(pacing, "_locked", None)
    assert pacing.signed(ORDERS, T0, signer, TERMS) == signer.body(*TERMS)
    monkeypatch.setattr(pacing, "_locked", locked)
    assert [used for used, _ in pacing.usage(T0).values()] == [1, 1, 1]


def test_what_is_made_ready_drops_no_count_that_is_in_use(tmp_path, opened):
    """A party's file has room for so many counts: none makes room for one that may never come."""
    pacing = opened(tmp_path)
    party = unpacked(b"", b"") or budget.Party()
    limits = [Limit(str(n), Per.IP, Counts.WEIGHT, 100, MINUTE_NS) for n in range(40)]
    for limit in limits[: budget.TALLIES_MAX]:
        party.named(limit.name.encode().ljust(8), limit)
    known = {**party.tallies}
    budget.name(LIMITS, {Per.IP: party}, ORDERS)
    assert party.tallies == known
    assert pacing.take(ORDERS, T0, is_urgent=False) is None


@pytest.mark.parametrize("what", ["full", "stopped", "held", "removed", "refused"])
def test_where_it_is_not_signed_at_once_nothing_was_used(tmp_path, opened, signer, what):
    """The long way says why; a signature that nobody sends harms nobody."""
    pacing, other = opened(tmp_path), opened(tmp_path)
    pacing.make_ready(ORDERS)
    terms = TERMS
    match what:
        case "full":
            assert 0 < taken(pacing, cost=ORDERS) <= 10
        case "stopped":
            other.told_to_stop(T0, SECOND_NS, is_ban=False)
        case "held":
            other._lock.lock()
        case "removed":
            for path in tmp_path.iterdir():
                path.unlink()
            assert other.take(ORDERS, T0, is_urgent=False) is None
        case "refused":
            terms = (PLACE.side, 0, PLACE.size_lots, "a", T0)
    found = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert pacing.signed(ORDERS, T0, signer, terms) is None
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == found


def test_one_that_counts_alone_signs_nothing_at_once(signer):
    """So does the kill switch without files."""
    assert budget.LocalPacing(LIMITS, Random(1)).signed(ORDERS, T0, signer, TERMS) is None
