"""Unmodified binance-connector, Binance's client from before, trades for a day.

It lives in a folder of its own, because it is imported by the name of python-binance.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from key_pairs import OFFERED_BY_ALL, pair
from quiet_market import ABOVE, ASK, BELOW, BID, FAR_BELOW, PLENTY, quiet_exchange

from steelyard.dialects.binance import DIALECT

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("binance_connector_day.py")
CONNECTOR = Path(sys.prefix) / "apart" / "binance-connector"
DAY_S = 100
PRICES = {"bid": BID, "ask": ASK, "above": ABOVE, "below": BELOW, "far_below": FAR_BELOW}

# Rooms of its REST half that are of other products than spot.
OTHER_PRODUCTS = {
    *("_convert", "_margin", "_portfolio_margin", "_c2c", "_auto_invest", "_sub_account"),
    *("_staking", "_fiat", "_simple_earn", "_gift_card", "_crypto_loan", "_mining", "_nft"),
    *("_pay", "_rebate"),
}
# Of the rooms of spot, what is not there, with the difference that says why.
NO_SAPI = (
    "Not there of `/sapi`: account snapshots, transfers between wallets, dust, asset lists, "
    "sub-accounts, fiat, margin, everything that earns or lends."
)
LEFT_OUT = {
    *("account_snapshot", "account_status", "api_trading_status", "asset_detail"),
    *("asset_dividend_record", "balance", "bnb_convertible_assets", "cloud_mining_trans_history"),
    *("delist_schedule_symbols", "disable_fast_withdraw", "dust_log", "enable_fast_withdraw"),
    *("funding_wallet", "list_deposit_address", "local_entity_deposit_history"),
    *("local_entity_submit_deposit_questionnaire", "local_entity_withdraw"),
    *("local_entity_withdraw_history", "one_click_arrival_deposit_apply", "transfer_dust"),
    *("user_asset", "user_universal_transfer", "user_universal_transfer_history"),
    *("close_isolated_margin_listen_key", "close_margin_listen_key"),
    *("new_isolated_margin_listen_key", "new_margin_listen_key"),
    *("renew_isolated_margin_listen_key", "renew_margin_listen_key"),
}
# It takes a person and a day to withdraw: see test_ccxt_wallet.py.
BY_PEOPLE = {"withdraw"}
# What the other methods are made of.
PLUMBING = {
    *("limit_request", "limited_encoded_sign_request", "send_request", "sign_request"),
    *("send", "send_message_to_server"),
}
# Streams are asked for on the other socket.
NOT_HERE = {"list_subscribe", "subscribe", "unsubscribe"}


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """What the program says after a day of trading."""
    if not CONNECTOR.is_dir():
        pytest.fail(f"no {CONNECTOR}: make setup-dev installs it")
    folder = tmp_path_factory.mktemp("quiet")
    with quiet_exchange(folder) as exchange:
        pairs = []
        for kind in OFFERED_BY_ALL:
            private, public = pair(kind)
            (folder / "public.pem").write_text(public)
            options = {"kind": kind, "public-key": str(folder / "public.pem")}
            key = exchange.trader(kind, PLENTY, dialect="binance", **options)
            pairs.append({**key, "private": private})
        given = {
            "settings": exchange.env("binance", client="binance-connector"),
            "own": exchange.trader("own", PLENTY, dialect="binance"),
            "maker": exchange.trader("maker", PLENTY, dialect="binance"),
            "pairs": pairs,
            "prices": PRICES,
        }
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            input=json.dumps(given),
            env={**os.environ, "PYTHONPATH": str(CONNECTOR)},
            capture_output=True,
            text=True,
            timeout=DAY_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_method_of_spot_is_called_or_left_out(day):
    rooms = day["offered"]["Spot"]
    assert {room for room in rooms if room in OTHER_PRODUCTS} == OTHER_PRODUCTS
    offered = {
        name for room, names in rooms.items() if room not in OTHER_PRODUCTS for name in names
    }
    assert set(day["called"]["Spot"]) == offered - LEFT_OUT - BY_PEOPLE - PLUMBING
    assert offered > LEFT_OUT | BY_PEOPLE
    assert NO_SAPI in {what for what, _ in DIALECT.known_differences}


@pytest.mark.parametrize("client", ["SpotWebsocketStreamClient", "SpotWebsocketAPIClient"])
def test_every_method_of_its_sockets_is_called(day, client):
    offered = {name for names in day["offered"][client].values() for name in names} - PLUMBING
    if client == "SpotWebsocketAPIClient":
        offered -= NOT_HERE
    assert set(day["called"][client]) == offered
