"""The gate, asked in the native dialect as bytes, with the clock as an argument."""

import hashlib
import hmac
import json

import pytest
from desk import ETH_USDT, SECOND_NS, Desk
from msgspec import Struct

from steelyard import dialects
from steelyard.domain.commands import ListInstrument
from steelyard.domain.messages import Scope
from steelyard.domain.order import Side
from steelyard.exchange.gate import Gate
from steelyard.exchange.issuing import ChangeKey, CreateKey, RotateKey
from steelyard.exchange.keys import WITHDRAW_COOLING_NS
from steelyard.wire.dialect import (
    Auth,
    Endpoint,
    SessionRefused,
)
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED, Counts, Kind, Limit, LimitProfile, Per, SocketLimits

NATIVE = dialects.find("native")
IP = "127.0.0.1"
ORDER = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.1", "price": "50000"}


class Asker:
    """Signs requests for one key of a desk."""

    def __init__(self, desk: Desk, profile=UNLIMITED, *scopes: Scope, **options) -> None:
        self.desk = desk
        self.gate = Gate(desk.exchange, NATIVE, profile)
        scopes = scopes or (Scope.READ, Scope.TRADE)
        self.key = desk.admin.carry_out(
            CreateKey("alice", "native", scopes, **options), desk.now_ns
        )
        self.nonce = 0

    def send(self, method, target, body=None, *, ip=IP, age_s=0, nonce=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.nonce += 1
        stamp = str(self.desk.now_ns // 1_000_000 - int(age_s * 1000))
        nonce = nonce or f"n{self.nonce}"
        signed = f"{stamp}{nonce}{method}{target}".encode() + data
        signature = hmac.new(self.key["secret"].encode(), signed, hashlib.sha256).hexdigest()
        named = {
            "steelyard-key": self.key["key"],
            "steelyard-timestamp": stamp,
            "steelyard-nonce": nonce,
            "steelyard-signature": signature,
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        named = {name: value for name, value in named.items() if value is not None}
        return self.gate.http(Request(method, target, named, data), ip, self.desk.now_ns)

    def code(self, *arguments, **options):
        response = self.send(*arguments, **options)
        document = json.loads(response.body)
        return response.status, document.get("error", {}).get("code")


@pytest.fixture
def asker(desk):
    return Asker(desk)


def test_what_is_an_accounts_own_is_kept_nowhere(asker):
    assert asker.send("GET", "/api/v1/account").headers["cache-control"] == "no-store"
    assert asker.send("POST", "/api/v1/orders", ORDER).headers["cache-control"] == "no-store"
    assert "cache-control" not in asker.send("GET", "/api/v1/time").headers


def test_an_order_goes_in_and_its_answer_comes_out(asker):
    response = asker.send("POST", "/api/v1/orders", ORDER | {"client_order_id": "mine"})
    assert response.status in (200, 201)
    order = json.loads(response.body)
    assert (order["client_order_id"], order["state"]) == ("mine", "working")
    assert asker.desk.exchange.levels(0, 1).bids == [(5_000_000, 10_000)]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"steelyard_key": None}, 401, "MISSING_KEY"),
        ({"steelyard_key": "nobody"}, 401, "UNKNOWN_KEY"),
        ({"steelyard_signature": None}, 401, "MISSING_SIGNATURE"),
        ({"steelyard_signature": "00" * 32}, 401, "BAD_SIGNATURE"),
        ({"steelyard_signature": "ü"}, 401, "BAD_SIGNATURE"),
        ({"steelyard_timestamp": None}, 401, "MISSING_TIMESTAMP"),
    ],
)
def test_a_request_that_does_not_prove_its_key_is_turned_away(asker, changes, status, code):
    asker.desk.exchange.drain()
    assert asker.code("POST", "/api/v1/orders", ORDER, **changes) == (status, code)
    assert asker.desk.exchange.drain().records == []


