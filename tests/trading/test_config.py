from decimal import Decimal

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.trading.config import (
    Environment,
    OnStop,
    parse_config,
    parse_for_kill,
    parse_percentage,
)
from steelyard.trading.protection import LostStop
from steelyard.trading.risk import Limits
from steelyard.trading.strangers import ForeignOrders

# As design.md section 4 has it.
GOOD = """
[bot]
name = "dip"
environment = "sandbox"
[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:8601"
ws = "ws://127.0.0.1:8601"
key = "vault:binance/dip"
[strategy]
class = "steelyard.strategies:DipBuyer"
symbol = "BTC-USDT"
params = { below = "40000", size = "0.01", every = "60s" }
[risk]
max_order_notional = "1000"
max_position = "0.5"
max_open_orders = 5
price_collar = "2%"
"""


def test_paper_is_an_environment_on_this_machine_alone():
    """A bot trades on paper as it does in a sandbox, and reaches no further."""
    assert parse_config(GOOD.replace("sandbox", "paper")).bot.environment is Environment.PAPER
    away = GOOD.replace("sandbox", "paper").replace("127.0.0.1", "192.0.2.1")
    with pytest.raises(ConfigError, match='in the environment "paper" orders go'):
        parse_config(away)


def test_the_contract_example_is_read():
    """Every key of the public contract, with exact limits."""
    config = parse_config(GOOD)
    assert (config.bot.name, config.bot.environment) == ("dip", Environment.SANDBOX)
    assert config.bot.on_stop is OnStop.CANCEL
    assert (config.main.dialect, config.main.key) == ("binance", "vault:binance/dip")
    assert config.strategy.class_name == "steelyard.strategies:DipBuyer"
    assert config.strategy.params == {"below": "40000", "size": "0.01", "every": "60s"}
    assert config.limits == Limits(Decimal(1000), Decimal("0.5"), 5, Decimal("0.02"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('max_position = "0.5"', 'max_positon = "0.5"'),
        ("[risk]", "[rsik]"),
        ('class = "steelyard.strategies:DipBuyer"', 'class = "gone"'),
        ('name = "dip"', 'name = "dip"\nunheard_of = 1'),
    ],
)
def test_a_mistake_elsewhere_does_not_keep_the_kill_switch_from_the_venue(old: str, new: str):
    """Who the bot is and where it trades is enough."""
    text = GOOD.replace(old, new, 1)
    with pytest.raises(ConfigError):
        parse_config(text)
    config = parse_for_kill(text)
    assert (config.bot.name, config.main.dialect, config.strategy.symbol) == (
        "dip",
        "binance",
        "BTC-USDT",
    )


@pytest.mark.parametrize("old", ["[venue.main]", 'name = "dip"', "127.0.0.1"])
def test_where_to_kill_must_be_known(old: str):
    with pytest.raises(ConfigError):
        parse_for_kill(GOOD.replace(old, "x = 1" if "=" in old else "[x]", 1))
    assert parse_for_kill(GOOD) == parse_config(GOOD)


def test_a_symbol_has_one_spelling():
    """Ccxt's is taken, ours is kept."""
    config = parse_config(GOOD.replace("BTC-USDT", "btc/usdt"))
    assert config.strategy.symbol == "BTC-USDT"


