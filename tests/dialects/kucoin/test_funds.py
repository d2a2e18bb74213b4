"""Deposits and withdrawals as a foreign client asks for them."""

import pytest

from steelyard.dialects.kucoin import funds
from steelyard.dialects.kucoin.text import transfer_id, transfer_number
from steelyard.domain.messages import Scope

LATER_S = 25 * 3600  # a new key withdraws nothing on its first day
OUT = {
    "currency": "BTC",
    "toAddress": "sandbox-bitcoin-7",
    "amount": "1",
    "withdrawType": "ADDRESS",
}


@pytest.fixture
def key(venue):
    """A key that may withdraw."""
    made = venue.new_key("alice", Scope.READ, Scope.WITHDRAW, ip=("127.0.0.1",))
    venue.desk.tick(LATER_S)
    return made


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_wallets_have_pretended_addresses(venue, version):
    told = venue.get(f"/api/{version}/deposit-addresses?currency=USDT&chain=trx")
    (told,) = [told] if version == "v1" else told
    assert told["address"].startswith("sandbox-")
    assert (told["currency"], told["chainId"], told["chainName"]) == ("USDT", "trx", "TRC20")


def test_an_address_may_be_made_which_is_the_same(venue):
    made = venue.call("POST", "/api/v3/deposit-address/create", {"currency": "BTC", "chain": "btc"})
    assert made == venue.get("/api/v1/deposit-addresses?currency=BTC")
    assert venue.refused("GET", "/api/v1/deposit-addresses?currency=X")[2] == "currency not exists"


def test_a_networks_fee_is_told(venue):
    told = venue.get("/api/v1/withdrawals/quotas?currency=USDT&chain=trx")
    assert (told["chain"], told["withdrawMinFee"]) == ("TRC20", "1")
    assert float(told["availableAmount"]) > 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "nobody to write to"),
        ({"amount": 1.5}, "nobody to write to"),
        ({"amount": "0"}, "amount"),
        ({"amount": -1.5}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"memo": "7"}, "memo"),
        ({"withdrawType": "UID"}, "ADDRESS"),
        ({"toAddress": None}, "toAddress"),
        ({"currency": "X"}, "currency"),
    ],
)
def test_a_key_alone_moves_nothing_out(venue, key, fields, said):
    body = {**OUT, **fields}
    path = "/api/v3/withdrawals"
    assert venue.refused("POST", path, body)[:2] == (403, "400007")  # no scope
    response = venue.answer("POST", path, body, key)
    assert said in response.body.decode()
    assert venue.get("/api/v1/withdrawals")["items"] == []


@pytest.mark.parametrize("name", ["0" * 24, "x", transfer_id(77)])
def test_what_never_was_is_not_canceled(venue, key, name):
    assert venue.refused("DELETE", f"/api/v1/withdrawals/{name}", key=key)[1] != "200000"


def test_lists_are_told_page_by_page(venue):
    for what in ("deposits", "withdrawals"):
        told = venue.get(f"/api/v1/{what}?currency=BTC&status=SUCCESS&pageSize=10&startAt=0")
        assert (told["items"], told["totalNum"], told["pageSize"]) == ([], 0, 10)


def test_an_id_is_of_a_transfer_or_of_nothing():
    for number in (1, 12345, 2**40):
        assert transfer_number(transfer_id(number)) == number
    assert transfer_number("0" * 24) is None


def test_a_chain_is_called_as_the_venue_calls_it():
    for chain in ("eth", "ERC20", "erc20"):
        assert funds.network_of(chain, "USDT") == "ethereum"
    assert funds.network_of("btc", "BTC") == "bitcoin"
    assert funds.network_of("usdt", "USDT") == funds.network_of(None, "USDT") == ""
    assert funds.chain_of("sandbox") == ("sandbox", "SANDBOX")