def test_a_clock_that_is_off_by_more_than_a_few_seconds_is_told(asker):
    """A21: 5 s behind, 1 s ahead."""
    assert asker.code("GET", "/api/v1/account", age_s=4.9)[0] == 200
    assert asker.code("GET", "/api/v1/account", age_s=5.1) == (401, "STALE_TIMESTAMP")
    assert asker.code("GET", "/api/v1/account", age_s=-0.9)[0] == 200
    assert asker.code("GET", "/api/v1/account", age_s=-1.1) == (401, "FUTURE_TIMESTAMP")


def test_a_request_that_is_played_again_is_refused_even_after_a_restart(asker, desk):
    """A20: the nonce of a request that changed something is journaled."""
    assert asker.code("POST", "/api/v1/orders", ORDER, nonce="once")[0] in (200, 201)
    assert asker.code("POST", "/api/v1/orders", ORDER, nonce="once") == (401, "REPEATED_NONCE")
    again = Desk(funded=False)
    again.exchange.restore(desk.exchange.snapshot())
    asker.gate = Gate(again.exchange, NATIVE, UNLIMITED)
    assert asker.code("POST", "/api/v1/orders", ORDER, nonce="once") == (401, "REPEATED_NONCE")


def test_a_read_is_not_played_again_to_an_exchange_that_crashed(asker, desk):
    """A20: reads' nonces are not journaled, so what was signed before the start is refused."""
    assert asker.code("GET", "/api/v1/account", nonce="read")[0] == 200
    desk.tick(3)
    since_ns = desk.now_ns
    asker.gate = Gate(desk.exchange, NATIVE, UNLIMITED, since_ns)
    desk.exchange.keys.people.nonces.clear()  # a crash
    assert asker.code("GET", "/api/v1/account", nonce="read", age_s=3) == (401, "STALE_TIMESTAMP")
    assert asker.code("POST", "/api/v1/orders", ORDER, age_s=3) == (401, "STALE_TIMESTAMP")
    desk.exchange.keys.nonce_used(asker.key["key"], "kept", since_ns + SECOND_NS, since_ns)
    kept = asker.code("POST", "/api/v1/orders", ORDER, age_s=3, nonce="kept")
    assert kept == (401, "REPEATED_NONCE")
    # Stamped in the very millisecond of the start, or later: answered.
    desk.now_ns += 400_000
    assert asker.code("GET", "/api/v1/account")[0] == 200


def test_a_nonce_is_spent_by_being_signed_and_not_by_being_guessed(asker):
    assert asker.code("POST", "/api/v1/orders", {"nonsense": 1}, nonce="m")[0] == 400
    assert asker.code("POST", "/api/v1/orders", ORDER, nonce="m") == (401, "REPEATED_NONCE")
    bad = {"steelyard_signature": "00" * 32}
    assert asker.code("GET", "/api/v1/account", nonce="n", **bad)[1] == "BAD_SIGNATURE"
    assert asker.code("GET", "/api/v1/account", nonce="n")[0] == 200


def test_scopes_are_checked_on_every_request(desk):
    """B8, B13."""
    asker = Asker(desk, UNLIMITED, Scope.READ)
    assert asker.code("GET", "/api/v1/account")[0] == 200
    assert asker.code("POST", "/api/v1/orders", ORDER) == (403, "MISSING_SCOPE")
    assert asker.code("DELETE", "/api/v1/orders") == (403, "MISSING_SCOPE")


def test_addresses_expiry_and_revocation_have_errors_of_their_own(desk):
    """B14, B15, B17."""
    asker = Asker(desk, ip=("10.0.0.0/8",), lifetime_ns=60 * SECOND_NS)
    assert asker.code("GET", "/api/v1/account") == (403, "IP_NOT_ALLOWED")
    assert asker.code("GET", "/api/v1/account", ip="10.1.1.1")[0] == 200
    desk.tick(61)
    assert asker.code("GET", "/api/v1/account", ip="10.1.1.1") == (401, "KEY_EXPIRED")
    asker = Asker(desk)
    desk.admin.revoke_key(asker.key["key"], desk.now_ns)
    assert asker.code("GET", "/api/v1/account") == (401, "UNKNOWN_KEY")


