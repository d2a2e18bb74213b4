"""What every dialect promises, whichever venue's it is: both halves over one small exchange.

Nothing here knows a venue. What a venue does not offer is Unsupported, and skipped.
"""

import itertools
from decimal import Decimal
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
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    Acknowledged,
    BalanceEvent,
    BookDelta,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    Execution,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderAnswer,
    OrderEvent,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
    TickersQuery,
    Trade,
    TradesQuery,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.exchange.gate import Gate, Line
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.vault.key_pairs import signer
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Auth,
    ChannelKind,
    Credentials,
    Dialect,
    Errand,
    Refusal,
    SessionRefused,
)
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, Counts, Limit, LimitProfile, Per
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.shared.desk import BTC_USDT, Desk

NAMES = dialects.names()
HERE = "127.0.0.1"
STEP_NS = 50_000_000
MINUTE_NS = 60_000_000_000
PUBLIC = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
REASONS = [*AccessReason, *RejectReason]


class Stand:
    """An exchange with two accounts, a dialect's gate, and its client half to talk through it."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.desk = Desk()
        seeds = itertools.count(1)
        self.exchange, self.listings = self.desk.exchange, self.desk.exchange.listings
        tokens = StreamTokens(lambda size: next(seeds).to_bytes(8, "big") * (size // 8))
        self.gate = Gate(self.exchange, dialect, UNLIMITED, tokens=tokens)
        self.alice, self.bob = self.key("alice"), self.key("bob")
        self.lines: dict[int, tuple[Line, Any]] = {}

    def key(self, account: str, *scopes: Scope, **options: Any) -> ApiKey:
        made = self.desk.admin.create_key(
            account,
            dialect=self.dialect.name,
            scopes=scopes or (Scope.READ, Scope.TRADE),
            now_ns=self.desk.now_ns,
            **options,
        )
        return ApiKey(made.key, made.secret.encode())

    def ask(self, message: Any, key: ApiKey | None = None) -> Any:
        """Send a message and return its answer; skip what the venue does not offer."""
        self.desk.now_ns += STEP_NS
        now_ns = self.desk.now_ns
        try:
            request = self.dialect.client.request(message, self.listings, key or self.alice, now_ns)
        except Unsupported as error:
            pytest.skip(str(error))
        response = self.gate.http(request, HERE, now_ns)
        outcome = self.dialect.client.outcome(message, response, self.listings, now_ns)
        assert isinstance(outcome, Answered), outcome
        self.deliver()
        return outcome.answer

    def place(self, key: ApiKey | None = None, **fields: Any) -> Any:
        """Place a limit order: alice buys 0.01 at 50,000 unless told otherwise."""
        wanted = {
            "account_id": 0,
            "instrument_id": 0,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "post_only": False,
            "price_ticks": 5_000_000,
            "size_lots": 1_000,
            **fields,
        }
        return self.ask(Place(**wanted), key)

    def as_it_is(self, order: Any) -> Any:
        """Ask for an order anew, by the venue's number."""
        return self.ask(OrderQuery(0, 0, order.order_id)).order

    def follow(self, session: Any) -> Any:
        """Connect one of our sessions to the exchange and return it."""
        number = len(self.lines) + 1
        self.desk.now_ns += STEP_NS
        line = self.gate.line(session.target, HERE, number, lambda: self.desk.now_ns)
        assert line is not None, session.target
        self.lines[number] = (line, session)
        session.opened(self.desk.now_ns)
        inner = getattr(session, "session", session)
        if isinstance(inner, Errand) and (request := inner.errand(self.desk.now_ns)) is not None:
            response = self.gate.http(request, HERE, self.desk.now_ns)
            inner.returned(response, self.desk.now_ns)
        self.deliver()
        return session

    def deliver(self) -> None:
        """Carry frames both ways until nobody has any."""
        busy = True
        while busy:
            busy = False
            for line, session in self.lines.values():
                for frame in session.drain_frames():
                    line.receive(frame)
                    busy = True
                for payload in line.session.drain():
                    session.receive(payload.decode(), self.desk.now_ns)
                    busy = True
            for payload, sessions in self.exchange.drain().frames:
                for number in sessions:
                    self.lines[number][1].receive(payload.decode(), self.desk.now_ns)
                    busy = True


def count_of(answer: Any) -> int:
    """Return how many orders a CancelAll has ended."""
    return answer.count if isinstance(answer, Acknowledged) else len(answer.orders)


