"""What a drill rehearses: each step breaks one thing on purpose, and says what came of it.

A step takes a fresh stage and tells findings: what was expected, what was seen, and whether that is
good. The judge is the venue, asked over its API, against the bot's journal: each order once, the
same ones open, every fill booked. So that this is never nothing against nothing, orders of the
drill's own (`drill_rest`) rest in the end.
"""

import shutil
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from steelyard.cli.drill_stage import PAGE, DrillFailed, Host, Stage, Truth
from steelyard.cli.standby import standbys
from steelyard.trading.state import TraderState

KILLS = 3
KILLED_WITHIN_S = 15  # with the start of the command, on a machine that is busy
BOOKED_S = 5  # what has just been filled is in the journal by then
CALM_S = 1.5  # a killed or paused bot is looked at for so long


class Finding(NamedTuple):
    """One thing that was looked at."""

    expected: str
    seen: str
    is_good: bool


Tell = Callable[[Finding], None]


def kill(stage: Stage, tell: Tell) -> None:
    """Press the kill switch while orders rest; then let the bot trade again."""
    host = stage.start()
    state = host.trades()
    try:
        with stage.within(10):
            rested = host.wait("orders rest", lambda it: len(it["orders"]) > 0)
    except DrillFailed:  # then some of the drill's own do
        host.stop()
        host = stage.rest()
        rested = host.wait("orders rest", lambda it: len(it["orders"]) > 0)
    begun = time.monotonic()
    result = stage.run("kill", stage.bot, "--why", "a drill")[stage.bot]
    seen = f"{len(rested['orders'])} rested before, {result['open_orders']} are left"
    tell(_of("the venue counts no open order", seen, result["verified"]))
    host.wait("the bot is latched off", lambda it: it["status"] == "killed")
    tell(quickly(time.monotonic() - begun))
    before = len(stage.truth().orders)
    time.sleep(CALM_S)
    after = stage.truth()
    placed = len(after.orders) - before
    tell(_of("it places nothing more", f"{placed} orders since", placed == 0))
    tell(_of("nothing is open", f"{len(after.open_ids)} open", not after.open_ids))
    stage.run("kill", stage.bot, "--lift", "--why", "the drill is over")
    host.wait("it may trade again", lambda it: it["status"] == "running")
    tell(_of("after a person has lifted it, it runs", "running", is_good=True))
    _end(stage, tell, host, state)


def restart(stage: Stage, tell: Tell) -> None:
    """End the bot by SIGKILL while it trades, again and again, and start it anew."""
    host = stage.start()
    state = host.trades()
    for number in range(1, KILLS + 1):
        host.kill()
        begun = time.monotonic()
        host = stage.start()
        state = host.trades()
        seen = f"trading again after {time.monotonic() - begun:.1f} s"
        tell(_of(f"kill {number}: it comes back by itself", seen, is_good=True))
    _end(stage, tell, host, state)


def failover(stage: Stage, tell: Tell) -> None:
    """Pause the primary, then kill it; the standby takes over once, and only when it may."""
    other = stage.other if stage.lease else stage.data
    primary = stage.start(stage.data, "--standby") if stage.lease else stage.start()
    state = primary.trades()
    standby = stage.start(other, "--standby")
    stage.wait("the standby waits", lambda: _waits(standby))
    primary.signal(signal.SIGSTOP)
    begun = time.monotonic()
    if stage.lease:
        standby.wait("it takes over", lambda it: it["status"] == "running")
        seen = f"trading after {time.monotonic() - begun:.1f} s"
        tell(_of("a paused primary loses its lease", seen, is_good=True))
        primary.signal(signal.SIGCONT)
        stage.wait("the primary stands by", lambda: _waits(primary))
        tell(_of("it comes back, and places nothing", "it stands by", is_good=True))
        primary, standby = standby, primary
    else:
        time.sleep(CALM_S)
        is_calm = standby.is_alive and standby.state() is None
        tell(_of("a paused primary keeps the lock", "the standby waits", is_good=is_calm))
        primary.signal(signal.SIGCONT)
        primary.wait("it goes on", lambda it: it["status"] == "running")
    primary.kill()
    begun = time.monotonic()
    found = standby.wait("it takes over", lambda it: it["status"] == "running")
    lease = found["lease"]
    seen = f"trading after {time.monotonic() - begun:.1f} s, term {lease['term']}"
    tell(_of("the standby takes over from a dead primary", seen, lease["allowed"] == "all"))
    _end(stage, tell, standby, state)


