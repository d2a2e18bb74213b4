"""`steelyard doctor`: look over the machine, the data and the bots, and say what to mend.

It changes nothing, asks no venue, and needs no passphrase. Each check is a finding: fine, mind, or
wrong, with what to do. By them it goes through the checklists (`checklist`). What it cannot know it
does not claim, and what only a person knows it says to be a person's.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from steelyard.cli.checklist import FINE, LISTS, MIND, WRONG, Answer, Finding, Row, answered
from steelyard.cli.dialect_venue import has_dead_man
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.trade import grant_of
from steelyard.cli.vault import listed
from steelyard.domain.errors import ConfigError, PeerError, SteelyardError, TransportError
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.net.loopback import ask_process
from steelyard.net.time_service import time_service
from steelyard.store import datadir
from steelyard.trading.alerting import Topic
from steelyard.trading.breakers import OFF, Breaker
from steelyard.trading.config import HERE, BotConfig
from steelyard.trading.legconfig import name_of, parse_bots
from steelyard.vault.keys import is_kept
from steelyard.vault.leaks import Known, leaks
from steelyard.vault.phrase import VARIABLE
from steelyard.vault.places import vault_file

CHECK_FAILED = 1
FREE_MIN_BYTES, FREE_FEW_BYTES = 500 << 20, 5 << 30
MS_NS = 1_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_EVERYONE = Common()
_NOT_OURS = stat.S_IWGRP | stat.S_IWOTH
BOT, WATCH = "steelyard-bot@", "steelyard-watch"
UNITS = Path("/etc/systemd/system")  # where a unit that is enabled has a link
EXTRAS = {
    "data": ("polars", "backtests and Parquet"),
    "alerts": ("apprise", "alerts"),
    "postgres": ("asyncpg", "export to PostgreSQL, and leases of several hosts"),
}


def doctor(*configs: Path, common: Common = _EVERYONE) -> int:
    """Look over machine, data directory, vault and bots, and go through the checklists.

    It says what to mend, then of each item for security and production whether it is so: yes, no,
    unknown, or yours to say. The exit code is 1 if something is wrong. Nothing is changed, and no
    venue is asked: for keys at their venues see `steelyard vault audit`.

    Examples: steelyard doctor | steelyard doctor dip.toml

    Parameters
    ----------
    configs
        Configurations of bots, beside those that have run here.
    """
    found = [*machine(common.directory), *data(common.directory), *vault()]
    files = {path.absolute(): path.stem for path in configs}
    for name in datadir.bot_directories(common.directory):
        about = datadir.about_file(common.directory / "bots" / name)
        try:
            file = datadir.read_document(about, missing={}).get("config")
        except ConfigError as error:
            found.append(Finding(WRONG, name, "bot.damaged", str(error)))
            continue
        if file:
            files.setdefault(Path(str(file)), name)
    bots: dict[str, list[BotConfig]] = {}
    for file, name in sorted(files.items(), key=lambda it: it[1]):
        found += of_bot(name, file, bots)
    found += [*units({file.stem: name for file, name in files.items()})]
    found += together(bots, common.directory)
    found += standing_by(bots, common.directory)
    order = (WRONG, MIND, FINE)
    found.sort(key=lambda finding: order.index(finding.grade))
    rows = {name: answered(items, found) for name, items in LISTS.items()}
    document = {
        "findings": [it._asdict() for it in found],
        "checklists": {name: [row._asdict() for row in each] for name, each in rows.items()},
    }
    lines = [*_findings_shown(found), *_rows_shown(rows)]
    if not bots:
        lines.append("\nno bot has run here: name its configuration, steelyard doctor CONFIG")
    common.show(document, "\n".join(lines))
    return CHECK_FAILED if any(it.grade == WRONG for it in found) else 0


def _findings_shown(found: list[Finding]) -> Iterator[str]:
    """Yield what is to be mended; what is fine is a yes of a checklist."""
    colors = {MIND: "yellow", WRONG: "red"}
    for it in found:
        if it.grade in colors:
            yield f"[{colors[it.grade]}]{it.grade:5}[/] {shown(it.about)}: {shown(it.text)}"


def _rows_shown(lists: Mapping[str, list[Row]]) -> Iterator[str]:
    colors = {Answer.YES: "green", Answer.NO: "red", Answer.UNKNOWN: "yellow", Answer.YOURS: "cyan"}
    for name, rows in lists.items():
        yes = sum(row.answer is Answer.YES for row in rows)
        yours = sum(row.answer is Answer.YOURS for row in rows)
        yield f"\n[bold]{name}[/]: {yes} of {len(rows)} are so, {yours} only you can answer"
        for row in rows:
            about = f" ({', '.join(row.about)})" if row.about else ""
            how = "" if row.answer is Answer.YES else f": [dim]{shown(row.how)}[/]"
            mark = f"[{colors[row.answer]}]{row.answer:7}[/]"
            yield f"{mark} {row.number:3} {row.says}{shown(about)}{how}"


def machine(directory: Path) -> Iterator[Finding]:
    """Yield what is to be said of this machine."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(FINE, "machine", "python", f"Python {version}")
    kept = run_loop(time_service())
    if kept.is_kept is False:
        yield Finding(WRONG, "machine", "clock", f"{kept.text}; venues refuse a wrong one")
    else:
        known = "clock" if kept.is_kept else "clock.unknown"
        yield Finding(FINE if kept.is_kept else MIND, "machine", known, kept.text)
    there = directory
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    text = f"{free / (1 << 30):.1f} GiB are free where the data is"
    if free < FREE_MIN_BYTES:
        yield Finding(WRONG, "machine", "disk", f"{text}; a full disk stops a bot")
    else:
        yield Finding(MIND if free < FREE_FEW_BYTES else FINE, "machine", "disk", text)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield Finding(MIND, "machine", "root", "you are root; give bots a user of their own")
    else:
        yield Finding(FINE, "machine", "root", "you are not root")
    if os.environ.get(VARIABLE):
        text = f"{VARIABLE} is set: every program that you start can read the vault's passphrase"
        yield Finding(MIND, "machine", "vault.phrase", text)
    else:
        yield Finding(FINE, "machine", "vault.phrase", f"{VARIABLE} is not set")
    for extra, (library, use) in EXTRAS.items():
        if find_spec(library) is None:
            text = f"{use}: not installed; pip install 'steelyard[{extra}]' if you want it"
            yield Finding(MIND, "machine", f"extra.{extra}", text)