def test_a_key_and_its_heir_are_both_good_until_the_overlap_ends(desk):
    """B18: and then the old one says why it is not, which is neither expired nor revoked."""
    old = Asker(desk)
    new = Asker(desk)
    new.key = desk.admin.carry_out(RotateKey(old.key["key"], 60 * SECOND_NS), desk.now_ns)
    for asker in (old, new):
        assert asker.code("GET", "/api/v1/account")[0] == 200
    desk.now_ns += 60 * SECOND_NS - 1
    assert old.code("GET", "/api/v1/account")[0] == 200
    desk.now_ns += 1
    assert old.code("GET", "/api/v1/account") == (401, "KEY_ROTATED")
    assert new.code("GET", "/api/v1/account")[0] == 200
    desk.admin.revoke_key(old.key["key"], desk.now_ns)
    assert old.code("GET", "/api/v1/account") == (401, "UNKNOWN_KEY")


def test_a_change_counts_from_the_next_request_on(desk):
    """B13."""
    asker = Asker(desk)
    name = asker.key["key"]
    for change, status, code in (
        ({"scopes": (Scope.READ,)}, 403, "MISSING_SCOPE"),
        ({"scopes": (Scope.TRADE,), "ip": ("10.0.0.0/8",)}, 403, "IP_NOT_ALLOWED"),
        ({"ip": (), "products": ("BTC-USDT",)}, 200, None),
        ({"lifetime_ns": SECOND_NS}, 200, None),
    ):
        desk.admin.carry_out(ChangeKey(name, **change), desk.now_ns)
        assert asker.code("POST", "/api/v1/orders", ORDER) == (status, code), change
    desk.tick()
    assert asker.code("POST", "/api/v1/orders", ORDER) == (401, "KEY_EXPIRED")


BOTH = {"kind": "basket", "orders": [ORDER, ORDER | {"symbol": "ETH-USDT", "price": "3000"}]}
REFUSED = (403, "PRODUCT_NOT_ALLOWED")


def test_a_key_for_some_products_touches_no_others(desk):
    """B7, per product: placing, groups, amending, canceling; reading is not limited."""
    desk.exchange.record(ListInstrument(ETH_USDT), desk.tick())
    whole, part = Asker(desk), Asker(desk, products=("ETH-USDT",))
    mine = json.loads(whole.send("POST", "/api/v1/orders", ORDER).body)["order_id"]
    eth = ORDER | {"symbol": "ETH-USDT", "price": "3000"}
    desk.exchange.drain()
    assert part.code("POST", "/api/v1/orders", ORDER) == REFUSED
    assert part.code("POST", "/api/v1/groups", BOTH) == REFUSED
    assert part.code("PATCH", f"/api/v1/orders/{mine}", {"price": "50001"}) == REFUSED
    assert part.code("DELETE", f"/api/v1/orders/{mine}") == REFUSED
    assert part.code("DELETE", "/api/v1/orders?symbol=BTC-USDT") == REFUSED
    assert part.code("DELETE", "/api/v1/orders") == REFUSED
    assert desk.exchange.drain().records == []
    assert part.code("DELETE", "/api/v1/orders/999") == (404, "UNKNOWN_ORDER")
    assert part.code("GET", f"/api/v1/orders/{mine}")[0] == 200
    placed = part.send("POST", "/api/v1/orders", eth)
    theirs = json.loads(placed.body)["order_id"]
    assert part.code("PATCH", f"/api/v1/orders/{theirs}", {"price": "3001"})[0] == 200
    assert part.code("DELETE", f"/api/v1/orders/{theirs}")[0] == 200
    assert part.code("DELETE", "/api/v1/orders?symbol=ETH-USDT")[0] == 200
    error = json.loads(part.send("POST", "/api/v1/orders", ORDER).body)["error"]
    assert error["field"] == "symbol"
    assert "this key may trade ETH-USDT, not BTC-USDT" in error["message"]
    assert whole.code("POST", "/api/v1/groups", BOTH)[0] in (200, 201)


