"""Signatures end to end: published vectors both ways, and every byte of a request changed.

A change has to be refused as such, before anybody looks at what the request asks for. What may be
changed because it means the same is named in `means_the_same`. Method and path are not signed, nor
are a WebSocket request's id and method: that is the venue's rule.
"""

import re
from base64 import b64decode
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from key_pairs import PRIVATE, PUBLIC, pair

from steelyard.dialects.binance import DIALECT, auth, orders, tables
from steelyard.domain.commands import Place
from steelyard.domain.messages import KeyKind
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.exchange.plain_way import OK
from steelyard.vault.key_pairs import read_public_key, signer
from steelyard.wire.dialect import AccessReason, ApiKey, Credentials
from steelyard.wire.http import Request
from steelyard.wire.tables import Hole, OrderForm
from tests.dialects.binance.test_auth import KEY, REST_VECTORS, SECRET, WS_VECTORS
from tests.dialects.binance.venue import HERE, Venue

ED25519_KEY = "sBRXrJx2DsOraMXOaUovEhgVRcjOvCtQwnWj8VxkOh1xqboS02SPGfKi2h8spZJb"  # published too
ORDER = (
    "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
    "&timestamp=1668481559918&recvWindow=5000"
)
SIGNED_ORDER = (
    "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtfVVlfCw=="
)
SIGNED_LOGON = (
    "PdyZthZkWH6iRM43rd8+UBP8CPxkW5TJq6Wxsjy8vl5St2O54RDvgGcqRWskW7xWLdftHLxCKA0PDzjLt26eDg=="
)
PAYLOADS = [
    *(((query + body).encode(), signature) for query, body, signature in REST_VECTORS),
    *((auth.sorted_payload(params), signature) for params, signature in WS_VECTORS),
]


# -- vectors ------------------------------------------------------------------------------------


def form_of(*signed: str | Hole) -> OrderForm:
    """Return the form of a request whose body is what is signed, and its signature."""
    return OrderForm(
        signed=signed,
        head=("POST /api/v3/order HTTP/1.1\r\ncontent-length: ", Hole.BODY_LENGTH, "\r\n\r\n"),
        body=(Hole.SIGNED, "&signature=", Hole.SIGNATURE),
        buy="BUY",
        sell="SELL",
        time_unit_ns=1_000_000,
        decimals=8,
        tick=10_000_000,  # 0.1
        lot=100_000_000,  # 1
        price_max_ticks=10**6,
        size_min_lots=1,
        size_max_lots=10**6,
    )


def natively_signed(form: OrderForm, *terms: Any) -> bytes:
    """Return what an order signs, and its signature, as the body of a request."""
    native = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")
    request = native.OrderSigner(form, ApiKey(KEY, SECRET)).request(*terms)
    return request.partition(b"\r\n\r\n")[2]


TIME_NS = 1_499_827_319_559_000_000


@pytest.mark.parametrize(("payload", "signature"), PAYLOADS)
def test_the_native_signer_signs_the_vectors(payload, signature):
    """Each payload as it is."""
    body = natively_signed(form_of(payload.decode()), 1, None, 1, "", TIME_NS)
    assert body == payload + b"&signature=" + signature.encode()


def test_the_native_signer_fills_a_vector_in():
    """Ccxt's order from its side, price, size, name and time."""
    form = form_of(
        *("timestamp=", Hole.TIME, "&symbol=LTCBTC&side=", Hole.SIDE, "&type=LIMIT"),
        *("&timeInForce=GTC&quantity=", Hole.SIZE, "&price=", Hole.PRICE),
        *("&newClientOrderId=", Hole.CLIENT_ORDER_ID, "&recvWindow=10000"),
    )
    _, payload, signature = REST_VECTORS[4]
    body = natively_signed(form, 1, 1, 1, "my-id-1", TIME_NS)
    assert body.decode() == f"{payload}&signature={signature}"


def ed25519_key() -> ApiKey:
    return ApiKey(ED25519_KEY, b"", "", signer(PRIVATE.encode()))


def test_the_ed25519_vectors_are_what_we_sign_and_verify():
    """Over REST, percent-encoded, and over the WebSocket API, as it is."""
    public = read_public_key(KeyKind.ED25519, PUBLIC.encode())
    key = ed25519_key()
    assert auth.signature_by(key, ORDER.encode()) == SIGNED_ORDER
    signature = quote(SIGNED_ORDER, safe="")
    headers = {auth.KEY_HEADER: ED25519_KEY}
    request = Request("POST", f"/api/v3/order?{ORDER}&signature={signature}", headers, b"")
    claimed = DIALECT.credentials(request, orders.PLACE)
    assert isinstance(claimed, Credentials)
    assert claimed.payloads == (ORDER.encode(),)
    assert public.verify(claimed.payloads[0], DIALECT.signature(claimed))
    params = {"apiKey": KEY, "timestamp": "1649729878532"}
    payload = auth.sorted_payload(params)
    assert auth.signature_by(key, payload) == SIGNED_LOGON
    claimed = auth.claims({**params, "signature": SIGNED_LOGON}, (payload,))
    assert isinstance(claimed, Credentials)
    assert public.verify(payload, DIALECT.signature(claimed))


