"""Deposits and withdrawals as a foreign client asks for them."""

import pytest

from steelyard.domain.messages import Scope


def test_deposits_are_listed_and_found(venue):
    info = venue.get("/transfers")
    assert info == []  # what an operator gives is in the ledger
    assert venue.call("GET", "/transfers?type=cash")[0] == 400
    assert venue.get("/transfers?type=internal_deposit") == []
    assert venue.call("GET", "/transfers/a9625b04-fc66-4999-a876-543c3684d702")[0] == 404


def test_wallets_have_pretended_addresses(venue):
    wallets = {w["currency"]: w for w in venue.get("/coinbase-accounts")}
    status, address = venue.call("POST", f"/coinbase-accounts/{wallets['BTC']['id']}/addresses", {})
    assert status == 200
    assert address["address"].startswith("sandbox-")
    stranger = venue.call(
        "POST", f"/coinbase-accounts/{wallets['BTC']['id']}/addresses", {}, key=venue.other_key
    )
    assert stranger[0] == 404
    assert venue.get("/payment-methods") == []


def test_a_networks_fee_is_told(venue):
    estimate = venue.get("/withdrawals/fee-estimate?currency=BTC&crypto_address=x")
    assert float(estimate["fee"]) >= 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),  # there is nobody to write to
        ({"amount": "0"}, 400),
        ({"amount": "x"}, 400),
        ({"destination_tag": "7"}, 400),
    ],
)
def test_a_key_alone_moves_nothing_out(venue, fields, status):
    body = {"amount": "1", "currency": "BTC", "crypto_address": "sandbox-bitcoin-7", **fields}
    assert venue.call("POST", "/withdrawals/crypto", body)[0] == 403  # no scope
    scopes = (Scope.READ, Scope.WITHDRAW)
    key = venue.new_key("alice", *scopes, ip=("127.0.0.1",))
    venue.desk.tick(25 * 3600)
    told, answer = venue.call("POST", "/withdrawals/crypto", body, key=key)
    assert told == status, answer