def test_a_key_withdraws_only_when_it_has_cooled(desk):
    """B10: told from when on, and before anything of the request is looked at."""
    withdraw = Endpoint(
        "POST", "/withdraw", Struct, dict, Auth.SIGNED, Scope.WITHDRAW, lambda *_: None,
        lambda *_: {"withdrawn": True}, lambda _: 1,
    )  # fmt: skip
    read = Asker(desk)
    asker = Asker(desk, UNLIMITED, Scope.WITHDRAW, ip=("127.0.0.1",))
    dialect = NATIVE._replace(endpoints=(withdraw,), read=lambda *_: Struct())
    read.gate = asker.gate = Gate(desk.exchange, dialect, UNLIMITED)
    assert read.code("POST", "/withdraw") == (403, "MISSING_SCOPE")
    assert asker.code("POST", "/withdraw") == (403, "WITHDRAW_COOLING")
    message = json.loads(asker.send("POST", "/withdraw").body)["error"]["message"]
    assert "may withdraw from 2023-11-15 22:13:20 UTC (1700086400000) on" in message
    desk.now_ns += WITHDRAW_COOLING_NS - 1
    assert asker.code("POST", "/withdraw") == (403, "WITHDRAW_COOLING")
    desk.now_ns += 1
    assert asker.code("POST", "/withdraw") == (200, None)


def test_a_keys_last_use_is_told_with_address_and_endpoint(desk):
    """What proved to hold it; a guess at its signature is no use of it."""
    asker = Asker(desk)
    kept = desk.exchange.keys.find(asker.key["key"])
    asker.code("GET", "/api/v1/account", steelyard_signature="00" * 32)
    assert (kept.last_used_ns, kept.last_ip, kept.last_endpoint) == (None, None, None)
    asker.code("GET", "/api/v1/orders/7", ip="::1")
    used = (desk.now_ns, "::1", "GET /api/v1/orders/{order_id}")
    assert (kept.last_used_ns, kept.last_ip, kept.last_endpoint) == used
    again = Desk(funded=False)
    again.exchange.restore(desk.exchange.snapshot())
    kept = again.exchange.keys.find(asker.key["key"])
    assert (kept.last_used_ns, kept.last_ip, kept.last_endpoint) == used


def test_a_key_of_another_dialect_opens_nothing(asker, desk):
    other = desk.admin.carry_out(CreateKey("alice", "binance", (Scope.READ,)), desk.now_ns)
    asker.key = other
    assert asker.code("GET", "/api/v1/account") == (401, "UNKNOWN_KEY")


def test_the_earlier_check_is_the_one_that_is_told(desk):
    """Decision 6: limit, key, expiry, address, signature, time, scope, parameters."""
    once = LimitProfile((Limit("r", Per.IP, Counts.REQUESTS, 4, 60 * SECOND_NS),))
    asker = Asker(desk, once, Scope.READ, ip=("10.0.0.0/8",))
    wrong = {"steelyard_signature": "00" * 32}
    target, bad = "/api/v1/orders", {"nonsense": 1}
    assert asker.code("POST", target, bad, age_s=99, **wrong)[1] == "IP_NOT_ALLOWED"
    inside = {"ip": "10.0.0.1"}
    assert asker.code("POST", target, bad, age_s=99, **wrong, **inside)[1] == "BAD_SIGNATURE"
    assert asker.code("POST", target, bad, age_s=99, **inside)[1] == "STALE_TIMESTAMP"
    for _ in range(4):
        last = asker.code("POST", target, bad, age_s=99, **wrong, **inside)
    assert last == (429, "IP_LIMIT")


