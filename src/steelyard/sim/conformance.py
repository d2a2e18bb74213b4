"""What every dialect promises, whichever venue's it is, as checks that anybody's dialect can run.

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=conformance.title)
    def test_my_venue_keeps_the_promises(check):
        check(my_venue.DIALECT)

A check stands a small exchange before both halves of the dialect and lets them talk in bytes. It
knows no venue: it asserts what came through, raises AssertionError with what did not, and lets
`Unsupported` pass through where the venue does not offer what it is about. It says nothing of
whether the bytes are the venue's: two halves may agree and both be wrong. That is for recordings,
published vectors and clients that somebody else wrote.
"""

import operator
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import product
from typing import Any

import msgspec

from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    AccountQuery,
    BalanceEvent,
    BookDelta,
    BookQuery,
    BookSnapshot,
    CandlesQuery,
    ClockQuery,
    Execution,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderEvent,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
    Scope,
    TickersQuery,
    Trade,
    TradesQuery,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.exchange.gate import Gate
from steelyard.exchange.keys import ReadPublicKey, no_public_keys
from steelyard.exchange.line import Line
from steelyard.sim.stand import BTC_USDT, HERE, STEP_NS, Stand
from steelyard.trading.books import BookView
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Auth,
    ChannelKind,
    Dialect,
    Refusal,
    SessionRefused,
)
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, Counts, Limit, LimitProfile, Per
from steelyard.wire.outcome import Answered, NotSent, Unknown

Check = Callable[[Dialect], None]

PUBLIC = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
REASONS = (*AccessReason, *RejectReason)
CLIENT_ID_BITS = 122  # a random UUID has so many
CLIENT_ID_MAX = 36  # characters
WAYS = ("rest", "line")
GATEWAYS = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
OLD_NS = 10 * MINUTE_NS
MENDING = "mend it like this"
ORDERS_MAX = 50
FILL = (
    *("trade_id", "order_id", "side", "price_ticks", "size_lots", "quote_atoms"),
    *("liquidity", "fee_asset_id", "fee_atoms"),
)
LIMITED = (
    (Per.IP, Counts.REQUESTS, "IP_LIMIT"),
    (Per.KEY, Counts.REQUESTS, "KEY_LIMIT"),
    (Per.ACCOUNT, Counts.ORDERS, "ORDER_LIMIT"),
)

CHECKS: list[Check] = []


def check(function: Check) -> Check:
    """Make a function one of `CHECKS`."""
    CHECKS.append(function)
    return function


def title(function: Check) -> str:
    """Return what a check is called in a list of tests."""
    return function.__name__


def place(**fields: Any) -> Place:
    """Return a limit order of a client: a buy of 0.01 at 50,000 unless told otherwise."""
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
    return Place(**wanted)


# -- the manifest -------------------------------------------------------------------------------


@check
def manifest_is_complete(dialect: Dialect) -> None:
    """Every route once, with a summary for the reference; differences with their reasons."""
    routes = [(endpoint.method, endpoint.path) for endpoint in dialect.endpoints]
    assert len(set(routes)) == len(routes), "a route is there twice"
    assert all(endpoint.summary for endpoint in dialect.endpoints), "a route has no summary"
    assert dialect.title, "it has no title"
    assert dialect.docs, "it names no documentation"
    assert all(what and why for what, why in dialect.known_differences), "a reason is missing"
    names = [limit.name for limit in dialect.limits.limits]
    assert len(set(names)) == len(names), "two limits have one name"


@check
def routes_ask_for_what_they_need(dialect: Dialect) -> None:
    """An open route for no scope, one that places orders for the scope to trade."""
    for endpoint in dialect.endpoints:
        if endpoint.auth is Auth.NONE:
            assert endpoint.scope is None, endpoint.path
        if endpoint.is_order:
            assert endpoint.scope is Scope.TRADE, endpoint.path


