"""The checks of `sim.conformance`, and what takes garbage or key pairs, over every dialect found.

Nothing here knows a venue. What a venue does not offer is Unsupported, and skipped.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from key_pairs import PAIRS, pair

from steelyard import dialects
from steelyard.domain.commands import Cancel, CancelAll, Place
from steelyard.domain.errors import AuthError, DecodeError, RateLimited, Unsupported
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    FillsQuery,
    InstrumentsQuery,
    OrderEvent,
    OrderQuery,
    Refused,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim import conformance
from steelyard.sim.conformance import PUBLIC, Turnstile, place
from steelyard.sim.stand import BTC_USDT, HERE, Stand
from steelyard.vault.key_pairs import read_public_key, signer
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Credentials,
    Dialect,
    Refusal,
)
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered, NotSent, Unknown

NAMES = dialects.names()


@pytest.fixture(params=NAMES)
def dialect(request) -> Dialect:
    return dialects.find(request.param)


@pytest.mark.parametrize("check", conformance.CHECKS, ids=conformance.title)
def test_a_dialect_keeps_the_promises(dialect, check: Callable[[Dialect], None]):
    try:
        check(dialect)
    except Unsupported as error:
        pytest.skip(str(error))


def test_dialects_do_not_get_in_each_others_way():
    """A port and a name of its own each."""
    found = [dialects.find(name) for name in NAMES]
    assert [dialect.name for dialect in found] == list(NAMES)
    offsets = [dialect.port_offset for dialect in found]
    assert len(set(offsets)) == len(offsets)


def test_fills_of_orders_placed_elsewhere_are_told(dialect):
    """Of every type that waits for a price, also where this API has no word for it."""
    stand = Stand(dialect)
    alice, bob = stand.account_ids["alice"], stand.account_ids["bob"]

    def placed(**fields: Any) -> None:
        answer = stand.exchange.perform(place(**fields), stand.now_ns)
        assert not isinstance(answer, Refused), answer

    for side, near, far in ((Side.BUY, 5_000_000, 4_000_000), (Side.SELL, 5_001_000, 6_000_000)):
        placed(account_id=bob, side=side, price_ticks=near, size_lots=10_000)
        placed(account_id=bob, side=side, price_ticks=far, size_lots=500_000)
    market = {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price_ticks": None}
    placed(account_id=alice, side=Side.BUY, size_lots=1_000, **market)
    for side, kind in product(Side, OrderType):
        if kind.waits:
            rises = (side is Side.BUY) == (kind in (OrderType.STOP, OrderType.STOP_LIMIT))
            placed(
                account_id=alice,
                side=side,
                order_type=kind,
                price_ticks=5_000_000 + 1_500_000 * side if kind.has_limit else None,
                trail_rate_e8=10_000_000 if kind.trails else None,
                trigger_ticks=None if kind.trails else 5_500_000 if rises else 4_500_000,
            )
    for side in (Side.SELL, Side.BUY):  # through all triggers, down and up
        placed(account_id=alice, side=side, size_lots=20_000, **market)
    asked = FillsQuery(alice, 100, 0)
    booked = stand.exchange.ask(asked, stand.now_ns).fills
    kinds = {
        stand.exchange.history.order(OrderQuery(alice, 0, f.order_id)).order_type for f in booked
    }
    assert kinds == set(OrderType) - {OrderType.LIMIT}
    told = stand.ask(FillsQuery(0, 100, 0), stand.key_of("alice")).fills
    assert sorted(f.size_lots for f in told) == sorted(f.size_lots for f in booked)


# -- garbage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_garbage_never_breaks_the_server_half(name, data):
    """Reading raises DecodeError at most, credentials come out or a Refusal, nothing verifies."""
    dialect = dialects.find(name)
    endpoint = data.draw(st.sampled_from(dialect.endpoints))
    query, body = data.draw(st.text(max_size=40)), data.draw(st.binary(max_size=60))
    headers = data.draw(
        st.dictionaries(st.text("abcdef-xmk", max_size=12), st.text(max_size=20), max_size=3)
    )
    request = Request(endpoint.method, f"{endpoint.path}?{query}", headers, body)
    captured = {part[1:-1]: query for part in endpoint.path.split("/") if part.startswith("{")}
    try:
        found = dialect.read(request, endpoint, captured)
    except DecodeError:
        pass
    else:
        assert isinstance(found, endpoint.request)
        assert endpoint.weight(found) >= 0
    claimed = dialect.credentials(request, endpoint)
    assert isinstance(claimed, Refusal | Credentials)
    if isinstance(claimed, Refusal):
        assert claimed.reason in (AccessReason.MISSING_KEY, AccessReason.UNKNOWN_KEY)
    else:
        assert not dialect.verify(claimed, b"secret")


@pytest.mark.parametrize("name", NAMES)
@given(path=st.text(max_size=30), method=st.sampled_from(["GET", "POST", "DELETE", "FOO"]))
def test_any_path_is_answered(name, path, method):
    stand = Stand(dialects.find(name))
    response = stand.gate.http(Request(method, f"/{path}", {}, b""), HERE, stand.now_ns)
    assert 200 <= response.status < 500


# -- key pairs ----------------------------------------------------------------------------------


def skip_unless_offered(dialect, kind):
    if kind not in dialect.key_kinds:
        pytest.skip(f"{dialect.name} has no {kind} keys")


@pytest.mark.parametrize("way", ["rest", "line"])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_key_pair_opens_the_gate_and_no_other_pair_does(dialect, kind, way):
    """Nor does the public half, which the exchange has, taken for a shared secret."""
    turnstile = Turnstile(dialect, way, read_public_key=read_public_key)
    skip_unless_offered(dialect, kind)
    private, public = pair(kind)
    made = turnstile.stand.key("alice", kind=kind, public_key=public)
    other = signer(pair(kind, 1)[0].encode())
    assert turnstile.told(ApiKey(made.key, b"", "", other)) == "BAD_SIGNATURE"
    assert turnstile.told(ApiKey(made.key, public.encode())) == "BAD_SIGNATURE"
    mine = ApiKey(made.key, b"", "", signer(private.encode()))
    assert turnstile.told(mine) == "MALFORMED"
    shared = turnstile.stand.key_of("alice").key
    assert turnstile.told(ApiKey(shared, b"", "", signer(private.encode()))) == "BAD_SIGNATURE"


@pytest.mark.parametrize("kind", PAIRS)
def test_a_key_pair_trades_and_follows_its_account(dialect, kind):
    """REST and WebSocket, signed by our own client half."""
    skip_unless_offered(dialect, kind)
    stand = Stand(dialect, read_public_key=read_public_key)
    private, public = pair(kind)
    made = stand.key("alice", kind=kind, public_key=public)
    key = ApiKey(made.key, b"", "", signer(private.encode()))
    session = dialect.client.private_session(key, stand.listings, stand.now_ns)
    told = stand.follow(session)
    order = stand.ask(place(), key).order
    assert [event.order.order_id for event in told.of(OrderEvent)] == [order.order_id]


# -- sessions and answers -----------------------------------------------------------------------


def sessions(stand: Stand) -> list[Any]:
    client = stand.dialect.client
    return [
        client.market_session([BTC_USDT], stand.listings, PUBLIC),
        client.private_session(stand.key_of("alice"), stand.listings, stand.now_ns),
    ]


@pytest.mark.parametrize("name", NAMES)
@examples(50)
@given(garbage=st.lists(st.text(max_size=60) | st.binary(max_size=60), max_size=4))
def test_garbage_never_breaks_a_servers_session(name, garbage):
    """It is answered, passed over or the end of the connection, never an exception."""
    stand = Stand(dialects.find(name))
    for number, ours in enumerate(sessions(stand), 1):
        line = stand.gate.line(ours.target, HERE, number, lambda: stand.now_ns)
        assert line is not None
        for frame in garbage:
            line.receive(frame)
            if line.session.closing is not None:
                break
        for answer in line.session.drain():
            msgspec.json.decode(answer)


@pytest.mark.parametrize("name", NAMES)
@examples(50)
@given(garbage=st.text(max_size=60) | st.binary(max_size=60))
def test_garbage_never_breaks_a_clients_session(name, garbage):
    """DecodeError, or what a login can end in, and nothing else."""
    for ours in sessions(Stand(dialects.find(name))):
        ours.opened(0)
        try:
            ours.receive(garbage, 0)
        except (DecodeError, AuthError, RateLimited):
            continue
        assert ours.drain()[1] == []


COMMANDS = [
    Place(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 1, 1, client_order_id="a"),
    Cancel(0, 5, 0, "a"),
    CancelAll(0, 0),
]
QUERIES = [BookQuery(0, 5), AccountQuery(0), OrderQuery(0, 0, 5, "a"), InstrumentsQuery()]


@pytest.mark.parametrize("name", NAMES)
@given(
    message=st.sampled_from([*COMMANDS, *QUERIES]),
    status=st.sampled_from([200, 201, 204, 400, 401, 404, 409, 429, 500, 503]),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"null", b"[" * 50_000]),
)
def test_no_answer_breaks_the_client_half(name, message, status, body):
    """Of a command there always is an outcome; and a 5xx is never taken for a no."""
    stand = Stand(dialects.find(name))
    client = stand.dialect.client
    try:
        client.request(message, stand.listings, stand.key_of("alice"), 0)
    except Unsupported:
        return
    try:
        outcome = client.outcome(message, Response(status, {}, body), stand.listings, 0)
    except DecodeError:
        assert message in QUERIES
        return
    assert isinstance(outcome, Answered | NotSent | Unknown)
    if status >= 500:
        assert not isinstance(outcome, Answered)
