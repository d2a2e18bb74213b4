"""`steelyard kill`: stop bots for good, and see at the venue that nothing of them is open.

It is a process of its own, with its own connection and its own reading of the key. First the kill
mark is set, which every bot obeys before each order and at its start; then, without waiting for
the bot, the venue is told to cancel and asked what is open, until it says nothing. A bot whose key
cannot be had here (it came by a pipe) is killed at the exchange of the same directory, by its
administration. Nothing but a count at the venue makes it verified.

Exit codes: 0 everything is clear, and flat if that was asked for; 1 something is left, and it is
said what; 2 it could not be tried; 3 the venue did not say what is open.
"""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.asking import asker
from steelyard.cli.kill_hosts import is_shared, leave_mark, obeyed_ns, take_mark
from steelyard.cli.killer import Killer, Outcome, Wanted
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import harmless, json_text, shown
from steelyard.dashboard.bot_process import Replied, ask_to_die, last_word, lift
from steelyard.domain.errors import ConfigError, SteelyardError, UsageError
from steelyard.net.clock import Clock
from steelyard.store import datadir
from steelyard.store.exposure import release
from steelyard.store.latch import Latch
from steelyard.trading.config import BotConfig, parse_percentage
from steelyard.trading.legconfig import parse_bots_for_kill
from steelyard.vault.keys import resolve
from steelyard.wire.dialect import ApiKey

_EVERYONE = Common()
DONE, LEFT, USAGE, VENUE = 0, 1, 2, 3
WITHIN = "3m"
COLLAR = "2%"
MARKED = "trading latched off by the kill mark"
TOLD_HOSTS = "the mark is left for the bot's other hosts, where its lease is kept"
MS_NS = 1_000_000


@dataclass(frozen=True)
class Target:
    """A bot to kill: with a configuration and a key, or why there are none.

    doubt says why the account that the key opens may not be the bot's.
    """

    name: str
    config: BotConfig | None = None
    key: ApiKey | None = None
    why_not: str = ""
    doubt: str = ""


