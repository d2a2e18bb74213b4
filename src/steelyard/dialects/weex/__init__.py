"""The WEEX dialect, spot API v3, both ends: REST, public and private streams.

The invariant: what this folder says of WEEX is said nowhere else. Source of the shapes: the
official documentation (www.weex.com/api-doc, V3), read 2026-11, and what unmodified clients send
and read. Contracts are other paths of the same port, on which nothing is listed.
"""

from urllib.parse import unquote

from steelyard.dialects.weex import (
    account,
    auth,
    contract,
    errors,
    market,
    orders,
    parameters,
    private,
    stream,
)
from steelyard.dialects.weex.client import WeexClient
from steelyard.dialects.weex.environments import (
    CONTRACT,
    PRIVATE_STREAM,
    PUBLIC_STREAM,
    environment,
)
from steelyard.dialects.weex.limits import LIMITS, usage_headers
from steelyard.dialects.weex.session import StreamSession
from steelyard.dialects.weex.stream import NAME
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession, Subscription

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        "No contract is listed: lists of them are empty, and orders of them are refused (-1121).",
        "The exchange trades spot; the paths are there because clients load both at once.",
    ),
    (
        "Refusals say how to mend them in `help`, and which of several they are in `reason`.",
        "A practice exchange should teach; the venue has one code for most of an order's faults.",
    ),
    (
        "A refusal for limits has neither `code` nor `msg`, and a header `Retry-After`.",
        "Its form is not documented; with a `msg`, clients take it for an unknown error.",
    ),
    (
        "HTTP statuses of refusals are 401, 403, 404, 405 or 400.",
        "The venue documents codes, and no status.",
    ),
    (
        "A private stream whose headers prove nothing opens, says why in a message, and closes.",
        "The venue does not say what it does; what a refused handshake says, libraries hide.",
    ),
    (
        "A fill in `myTrades` says in `isMaker` whose order rested.",
        "The venue tells it on the stream alone; what a fill cost cannot be checked without it.",
    ),
    (
        "An order is refused below the least value of its symbol, which `minOrderValue` tells.",
        "Symbols have one here; the venue has none.",
    ),
    (
        "The number of a book over REST (`lastUpdateId`) is that of its stream (`u`).",
        "The venue does not say whether it is; our trader does not rely on it.",
    ),
    (
        "Changes of a book are gathered for 100 ms; those beyond its depth are told as gone.",
        "The venue's pace is not documented, and clients cut nothing off.",
    ),
    (
        "`v` of private messages counts those of a connection.",
        "The venue's counts the account's over all connections.",
    ),
    (
        "`cancelReason` has words of ours but for a user's cancel; `msgEvent` is `OrderUpdate`.",
        "The venue documents one word of each.",
    ),
    (
        "`newClientOrderId` is free again once its order is over.",
        "The venue says what it does while an order is open: it answers with that order.",
    ),
    (
        "Of an order that meets an own one, the older one is canceled.",
        "The venue does not say what happens, and leaves no choice.",
    ),
    (
        "`permissions` of an account has a word more, WITHDRAW, for keys that may withdraw here.",
        "The venue's keys cannot.",
    ),
    (
        "`account/bills` tells a trade as one entry per coin, and its fee as another.",
        "So it stands in the books.",
    ),
    (
        "No coin can be deposited or withdrawn by this API, and `coins` says so.",
        "The venue's v3 has no routes for it; here it is done on the page.",
    ),
    (
        "The address's pool of weights counts public routes alone, the account's private ones.",
        "A route has one weight here, and the account's is never the smaller one.",
    ),
    (
        "A request without `User-Agent` is answered.",
        "The venue documents a refusal, and has been seen not to make it.",
    ),
)
NOTES = (
    "The venue has no demo of spot: this exchange is the place to practise.",
    (
        "`postOnly`, `triggerPrice` and whatever else spot does not have is passed over in an "
        "order, which may then trade at once."
    ),
    (
        "An open order of the same `newClientOrderId` is answered as if it had just been placed; "
        "nothing new is placed."
    ),
    "An order that has filled in part and still works is NEW; `executedQty` tells.",
    "The quantity of a market buy is in base. Fees are taken of the coin that is received.",
    "Ids are whole numbers beyond 2^53: read them as integers of 64 bits.",
    "A DELETE of several orders has a body, which is signed.",
    "A connection that follows nothing for a minute is closed.",
)


def _stream_of(target: str) -> tuple[str, bool]:
    """Return the path of a stream, and whether it is one of contracts."""
    path = unquote(target.partition("?")[0]).rstrip("/")
    return path.removeprefix(CONTRACT), path.startswith(CONTRACT)


def _has_stream(target: str) -> bool:
    return _stream_of(target)[0] in (PUBLIC_STREAM, PRIVATE_STREAM)


def _session(target: str, door: Door) -> ServerSession | None:
    path, is_contract = _stream_of(target)
    if path not in (PUBLIC_STREAM, PRIVATE_STREAM):
        return None
    return StreamSession(door, is_private=path == PRIVATE_STREAM, is_contract=is_contract)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.channel.account_id:
        return private.packed(event)
    return stream.frame(subscription, event, listings)


DIALECT = Dialect(
    name=NAME,
    title="WEEX spot v3",
    port_offset=7,
    docs=("https://www.weex.com/api-doc",),
    endpoints=(
        *market.ENDPOINTS,
        *orders.ENDPOINTS,
        *account.ENDPOINTS,
        *contract.ENDPOINTS,
    ),
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.response,
    usage_headers=usage_headers,
    session=_session,
    has_stream=_has_stream,
    frame=_frame,
    client=WeexClient(),
    public=PublicHosts("https://api-spot.weex.com", "wss://ws-spot.weex.com"),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC}),
    notes=NOTES,
    new_key=auth.new_key,
    answers_in_full=False,
)
