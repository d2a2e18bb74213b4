"""Grants come back as they were kept; what they are worth: tests/cli/test_promote.py."""

from decimal import Decimal

import msgspec
import pytest

from steelyard.cli import grants
from steelyard.domain.errors import ConfigError
from steelyard.trading.config import Environment, parse_config
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import Criterion, Grant

GRANT = Grant(
    bot="dip",
    environment=Environment.LIVE_CANARY,
    identity=Identity("a:Dip", "BTC-USDT", {"below": "1"}),
    cap=Decimal(100),
    who="me",
    why="four weeks",
    time_ns=7,
    criteria=(Criterion(name="days", wanted="7 or more", found="9", is_met=True),),
    waived=("slippage",),
    slippage=Decimal("0.0002"),
)


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_grants_come_back_in_their_order():
    assert grants.grants_of("dip") == []
    grants.keep(GRANT)
    grants.keep(GRANT)
    assert grants.grants_of("dip") == [GRANT, GRANT]
    assert grants.grants_of("dop") == []


def test_what_cannot_be_read_grants_nothing():
    """It is said with the file's name, and a bot does not begin."""
    grants.keep(GRANT)
    file = grants._file("dip")
    file.write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="is damaged"):
        grants.grants_of("dip")


CONFIG = """
[bot]
name = "dip"
environment = "live-canary"
[venue.main]
dialect = "binance"
rest = "https://venue.example"
ws = "wss://venue.example"
key = "env:DIP"
[strategy]
class = "a:Dip"
symbol = "BTC-USDT"
[risk]
max_order_notional = "1000"
max_position = "1"
max_open_orders = 5
price_collar = "2%"
"""


@pytest.mark.parametrize("cap", [None, Decimal(0), Decimal(-1)])
def test_with_real_money_nothing_is_granted_without_a_cap(cap):
    """A grant that was edited so lifts no limit."""
    config = parse_config(CONFIG)
    grants.keep(msgspec.structs.replace(GRANT, cap=Decimal(100)))
    assert grants.grant_for(config, GRANT.identity) is not None
    grants.keep(msgspec.structs.replace(GRANT, cap=cap))
    with pytest.raises(ConfigError, match="has no cap"):
        grants.grant_for(config, GRANT.identity)


def test_what_has_been_changed_since_is_not_what_was_granted():
    """The code that has shown it, and on live the venue at which it did."""
    config = parse_config(CONFIG)
    grants.keep(msgspec.structs.replace(GRANT, code="c1", venue="elsewhere https://a.example"))
    assert grants.grant_for(config, GRANT.identity, "c1") is not None
    with pytest.raises(ConfigError, match="its files cannot be told since"):
        grants.grant_for(config, GRANT.identity, "")
    with pytest.raises(ConfigError, match="the file of its class has been changed"):
        grants.grant_for(config, GRANT.identity, "c2")
    grants.keep(msgspec.structs.replace(GRANT, code="a.py=1 lines.py=2 steelyard=0.1"))
    with pytest.raises(ConfigError, match=r"earned so: lines\.py has been changed since"):
        grants.grant_for(config, GRANT.identity, "a.py=1 lines.py=3 steelyard=0.1")
    grants.keep(msgspec.structs.replace(GRANT, code="c1"))
    live = parse_config(CONFIG.replace("live-canary", "live"))
    there = msgspec.structs.replace(GRANT, environment=Environment.LIVE, venue=live.main.where)
    grants.keep(there)
    assert grants.grant_for(live, GRANT.identity) is not None
    grants.keep(msgspec.structs.replace(there, venue="binance https://other.example"))
    with pytest.raises(ConfigError, match="at another venue"):
        grants.grant_for(live, GRANT.identity)