def test_numbers_are_exact_however_they_are_written():
    """A TOML float is read as a decimal number, digit by digit."""
    config = parse_config(GOOD.replace('"0.5"', "0.1000000000000000055"))
    assert config.risk.max_position == Decimal("0.1000000000000000055")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name = "dip"',
            'nmae = "dip"',
            "[bot] 'nmae' is not a key of the configuration; did you mean 'name'?",
        ),
        ("[risk]", "[rsik]", "'rsik' is not a key of the configuration; did you mean 'risk'?"),
        (
            "[venue.main]",
            "[venue.mian]",
            "[venue] 'mian' is not a key of the configuration; did you mean 'main'?",
        ),
        (
            "dialect =",
            "dialekt =",
            "[venue.main] 'dialekt' is not a key of the configuration; did you mean 'dialect'?",
        ),
        (
            "max_open_orders = 5",
            "max_open_order = 5",
            (
                "[risk] 'max_open_order' is not a key of the configuration; did you mean "
                "'max_open_orders'?"
            ),
        ),
        ("max_open_orders = 5", "", "[risk]: object missing required field `max_open_orders`"),
        (
            "max_open_orders = 5",
            'max_open_orders = "5"',
            "[risk] max_open_orders: expected `int`, got `str`",
        ),
        (
            "max_open_orders = 5",
            "max_open_orders = 0",
            "[risk] max_open_orders is 0; it must be above zero",
        ),
        ('"1000"', '"-1"', "[risk] max_order_notional is -1; it must be above zero"),
        ('"1000"', '"many"', "[risk] max_order_notional: invalid decimal string"),
        ('"0.5"', '"NaN"', "[risk] max_position is NaN; it must be above zero"),
        (
            '"2%"',
            '"2"',
            "[risk] price_collar is '2'; write a percentage up to 100%, such as \"2%\"",
        ),
        ('"2%"', '"200%"', "[risk] price_collar is '200%'; write a percentage up to 100%"),
        (
            '"sandbox"',
            '"backtest"',
            '[bot] environment is "backtest", which `steelyard backtest` runs; write "sandbox"',
        ),
        ('"sandbox"', '"prod"', "[bot] environment: invalid enum value 'prod'"),
        ('"dip"', '"../dip"', "[bot] name is '../dip'; use up to 40 of a-z, 0-9, - and _"),
        ('"dip"', '""', "[bot] name is ''"),
        ('"dip"', '"--flatten"', "[bot] name is '--flatten'; use up to 40 of a-z, 0-9, - and _"),
        (
            "http://127.0.0.1:8601",
            "https://api.example.com:443",
            "[venue.main] rest is 'https://api.example.com:443', which is not this machine",
        ),
        (
            "ws://127.0.0.1:8601",
            "wss://10.0.0.1:1",
            "[venue.main] ws is 'wss://10.0.0.1:1', which is not this machine",
        ),
        (
            "http://127.0.0.1:8601",
            "http://127.0.0.1.example.com:80",
            "[venue.main] rest is 'http://127.0.0.1.example.com:80', which is not this machine",
        ),
        (
            "http://127.0.0.1:8601",
            "http://127.0.0.1",
            "[venue.main] rest is 'http://127.0.0.1'; add the port",
        ),
        (
            "http://127.0.0.1:8601",
            "127.0.0.1:8601",
            "[venue.main] rest is '127.0.0.1:8601'; write an address such as",
        ),
        (
            "http://127.0.0.1:8601",
            "http://[::1",
            "[venue.main] rest is 'http://[::1'; write an address such as",
        ),
        (
            '"steelyard.strategies:DipBuyer"',
            '"DipBuyer"',
            "[strategy] class is 'DipBuyer'; write \"module:Class\"",
        ),
        ("[bot]", "[bot", "the configuration is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str):
    """One sentence names the key and the right form."""
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(said)


WHERE = """rest = "http://127.0.0.1:8601"
ws = "ws://127.0.0.1:8601"
"""


def test_a_venue_behind_a_bridge_is_one_line():
    """Everything else stays as it is."""
    main = parse_config(GOOD.replace('"binance"', '"ccxt:binance"')).main
    assert main.is_bridged
    assert main.rest == "http://127.0.0.1:8601"
    assert not parse_config(GOOD).main.is_bridged


def test_a_bridge_may_be_told_where_to_trade_by_settings():
    assert WHERE in GOOD
    text = GOOD.replace('"binance"', '"ccxt:kraken"')
    more = 'settings_file = "kraken.json"\naccept = ["unchecked"]\n'
    main = parse_config(text.replace(WHERE, f"settings = {{ timeout = 5 }}\n{more}")).main
    assert (main.settings, main.settings_file) == ({"timeout": 5}, "kraken.json")
    assert main.accept == ("unchecked",)


@pytest.mark.parametrize(
    ("dialect", "where", "said"),
    [
        ("binance", "", "[venue.main]: object missing required field `rest`"),
        ("binance", WHERE.splitlines()[0], "[venue.main]: object missing required field `ws`"),
        ("binance", WHERE + "settings = { a = 1 }", "[venue.main] settings are for a bridge"),
        ("ccxt:kraken", "", "[venue.main] rest and ws are missing"),
        ("ccxt:kraken", WHERE.splitlines()[1], "[venue.main] rest and ws go together"),
        ("ccxt:", WHERE, "[venue.main] dialect is 'ccxt:'; write ccxt: and the name"),
        ("ccxt:../x", WHERE, "[venue.main] dialect is 'ccxt:../x'"),
        ("ccxt:kraken", WHERE + 'accept = ["all"]', "[venue.main] accept has 'all'"),
        (
            "ccxt:kraken",
            WHERE.replace("127.0.0.1", "api.example.com"),
            "[venue.main] rest is 'http://api.example.com:8601', which is not this machine",
        ),
    ],
)
def test_what_a_bridge_needs_is_said(dialect: str, where: str, said: str):
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace('"binance"', f'"{dialect}"').replace(WHERE, where + "\n"))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("rest", ["http://localhost:1", "http://[::1]:1", "http://127.0.0.2:1"])
def test_every_spelling_of_this_machine_is_loopback(rest: str):
    """IPv4, IPv6 and the name."""
    assert parse_config(GOOD.replace("http://127.0.0.1:8601", rest)).main.rest == rest


