"""The dead man's switch, through the real gate and in a trader's words."""

import pytest

from steelyard.dialects.kucoin import dead_man
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import Unsupported
from tests.dialects.kucoin.venue import BTC, HF

PATH = f"{HF}/dead-cancel-all"


def test_all_is_canceled_unless_it_is_set_anew_in_time(venue):
    venue.place()
    told = venue.call("POST", PATH, {"timeout": 10})
    assert told["triggerTime"] - told["currentTime"] == 10
    venue.pass_time(8)
    venue.call("POST", PATH, {"timeout": 10, "symbols": "ETH-USDT,BTC-USDT"})
    venue.pass_time(8)
    assert len(venue.get(f"{HF}/active?symbol={BTC}")) == 1
    venue.pass_time(3)
    assert venue.get(f"{HF}/active?symbol={BTC}") == []


def test_it_is_disarmed(venue):
    venue.place()
    venue.call("POST", PATH, {"timeout": 10})
    assert venue.call("POST", PATH, {"timeout": -1})["triggerTime"] == 0
    venue.pass_time(60)
    assert len(venue.get(f"{HF}/active?symbol={BTC}")) == 1


def test_who_asks_is_told_how_it_stands(venue):
    """And nothing is changed by it; where nothing is set there is nothing to tell."""
    asked = f"{PATH}/query"
    assert venue.get(asked) is None
    venue.place()
    armed = venue.call("POST", PATH, {"timeout": 10})
    venue.pass_time(4)
    told = venue.get(asked)
    assert (told["timeout"], told["triggerTime"]) == (10, armed["triggerTime"])
    assert told["currentTime"] - armed["currentTime"] in (4, 5)
    assert set(told["symbols"].split(",")) == {"BTC-USDT", "ETH-USDT"}
    venue.pass_time(7)
    assert venue.get(f"{HF}/active?symbol={BTC}") == []
    assert venue.get(asked) is None


@pytest.mark.parametrize("timeout", [0, 4, 86_401, -2])
def test_other_times_are_refused(venue, timeout):
    assert venue.refused("POST", PATH, {"timeout": timeout})[2] == "timeout is invalid"


def test_some_symbols_alone_are_refused(venue):
    """Here it is for all: whoever believes that others are left alone would be wrong."""
    refused = venue.refused("POST", PATH, {"timeout": 10, "symbols": BTC})
    assert refused[2] == "symbols is invalid"


def test_a_trader_asks_in_whole_seconds_or_not_at_all():
    assert dead_man.timeout_of(ArmDeadMan(0, 5_500_000_000)) == 6
    assert dead_man.timeout_of(ArmDeadMan(0, 0)) == -1
    with pytest.raises(Unsupported):
        dead_man.timeout_of(ArmDeadMan(0, 1_000_000_000))
