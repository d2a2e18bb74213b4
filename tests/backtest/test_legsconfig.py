"""The configuration of a backtest of several legs."""

from decimal import Decimal

import pytest

from steelyard.backtest.config import read_backtest
from steelyard.backtest.legsconfig import LegsConfig, parse_legs
from steelyard.domain.errors import ConfigError

HEAD = """
[bot]
name = "pair"
environment = "backtest"
[legs.one]
symbol = "BTC-USDT"
venue = "a"
[legs.other]
symbol = "BTC/USDT"
venue = "b"
[strategy]
class = "steelyard.strategies:CrossVenueArbitrage"
"""
TEXT = (
    HEAD
    + """
[backtest]
kind = "tape"
fees = { taker = "0.2%" }
seed = 7
equity = "BTC"
[backtest.wallets.a]
usdt = "1000"
[backtest.wallets.b]
BTC = 1
[backtest.legs.one]
data = "one.csv"
[backtest.legs.other]
data = "other.csv"
fees = { taker = "0.05%" }
queue = "optimistic"
"""
)


def parse(text: str) -> LegsConfig:
    return parse_legs(read_backtest(text))


def test_a_leg_has_what_all_have_and_what_it_says_instead():
    """Each leg is a configuration of one instrument, called after the bot and the leg."""
    found = parse(TEXT)
    one, other = found.legs.values()
    assert (found.name, found.equity) == ("pair", "BTC")
    assert [one.bot.name, other.bot.name] == ["pair-one", "pair-other"]
    assert one.strategy.symbol == other.strategy.symbol == "BTC-USDT"
    assert (one.backtest.data, other.backtest.data) == ("one.csv", "other.csv")
    assert [it.settings.taker for it in (one, other)] == [Decimal("0.002"), Decimal("0.0005")]
    assert [it.settings.seed for it in (one, other)] == [7, 7]
    assert other.settings.queue.name == "OPTIMISTIC"
    assert found.venues == {"one": "a", "other": "b"}
    assert found.wallets == {"a": {"USDT": Decimal(1000)}, "b": {"BTC": Decimal(1)}}


def test_the_file_of_a_bot_is_that_of_its_backtest():
    """Venues and limits may stand there as live: of a venue only the name is read."""
    live = (
        TEXT.replace('venue = "b"', 'venue = "b"\nrisk = { max_position = "2" }')
        + """
[venue.a]
dialect = "binance"
key = "env:A"
[venue.b]
dialect = "kraken"
key = "env:B"
[risk]
max_order_notional = "100"
max_position = "1"
max_open_orders = 3
price_collar = "5%"
"""
    )
    one, other = parse(live).legs.values()
    assert one.risk is not None
    assert other.risk is not None
    assert [it.risk.limits.max_position for it in (one, other)] == [Decimal(1), Decimal(2)]


def test_deposit_is_enough_where_all_legs_are_at_one_venue():
    """One wallet needs no name."""
    text = (
        TEXT.replace('venue = "b"', "").replace('venue = "a"', "").replace("BTC/USDT", "ETH-USDT")
    )
    head, _, rest = text.partition("[backtest.wallets.a]")
    text = head + 'deposit = { USDT = "5" }\n' + rest[rest.index("[backtest.legs.one]") :]
    assert parse(text).wallets == {"main": {"USDT": Decimal(5)}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('data = "one.csv"', "", r"leg one: \[backtest\] says neither data"),
        ("[backtest.legs.other]", "[backtest.legs.third]", "is of no leg; legs are one, other"),
        ('data = "one.csv"', 'dota = "one.csv"', r"legs.one\] .dota. is not a key .*data"),
        ('data = "one.csv"', "seed = 3", r"seed is of all legs: write \[backtest\] seed"),
        ("seed = 7", 'deposit = { USDT = "1" }', "has deposit and wallets; say it once"),
        ("[backtest.wallets.b]", "[backtest.wallets.c]", "no leg is there; legs are at a, b"),
        ("BTC = 1", "BTC = 1\nbtc = 2", "has an asset twice .BTC, btc.: .* write it once"),
        ("BTC = 1", 'BTC = "much"', r"invalid decimal string; write an amount of each asset"),
        ('"BTC/USDT"', '"BTC/USDT"\nvenues = 2', r"\[legs.other\] .venues. is not a key"),
        ("seed = 7", "equity = 7", "equity is an asset"),
        ("[strategy]", '[strategy]\nsignals = "a:b"', "legs need a class"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(old: str, new: str, message: str):
    """By its key, with what would do."""
    assert old in TEXT
    text = TEXT.replace('equity = "BTC"\n', "") if "equity" in new else TEXT
    with pytest.raises(ConfigError, match=message):
        parse(text.replace(old, new))


def test_a_deposit_for_several_venues_is_refused():
    """Nobody knows at which of them it is."""
    text = HEAD + '[backtest]\ndeposit = { USDT = "1" }\n'
    with pytest.raises(ConfigError, match=r"legs are at a, b; write \[backtest.wallets.VENUE\]"):
        parse_legs(read_backtest(text), needs_data=False)
    with pytest.raises(ConfigError, match=r"no money: write \[backtest.wallets.VENUE\]"):
        parse_legs(read_backtest(HEAD), needs_data=False)
