"""What our own exchange does for the kill switch of a bot whose key is not here."""

import pytest
from exchange_here import ExchangeHere
from ghost_bot import leave_ghost
from native_client import Client

from steelyard.cli.administration import administer
from steelyard.cli.kill_exchange import LABEL, cancel_at_exchange, issued_key
from steelyard.domain.errors import UsageError
from steelyard.exchange.issuing import ListKeys
from steelyard.store.datadir import Directory


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("ghosts") / "data", "--crowd", "1") as running:
        yield running


def keys(exchange, account: str) -> list[dict]:
    return administer(exchange.data, ListKeys(account))["keys"]


def test_all_of_the_account_is_canceled_and_counted(exchange):
    ghost = leave_ghost(exchange)
    found = cancel_at_exchange(exchange.data, ghost)
    assert (found["canceled"], found["open_orders"]) == (1, 0)
    assert cancel_at_exchange(exchange.data, ghost)["canceled"] == 0


def test_an_issued_key_works_until_the_block_ends_however_it_ends(exchange):
    ghost = leave_ghost(exchange)
    with pytest.raises(ZeroDivisionError), issued_key(exchange.data, ghost, "native") as key:
        document = {"key": key.key, "secret": key.secret.decode(), "passphrase": key.passphrase}
        client = Client(exchange.url("native"), document)
        assert len(client.ask("GET", "/api/v1/orders?open=true")["orders"]) == 1
        client.close()
        raise ZeroDivisionError
    (made,) = [known for known in keys(exchange, ghost) if known["label"] == LABEL]
    assert made["revoked"] is not None


def test_a_key_of_elsewhere_is_said(exchange):
    Directory(exchange.data / "bots" / "stranger").close()
    (exchange.data / "bots" / "stranger" / "bot.json").write_text('{"key": "elsewhere"}')
    with pytest.raises(UsageError, match="not one of the exchange in this data directory"):
        cancel_at_exchange(exchange.data, "stranger")