def test_an_rsa_signature_is_the_padded_hash():
    """RFC 8017, 9.2, by hand: the venue publishes signatures of RSA keys, but no such key."""
    private, public = pair(KeyKind.RSA)
    key = ApiKey(KEY, b"", "", signer(private.encode()))
    numbers = load_pem_public_key(public.encode()).public_numbers()
    signature = b64decode(auth.signature_by(key, ORDER.encode()))
    recovered = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n).to_bytes(256, "big")
    name_of_sha256 = bytes.fromhex("3031300d060960864801650304020105000420")
    hashed = name_of_sha256 + sha256(ORDER.encode()).digest()
    assert recovered == b"\x00\x01" + b"\xff" * (256 - 3 - len(hashed)) + b"\x00" + hashed


def test_a_signature_in_base64_has_one_spelling():
    """The bits of its last digit that are not used are zero, and nothing stands around it."""
    right = Credentials(ED25519_KEY, SIGNED_ORDER, (), None, 0, 0)
    assert DIALECT.signature(right) == b64decode(SIGNED_ORDER)
    for wrong in ("Cx==", "Cw=", "Cw", "Cw===", "Cw==\n", " Cw=="):
        claimed = right._replace(signature=SIGNED_ORDER.removesuffix("Cw==") + wrong)
        assert DIALECT.signature(claimed) is None


# -- every byte changed -------------------------------------------------------------------------

REFUSALS = frozenset(
    {
        *(AccessReason.MISSING_KEY, AccessReason.UNKNOWN_KEY, AccessReason.MISSING_SIGNATURE),
        *(AccessReason.MISSING_TIMESTAMP, AccessReason.BAD_SIGNATURE),
    }
)
# Of times that are none, before the signature can be looked at.
REFUSALS_OF_TIMES = REFUSALS | {AccessReason.MALFORMED}
SIGNS = b"0aZ%+&=-_.~ \x00\xff"


def others(byte: int, key: ApiKey) -> set[int]:
    """Return what a byte is replaced by: neighbours, the other case, and signs with a meaning.

    Fewer where a key pair verifies, which takes long.
    """
    signs = b"0%&" if key.sign else SIGNS
    return {*signs, byte ^ 1, byte ^ 0x20} - {byte}


class Door(NamedTuple):
    """A small exchange, and a key of alice's."""

    venue: Venue
    key: ApiKey

    def told(self, request: Request) -> str:
        """Return what became of a request; time stands still."""
        gate = self.venue.gate
        before = gate.outcomes.copy()
        gate.http(request, HERE, self.venue.desk.now_ns)
        (told,) = (gate.outcomes - before).elements()
        return told


@pytest.fixture(params=[KeyKind.HMAC, KeyKind.ED25519, KeyKind.RSA], ids=str)
def door(request) -> Door:
    venue = Venue()
    if request.param is KeyKind.HMAC:
        return Door(venue, venue.key)
    private, public = pair(request.param)
    made = venue.new_key("alice", kind=request.param, public_key=public)
    return Door(venue, made._replace(secret=b"", sign=signer(private.encode())))


PLACE = Place(
    *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1_000),
    client_order_id="mine/1",
)


def in_the_query(door: Door) -> Request:
    """Return an order as official clients send it."""
    request = in_the_body(door)
    return Request("POST", f"{request.target}?{request.body.decode()}", request.headers, b"")


def in_the_body(door: Door) -> Request:
    """Return an order as our client half sends it."""
    venue = door.venue
    return DIALECT.client.request(PLACE, venue.listings, door.key, venue.desk.now_ns)


def in_both(door: Door) -> Request:
    """Return an order with the first half of its parameters in the query."""
    body = in_the_body(door).body.decode()
    pairs = [it for it in body.split("&") if not it.startswith("signature=")]
    query, rest = "&".join(pairs[:4]), "&".join(pairs[4:])
    signature = quote(auth.signature_by(door.key, (query + rest).encode()), safe="")
    headers = {auth.KEY_HEADER: door.key.key}
    whole = f"{rest}&signature={signature}"
    return Request("POST", f"/api/v3/order?{query}", headers, whole.encode())


