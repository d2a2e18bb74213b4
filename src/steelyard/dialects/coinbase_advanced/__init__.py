"""The Coinbase Advanced Trade dialect, both ends: REST, the older `/v2`, and the WebSocket.

The invariant: what this folder says of Advanced Trade is said nowhere else; what both of Coinbase's
APIs print and read alike is in `wire`. Source of the shapes: the official documentation
(docs.cdp.coinbase.com), read 2026-07; how clients use it is in README.md.
"""

from steelyard.dialects.coinbase_advanced import (
    account,
    auth,
    errors,
    market,
    orders,
    parameters,
    preview,
    prices,
    wallet,
)
from steelyard.dialects.coinbase_advanced.client import CoinbaseAdvancedClient
from steelyard.dialects.coinbase_advanced.environments import environment
from steelyard.dialects.coinbase_advanced.routes import BASE
from steelyard.dialects.coinbase_advanced.session import Session
from steelyard.dialects.coinbase_advanced.stream import NAME, frame
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

PATHS = frozenset({"/", "/ws", "/ws/"})  # of the WebSocket

ENDPOINTS = (
    *market.ENDPOINTS,
    *orders.ENDPOINTS,
    *preview.ENDPOINTS,
    *prices.ENDPOINTS,
    *account.ENDPOINTS,
    *wallet.ENDPOINTS,
)
_PUBLIC = frozenset(endpoint.path for endpoint in ENDPOINTS if endpoint.scope is None)
_PRIVATE = frozenset(endpoint.path for endpoint in ENDPOINTS) - _PUBLIC
_OLD = frozenset(path for path in _PRIVATE if not path.startswith(BASE))


def _bucket(name: str, per: Per, rate: int, window_ns: int, routes: tuple[str, ...]) -> Limit:
    return Limit(name, per, Counts.REQUESTS, rate, window_ns, Kind.BUCKET, routes)


LIMITS = LimitProfile(
    (
        _bucket("public", Per.IP, 10, SECOND_NS, (PUBLIC,)),
        _bucket("private", Per.ACCOUNT, 30, SECOND_NS, tuple(sorted(_PRIVATE - _OLD))),
        _bucket("v2", Per.ACCOUNT, 10_000, 3_600 * SECOND_NS, tuple(sorted(_OLD))),
    ),
    sockets=SocketLimits(connects=8, connects_ns=SECOND_NS, messages=8),
)

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        "TWAP and scaled orders are refused.",
        "Nobody here works an order off over time; scaled ones can be placed one by one.",
    ),
    (
        "A refused signature is answered in JSON (`errors`), and says what was wrong.",
        "The venue says `Unauthorized` in plain text; a practice exchange should teach.",
    ),
    (
        "Refusals say how to mend them, in `message`.",
        "The same.",
    ),
    (
        (
            "Stops wait for the last price. Only orders of `limit_limit_gtc` are changed by "
            "`orders/edit`."
        ),
        "The venue documents no other edits with certainty.",
    ),
    (
        (
            "A bracket's target rests in the book from the start and takes nothing; its stop is a "
            "limit order 5 % beyond its trigger. An attached bracket begins when its order has "
            "filled whole."
        ),
        "They are the engine's groups. Other dialects tell of two orders.",
    ),
    (
        (
            "Own orders never trade with each other: the resting one is canceled, whatever "
            "`self_trade_prevention_id` says."
        ),
        "The venue groups by an id of one's own; here all orders of an account are one group.",
    ),
    (
        (
            "There is one portfolio for each account; none is made, renamed or deleted, and "
            "nothing is moved between them."
        ),
        "Other accounts are a person's, on the page.",
    ),
    (
        "A `client_order_id` that is empty is none; left out, it is refused.",
        "The venue wants one of every order.",
    ),
    (
        "No product is another's alias.",
        "What is listed has a book of its own.",
    ),
    (
        "Trades come at once on `market_trades`, and not every 250 ms.",
        "A client that takes them one by one takes them in batches.",
    ),
    (
        "The `ticker` tells the lowest and highest price of 24 hours as those of 52 weeks.",
        "This exchange keeps no longer history.",
    ),
    (
        "`v2` transactions are deposits and withdrawals alone; trades are under `fills`.",
        "An entry would be there twice.",
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
            "Not there: conversions, banks, buys and sells of `v2`, futures and perpetuals "
            "(`cfm`, `intx`), `close_position`."
        ),
        "There is nothing behind them here.",
    ),
    (
        "Keys of the older kind (`CB-ACCESS-KEY`, HMAC) are issued and taken.",
        "The venue has retired them; test programs still sign so.",
    ),
    (
        "`outstanding_hold_amount` is without the fee, which the account's `hold` has.",
        "An order does not keep the rate at which its fee is held.",
    ),
    (
        "An order of another dialect whose fee was taken in another asset has `total_fees` of 0.",
        "The venue has fees in the quote asset only.",
    ),
)

NOTES = (
    "A new order is answered with its id alone. Ask for it, or follow the channel `user`.",
    (
        "What an order is refused for has HTTP 200 and `success` false; clients look at "
        "`preview_failure_reason` alone."
    ),
    (
        "A `client_order_id` is good for one order for ever: the same order again is answered with "
        "the first one's id, another one is refused."
    ),
    (
        "A token may be used again while it is good: there is no nonce that would be used up. An "
        "order's `client_order_id` protects it."
    ),
    (
        "The channel `user` tells what an order adds up to, and no executions; a trader asks for "
        "its fills. There is no channel for balances."
    ),
    "The side of public trades, over REST and on `market_trades`, is the maker's.",
)


def _usage_headers(usage: Usage) -> dict[str, str]:
    return ratelimit_headers(usage)


def _path(target: str) -> str:
    return target.partition("?")[0]


def _has_stream(target: str) -> bool:
    return _path(target) in PATHS


def _session(target: str, door: Door) -> ServerSession | None:
    return Session(door) if _has_stream(target) else None


DIALECT = Dialect(
    name=NAME,
    title="Coinbase Advanced Trade",
    port_offset=8,
    docs=("https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis",),
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
    client=CoinbaseAdvancedClient(),
    public=PublicHosts("https://api.coinbase.com", "wss://advanced-trade-ws.coinbase.com"),
    environment=environment,
    client_ids_for_ever=True,
    key_kinds=frozenset({KeyKind.HMAC, KeyKind.ES256, KeyKind.ED25519}),
    notes=NOTES,
    new_key=auth.new_key,
    key_name=auth.key_name,
    tells_fills=False,
    answers_in_full=False,
)