def test_a_limit_is_told_in_headers_before_and_after_it_is_reached(desk):
    """A25."""
    two = LimitProfile((Limit("r", Per.IP, Counts.REQUESTS, 2, 10 * SECOND_NS),))
    asker = Asker(desk, two)
    first = asker.send("GET", "/api/v1/time")
    assert first.headers["x-ratelimit-remaining"] == "1"
    asker.send("GET", "/api/v1/time")
    third = asker.send("GET", "/api/v1/time")
    assert third.status == 429
    assert 1 <= int(third.headers["retry-after"]) <= 10


STRICT = LimitProfile(
    (Limit("r", Per.IP, Counts.REQUESTS, 2, 10 * SECOND_NS, Kind.SLIDING),),
    ban_after=3,
    ban_ns=20 * SECOND_NS,
    revoke_after=2,
    revoke_within_ns=3_600 * SECOND_NS,
)


def until_banned(asker, target="/api/v1/account", **options):
    """Send until the address is shut out; return what the last one that counted was told."""
    for _ in range(10):
        told = asker.code("GET", target, **options)
        if asker.gate.limiter.ban(IP, asker.desk.now_ns):
            return told
    raise AssertionError("never banned")


def test_a_ban_ends_and_other_addresses_do_not_feel_it(desk):
    """A26: 429, then 418 with the time that is left, then all is as before."""
    asker = Asker(desk, STRICT._replace(revoke_after=0))
    assert until_banned(asker) == (429, "IP_LIMIT")
    banned = asker.send("GET", "/api/v1/account")
    assert (banned.status, banned.headers["retry-after"]) == (418, "20")
    assert asker.code("GET", "/api/v1/account", ip="127.0.0.2")[0] == 200
    desk.tick(19)
    assert asker.code("GET", "/api/v1/account") == (418, "IP_BANNED")
    desk.tick(1)
    assert asker.code("GET", "/api/v1/account")[0] == 200


def test_a_key_that_goes_on_and_on_is_revoked_and_told_why(desk):
    """A26: the second ban within the time costs it its access, from any address, for good."""
    asker = Asker(desk, STRICT)
    assert until_banned(asker) == (429, "IP_LIMIT")
    desk.tick(21)
    assert until_banned(asker) == (401, "UNKNOWN_KEY")
    desk.tick(21)
    response = asker.send("GET", "/api/v1/account", ip="127.0.0.2")
    assert response.status == 401
    said = json.loads(response.body)["error"]["message"]
    assert "revoked for going on over its limits until it was banned, 2 times within" in said
    kept = desk.exchange.keys.people.keys[asker.key["key"]]
    assert kept.is_revoked
    again = Desk(funded=False)
    again.exchange.restore(desk.exchange.snapshot())
    assert "2 times within" in again.exchange.keys.cause(kept.created.key)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("/api/v1/account", {"steelyard_signature": "00" * 32}),
        ("/api/v1/account", {"age_s": 99}),
        ("/api/v1/time", {}),
    ],
    ids=["a signature that does not fit", "one that was recorded", "no key asked for"],
)
def test_no_key_is_revoked_for_what_it_has_not_signed(desk, target, wrong):
    """Whoever names a key, replays it, or shares its address cannot cost it its access."""
    asker = Asker(desk, STRICT)
    for _ in range(4):
        assert until_banned(asker, target, **wrong) == (429, "IP_LIMIT")
        desk.tick(21)
    assert asker.code("GET", "/api/v1/account")[0] == 200


def test_a_websocket_is_refused_to_who_is_banned_or_has_too_many(desk):
    """Before there is one; each that ends makes room for another."""
    sockets = SocketLimits(connections=2, connects=5, connects_ns=60 * SECOND_NS)
    asker = Asker(desk, STRICT._replace(sockets=sockets))

    def open_line(number: int, ip: str = IP):
        return asker.gate.line("/ws/v1", ip, number, lambda: desk.now_ns)

    lines = [open_line(1), open_line(2)]
    with pytest.raises(SessionRefused, match="2 WebSockets are open from this address"):
        open_line(3)
    assert open_line(3, "127.0.0.2") is not None
    assert asker.gate.line("/nowhere", "127.0.0.3", 4, lambda: desk.now_ns) is None
    lines[0].close()
    assert open_line(5) is not None
    lines[1].close()
    assert open_line(6) is not None
    with pytest.raises(SessionRefused, match="5 new WebSockets in any 60 s"):
        open_line(7)
    until_banned(asker)
    with pytest.raises(SessionRefused, match="banned until"):
        open_line(8)