class Heard:
    """A client session that keeps the events it was told."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.target, self.opened, self.receive = session.target, session.opened, session.receive
        self.events: list[Any] = []

    def drain_frames(self) -> list[str]:
        frames, events = self.session.drain()
        self.events += events
        return frames

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(params=NAMES)
def dialect(request) -> Dialect:
    return dialects.find(request.param)


@pytest.fixture
def stand(dialect) -> Stand:
    return Stand(dialect)


# -- the manifest -------------------------------------------------------------------------------


def test_dialects_do_not_get_in_each_others_way():
    """A port and a name of its own each."""
    found = [dialects.find(name) for name in NAMES]
    assert [dialect.name for dialect in found] == list(NAMES)
    offsets = [dialect.port_offset for dialect in found]
    assert len(set(offsets)) == len(offsets)


def test_a_manifest_is_complete(dialect):
    """Every route once, with a summary for the reference; differences with their reasons."""
    routes = [(endpoint.method, endpoint.path) for endpoint in dialect.endpoints]
    assert len(set(routes)) == len(routes)
    assert all(endpoint.summary for endpoint in dialect.endpoints)
    assert dialect.title
    assert dialect.docs
    assert all(what and why for what, why in dialect.known_differences)
    names = [limit.name for limit in dialect.limits.limits]
    assert len(set(names)) == len(names)


def test_routes_ask_for_what_they_need(dialect):
    """An open route for no scope, one that places orders for the scope to trade."""
    for endpoint in dialect.endpoints:
        if endpoint.auth is Auth.NONE:
            assert endpoint.scope is None, endpoint.path
        if endpoint.is_order:
            assert endpoint.scope is Scope.TRADE, endpoint.path


@pytest.mark.parametrize("reason", REASONS, ids=repr)
def test_every_refusal_can_be_said_and_says_how_to_mend_it(dialect, reason):
    response = dialect.refuse(Refusal(reason, "mend it like this", retry_after_ns=1), 0)
    assert "mend it like this" in msgspec.json.encode(msgspec.json.decode(response.body)).decode()
    is_ours = isinstance(reason, AccessReason) and reason in (
        AccessReason.UNAVAILABLE,
        AccessReason.MAINTENANCE,
    )
    if dialect.refuses_with_ok:
        assert response.status == 200 or reason is AccessReason.UPGRADE_REQUIRED
        return
    assert 400 <= response.status < 600
    assert (response.status >= 500) == is_ours


def test_an_unknown_library_has_no_settings(dialect):
    with pytest.raises(Unsupported, match="'no-such-library'"):
        dialect.environment("no-such-library", "http://h", "ws://h")


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
    response = stand.gate.http(Request(method, f"/{path}", {}, b""), HERE, stand.desk.now_ns)
    assert 200 <= response.status < 500


# -- the order of the checks --------------------------------------------------------------------


class Turnstile:
    """A gate at which every parameter is wrong: what else is wrong has to be told first."""

    def __init__(self, dialect: Dialect, way: str, limits: LimitProfile = UNLIMITED) -> None:
        self.stand = Stand(dialect)
        self.way = way
        self.gate = Gate(self.stand.exchange, dialect._replace(read=self.read), limits)

    def read(self, *_: Any) -> Any:
        raise DecodeError("no parameter is ever right here")

    @property
    def has_timestamps(self) -> bool:
        """Whether requests say when they were made; else they have a nonce that rises."""
        stand, dialect = self.stand, self.stand.dialect
        request = dialect.client.request(AccountQuery(0), stand.listings, stand.alice, 0)
        endpoint = next(e for e in dialect.endpoints if e.path == request.path)
        claimed = dialect.credentials(request, endpoint)
        assert isinstance(claimed, Credentials)
        return not claimed.nonce_rises or claimed.timestamp_ns is not None

    def told(self, key: ApiKey, ip: str = HERE, age_ns: int = 0) -> str:
        """Place an order with a key, and return the name of the refusal."""
        stand, dialect = self.stand, self.stand.dialect
        stand.desk.now_ns += STEP_NS
        now_ns = stand.desk.now_ns
        limit = (OrderType.LIMIT, TimeInForce.GTC, False)
        place = Place(0, 0, Side.BUY, *limit, 5_000_000, 1_000, client_order_id="mine-1")
        request = dialect.client.request(place, stand.listings, key, now_ns - age_ns)
        before = self.gate.outcomes.copy()
        if self.way == "rest":
            response = self.gate.http(request, ip, now_ns)
            assert response.status >= 400 or dialect.refuses_with_ok
        else:
            self.over_a_line(request, ip)
        (told,) = (self.gate.outcomes - before).elements()
        return told

    def over_a_line(self, request: Request, ip: str) -> None:
        stand, dialect = self.stand, self.stand.dialect
        (endpoint,) = (
            e for e in dialect.endpoints if (e.method, e.path) == (request.method, request.path)
        )
        line = Line(self.gate, 1, ip, lambda: stand.desk.now_ns)
        with pytest.raises(SessionRefused):
            line.call(endpoint, self.read, lambda: dialect.credentials(request, endpoint))


@pytest.mark.parametrize("way", ["rest", "line"])
def test_the_gate_tells_of_the_key_before_it_tells_of_a_parameter(dialect, way):
    """Design decision 6: limit, key, expiry, address, signature, time, scope, limits, decode."""
    turnstile = Turnstile(dialect, way)
    stand = turnstile.stand
    reader = stand.key("alice", Scope.READ)
    bound = stand.key("alice", Scope.READ, ip=("10.0.0.0/8",))
    soon_ns = stand.desk.now_ns + 1
    brief = stand.key("alice", Scope.READ, expires_ns=soon_ns, ip=("10.0.0.0/8",))
    wrong = ApiKey(reader.key, b"wrong")
    old_ns = 10 * MINUTE_NS
    assert turnstile.told(ApiKey("Nobodys", b"wrong"), age_ns=old_ns) == "UNKNOWN_KEY"
    assert turnstile.told(ApiKey(brief.key, b"wrong"), age_ns=old_ns) == "KEY_EXPIRED"
    assert turnstile.told(ApiKey(bound.key, b"wrong"), age_ns=old_ns) == "IP_NOT_ALLOWED"
    assert turnstile.told(wrong, age_ns=old_ns) == "BAD_SIGNATURE"
    if turnstile.has_timestamps:
        assert turnstile.told(reader, age_ns=old_ns) == "STALE_TIMESTAMP"
    assert turnstile.told(reader) == "MISSING_SCOPE"
    assert turnstile.told(stand.alice) == "MALFORMED"


def skip_unless_offered(dialect, kind):
    if kind not in dialect.key_kinds:
        pytest.skip(f"{dialect.name} has no {kind} keys")


@pytest.mark.parametrize("way", ["rest", "line"])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_key_pair_opens_the_gate_and_no_other_pair_does(dialect, kind, way):
    """Nor does the public half, which the exchange has, taken for a shared secret."""
    turnstile = Turnstile(dialect, way)
    skip_unless_offered(dialect, kind)
    private, public = pair(kind)
    made = turnstile.stand.key("alice", kind=kind, public_key=public)
    other = signer(pair(kind, 1)[0].encode())
    assert turnstile.told(ApiKey(made.key, b"", "", other)) == "BAD_SIGNATURE"
    assert turnstile.told(ApiKey(made.key, public.encode())) == "BAD_SIGNATURE"
    mine = ApiKey(made.key, b"", "", signer(private.encode()))
    assert turnstile.told(mine) == "MALFORMED"
    secret = turnstile.stand.alice.key
    assert turnstile.told(ApiKey(secret, b"", "", signer(private.encode()))) == "BAD_SIGNATURE"


@pytest.mark.parametrize("kind", PAIRS)
def test_a_key_pair_trades_and_follows_its_account(stand, kind):
    """REST and WebSocket, signed by our own client half."""
    skip_unless_offered(stand.dialect, kind)
    private, public = pair(kind)
    made = stand.desk.admin.create_key(
        "alice",
        dialect=stand.dialect.name,
        scopes=(Scope.READ, Scope.TRADE),
        kind=kind,
        public_key=public,
        now_ns=stand.desk.now_ns,
    )
    key = ApiKey(made.key, b"", "", signer(private.encode()))
    told = Heard(stand.dialect.client.private_session(key, stand.listings, stand.desk.now_ns))
    stand.follow(told)
    order = stand.place(key).order
    assert [event.order.order_id for event in told.of(OrderEvent)] == [order.order_id]


@pytest.mark.parametrize("way", ["rest", "line"])
@pytest.mark.parametrize(
    ("per", "counts", "told"),
    [
        (Per.IP, Counts.REQUESTS, "IP_LIMIT"),
        (Per.KEY, Counts.REQUESTS, "KEY_LIMIT"),
        (Per.ACCOUNT, Counts.ORDERS, "ORDER_LIMIT"),
    ],
)
def test_the_gate_tells_of_a_limit_before_it_tells_of_a_parameter(dialect, way, per, counts, told):
    """Also a request that cannot be read counts."""
    once = LimitProfile((Limit("once", per, counts, 1, MINUTE_NS),))
    turnstile = Turnstile(dialect, way, once)
    assert turnstile.told(turnstile.stand.alice) == "MALFORMED"
    assert turnstile.told(turnstile.stand.alice) == told


def sessions(stand: Stand) -> list[Any]:
    client = stand.dialect.client
    return [
        client.market_session([BTC_USDT], stand.listings, PUBLIC),
        client.private_session(stand.alice, stand.listings, stand.desk.now_ns),
    ]


@pytest.mark.parametrize("name", NAMES)
@examples(50)
@given(garbage=st.lists(st.text(max_size=60) | st.binary(max_size=60), max_size=4))
def test_garbage_never_breaks_a_servers_session(name, garbage):
    """It is answered, passed over or the end of the connection, never an exception."""
    stand = Stand(dialects.find(name))
    for number, ours in enumerate(sessions(stand), 1):
        line = stand.gate.line(ours.target, HERE, number, lambda: stand.desk.now_ns)
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
        client.request(message, stand.listings, stand.alice, 0)
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


# -- both halves --------------------------------------------------------------------------------


def test_instruments_come_through_with_all_their_numbers(stand):
    (found,) = stand.ask(InstrumentsQuery()).instruments
    for name in msgspec.structs.asdict(BTC_USDT):
        if not name.endswith("_id"):
            assert getattr(found, name) == getattr(BTC_USDT, name), name


def test_the_clock_comes_through(stand):
    clock = stand.ask(ClockQuery())
    assert 0 <= stand.desk.now_ns - clock.time_ns < 10**9


def test_a_book_comes_through(stand):
    stand.place(price_ticks=4_900_000)
    stand.place(stand.bob, side=Side.SELL, price_ticks=5_100_000, size_lots=7_000)
    book = stand.ask(BookQuery(0, 10))
    assert (book.bids, book.asks) == (((4_900_000, 1_000),), ((5_100_000, 7_000),))
    if stand.dialect.numbers_books:
        assert book.sequence == stand.exchange.feed.sequences[0]


def test_an_order_comes_through_from_place_to_cancel(stand):
    """By the client id that the dialect prints, and by the venue's number."""
    mine = stand.dialect.client.client_order_id(2**128 - 1)
    order = stand.place(client_order_id=mine).order
    assert (order.client_order_id, order.state) == (mine, OrderState.WORKING)
    assert (order.account_id, order.price_ticks, order.size_lots) == (0, 5_000_000, 1_000)
    found = stand.ask(OrderQuery(0, 0, client_order_id=mine)).order
    assert (found.order_id, found.state) == (order.order_id, OrderState.WORKING)
    listed = stand.ask(OrdersQuery(0, 10, 0, open_only=True)).orders
    assert [o.order_id for o in listed] == [order.order_id]
    canceled = stand.ask(Cancel(0, order.order_id, 0, mine))
    assert isinstance(canceled, OrderAnswer if stand.dialect.answers_in_full else Acknowledged)
    assert stand.as_it_is(order).state is OrderState.CANCELED
    again = stand.ask(Cancel(0, order.order_id, 0, mine))
    assert isinstance(again, Refused)
    assert again.reason is RejectReason.UNKNOWN_ORDER
    assert stand.ask(OrdersQuery(0, 10, 0, open_only=True)).orders == ()


