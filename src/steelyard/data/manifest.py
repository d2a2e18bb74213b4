"""What a dataset says of itself: its instrument, its sources, its files, and what is missing.

A dataset is a folder with a `manifest.json`, which names every file that belongs to it. Files are
written first and the manifest last, in one rename, so whoever looks sees the dataset before an
import or after it; a file that no manifest names is the rest of one that was cut short.
"""

import os
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import msgspec
from msgspec import Struct

from steelyard.data.exact import Step, step_of
from steelyard.data.kinds import Kind
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument

FORMAT = 1
NAME = "manifest.json"
PART = ".part"  # how the name of a file ends that is not in place yet

Gap = tuple[int, int]  # [from_ns, to_ns)


class Key(NamedTuple):
    """Which dataset."""

    kind: Kind
    venue: str
    symbol: str
    interval: str = ""  # of bars

    @property
    def name(self) -> str:
        """`binance/BTC-USDT/1m`, or `binance/BTC-USDT/trades`."""
        return f"{self.venue}/{self.symbol}/{self.interval or self.kind}"

    def folder(self, root: Path) -> Path:
        """Return where it is."""
        folder = root / f"kind={self.kind}" / f"venue={self.venue}" / f"symbol={self.symbol}"
        return folder / f"interval={self.interval}" if self.interval else folder


class Part(Struct, frozen=True):
    """One file of rows. The numbers are the first and last row's, 0 where they have none."""

    file: str  # relative to the manifest
    rows: int
    first_ns: int
    last_ns: int
    first_id: int = 0
    last_id: int = 0
    gaps: tuple[Gap, ...] = ()  # between its own rows


class Missing(Struct, frozen=True):
    """What a source said is not there."""

    from_ns: int
    to_ns: int
    why: str


class Imported(Struct, frozen=True):
    """One source, as it was read."""

    file: str
    sha256: str
    form: str  # how it was understood: "Binance klines", "table of trades"
    rows: int
    first_ns: int
    last_ns: int
    time_unit: str
    repeated: int = 0  # rows that were there already
    replaced: int = 0  # rows that took another's place
    rounded: int = 0  # prices and sizes, because it was asked for
    rounded_levels: int = 0  # sizes of levels that are no whole lots, rounded down
    datasets: int = 1  # that it was imported into
    imported_ns: int = 0
    version: str = ""
    is_whole: bool = True  # no row of it was replaced since, or lost with a damaged file


class Manifest(Struct, frozen=True):
    """A dataset. `steps` says who chose them: a listing, the user, or the data itself."""

    format: int
    kind: Kind
    venue: str
    symbol: str
    interval: str
    clock: str  # venue, or recorder
    steps: str  # listed, given, derived
    tick_size: str
    lot_size: str
    instrument: Instrument
    rows: int = 0
    first_ns: int = 0
    last_ns: int = 0
    gaps: tuple[Gap, ...] = ()
    missing: tuple[Missing, ...] = ()
    sources: tuple[Imported, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def key(self) -> Key:
        """Which dataset it is."""
        return Key(self.kind, self.venue, self.symbol, self.interval)

    @property
    def tick(self) -> Step:
        """The price step."""
        return step_of(self.instrument.tick_size)

    @property
    def lot(self) -> Step:
        """The size step."""
        return step_of(self.instrument.lot_size)


def read(folder: Path) -> Manifest | None:
    """Return a folder's manifest; None where there is none.

    Raises:
        ConfigError: It cannot be read, or is of another version.
    """
    path = folder / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{path} is no manifest of this steelyard: {error}; import the sources into another "
            "catalog"
        ) from error
    if manifest.format != FORMAT:
        raise ConfigError(
            f"{path} is of format {manifest.format}, this steelyard writes {FORMAT}; use the "
            "steelyard that wrote it, or import the sources into another catalog"
        )
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in place, and remove the files that it does not name.

    Raises:
        ConfigError: The disk refuses.
    """
    part = folder / f".{NAME}.{token_hex(4)}{PART}"
    try:
        with part.open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / NAME)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error
    sweep(folder, manifest)


def sweep(folder: Path, manifest: Manifest | None) -> None:
    """Remove what no manifest names: the rest of an import that was cut short, or was replaced."""
    named = {part.file for part in manifest.parts} if manifest else set()
    for path in folder.glob("date=*/*.parquet*"):
        if path.relative_to(folder).as_posix() not in named:
            path.unlink(missing_ok=True)
    for path in folder.glob(f".*{PART}"):
        path.unlink(missing_ok=True)


def datasets(root: Path) -> list[Manifest]:
    """Return every dataset below a catalog's root, by kind, venue and symbol."""
    folders = sorted(path.parent for path in root.glob(f"kind=*/venue=*/symbol=*/**/{NAME}"))
    return [manifest for folder in folders if (manifest := read(folder)) is not None]
