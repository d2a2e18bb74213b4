"""The Coinbase Exchange dialect, both ends: REST, and the feed on the same port.

The invariant: what this folder says of Coinbase is said nowhere else. Source of the shapes: the
official documentation (docs.cdp.coinbase.com/exchange), read 2026-07-21; how clients use it is in
README.md. FIX is another dialect's.
"""

from steelyard.dialects.coinbase_exchange import (
    account,
    auth,
    errors,
    market,
    orders,
    parameters,
    tutorial,
    wallet,
)
from steelyard.dialects.coinbase_exchange.client import CoinbaseClient
from steelyard.dialects.coinbase_exchange.environments import environment
from steelyard.dialects.coinbase_exchange.stream import NAME, frame
from steelyard.dialects.coinbase_exchange.stream_session import Session
from steelyard.domain.messages import SECOND_NS, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession
from steelyard.wire.limits import (
    PUBLIC,
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    Usage,
    ratelimit_headers,
)

PATHS = frozenset({"/", "/ws"})  # of the feed

ENDPOINTS = (*market.ENDPOINTS, *orders.ENDPOINTS, *account.ENDPOINTS, *wallet.ENDPOINTS)
_PRIVATE = frozenset(endpoint.path for endpoint in ENDPOINTS) - frozenset(
    endpoint.path for endpoint in market.ENDPOINTS
)
_FILLS = frozenset({orders.FILLS.path})
_ACCOUNTS = frozenset(path for path in _PRIVATE if path.startswith("/accounts"))


def _bucket(name: str, per: Per, burst: int, rate: int, routes: tuple[str, ...]) -> Limit:
    """Return a limit of so many at once, and so many a second after that."""
    window_ns = burst * SECOND_NS // rate
    return Limit(name, per, Counts.REQUESTS, burst, window_ns, Kind.BUCKET, routes)


LIMITS = LimitProfile(
    (
        _bucket("public", Per.IP, 15, 10, (PUBLIC,)),
        _bucket("private", Per.ACCOUNT, 30, 15, tuple(sorted(_PRIVATE - _FILLS - _ACCOUNTS))),
        _bucket("fills", Per.ACCOUNT, 20, 10, tuple(sorted(_FILLS))),
        _bucket("accounts", Per.ACCOUNT, 50, 25, tuple(sorted(_ACCOUNTS))),
    ),
    sockets=SocketLimits(connects=20, connects_ns=5 * SECOND_NS // 2, messages=100),
)

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        "Take-profit/stop-loss orders (`stop_limit_price`): refused.",
        "They are one order that changes its price; the engine's exits are two orders.",
    ),
    (
        "A market order by `funds` with `stp` `dc` cancels the resting order, as `co` does.",
        "The engine decrements sizes, not money.",
    ),
    (
        "Refusals say how to mend them in `help`, beside `message`.",
        "A practice exchange should teach.",
    ),
    (
        "An order that was canceled says why in `cancel_reason`, as the feed does.",
        "Who asks over REST alone would not know.",
    ),
    (
        "`base_min_size` and `base_max_size` are told.",
        "The venue has stopped telling them, and enforces them all the same.",
    ),
    (
        "What belongs to no one order stands in the book under one id per price.",
        "A practice market's other side is sizes, not orders; so are icebergs' hidden parts.",
    ),
    (
        "A public `received` of an iceberg or a stop is not sent; their slices are part of a size.",
        "They belong to no one order in the book. Their owner's channel tells all of them.",
    ),
    (
        "There is one profile for each account, `default`.",
        "Other accounts are a person's, on the page.",
    ),
    (
        "`GET /orders/{id}` finds orders that were canceled without a fill.",
        "The venue forgets them; a practice exchange shows what happened.",
    ),
    ("Holds of transfers are not among `holds`.", "They are among the transfers."),
    (
        "A connection may subscribe to the `balance` channel without `account_ids`: to all.",
        "Who follows an account need not ask for its ids first.",
    ),
    (
        "`auctionfeed` and `rfq_matches` stay silent.",
        "There are no auctions and no quotes on request.",
    ),
    (
        (
            "A withdrawal waits for the code of a mail, to an address that has been in its "
            "owner's book for a day, as on the native API."
        ),
        "A key alone moves nothing out.",
    ),
    (
        (
            "Not there: conversions, loans, reports, other profiles, banks, deposits from other "
            "wallets, address books, `oracle`, wrapped assets."
        ),
        "There is nothing behind them here.",
    ),
    (
        "A request without User-Agent is served.",
        "No client that people use lacks one.",
    ),
    (
        "At most 500 open orders of a product is the operator's to set.",
        "An instrument's `orders_max` says it for all dialects.",
    ),
    (
        "An order of another dialect whose fee was taken in another asset has `fill_fees` of 0.",
        "The venue has fees in the quote asset only.",
    ),
    (
        "No 30-day volume but what this exchange has kept.",
        "Its history begins a day before it was founded.",
    ),
)

NOTES = (
    (
        "There is no nonce: a signed request that is sent again within 30 seconds is carried out "
        "again. An order's `client_oid` protects it, if it is a random UUID: while an order of "
        "that id is open, a second one is refused. Any other `client_oid` is dropped without a "
        "word."
    ),
    (
        "A new order is answered as `pending` with nothing filled, also where it has filled by "
        "then. Ask for it, or follow the channel `user`."
    ),
    "A post-only order that would take is answered with 200, and its status is `rejected`.",
    "The side of public trades and of `match` is the maker's; that of `ticker` is the taker's.",
    (
        "A key of the kind `tutorial` signs as a well-known beginner's program does. The venue has "
        "no such keys."
    ),
)


def _usage_headers(usage: Usage) -> dict[str, str]:
    """Return headers for limits that are not the venue's own, which it does not tell of."""
    return ratelimit_headers(tuple(used for used in usage if used.limit not in LIMITS.limits))


def _path(target: str) -> str:
    return target.partition("?")[0]


def _has_stream(target: str) -> bool:
    return _path(target) in PATHS


def _session(target: str, door: Door) -> ServerSession | None:
    return Session(door) if _has_stream(target) else None


DIALECT = Dialect(
    name=NAME,
    title="Coinbase Exchange",
    port_offset=2,
    docs=("https://docs.cdp.coinbase.com/exchange",),
    endpoints=ENDPOINTS,
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.response,
    usage_headers=_usage_headers,
    session=_session,
    has_stream=_has_stream,
    frame=frame,
    client=CoinbaseClient(),
    public=PublicHosts("https://api.exchange.coinbase.com", "wss://ws-feed.exchange.coinbase.com"),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC, KeyKind.TUTORIAL}),
    notes=NOTES,
    new_key=auth.new_key,
    answers_in_full=False,
    manner=tutorial.manner,
)
