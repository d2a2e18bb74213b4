"""`steelyard watch`: look after bots from outside of them, tell what is wrong, kill by policy.

Run it beside the bots, under whatever keeps programs running. It needs nothing of theirs but
their directory: what ends them does not end it. Each alert is a line on standard output. It goes
to whom the bot's own [alerts] names, to whom --alert names, and, where that is wanted, to a command
that is given it as JSON on its standard input. Once a day it tells which keys are due to be
rotated.
"""

import asyncio
import os
import shlex
import signal
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.alerting import addresses
from steelyard.cli.asking import asker
from steelyard.cli.kill import kill_all, named_targets
from steelyard.cli.killer import Wanted
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import harmless, json_text
from steelyard.cli.vault import listed
from steelyard.cli.watch_alerts import Telling
from steelyard.domain.errors import ConfigError, SteelyardError, UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.net.clock import Clock
from steelyard.net.loopback import ask_process
from steelyard.observe.watchdog import Alert, Policy, Sight, Told, Watchdog
from steelyard.store import datadir
from steelyard.store.latch import Latch

_EVERYONE = Common()
DONE, CHECK_FAILED = 0, 1
ANSWER_S = 3.0
HOOK_S = 30.0
HOOKS_MAX = 20  # of one bot that run or wait; what comes then is on standard output only
MS_NS = 10**6
DAY_NS = 24 * 60 * MINUTE_NS
OFF = "off"
STDERR = 2  # what a command says goes there: standard output is for alerts
EVERY_MIN_NS = SECOND_NS // 10


def watch(
    *bots: str,
    once: bool = False,
    every: str = "2s",
    silence: str = "10s",
    progress: str = "5m",
    gated: str = "5m",
    kill_after: str = OFF,
    run: str = "",
    alert: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    common: Common = _EVERYONE,
) -> int:
    """Look after bots from outside: tell of crashes, silence, and strategies that nobody calls.

    Goes on until Ctrl-C. Alerts are lines, with --json one JSON document each.

    Examples: steelyard watch | steelyard watch dip --kill-after 1m --run "notify-send steelyard" |
    steelyard watch --once

    Parameters
    ----------
    bots
        Their names; default: every bot of the data directory, also those that come.
    once
        Look once; the exit code is 1 if something is wrong.
    every
        How often to look.
    silence
        A bot that does not answer for so long is told of.
    progress
        So is one whose strategy has not been called for so long.
    gated
        And one that may not trade for so long.
    kill_after
        Kill a bot that has crashed, is silent or stuck for so long; off: tell only.
    run
        A command to run at each alert; it is given the alert as JSON.
    alert
        References to addresses to which every bot's alerts go, as vault:alerts/slack, beside those
        of the bot's own configuration.
    """
    policy = Policy(
        parse_duration_ns(silence),
        parse_duration_ns(progress),
        parse_duration_ns(gated),
        None if kill_after == OFF else parse_duration_ns(kill_after),
    )
    if (every_ns := parse_duration_ns(every)) < EVERY_MIN_NS:
        raise UsageError(f"--every {every} is too often; 100ms or more")
    data = common.directory
    if unknown := set(bots) - set(datadir.bot_directories(data)):
        raise UsageError(f"no bot {min(unknown)!r} has run in {data}")
    telling = Telling(data, addresses(tuple(alert or ()), os.environ, asker()))
    telling.learn([*bots] or datadir.bot_directories(data), asker())
    watching = Watching(data, bots, policy, shlex.split(run), common, telling)
    if once:
        policy = policy._replace(silence_ns=0, gated_ns=0)
        watching.policy = policy
        asyncio.run(watching.look_once())
        return CHECK_FAILED if watching.troubles else DONE
    asyncio.run(watching.forever(every_ns / SECOND_NS))
    return DONE


