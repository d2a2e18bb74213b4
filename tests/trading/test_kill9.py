"""The real trader, real sockets, real SIGKILLs: after every record of a session."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard import dialects
from steelyard.cli.administration import administer
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    FillList,
    FillsQuery,
    InstrumentsQuery,
    OrderList,
    OrdersQuery,
    Scope,
)
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.exchange.admin import CreateAccount, CreateKey
from steelyard.net.client import HttpClient
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.testing import LocalExchange
from steelyard.trading.connector import Connector
from steelyard.wire.dialect import ApiKey
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.outcome import Answered
from tests.house.source import ROOT

DIALECT = "binance"
RECORDS = 48  # a session has about so many; a life that ends before its record is no kill
USDT, BTC = 1_000_000, 10


def ask(exchange: LocalExchange, key: dict[str, str], *queries):
    """Ask the exchange itself, as the account's owner."""

    async def main():
        client = HttpClient(exchange.url(DIALECT), loopback_only=True)
        api_key = ApiKey(key["key"], key["secret"].encode(), key["passphrase"])
        connector = Connector(dialects.find(DIALECT).client, api_key, UNLIMITED)
        answers = []
        for query in (InstrumentsQuery(), *queries):
            now_ns = Clock().now_ns()
            response = await client.send(connector.request(query, now_ns))
            outcome = connector.outcome(query, response, now_ns)
            assert isinstance(outcome, Answered), outcome
            answers.append(outcome.answer)
        await client.close()
        return connector.listings, answers[1:]

    return run_loop(main())


def check(exchange: LocalExchange, key: dict[str, str], believed: dict) -> None:
    """Compare what a recovered bot believes with the exchange's books."""
    assert "error" not in believed, believed
    assert believed["status"] == ["running", None], believed["log"]
    instrument_id = 0
    listings, (orders, fills, account) = ask(
        exchange,
        key,
        OrdersQuery(0, 1_000, instrument_id),
        FillsQuery(0, 1_000, instrument_id),
        AccountQuery(0),
    )
    assert isinstance(orders, OrderList)
    assert isinstance(fills, FillList)
    assert isinstance(account, AccountAnswer)
    # never a duplicate: no id, no slot, no order without its intent
    ids = [order.client_order_id for order in orders.orders]
    sizes = [order.size_lots for order in orders.orders]
    assert len(set(ids)) == len(ids)
    assert len(set(sizes)) == len(sizes)
    assert set(ids) <= set(believed["intents"])
    # every order is known as it is there; what is not there is known not to be
    for order in orders.orders:
        state, filled, size = believed["orders"][order.client_order_id]
        assert (state, filled, size) == (order.state.name, order.filled_lots, order.size_lots)
    missing = set(believed["orders"]) - set(ids)
    gone = {OrderState.ABSENT.name, OrderState.REJECTED.name}
    assert {believed["orders"][name][0] for name in missing} <= gone
    # the position is the account's, to the atom
    totals = {listings.asset(b.asset_id): b.free_atoms + b.held_atoms for b in account.balances}
    assert believed["position_atoms"] == totals["BTC"] - BTC * ATOMS_PER_UNIT
    assert believed["cash_atoms"] == totals["USDT"] - USDT * ATOMS_PER_UNIT


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_9_after_any_record_doubles_and_loses_nothing(tmp_path: Path):
    """Each bot dies right after its n-th record is on disk; each one recovers to the truth."""
    with LocalExchange(tmp_path / "data", "--crowd", "1", "--limits", "off") as exchange:
        keys = []
        for number in range(1, RECORDS + 1):
            name = f"bot{number}"
            administer(exchange.data, CreateAccount(name, {"USDT": USDT, "BTC": BTC}))
            scopes = (Scope.READ, Scope.TRADE)
            keys.append(administer(exchange.data, CreateKey(name, DIALECT, scopes)))
        file = tmp_path / "keys.json"
        file.write_text(json.dumps(keys))
        command = [sys.executable, "-m", "tests.trading.kill9", str(tmp_path / "bots"), DIALECT]
        command += [exchange.url(DIALECT), exchange.url(DIALECT, "ws"), str(file)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
            capture_output=True,
            timeout=580,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == RECORDS
        for believed in results:
            check(exchange, keys[believed["number"] - 1], believed)
        killed = sum(believed["killed"] for believed in results)
        assert killed >= RECORDS - 8, "most lives were ended by their hook"
        assert sum(len(believed["orders"]) for believed in results) > 2 * RECORDS
