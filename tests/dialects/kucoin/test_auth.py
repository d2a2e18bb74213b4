"""Signatures: published vectors, tampering, forms that clients sign, three versions of keys."""

import msgspec
import pytest

from steelyard.dialects.kucoin import auth
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import ApiKey, Credentials
from steelyard.wire.http import Request

KEY = "5c2db93503aa674c74a31734"
SECRET = b"f03a5284-5c39-4aaa-9b20-dea10bdcf8e3"
PASSPHRASE = "QWIxMjM0NTY3OCkoKiZeJSQjQA=="
SIGNED_PASSPHRASE = "HFkKIy8cKfQF3Ognmbamq9Bd8VfYy3eUQj7uC8NvMes="
NEW = (
    b'{"clientOid":"abc123","side":"buy","symbol":"BTC-USDT","type":"limit","price":"30000",'
    b'"size":"0.01"}'
)
AT, THEN = "1700000000000", "1547015186532"
ID = "670fd33bf9406e0007ab3945"
# The documentation's own example, and what ccxt signs with this key.
VECTORS = [
    (
        *(THEN, "POST", "/api/v1/deposit-addresses", b'{"currency":"BTC"}'),
        "7QP/oM0ykidMdrfNEUmng8eZjg/ZvPafjIqmxiVfYu4=",
    ),
    (AT, "GET", "/api/v1/accounts?type=trade", b"", "fQOigsk7mIUNYVJQzI1ye1015nNKl/Z1C+pw6htYjp0="),
    (AT, "POST", "/api/v1/hf/orders", NEW, "uo1z0v3Y9tg++9pzaDKb6aG8pymeOQcma0FvL26YyzU="),
    (
        *(AT, "DELETE", f"/api/v1/hf/orders/{ID}?symbol=BTC-USDT", b""),
        "+dWZaDHsvOzndJbv1LaeJ5vkc5NcsSYiS5uBtg3wNQU=",
    ),
]
MINE = ApiKey(KEY, SECRET, PASSPHRASE)


@pytest.mark.parametrize(("time", "method", "target", "body", "expected"), VECTORS)
def test_signatures_are_those_of_the_documented_scheme(time, method, target, body, expected):
    """Through sign and verify; with any byte of the request changed it no longer holds."""
    assert auth.sign(auth.payload_of(time, method, target, body), SECRET) == expected
    headers = {auth.KEY: KEY, auth.SIGN: expected, auth.TIMESTAMP: time, auth.PASSPHRASE: "p"}
    claimed = auth.credentials(Request(method, target, headers, body), None)
    assert isinstance(claimed, Credentials)
    assert auth.verify(claimed, SECRET)
    (payload,) = claimed.payloads
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= 1
        assert not auth.verify(claimed._replace(payloads=(bytes(changed),)), SECRET)
    assert not auth.verify(claimed, SECRET + b"x")
    assert not auth.verify(claimed._replace(signature=expected[:-2] + "A="), SECRET)


def test_a_passphrase_is_signed_like_anything_else():
    headers = auth.signed_headers(MINE, "GET", "/api/v1/accounts", b"", 1_700_000_000 * 10**9)
    assert headers[auth.PASSPHRASE] == SIGNED_PASSPHRASE
    assert (headers[auth.VERSION], headers[auth.TIMESTAMP]) == ("3", AT)
    claimed = auth.credentials(Request("GET", "/api/v1/accounts", headers, b""), None)
    assert auth.verify(claimed, SECRET)
    assert claimed.tell_passphrase(SECRET, PASSPHRASE.encode()) == SIGNED_PASSPHRASE.encode()


def test_a_query_may_be_signed_as_it_reads_and_sent_percent_encoded():
    """As ccxt, python-kucoin and the venue's own SDK do."""
    read, sent = "/api/v1/trade-fees?symbols=BTC-USDT,ETH-USDT", "symbols=BTC-USDT%2CETH-USDT"
    headers = auth.signed_headers(MINE, "GET", read, b"", 10**18)
    claimed = auth.credentials(Request("GET", f"/api/v1/trade-fees?{sent}", headers, b""), None)
    assert auth.verify(claimed, SECRET)


# -- through the gate ---------------------------------------------------------------------------


def told(venue, headers, target="/api/v1/accounts"):
    response = venue.send(Request("GET", target, headers, b""))
    return response.status, msgspec.json.decode(response.body)["code"]


def headers_of(venue, key=None, late_ns=0):
    now_ns = venue.desk.now_ns + 50_000_000 - late_ns
    return auth.signed_headers(key or venue.alice, "GET", "/api/v1/accounts", b"", now_ns)


@pytest.mark.parametrize("version", ["2", "3"])
def test_newer_versions_sign_the_passphrase(venue, version):
    headers = headers_of(venue) | {auth.VERSION: version}
    assert told(venue, headers) == (200, "200000")
    plain = headers_of(venue) | {auth.VERSION: version, auth.PASSPHRASE: venue.alice.passphrase}
    assert told(venue, plain) == (401, "400004")


@pytest.mark.parametrize("version", [None, "1"])
def test_the_first_version_tells_it_as_it_is(venue, version):
    """So does python-kucoin, which names no version."""
    signed = headers_of(venue)
    del signed[auth.VERSION]
    named = {} if version is None else {auth.VERSION: version}
    assert told(venue, signed | named) == (401, "400004")
    plain = headers_of(venue) | {auth.PASSPHRASE: venue.alice.passphrase} | named
    if version is None:
        del plain[auth.VERSION]
    assert told(venue, plain) == (200, "200000")


@pytest.mark.parametrize("name", [auth.KEY, auth.SIGN, auth.TIMESTAMP, auth.PASSPHRASE])
def test_every_header_is_asked_for(venue, name):
    headers = headers_of(venue)
    del headers[name]
    assert told(venue, headers) == (401, "400001")


def test_each_fault_has_its_code(venue):
    assert told(venue, headers_of(venue) | {auth.KEY: "0" * 24}) == (401, "400003")
    assert told(venue, headers_of(venue) | {auth.KEY: "é" * 200}) == (401, "400003")
    wrong = venue.alice._replace(secret=venue.bob.secret)
    assert told(venue, headers_of(venue, wrong)) == (401, "400005")
    assert told(venue, headers_of(venue, venue.alice._replace(passphrase="no"))) == (401, "400004")
    assert told(venue, headers_of(venue) | {auth.VERSION: "4"}) == (401, "400004")
    assert told(venue, headers_of(venue) | {auth.TIMESTAMP: "now"}) == (400, "400002")
    for late_s, is_right in ((4, True), (6, False), (-4, True), (-6, False)):
        answer = told(venue, headers_of(venue, late_ns=late_s * 10**9))
        assert answer == ((200, "200000") if is_right else (400, "400002")), late_s
    reader = venue.new_key("alice", Scope.READ)
    refused = venue.refused("POST", "/api/v1/hf/orders", {}, reader)
    assert refused[:2] == (403, "400007")
    elsewhere = venue.new_key("alice", ip=("10.0.0.0/8",))
    assert told(venue, headers_of(venue, elsewhere)) == (403, "400006")


def test_public_routes_pass_over_what_is_signed_for_nothing(venue):
    """The venue's own SDK signs everything."""
    headers = headers_of(venue) | {auth.SIGN: "nonsense"}
    assert told(venue, headers, "/api/v1/timestamp") == (200, "200000")


def test_a_new_key_looks_like_the_venues():
    made = auth.new_key(lambda size: bytes(range(size)))
    assert len(made.key) == 24
    assert [len(part) for part in made.secret.split("-")] == [8, 4, 4, 4, 12]
    assert made.passphrase
