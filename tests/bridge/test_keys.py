"""What a key may do, by each venue's own answer."""

import json
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.bridge.keys import UNLISTED, WAYS, kucoin_key
from steelyard.bridge.venues import ROWS
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Scope

READ, TRADE, WITHDRAW = Scope.READ, Scope.TRADE, Scope.WITHDRAW
DAY = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
BINANCE = {
    "ipRestrict": True,
    "createTime": DAY * 1_000,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": True,
}
KRAKEN = {
    "permissions": ["query-funds", "query-open-trades", "modify-trades"],
    "validUntil": "0",
    "createdTime": str(DAY),
    "ipAllowlist": ["203.0.113.5"],
}
OKX = {"perm": "read_only,trade", "ip": "203.0.113.5,203.0.113.6", "label": "bot"}
KUCOIN = {
    "permission": "General,Spot,Margin",
    "ipWhitelist": "203.0.113.5",
    "createdAt": DAY * 1_000,
}
BYBIT = {
    "readOnly": 0,
    "permissions": {"Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"], "Options": []},
    "ips": ["*"],
    "createdAt": "2026-01-01T00:00:00Z",
    "expiredAt": "2026-12-31T00:00:00Z",
}


def wrapped(exchange: str, told: dict) -> dict:
    """Return an answer as its venue puts it into an envelope."""
    match exchange:
        case "kraken":
            return {"error": [], "result": told}
        case "okx":
            return {"code": "0", "data": [told], "msg": ""}
        case "kucoin":
            return {"code": "200000", "data": told}
        case "bybit":
            return {"retCode": 0, "result": told}
        case _:
            return told


@pytest.mark.parametrize(
    ("exchange", "told", "changes", "expected"),
    [
        ("binance", BINANCE, {}, {READ, TRADE}),
        ("binance", BINANCE, {"enableWithdrawals": True}, {READ, TRADE, WITHDRAW}),
        ("binance", BINANCE, {"permitsUniversalTransfer": True}, {READ, TRADE, WITHDRAW}),
        ("binance", BINANCE, {"enableSpotAndMarginTrading": False}, {READ}),
        ("kraken", KRAKEN, {}, {READ, TRADE}),
        ("kraken", KRAKEN, {"permissions": ["withdraw-funds"]}, {WITHDRAW}),
        ("okx", OKX, {}, {READ, TRADE}),
        ("okx", OKX, {"perm": "read_only"}, {READ}),
        ("okx", OKX, {"perm": "read_only,trade,withdraw"}, {READ, TRADE, WITHDRAW}),
        ("kucoin", KUCOIN, {}, {READ, TRADE}),
        ("kucoin", KUCOIN, {"permission": "General,Transfer"}, {READ, WITHDRAW}),
        ("bybit", BYBIT, {}, {READ, TRADE}),
        ("bybit", BYBIT, {"readOnly": 1}, {READ}),
        ("bybit", BYBIT, {"permissions": {"Wallet": ["Withdraw"]}}, {READ, WITHDRAW}),
    ],
)
def test_scopes_are_what_the_venue_names(exchange, told, changes, expected):
    found = WAYS[exchange].read(wrapped(exchange, {**told, **changes}), "k")
    assert found.scopes == expected
    assert found.unknown == frozenset()


@pytest.mark.parametrize(
    ("exchange", "told", "changes", "ip"),
    [
        ("binance", BINANCE, {}, UNLISTED),
        ("binance", BINANCE, {"ipRestrict": False}, ()),
        ("kraken", KRAKEN, {}, ("203.0.113.5",)),
        ("kraken", KRAKEN, {"ipAllowlist": []}, ()),
        ("okx", OKX, {}, ("203.0.113.5", "203.0.113.6")),
        ("okx", OKX, {"ip": ""}, ()),
        ("kucoin", KUCOIN, {}, ("203.0.113.5",)),
        ("kucoin", KUCOIN, {"ipWhitelist": None}, ()),
        ("bybit", BYBIT, {}, ()),
        ("bybit", BYBIT, {"ips": ["203.0.113.5"]}, ("203.0.113.5",)),
    ],
)
def test_addresses_are_those_that_a_key_is_bound_to(exchange, told, changes, ip):
    assert WAYS[exchange].read(wrapped(exchange, {**told, **changes}), "k").ip == ip


def test_what_is_not_said_is_unknown():
    """And is no right that somebody has."""
    without = {name: flag for name, flag in BINANCE.items() if name != "enableWithdrawals"}
    found = WAYS["binance"].read(without, "k")
    assert found.unknown == {WITHDRAW}
    assert WITHDRAW not in found.scopes


def test_rights_beyond_ours_are_told_in_the_venues_words():
    told = {"binance": BINANCE, "kucoin": KUCOIN, "bybit": BYBIT}
    others = {name: WAYS[name].read(wrapped(name, each), "k").others for name, each in told.items()}
    assert others == {
        "binance": ("enableMargin",),
        "kucoin": ("Margin",),
        "bybit": ("AccountTransfer",),
    }


def test_a_key_ends_when_its_venue_says_so():
    def end_of(exchange: str, told: dict) -> int | None:
        return WAYS[exchange].read(wrapped(exchange, told), "k").ends_ns

    assert end_of("kraken", KRAKEN) is None
    assert end_of("kraken", {**KRAKEN, "validUntil": str(DAY)}) == DAY * SECOND_NS
    assert end_of("binance", BINANCE) is None
    ends = {**BINANCE, "tradingAuthorityExpirationTime": DAY * 1_000}
    assert end_of("binance", ends) == DAY * SECOND_NS
    assert end_of("bybit", BYBIT) == (DAY + 364 * 86_400) * SECOND_NS
    assert end_of("bybit", {**BYBIT, "ips": ["203.0.113.5"]}) is None, "then it means nothing"


def test_a_recorded_answer_is_read(shared_data):
    told = json.loads((shared_data / "payloads/bybit/http_get_user_query_api.json").read_text())
    found = WAYS["bybit"].read(told, "k")
    assert found.scopes == {READ}, "it is a key that may only read"
    assert "18.181.170.164" in found.ip


@pytest.mark.parametrize("exchange", sorted(WAYS))
@given(
    garbage=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "result",
                        "data",
                        "perm",
                        "permission",
                        "permissions",
                        "ips",
                        "validUntil",
                        "createTime",
                        "createdAt",
                        "ipAllowlist",
                        "enableReading",
                    ]
                ),
                each,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_garbage_raises_the_one_error(exchange, garbage):
    if not isinstance(garbage, dict):
        return
    try:
        WAYS[exchange].read(garbage, "k")
    except DecodeError:
        return


def test_the_library_has_each_of_the_methods():
    """By its files: importing it takes seconds."""
    home = Path(find_spec("ccxt").origin).parent / "abstract"
    for exchange, way in WAYS.items():
        assert f"    {way.method} = " in (home / f"{exchange}.py").read_text()
    assert set(WAYS) | {"coinbaseexchange"} == set(ROWS), "which has no such question"


def test_a_name_without_a_key_is_none():
    with pytest.raises(DecodeError, match="without data"):
        kucoin_key({"code": "400007"}, "k")