def test_a_percentage_is_a_fraction():
    """2% is 0.02, exactly."""
    assert parse_percentage("2%", "x") == Decimal("0.02")
    assert parse_percentage("0.05 %", "x") == Decimal("0.0005")
    for wrong in ("0%", "-1%", "%", "x%", "nan%", ""):
        with pytest.raises(ConfigError):
            parse_percentage(wrong, "x")


def test_policies_have_defaults_and_are_read():
    """What is left out is as the documentation has it."""
    config = parse_config(GOOD)
    assert config.bounds == (None, None, 60 * 10**9)
    assert (config.stop_loss, config.risk.lost_stop) == (None, LostStop.REPLACE)
    assert config.bot.foreign_orders is ForeignOrders.LEAVE
    assert (config.bot.adopt_position, config.bot.record_market) == (0, False)
    more = """max_order_age = "10m"
max_order_distance = "5%"
cancel_when_blind = "off"
stop_loss = "2.5%"
lost_stop = "alarm"
"""
    config = parse_config(GOOD.replace('name = "dip"', NAMED) + more)
    assert config.bounds == (600 * 10**9, Decimal("0.05"), None)
    assert (config.stop_loss, config.risk.lost_stop) == (Decimal("0.025"), LostStop.ALARM)
    assert config.bot.foreign_orders is ForeignOrders.ADOPT
    assert config.bot.adopt_position == Decimal("0.5")
    assert config.in_force["risk.stop_loss"] == "2.5%"
    assert config.in_force["bot.foreign_orders"] == "adopt"


NAMED = 'name = "dip"\nforeign_orders = "adopt"\nadopt_position = "0.5"'


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        ("risk", 'max_order_age = "soon"', "[risk] max_order_age: 'soon' is not a duration"),
        ("risk", 'max_order_distance = "5"', "[risk] max_order_distance is '5'; write a percent"),
        ("risk", 'cancel_when_blind = "0s"', "[risk] cancel_when_blind: '0s' is not a duration"),
        ("risk", 'stop_loss = "0%"', "[risk] stop_loss is '0%'; write a percentage"),
        ("risk", 'lost_stop = "cry"', "[risk] lost_stop: invalid enum value 'cry'"),
        ("bot", 'foreign_orders = "eat"', "[bot] foreign_orders: invalid enum value 'eat'"),
        ("bot", 'adopt_position = "-1"', "[bot] adopt_position is -1; write how much"),
        ("bot", "record_market_max_mb = 0", "[bot] record_market_max_mb must be 1 or more"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(table: str, line: str, said: str):
    """With its table and key, and how to write it."""
    text = GOOD.replace(f"[{table}]\n", f"[{table}]\n{line}\n")
    with pytest.raises(ConfigError) as error:
        parse_config(text)
    assert said in str(error.value)


def test_a_bridge_has_nothing_to_record():
    """Its library keeps the frames to itself."""
    text = GOOD.replace('dialect = "binance"', 'dialect = "ccxt:kraken"')
    text = text.replace('name = "dip"', 'name = "dip"\nrecord_market = true')
    with pytest.raises(ConfigError, match="a bridge has none"):
        parse_config(text)


def test_limits_that_may_be_left_out_are_exact_however_they_are_written():
    """As a number or as text; `off` is none, as is leaving them out."""
    text = (
        GOOD
        + """
max_order_size = "0.1"
max_orders_per_minute = 60
max_daily_loss = 12.5000000000000000001
max_drawdown = "off"
max_gross_exposure = "2e3"
max_leverage = 1
"""
    )
    config = parse_config(text)
    assert config.limits[4:] == (
        Decimal("0.1"),
        60,
        Decimal("12.5000000000000000001"),
        Decimal(2000),
        Decimal(1),
    )
    assert config.risk.drawdown is None
    assert parse_config(GOOD).limits[4:] == (None,) * 5
    assert config.in_force["risk.max_gross_exposure"] == "2e3"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_order_size = 0", "max_order_size is 0; it must be above zero"),
        ('max_daily_loss = "-5"', "max_daily_loss is -5; it must be above zero"),
        ('max_daily_loss = "5%"', "max_daily_loss is '5%'; write a number such as"),
        ("max_leverage = true", "max_leverage is True; write a number"),
        ("max_drawdown = nan", "max_drawdown is Decimal"),
        ("max_gross_exposure = []", "max_gross_exposure is .*; write a number"),
        ('max_orders_per_minute = "1.5"', "max_orders_per_minute is 1.5; write a whole number"),
        ("max_orders_per_minute = 20000", "write a whole number up to 10000"),
        ("max_dayly_loss = 1", "did you mean 'max_daily_loss'?"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(line, said):
    """With what it is, and what to write."""
    with pytest.raises(ConfigError, match=said):
        parse_config(GOOD + line)