def kill(
    *bots: str,
    flatten: Annotated[bool, Parameter(negative="")] = False,
    drill: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(name=("--resume", "--lift"), negative="")] = False,
    symbol: tuple[str, ...] = (),
    within: str = WITHIN,
    collar: str = COLLAR,
    key: str = "",
    why: str = "",
    progress: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Stop bots for good: mark, cancel at the venue, count that nothing is open.

    Works while the bot hangs, is stopped (SIGSTOP), has crashed or was never started. Every order
    of the bot's account is canceled, also one placed by hand or by another bot: give each bot an
    account of its own. The mark stays until a person lifts it, and no bot trades over it.

    The exit code is 0 only if the venue itself says that nothing is open; 1 if something is left,
    2 if it could not be tried, 3 if the venue did not say.

    Examples: steelyard kill | steelyard kill dip | steelyard kill dip.toml --flatten |
    steelyard kill dip --drill | steelyard kill dip --lift

    Parameters
    ----------
    bots
        Names of bots that have run, or configurations; default: every bot of the data directory.
    flatten
        Close the position too: by orders at the best price less (plus) the collar, at once or not
        at all, until it is flat.
    drill
        Rehearse it: everything but the mark and the sending; say what would be done, and how long
        the venue took to answer.
    resume
        Lift the mark instead, so that the bot may trade again.
    symbol
        Cancel on this market only, and count there; may be given several times.
    within
        Go on for so long, however the venue fails.
    collar
        How far from the best price a position may be closed.
    key
        Where the key is, instead of where the configuration says: env:NAME or pipe:N.
    why
        A sentence for the mark and the journal.
    progress
        Tell each step on standard error while it is done; with --json as a document in a line.
    """
    if resume and (flatten or drill):
        raise UsageError("--lift goes with nothing that stops a bot; give one of them")
    data = common.directory
    targets = [target for bot in bots or _everybody(data) for target in _targets(data, bot, key)]
    if resume:
        return _lift(data, targets, why or "somebody ran `steelyard kill --lift`", common)
    wanted = Wanted(
        symbols=tuple(name.replace("/", "-").upper() for name in symbol),
        patience_ns=parse_duration_ns(within),
        flatten=flatten,
        collar=parse_percentage(collar, "--collar"),
        is_drill=drill,
    )
    why = why or "somebody ran `steelyard kill`"
    teller = _Teller(as_document=common.json) if progress else None
    results = asyncio.run(kill_all(data, targets, wanted, why, teller))
    common.show(results, "\n".join(_lines(results)))
    return max((_code(result) for result in results.values()), default=DONE)


class _Teller:
    """Tells steps on standard error. Whoever has stopped to read is no reason to stop."""

    def __init__(self, *, as_document: bool) -> None:
        self._as_document = as_document

    def __call__(self, bot: str, text: str, open_orders: int | None) -> None:
        time_ms = Clock().now_ns() // MS_NS
        line = f"{shown_time(time_ms)} {bot}: {harmless(text)}"
        if self._as_document:
            step = {"bot": bot, "time": time_ms, "text": text, "open_orders": open_orders}
            line = json_text(step)
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)


Told = Callable[[str, str, int | None], None]  # of a bot: a step, and how many orders are open


def _untold(_bot: str, _text: str, _open_orders: int | None) -> None:
    """Tell nobody."""


async def kill_all(
    data: Path, targets: list[Target], wanted: Wanted, why: str, tell: Told | None = None
) -> dict[str, dict[str, Any]]:
    """Kill bots, all at once; return what came of each. tell hears each step of each.

    The first Ctrl-C or SIGTERM ends it, as ever; the marks stay.
    """
    tell = tell or _untold
    unmarked: dict[str, str] = {}
    if not wanted.is_drill:
        for target in targets:  # all marks are there before anything else is done
            try:
                _mark(data, target.name, why)
            except ConfigError as error:  # a full disk is no reason to leave orders open
                unmarked[target.name] = str(error)
            else:
                tell(target.name, MARKED, None)
    telling = {} if wanted.is_drill or wanted.is_local else _told_elsewhere(targets, why)
    done = await asyncio.gather(*(_kill(data, target, wanted, tell) for target in targets))
    results = {target.name: result for target, result in zip(targets, done, strict=True)}
    for name, trouble in unmarked.items():
        text = f"the kill mark could not be set, so the bot may trade on: {trouble}"
        steps = [step for step in results[name]["steps"] if step != MARKED]
        results[name] = _spoiled(results[name] | {"steps": steps}, text)
    for name, task in telling.items():
        untold = await task
        if untold is None:
            results[name]["steps"].insert(1, TOLD_HOSTS)
        else:
            text = f"another host may trade it: {untold}; press it there too, or again"
            results[name] = _spoiled(results[name], text)
    return results


def _told_elsewhere(targets: list[Target], why: str) -> dict[str, asyncio.Task[str | None]]:
    """Begin to tell the other hosts of bots."""
    return {
        target.name: asyncio.create_task(leave_mark(target.config, why, who_asks()))
        for target in targets
        if target.config is not None and is_shared(target.config)
    }


def named_targets(data: Path, names: list[str]) -> list[Target]:
    """Return the bots of these names as targets."""
    return [target for name in names for target in _targets(data, name, "")]


def _mark(data: Path, name: str, why: str) -> None:
    Latch(data, name).set(why, who_asks(), Clock().now_ns())


def who_asks() -> str:
    """Return the name of the user of this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


# -- one bot --------------------------------------------------------------------------------------


async def _kill(data: Path, target: Target, wanted: Wanted, tell: Told) -> dict[str, Any]:
    begun_ns = perf_counter_ns()
    replied = last_word(data, target.name)
    asked: asyncio.Task[Replied] | None = None
    if not wanted.is_drill:
        asked = asyncio.create_task(ask_to_die(data, target.name))
        asked.add_done_callback(partial(_tell_reply, target.name, tell))
    if target.config is None or target.key is None:
        result = await _without_key(data, target, wanted, asked, tell)
    else:
        wanted = wanted._replace(is_settled=replied.is_gone, is_alive=replied.is_alive)
        if is_shared(target.config) and not wanted.is_local:
            # That it ended here is no proof: another host may have it.
            wanted = wanted._replace(is_settled=False, elsewhere_ns=obeyed_ns(target.config))
        result = await _at_venue(data, target, wanted, asked, tell)
        if target.doubt:
            result = _spoiled(result, target.doubt)
    result["elapsed_ms"] = (perf_counter_ns() - begun_ns) // 1_000_000
    return result


