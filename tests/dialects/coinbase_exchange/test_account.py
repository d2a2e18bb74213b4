"""Balances, ledgers, holds, fees and profiles."""

import pytest

from steelyard.wire.http import Request


def accounts(venue, **options):
    return {a["currency"]: a for a in venue.get("/accounts", **options)}


def test_a_balance_is_available_and_hold_together(venue):
    venue.place()
    usdt = accounts(venue)["USDT"]
    assert usdt["hold"] == "500.5000000000000000"
    assert usdt["available"] == "999499.5"
    assert usdt["balance"] == "1000000.0000000000000000"
    assert venue.get(f"/accounts/{usdt['id']}") == usdt
    assert set(accounts(venue, key=venue.other_key)) == {"BTC", "ETH", "USDT"}  # zeros too


def test_nobody_sees_anothers_account(venue):
    mine = accounts(venue)["USDT"]["id"]
    for what in ("", "/ledger", "/holds", "/transfers"):
        assert venue.call("GET", f"/accounts/{mine}{what}", key=venue.other_key)[0] == 404


def test_a_ledger_tells_of_matches_and_fees_newest_first(venue):
    order = venue.place()
    venue.place(venue.other_key, side="sell")
    usdt = accounts(venue)["USDT"]["id"]
    fee, match, deposit = venue.get(f"/accounts/{usdt}/ledger")
    assert [fee["type"], match["type"], deposit["type"]] == ["fee", "match", "transfer"]
    assert (fee["amount"], match["amount"]) == ("-0.5000000000000000", "-500.0000000000000000")
    assert match["details"]["order_id"] == order["id"]
    page = venue.answer("GET", f"/accounts/{usdt}/ledger?limit=1")
    rest = venue.get(f"/accounts/{usdt}/ledger?after={page.headers['cb-after']}")
    assert rest == [match, deposit]


def test_holds_are_what_open_orders_hold(venue):
    buy, sell = venue.place(), venue.place(side="sell", price="60000", size="0.5")
    ids = {name: a["id"] for name, a in accounts(venue).items()}
    (of_usdt,) = venue.get(f"/accounts/{ids['USDT']}/holds")
    (of_btc,) = venue.get(f"/accounts/{ids['BTC']}/holds")
    assert (of_usdt["ref"], of_usdt["amount"]) == (buy["id"], "500.5000000000000000")
    assert (of_btc["ref"], of_btc["amount"]) == (sell["id"], "0.5000000000000000")
    assert accounts(venue)["USDT"]["hold"] == of_usdt["amount"]


def test_fees_and_the_volume_of_thirty_days_are_told(venue):
    venue.place()
    venue.place(venue.other_key, side="sell")
    fees = {"taker_fee_rate": "0.001", "maker_fee_rate": "0.001", "usd_volume": "500.00"}
    assert venue.get("/fees") == fees


def test_there_is_one_profile(venue):
    (profile,) = venue.get("/profiles")
    assert (profile["name"], profile["is_default"]) == ("default", True)
    assert venue.get(f"/profiles/{profile['id']}") == profile
    assert venue.get("/profiles?active=false") == []
    assert accounts(venue)["BTC"]["profile_id"] == profile["id"]
    other = venue.get("/profiles", key=venue.other_key)[0]["id"]
    assert other != profile["id"]
    assert venue.call("GET", f"/profiles/{other}")[0] == 404
    assert venue.call("GET", f"/orders?profile_id={other}")[0] == 404


def test_users_have_no_limits(venue):
    me = venue.get("/users/self/verify")["id"]
    assert venue.get(f"/users/{me}/exchange-limits")["transfer_limits"] == {}
    assert venue.call("GET", f"/users/{me}/exchange-limits", key=venue.other_key)[0] == 404


@pytest.mark.parametrize("path", ["/accounts", "/orders", "/fills", "/fees", "/profiles"])
def test_private_routes_want_a_key(venue, path):
    assert venue.send(Request("GET", path, {}, b"")).status == 401
