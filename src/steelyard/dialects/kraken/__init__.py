"""The Kraken spot dialect, both ends.

The invariant: what this folder says of Kraken is said nowhere else. Source of the shapes: the
official documentation (https://docs.kraken.com/api), read 2026-11-20; how clients use it is in
README.md.
"""

from urllib.parse import unquote

from steelyard.dialects.kraken import (
    account,
    auth,
    errors,
    funding,
    market,
    order_lists,
    orders,
    parameters,
    private,
    replacing,
    stream,
)
from steelyard.dialects.kraken.client import KrakenClient
from steelyard.dialects.kraken.environments import PUBLIC_STREAM, environment
from steelyard.dialects.kraken.limits import LIMITS
from steelyard.dialects.kraken.session import NAME, Session, is_private
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession, Subscription
from steelyard.wire.limits import ratelimit_headers

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    ("No WebSocket v1.", "v2 has all of it; Hummingbot alone speaks v1 still."),
    (
        "On `level3` what belongs to no one order is one order per price.",
        "The house's sizes, slices of icebergs and orders that waited have no number in the book.",
    ),
    (
        "A snapshot of `level3` gives every order the time of the answer.",
        "When an order last took its place is not kept.",
    ),
    ("No FIX.", "It is for the FIX port."),
    ("There is no margin: leverage, reduce_only and settle-position are refused.", "Spot only."),
    (
        "Refusals have a `help` beside `error`, which says how to mend them.",
        "A practice exchange should teach; the texts themselves are compared by clients.",
    ),
    (
        "A conditional close of fills too small to be orders is placed once they are large enough.",
        "What the venue does with them is not documented.",
    ),
    (
        "The limit of a trailing-stop-limit is an absolute price.",
        "The engine's stays where it was set; the venue's is a distance from the trigger.",
    ),
    (
        "`fcib` goes with buys only.",
        "The engine takes a fee in the quote asset or in what is received.",
    ),
    (
        "`starttm` other than 0 is refused, and so is `display_qty` of an amendment.",
        "Nothing is scheduled here, and what an iceberg shows stays.",
    ),
    (
        "Post-only orders that would take are refused.",
        "The venue's REST takes them up and cancels them at once, its WebSocket refuses them.",
    ),
    (
        "An edited order whose successor is refused by the books stays canceled.",
        "The two are carried out one after the other.",
    ),
    ("Orders that have filled in part are not edited.", "AmendOrder keeps their fills."),
    (
        "`OrderAmends` has the newest 100 amendments besides the original.",
        "What is kept of an order is bounded.",
    ),
    (
        "`OpenPositions` is empty; there are no exports, no staking and no sub-accounts.",
        "Spot only; who has an account has one, and its history comes by pages.",
    ),
    (
        "A withdrawal waits for a mail's code; `key` is an address's label in its owner's book.",
        "A key alone moves nothing out.",
    ),
    ("`Spread` has one row, the touch as it is.", "Touches of the past are not kept."),
    (
        "`Depth` gives every level the time of the answer.",
        "When a level last changed is not kept.",
    ),
    (
        "`AssetPairs` has `price_max` and `order_max`.",
        "The exchange has these limits; the venue does not tell its own.",
    ),
    (
        "Fees in `AssetPairs` are a new account's; `TradeVolume` has no tiers.",
        "Schedules are an operator's, and told to whom they are assigned.",
    ),
    (
        "A batch of an odd number of orders counts half of one more.",
        "Counters count whole units.",
    ),
    (
        "`ratecounter` adds `ratecount` to entries of `executions`: the pair's counter.",
        "v2's documentation does not name the field; v1 calls it so.",
    ),
    (
        "The number of open orders is limited by the listing, not by the account's tier.",
        "`orders_max` is the operator's to set.",
    ),
    (
        "Books are told every 50 ms, tickers every second (`bbo`: 250 ms).",
        "Changes in between are told as one.",
    ),
    (
        "`balances` says what orders hold (`hold_trade`), and is told when that changes.",
        "A trader has to know what is free; the venue's own clients pass over it.",
    ),
    (
        "Updates of `balances` have no `ledger_id`; `fee_usd_equiv` is 0 for other fees.",
        "The feed tells balances, not what moved them.",
    ),
    (
        "Every entry of `executions` tells the whole order, in a message of its own.",
        "Clients route messages by their first entry, and need its symbol.",
    ),
    (
        "Times of `Trades` say `l` for every taker; `ord_type` is `limit`.",
        "Public trades do not tell their taker's type.",
    ),
    ("A token is good for an hour.", "It is the exchange's stream token; 900 s are told."),
)


def _path(target: str) -> str:
    return unquote(target.partition("?")[0])


def _session(target: str, door: Door) -> ServerSession | None:
    may_trade = is_private(_path(target))
    return None if may_trade is None else Session(door, may_trade=may_trade)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.channel.account_id:
        return private.frame(subscription.form, event, listings)
    return stream.frame(subscription.form, event, listings)


DIALECT = Dialect(
    name=NAME,
    title="Kraken spot",
    port_offset=3,
    docs=("https://docs.kraken.com/api",),
    endpoints=(
        *market.ENDPOINTS,
        *account.ENDPOINTS,
        *orders.ENDPOINTS,
        *order_lists.ENDPOINTS,
        *replacing.ENDPOINTS,
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
    has_stream=lambda target: is_private(_path(target)) is not None,
    frame=_frame,
    client=KrakenClient(),
    public=PublicHosts("https://api.kraken.com", "wss://ws.kraken.com", PUBLIC_STREAM),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC}),
    new_key=auth.new_key,
    answers_in_full=False,
    in_turn=frozenset({"POST"}),
)
