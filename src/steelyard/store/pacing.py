"""What a host's traders share of a venue's limits: one small file per address, key and account.

The files lie outside every data directory, because a venue counts a host's requests and not those
of a directory. The address's file is the lock of all three. The invariant: between lock and unlock
one trader alone has read and written, so two that ask at once never get the same units; a trader
that is killed leaves what it has taken as used, and no lock. A state is written by one call within
one page, which no signal parts. A file that is torn or somebody else's is begun anew, with nothing
sent for a minute, and `notes` say so. Names are digests: no file tells a key. A trader that holds a
lock and does nothing is not waited for.
"""

import errno
import fcntl
import os
import stat
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.store.disk import make_private_directory
from steelyard.wire import budget
from steelyard.wire.budget import SIZE, Cost, Held, Party, Spent, Stop
from steelyard.wire.limits import LimitProfile, Per
from steelyard.wire.outcome import Chance

LOCK_TRIES, LOCK_PAUSE_S = 40, 0.0005  # a lock is held for microseconds
BUSY_NS = SECOND_NS // 10  # when a file was not to be had, try again after
LATER_MAX = 100  # words of the venue that wait for a file
FORGOTTEN_NS = 7 * 24 * 3_600 * SECOND_NS  # nobody has used a file for so long: it goes
SUFFIX = ".pace"
NOTES_MAX = 20
USUAL_PORTS = {"http": 80, "https": 443}
PLAIN_MAX = 500  # kinds of requests whose counts are kept
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_HELD = frozenset({errno.EAGAIN, errno.EACCES})


class Names(NamedTuple):
    """Whose requests they are: the venue's host and port (`host_of`), the key's id, the account."""

    host: str
    key: str
    account: str


def host_of(base_url: str) -> str:
    """Return a venue's host and port, which are the same however its address is written."""
    parts = urlsplit(base_url)
    name = (parts.hostname or "").rstrip(".")
    name = f"[{name}]" if ":" in name else name
    is_usual = parts.port in {None, USUAL_PORTS.get(parts.scheme)}
    return name if is_usual else f"{name}:{parts.port}"


_IP, _KEY, _ALL = frozenset({Per.IP}), frozenset({Per.KEY}), frozenset(budget.HOLDERS)
_Parties = dict[Per, Party]
_Plain = tuple[bytes, bytes | None, bytes | None]  # counts of address, key and account
_Result = TypeVar("_Result")


class _Short(Protocol):
    """The short way through the files; `_native.PaceFiles` is it."""

    def take(
        self,
        address: bytes,
        key: bytes | None,
        account: bytes | None,
        now_ns: int,
        uptime_ns: int,
    ) -> bool | None:
        """Use units; return whether they were used, None: open the files anew."""
        ...

    def make_ready(self) -> None:
        """Read the files, so that the first call of the others finds them known."""
        ...

    def signed(
        self,
        signer: Any,
        terms: tuple[Any, ...],
        counts: _Plain,
        times_ns: tuple[int, int],
    ) -> bytes | None:
        """Sign an order, then use units; return its body, None: nothing was used."""
        ...


# None where no native module has it: all go the long way.
_new_short: Callable[[Path, list[tuple[Path, bytes, int, int]]], _Short] | None = None
with suppress(ImportError):
    from steelyard._native import PaceFiles

    _new_short = PaceFiles


class _Busy(Exception):
    """A file is not to be had now."""