def test_all_orders_are_canceled_at_once_and_again_without_harm(stand):
    for price_ticks in (4_900_000, 4_900_001):
        stand.place(price_ticks=price_ticks)
    assert count_of(stand.ask(CancelAll(0, 0))) == 2
    assert stand.ask(OrdersQuery(0, 10, 0, open_only=True)).orders == ()
    assert count_of(stand.ask(CancelAll(0, 0))) == 0


def test_fills_and_balances_come_through_to_the_atom(stand):
    """Position by fills, fee included, is what the books say."""
    stand.place(stand.bob, side=Side.SELL, price_ticks=4_999_999, size_lots=333)
    answer = stand.place(size_lots=1_000)
    order = stand.as_it_is(answer.order)
    assert order.filled_lots == 333
    (fill,) = stand.ask(FillsQuery(0, 10, 0)).fills
    told = stand.exchange.history.fills(FillsQuery(stand.desk.alice, 10))[0]
    if stand.dialect.answers_in_full:
        assert answer.order.filled_lots == 333
        assert [fill.size_lots for fill in answer.fills] == [333]
        told = answer.fills[0]
    for name in ("trade_id", "order_id", "price_ticks", "size_lots", "quote_atoms", "fee_atoms"):
        assert getattr(fill, name) == getattr(told, name), name
    assert fill.quote_atoms == order.quote_atoms
    account = stand.ask(AccountQuery(0))
    books = stand.exchange.engine.balances(stand.desk.alice)
    assert {b.asset_id: (b.free_atoms, b.held_atoms) for b in account.balances} == {
        asset_id: (b.free_atoms, b.held_atoms) for asset_id, b in books.items()
    }


