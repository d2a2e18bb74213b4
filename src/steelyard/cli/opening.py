"""Opening an exchange's directory: lock, newest snapshot, replay of what came after."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_source import (
    CrowdSource,
    MarketSource,
    check_same,
    founding,
    make_market,
    source_of,
)
from steelyard.domain.errors import ConfigError, DecodeError
from steelyard.domain.journal import gapless
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import new_engine, record_decoder
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.records import ClockSet, Founded, codec
from steelyard.exchange.sealed import OPTION, forget, unopened
from steelyard.store.datadir import Directory, config_directory
from steelyard.store.journal import Journal
from steelyard.store.snapshots import Found, Snapshots
from steelyard.vault.key_pairs import read_public_key
from steelyard.vault.seal import FileSeal


class OpenExchange:
    """An exchange's machine with its directory, held by this process until `close`."""

    def __init__(
        self,
        data: Path,
        source: MarketSource | None,
        now_ns: int,
        *,
        begins_ns: int | None = None,
        once_locked: Callable[[], None] = lambda: None,
    ) -> None:
        """Open or found the exchange, at another time of its own than now_ns where that is asked.

        once_locked is called when the directory is ours and nothing is founded in it yet: what
        it raises leaves no exchange behind.

        Raises:
            ConfigError: The directory cannot be used, or was founded on another market.
        """
        self.pid = os.getpid()
        self.directory = Directory(data / "exchange")
        self.is_closed = False
        self._forgotten = ""
        try:
            once_locked()
            with _all_is_kept():
                self._open(source, now_ns, begins_ns)
        except BaseException:
            self.close()
            raise

    @property
    def repairs(self) -> list[str]:
        """What was found damaged or foreign at opening and was mended, one sentence each."""
        found = (self.journal.repair, self._passed_over, self._forgotten)
        return [text for text in found if text]

    def check_seal(self, now_ns: int, *, forgets: bool = False) -> None:
        """Look whether what is sealed opens; forget what does not, or refuse to go on.

        Raises:
            ConfigError: Some of it does not open; this is closed then.
        """
        found = unopened(self.exchange, self.seal, self.exchange.time_at(now_ns))
        if not found:
            return
        if not forgets:
            self.close()
            raise ConfigError(
                f"{self.directory.path} has {found} sealed by another seal key than "
                f"{self._seal_key}, which would not work: it comes from another machine or user, "
                "or its seal key is gone. Put that key there; or, where there is none, start once "
                f"with `steelyard exchange {OPTION}`, which revokes those keys and takes those "
                "second factors away, and issue new keys with `steelyard key create`"
            )
        forget(self.exchange, found, self.exchange.time_at(now_ns))
        self._forgotten = f"forgot {found}, which another seal key had sealed"

    def save_snapshot(self, data: bytes, sequence: int | None = None) -> None:
        """Keep a snapshot of the state after a record (default: the last one), and drop records
        that no kept snapshot needs.
        """  # noqa: D205
        self.snapshots.save(self.journal.last_sequence if sequence is None else sequence, data)
        self.journal.retire(self.snapshots.oldest_sequence())

    def close(self) -> None:
        """Let go of everything; safe to call twice."""
        if not self.is_closed:
            self.is_closed = True
            if hasattr(self, "journal"):
                self.journal.close()
            self.directory.close()

    def _open(self, source: MarketSource | None, now_ns: int, begins_ns: int | None) -> None:
        path = self.directory.path
        self._seal_key = config_directory() / "seal.key"
        self.seal = FileSeal(self._seal_key)
        self.snapshots = Snapshots(path / "snapshots")
        found = self.snapshots.latest()
        self._passed_over = self.snapshots.repair
        self.journal = Journal(path / "journal", after=found.sequence if found else 0)
        founded = self._founded(found)
        if founded is not None and begins_ns is not None:
            raise ConfigError(
                f"--begin is for a new directory, and {path} has begun already: leave it out, "
                "choose another --data, or let days pass with `steelyard clock`"
            )
        if founded is not None and source is not None:
            check_same(source, founded)
        self.source = source_of(founded) if founded else source or CrowdSource()
        if isinstance(source, LiveSource) and isinstance(self.source, LiveSource):
            self.source = self.source.at(source)
        market = make_market(self.source)
        engine = new_engine(QueueModel.PROPORTIONAL)
        self.exchange = Exchange(engine, market, self.seal, read_public_key)
        if founded is None:
            self.exchange.found(founding(self.source), now_ns if begins_ns is None else begins_ns)
            if begins_ns is not None:
                self.exchange.record(
                    ClockSet(begins_ns, begins_ns - now_ns, is_frozen=False), begins_ns
                )
            return
        after = 0
        if found is not None:
            self.exchange.restore(found.data)
            after = found.sequence
        decode = codec(record_decoder()).decode
        try:
            for record in gapless((decode(s, p) for s, p in self.journal.records(after)), after):
                self.exchange.replay(record)
        except DecodeError as error:
            raise ConfigError(f"{path}: {error}") from error
        self.exchange.drain()

    def _founded(self, found: Found | None) -> Founded | None:
        """Return the first record, from the snapshot or the journal."""
        if found is not None:
            return Exchange.founded_in(found.data)
        for sequence, payload in self.journal.records(0):
            message = codec().decode(sequence, payload).message
            if isinstance(message, Founded):
                return message
            raise ConfigError(f"{self.directory.path} does not begin with its founding")
        return None


def is_founded(data: Path) -> bool:
    """Return whether an exchange has been founded in a directory, as far as can be seen."""
    return any((data / "exchange" / "journal").glob("*.log"))


@contextmanager
def _all_is_kept() -> Iterator[None]:
    """Look for no garbage among what is made here, now or later.

    Of a million orders and fills none is garbage; to look through them takes longer than to read
    them, and later it would halt the exchange for a good part of a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
