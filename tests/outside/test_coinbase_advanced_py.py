"""Unmodified coinbase-advanced-py, the venue's own, trades for a day and listens, over TLS.

It lives in a folder of its own, because it wants older `websockets` than this project.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from quiet_market import ASK, BID, quiet_exchange

pytestmark = pytest.mark.slow

DIALECT = "coinbase-advanced"
PROGRAM = Path(__file__).with_name("coinbase_sdk_day.py")
SDK = Path(sys.prefix) / "apart" / "coinbase-advanced-py"
FUNDS = {"USDT": "1000000", "BTC": "20"}
DAY_S = 100

LEFT_OUT = {
    # futures and perpetuals
    *("get_futures_balance_summary", "list_futures_positions", "get_futures_position"),
    *("schedule_futures_sweep", "list_futures_sweeps", "cancel_pending_futures_sweep"),
    *("get_intraday_margin_setting", "get_current_margin_window", "set_intraday_margin_setting"),
    *("allocate_portfolio", "get_perps_portfolio_summary", "list_perps_positions"),
    *("get_perps_position", "get_perps_portfolio_balances", "close_position"),
    "opt_in_or_out_multi_asset_collateral",
    # conversions are a desk, not an exchange; there are no banks; there is one portfolio
    *("create_convert_quote", "get_convert_trade", "commit_convert_trade", "get_payment_method"),
    *("create_portfolio", "move_portfolio_funds", "edit_portfolio", "delete_portfolio"),
}
# What the other methods are made of.
PLUMBING = {"get", "post", "put", "delete", "prepare_and_send_request", "send_request"} | {
    *("set_headers", "handle_exception", "generate_client_order_id"),
    "run_forever_with_exception_check",
}
PRIVATE = {"user", "futures_balance_summary"}  # channels of the other client


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """What the program says after a day of trading."""
    if not SDK.is_dir():
        pytest.fail(f"no {SDK}: make setup-dev installs it")
    options = ("--dialect", DIALECT, "--scopes", "read,trade", "--kind", "es256")
    with quiet_exchange(tmp_path_factory.mktemp("quiet"), "--limits", "off", "--tls") as exchange:
        for name in ("own", "maker"):
            exchange.trader(name, FUNDS, dialect=DIALECT)
        given = {
            "settings": exchange.env(DIALECT, client="coinbase-advanced-py"),
            "prices": {"bid": BID, "ask": ASK},
            **{n: exchange.steelyard("key", "create", n, *options) for n in ("own", "maker")},
        }
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            input=json.dumps(given),
            env={
                **os.environ,
                "PYTHONPATH": str(SDK),
                "REQUESTS_CA_BUNDLE": exchange.ready["tls"]["ca"],
            },
            capture_output=True,
            text=True,
            timeout=DAY_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


def test_every_method_of_spot_is_called_or_left_out(day):
    offered = set(day["offered"]["RESTClient"])
    assert set(day["called"]["RESTClient"]) == offered - LEFT_OUT - PLUMBING
    assert offered > LEFT_OUT


def test_every_channel_is_heard_and_left(day):
    offered = set(day["offered"]["WSClient"]) - PLUMBING
    private = PRIVATE | {f"{name}_unsubscribe" for name in PRIVATE}
    assert set(day["called"]["WSClient"]) == offered - private
    assert set(day["called"]["WSUserClient"]) >= private
