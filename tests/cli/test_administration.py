import json
import os

import pytest

from steelyard.cli.administration import administer, running_ports
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import BalanceOf, CreateAccount, ListAccounts
from steelyard.exchange.issuing import CreateKey, RotateKey
from steelyard.testing import LocalExchange


@pytest.mark.slow
def test_an_exchange_that_was_killed_is_opened_though_its_port_file_is_still_there(tmp_path):
    exchange = LocalExchange(tmp_path / "data")
    exchange.start()
    administer(exchange.data, CreateAccount("ann"))
    exchange.kill()
    assert (exchange.data / "exchange" / "ports.json").exists()
    assert running_ports(exchange.data) == {}
    assert administer(exchange.data, BalanceOf("ann"))["account"] == "ann"


@pytest.mark.slow
def test_no_key_is_made_where_what_is_sealed_does_not_open(tmp_path, monkeypatch):
    """It would be sealed with the wrong one, and the directory then open with neither."""
    data, home = tmp_path / "data", tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    administer(data, CreateAccount("ann"))
    made = administer(data, CreateKey("ann", "native", (Scope.READ,)))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    for call in (CreateKey("ann", "native", (Scope.READ,)), RotateKey(made["key"])):
        with pytest.raises(ConfigError, match="sealed by another seal key"):
            administer(data, call)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert administer(data, RotateKey(made["key"]))["replaces"] == made["key"]


def test_a_wrong_token_opens_nothing(exchange, tmp_path):
    """The token of the directory is what makes an administrator."""
    elsewhere = tmp_path / "exchange"
    elsewhere.mkdir()
    (elsewhere / "admin.token").write_text("guessed")
    ports = running_ports(exchange.data)
    (elsewhere / "ports.json").write_text(json.dumps({"pid": os.getpid(), "ports": ports}))
    with pytest.raises(UsageError, match="token"):
        administer(tmp_path, ListAccounts())


def test_without_a_token_it_is_said_whose_it_is(tmp_path):
    directory = tmp_path / "exchange"
    directory.mkdir()
    (directory / "ports.json").write_text(json.dumps({"pid": os.getpid(), "ports": {"native": 1}}))
    with pytest.raises(ConfigError, match="no token"):
        administer(tmp_path, ListAccounts())