def rotate(stage: Stage, tell: Tell) -> None:
    """Change the key in four steps: bring, try, switch, retire; the bot trades on."""
    host = stage.start()
    host.trades()
    old, new = stage.key, stage.new_key()
    done = stage.run("vault", "rotate", stage.bot, "--config", str(stage.config), given=new)
    tell(_of("the new key works, and is switched to", str(done["stage"]), done["switched"]))
    host.stop()
    host = stage.start()
    state = host.trades()
    stage.key = new
    stage.revoke_key(old)
    is_denied = stage.is_denied(old)
    seen = "denied" if is_denied else "accepted"
    tell(_of("the venue accepts the old key no more", seen, is_denied))
    done = stage.run("vault", "rotate", stage.bot, "--config", str(stage.config), "--retire")
    tell(_of("the old key is forgotten", str(done.get("venue_says")), done["retired"]))
    found = host.state() or {}
    seen = str(found.get("status"))
    tell(_of("the bot trades with the new one", seen, is_good=seen == "running"))
    _end(stage, tell, host, state)


def restore(stage: Stage, tell: Tell) -> None:
    """Lose the bot's directory, bring its journal back from a backup, and find the rest."""
    host = stage.start()
    state = host.trades()
    folder = stage.root / "backups"
    done = stage.run("backup", stage.bot, "--to", str(folder))["backups"][0]
    tell(
        _of("the journal is copied while the bot runs", f"{done['records']} records", is_good=True)
    )
    more = state["measures"]["orders"] + 1
    try:
        with stage.within(10):
            host.wait("it trades on", lambda it: it["measures"]["orders"] >= more)
    except DrillFailed:  # then the drill itself does
        host.stop()
        host = stage.rest()
    host.kill()
    shutil.rmtree(stage.data / "bots" / stage.bot)
    back = stage.run("restore", done["folder"])
    tell(_of("the journal is back", f"as of {back['as_of']}", back["records"] == done["records"]))
    host = stage.start()
    host.wait("it has compared and trades", lambda it: it["status"] == "running")
    tell(_of("it trades again", "running", is_good=True))
    _end(stage, tell, host, state)


STEPS: dict[str, Callable[[Stage, Tell], None]] = {
    "kill": kill,
    "restart": restart,
    "failover": failover,
    "rotate": rotate,
    "restore": restore,
}


def _end(stage: Stage, tell: Tell, host: Host, state: dict[str, Any]) -> None:
    """Stop the bot, let orders of the drill rest, and compare its journal with the venue."""
    _tell_idle(tell, state)
    host.stop()
    rests = stage.rest(host.data)
    truth = stage.truth()
    with suppress(DrillFailed), stage.within(BOOKED_S):
        stage.wait("the fill", lambda: booking(truth, stage.journal(host.data)).is_good)
    rests.kill()
    compare(truth, stage.journal(host.data), tell)


def compare(truth: Truth, state: TraderState, tell: Tell) -> None:
    """Tell whether a bot's journal and the venue agree; on nothing at all is not enough."""
    names = [order.client_order_id for order in truth.orders]
    twice = len(names) - len(set(names))
    tell(_of("no order was made twice", f"{len(names)} orders, {twice} twice", not twice))
    known = {order.client_order_id for order in state.orders.open}
    odd = known ^ truth.open_ids
    text = f"{len(truth.open_ids)} open at the venue, {len(known)} in the journal"
    tell(_of("the same orders are open", text, bool(known) and not odd))
    tell(booking(truth, state))


def booking(truth: Truth, state: TraderState) -> Finding:
    """Return whether a journal has what the venue has filled of each order; a sum hides two."""
    there = _filled((it.client_order_id, it.filled_lots) for it in truth.orders)
    booked = _filled((it.client_order_id, it.filled_lots) for it in state.orders)
    if len(truth.orders) >= PAGE:  # the venue lists no more at once
        names = {order.client_order_id for order in truth.orders}
        booked = {name: lots for name, lots in booked.items() if name in names}
    seen = (
        f"{len(truth.fills)} fills of {len(there)} orders, {sum(there.values())} lots; "
        f"the journal has {sum(booked.values())} lots of {len(booked)} orders"
    )
    return _of("every fill is booked, once", seen, bool(there) and there == booked)


def quickly(seconds: float) -> Finding:
    """Return whether a kill was verified in the time that a person would wait."""
    return _of(
        f"it takes {KILLED_WITHIN_S} s at most", f"{seconds:.1f} s", seconds <= KILLED_WITHIN_S
    )


def _filled(orders: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return how much of each order was filled, where anything was."""
    return {name: lots for name, lots in orders if lots}


def _tell_idle(tell: Tell, state: dict[str, Any]) -> None:
    """Say so where the strategy placed nothing: then the step has shown less."""
    if not state["measures"]["orders"]:
        text = "it placed none in this time, so no order was on its way"
        tell(Finding("the bot places orders", text, is_good=True))


def _waits(host: Host) -> bool:
    return any(it["pid"] == host.process.pid for it in standbys(host.data))


def _of(expected: str, seen: str, is_good: bool) -> Finding:  # noqa: FBT001
    return Finding(expected, seen, bool(is_good))
