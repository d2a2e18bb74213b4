"""Which market an exchange trades in, as the command line and the directory say it.

A source is written into the directory when the exchange is founded, so that replay makes the
same market; starting with another one is refused.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.errors import ConfigError, DecodeError, UsageError
from steelyard.domain.instrument import Instrument
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.house import Market
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.records import FORMAT, Founded
from steelyard.exchange.tape import SPEED_ONE_E4, AtEnd, Tape, TapeEvent
from steelyard.store.recordings import lines, sha256

_EXPECTED = (
    "Expected is a recording of Binance spot, packed by gzip: lines of local nanoseconds, a space "
    "and a frame of the combined streams depth, trade or bookTicker"
)


class CrowdSource(Struct, frozen=True, tag="crowd"):
    """Seeded participants."""

    seed: int = 1


class TapeSource(Struct, frozen=True, tag="tape"):
    """A recording, played at `speed` times its own pace. sha256 is the file's."""

    path: str
    sha256: str
    speed: str = "1"
    at_end: Literal["hold", "loop", "exit"] = "hold"


MarketSource = CrowdSource | TapeSource


def founding(source: MarketSource) -> Founded:
    """Return the first record of an exchange on this market."""
    kind = "crowd" if isinstance(source, CrowdSource) else "tape"
    return Founded(FORMAT, kind, msgspec.json.encode(source).decode())


def source_of(founded: Founded) -> MarketSource:
    """Return the market of an exchange that was founded before.

    Raises:
        ConfigError: The record is of another version of steelyard.
    """
    if founded.format != FORMAT:
        raise ConfigError(
            f"this directory has exchange format {founded.format}, this steelyard writes {FORMAT}; "
            "use the steelyard that wrote it, or another --data"
        )
    source: MarketSource = msgspec.json.decode(founded.source, type=MarketSource)
    return source


def check_same(asked: MarketSource, founded: Founded) -> None:
    """Refuse another market than the directory's own.

    Raises:
        ConfigError: They differ; the message says how to start it.
    """
    own = source_of(founded)
    match asked, own:
        case CrowdSource(), CrowdSource() if asked.seed == own.seed:
            return
        case TapeSource(), TapeSource() if (asked.sha256, asked.speed) == (own.sha256, own.speed):
            return
    raise ConfigError(
        f"this directory's exchange trades with {describe(own)}, not {describe(asked)}; "
        "leave the market option out, or choose another --data"
    )


def describe(source: MarketSource) -> str:
    """Return a market in words: `crowd seed 7`, `tape NAME @2x`."""
    if isinstance(source, CrowdSource):
        return f"crowd seed {source.seed}"
    return f"tape {Path(source.path).name} @{source.speed}x"


def tape_source(text: str, at_end: str) -> TapeSource:
    """Return the tape that `FILE` or `FILE@SPEED` names.

    Raises:
        UsageError: No such file, a speed that is not positive, an unknown ending.
    """
    name, _, speed = text.rpartition("@")
    if not name or not _is_number(speed):
        name, speed = text, "1"
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise UsageError(f"no recording at {name}; give a .jsonl.gz file, as FILE or FILE@SPEED")
    if not Decimal("0.01") <= Decimal(speed) <= Decimal(1000):
        raise UsageError(f"tape speed {speed} must be from 0.01 to 1000")
    if at_end not in ("hold", "loop", "exit"):
        raise UsageError(f"--at-end {at_end!r} must be hold, loop or exit")
    return TapeSource(str(path), sha256(path), speed, at_end)  # type: ignore[arg-type]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text))


def make_market(source: MarketSource) -> Market:
    """Return the market of a source.

    Raises:
        ConfigError: The recording is gone, another one, or not one that can be played.
    """
    if isinstance(source, CrowdSource):
        return Crowd(source.seed)
    file = Path(source.path)
    instrument = _recorded_instrument(file)
    speed_e4 = int(Decimal(source.speed) * SPEED_ONE_E4)
    name = f"{file.name.removesuffix('.gz').removesuffix('.jsonl')}-{source.sha256[:8]}"
    return Tape(
        instrument,
        lambda: _recorded(file, instrument),
        name,
        speed_e4=speed_e4,
        at_end=AtEnd(source.at_end),
    )


def _recorded(file: Path, instrument: Instrument) -> Iterator[TapeEvent]:
    from steelyard.dialects.binance.recording import tape_events  # noqa: PLC0415 only for a tape

    try:
        yield from tape_events(lines(file), instrument)
    except DecodeError as error:
        raise ConfigError(f"{file} is no tape: {error}. {_EXPECTED}") from error


def _recorded_instrument(file: Path) -> Instrument:
    from steelyard.dialects.binance.text import symbol_text  # noqa: PLC0415 only for a tape

    first = next(lines(file), b"")
    stream = first.partition(b'"stream":"')[2].partition(b"@")[0].decode("ascii", "replace")
    for listing in LISTINGS:
        if symbol_text(listing.instrument).lower() == stream:
            # On a tape's exchange it is the only one, so it has the first number.
            return replace(listing.instrument, instrument_id=0)
    known = ", ".join(symbol_text(listing.instrument) for listing in LISTINGS)
    raise ConfigError(
        f"{file} is no tape: it does not begin with a stream of one of {known}. {_EXPECTED}"
    )
