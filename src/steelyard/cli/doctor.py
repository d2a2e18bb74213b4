"""`steelyard doctor`: look over the machine, the data and the bots, and say what to mend.

It changes nothing, asks no venue, and needs no passphrase. Each check is one line: fine, mind, or
wrong, with what to do. What it cannot know it does not claim.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.vault import listed
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.net.time_service import time_service
from steelyard.store import datadir
from steelyard.trading.alerting import Topic
from steelyard.trading.breakers import OFF
from steelyard.trading.config import HERE, BotConfig, parse_config
from steelyard.vault.keys import is_kept
from steelyard.vault.leaks import Known, leaks
from steelyard.vault.places import vault_file

CHECK_FAILED = 1
FREE_MIN_BYTES, FREE_FEW_BYTES = 500 << 20, 5 << 30
MS_NS = 1_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_EVERYONE = Common()
FINE, MIND, WRONG = "fine", "mind", "wrong"
EXTRAS = {
    "data": ("polars", "backtests and Parquet"),
    "alerts": ("apprise", "alerts"),
    "postgres": ("asyncpg", "export to PostgreSQL, and leases of several hosts"),
}


class Finding(NamedTuple):
    """What one check says; about is the bot or place that it is of."""

    grade: str
    about: str
    name: str
    text: str


def doctor(*configs: Path, common: Common = _EVERYONE) -> int:
    """Look over machine, data directory, vault and bots, and say what to mend.

    The exit code is 1 if something is wrong. Nothing is changed, and no venue is asked: for keys at
    their venues see `steelyard vault audit`.

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
    for file, name in sorted(files.items(), key=lambda it: it[1]):
        found += of_bot(name, file)
    order = (WRONG, MIND, FINE)
    found.sort(key=lambda finding: order.index(finding.grade))
    colors = {FINE: "green", MIND: "yellow", WRONG: "red"}
    lines = [
        f"[{colors[it.grade]}]{it.grade:5}[/] {shown(it.about)}: {shown(it.text)}" for it in found
    ]
    common.show({"findings": [it._asdict() for it in found]}, "\n".join(lines))
    return CHECK_FAILED if any(it.grade == WRONG for it in found) else 0


def machine(directory: Path) -> Iterator[Finding]:
    """Yield what is to be said of this machine."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(FINE, "machine", "python", f"Python {version}")
    kept = run_loop(time_service())
    if kept.is_kept is False:
        yield Finding(WRONG, "machine", "clock", f"{kept.text}; venues refuse a wrong one")
    else:
        yield Finding(FINE if kept.is_kept else MIND, "machine", "clock", kept.text)
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
        if ports and not datadir.is_alive(ports) and not ended:
            text = "it has crashed: orders may be open; steelyard kill, or start it again"
            yield Finding(WRONG, name, "bot.crashed", text)
        elif ended.get("code"):
            yield Finding(MIND, name, "bot.failed", f"it has ended: {ended.get('why')}")
        if datadir.latch_file(directory, name).exists():
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


def of_bot(name: str, file: Path) -> Iterator[Finding]:
    """Yield what is to be said of a bot's configuration."""
    try:
        text = file.read_bytes()
        config = parse_config(text.decode())
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        yield Finding(WRONG, name, "config", f"{file}: {error}")
        return
    if leaks(text, Known(())):
        told = f"{file} has what looks like a key in it; move it: steelyard vault add"
        yield Finding(WRONG, name, "config.secret", told)
    yield Finding(FINE, name, "config", f"{file} can be run")
    yield from _habits(name, config)


def _habits(name: str, config: BotConfig) -> Iterator[Finding]:
    main, risk, told = config.main, config.risk, config.alerts
    if not is_kept(main.key):
        text = f"its key is {main.key.partition(':')[0]}:..., of which nobody knows age or owner"
        yield Finding(MIND, name, "key.place", f"{text}; steelyard vault add")
    if not main.kill_key:
        text = "the kill switch has no key of its own ([venue.main] kill_key)"
        yield Finding(MIND, name, "key.kill", text)
    if not told.to or Topic.TROUBLE not in told.on:
        yield Finding(MIND, name, "alerts", "nobody is told of its trouble ([alerts] to)")
    if config.bot.environment not in HERE and not config.lease.url:
        text = "nobody takes over when this machine dies ([lease], steelyard trade --standby)"
        yield Finding(MIND, name, "standby", text)
    off = [
        key
        for key in ("max_daily_loss", "max_drawdown", "max_orders_per_minute", "stop_loss")
        if getattr(risk, key) == OFF
    ]
    if off:
        yield Finding(MIND, name, "risk", f"it has no [risk] {', '.join(off)}")
    if "max_drawdown" not in off and "max_daily_loss" not in off:
        yield Finding(FINE, name, "risk", "losses are bounded by day and from the highest")
