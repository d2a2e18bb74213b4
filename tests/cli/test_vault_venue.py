"""What trying a key finds out; on an exchange of ours, in every dialect."""

import pytest
from bot_process import config_text, open_account

from steelyard.cli.administration import administer
from steelyard.cli.vault_venue import look, place_of
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.exchange.issuing import RevokeKey
from steelyard.trading.config import parse_config
from steelyard.vault.kept import Secret, Terms


def test_without_a_place_a_key_is_not_tried():
    with pytest.raises(ConfigError, match="vault:x: where it can be tried is not known"):
        place_of("vault:x", Terms("dip"), None)


def test_terms_say_where_a_key_is_tried():
    terms = Terms("dip", ("paper",), "native", "http://127.0.0.1:1", "ws://127.0.0.1:1", "ETH-USDT")
    config = place_of("vault:x", terms, None)
    assert (config.main.dialect, config.main.rest) == ("native", "http://127.0.0.1:1")
    assert (config.strategy.symbol, config.bot.environment) == ("ETH-USDT", "paper")
    with pytest.raises(SteelyardError):  # nobody is there: never a guess
        look(config, Secret("k", "s"))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["binance", "coinbase-exchange", "kraken", "native"])
def test_a_key_is_alive_or_dead_and_nothing_between(exchange, dialect):
    key = open_account(exchange, f"looked-{dialect}", dialect=dialect)
    config = parse_config(config_text(exchange, "looked", dialect))
    secret = Secret(key["key"], key["secret"], key.get("passphrase") or "")
    found = look(config, secret)
    assert found.denied is None
    assert found.audit.refusal is None
    assert found.assets
    administer(exchange.data, RevokeKey(key["key"]))
    found = look(config, secret)
    assert found.denied
    assert found.audit is None
