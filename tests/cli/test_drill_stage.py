"""The stage of a drill: a configuration that stays on this machine, whatever the user's says."""

import tomllib
from decimal import Decimal

import pytest

from steelyard.cli.drill_stage import DEFAULT, DrillFailed, Stage, _toml
from steelyard.trading.config import parse_config
from tests.trading.world import CONFIG


def test_tables_are_written_so_that_they_read_the_same():
    """Whatever a strategy's parameters are."""
    table = {
        "text": 'a "quoted" \\ line\nand ü',
        "number": Decimal("0.10"),
        "many": [1, "two", {"three": True}],
        "nested": {"a-b": {"c": Decimal(3)}},
        "off": False,
    }
    found = tomllib.loads(_toml({"venue.main": table}), parse_float=Decimal)
    assert found == {"venue": {"main": {**table, "nested": {"a-b": {"c": 3}}}}}


def test_nothing_of_the_users_places_is_kept(tmp_path):
    """Not the vault, not the locks of this host, not the seal key."""
    stage = Stage(tmp_path / "stage", DEFAULT, "", 10)
    told = stage._environment
    for name in ("STEELYARD_STATE", "STEELYARD_VAULT", "XDG_CONFIG_HOME"):
        assert told[name].startswith(str(tmp_path))
    assert (tmp_path / "stage" / "passphrase").stat().st_mode & 0o077 == 0
    stage.close()


def test_the_two_machines_of_a_failover_share_no_locks(tmp_path):
    """Or a primary that stands still would keep the key from its standby."""
    stage = Stage(tmp_path / "stage", DEFAULT, "postgresql://x/y", 10)
    assert stage.state_of(stage.data) != stage.state_of(stage.other)
    assert str(stage.state_of(stage.data)) == stage._environment["STEELYARD_STATE"]
    stage.close()


def test_what_does_not_come_in_time_is_said(tmp_path):
    stage = Stage(tmp_path / "stage", DEFAULT, "", 0)
    with pytest.raises(DrillFailed, match="not in time: the moon"):
        stage.wait("the moon", lambda: False)
    stage.wait("the sun", lambda: True)


def test_the_default_is_a_configuration():
    """Which a user's takes the place of."""
    venue = parse_config(CONFIG).main
    text = _toml(
        {
            "bot": {"name": "drill", "environment": "sandbox"},
            "venue.main": {
                "dialect": "binance",
                "rest": venue.rest,
                "ws": venue.ws,
                "key": "env:A",
            },
            **DEFAULT,
        }
    )
    assert parse_config(text).strategy.class_name.endswith(":MarketMaker")