def data(directory: Path) -> Iterator[Finding]:
    """Yield what is to be said of the data directory."""
    if not directory.exists():
        yield Finding(FINE, "data", "data", f"{directory} is not there yet")
        return
    mode = directory.stat().st_mode
    if mode & _OTHERS:
        text = f"{directory} is open to others; run: chmod 700 {directory}"
        yield Finding(MIND, "data", "data.open", text)
    else:
        yield Finding(FINE, "data", "data", f"{directory} is yours alone")
    for name in datadir.bot_directories(directory):
        own = directory / "bots" / name
        ports = datadir.read_document(datadir.port_file(own), missing={})
        ended = datadir.read_document(datadir.ended_file(own), missing={})
        is_killed = datadir.latch_file(directory, name).exists()
        if ports and not datadir.is_alive(ports) and not ended:
            text = "it has crashed: orders may be open; steelyard kill, or start it again"
            yield Finding(WRONG, name, "bot.crashed", text)
        elif ended.get("code"):
            yield Finding(MIND, name, "bot.failed", f"it has ended: {ended.get('why')}")
        elif not is_killed:
            yield Finding(FINE, name, "bot.state", "no incident is open")
        if is_killed:
            text = f"it is killed; steelyard kill {name} --lift when it may trade again"
            yield Finding(MIND, name, "bot.killed", text)


