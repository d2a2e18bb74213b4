import json
import re
import tomllib
from pathlib import Path

import pytest
from desk import Desk
from hypothesis import given
from hypothesis import strategies as st

from steelyard import dialects
from steelyard.cli.limit_profiles import EXAMPLE, TUTORIAL, TUTORIAL_COINBASE, profile_chooser
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.gate import Gate
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED, Counts, Kind, Limit, LimitProfile, Per, SocketLimits

MINUTE_START_NS = 1_800_000_000 * SECOND_NS
OWN = LimitProfile((Limit("w", Per.IP, Counts.WEIGHT, 6000, 60 * SECOND_NS),))


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("venue", OWN),
        ("tutorial", TUTORIAL),
        ("off", UNLIMITED),
        ("tutorial-coinbase", TUTORIAL_COINBASE),
    ],
)
def test_a_profile_by_name(text, profile):
    assert profile_chooser(text)("binance", OWN) is profile


def test_a_file_replaces_the_limits_of_the_dialects_it_names(tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text(
        "[binance]\nban_after = 5\nban = '10s'\n[[binance.limits]]\n"
        "name = 'r'\nper = 'key'\ncounts = 'requests'\nlimit = 3\nwindow = '1s'\n"
    )
    choose = profile_chooser(str(file))
    assert choose("native", OWN) is OWN
    assert choose("binance", OWN) == LimitProfile(
        (Limit("r", Per.KEY, Counts.REQUESTS, 3, SECOND_NS),), 5, 10 * SECOND_NS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "binance: Object missing required field `limits`"),
        ("limits = []\nspeed = 1", "binance: Object contains unknown field `speed`"),
        ("limits = 3", "Expected `array`, got `int` - at `binance.limits`"),
        ("limits = [\n3 4]", "Unclosed array (at line 3, column 3)"),
        ("limits = [{LIMIT, per='dog'}]", "Invalid enum value 'dog' - at `binance.limits[0].per`"),
        ("limits = [{LIMIT, kind='bent'}]", "'bent' - at `binance.limits[0].kind`"),
        ("limits = [{LIMIT, limit=0}]", "binance.limits[0].limit: 0 must be from 1 to"),
        ("limits = [{LIMIT, limit=99999999999}]", "limits[0].limit: 99999999999 must be from 1"),
        (
            "limits = [{LIMIT, window='99999d'}]",
            "99999d must be positive, and at most 366d",
        ),
        ('limits = [{LIMIT, name="a\\nb"}]', "limits[0].name: 'a\\nb' cannot be one"),
        ("limits = [{LIMIT, name='é'}]", "limits[0].name: 'é' cannot be one"),
        ("limits = [{LIMIT, window='0s'}]", "binance.limits[0].window: 0s must be positive"),
        ("limits = [{LIMIT, window='1 s'}]", "limits[0].window: '1 s' is not a duration; write a"),
        ("limits = [{LIMIT}, {LIMIT}]", "binance.limits[1].name: 'r' names two limits"),
        ("limits = [{LIMIT, name=''}]", "binance.limits[0].name: '' cannot be one"),
        ("limits = [{LIMIT, name='websocket connects'}]", "limits[0].name: 'websocket connects'"),
        (
            "limits = [{LIMIT, kind='sliding', limit=10001}]",
            "binance.limits[0].limit: 10001 is more than 10000, which is the most of a window",
        ),
        (
            "limits = [{LIMIT, routes=['/api/v3/kline']}]",
            "limits[0].routes: binance has no route '/api/v3/kline'; did you mean '/api/v3/klines'",
        ),
        ("limits = []\nban_after = -1", "binance.ban_after: -1 must be 0, for never"),
        ("limits = []\nban = '0m'", "binance.ban: 0m must be positive"),
        ("limits = []\nrevoke_after = 1", "binance.revoke_after: bans are what leads to"),
        (
            "limits = []\nban_after = 1\nrevoke_after = 3\nrevoke_within = '4m'",
            "binance.revoke_within: 3 bans of 2m do not fit into 4m",
        ),
        ("limits = []\nwebsocket = {streams = 1}", "unknown field `streams` - at `binance.websock"),
        ("limits = []\nwebsocket = {connects = -1}", "binance.websocket.connects: -1 must be 0"),
        ("limits = []\nwebsocket = {connects = 20000}", "websocket.connects: 20000 is more than"),
        (
            "limits = []\nwebsocket = {connects_window = 'x'}",
            "binance.websocket.connects_window: 'x' is not a duration",
        ),
    ],
)
def test_a_file_of_another_form_is_told_where(tmp_path, text, words):
    """With the line, or the field and what it may be."""
    row = {"name": "r", "per": "ip", "counts": "weight", "limit": 1, "window": "1s"}
    fields = re.findall(r"(\w+)=", text)
    rest = ", ".join(f"{k} = {json.dumps(v)}" for k, v in row.items() if k not in fields)
    file = tmp_path / "limits.toml"
    file.write_text("[binance]\n" + text.replace("LIMIT", rest) + "\n")
    with pytest.raises(ConfigError, match=re.escape(words)) as told:
        profile_chooser(str(file))
    assert str(told.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "x.toml",
            "[binanc]\nlimits = []\n",
            "no dialect 'binanc'; did you mean 'binance'?",
        ),
        ("x.json", '{"binance":\n {"limits": [}}', "line 2 column 14"),
        ("x.json", "[]", "must be an object with a table for each dialect"),
        ("x.json", '{"binance": []}', "binance: Expected `object`, got `array`"),
        ("x.toml", "binance = 1", "binance: Expected `object`, got `int`"),
    ],
)
def test_a_file_of_no_dialects_is_told_where(tmp_path, name, text, words):
    """Syntax by its line, a dialect by its name."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(words)):
        profile_chooser(str(file))


def test_neither_a_profile_nor_a_file():
    with pytest.raises(UsageError, match="neither venue, tutorial, tutorial-coinbase, off nor"):
        profile_chooser("strict")


def test_the_example_of_the_docs_is_one(tmp_path):
    """docs/concepts/limits.md shows it as it is, and it means what its comments say."""
    shown = (Path(__file__).parents[2] / "docs" / "concepts" / "limits.md").read_text()
    assert f"```toml\n{EXAMPLE}```" in shown
    file = tmp_path / "limits.toml"
    file.write_text(EXAMPLE)
    choose = profile_chooser(str(file))
    assert choose("binance", OWN) == LimitProfile(
        (
            Limit("requests", Per.IP, Counts.REQUESTS, 20, SECOND_NS, Kind.SLIDING),
            Limit("candles", Per.IP, Counts.REQUESTS, 5, SECOND_NS, routes=("/api/v3/klines",)),
            Limit("orders", Per.ACCOUNT, Counts.ORDERS, 10, SECOND_NS),
        ),
        10,
        120 * SECOND_NS,
        3,
        3_600 * SECOND_NS,
        SocketLimits(5, 30, 60 * SECOND_NS, 20, 5),
    )
    assert choose("native", OWN) == UNLIMITED._replace(sockets=SocketLimits())
    assert choose("another", OWN) is OWN


def test_json_is_the_same_file(tmp_path):
    """What ends in .json is read as JSON, and says the same."""
    toml, same = tmp_path / "limits.toml", tmp_path / "limits.json"
    toml.write_text(EXAMPLE)
    same.write_text(json.dumps(tomllib.loads(EXAMPLE)))
    one, other = profile_chooser(str(toml)), profile_chooser(str(same))
    assert one("binance", OWN) == other("binance", OWN)


def burst(gate, count, at_s, ip="127.0.0.1", path="/docs"):
    """Return the statuses of requests at a time after a minute began."""
    now_ns = MINUTE_START_NS + round(at_s * SECOND_NS)
    return [told(gate.http(Request("GET", path, {}, b""), ip, now_ns)) for _ in range(count)]


def told(response) -> int:
    """Return the status, or the one that a venue's words stand for which has another."""
    words = (b"EAPI:Rate limit exceeded", b'"retMsg":"access too frequent"')
    return 429 if any(text in response.body for text in words) else response.status


