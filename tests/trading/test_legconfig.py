"""A configuration with legs is one configuration for each of them."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.trading.config import parse_config
from steelyard.trading.legconfig import name_of, parse_bots, parse_bots_for_kill

TEXT = """
[bot]
name = "arb"
environment = "sandbox"

[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:8601"
ws = "ws://127.0.0.1:8601"
key = "env:HERE"

[venue.kraken]
dialect = "kraken"
rest = "http://127.0.0.1:8603"
ws = "ws://127.0.0.1:8603"
key = "env:THERE"

[legs.one]
symbol = "BTC/USDT"

[legs.other]
venue = "kraken"
symbol = "BTC-USDT"
risk = { max_position = "0.2" }

[strategy]
class = "steelyard.strategies:CrossVenueArbitrage"
params = { size = "0.01" }

[risk]
max_order_notional = "1000"
max_position = "0.5"
max_open_orders = 5
price_collar = "2%"
"""


def test_each_leg_has_the_configuration_of_a_bot():
    """By its own name, on its own venue, with the limits of the file but for its own."""
    bots = parse_bots(TEXT)
    assert [*bots] == ["one", "other"]
    one, other = bots.values()
    assert (one.bot.name, other.bot.name) == ("arb-one", "arb-other")
    assert name_of(bots) == "arb"
    assert (one.main.key, other.main.key) == ("env:HERE", "env:THERE")
    assert {bot.strategy.symbol for bot in (one, other)} == {"BTC-USDT"}
    assert str(one.limits.max_position) == "0.5"
    assert str(other.limits.max_position) == "0.2"
    assert other.limits.max_open_orders == 5
    assert one.strategy.params == other.strategy.params == {"size": "0.01"}


def test_a_file_without_legs_is_one_bot():
    """As ever."""
    begin, end = TEXT.index("[venue.kraken]"), TEXT.index("[strategy]")
    text = TEXT[:begin] + TEXT[end:].replace("params", 'symbol = "BTC-USDT"\nparams')
    assert parse_bots(text) == {"": parse_config(text)}


def test_what_takes_one_instrument_says_so():
    """And what a leg is to the other commands."""
    with pytest.raises(ConfigError, match="`steelyard trade` runs legs"):
        parse_config(TEXT)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('venue = "kraken"', 'venue = "krakn"', "venue is 'krakn'; venues are: main, kraken"),
        ('venue = "kraken"\n', "", r"\[legs.other\] is the same market of the same venue as one"),
        ("[legs.other]", "[legs.Other]", "a leg's name has letters"),
        ('symbol = "BTC/USDT"', "", r"\[legs.one\].*missing required field `symbol`|symbol"),
        ('symbol = "BTC/USDT"', 'symbl = "BTC/USDT"', "did you mean 'symbol'"),
        ('"0.2"', '"-0.2"', r"leg other: \[risk\] max_position is -0.2"),
        ("params = {", 'symbol = "BTC-USDT"\nparams = {', "each leg has its own here"),
        ('name = "arb"', f'name = "{"a" * 38}"', "leg one: .*name is"),
    ],
)
def test_a_mistake_is_named_with_its_leg(old: str, new: str, said: str):
    """By the words of the file."""
    assert old in TEXT
    with pytest.raises(ConfigError, match=said):
        parse_bots(TEXT.replace(old, new, 1))


def test_no_legs_are_none():
    """An empty table is a mistake."""
    begin, end = TEXT.index("[legs.one]"), TEXT.index("[strategy]")
    with pytest.raises(ConfigError, match=r"\[legs\] is empty"):
        parse_bots("legs = {}\n" + TEXT[:begin] + TEXT[end:])


def test_a_mistake_in_limits_is_no_reason_not_to_stop_the_legs():
    """Where they trade is enough."""
    bots = parse_bots_for_kill(TEXT.replace('"1000"', '"none"'))
    assert [bot.bot.name for bot in bots.values()] == ["arb-one", "arb-other"]
    assert [bot.main.dialect for bot in bots.values()] == ["binance", "kraken"]