def test_a_websocket_knows_the_headers_it_was_opened_with(desk):
    """They are a door's to show; without any there are none."""
    asker = Asker(desk, STRICT)
    said = {"access-key": "k"}
    told, silent = (
        asker.gate.line("/ws/v1", IP, number, lambda: desk.now_ns, *more)
        for number, more in enumerate(((said,), ()))
    )
    assert (told.headers, silent.headers) == (said, {})


def test_the_same_client_id_is_the_same_order_for_ever(asker):
    """Decision 5: the same body gets the first answer, another one 409."""
    mine = ORDER | {"client_order_id": "x"}
    first = json.loads(asker.send("POST", "/api/v1/orders", mine).body)
    again = json.loads(asker.send("POST", "/api/v1/orders", mine).body)
    assert again["order_id"] == first["order_id"]
    other = asker.code("POST", "/api/v1/orders", mine | {"size": "0.2"})
    assert other == (409, "DUPLICATE_CLIENT_ORDER_ID")
    assert len(asker.desk.exchange.levels(0, 9).bids) == 1
    asker.desk.place(asker.desk.bob, Side.SELL, "0.1", "50000")
    filled = json.loads(asker.send("POST", "/api/v1/orders", mine).body)
    assert (filled["order_id"], filled["state"]) == (first["order_id"], "filled")


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/nothing", 404, "UNKNOWN_ENDPOINT"),
        ("PUT", "/api/v1/orders", 405, "METHOD_NOT_ALLOWED"),
        ("TRACE", "/api/v1/orders", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/orders/12/34", 404, "UNKNOWN_ENDPOINT"),
        ("GET", "/ws/v1", 426, "UPGRADE_REQUIRED"),
        ("HEAD", "/ws/v1", 426, "UPGRADE_REQUIRED"),
        ("POST", "/ws/v1", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/ws/v2", 404, "UNKNOWN_ENDPOINT"),
    ],
)
def test_paths_and_methods_that_there_are_not(asker, method, target, status, code):
    assert asker.code(method, target) == (status, code)


def test_the_bodies_of_hostile_clients_are_refused_with_a_field_or_a_form(asker):
    for change in (
        {"size": -1},
        {"size": "-0.1"},
        {"size": "1e30"},
        {"size": None},
        {"size": ["0.1"]},
        {"price": "50000.001"},
        {"symbol": "DOGE-USDT"},
        {"side": "hold"},
        {"client_order_id": "x" * 100},
        {"client_order_id": "\u0000"},
        {"surprise": 1},
    ):
        response = asker.send("POST", "/api/v1/orders", ORDER | change)
        error = json.loads(response.body)["error"]
        assert 400 <= response.status < 500, change
        assert error["message"], change
    for body in (b"", b"null", b"[]", b"\xff\xfe", b"{", b'{"size": 1' * 1000, b"[" * 100_000):
        stamp = str(asker.desk.now_ns // 1_000_000)
        nonce = f"b{hash(body) % 10**9}"
        signed = f"{stamp}{nonce}POST/api/v1/orders".encode() + body
        headers = {
            "steelyard-key": asker.key["key"],
            "steelyard-timestamp": stamp,
            "steelyard-nonce": nonce,
            "steelyard-signature": hmac.new(
                asker.key["secret"].encode(), signed, hashlib.sha256
            ).hexdigest(),
        }
        response = asker.gate.http(
            Request("POST", "/api/v1/orders", headers, body), IP, asker.desk.now_ns
        )
        assert response.status == 400, body[:20]
    assert asker.desk.exchange.levels(0, 9).bids == []
