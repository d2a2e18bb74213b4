"""Signatures against the venue's own vector, and against tampering with any byte."""

from base64 import b64decode

import pytest

from steelyard.dialects.kraken import DIALECT, auth, orders
from steelyard.wire.dialect import AccessReason, Credentials, Refusal
from steelyard.wire.http import Request

# The example secret and first vector of https://docs.kraken.com/api/docs/guides/spot-rest-auth;
# the others were made with krakenex 2.2.2.
SECRET = b"kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = "1616492376594"
ADD = f"nonce={NONCE}&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
BATCH = f'{{"nonce":"{NONCE}","orders":["OUF4EM-FRGI2-MQMWZD","OABCDE-12345-FGHIJK"]}}'
VECTORS = {
    (
        "AddOrder",
        ADD,
    ): "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
    ("BalanceEx", f"nonce={NONCE}"): "1j2wTVcCjQvueYQKkvwE3KMKUKZ2X44OnlJOYr2nPt3WwRIl69rXv3dyHxdo"
    "xHIc88DGbIR+WwRtR0qudfAL+w==",
    ("GetWebSocketsToken", f"nonce={NONCE}"): "+mRDmY9Ks0Moc1zjv/BjfvYa98buO0x1yHChZR5onlfAzAUbfIYl"
    "LggUZzdQ0RsmXm4Sh+Q8iAIZdo2wSeHeiA==",
    ("CancelOrderBatch", BATCH): "iJICRUiJN2+WvYSpvEOzNsf4pt/E9l99hkv1nCMrPI1Rp5ghVrnbUyUx3o0LoOgM"
    "EdtOXQfU9pLcIOQttwNpvw==",
}


def request(name: str, body: str, signature: str) -> Request:
    headers = {"api-key": "KEY", "api-sign": signature}
    return Request("POST", f"/0/private/{name}", headers, body.encode())


def claimed(asked: Request) -> Credentials:
    found = auth.credentials(asked, orders.ADD)
    assert isinstance(found, Credentials)
    return found


@pytest.mark.parametrize(("asked", "signature"), VECTORS.items(), ids=lambda v: v[0])
def test_the_published_signatures_come_out_and_are_verified(asked, signature):
    name, body = asked
    assert auth.sign(f"/0/private/{name}", NONCE, body.encode(), SECRET) == signature
    found = claimed(request(name, body, signature))
    assert (found.key, found.nonce, found.nonce_rises) == ("KEY", NONCE, True)
    assert auth.verify(found, SECRET)


@pytest.mark.parametrize("place", range(len(ADD)))
def test_no_byte_of_the_body_may_change(place):
    changed = ADD[:place] + chr(ord(ADD[place]) ^ 1) + ADD[place + 1 :]
    found = claimed(request("AddOrder", changed, VECTORS["AddOrder", ADD]))
    assert not auth.verify(found, SECRET)


def test_neither_path_nor_secret_nor_signature_may_change():
    signature = VECTORS["AddOrder", ADD]
    assert not auth.verify(claimed(request("CancelOrder", ADD, signature)), SECRET)
    other = b"A" + SECRET[1:]
    assert not auth.verify(claimed(request("AddOrder", ADD, signature)), other)
    for place in range(len(signature)):
        wrong = (
            signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1 :]
        )
        assert not auth.verify(claimed(request("AddOrder", ADD, wrong)), SECRET)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "pair=XBTUSD",
        "nonce=",
        "nonce=abc",
        "nonce=-1",
        f"nonce={2**64}",
        "{}",
        '{"nonce":null}',
    ],
)
def test_a_body_without_a_nonce_is_told_so_in_its_turn(body):
    found = auth.credentials(request("AddOrder", body, "x"), orders.ADD)
    assert isinstance(found, Credentials)
    assert found.flaw is not None
    assert found.flaw.reason is AccessReason.MISSING_TIMESTAMP


@pytest.mark.parametrize("body", ["nonce=007", '{"nonce": 7}', '{"nonce":"7"}', "a=1&nonce=7"])
def test_a_nonce_is_a_number_however_it_is_written(body):
    assert claimed(request("AddOrder", body, "x")).nonce == "7"


def test_a_request_without_a_key_names_none():
    found = auth.credentials(Request("POST", "/0/private/Balance", {}, b"nonce=1"), orders.ADD)
    assert isinstance(found, Refusal)
    assert found.reason is AccessReason.MISSING_KEY


def test_a_new_key_has_the_venues_form():
    seeds = iter(range(1, 3))
    text = DIALECT.new_key(lambda size: bytes([next(seeds)]) * size)
    assert (len(text.key), len(b64decode(text.secret))) == (56, 64)
    assert text.key.isalnum()


def test_a_nonce_has_to_rise(venue):
    """Whatever its unit is; and what was used is never good again."""
    assert venue.send("Balance", "nonce=100")["error"] == []
    for nonce in (100, 99, 1):
        assert venue.send("Balance", f"nonce={nonce}")["error"] == ["EAPI:Invalid nonce"]
    assert venue.send("Balance", "nonce=101")["error"] == []
    assert venue.send("Balance", "nonce=5", venue.bob)["error"] == []


def test_what_is_wrong_with_a_key_is_said_in_the_venues_words(venue):
    wrong = venue.alice._replace(secret=b"AAAA")
    assert venue.error("Balance", key=wrong) == "EAPI:Invalid signature"
    unknown = venue.alice._replace(key="nobody")
    assert venue.error("Balance", key=unknown) == "EAPI:Invalid key"
    reader = venue.key("alice", scopes=("read",))
    assert venue.error("CancelAll", key=reader) == "EGeneral:Permission denied"
    bound = venue.key("alice", ip=("10.0.0.0/8",))
    assert venue.error("Balance", key=bound) == "EGeneral:Permission denied"
