"""Which market an exchange trades in, as the command line and the directory say it.

A source is written into the directory when the exchange is founded, so that replay makes the
same market; starting with another one is refused.
"""

import hashlib
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_told import OK, MarketDocument
from steelyard.domain.errors import ConfigError, DecodeError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.house import Market
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.live import LiveTape
from steelyard.exchange.records import FORMAT, Founded
from steelyard.exchange.script import Script
from steelyard.exchange.script_text import SCRIPT_MAX_BYTES, parse_script
from steelyard.exchange.tape import SPEED_ONE_E4, AtEnd, Tape, TapeEvent
from steelyard.store.recordings import lines, sha256
from steelyard.wire.http import Response, json_response

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


class ScriptSource(Struct, frozen=True, tag="script"):
    """Timed lines of a file, at `speed` times their pace. at_end is None where the file says it."""

    path: str
    sha256: str
    speed: str = "1"
    at_end: Literal["hold", "loop", "exit"] | None = None


MarketSource = CrowdSource | TapeSource | ScriptSource | LiveSource
_KINDS: dict[type[MarketSource], str] = {
    CrowdSource: "crowd",
    TapeSource: "tape",
    ScriptSource: "script",
    LiveSource: "live",
}


def founding(source: MarketSource) -> Founded:
    """Return the first record of an exchange on this market."""
    return Founded(FORMAT, _KINDS[type(source)], msgspec.json.encode(source).decode())


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
        case ScriptSource(), ScriptSource() if (asked.sha256, asked.speed) == (
            own.sha256,
            own.speed,
        ):
            return
        case LiveSource(), LiveSource() if asked.is_of(own):
            return
        case _:
            pass
    raise ConfigError(
        f"this directory's exchange trades with {describe(own)}, not {describe(asked)}; "
        "leave the market option out, or choose another --data"
    )


def market_response(source: MarketSource) -> Response:
    """Return what bots are told of a market."""
    follows: dict[str, str] = {}
    if isinstance(source, LiveSource):
        for place in source.places:
            parts = urlsplit(place.ws)
            host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
            follows |= dict.fromkeys(place.symbols, f"{place.dialect} {parts.scheme}://{host}")
    return json_response(OK, msgspec.json.encode(MarketDocument(_KINDS[type(source)], follows)))


def describe(source: MarketSource) -> str:
    """Return a market in words: `crowd seed 7`, `tape NAME @2x`, `live binance BTC-USDT`."""
    if isinstance(source, CrowdSource):
        return f"crowd seed {source.seed}"
    if isinstance(source, LiveSource):
        return str(source)
    return f"{_KINDS[type(source)]} {Path(source.path).name} @{source.speed}x"


def tape_source(text: str, at_end: str) -> TapeSource:
    """Return the tape that `FILE` or `FILE@SPEED` names.

    Raises:
        UsageError: No such file, a speed that is not positive, an unknown ending.
    """
    path, speed = _file_and_speed(text, "tape", "no recording at {}; give a .jsonl.gz file")
    _check_end(at_end)
    return TapeSource(str(path), sha256(path), speed, at_end)  # type: ignore[arg-type]


def script_source(text: str, at_end: str | None = None) -> ScriptSource:
    """Return the script that `FILE` or `FILE@SPEED` names, read through.

    Raises:
        UsageError: No such file, a speed that is not positive, an unknown ending, or a line that
            is none.
        ConfigError: A line that cannot be done.
    """
    path, speed = _file_and_speed(text, "script", "no script at {}; give a text file")
    if at_end is not None:
        _check_end(at_end)
    source = ScriptSource(str(path), sha256(path), speed, at_end)  # type: ignore[arg-type]
    make_market(source)
    return source


def _file_and_speed(text: str, kind: str, missing: str) -> tuple[Path, str]:
    name, _, speed = text.rpartition("@")
    if not name or not _is_number(speed):
        name, speed = text, "1"
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise UsageError(f"{missing.format(name)}, as FILE or FILE@SPEED")
    if not Decimal("0.01") <= Decimal(speed) <= Decimal(1000):
        raise UsageError(f"{kind} speed {speed} must be from 0.01 to 1000")
    return path, speed


def _check_end(at_end: str) -> None:
    if at_end not in ("hold", "loop", "exit"):
        raise UsageError(f"--at-end {at_end!r} must be hold, loop or exit")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text))


def make_market(source: MarketSource) -> Market:
    """Return the market of a source.

    Raises:
        ConfigError: The recording or script is gone, another one, or not one that can be played.
    """
    if isinstance(source, CrowdSource):
        return Crowd(source.seed)
    if isinstance(source, ScriptSource):
        return _script(source)
    if isinstance(source, LiveSource):
        return LiveTape(source.instruments, str(source).removeprefix("live "))
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


def _script(source: ScriptSource) -> Script:
    file = Path(source.path)
    try:
        with file.open("rb") as opened:
            written = opened.read(SCRIPT_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the script {file} cannot be read: {error.strerror}") from error
    if len(written) > SCRIPT_MAX_BYTES:
        raise ConfigError(f"{file} is longer than {SCRIPT_MAX_BYTES} bytes, which no script is")
    if hashlib.sha256(written).hexdigest() != source.sha256:
        raise ConfigError(
            f"the script {file} has been changed since this directory was founded on it; put the "
            "old text back, or choose another --data"
        )
    try:
        text = written.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is no text in UTF-8: {error}") from error
    return Script(
        parse_script(file.name, text, Listings(listing.instrument for listing in LISTINGS)),
        f"{file.name}-{source.sha256[:8]}",
        speed_e4=int(Decimal(source.speed) * SPEED_ONE_E4),
        at_end=None if source.at_end is None else AtEnd(source.at_end),
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