def test_public_history_comes_through(stand):
    stand.place(stand.bob, side=Side.SELL)
    stand.place()
    (trade,) = stand.ask(TradesQuery(0, 10)).trades
    assert (trade.price_ticks, trade.size_lots, trade.taker_side) == (5_000_000, 1_000, Side.BUY)
    (candle,) = stand.ask(CandlesQuery(0, MINUTE_NS, 10)).candles
    assert (candle.close_ticks, candle.volume_lots) == (5_000_000, 1_000)
    (ticker,) = stand.ask(TickersQuery((0,))).tickers
    assert (ticker.last_ticks, ticker.volume_lots) == (5_000_000, 1_000)


def test_what_a_key_may_do_comes_through(stand):
    assert stand.ask(KeyQuery(stand.alice.key)).scopes == {Scope.READ, Scope.TRADE}


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"size_lots": 10**8}, {RejectReason.INSUFFICIENT_BALANCE}),
        ({"size_lots": 1}, {RejectReason.NOTIONAL_TOO_SMALL}),
        ({"post_only": True, "price_ticks": 6_000_000}, {RejectReason.POST_ONLY_WOULD_TAKE}),
    ],
)
def test_a_refusal_comes_through_with_its_reason(stand, fields, reasons):
    stand.place(stand.bob, side=Side.SELL, price_ticks=5_500_000)
    refused = stand.place(**fields)
    assert isinstance(refused, Refused)
    assert refused.reason in reasons
    assert refused.message


