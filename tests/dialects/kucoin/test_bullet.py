"""The address that is handed out, and the tokens in it."""

import msgspec
import pytest

from steelyard.dialects.kucoin import bullet
from steelyard.domain.errors import AuthError, DecodeError
from steelyard.wire.http import Request, Response

DAY_NS = 86_400 * 10**9


def address(venue, **headers):
    response = venue.send(Request("POST", "/api/v1/bullet-public", headers, b""))
    (server,) = msgspec.json.decode(response.body)["data"]["instanceServers"]
    return server["endpoint"], server["encrypt"]


def test_the_address_is_where_the_request_came_in(venue):
    assert address(venue, host="kucoin.here:8606") == ("ws://kucoin.here:8606/", False)
    assert address(venue, host="[::1]:8606") == ("ws://[::1]:8606/", False)
    over_tls = address(venue, **{"host": "here:8656", "x-forwarded-proto": "https"})
    assert over_tls == ("wss://here:8656/", True)
    for wrong in ("", "a b", "x/../y", "é"):
        assert address(venue, host=wrong) == ("ws://127.0.0.1/", False)


def test_who_signs_gets_a_token_of_the_account(venue):
    handed = venue.call("POST", "/api/v1/bullet-private")
    (server,) = handed["instanceServers"]
    assert server == {
        "endpoint": "ws://here:8606/",
        "encrypt": False,
        "protocol": "websocket",
        "pingInterval": 18_000,
        "pingTimeout": 10_000,
    }
    assert handed["token"] != venue.call("POST", "/api/v1/bullet-private", key=venue.bob)["token"]
    assert venue.send(Request("POST", "/api/v1/bullet-private", {}, b"")).status == 401


def test_a_public_token_is_good_for_a_day():
    now_ns = 1_700_000_000 * 10**9
    token = bullet.public_token(now_ns)
    assert bullet.is_public(token, now_ns)
    assert bullet.is_public(token, now_ns + DAY_NS - 10**9)
    assert bullet.is_public(token, now_ns + DAY_NS + 10**9) is None
    for wrong in ("", "é", token[:-4] + "AAAA", "x" * 64, "cHVibGljOi0x"):
        assert not bullet.is_public(wrong, now_ns)


# -- a trader's end -----------------------------------------------------------------------------


def handed_out(**server):
    told = {"endpoint": "wss://push.kucoin.com/endpoint", "encrypt": True, **server}
    data = {"token": "a+b/c==", "instanceServers": [told]}
    return Response(200, {}, msgspec.json.encode({"code": "200000", "data": data}))


def test_path_token_and_pace_are_taken_and_no_other_host():
    target, ping_ns = bullet.target_of(handed_out(pingInterval=50_000), "me")
    assert target == "/endpoint?token=a%2Bb%2Fc%3D%3D&connectId=me"
    assert ping_ns == 50 * 10**9
    assert bullet.target_of(handed_out(endpoint="wss://x"), "me")[0].startswith("/?token=")
    assert bullet.target_of(handed_out(pingInterval=0), "me")[1] == 10**9


@pytest.mark.parametrize("endpoint", ["wss://[x/", "wss://x/a b", "wss://x/\u00e9"])
def test_an_address_that_is_none_is_an_error(endpoint):
    with pytest.raises(DecodeError):
        bullet.target_of(handed_out(endpoint=endpoint), "me")


def test_a_refusal_is_told_apart_from_garbage():
    refusal = b'{"code":"400003","msg":"KC-API-KEY not exists"}'
    with pytest.raises(AuthError, match="400003"):
        bullet.target_of(Response(401, {}, refusal), "me")
    for body in (b"", b"<html>", b'{"code":"200000"}', b'{"code":"500000","msg":"x"}'):
        with pytest.raises(DecodeError):
            bullet.target_of(Response(200, {}, body), "me")
