"""What a configuration may want of the library."""

import pytest

from steelyard.bridge.settings import FORBIDDEN, PROXIES, check_settings, check_use
from steelyard.domain.errors import ConfigError

HERE, THERE = "http://127.0.0.1:8601/api", "https://api.example.com/api"


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_key_does_not_stand_in_settings(name):
    """Live or not; and its value is not repeated."""
    for loopback_only in (True, False):
        with pytest.raises(ConfigError, match=f"settings has '{name}'") as caught:
            check_settings({name: "hush"}, loopback_only=loopback_only)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(PROXIES))
def test_a_proxy_is_a_way_off_this_machine(name):
    with pytest.raises(ConfigError, match=f"has the proxy '{name}'"):
        check_settings({name: HERE}, loopback_only=True)
    check_settings({name: HERE}, loopback_only=False)


@pytest.mark.parametrize(
    "urls", [{"api": THERE}, {"api": {"a": HERE, "b": {"c": "wss://x/"}}}, {"api": "http://[::1"}]
)
def test_an_address_that_leads_away_is_named(urls):
    with pytest.raises(ConfigError, match=r"settings urls\.api.* not this machine"):
        check_settings({"urls": urls}, loopback_only=True)
    check_settings({"urls": urls}, loopback_only=False)


def test_options_are_a_table():
    with pytest.raises(ConfigError, match="options should be a table"):
        check_settings({"options": 5}, loopback_only=True)
    check_settings({"options": {"a": 1}, "urls": {"api": HERE}}, loopback_only=True)


def test_an_exchange_without_an_address_of_this_machine_is_refused():
    """The library has its own, of the real venue."""
    with pytest.raises(ConfigError, match="has no address of this machine"):
        check_use({"public": THERE, "private": {"a": THERE}})
    check_use({"public": HERE, "other": THERE})