@check
def every_refusal_can_be_said_and_is_never_read_as_a_yes(dialect: Dialect) -> None:
    """Each says how to mend it; only what is the exchange's own doing is a 5xx, never a no."""
    ours = {AccessReason.UNAVAILABLE.name, AccessReason.MAINTENANCE.name}
    stand = Stand(dialect)
    for reason in REASONS:
        response = dialect.refuse(Refusal(reason, MENDING, retry_after_ns=1), stand.now_ns)
        said = msgspec.json.encode(msgspec.json.decode(response.body)).decode()
        assert MENDING in said, f"{reason!r} does not say how to mend it"
        status = HTTPStatus(response.status)
        assert status >= HTTPStatus.OK, status
        is_fault = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        assert not is_fault or reason.name in ours, f"{reason!r} is said with {response.status}"
        outcome = dialect.client.outcome(place(), response, stand.listings, stand.now_ns)
        match outcome:
            case Answered(answer):
                assert isinstance(answer, Refused), f"{reason!r} is read as {answer}"
                assert not is_fault, f"{reason!r} with {response.status} is read as a no"
            case NotSent() | Unknown():
                pass


@check
def what_proves_nothing_is_not_known(dialect: Dialect) -> None:
    """A gateway's error, and a success that cannot be read: the order may be there or not."""
    stand = Stand(dialect)
    garbage = (b"", b"<html>Bad Gateway</html>", b"{}", b"[]", b"null", b'{"result":', b"\xff\xfe")
    responses = [Response(status, {}, body) for status in GATEWAYS for body in garbage]
    responses += [Response(HTTPStatus.OK, {}, body) for body in garbage]
    for response in responses:
        outcome = dialect.client.outcome(place(), response, stand.listings, stand.now_ns)
        assert isinstance(outcome, Unknown), f"{response} is read as {outcome}"


@check
def unknown_libraries_have_no_settings(dialect: Dialect) -> None:
    """And the error says which library was meant."""
    said = ""
    try:
        dialect.environment("no-such-library", "http://h", "ws://h")
    except Unsupported as error:
        said = str(error)
    assert "'no-such-library'" in said, "settings came of nothing, or the error does not say which"


@check
def client_ids_are_printed_short_and_apart(dialect: Dialect) -> None:
    """As many as there are numbers of 122 bits, in letters that any venue's log can show."""
    numbers = [0, 1, 10, 11, 99, 2**64, 2**64 + 1, *(2**bit for bit in range(2, CLIENT_ID_BITS))]
    printed = [dialect.client.client_order_id(number) for number in dict.fromkeys(numbers)]
    assert all(text.isascii() for text in printed), printed
    assert max(map(len, printed)) <= CLIENT_ID_MAX, printed
    assert len(set(printed)) == len(printed), "two numbers have one text"


# -- the order of the gate's checks -------------------------------------------------------------


class Turnstile:
    """A gate at which every parameter is wrong: what else is wrong has to be told first.

    Args:
        dialect: Whose gate it is.
        way: "rest", or "line": over a WebSocket.
        limits: What the gate enforces.
        read_public_key: As of `Stand`.
    """

    def __init__(
        self,
        dialect: Dialect,
        way: str,
        limits: LimitProfile = UNLIMITED,
        read_public_key: ReadPublicKey = no_public_keys,
    ) -> None:
        self.stand = Stand(dialect, read_public_key=read_public_key)
        self._way = way
        self._gate = Gate(self.stand.exchange, dialect._replace(read=self._read), limits)

    def told(self, key: ApiKey, ip: str = HERE, age_ns: int = 0) -> str:
        """Place an order with a key, and return the name of the refusal."""
        stand = self.stand
        stand.now_ns += STEP_NS
        request = stand.dialect.client.request(
            place(client_order_id=stand.dialect.client.client_order_id(1)),
            stand.listings,
            key,
            stand.now_ns - age_ns,
        )
        before = self._gate.outcomes.copy()
        if self._way == "rest":
            self._gate.http(request, ip, stand.now_ns)
        else:
            self._call_over_a_line(request, ip)
        (told,) = (self._gate.outcomes - before).elements()
        return told

    def _read(self, *_: Any) -> Any:
        raise DecodeError("no parameter is ever right here")

    def _call_over_a_line(self, request: Request, ip: str) -> None:
        stand, dialect = self.stand, self.stand.dialect
        (endpoint,) = (
            e for e in dialect.endpoints if (e.method, e.path) == (request.method, request.path)
        )
        line = Line(self._gate, 1, ip, lambda: stand.now_ns)
        try:
            line.call(endpoint, self._read, lambda: dialect.credentials(request, endpoint))
        except SessionRefused:
            return
        raise AssertionError("it was let through")


