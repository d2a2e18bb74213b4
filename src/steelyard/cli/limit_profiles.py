"""`--limits`: which rate limits an exchange enforces.

`venue` is each dialect's own fact sheet, `off` is none. `tutorial` and `tutorial-coinbase` are
what introductions to exchange APIs teach, on every dialect. A file, TOML or JSON, replaces the
limits of the dialects that it names. Each dialect counts by itself.
"""

import json
import re
import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from steelyard import dialects
from steelyard.cli.options import parse_duration_ns
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.exchange.limiter import CONNECTS
from steelyard.wire.limits import (
    PRIVATE,
    PUBLIC,
    SLIDING_MAX,
    UNLIMITED,
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
)

_SOCKETS = SocketLimits(
    connections=20, connects=60, connects_ns=MINUTE_NS, subscriptions=50, messages=10
)

# A22: 50 requests in the first second, 100 in a minute. A24: orders have a limit of their own.
TUTORIAL = LimitProfile(
    (
        Limit("requests_1s", Per.IP, Counts.REQUESTS, 50, SECOND_NS, Kind.SLIDING),
        Limit("requests_1m", Per.IP, Counts.REQUESTS, 100, MINUTE_NS, Kind.SLIDING),
        Limit("orders_1s", Per.ACCOUNT, Counts.ORDERS, 10, SECOND_NS, Kind.SLIDING),
    ),
    ban_after=100,
    ban_ns=MINUTE_NS,
    sockets=_SOCKETS,
)

# A23: 10 requests a second, 15 where a key is needed.
TUTORIAL_COINBASE = LimitProfile(
    (
        Limit("public_1s", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING, (PUBLIC,)),
        Limit("private_1s", Per.IP, Counts.REQUESTS, 15, SECOND_NS, Kind.SLIDING, (PRIVATE,)),
    ),
    ban_after=100,
    ban_ns=MINUTE_NS,
    sockets=_SOCKETS,
)

PROFILES = {"tutorial": TUTORIAL, "tutorial-coinbase": TUTORIAL_COINBASE, "off": UNLIMITED}

LIMIT_MAX = 10**9
SPAN_MAX_NS = 366 * 86_400 * 10**9

# What docs/concepts/limits.md shows of a file.
EXAMPLE = """\
[binance]
ban_after = 10              # refusals in a window, then the address is shut out; 0: never
ban = "2m"                  # for so long
revoke_after = 3            # bans, then the key that brought them on is worth nothing; 0: never
revoke_within = "1h"        # so many in so long

[[binance.limits]]
name = "requests"           # said in refusals
per = "ip"                  # ip, key or account
counts = "requests"         # weight, requests or orders
limit = 20
window = "1s"
kind = "sliding"            # any second; "aligned", the default: each second of the clock;
                            # "bucket": so many at once, which come back evenly within a window

[[binance.limits]]
name = "candles"
per = "ip"
counts = "requests"
limit = 5
window = "1s"
routes = ["/api/v3/klines"] # public, private, paths, or methods and paths; without: every request

[[binance.limits]]
name = "orders"
per = "account"
counts = "orders"
limit = 10
window = "1s"

[binance.websocket]         # what is left out, or 0, is not limited
connections = 5             # open at a time from one address
connects = 30               # opened from one address
connects_window = "1m"      # in any so long
subscriptions = 20          # streams on one connection
messages_per_second = 5     # to a stream, on one connection

[native]
limits = []                 # none at all; a dialect that is not named keeps its own
"""

# (dialect, its own limits) -> the limits to enforce
Chooser = Callable[[str, LimitProfile], LimitProfile]


class LimitRow(Struct, forbid_unknown_fields=True):
    """One limit of a file: `{name, per, counts, limit, window = "10s"}`, and more as in EXAMPLE."""

    name: str
    per: Per
    counts: Counts
    limit: int
    window: str
    kind: Kind = Kind.ALIGNED
    routes: list[str] = []


class SocketRow(Struct, forbid_unknown_fields=True):
    """A file's limits on WebSockets."""

    connections: int = 0
    connects: int = 0
    connects_window: str = "5m"
    subscriptions: int = 0
    messages_per_second: int = 0


class LimitFile(Struct, forbid_unknown_fields=True):
    """One dialect's table of a file."""

    limits: list[LimitRow]
    ban_after: int = 0
    ban: str = "2m"
    revoke_after: int = 0
    revoke_within: str = "1h"
    websocket: SocketRow = msgspec.field(default_factory=SocketRow)


