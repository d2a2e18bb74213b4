"""A kill's connection; what it does to real bots is in tests/outside/test_kill_switch.py."""

import asyncio

import pytest

from steelyard.cli.kill import _exit_code
from steelyard.cli.killer import Killer, Wanted, state_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.store.journal import Journal
from steelyard.store.latch import Latch
from steelyard.trading.config import parse_config
from steelyard.trading.records import RunStarted, codec
from steelyard.wire.dialect import ApiKey
from tests.trading.world import CONFIG


def killer(rest: str, key: ApiKey, data, **wanted) -> Killer:
    text = CONFIG.replace('"venue"', '"binance"').replace("http://127.0.0.1:1", rest, 1)
    config = parse_config(text)
    return Killer(config, key, Latch(data, "test"), data, Wanted(**wanted))


def test_an_account_is_cleared_by_a_key_alone(exchange, tmp_path):
    """No bot, no journal, no directory of the exchange."""
    key = exchange.trader("by-key", {"USDT": "1000"}, dialect="binance")
    held = ApiKey(key["key"], key["secret"].encode())
    outcome = asyncio.run(killer(exchange.url("binance"), held, tmp_path, is_settled=True).run())
    assert outcome.found.is_clear
    assert outcome.answer_ms["count"] >= 3


def test_nobody_there_ends_in_time_and_is_said(tmp_path):
    """With what was asked for, and nothing claimed."""
    wanted = {"patience_ns": SECOND_NS}
    outcome = asyncio.run(killer("http://127.0.0.1:1", ApiKey("k", b"s"), tmp_path, **wanted).run())
    assert (outcome.found.is_clear, outcome.found.open_orders) == (False, None)
    assert "its markets" in outcome.found.trouble


def test_a_position_is_not_touched_while_orders_may_be_open(tmp_path):
    wanted = {"patience_ns": SECOND_NS // 2, "flatten": True}
    outcome = asyncio.run(killer("http://127.0.0.1:1", ApiKey("k", b"s"), tmp_path, **wanted).run())
    assert not outcome.closed.is_flat
    assert "not touched before the account is clear" in outcome.closed.text
    assert f"NOT CLOSED: {outcome.closed.text}" in outcome.said


def test_the_state_is_read_beside_a_running_bot(tmp_path):
    """The journal is neither locked nor changed; none at all is a bot that has done nothing."""
    assert state_of(tmp_path / "journal").run == 0
    journal = Journal(tmp_path / "journal")
    message = RunStarted(2, 7, "test", "sandbox", "x:Y", "BTC-USDT", {})
    journal.append(codec().encode(message, 5))
    journal.commit()
    assert state_of(tmp_path / "journal").run == 7
    journal.append(codec().encode(message, 6))
    journal.commit()
    journal.close()


def test_a_journal_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "journal").mkdir()
    with pytest.raises(ConfigError, match="has no journal"):
        state_of(tmp_path / "journal")


def test_a_drill_fails_where_the_position_is_not_known(exchange, tmp_path):
    """And says why, as the kill would."""
    (tmp_path / "bots" / "test" / "journal").mkdir(parents=True)
    key = exchange.trader("blind-drill", {"USDT": "1000"}, dialect="binance")
    wanted = Wanted(is_drill=True, flatten=True)
    held = ApiKey(key["key"], key["secret"].encode())
    acting = killer(exchange.url("binance"), held, tmp_path, **wanted._asdict())
    outcome = asyncio.run(acting.run())
    assert _exit_code(outcome, wanted) == 1
    assert "the position is not known" in outcome.said[-1]