@check
def keys_are_told_of_before_parameters(dialect: Dialect) -> None:
    """Limit, key, expiry, address, signature, time, scope, limits, decode: the first one wrong."""
    for way in WAYS:
        turnstile = Turnstile(dialect, way)
        stand = turnstile.stand
        reader = stand.key("alice", Scope.READ)
        bound = stand.key("alice", Scope.READ, ip=("10.0.0.0/8",))
        soon_ns = stand.now_ns + 1
        brief = stand.key("alice", Scope.READ, expires_ns=soon_ns, ip=("10.0.0.0/8",))
        other = stand.key("bob")
        expected = [
            (stand.key_of("alice")._replace(key=_unknown(reader.key)), OLD_NS, "UNKNOWN_KEY"),
            (brief._replace(secret=other.secret), OLD_NS, "KEY_EXPIRED"),
            (bound._replace(secret=other.secret), OLD_NS, "IP_NOT_ALLOWED"),
            (reader._replace(secret=other.secret), OLD_NS, "BAD_SIGNATURE"),
            (reader, 0, "MISSING_SCOPE"),
            (stand.key_of("alice"), 0, "MALFORMED"),
        ]
        for key, age_ns, reason in expected:
            told = turnstile.told(key, age_ns=age_ns)
            assert told == reason, f"over {way}: {told}, not {reason}"


@check
def old_requests_are_told_of_before_scopes(dialect: Dialect) -> None:
    """Where requests say when they were signed, or count upwards."""
    for way in WAYS:
        turnstile = Turnstile(dialect, way)
        reader = turnstile.stand.key("alice", Scope.READ)
        assert turnstile.told(reader) == "MISSING_SCOPE"
        told = turnstile.told(reader, age_ns=OLD_NS)
        assert told in ("STALE_TIMESTAMP", "REPEATED_NONCE"), f"over {way}: {told}"


@check
def limits_are_told_of_before_parameters(dialect: Dialect) -> None:
    """Also a request that cannot be read counts."""
    for way in WAYS:
        for per, counts, reason in LIMITED:
            once = LimitProfile((Limit("once", per, counts, 1, MINUTE_NS),))
            turnstile = Turnstile(dialect, way, once)
            alice = turnstile.stand.key_of("alice")
            told = turnstile.told(alice), turnstile.told(alice)
            assert told == ("MALFORMED", reason), f"over {way}: {told}, not {reason}"


def _unknown(key: str) -> str:
    """Return a key of the same form that was never issued."""
    first = "b" if key[0] != "b" else "c"
    return first + key[1:]


# -- both halves over REST ----------------------------------------------------------------------


@check
def instruments_come_through(dialect: Dialect) -> None:
    """With all their numbers, as far as the venue tells them."""
    stand = Stand(dialect)
    (found,) = _ask(stand, InstrumentsQuery(), None).instruments
    for name in ("symbol", "tick_size", "lot_size"):
        assert getattr(found, name) == getattr(BTC_USDT, name), name


@check
def the_clock_comes_through(dialect: Dialect) -> None:
    """To the second, which is all that some venues tell."""
    stand = Stand(dialect)
    clock = _ask(stand, ClockQuery(), None)
    assert 0 <= stand.now_ns - clock.time_ns < SECOND_NS, clock


@check
def books_come_through(dialect: Dialect) -> None:
    """Prices, sizes and sides."""
    stand = Stand(dialect)
    _placed(stand, "alice", price_ticks=4_900_000)
    _placed(stand, "bob", side=Side.SELL, price_ticks=5_100_000, size_lots=7_000)
    book = _ask(stand, BookQuery(0, 10), stand.key_of("alice"))
    assert (book.bids, book.asks) == (((4_900_000, 1_000),), ((5_100_000, 7_000),)), book