def profile_chooser(text: str) -> Chooser:
    """Return what `--limits` means.

    Raises:
        UsageError: Neither a profile nor a file.
        ConfigError: The file does not have the form; the message names the place.
    """
    if text == "venue":
        return lambda _, own: own
    if text in PROFILES:
        return lambda *_: PROFILES[text]
    path = Path(text)
    if not path.is_file():
        names = ", ".join(["venue", *list(PROFILES)[:-1]])
        raise UsageError(f"--limits {text!r} is neither {names}, off nor a file")
    profiles = _read(path)
    return profiles.get


def _read(path: Path) -> dict[str, LimitProfile]:
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of either form, and of UTF-8
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be an object with a table for each dialect")
    for name in document:
        if name not in dialects.names():
            there = ", ".join(dialects.names())
            raise ConfigError(
                f"{path}: there is no dialect {name!r}{_meant(name, dialects.names())}; "
                f"there are: {there}"
            )
    return {name: _profile(f"{path}: {name}", name, table) for name, table in document.items()}


def _profile(where: str, name: str, table: Any) -> LimitProfile:
    """Return one dialect's limits; where names its table in the file."""
    try:
        file = msgspec.convert(table, LimitFile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {str(error).replace('`$', f'`{name}')}") from error
    names = [row.name for row in file.limits]
    for index, row in enumerate(file.limits):
        at = f"{where}.limits[{index}]"
        if row.name in names[:index]:
            raise ConfigError(
                f"{at}.name: {row.name!r} names two limits of a dialect; each counts by its name"
            )
        # It goes out in a header.
        if row.name == CONNECTS or not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", row.name):
            raise ConfigError(
                f"{at}.name: {row.name!r} cannot be one; choose 1 to 40 letters, digits, - and _"
            )
        if not 1 <= row.limit <= LIMIT_MAX:
            raise ConfigError(f"{at}.limit: {row.limit} must be from 1 to {LIMIT_MAX}")
        if row.kind is Kind.SLIDING:
            _bounded(f"{at}.limit", row.limit, SLIDING_MAX)
        _check_routes(f"{at}.routes", name, row.routes)
    limits = tuple(
        Limit(
            row.name,
            row.per,
            row.counts,
            row.limit,
            _span_ns(f"{where}.limits[{index}].window", row.window),
            row.kind,
            tuple(row.routes),
        )
        for index, row in enumerate(file.limits)
    )
    for field in ("ban_after", "revoke_after"):
        if (value := getattr(file, field)) < 0:
            raise ConfigError(f"{where}.{field}: {value} must be 0, for never, or positive")
    if file.revoke_after and not file.ban_after:
        raise ConfigError(
            f"{where}.revoke_after: bans are what leads to a revocation; set ban_after too"
        )
    ban_ns = _span_ns(f"{where}.ban", file.ban)
    within_ns = _span_ns(f"{where}.revoke_within", file.revoke_within)
    if file.revoke_after > 1 and within_ns <= ban_ns * (file.revoke_after - 1):
        raise ConfigError(
            f"{where}.revoke_within: {file.revoke_after} bans of {file.ban} do not fit into "
            f"{file.revoke_within}; make it longer"
        )
    sockets = _sockets(f"{where}.websocket", file.websocket)
    return LimitProfile(limits, file.ban_after, ban_ns, file.revoke_after, within_ns, sockets)


def _sockets(where: str, row: SocketRow) -> SocketLimits:
    for field in ("connections", "connects", "subscriptions", "messages_per_second"):
        if (value := getattr(row, field)) < 0:
            raise ConfigError(f"{where}.{field}: {value} must be 0, for any number, or positive")
    _bounded(f"{where}.connects", row.connects, SLIDING_MAX)
    return SocketLimits(
        row.connections,
        row.connects,
        _span_ns(f"{where}.connects_window", row.connects_window),
        row.subscriptions,
        row.messages_per_second,
    )


def _check_routes(where: str, dialect: str, routes: list[str]) -> None:
    known = {PUBLIC, PRIVATE}
    for endpoint in dialects.find(dialect).endpoints:
        known |= {endpoint.path, f"{endpoint.method} {endpoint.path}"}
    for route in routes:
        if route not in known:
            raise ConfigError(
                f"{where}: {dialect} has no route {route!r}{_meant(route, known)}; say public, "
                "private, a path, or a method and a path"
            )


def _bounded(where: str, value: int, most: int) -> None:
    if value > most:
        raise ConfigError(
            f"{where}: {value} is more than {most}, which is the most of a window that slides; "
            "take a shorter window, or an aligned one"
        )


def _span_ns(where: str, text: str) -> int:
    try:
        span_ns = parse_duration_ns(text)
    except UsageError as error:
        raise ConfigError(f"{where}: {error}") from error
    if not 1 <= span_ns <= SPAN_MAX_NS:
        raise ConfigError(f"{where}: {text} must be positive, and at most 366d")
    return span_ns


def _meant(name: str, known: Any) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
