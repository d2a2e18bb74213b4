"""The Binance spot dialect, both ends.

The invariant: what this folder says of Binance is said nowhere else. Source of the shapes: the
official documentation (github.com/binance/binance-spot-api-docs), read 2026-07-21; how clients use
it is in README.md.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from urllib.parse import unquote

from steelyard.dialects.binance import (
    account,
    auth,
    candles,
    errors,
    market,
    order_lists,
    orders,
    parameters,
    replacing,
    trades,
    user_data,
    wallet,
    windows,
)
from steelyard.dialects.binance.client import BinanceClient
from steelyard.dialects.binance.entry import OrderEntry
from steelyard.dialects.binance.environments import environment
from steelyard.dialects.binance.stream import NAME
from steelyard.dialects.binance.stream import frame as market_frame
from steelyard.dialects.binance.stream_session import StreamSession, target_of
from steelyard.dialects.binance.tables import PLAIN_ORDERS
from steelyard.dialects.binance.text import UNIT_HEADER, times_in, unit_named
from steelyard.dialects.binance.ws_api import PATH as API_PATH
from steelyard.dialects.binance.ws_api import USER, ApiSession, user_frame
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Event
from steelyard.wire.dialect import (
    AccessReason,
    Dialect,
    Door,
    PublicHosts,
    Refusal,
    ServerSession,
    SessionRefused,
    Subscription,
)
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import (
    Counts,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    Usage,
    ratelimit_headers,
)

DAY_NS = 24 * 60 * MINUTE_NS

# The names are what the venue's messages say after the number.
LIMITS = LimitProfile(
    (
        Limit("request weight per 1 MINUTE", Per.IP, Counts.WEIGHT, 6_000, MINUTE_NS),
        Limit("raw requests per 5 MINUTE", Per.IP, Counts.REQUESTS, 300_000, 5 * MINUTE_NS),
        Limit("orders per 10 SECOND", Per.ACCOUNT, Counts.ORDERS, 100, 10 * SECOND_NS),
        Limit("orders per 1 DAY", Per.ACCOUNT, Counts.ORDERS, 200_000, DAY_NS),
        *(
            Limit(name, Per.ACCOUNT, Counts.REQUESTS, most, window_ns, routes=(endpoint.path,))
            for name, most, window_ns, endpoint in (
                ("withdrawals per 1 MINUTE", 200, MINUTE_NS, wallet.WITHDRAW),
                ("lists of withdrawals per 1 SECOND", 10, SECOND_NS, wallet.WITHDRAWALS),
            )
        ),
    ),
    ban_after=100,
    ban_ns=2 * MINUTE_NS,
    sockets=SocketLimits(
        connects=300, connects_ns=5 * MINUTE_NS, subscriptions=market.STREAMS_MAX, messages=5
    ),
)

HEADERS_MAX = 256  # names that are kept, of as many limits
_USUAL = nullcontext()
_HEADERS = {Counts.WEIGHT: "x-mbx-used-weight", Counts.ORDERS: "x-mbx-order-count"}

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        "`session.logon` takes keys of any kind.",
        "Clients send HMAC ones; the real one takes Ed25519 only.",
    ),
    (
        "Pegged orders, OPO and OPOCO lists and SOR: refused.",
        (
            "The engine has no pegs, sizes what is pending when it is placed, and has one book a "
            "symbol. Refusals use the venue's words, exchangeInfo its flags."
        ),
    ),
    (
        "The pending orders of an OTOCO are of the other side and the working order's quantity.",
        "That is what the engine's brackets are.",
    ),
    ("Orders of a list cannot be amended.", "Their sizes belong together."),
    (
        "The orders of an OCO, and the pending ones of an OTOCO, are GTC: IOC and FOK are refused.",
        "Which of them ends the others is told by what rests or trades.",
    ),
    (
        (
            "An OTO whose working order fills at once shows what became of both; FULL answers of "
            "lists have no `fills`."
        ),
        "The answer is made when the engine is done.",
    ),
    (
        (
            "Self-trade prevention by DECREMENT makes `origQty` smaller, told as REPLACED; there "
            "are no `preventedMatchId`, `preventedQuantity`, `v`, `A`, `B`, `u`, `U` and `p?`."
        ),
        "The engine takes what was prevented off the order, and does not keep against whom.",
    ),
    (
        "A market order by amount keeps within NOTIONAL, and takes no DECREMENT.",
        "What it is worth is known beforehand, and it has no quantity to make smaller.",
    ),
    (
        (
            "`q` of a market order by amount is 0 on the stream, and `origQty` is what has been "
            "executed."
        ),
        "It was placed without a quantity.",
    ),
    (
        "A trailing stop's price is a whole tick: it may trigger up to one tick early.",
        "Prices are ticks here.",
    ),
    (
        "Keeping alive a listen key that is worth nothing any more is answered with 200.",
        "Whether it opens anything is looked at when it is used.",
    ),
    (
        "`order/test` does not look at iceberg parts and the key's products.",
        "It checks a request's parameters; the engine checks orders.",
    ),
    ("TRANSFER self-trade prevention: refused.", "It moves trades between accounts of one owner."),
    (
        "`strategyId` and `strategyType` are checked and not told again.",
        "They mean nothing to an exchange.",
    ),
    (
        "`orderRateLimitExceededMode=CANCEL_ONLY` cancels nothing.",
        "Limits are looked at before what a request says.",
    ),
    ("`/api/v3/order/amendments` is not there.", "The history keeps what an order is, not was."),
    (
        "`trailingTime` is -1 where there is a `stopPrice`.",
        "When a trailing stop began to follow the price is the engine's alone to know.",
    ),
    (
        "Amounts of money have up to 12 decimals where the books are finer than 8.",
        "What is told is exact; nothing is cut off.",
    ),
    (
        "Refusals say how to mend them: after the text, or in `help` where clients compare it.",
        "A practice exchange should teach.",
    ),
    (
        "An order's first fill gives one unit of the order limits back, whichever side it was.",
        "The venue gives more back to makers, by a rule that it does not publish.",
    ),
    (
        "An order that would pass a weight limit if it failed is refused.",
        "Its weight is given back when it has succeeded.",
    ),
    (
        (
            "`/sapi` counts against the 6,000 of the address; an account may ask for 200 "
            "withdrawals a minute and for 10 lists of them a second."
        ),
        "There each route has a limit of its own; weights of 900 and 18,000 come to that.",
    ),
    (
        (
            "No reference prices, block trades and execution rules: -2043, empty lists, streams "
            "that stay silent."
        ),
        "There is nothing to tell here.",
    ),
    (
        "Streams of all symbols send an array of one for each symbol.",
        "Each symbol is encoded once for everybody who hears it.",
    ),
    ("`!ticker@arr` is there.", "The venue switched it off on 2026-03-26; older clients ask."),
    (
        "Any frame counts as a sign of life, and pings are empty.",
        "Pings and pongs are the port's, which knows no API; its times are the venue's.",
    ),
    ("`E` of a candle is its last or first instant.", "A frame is the same for whoever hears it."),
    ("An unknown stream name is refused.", "Silence would look like a quiet market."),
    (
        "externalLockUpdate tells what withdrawals hold.",
        "There is no other system that could lock a balance.",
    ),
    (
        "exchangeInfo has `fairUse`.",
        "rateLimits has no words for bans, revocation, windows that slide, and WebSockets.",
    ),
    (
        "Limits that the venue does not have are told in `X-RateLimit-*` headers.",
        "It has no names for them; `--limits tutorial` or a file brings them.",
    ),
    (
        "Pings and pongs do not count as messages to a stream.",
        "The port answers them before a dialect sees them, and bounds them.",
    ),
    (
        "Listen keys are there, on REST, the WebSocket API and `/ws/<listenKey>`.",
        "The venue switched them off on 2026-02-20; clients from before need them.",
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
            "What one is told to pay to is a pretended address, `sandbox-tron-7`; deposits are "
            "announced on the page, without network and address, which are empty in "
            "`deposit/hisrec`. What an operator deposits is not among them."
        ),
        "No coin moves anywhere.",
    ),
    (
        "`myPreventedMatches` is refused.",
        "The history keeps which orders self-trade prevention has ended, not against which.",
    ),
    (
        (
            "Not there of `/sapi`: account snapshots, transfers between wallets, dust, asset "
            "lists, sub-accounts, fiat, margin, everything that earns or lends."
        ),
        "There is one wallet. Moves between own accounts are a person's, on the page.",
    ),
    ("No SBE, neither streams nor answers.", "JSON says the same."),
)

NOTES = (
    (
        "There is no nonce: a signed request that is sent again within its recvWindow (5 s unless "
        "it says otherwise, 60 s at most) is carried out again. An order's `newClientOrderId` "
        "protects it: while an order of that id is open, a second one is refused with -2010."
    ),
    (
        "A listen key is asked for with the API key's name alone, without a signature: whoever "
        "knows that name, and may call from an address of the key's list, hears the account's "
        "events."
    ),
)


def _refuse(refusal: Refusal, now_ns: int) -> Response:
    return errors.response(refusal, now_ns, LIMITS)


@lru_cache(maxsize=HEADERS_MAX)
def _header(limit: Limit) -> str:
    """Return the header that tells of a limit, or nothing."""
    name = _HEADERS.get(limit.counts)
    if name is None:
        return ""
    told = market.limit_to_wire(limit)
    return f"{name}-{told.intervalNum}{told.interval[0].lower()}"


def _usage_headers(usage: Usage) -> dict[str, str]:
    headers: dict[str, int] = {}
    for used in usage:
        if name := _header(used.limit):
            headers[name] = max(headers.get(name, 0), used.used)
    # What the venue does not have, it has no header for.
    others = tuple(used for used in usage if used.limit not in LIMITS.limits)
    return {**{name: str(used) for name, used in headers.items()}, **ratelimit_headers(others)}


def _path_and_query(target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return unquote(path).rstrip("/") or "/", query


def _has_stream(target: str) -> bool:
    path, query = _path_and_query(target)
    try:
        return path == API_PATH or target_of(path, query) is not None
    except DecodeError:
        return True  # a stream's path; what is wrong with it is said when it is opened


def _session(target: str, door: Door) -> ServerSession | None:
    path, query = _path_and_query(target)
    try:
        if path == API_PATH:
            return ApiSession(query, door)
        wanted = target_of(path, query)
    except DecodeError as error:
        raise SessionRefused(_malformed(error)) from error
    return None if wanted is None else StreamSession(wanted, door)


def _manner(request: Request) -> AbstractContextManager[None]:
    """Let a request's header choose the unit of the times in its answer."""
    name = request.headers.get(UNIT_HEADER)
    if name is None:
        return _USUAL
    try:
        unit_ns = unit_named(name)
    except DecodeError as error:
        raise SessionRefused(_malformed(error)) from error
    return times_in(unit_ns)