def _tell_reply(bot: str, tell: Told, task: asyncio.Task[Replied]) -> None:
    if not task.cancelled() and task.exception() is None:
        for step in task.result().steps:
            tell(bot, step, None)


async def _at_venue(
    data: Path,
    target: Target,
    wanted: Wanted,
    asked: asyncio.Task[Replied] | None,
    tell: Told,
) -> dict[str, Any]:
    assert target.config is not None, "there is a venue to ask"
    assert target.key is not None, "and a key to ask with"
    try:
        latch = Latch(data, target.name)
        told = partial(tell, target.name)
        killer = Killer(target.config, target.key, latch, data, wanted, told)
    except ConfigError as error:
        if asked is not None:
            await asked
        return _failed(str(error), USAGE, wanted)

    def answered(task: asyncio.Task[Replied]) -> None:
        if task.cancelled() or task.exception() is not None:
            return
        replied = task.result()
        if replied.answered or (replied.is_settled and not wanted.elsewhere_ns):
            killer.settled()

    if asked is not None:
        asked.add_done_callback(answered)
    try:
        outcome = await killer.run()
    except SteelyardError as error:
        if asked is not None:
            await asked
        return _failed(str(error), VENUE, wanted)
    replied = await asked if asked is not None else None
    result = _document(outcome, wanted, replied)
    if not (wanted.is_drill or wanted.is_alive or target.doubt):
        result["steps"] += _released(data, target.name, outcome)
    return result


def _released(data: Path, name: str, outcome: Outcome) -> list[str]:
    """Let the other bots have what a bot that does not run has held until now; say so."""
    if not outcome.found.is_clear or outcome.closed is None or not outcome.closed.is_flat:
        return []
    try:
        had = release(datadir.state_directory(), data / "bots" / name, name)
    except ConfigError as error:
        return [str(error)]
    return ["its part of max_gross_exposure is free for the others"] if had else []


def _document(outcome: Outcome, wanted: Wanted, told: Replied | None) -> dict[str, Any]:
    found, closed = outcome.found, outcome.closed
    steps = [*(told.steps if told else ()), *outcome.said]
    if wanted.is_drill:
        steps.insert(0, "a drill: no mark is set and nothing is sent")
    else:
        steps.insert(0, MARKED)
    if outcome.key_text is not None:
        steps.append(outcome.key_text)
    if found.trouble is not None:
        steps.append(f"NOT DONE: {found.trouble}")
    document = {
        "killed": found.is_clear and not wanted.is_drill,
        "verified": found.is_clear,
        "open_orders": found.open_orders,
        "left": list(found.left),
        "canceled": 0 if wanted.is_drill else found.canceled,
        "bot_answered": told is not None and told.answered,
        "at": "venue",
        "drill": wanted.is_drill,
        "position": None if closed is None else closed._asdict(),
        "answer_ms": outcome.answer_ms,
        "error": found.trouble,
        "steps": steps,
    }
    document["exit_code"] = _exit_code(outcome, wanted)
    return document


def _exit_code(outcome: Outcome, wanted: Wanted) -> int:
    found, closed = outcome.found, outcome.closed
    if found.open_orders is None:
        return VENUE
    if wanted.is_drill:
        is_able = outcome.key_text is None or not outcome.key_text.startswith("NO")
        is_able = is_able and (closed is None or closed.is_able)
        return DONE if is_able and found.trouble is None else LEFT
    if not found.is_clear:
        return LEFT if found.open_orders else VENUE
    return DONE if closed is None or closed.is_flat else LEFT


def _failed(why: str, code: int, wanted: Wanted) -> dict[str, Any]:
    mark = "a drill: nothing was done" if wanted.is_drill else MARKED
    return {
        "killed": False,
        "verified": False,
        "open_orders": None,
        "left": [],
        "canceled": 0,
        "bot_answered": False,
        "at": None,
        "drill": wanted.is_drill,
        "position": None,
        "answer_ms": None,
        "error": why,
        "steps": [mark, f"NOT DONE: {why}"],
        "exit_code": code,
    }