class _File:
    """One party's file, held open."""

    def __init__(self, path: Path, identity: bytes) -> None:
        self.path = path
        self.identity = identity
        self._party = Party()
        self._data = b""  # what the party was read from, or written to
        self._fd = -1

    def lock(self) -> None:
        """Lock the file, opened anew if somebody has removed it."""
        for _ in range(LOCK_TRIES):
            if self._fd < 0:
                self._open()
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in _HELD:
                    raise
                time.sleep(LOCK_PAUSE_S)
                continue
            if os.fstat(self._fd).st_nlink:
                return
            self.close()
        raise _Busy

    def find(self) -> None:
        """Open the file, anew if somebody has removed it."""
        if self._fd >= 0 and not os.fstat(self._fd).st_nlink:
            self.close()
        if self._fd < 0:
            self._open()

    @property
    def opened(self) -> tuple[Path, bytes, int, int]:
        """Which file it is: its path, whose, its device and number."""
        found = os.fstat(self._fd)
        return self.path, self.identity, found.st_dev, found.st_ino

    def read(self) -> tuple[Party, str | None]:
        """Return the party, and what is to be said of the file."""
        data = os.pread(self._fd, SIZE + 1, 0)  # of one that is too long, one byte too many
        if data == self._data and data:
            return self._party, None
        party = budget.unpacked(data, self.identity)
        self._data = data if party else b""
        self._party = party or Party()
        if party or not data:
            return self._party, None
        return self._party, (
            f"{self.path} is damaged or no file of this venue's limits; it is begun anew, and "
            "nothing is sent for a minute, because what was used and told before is not known"
        )

    def write(self) -> None:
        """Write the party as it is now."""
        data = budget.packed(self._party, self.identity)
        if data != self._data:
            os.pwrite(self._fd, data, 0)
            if os.fstat(self._fd).st_size != SIZE:
                os.ftruncate(self._fd, SIZE)
            self._data = data

    def unlock(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        make_private_directory(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "not a file", str(self.path))


class SharedPacing:
    """A trader's parties, shared with every other trader of this host at the same venue."""

    def __init__(
        self,
        directory: Path,
        names: Names,
        limits: LimitProfile,
        rng: Chance,
        now_ns: int,
        uptime_ns: Callable[[], int],
    ) -> None:
        """Open the files; those that nobody has used for long are removed.

        Raises:
            ConfigError: They cannot be made or written.
        """
        self._limits = limits
        self._plain: dict[tuple[Cost, bool], _Plain | None] = {}  # of these limits
        self._last_cost: Cost | None = None  # that was asked for, and its counts
        self._last_urgent = False
        self._last_plain: _Plain | None = None
        self._short: _Short | None = None
        self.notes: deque[str] = deque(maxlen=NOTES_MAX)  # to be logged
        self._rng = rng
        self._uptime_ns = uptime_ns
        self._set_ns = 0  # the host's clock less its uptime, as it was last told
        self._later: deque[Callable[[_Parties], None]] = deque(maxlen=LATER_MAX)
        self._is_failing = False
        self._files = {
            Per.IP: _file(directory, names.host, "ip", ""),
            Per.KEY: _file(directory, names.host, "key", names.key),
            Per.ACCOUNT: _file(directory, names.host, "account", names.account),
        }
        self._lock = self._files[Per.IP]
        try:
            _forget(directory, now_ns)
            with suppress(_Busy):
                self._locked(now_ns, _ALL, _do_nothing)
        except OSError as error:
            self.close()
            raise ConfigError(
                f"what traders of this host share of a venue's limits cannot be kept in "
                f"{directory}: {error.strerror or error}; make it writable, or name another "
                "directory in STEELYARD_STATE"
            ) from error

    @property
    def limits(self) -> LimitProfile:
        """The venue's limits, as they are known."""
        return self._limits

    @limits.setter
    def limits(self, limits: LimitProfile) -> None:
        self._limits = limits
        self._plain.clear()
        self._last_cost = None

    def make_ready(self, cost: Cost) -> None:
        """Make all that the short way of a cost needs, so that the first is as quick as the next.

        Nothing is used. Where the files are not to be had now, the first request makes it.
        """
        limits = self._limits
        if self._plain_of(cost, is_urgent=False) is None:
            return
        with suppress(OSError, _Busy):
            now_ns, holders = self._set_ns + self._uptime_ns(), budget.holders_of(limits, cost)
            self._locked(now_ns, holders, lambda parties: budget.name(limits, parties, cost))
            if (short := self._short or self._new_short()) is not None:
                short.make_ready()

    def take(self, cost: Cost, now_ns: int, *, is_urgent: bool) -> Held | None:
        """Use what a request costs, or return why it may not be sent now."""
        if not (self._later or self._is_failing):
            # Nearly all are of one cost, which is one object.
            is_same = cost is self._last_cost and is_urgent is self._last_urgent
            plain = self._last_plain if is_same else self._plain_of(cost, is_urgent=is_urgent)
            if plain is not None and (short := self._short or self._new_short()) is not None:
                took = short.take(*plain, now_ns, self._uptime_ns())
                if took:
                    return None
                if took is None:
                    self._short = None
        limits = self._limits
        try:
            return self._locked(
                now_ns,
                budget.holders_of(limits, cost),
                lambda parties: budget.take(limits, parties, cost, now_ns, is_urgent=is_urgent),
            )
        except (OSError, _Busy) as error:
            return self._failed(error)

    def signed(self, cost: Cost, now_ns: int, signer: Any, terms: tuple[Any, ...]) -> bytes | None:
        """Return an order's body by a native signer, paid for; None: nothing was used, `take`."""
        short = self._short
        if short is None or self._later or self._is_failing:
            return None
        is_same = cost is self._last_cost and self._last_urgent is False
        plain = self._last_plain if is_same else self._plain_of(cost, is_urgent=False)
        if plain is None:
            return None
        return short.signed(signer, terms, plain, (now_ns, self._uptime_ns()))

    def learn(self, told: tuple[Spent, ...], now_ns: int, offset_ns: int) -> None:
        """Take what the venue says is used."""
        self._do(
            now_ns,
            lambda parties: budget.learn(self.limits, parties, told, now_ns, offset_ns),
        )

    def told_to_stop(self, now_ns: int, for_ns: int, *, is_ban: bool) -> None:
        """Take the venue's word to stop; for_ns is 0 where it did not say for how long."""
        self._do(
            now_ns,
            lambda parties: parties[Per.IP].told_to_stop(now_ns, for_ns, self._rng, is_ban=is_ban),
        )

    def stamp(self, stamp_ns: int, now_ns: int) -> int:
        """Return a number for one request of the key: stamp_ns, or above every one before."""
        try:
            return self._locked(now_ns, _KEY, lambda parties: parties[Per.KEY].stamp(stamp_ns))
        except (OSError, _Busy) as error:
            self._failed(error)
            return stamp_ns  # the venue says so if it is no good

    def stop(self, now_ns: int) -> Stop | None:
        """Return for how long the venue has said to stop, or None."""
        try:
            return self._locked(now_ns, _IP, lambda parties: parties[Per.IP].stop(now_ns))
        except (OSError, _Busy) as error:
            self._failed(error)
            return None

    def usage(self, now_ns: int) -> dict[str, tuple[int, int]]:
        """Return by limit how much counts now, and how much there may be."""
        try:
            return self._locked(
                now_ns, _ALL, lambda parties: budget.usage(self.limits, parties, now_ns)
            )
        except (OSError, _Busy) as error:
            self._failed(error)
            return {}

    def close(self) -> None:
        """Let go of the files."""
        self._short = None
        for file in self._files.values():
            file.close()

    def _do(self, now_ns: int, act: Callable[[_Parties], None]) -> None:
        """Change the parties, as soon as they are to be had."""
        self._later.append(act)
        try:
            self._locked(now_ns, _ALL, _do_nothing)
        except (OSError, _Busy) as error:
            self._failed(error)

    def _plain_of(self, cost: Cost, *, is_urgent: bool) -> _Plain | None:
        """Return a request's counts as the short way takes them; None: it does not."""
        key = cost, is_urgent
        if key not in self._plain:
            if len(self._plain) >= PLAIN_MAX:
                self._plain.clear()
            counts = budget.plain_counts(self._limits, cost, is_urgent=is_urgent)
            found = dict(counts or ())
            self._plain[key] = (
                None
                if counts is None
                else (found.get(Per.IP, b""), found.get(Per.KEY), found.get(Per.ACCOUNT))
            )
        self._last_cost, self._last_urgent = key
        self._last_plain = self._plain[key]
        return self._last_plain

    def _new_short(self) -> _Short | None:
        """Open the files for the short way, where they are those that the long way has open."""
        if _new_short is None:
            return None
        with suppress(OSError):
            for file in self._files.values():
                file.find()
            opened = [file.opened for file in self._files.values()]
            self._short = _new_short(self._lock.path.parent, opened)
        return self._short

    def _locked(
        self, now_ns: int, wanted: frozenset[Per], act: Callable[[_Parties], _Result]
    ) -> _Result:
        """Do something with parties that one has to oneself."""
        self._lock.lock()
        try:
            return self._alone(now_ns, wanted, act)
        finally:
            self._lock.unlock()

    def _alone(
        self, now_ns: int, wanted: frozenset[Per], act: Callable[[_Parties], _Result]
    ) -> _Result:
        """Do something with parties, behind the lock; what waits for all of them comes first."""
        files = {per: file for per, file in self._files.items() if self._later or per in wanted}
        uptime_ns = self._uptime_ns()
        self._set_ns = now_ns - uptime_ns
        parties: _Parties = {}
        for per, file in files.items():
            if file is not self._lock:
                file.find()
            parties[per], note = file.read()
            parties[per].keep_time(now_ns, uptime_ns)
            if note is not None:
                self.notes.append(note)
                parties[per].hold(now_ns)
        while self._later:
            self._later.popleft()(parties)
        result = act(parties)
        for file in files.values():
            file.write()
        self._is_failing = False
        return result

    def _failed(self, error: Exception) -> Held:
        """Say once that the files are not to be had, and let nothing be sent meanwhile."""
        why = "another trader holds it" if isinstance(error, _Busy) else str(error)
        said = f"what this host has used of the venue's limits is not to be had: {why}"
        if not self._is_failing:
            self._is_failing = True
            self.notes.append(said)
        return Held(said, BUSY_NS)


class UrgentPacing(SharedPacing):
    """The kill switch's: where the files are not to be had, it counts by itself and goes on.

    A trader that was stopped while it held them must not hold up what is to stop it.
    """

    def __init__(
        self,
        directory: Path,
        names: Names,
        limits: LimitProfile,
        rng: Chance,
        now_ns: int,
        uptime_ns: Callable[[], int],
    ) -> None:
        """Open the files if they are to be had."""
        self._own = budget.LocalPacing(limits, rng)
        with suppress(ConfigError):
            super().__init__(directory, names, limits, rng, now_ns, uptime_ns)

    def take(self, cost: Cost, now_ns: int, *, is_urgent: bool) -> Held | None:
        """Use what a request costs, or return why it may not be sent now."""
        held = super().take(cost, now_ns, is_urgent=is_urgent)
        if held is None or not self._is_failing:
            return held
        return self._own.take(cost, now_ns, is_urgent=is_urgent)

    def told_to_stop(self, now_ns: int, for_ns: int, *, is_ban: bool) -> None:
        """Take the venue's word to stop, in both counts."""
        super().told_to_stop(now_ns, for_ns, is_ban=is_ban)
        self._own.told_to_stop(now_ns, for_ns, is_ban=is_ban)

    def stamp(self, stamp_ns: int, now_ns: int) -> int:
        """Return a number above every one before, or of this process where no other is known."""
        return super().stamp(self._own.stamp(stamp_ns, now_ns), now_ns)


def _do_nothing(_parties: _Parties) -> None:
    """Do what is waiting, and no more."""


def _file(directory: Path, host: str, kind: str, who: str) -> _File:
    """Return a party's file; its name says of which venue and of what it is."""
    identity = budget.digest(host, kind, who)
    shown = "".join(letter if letter in _LETTERS else "_" for letter in host.lower())[:60]
    return _File(directory / f"{shown}.{kind}.{identity.hex()[:16]}{SUFFIX}", identity)


def _forget(directory: Path, now_ns: int) -> None:
    """Remove files that nobody has used for long."""
    if not directory.is_dir():
        return
    for path in directory.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            if now_ns - path.stat().st_mtime_ns > FORGOTTEN_NS:
                path.unlink()