@check
def orders_come_through_from_place_to_cancel(dialect: Dialect) -> None:
    """By the client id that the dialect prints, and by the venue's number."""
    stand = Stand(dialect)
    key, mine = stand.key_of("alice"), dialect.client.client_order_id(2**CLIENT_ID_BITS - 1)
    placed = _placed(stand, "alice", client_order_id=mine)
    found = _ask(stand, OrderQuery(0, 0, client_order_id=mine), key).order
    assert found.order_id == placed.order_id, found
    assert (found.client_order_id, found.state) == (mine, OrderState.WORKING), found
    assert (found.side, found.price_ticks, found.size_lots) == (Side.BUY, 5_000_000, 1_000), found
    by_number = _ask(stand, OrderQuery(0, 0, order_id=placed.order_id), key).order
    assert by_number == found, by_number
    listed = _ask(stand, OrdersQuery(0, 10, 0, open_only=True), key).orders
    assert [order.order_id for order in listed] == [placed.order_id], listed
    canceled = _ask(stand, Cancel(0, placed.order_id, 0, mine), key)
    assert not isinstance(canceled, Refused), canceled
    assert not stand.exchange.levels(0, 1).bids, "it is in the book still"
    again = _ask(stand, Cancel(0, placed.order_id, 0, mine), key)
    assert isinstance(again, Refused), again
    assert again.reason is RejectReason.UNKNOWN_ORDER, again
    assert _ask(stand, OrdersQuery(0, 10, 0, open_only=True), key).orders == ()


@check
def all_orders_are_canceled_at_once(dialect: Dialect) -> None:
    """And again without harm."""
    stand = Stand(dialect)
    key = stand.key_of("alice")
    for price_ticks in (4_900_000, 4_900_001):
        _placed(stand, "alice", price_ticks=price_ticks)
    assert not isinstance(_ask(stand, CancelAll(0, 0), key), Refused)
    assert not stand.exchange.levels(0, 1).bids, "some are in the book still"
    assert not isinstance(_ask(stand, CancelAll(0, 0), key), Refused)


@check
def fills_and_balances_come_through_to_the_atom(dialect: Dialect) -> None:
    """Position by fills, fee included, is what the books say."""
    stand = Stand(dialect)
    key, account_id = stand.key_of("alice"), stand.account_ids["alice"]
    offered = 333
    _placed(stand, "bob", side=Side.SELL, price_ticks=4_999_999, size_lots=offered)
    placed = _placed(stand, "alice")
    order = _ask(stand, OrderQuery(0, 0, order_id=placed.order_id), key).order
    assert order.filled_lots == offered, order
    _placed(stand, "bob", side=Side.SELL, size_lots=offered)
    fills = _ask(stand, FillsQuery(0, 10, 0), key).fills
    booked = _booked(stand, FillsQuery(account_id, 10, 0)).fills
    assert len(fills) == len(booked), fills
    for fill, wanted in zip(sorted(fills, key=_trade_id), booked, strict=True):
        _compare(fill, wanted, FILL)
    account = _ask(stand, AccountQuery(0), key)
    books = stand.exchange.engine.balances(account_id)
    told = {b.asset_id: (b.free_atoms, b.held_atoms) for b in account.balances}
    assert told == {asset: (b.free_atoms, b.held_atoms) for asset, b in books.items()}, told


@check
def public_history_comes_through(dialect: Dialect) -> None:
    """Trades with the side of their taker, candles, tickers."""
    stand = Stand(dialect)
    _placed(stand, "bob", side=Side.SELL)
    _placed(stand, "alice")
    (trade,) = _ask(stand, TradesQuery(0, 10), None).trades
    told = trade.price_ticks, trade.size_lots, trade.taker_side
    assert told == (5_000_000, 1_000, Side.BUY), trade
    (candle,) = _ask(stand, CandlesQuery(0, MINUTE_NS, 10), None).candles
    assert (candle.close_ticks, candle.volume_lots) == (5_000_000, 1_000), candle
    (ticker,) = _ask(stand, TickersQuery((0,)), None).tickers
    assert (ticker.last_ticks, ticker.volume_lots) == (5_000_000, 1_000), ticker


