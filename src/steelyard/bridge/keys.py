"""What a key may do, at the exchanges of which the library can be asked: one row each.

The library has a request for it and no words of its own, so each answer is read here as its venue
documents it. What an answer does not say is unknown, and never taken for a no; rights beyond ours
are told in the venue's words.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, KeyAnswer, Scope

MS_NS = 1_000_000
UNLISTED = ("unlisted",)  # bound to addresses that the venue does not tell
ANYWHERE = "*"


class Way(NamedTuple):
    """How an exchange is asked: a method of the library's, and what its answer means."""

    method: str
    read: Callable[[Mapping[str, Any], str], KeyAnswer]


def binance_key(found: Mapping[str, Any], key: str) -> KeyAnswer:
    """Read flags; whatever moves money out counts as withdrawing, and one left out is unknown."""
    leaves = ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer")
    flags = {
        Scope.READ: found.get("enableReading"),
        Scope.TRADE: found.get("enableSpotAndMarginTrading"),
        Scope.WITHDRAW: any(map(found.get, leaves)) or found.get("enableWithdrawals"),
    }
    until_ms = found.get("tradingAuthorityExpirationTime")
    return _answer(
        key,
        (scope for scope, flag in flags.items() if flag is True),
        ip=UNLISTED if found.get("ipRestrict") else (),
        created_ns=_number(found.get("createTime")) * MS_NS,
        expires_ns=None if until_ms is None else _number(until_ms) * MS_NS,
        unknown=(scope for scope, flag in flags.items() if not isinstance(flag, bool)),
        others=(name for name, flag in found.items() if flag is True and name in _BINANCE_OTHERS),
    )


def kraken_key(found: Mapping[str, Any], key: str) -> KeyAnswer:
    """Read names of permissions, in an envelope."""
    result = _inside(found, "result")
    names = _names(result.get("permissions"))
    until_s = _number(result.get("validUntil") or "0")
    return _answer(
        key,
        _granted(names, _KRAKEN),
        ip=_names(result.get("ipAllowlist") or []),
        created_ns=_number(result.get("createdTime")) * SECOND_NS,
        expires_ns=until_s * SECOND_NS or None,
    )


def okx_key(found: Mapping[str, Any], key: str) -> KeyAnswer:
    """Read names with commas between them, in a list of one."""
    rows = found.get("data")
    row = rows[0] if isinstance(rows, list) and rows else None
    return _by_names(_mapping(row, "data"), "perm", "ip", key, _OKX)


def kucoin_key(found: Mapping[str, Any], key: str) -> KeyAnswer:
    """Read names with commas between them, in an envelope."""
    row = _inside(found, "data")
    told = _by_names(row, "permission", "ipWhitelist", key, _KUCOIN)
    return _answer(
        key,
        told.scopes,
        ip=told.ip,
        created_ns=_number(row.get("createdAt") or 0) * MS_NS,
        others=told.others,
    )


def bybit_key(found: Mapping[str, Any], key: str) -> KeyAnswer:
    """Read lists by kind of right, in an envelope; who may only read has them all the same."""
    result = _inside(found, "result")
    rights = _mapping(result.get("permissions"), "permissions")
    names = [name for each in rights.values() for name in _names(each)]
    may_act = not _number(result.get("readOnly"))
    scopes = [Scope.READ, *(_granted(names, _BYBIT) if may_act else ())]
    addresses = _names(result.get("ips") or [])
    is_bound = ANYWHERE not in addresses
    created, until = (_moment_ns(result.get(name)) for name in ("createdAt", "expiredAt"))
    others = [name for name in names if may_act and name not in _spoken(_BYBIT)]
    return _answer(
        key,
        scopes,
        ip=addresses if is_bound else (),
        created_ns=created,
        expires_ns=None if is_bound or not until else until,
        others=others,
    )


# What venues call the rights of our scopes.
_KRAKEN: Mapping[Scope, frozenset[str]] = {
    Scope.READ: frozenset({"query-funds", "query-open-trades", "query-closed-trades"}),
    Scope.TRADE: frozenset({"modify-trades", "close-trades"}),
    Scope.WITHDRAW: frozenset({"withdraw-funds"}),
}
_OKX: Mapping[Scope, frozenset[str]] = {
    Scope.READ: frozenset({"read_only", "trade", "withdraw"}),
    Scope.TRADE: frozenset({"trade"}),
    Scope.WITHDRAW: frozenset({"withdraw"}),
}
_KUCOIN: Mapping[Scope, frozenset[str]] = {
    Scope.READ: frozenset({"General"}),
    Scope.TRADE: frozenset({"Spot"}),
    Scope.WITHDRAW: frozenset({"Withdrawal", "Transfer"}),
}
_BYBIT: Mapping[Scope, frozenset[str]] = {
    Scope.TRADE: frozenset({"SpotTrade"}),
    Scope.WITHDRAW: frozenset({"Withdraw"}),
}
_BINANCE_OTHERS = frozenset(
    {"enableMargin", "enableFutures", "enableVanillaOptions", "enablePortfolioMarginTrading"}
)

WAYS: Mapping[str, Way] = {
    "binance": Way("sapi_get_account_apirestrictions", binance_key),
    "kraken": Way("private_post_getapikeyinfo", kraken_key),
    "okx": Way("private_get_account_config", okx_key),
    "bybit": Way("private_get_v5_user_query_api", bybit_key),
    "kucoin": Way("private_get_user_api_key", kucoin_key),
}


# -- parts of answers -----------------------------------------------------------------------------


def _answer(
    key: str,
    scopes: Iterable[Scope],
    *,
    ip: tuple[str, ...],
    created_ns: int = 0,
    expires_ns: int | None = None,
    unknown: Iterable[Scope] = (),
    others: Iterable[str] = (),
) -> KeyAnswer:
    return KeyAnswer(
        key,
        0,
        frozenset(scopes),
        ip,
        created_ns,
        expires_ns,
        unknown=frozenset(unknown),
        others=tuple(others),
    )


def _by_names(
    row: Mapping[str, Any], names: str, addresses: str, key: str, spoken: Mapping[Scope, Any]
) -> KeyAnswer:
    told = _split(row.get(names), names)
    return _answer(
        key,
        _granted(told, spoken),
        ip=_split(row.get(addresses) or "", addresses),
        others=[name for name in told if name not in _spoken(spoken)],
    )


def _granted(names: Iterable[str], spoken: Mapping[Scope, frozenset[str]]) -> list[Scope]:
    told = frozenset(names)
    return [scope for scope, words in spoken.items() if told & words]


def _spoken(spoken: Mapping[Scope, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*spoken.values())


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DecodeError(f"the rights of a key are told without {what}")
    return value


def _inside(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _mapping(found.get(name), name)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise DecodeError("the rights of a key should be a list of names")
    return tuple(value)


def _split(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise DecodeError(f"the rights of a key are told without {what}")
    return tuple(name for each in value.split(",") if (name := each.strip()))


def _number(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal()):
        raise DecodeError(f"{text[:40]!r} is no whole number in what is told of a key")
    return int(text)


def _moment_ns(value: Any) -> int:
    """Return a time in ns; 0 where it is the beginning of time, or not told."""
    if value is None:
        return 0
    try:
        return int(datetime.fromisoformat(str(value)).timestamp()) * SECOND_NS
    except ValueError as error:
        raise DecodeError(f"{str(value)[:40]!r} is no time in what is told of a key") from error
