"""`--limits`: which rate limits an exchange enforces.

`venue` is each dialect's own fact sheet. `tutorial` is what introductions to exchange APIs
teach (A22): 50 requests in a second, 100 in a minute. `off` is none. A TOML file replaces the
limits of the dialects it names. Each dialect counts by itself, and what is refused counts too.
"""

import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import msgspec
from msgspec import Struct

from steelyard import dialects
from steelyard.cli.options import parse_duration_ns
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.limits import UNLIMITED, Counts, Limit, LimitProfile, Per

TUTORIAL = LimitProfile(
    (
        Limit("requests_1s", Per.IP, Counts.REQUESTS, 50, SECOND_NS),
        Limit("requests_1m", Per.IP, Counts.REQUESTS, 100, MINUTE_NS),
    )
)

# What docs/reference/limits.md shows of a file.
EXAMPLE = """\
[binance]
ban_after = 10          # refusals in a window, then the address is shut out; 0: never
ban = "2m"              # for so long

[[binance.limits]]
name = "orders"         # said in refusals
per = "account"         # ip, key or account
counts = "orders"       # weight, requests or orders
limit = 10
window = "1s"           # aligned to the clock

[native]
limits = []             # none at all; a dialect that is not named keeps its own
"""

_PROFILES = {"tutorial": TUTORIAL, "off": UNLIMITED}

# (dialect, its own limits) -> the limits to enforce
Chooser = Callable[[str, LimitProfile], LimitProfile]


class LimitRow(Struct, forbid_unknown_fields=True):
    """One limit of a file: `{name, per, counts, limit, window = "10s"}`."""

    name: str
    per: Per
    counts: Counts
    limit: int
    window: str


class LimitFile(Struct, forbid_unknown_fields=True):
    """One dialect's table of a file."""

    limits: list[LimitRow]
    ban_after: int = 0
    ban: str = "2m"


def profile_chooser(text: str) -> Chooser:
    """Return what `--limits` means.

    Raises:
        UsageError: Neither a profile nor a file.
        ConfigError: The file does not have the form; the message names the place.
    """
    if text == "venue":
        return lambda _, own: own
    if text in _PROFILES:
        return lambda *_: _PROFILES[text]
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"--limits {text!r} is neither venue, tutorial, off nor a file")
    profiles = _read(path)
    return profiles.get


def _read(path: Path) -> dict[str, LimitProfile]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        files = msgspec.convert(document, dict[str, LimitFile])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for name in files:
        if name not in dialects.names():
            near = get_close_matches(name, dialects.names(), 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{path}: there is no dialect {name!r}{meant}")
    return {name: _profile(path, file) for name, file in files.items()}


def _profile(path: Path, file: LimitFile) -> LimitProfile:
    for row in file.limits:
        if row.limit < 1 or parse_duration_ns(row.window) < 1:
            raise ConfigError(f"{path}: limit and window of {row.name!r} must be positive")
    names = [row.name for row in file.limits]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(
            f"{path}: {twice!r} names two limits of a dialect; each counts by its name"
        )
    if file.ban_after < 0:
        raise ConfigError(f"{path}: ban_after must be 0, for never, or positive")
    limits = tuple(
        Limit(row.name, row.per, row.counts, row.limit, parse_duration_ns(row.window))
        for row in file.limits
    )
    return LimitProfile(limits, file.ban_after, parse_duration_ns(file.ban))