def _malformed(error: DecodeError) -> Refusal:
    return Refusal(AccessReason.MALFORMED, str(error), error.field, code=error.code)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.form.startswith(USER):
        return user_frame(subscription, event, listings)
    return market_frame(subscription, event, listings)


DIALECT = Dialect(
    name=NAME,
    title="Binance spot",
    port_offset=1,
    docs=(
        "https://developers.binance.com/docs/binance-spot-api-docs",
        "https://github.com/binance/binance-spot-api-docs",
    ),
    endpoints=(
        *market.ENDPOINTS,
        *trades.ENDPOINTS,
        *candles.ENDPOINTS,
        *windows.ENDPOINTS,
        *orders.ENDPOINTS,
        *replacing.ENDPOINTS,
        *order_lists.ENDPOINTS,
        *account.ENDPOINTS,
        *user_data.ENDPOINTS,
        *wallet.ENDPOINTS,
    ),
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=_refuse,
    usage_headers=_usage_headers,
    session=_session,
    has_stream=_has_stream,
    frame=_frame,
    client=BinanceClient(),
    public=PublicHosts("https://data-api.binance.vision", "wss://data-stream.binance.vision"),
    environment=environment,
    notes=NOTES,
    fills_give_back=True,
    connection_life_ns=DAY_NS,
    manner=_manner,
    entry=OrderEntry,
    plain_orders=PLAIN_ORDERS,
)