OPEN = {
    "native": "/docs",
    "binance": "/api/v3/ping",
    "coinbase-exchange": "/time",
    "kraken": "/0/public/Time",
    "bybit": "/v5/market/time",
    "coinbase-advanced": "/api/v3/brokerage/time",
    "kucoin": "/api/v1/timestamp",
    "okx": "/api/v5/public/time",
    "weex": "/api/v3/time",
}


@pytest.mark.parametrize("dialect", dialects.names())
def test_a_tutorials_limits_are_fifty_in_a_second_and_a_hundred_in_a_minute(dialect):
    """A22, by address, in any dialect; the answer says when to come again."""
    found = dialects.find(dialect)
    gate = Gate(Desk().exchange, found, profile_chooser("tutorial")(dialect, found.limits))
    path = OPEN[dialect]
    assert burst(gate, 51, 0.5, path=path) == [200] * 50 + [429]
    assert burst(gate, 1, 1.4, path=path) == [429]  # the next second of the clock changes nothing
    assert burst(gate, 1, 1.4, "127.0.0.2", path=path) == [200]
    assert burst(gate, 51, 1.5, path=path) == [200] * 50 + [429]
    late = gate.http(Request("GET", path, {}, b""), "127.0.0.1", MINUTE_START_NS + 59 * SECOND_NS)
    assert told(late) == 429
    if late.status == 429:
        assert late.headers["retry-after"] == "2"
        assert late.headers["x-ratelimit-name"] == "requests_1m"
        assert late.headers["x-ratelimit-remaining"] == "0"
    assert burst(gate, 51, 60.5, path=path) == [200] * 50 + [429]


@given(st.lists(st.integers(0, SECOND_NS - 1), min_size=20, max_size=20))
def test_of_twenty_in_any_second_exactly_ten_pass(times):
    """A23: wherever the second lies and however they are spread, 11 to 20 get 429."""
    native = dialects.find("native")
    gate = Gate(Desk().exchange, native, profile_chooser("tutorial-coinbase")("native", OWN))
    start = MINUTE_START_NS + SECOND_NS // 3
    request = Request("GET", "/docs", {}, b"")
    told = [gate.http(request, "127.0.0.1", start + t).status for t in sorted(times)]
    assert told == [200] * 10 + [429] * 10
    assert "private_1s" in {limit.name for limit in TUTORIAL_COINBASE.limits if limit.limit == 15}


def test_orders_have_a_limit_of_their_own_in_the_tutorial():
    """A24: lower than the general one, and told apart by its reason."""
    general = next(x for x in TUTORIAL.limits if x.name == "requests_1s")
    orders = next(x for x in TUTORIAL.limits if x.counts is Counts.ORDERS)
    assert 10 <= general.limit <= 50
    assert orders.limit < general.limit
    assert orders.per is Per.ACCOUNT