# -- streams ------------------------------------------------------------------------------------


def test_public_streams_come_through(stand):
    """Trades as they are; changes of a book in one unbroken chain up to the newest number."""
    session = stand.dialect.client.market_session([BTC_USDT], stand.listings, PUBLIC)
    heard = stand.follow(Heard(session))
    assert session.ready
    for _ in range(3):
        stand.place(stand.bob, side=Side.SELL)
        stand.place(price_ticks=5_000_000, size_lots=1_500)
        stand.exchange.step(stand.desk.tick())
        stand.deliver()
    (first, *_) = heard.of(Trade)
    assert (first.price_ticks, first.taker_side) == (5_000_000, Side.BUY)
    deltas = heard.of(BookDelta)
    for before, after in itertools.pairwise(deltas):
        assert after.first_sequence == before.last_sequence + 1
    assert deltas
    if stand.dialect.numbers_books:
        assert deltas[-1].last_sequence == stand.exchange.feed.sequences[0]


def test_private_streams_come_through(stand):
    """The account's orders and balances, and nobody else's."""
    session = stand.dialect.client.private_session(stand.alice, stand.listings, stand.desk.now_ns)
    heard = stand.follow(Heard(session))
    assert session.ready
    mine = stand.dialect.client.client_order_id(7)
    stand.place(client_order_id=mine)
    stand.place(stand.bob, side=Side.SELL, size_lots=400)
    stand.ask(CancelAll(0, 0))
    events = heard.of(OrderEvent)
    assert [e.execution for e in events] == [Execution.NEW, Execution.FILL, Execution.CANCELED]
    assert {e.order.client_order_id for e in events} == {mine}
    assert [e.order.filled_lots for e in events] == [0, 400, 400]
    fill = events[1].fill
    assert (fill.size_lots, fill.price_ticks) == (400, 5_000_000)
    last = {b.asset_id: b for event in heard.of(BalanceEvent) for b in event.balances}
    books = stand.exchange.engine.balances(stand.desk.alice)
    assert {a: (b.free_atoms, b.held_atoms) for a, b in last.items()} == {
        a: (books[a].free_atoms, books[a].held_atoms) for a in last
    }


def test_a_wrong_secret_follows_nothing(stand):
    wrong = ApiKey(stand.alice.key, b"not the secret at all, but as long as one")
    session = stand.dialect.client.private_session(wrong, stand.listings, stand.desk.now_ns)
    with pytest.raises(AuthError):
        stand.follow(Heard(session))
    assert not session.ready


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_client_ids_are_as_many_as_their_numbers(name, one, other):
    printed = dialects.find(name).client.client_order_id(one)
    assert printed.isascii()
    assert len(printed) <= 36
    assert (printed == dialects.find(name).client.client_order_id(other)) == (one == other)


def test_the_desk_is_what_the_tests_think_it_is():
    """The numbers above are of this instrument."""
    assert BTC_USDT.price(5_000_000) == Decimal(50_000)
    assert BTC_USDT.size(1_000) == Decimal("0.01")