def _spoiled(result: dict[str, Any], why: str) -> dict[str, Any]:
    """Return what came of a kill that is none, whatever the venue counts."""
    return result | {
        "killed": False,
        "verified": False,
        "error": result["error"] or why,
        "steps": [*result["steps"], f"NOT DONE: {why}"],
        "exit_code": max(result["exit_code"], LEFT),
    }


async def _without_key(
    data: Path,
    target: Target,
    wanted: Wanted,
    asked: asyncio.Task[Replied] | None,
    tell: Told,
) -> dict[str, Any]:
    """Kill a bot whose key cannot be had, with the help of the exchange here.

    Its administration cancels and counts. For more there has to be a key, which it issues.
    """
    needs_key = wanted.is_drill or wanted.flatten or wanted.symbols
    if not needs_key or target.config is None or not (data / "exchange").exists():
        return await _at_exchange(data, target, wanted, asked)
    # What an exchange is made of, which takes longer to load than a kill to begin.
    from steelyard.cli.kill_exchange import issued_key  # noqa: PLC0415

    replied = last_word(data, target.name)
    wanted = wanted._replace(is_settled=replied.is_gone, is_alive=replied.is_alive)
    try:
        with issued_key(data, target.name, target.config.main.dialect) as key:
            tell(target.name, "the exchange here has issued a key for this kill alone", None)
            return await _at_venue(data, replace(target, key=key), wanted, asked, tell)
    except SteelyardError as error:
        if asked is not None:
            await asked
        what = "--drill" if wanted.is_drill else "--flatten" if wanted.flatten else "--symbol"
        why = f"{what} needs the venue and a key: {target.why_not}; and {error}"
        return _failed(why, USAGE, wanted)


async def _at_exchange(
    data: Path, target: Target, wanted: Wanted, asked: asyncio.Task[Replied] | None
) -> dict[str, Any]:
    """Kill a bot whose key cannot be had, by the administration of the exchange here."""
    told = await asked if asked is not None else None
    if not (data / "exchange").exists():
        return _failed(target.why_not, USAGE, wanted)
    if wanted.is_drill or wanted.flatten or wanted.symbols:
        what = "--drill" if wanted.is_drill else "--flatten" if wanted.flatten else "--symbol"
        return _failed(f"{what} needs the venue and a key: {target.why_not}", USAGE, wanted)
    try:
        left = await _administered(data, target.name)
    except SteelyardError as error:
        return _failed(f"{target.why_not}; and {error}", USAGE, wanted)
    is_clear = left["open_orders"] == 0
    canceled = left["canceled"] + (told.canceled if told else 0)
    result = _failed("", DONE if is_clear else LEFT, wanted)
    return result | {
        "killed": is_clear,
        "verified": is_clear,
        "open_orders": left["open_orders"],
        "canceled": canceled,
        "bot_answered": told is not None and told.answered,
        "at": "exchange",
        "error": None,
        "steps": [
            MARKED,
            *(told.steps if told else ()),
            f"{left['canceled']} orders canceled by the exchange's administration",
            f"{left['open_orders']} open orders at the exchange",
        ],
    }


# -- who ------------------------------------------------------------------------------------------


def _everybody(data: Path) -> list[str]:
    if not (names := datadir.bot_directories(data)):
        raise UsageError(f"no bot has run in {data}; name a configuration, or another --data")
    return names


def _targets(data: Path, bot: str, reference: str) -> list[Target]:
    """Return a bot by its name, or all that a configuration is of.

    Raises:
        UsageError: No bot of that name has ever run here, and there is no such file.
    """
    if bot.endswith(".toml") or os.sep in bot:
        configs = _configured(Path(bot))
        return [_with_key(config.bot.name, config, reference) for config in configs]
    known = datadir.bot_directories(data)
    if bot not in known:
        raise UsageError(
            f"no bot {bot!r} here; there are: {', '.join(known) or 'none'}. "
            "One that has never run is named by its configuration: steelyard kill FILE.toml"
        )
    try:
        about = datadir.read_document(datadir.about_file(data / "bots" / bot), missing={})
        file = about.get("config")
        if not file:
            why_not = "where its configuration is was not written down; name it"
            return [Target(bot, why_not=why_not)]
        found = {config.bot.name: config for config in _configured(Path(str(file)))}
    except ConfigError as error:
        return [Target(bot, why_not=str(error))]
    if bot not in found:
        now = ", ".join(repr(name) for name in found)
        return [Target(bot, why_not=f"{file} is of {now} by now")]
    return [_as_it_ran(about, found[bot], reference, str(file))]