def signed_natively(door: Door) -> Request:
    """Return an order as the native signer writes it."""
    if door.key.sign is not None:
        pytest.skip("the native signer signs with shared secrets")
    native = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")
    venue = door.venue
    form = tables.order_form(PLACE, venue.listings, door.key.key, "127.0.0.1")
    terms = (PLACE.side, PLACE.price_ticks, PLACE.size_lots, PLACE.client_order_id)
    whole = native.OrderSigner(form, door.key).request(*terms, venue.desk.now_ns)
    head, _, body = whole.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return Request("POST", "/api/v3/order", headers, body)


def means_the_same(before: bytes, after: bytes, is_hmac: bool) -> bool:
    """Whether two texts have the same parameters, and signatures that are spelled alike.

    Hexadecimal digits have two cases, in HMAC and in `%2f`.
    """

    def parts(text: bytes) -> tuple[bytes, str]:
        rest, _, signature = text.rpartition(b"signature=")
        read = unquote(signature.decode("latin-1"))
        return rest, read.lower() if is_hmac else read

    return parts(before) == parts(after)


@pytest.mark.slow
@pytest.mark.parametrize("written", [in_the_query, in_the_body, in_both, signed_natively])
def test_a_change_of_any_byte_of_a_request_is_refused(door, written):
    """Query, body, signature and time: every position, several values."""
    request = written(door)
    is_hmac = door.key.sign is None
    path, _, query = request.target.partition("?")
    for part, text in (("query", query.encode()), ("body", request.body)):
        for position, byte in enumerate(text):
            for other in others(byte, door.key):
                changed = text[:position] + bytes([other]) + text[position + 1 :]
                if means_the_same(text, changed, is_hmac):
                    continue
                if part == "body":
                    sent = request._replace(body=changed)
                else:
                    sent = request._replace(target=f"{path}?{changed.decode('latin-1')}")
                told = door.told(sent)
                assert told in {reason.name for reason in REFUSALS_OF_TIMES}, (changed, told)
    assert door.told(request) == OK


def test_a_change_of_any_byte_of_the_key_is_refused(door):
    """Nor is another's key good for what was signed with one's own."""
    request = in_the_body(door)
    for position, byte in enumerate(door.key.key):
        for other in others(ord(byte), door.key):
            key = door.key.key[:position] + chr(other) + door.key.key[position + 1 :]
            told = door.told(request._replace(headers={auth.KEY_HEADER: key}))
            assert told in {"UNKNOWN_KEY", "MISSING_KEY"}, (key, told)
    theirs = {auth.KEY_HEADER: door.venue.other_key.key}
    assert door.told(request._replace(headers=theirs)) == "BAD_SIGNATURE"
    assert door.told(request) == OK


@pytest.mark.slow
def test_a_change_of_any_byte_of_a_websocket_request_is_refused(door):
    """All parameters, with key, time and signature; numbers too."""
    venue = door.venue
    line = venue.gate.line("/ws-api/v3", HERE, 1, lambda: venue.desk.now_ns)
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order = {**params, "quantity": "0.01", "price": "50000", "newClientOrderId": "mine/1"}
    signed = auth.signed_params(order, door.key, venue.desk.now_ns)
    frame = msgspec.json.encode({"id": 1, "method": "order.place", "params": signed})
    begin = frame.index(b'"params":') + len(b'"params":')

    def answered(frame: bytes) -> tuple[int, int]:
        line.receive(frame)
        (answer,) = map(msgspec.json.decode, line.session.drain())
        return answer["status"], answer.get("error", {}).get("code")

    for position in range(begin, len(frame) - 1):
        for other in others(frame[position], door.key):
            changed = frame[:position] + bytes([other]) + frame[position + 1 :]
            if is_same_json(frame, changed, is_hmac=door.key.sign is None):
                continue
            status, code = answered(changed)
            assert 400 <= status < 500, (changed, code)
            assert code in CODES, (changed, code)
    assert answered(frame) == (200, None)


# Signature, keys, what is missing or malformed of them; and what is no JSON.
CODES = {-1022, -2008, -2014, -2015, -1102, -1100, -1105, -1111, -1135}


def is_same_json(before: bytes, after: bytes, *, is_hmac: bool) -> bool:
    """Whether two frames say the same, but for the case of a signature in hexadecimal."""

    def read(frame: bytes) -> Any:
        text = re.sub(rb'("signature":")([0-9A-Fa-f]+)"', _lowered, frame) if is_hmac else frame
        return msgspec.json.decode(text)

    try:
        return read(before) == read(after)
    except (msgspec.DecodeError, UnicodeError):
        return False


def _lowered(found: re.Match[bytes]) -> bytes:
    return found[1] + found[2].lower() + b'"'
