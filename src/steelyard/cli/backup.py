"""`steelyard backup` and `steelyard restore`: a bot's journal, kept elsewhere and brought back.

    FOLDER/NAME.TIME/journal/     every record that was on disk, in a journal of its own
    FOLDER/NAME.TIME/backup.json  {"bot", "records", "sha256", "time"}

The journal is all that a bot must know: it is read while the bot runs, read again from the copy,
and called a backup only if both are the same. No key and no token is in it. What happened after a
backup is not in it either: a restored journal says so in its last record, and at the next start the
bot finds the rest at its venue, as a standby does (`trading/takeover.py`).
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.cli.kill import who_asks
from steelyard.cli.options import Common, shown_time
from steelyard.cli.terminal import shown
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.journal import Record
from steelyard.net.clock import Clock
from steelyard.store import datadir
from steelyard.store.disk import make_private_directory
from steelyard.store.journal import Journal, read_records
from steelyard.trading.config import is_name
from steelyard.trading.records import LeaseTaken, TimerFired, codec
from steelyard.trading.state import TraderState

BATCH = 1_000  # records that are written at once
ABOUT = "backup.json"
MS_NS = 10**6
_EVERYONE = Common()


def backup(*bots: str, to: Path, common: Common = _EVERYONE) -> int:
    """Copy what bots have journaled, while they run or do not, and check the copy.

    Keep it on another disk. Keys are not in it, nor is the tape of `record_market`.

    Examples: steelyard backup --to /mnt/other/bots | steelyard backup dip --to backups

    Parameters
    ----------
    bots
        Their names; default: every bot of the data directory.
    to
        The folder in which a folder is made for each.
    """
    names = [*bots] or datadir.bot_directories(common.directory)
    if not names:
        raise UsageError(f"no bot has run in {common.directory}; name another --data")
    done = [backed_up(common.directory, name, to) for name in names]
    lines = [
        f"[bold]{shown(it['bot'])}[/] {it['records']} records in {shown(it['folder'])}"
        for it in done
    ]
    common.show({"backups": done}, "\n".join(lines))
    return 0


def restore(folder: Path, /, *, common: Common = _EVERYONE) -> int:
    """Bring a bot's journal back from a backup, into a data directory that does not have the bot.

    The bot that wrote it must not run anywhere: two of them would be one bot. Start it then as
    ever: it asks its venue for all that happened since.

    Example: steelyard restore /mnt/other/bots/dip.20261122T140000

    Parameters
    ----------
    folder
        The backup, a folder that `steelyard backup` has made.
    """
    done = restored(folder, common.directory)
    common.show(
        done,
        f"[green]restored[/] {shown(done['bot'])}: {done['records']} records, as of "
        f"{shown(done['as_of'])}. What happened since is asked of the venue at its next start. "
        f"Was it killed since? Then first: steelyard kill {shown(done['bot'])}",
    )
    return 0


def backed_up(data: Path, name: str, to: Path) -> dict[str, Any]:
    """Copy one bot's journal.

    Raises:
        ConfigError: There is none, it cannot be read, or the copy is not the same.
        UsageError: The folder is there already.
    """
    source = data / "bots" / name / "journal"
    now_ms = Clock().now_ns() // MS_NS
    stamp = shown_time(now_ms).partition(".")[0].replace("-", "").replace(":", "")
    folder = to / f"{name}.{stamp}"
    if folder.exists():
        raise UsageError(f"{folder} is there already; wait a second, or name another --to")
    written = _copied(read_records(source), folder)
    read = _digest(read_records(folder / "journal"))
    if read != written:
        raise ConfigError(
            f"{folder} is not what was read from {source}; the disk is not to be used"
        )
    count, digest = read
    about = {"bot": name, "records": count, "sha256": digest, "time": now_ms}
    datadir.write_atomically(folder / ABOUT, about)
    return {**about, "folder": str(folder)}


def restored(folder: Path, data: Path) -> dict[str, Any]:
    """Bring one bot's journal back.

    Raises:
        ConfigError: It is no backup, or damaged.
        UsageError: The bot is there.
    """
    about = datadir.read_document(folder / ABOUT)
    name = str(about.get("bot", ""))
    if not is_name(name):
        raise ConfigError(f"{folder / ABOUT} names no bot; it is no backup")
    found = _digest(read_records(folder / "journal"))
    if found != (about.get("records"), about.get("sha256")):
        raise ConfigError(
            f"{folder} is damaged: {found[0]} records are there that are not those that were "
            f"written ({about.get('records')}); use another backup"
        )
    path = data / "bots" / name
    if path.exists():
        raise UsageError(f"{path} is there; move it away first, or name another --data")
    state, last_ns = _state(folder / "journal")
    directory = datadir.Directory(path)
    try:
        journal = Journal(path / "journal")
        try:
            _write(journal, (payload for _, payload in read_records(folder / "journal")))
            for message in marks(state, last_ns, Clock().now_ns()):
                journal.append(codec().encode(message, max(last_ns, Clock().now_ns())))
            journal.commit()
        finally:
            journal.close()
    finally:
        directory.close()
    return {"bot": name, "records": found[0], "as_of": shown_time(last_ns // MS_NS)}


def marks(state: TraderState, last_ns: int, now_ns: int) -> Iterator[LeaseTaken | TimerFired]:
    """Yield what a journal must say that others may have followed.

    Orders of the bot that it does not know are its own; slots of timers up to now may be used.
    """
    term, who = state.lease_term, who_asks()
    why = f"restored from a backup of {shown_time(last_ns // MS_NS)}"
    yield LeaseTaken("restore", term, who, term, "what ran after the backup", True, None, 0, why)  # noqa: FBT003
    for interval_ns, slot in sorted(state.timer_slots.items()):
        yield TimerFired(interval_ns, max(slot, now_ns // interval_ns))


def _state(journal: Path) -> tuple[TraderState, int]:
    state, last_ns, decode = TraderState(), 0, codec()
    for stored in read_records(journal):
        record: Record = decode.decode(*stored)
        state.replay(record)
        last_ns = record.time_ns
    return state, last_ns


def _copied(records: Iterable[tuple[int, bytes]], folder: Path) -> tuple[int, str]:
    """Write records into a journal of their own; return how many, and their digest."""
    try:
        make_private_directory(folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from error
    digest, count = sha256(), 0

    def payloads() -> Iterator[bytes]:
        nonlocal count
        for sequence, payload in records:
            count += 1
            if sequence != count:
                raise ConfigError(f"record {count} is missing: found {sequence}")
            _add(digest, payload)
            yield payload

    journal = Journal(folder / "journal")
    try:
        _write(journal, payloads())
    finally:
        journal.close()
    return count, digest.hexdigest()


def _write(journal: Journal, payloads: Iterable[bytes]) -> None:
    batch: list[bytes] = []
    for payload in payloads:
        batch.append(payload)
        if len(batch) == BATCH:
            journal.append_all(batch)
            journal.commit()
            batch = []
    journal.append_all(batch)
    journal.commit()


def _digest(records: Iterable[tuple[int, bytes]]) -> tuple[int, str]:
    digest, count = sha256(), 0
    for _, payload in records:
        _add(digest, payload)
        count += 1
    return count, digest.hexdigest()


def _add(digest: Any, payload: bytes) -> None:
    digest.update(len(payload).to_bytes(8))
    digest.update(payload)