def _as_it_ran(about: dict[str, Any], config: BotConfig, reference: str, file: str) -> Target:
    """Return a bot by its configuration, with what makes doubtful that this is what it ran by."""
    bot = config.bot.name
    if (flaw := _elsewhere(about, config, file)) is not None:
        return Target(bot, why_not=flaw)
    target = _with_key(bot, config, reference)
    is_its_own = not reference and not config.main.kill_key
    if is_its_own and target.key is not None and about.get("key", "") != target.key.key:
        doubt = (
            f"{config.main.key} is another key than the one with which the bot ran, and nobody "
            "here knows if it is of the same account; give the bot's own, or say that this one "
            f"is right: steelyard kill {file}"
        )
        return replace(target, doubt=doubt)
    return target


def _elsewhere(about: dict[str, Any], config: BotConfig, file: str) -> str | None:
    """Return why a configuration is not of the venue at which the bot was started."""
    was, now = about.get("venue"), config.main.where
    if not was or was == now:
        return None
    return (
        f"{file} names another venue by now ({now}) than the one on which the bot was started "
        f"({was}): kill it by a configuration that names that one, steelyard kill FILE.toml"
    )


def _configured(file: Path) -> list[BotConfig]:
    try:
        return [*parse_bots_for_kill(file.read_text(encoding="utf-8")).values()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error


def _with_key(name: str, config: BotConfig, reference: str) -> Target:
    reference = reference or config.main.kill_key or config.main.key
    try:
        if reference == config.main.key and reference.startswith("pipe:"):
            raise ConfigError(
                "the bot's key came by a pipe; give the kill switch one: [venue.main] kill_key, "
                "or --key"
            )
        return Target(name, config, resolve(reference, os.environ, ask=asker()))
    except SteelyardError as error:
        return Target(name, config, why_not=str(error))


async def _administered(data: Path, name: str) -> dict[str, Any]:
    """Have the exchange of this directory cancel all of a bot's account, and count."""
    # What an exchange is made of, which takes longer to load than a kill to begin.
    from steelyard.cli.kill_exchange import cancel_at_exchange  # noqa: PLC0415

    return await asyncio.to_thread(cancel_at_exchange, data, name)


def _lift(data: Path, targets: list[Target], why: str, common: Common) -> int:
    async def act() -> dict[str, dict[str, Any]]:
        return {it.name: await _lifted(data, it, why) for it in targets}

    results = asyncio.run(act())
    lines = [
        f"{shown(name)}: may trade again"
        if result["resumed"]
        else f"{shown(name)}: [red]NOT LIFTED[/] {shown(result['error'])}"
        for name, result in results.items()
    ]
    common.show(results, "\n".join(lines))
    return DONE if all(result["resumed"] for result in results.values()) else LEFT


async def _lifted(data: Path, target: Target, why: str) -> dict[str, Any]:
    """Lift a bot's mark, first the one that is left for other hosts: they set it here again."""
    trouble = None
    if target.config is not None and is_shared(target.config):
        trouble = await take_mark(target.config)
    if trouble is not None:
        return {"resumed": False, "bot_answered": False, "error": trouble}
    return await lift(data, target.name, why, who_asks())


# -- words ----------------------------------------------------------------------------------------


def _code(result: dict[str, Any]) -> int:
    return int(result["exit_code"])


def _lines(results: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for name, result in results.items():
        if result["drill"]:
            mark = "[green]drill[/]" if result["exit_code"] == DONE else "[red]DRILL FAILED[/]"
        else:
            mark = "[green]killed[/]" if result["verified"] else "[red]NOT VERIFIED[/]"
        lines.append(f"{shown(name)}: {mark} in {result['elapsed_ms']} ms")
        lines += [f"  · {shown(step)}" for step in result["steps"]]
        lines += [f"  [red]open[/] {shown(order)}" for order in result["left"]]
        if took := result["answer_ms"]:
            lines.append(
                f"  · {took['count']} answers, {took['median']} ms in the middle, "
                f"{took['longest']} ms at the longest"
            )
    return lines