class Watching:
    """A watch that goes on."""

    def __init__(
        self,
        data: Path,
        bots: tuple[str, ...],
        policy: Policy,
        hook: list[str],
        common: Common,
        telling: Telling,
    ) -> None:
        self.policy = policy
        self._data = data
        self._bots = bots
        self._hook = hook
        self._common = common
        self._telling = telling
        self._reminded_ns: int | None = None
        self._clock = Clock()
        self._dogs: dict[str, Watchdog] = {}
        self._acting: dict[str, asyncio.Task[None]] = {}
        self._hooks: dict[str, deque[asyncio.Task[None]]] = {}  # by bot, oldest first

    @property
    def troubles(self) -> dict[str, str]:
        """What is wrong now, by bot."""
        found = ((name, dog.trouble) for name, dog in self._dogs.items())
        return {name: kind.value for name, kind in found if kind is not None}

    async def forever(self, every_s: float) -> None:
        """Look until Ctrl-C or SIGTERM; a kill that is under way is finished."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
        names = ", ".join(self._names()) or "no bots yet"
        self._say({"watching": self._names()}, f"watching {names}")
        self._telling.start()
        while not over.is_set():
            await self.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), every_s)
        await asyncio.gather(*self._acting.values(), return_exceptions=True)
        await self._end_hooks()
        await self._telling.close()

    async def look_once(self) -> None:
        """Look at every bot once, and wait until each alert has been given to whom it concerns."""
        self._telling.start()
        await self.look()
        await self._end_hooks()
        await self._telling.close()

    async def _end_hooks(self) -> None:
        """Give what was told last to the command, in bounded time."""
        left = [task for tasks in self._hooks.values() for task in tasks]
        if left:
            _, late = await asyncio.wait(left, timeout=HOOK_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def look(self) -> None:
        """Look at every bot once."""
        names = self._names()
        sights = await asyncio.gather(*(asyncio.to_thread(self._sight, name) for name in names))
        for name, sight in zip(names, sights, strict=True):
            dog = self._dogs.get(name)
            if dog is None:
                dog = self._dogs[name] = Watchdog(name, self.policy, sight.now_ns)
            for alert in dog.see(sight):
                self._tell(alert)
        await self._remind()

    async def _remind(self) -> None:
        """Tell once a day which keys are due to be rotated."""
        now_ns = self._clock.now_ns()
        if self._reminded_ns is not None and now_ns - self._reminded_ns < DAY_NS:
            return
        self._reminded_ns = now_ns
        try:
            rows = await asyncio.to_thread(listed, now_ns // MS_NS)
        except ConfigError as error:
            print(f"the vault is not looked at: {error}", file=sys.stderr, flush=True)
            return
        for row in rows:
            if row["due"]:
                document = {
                    "time": now_ns // MS_NS,
                    "bot": row["bot"],
                    "alert": "reminder",
                    "kind": "key.due",
                    "text": f"{row['name']} is due to be rotated: {row['due']}",
                }
                self._out(document, document["text"])

    def _names(self) -> list[str]:
        return [*self._bots] or datadir.bot_directories(self._data)

    # -- looking ------------------------------------------------------------------------------

    def _sight(self, name: str) -> Sight:
        directory = self._data / "bots" / name
        try:
            ports = datadir.read_document(datadir.port_file(directory), missing={})
            ended = datadir.read_document(datadir.ended_file(directory), missing={})
            about = datadir.read_document(datadir.about_file(directory), missing={})
        except ConfigError as error:
            return Sight(self._clock.now_ns(), is_there=True, reason=str(error))
        if not datadir.is_alive(ports):
            last = str(ended["why"]) if "why" in ended else None if about else "it never ran"
            code = ended.get("code", 0)
            now_ns = self._clock.now_ns()
            mark = "killed" if Latch(self._data, name).is_set else None
            return Sight(now_ns, False, mark, ended=last, code=code if last else 0)  # noqa: FBT003
        try:
            status, state = ask_process(ports, "GET", "/status", timeout_s=ANSWER_S)
        except SteelyardError:
            return Sight(self._clock.now_ns(), is_there=True)
        now_ns = self._clock.now_ns()
        if status != 200:  # noqa: PLR2004 HTTP's word for done
            return Sight(now_ns, is_there=True)
        calls = state.get("strategy", {})
        called_ms = calls.get("called")
        return Sight(
            now_ns,
            is_there=True,
            status=state.get("status"),
            reason=state.get("reason"),
            called_ns=None if called_ms is None else called_ms * MS_NS,
            failure=calls.get("failure"),
        )

    # -- telling ------------------------------------------------------------------------------

    def _tell(self, alert: Alert) -> None:
        document = {
            "time": alert.now_ns // MS_NS,
            "bot": alert.bot,
            "alert": alert.told.value,
            "kind": alert.kind.value,
            "text": alert.text,
            "since": alert.since_ns // MS_NS,
        }
        what = {Told.TROUBLE: "TROUBLE", Told.OVER: "over", Told.KILL: "KILLING"}[alert.told]
        self._out(document, f"{alert.bot}: {what}: {alert.kind.value}: {alert.text}")
        if alert.told is Told.KILL and alert.bot not in self._acting:
            task = asyncio.create_task(self._kill(alert))
            self._acting[alert.bot] = task
            task.add_done_callback(lambda _: self._acting.pop(alert.bot, None))

    async def _kill(self, alert: Alert) -> None:
        """Kill a bot, and tell what came of it.

        Here alone: it sees the process of this host, and a standby of another is there for that.
        """
        why = f"the watchdog: {alert.kind.value}: {alert.text}"
        try:
            targets = named_targets(self._data, [alert.bot])
            results = await kill_all(self._data, targets, Wanted(is_local=True), why)
            result = results[alert.bot]
        except SteelyardError as error:
            result = {"verified": False, "open_orders": None, "error": str(error), "steps": []}
        document = {
            "time": self._clock.now_ns() // MS_NS,
            "bot": alert.bot,
            "alert": "killed" if result["verified"] else "kill-failed",
            "kind": alert.kind.value,
            "text": result.get("error") or f"{result['open_orders']} open orders at the venue",
            "steps": result["steps"],
        }
        self._out(document, f"{alert.bot}: {document['alert']}: {document['text']}")

    def _out(self, document: dict[str, Any], text: str) -> None:
        """Tell everybody."""
        self._say(document, text)
        self._telling.tell(document)
        self._begin_hook(document)

    def _say(self, document: dict[str, Any], text: str) -> None:
        now_ms = self._clock.now_ns() // MS_NS
        line = json_text(document) if self._common.json else f"{shown_time(now_ms)} {text}"
        print(line if self._common.json else harmless(line), flush=True)

    def _begin_hook(self, document: dict[str, Any]) -> None:
        """Have the command of `--run` run, after those of the same bot that were begun before."""
        if not self._hook:
            return
        tasks = self._hooks.setdefault(document["bot"], deque())
        while tasks and tasks[0].done():
            tasks.popleft()
        if len(tasks) >= HOOKS_MAX:
            said = f"--run {self._hook[0]}: {len(tasks)} of it hang or wait; this alert is left out"
            print(said, file=sys.stderr, flush=True)
            return
        before = tasks[-1] if tasks else None
        tasks.append(asyncio.create_task(self._run_hook(document, before)))

    async def _run_hook(self, document: dict[str, Any], before: asyncio.Task[None] | None) -> None:
        """Run the command of `--run`; what goes wrong with it is said, and no more."""
        if before is not None:
            await asyncio.wait([before])
        try:
            process = await asyncio.create_subprocess_exec(
                *self._hook, stdin=asyncio.subprocess.PIPE, stdout=STDERR
            )
        except OSError as error:
            print(f"--run {self._hook[0]}: {error.strerror}", file=sys.stderr, flush=True)
            return
        try:
            async with asyncio.timeout(HOOK_S):
                await process.communicate(json_text(document).encode())
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
        if process.returncode:
            said = f"--run {self._hook[0]} ended with {process.returncode}"
            print(said, file=sys.stderr, flush=True)