@check
def orders_placed_elsewhere_are_told(dialect: Dialect) -> None:
    """Also what this API has no word for; what waits may be on a list of its own."""
    stand = Stand(dialect)
    alice = stand.account_ids["alice"]
    for side, ticks in ((Side.BUY, 4_990_000), (Side.SELL, 5_010_000)):
        _placed(stand, "bob", side=side, price_ticks=ticks, size_lots=100_000)
    _placed(stand, "alice", side=Side.BUY, price_ticks=5_010_000)  # so that there is a last price
    for wanted in _resting():
        answer = stand.exchange.perform(place(account_id=alice, **wanted), stand.now_ns)
        assert not isinstance(answer, Refused), answer
    booked = _booked(stand, OrdersQuery(alice, ORDERS_MAX, 0, open_only=True)).orders
    told = _ask(stand, OrdersQuery(0, ORDERS_MAX, 0, open_only=True), stand.key_of("alice")).orders
    names = operator.attrgetter("order_id", "side", "size_lots")
    found, resting = set(map(names, told)), {names(o) for o in booked if not o.order_type.waits}
    assert resting <= found <= set(map(names, booked)), "not all of them are told, or others"


def _resting() -> Iterator[dict[str, Any]]:
    """Yield the terms of an order of each type that rests or waits, plain and as an iceberg."""
    for side, kind in product(Side, set(OrderType) - {OrderType.MARKET}):
        near, beyond = (4_000_000, 6_000_000)[:: -1 if side is Side.SELL else 1]
        trigger = beyond if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else near
        terms = {
            "side": side,
            "order_type": kind,
            "price_ticks": near if kind.has_limit else None,
            "trail_rate_e8": 1_000_000 if kind.trails else None,
            "trigger_ticks": trigger if kind.waits and not kind.trails else None,
        }
        yield terms
        if kind.has_limit:
            yield terms | {"display_lots": 100}


@check
def what_a_key_may_do_comes_through(dialect: Dialect) -> None:
    """The very scopes, where the venue tells them."""
    stand = Stand(dialect)
    key = stand.key_of("alice")
    told = _ask(stand, KeyQuery(key.key), key)
    assert told.scopes == {Scope.READ, Scope.TRADE}, told


@check
def refusals_come_through_with_their_reasons(dialect: Dialect) -> None:
    """Of money, size and post-only; with words, or as an order that was taken up and ended."""
    stand = Stand(dialect)
    _placed(stand, "bob", side=Side.SELL, price_ticks=5_500_000)
    expected = [
        (place(size_lots=10**8), RejectReason.INSUFFICIENT_BALANCE),
        (place(size_lots=1), RejectReason.NOTIONAL_TOO_SMALL),
        (place(post_only=True, price_ticks=6_000_000), RejectReason.POST_ONLY_WOULD_TAKE),
    ]
    for message, reason in expected:
        try:
            answer = _ask(stand, message, stand.key_of("alice"))
        except Unsupported:
            continue  # not every venue has every order
        if not isinstance(answer, Refused) and not dialect.answers_in_full:
            # Some venues take such an order up, and cancel it.
            found = OrderQuery(0, 0, order_id=answer.order.order_id)
            order = _ask(stand, found, stand.key_of("alice")).order
            told = {each.name for each in (order.reject_reason, order.cancel_cause) if each}
            assert not order.state.is_open, order
            assert told == {reason.name}, order
            continue
        assert isinstance(answer, Refused), f"{message} was answered with {answer}"
        assert answer.reason is reason, answer
        assert answer.message, answer
    assert not stand.exchange.levels(0, 1).bids, "one of them is in the book"


def _ask(stand: Stand, message: UserCommand | Query, key: ApiKey | None) -> Any:
    """Return the answer, of whichever kind the message has."""
    return stand.ask(message, key)


def _booked(stand: Stand, query: Query) -> Any:
    """Return what the exchange itself says."""
    return stand.exchange.ask(query, stand.now_ns)


def _trade_id(fill: Fill) -> int:
    return fill.trade_id


def _compare(told: Fill, booked: Fill, names: tuple[str, ...]) -> None:
    for name in names:
        one, other = getattr(told, name), getattr(booked, name)
        assert one == other, f"{name} is {one}, not {other}"


def _placed(stand: Stand, account: str, **fields: Any) -> Any:
    """Place an order of somebody's and return it as the answer has it."""
    answer = _ask(stand, place(**fields), stand.key_of(account))
    assert not isinstance(answer, Refused), answer
    return answer.order


