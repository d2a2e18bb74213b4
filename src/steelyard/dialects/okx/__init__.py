"""The OKX v5 dialect, both ends: REST, and three WebSockets on the same port.

The invariant: what this folder says of OKX is said nowhere else. Source of the shapes: the official
documentation (https://www.okx.com/docs-v5/en), read 2026-11-22; how clients use it is in README.md.
"""

from steelyard.dialects.okx import (
    account,
    algo_lists,
    algos,
    auth,
    channels,
    errors,
    funding,
    history,
    market,
    order_lists,
    orders,
    parameters,
    private,
    stream,
    wallet,
)
from steelyard.dialects.okx.client import OkxClient
from steelyard.dialects.okx.entry import OrderEntry
from steelyard.dialects.okx.environments import environment
from steelyard.dialects.okx.limits import LIMITS
from steelyard.dialects.okx.session import Session
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession, Subscription
from steelyard.wire.limits import ratelimit_headers

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    ("There is spot and nothing else.", "Derivatives and margin are for later."),
    (
        "Refusals have a `help` beside `msg` or `sMsg`, which says how to mend them.",
        "A practice exchange should teach.",
    ),
    (
        "A key is good with `x-simulated-trading` and without it.",
        "All trading here is simulated.",
    ),
    (
        "Limits of orders count per account, not per account and instrument.",
        "An exchange's profile has one counter for pairs; so it errs on the strict side.",
    ),
    (
        "An algo order holds what it needs from the start, and has the number of its order.",
        "The engine holds when an order is placed; it is one order, waiting or not.",
    ),
    (
        "An iceberg (`smart_iceberg`) rests at `pxLimit` and shows `szLimit`.",
        "The engine's icebergs do not follow the touch; `pxVar` and `pxSpread` are passed over.",
    ),
    ("`twap` and `chase` are refused.", "The engine has none."),
    (
        "A buy at the market that waits needs `tgtCcy` `base_ccy`.",
        "What it spends cannot be held before its price is known.",
    ),
    (
        "Of `attachAlgoOrds` one entry is taken; what it closes is all of its order.",
        "A group of the engine is an entry and its exits.",
    ),
    (
        "Orders with a take-profit or stop-loss, pairs and icebergs are not amended.",
        "The engine does not amend groups.",
    ),
    ("`cxlOnFail` is refused.", "Whoever is refused decides by himself."),
    ("`tag` comes back with the answer alone.", "It is not kept."),
    (
        "`tag` of cancel-all-after is refused; orders that it cancels say that their owner did.",
        "There is one switch, for all of an account's orders.",
    ),
    (
        "`books` tells changes beyond 400 levels too.",
        "Who keeps what he is told is never wrong about the first 400.",
    ),
    (
        "`books50-l2-tbt` and `books-l2-tbt` need a login and no tier of fees.",
        "A practice exchange has no tiers by which to tell people apart.",
    ),
    (
        "`tickers` come four times a second, and have no `sodUtc0`; candles once.",
        "Changes in between are told as one.",
    ),
    (
        "There are no bars `2D` and `3M`.",
        "The exchange keeps no such candles.",
    ),
    (
        "What a level of a book says of the number of its orders is 1.",
        "The house's sizes are no orders.",
    ),
    (
        "What is deposited can be traded as it is: `asset/balances` shows the trading account.",
        "An account is one.",
    ),
    (
        "A withdrawal waits for the code of a mail, to an address of its owner's book.",
        "A key alone moves nothing out.",
    ),
    ("The fee of a withdrawal is part of its `amt`.", "The exchange's withdrawals are such."),
    (
        "`billId` of fills and of bills are two countings.",
        "Each list is numbered by itself.",
    ),
    (
        "`account/bills` has the fee of a trade as an entry of its own.",
        "So it stands in the books.",
    ),
    (
        "`public/instruments` has `minNotional` and `maxPx`.",
        "The exchange has these limits; the venue does not tell its own.",
    ),
    (
        "The channel `account` has no `totalEq`; `balance_and_position` is told of holds as well.",
        "The feed tells balances that have changed, not what all of them are worth.",
    ),
)

NOTES = (
    (
        "There is no nonce: a signed request that is sent again within 30 seconds is carried out "
        "again. An order's `clOrdId` protects it, while an order of that id is open."
    ),
    (
        "A post-only order that would take is answered with `sCode` 0 and canceled at once "
        "(`cancelSource` 31). Follow `orders`, or ask for it."
    ),
    "A buy at the market is sized in quote, unless `tgtCcy` is `base_ccy`.",
    (
        "Books have checksums until 2026-06-23 of the exchange's own clock, and 0 from then on, as "
        "the venue did: `steelyard exchange --begin 2026-06-01` is before it, `steelyard clock` "
        "goes on."
    ),
)


def _session(target: str, door: Door) -> ServerSession | None:
    path = channels.path_of(target)
    return None if path is None else Session(door, path)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.channel.account_id:
        return private.frame(subscription.form, event, listings)
    return stream.frame(subscription.form, event, listings)


_CLIENT = OkxClient()

DIALECT = Dialect(
    name=stream.NAME,
    title="OKX v5 spot",
    port_offset=4,
    docs=("https://www.okx.com/docs-v5/en",),
    endpoints=(
        *market.ENDPOINTS,
        *history.ENDPOINTS,
        *orders.ENDPOINTS,
        *order_lists.ENDPOINTS,
        *algos.ENDPOINTS,
        *algo_lists.ENDPOINTS,
        *account.ENDPOINTS,
        *wallet.ENDPOINTS,
        *funding.ENDPOINTS,
    ),
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.response,
    usage_headers=lambda usage: ratelimit_headers(
        tuple(used for used in usage if used.limit not in LIMITS.limits)
    ),
    session=_session,
    has_stream=lambda target: channels.path_of(target) is not None,
    frame=_frame,
    client=_CLIENT,
    entry=lambda key: OrderEntry(key, _CLIENT),
    environment=environment,
    public=PublicHosts("https://openapi.okx.com", "wss://ws.okx.com:8443"),
    key_kinds=frozenset({KeyKind.HMAC}),
    notes=NOTES,
    new_key=auth.new_key,
    joins_trades=True,
    answers_in_full=False,
)
