"""A venue behind a bridge, without one: its settings, its key, and what it tells the machine."""

import asyncio
import json
from random import Random

import pytest

from steelyard import dialects
from steelyard.cli.bridge_venue import BridgeVenue, settings_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import Clock, ClockQuery
from steelyard.trading.actions import Returned, Role, StreamDown, StreamUp, Told
from steelyard.trading.config import VenueTable
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, NotSent
from tests.cli.test_dialect_venue import Owner

REST, WS = "http://127.0.0.1:8601", "ws://127.0.0.1:8601"
KEY = ApiKey("k", b"s", "p")


def table(**fields) -> VenueTable:
    return VenueTable(**{"dialect": "ccxt:binance", "key": "env:X", **fields})


def venue(owner: Owner, key: ApiKey = KEY, **fields) -> BridgeVenue:
    fields = fields or {"rest": REST, "ws": WS}
    return BridgeVenue(owner, table(**fields), "BTC-USDT", key, Random(1))


def test_the_addresses_are_what_the_dialect_of_that_name_says():
    """As `steelyard env` prints them: so one line of a configuration changes."""
    expected = dialects.find("binance").environment("ccxt", REST, WS)
    assert settings_of(table(rest=REST, ws=WS), "binance") == expected


def test_settings_stand_above_a_file_and_a_file_above_addresses(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"options": {"a": 1}, "timeout": 1}))
    found = settings_of(
        table(rest=REST, ws=WS, settings_file=str(file), settings={"timeout": 2}), "binance"
    )
    assert (found["options"], found["timeout"]) == ({"a": 1}, 2)
    assert found["urls"]["api"]["public"].startswith(REST)


def test_addresses_of_an_exchange_that_we_have_no_dialect_of_mean_nothing():
    with pytest.raises(ConfigError, match="no dialect of ours is called 'gate'"):
        settings_of(table(dialect="ccxt:gate", rest=REST, ws=WS), "gate")


@pytest.mark.parametrize(
    ("text", "said"), [(None, "settings_file: .*: No such file"), ("[1]", "is no JSON object")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, text, said):
    file = tmp_path / "settings.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        settings_of(table(settings_file=str(file)), "binance")


def test_what_may_not_stand_in_settings_is_refused_before_anything_is_started():
    with pytest.raises(ConfigError, match="settings has 'secret'"):
        venue(Owner(), settings={"secret": "hush"})


def test_a_key_pair_is_not_handed_over():
    with pytest.raises(ConfigError, match="cannot be handed to a bridge"):
        venue(Owner(), ApiKey("k", b"", "", lambda payload: payload))


def test_what_the_bridge_tells_are_the_machines_inputs():
    async def act() -> None:
        owner = Owner()
        made = venue(owner)
        made.up("market")
        made.down("private", "gone")
        made.told(Clock(5))
        made.noted("so it is")
        made.replied(3, Answered(Clock(5)))
        assert owner.inputs == [
            StreamUp(Role.MARKET),
            StreamDown(Role.PRIVATE, "gone"),
            Told(Clock(5)),
            ("bridge", "so it is"),
            Returned(3, Answered(Clock(5)), 10, 10),
        ]

    asyncio.run(act())


def test_what_is_asked_before_the_bridge_is_there_was_not_sent():
    async def act() -> None:
        owner = Owner()
        made = venue(owner)
        assert made.pid is None
        made.ask(5, ClockQuery(), is_command=True)
        assert owner.inputs == [], "the machine is not told within its own turn"
        await asyncio.sleep(0)
        (returned,) = owner.inputs
        assert isinstance(returned.outcome, NotSent)
        made.check()
        await made.close()

    asyncio.run(act())


def test_its_rules_are_those_of_the_exchange():
    rules = venue(Owner()).rules
    assert rules.client_order_id(255) == "0" * 20 + "47"
    assert rules.expiry_ns(ClockQuery()) == 15 * 10**9