# -- streams ------------------------------------------------------------------------------------


@check
def public_streams_come_through(dialect: Dialect) -> None:
    """Trades as they are, and a book that is the exchange's after every change.

    One that is asked for has the stream's number, or says that it has none.
    """
    stand = Stand(dialect)
    client, view = dialect.client, BookView(BTC_USDT)
    listener = stand.follow(client.market_session([BTC_USDT], stand.listings, PUBLIC))
    assert listener.ready, "it is not told what it asked for"
    trades = []
    for turn in range(4):
        _placed(stand, "bob", side=Side.SELL, price_ticks=5_000_000 + turn)
        _placed(stand, "alice", price_ticks=5_000_000, size_lots=1_500)
        _placed(stand, "bob", side=Side.SELL, price_ticks=4_999_999, size_lots=101)
        _placed(stand, "bob", side=Side.SELL, price_ticks=5_000_100 + turn)
        stand.pass_time()
        events, listener.events = listener.events, []
        for event in events:
            match event:
                case Trade():
                    trades.append((event.price_ticks, event.size_lots, event.taker_side))
                case BookSnapshot():
                    view.snapshot(event, stand.now_ns)
                case BookDelta():
                    view.delta(event, stand.now_ns)
                case _:
                    pass
        if view.needs_snapshot:
            view.snapshot(_ask(stand, BookQuery(0, 100), None), stand.now_ns)
        levels = stand.exchange.levels(0, 100)
        told = view.bids.first(100), view.asks.first(100)
        assert told == (levels.bids, levels.asks), f"{told}, not {levels}"
        asked = _ask(stand, BookQuery(0, 100), None)
        assert not asked.is_numbered or asked.sequence == view.sequence, (
            f"asked for, it is at {asked.sequence}, the stream at {view.sequence}: not numbered"
        )
    booked = _booked(stand, TradesQuery(0, 100)).trades
    assert trades == [(t.price_ticks, t.size_lots, t.taker_side) for t in booked], trades


@check
def private_streams_come_through(dialect: Dialect) -> None:
    """The account's orders and balances, and nobody else's."""
    stand = Stand(dialect)
    client, key = dialect.client, stand.key_of("alice")
    listener = stand.follow(client.private_session(key, stand.listings, stand.now_ns))
    assert listener.ready, "it is not told what it asked for"
    mine = client.client_order_id(7)
    _placed(stand, "alice", client_order_id=mine)
    _placed(stand, "bob", side=Side.SELL, size_lots=400)
    _ask(stand, CancelAll(0, 0), key)
    events = listener.of(OrderEvent)
    told = [event.execution for event in events]
    assert told == [Execution.NEW, Execution.FILL, Execution.CANCELED], told
    assert {event.order.client_order_id for event in events} == {mine}, events
    assert [event.order.filled_lots for event in events] == [0, 400, 400], events
    fill = events[1].fill
    if not dialect.tells_fills:
        assert fill is None, "an execution has a fill, and the dialect says that none has"
        (fill,) = _ask(stand, FillsQuery(0, 10, 0), key).fills
    assert fill is not None, "the execution has no fill"
    (booked,) = _booked(stand, FillsQuery(stand.account_ids["alice"], 10, 0)).fills
    _compare(fill, booked, FILL)
    balances = {b.asset_id: b for event in listener.of(BalanceEvent) for b in event.balances}
    books = stand.exchange.engine.balances(stand.account_ids["alice"])
    for asset_id, balance in balances.items():
        booked = books[asset_id].free_atoms, books[asset_id].held_atoms
        assert (balance.free_atoms, balance.held_atoms) == booked, balance


@check
def wrong_secrets_follow_nothing(dialect: Dialect) -> None:
    """The session ends in AuthError."""
    stand = Stand(dialect)
    wrong = stand.key_of("alice")._replace(secret=stand.key_of("bob").secret)
    session = dialect.client.private_session(wrong, stand.listings, stand.now_ns)
    try:
        stand.follow(session)
    except AuthError:
        assert not session.ready
        return
    raise AssertionError("a wrong secret was let in")