def vault() -> Iterator[Finding]:
    """Yield what is to be said of the vault, without opening it."""
    file = vault_file(os.environ)
    try:
        rows = listed(Clock().now_ns() // MS_NS)
    except SteelyardError as error:
        yield Finding(WRONG, "vault", "vault", str(error))
        return
    if not rows:
        yield Finding(MIND, "vault", "vault.none", f"nothing is kept in {file}")
        return
    yield Finding(FINE, "vault", "vault", f"{file} keeps {len(rows)} secrets")
    for row in rows:
        if row["due"]:
            yield Finding(WRONG, "vault", "key.due", f"rotate {row['name']}: {row['due']}")
        if row["stage"]:
            text = f"a rotation of {row['name']} is not finished: {row['stage']}"
            yield Finding(MIND, "vault", "key.rotating", text)
    if not any(row["due"] for row in rows):
        yield Finding(FINE, "vault", "key.due", "no key is due to be rotated")


def units(configs: Mapping[str, str], folder: Path = UNITS) -> Iterator[Finding]:
    """Yield what the machine starts by itself, as far as systemd's links say so.

    A unit names a configuration by the stem of its file; configs has the name of the bot of each.
    Where none is started by one, nothing is said: it may be started otherwise.
    """
    stems = {link.stem for link in folder.glob("*.wants/steelyard-*.service")}
    if WATCH in stems:
        yield Finding(FINE, "machine", "watch.unit", f"{WATCH} is started by the machine")
    started = {stem for stem in configs if f"{BOT}{stem}" in stems}
    for stem, name in sorted(configs.items()):
        if stem in started:
            yield Finding(FINE, name, "bot.unit", f"{BOT}{stem} is started by the machine")
        elif started:
            yield Finding(MIND, name, "bot.unit", "no unit starts it, as one does other bots")


def of_bot(name: str, file: Path, bots: dict[str, list[BotConfig]]) -> Iterator[Finding]:
    """Yield what is to be said of a bot's configuration, and add its legs to `bots`."""
    try:
        text = file.read_bytes()
        legs = parse_bots(text.decode())
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        yield Finding(WRONG, name, "config", f"{file}: {error}")
        return
    if leaks(text, Known(())):
        told = f"{file} has what looks like a key in it; move it: steelyard vault add"
        yield Finding(WRONG, name, "config.secret", told)
    else:
        yield Finding(FINE, name, "config.secret", f"{file} holds no key")
    if any(path.stat().st_mode & _NOT_OURS for path in (file, file.parent)):
        told = f"others can change {file}; run: chmod go-w on it and its folder"
        yield Finding(MIND, name, "config.open", told)
    else:
        yield Finding(FINE, name, "config.open", f"only you can change {file}")
    yield Finding(FINE, name, "config", f"{file} can be run")
    bots[name_of(legs)] = [*legs.values()]
    for config in legs.values():
        yield from _habits(config.bot.name, config)
        yield from _rights(config.bot.name, config)


def _habits(name: str, config: BotConfig) -> Iterator[Finding]:
    """Yield what bounds a bot, and who hears of it."""
    risk, told = config.risk, config.alerts
    if not told.to or Topic.TROUBLE not in told.on:
        yield Finding(MIND, name, "alerts", "nobody is told of its trouble ([alerts] to)")
    elif find_spec(EXTRAS["alerts"][0]) is None:
        text = "what tells of its trouble is not installed; pip install 'steelyard[alerts]'"
        yield Finding(WRONG, name, "alerts", text)
    else:
        yield Finding(FINE, name, "alerts", "somebody is told of its trouble")
    bounds = {
        "risk.losses": ("max_daily_loss", "max_drawdown"),
        "risk.rate": ("max_orders_per_minute",),
        "risk.stop": ("stop_loss",),
    }
    for bound, keys in bounds.items():
        off = [key for key in keys if getattr(risk, key) == OFF]
        text = f"it has no [risk] {', '.join(off)}" if off else f"[risk] {', '.join(keys)}: set"
        yield Finding(MIND if off else FINE, name, bound, text)
    without = [it for it in Breaker if it not in config.breakers.rules]
    text = f"[breakers] {', '.join(without)} are off" if without else "every breaker is on"
    yield Finding(MIND if without else FINE, name, "risk.breakers", text)
    if config.bot.environment in HERE:
        yield Finding(
            FINE, name, "standby", "it trades on this machine alone: no standby is needed"
        )
    elif not config.lease.url:
        text = "nobody takes over when this machine dies ([lease], steelyard trade --standby)"
        yield Finding(MIND, name, "standby", text)


def standing_by(bots: Mapping[str, list[BotConfig]], directory: Path) -> Iterator[Finding]:
    """Yield who waits for the shared leases of bots, as those say that run here.

    Of a bot that does not run here nothing is said: nobody has looked.
    """
    for name, legs in bots.items():
        config = legs[0]
        if config.bot.environment in HERE or not config.lease.url:
            continue
        with suppress(ConfigError, TransportError, PeerError):
            own = directory / "bots" / config.bot.name
            port = datadir.read_document(datadir.port_file(own), missing={})
            if not datadir.is_alive(port):
                continue
            lease = ask_process(port, "GET", "/status")[1].get("lease") or {}
            if waiting := lease.get("standbys"):
                yield Finding(FINE, name, "standby", f"stands by: {', '.join(waiting)}")
            else:
                text = "its lease is shared, and nobody stands by (steelyard trade --standby)"
                yield Finding(MIND, name, "standby", text)


def _rights(name: str, config: BotConfig) -> Iterator[Finding]:
    """Yield what a bot may do, by which key, and what was taken upon oneself for it."""
    main = config.main
    if is_kept(main.key):
        yield Finding(FINE, name, "key.place", "its key is kept in a vault")
    else:
        text = f"its key is {main.key.partition(':')[0]}:..., of which nobody knows age or owner"
        yield Finding(MIND, name, "key.place", f"{text}; steelyard vault add")
    if main.kill_key and main.kill_key != main.key:
        yield Finding(FINE, name, "key.kill", "the kill switch has a key of its own")
    else:
        text = "the kill switch has no key of its own ([venue.main] kill_key)"
        yield Finding(MIND, name, "key.kill", text)
    waived = (*main.waive, *main.accept)
    text = f"taken upon yourself: {', '.join(waived)}" if waived else "nothing is waived"
    yield Finding(MIND if waived else FINE, name, "key.waived", text)
    try:
        grant = grant_of(config)
    except SteelyardError as error:
        yield Finding(WRONG, name, "rung", str(error))
    else:
        where = "its orders stay on this machine" if grant is None else f"granted by {grant.who}"
        yield Finding(FINE, name, "rung", where)
    if main.is_bridged:
        return  # what is behind it says what it can only when it runs: steelyard trade --check
    try:
        can = has_dead_man(main.dialect)
    except SteelyardError as error:
        yield Finding(WRONG, name, "config", str(error))
        return
    if can and main.dead_man_ns is None:
        text = "the venue could cancel everything if it is gone ([venue.main] dead_man)"
        yield Finding(MIND, name, "dead_man", text)
    else:
        text = "armed by the bot" if can else "the venue has none: the watchdog guards alone"
        yield Finding(FINE, name, "dead_man", text)


def together(bots: Mapping[str, list[BotConfig]], directory: Path) -> Iterator[Finding]:
    """Yield what is to be said of bots beside each other; each is a list of its legs."""
    for name, legs in bots.items():
        own = {config.main.key for config in legs}
        others = [it for it in bots if it != name and own & {leg.main.key for leg in bots[it]}]
        if others:
            yield Finding(WRONG, name, "key.shared", f"it has the key of {', '.join(others)}")
        else:
            yield Finding(FINE, name, "key.shared", "its key is its own")
    there = {*datadir.bot_directories(directory)} if directory.exists() else set()
    here = [leg.bot for legs in bots.values() for leg in legs if leg.bot.name in there]
    environments = sorted({bot.environment.value for bot in here})
    if len(environments) > 1:
        text = f"{directory} has bots of {' and '.join(environments)}; give each its own --data"
        yield Finding(MIND, "data", "data.environments", text)
    elif environments:
        text = f"every bot here is of {environments[0]}"
        yield Finding(FINE, "data", "data.environments", text)
