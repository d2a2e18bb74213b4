"""The Bybit v5 dialect, both ends: REST, public and private streams, orders over a socket.

The invariant: what this folder says of Bybit is said nowhere else. It is the category spot of one
API: what the others need is told in README.md. Source of the shapes: the official documentation
(bybit-exchange.github.io/docs/v5), read 2026-11-22.
"""

from urllib.parse import unquote

from steelyard.dialects.bybit import (
    account,
    auth,
    batches,
    contracts,
    errors,
    guarding,
    market,
    orders,
    parameters,
    pockets,
    private,
    stream,
    system,
    wallet,
)
from steelyard.dialects.bybit.client import BybitClient
from steelyard.dialects.bybit.entry import OrderEntry
from steelyard.dialects.bybit.environments import (
    PRIVATE_STREAM,
    PUBLIC_STREAMS,
    TRADE_STREAM,
    environment,
)
from steelyard.dialects.bybit.limits import LIMITS, usage_headers
from steelyard.dialects.bybit.session import StreamSession
from steelyard.dialects.bybit.stream import NAME
from steelyard.dialects.bybit.trading import TradeSession
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession, Subscription

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        (
            "Nothing is listed but in the category spot: lists of contracts are empty, their "
            "streams know no symbol, and what changes a position is refused with 10001."
        ),
        "The exchange trades spot; no contract is made up of a spot market's prices.",
    ),
    (
        "Refusals say how to mend them in `retExtInfo.help`.",
        "A practice exchange should teach; clients compare `retMsg`.",
    ),
    (
        "An unknown or missing key is told with HTTP 200 and 10003.",
        "The venue has been seen to answer 401 too, whose body clients throw away.",
    ),
    (
        "A post-only order that would take is refused with 170218.",
        "The venue does so too, or takes it up and cancels it at once.",
    ),
    (
        "An order of the filter `StopOrder` holds its funds from the start, as `tpslOrder` does.",
        "What waits is paid for here, so that it can be carried out.",
    ),
    (
        (
            "What stops a loss is told and listed as `StopOrder`, what takes a profit as "
            "`tpslOrder`, whichever of the two it was placed as."
        ),
        "An order is known by what it does; ask and cancel by its id, or by both filters.",
    ),
    (
        "`triggerDirection` counts for spot, and is told; without it the last price decides.",
        "Who says from where a trigger is reached should not get the other order.",
    ),
    (
        (
            "`takeProfit` and `stopLoss` are orders of their own once the entry has filled whole; "
            "of two the take-profit is a post-only limit order."
        ),
        "They are the engine's groups; what is bought in parts is not protected in parts.",
    ),
    (
        "An `orderLinkId` may be used again once its order has ended.",
        "The venue asks for ids that are always unique, and does not say for how long it looks.",
    ),
    (
        "Cancels and amendments go by the id alone, whatever symbol and filter they name.",
        "Some clients send a name of their own for the symbol.",
    ),
    (
        "`order/history` keeps what was canceled without a fill as long as everything else.",
        "The venue forgets it after a day; a practice exchange shows what happened.",
    ),
    (
        (
            "`disconnected-cancel-all` knows spot and 10 seconds, and acts up to 2 seconds later; "
            "what it cancels is told as `CancelByUser`."
        ),
        "The time is no account's own here; connections that follow `dcp.spot` hold the switch.",
    ),
    (
        "Not offered: RPI, slippage tolerance, best-bid-offer prices, margin (`isLeverage`).",
        "There is nothing behind them here.",
    ),
    (
        "The pocket FUND is empty, and nothing is moved between it and UNIFIED (131231).",
        "There is one account: what is deposited can be traded.",
    ),
    (
        "`system/status` tells of a maintenance while it lasts; its stream also when it is over.",
        "There is no plan of them here; when one began is not kept: `begin` is when it is told.",
    ),
    (
        "A withdrawal waits for the code of a mail, to an address of its owner's book.",
        "A key alone moves nothing out.",
    ),
    (
        "`leavesQty` of `execution/list` is what is left of the order now.",
        "Executions are kept, not how the order was after each; the stream tells that.",
    ),
    (
        "`transaction-log` has the fee of a trade as an entry of its own.",
        "So it stands in the books.",
    ),
    (
        "`execution` and `order` tell one trade a message; `publicTrade` too.",
        "What one order trades at once comes one by one from the engine.",
    ),
    (
        "Dollars (`usdValue`, `totalEquity`) are by the last prices against USD, USDT and USDC.",
        "There is no index here.",
    ),
    (
        "`price24hPcnt` and the other statistics of `tickers` are told when something trades.",
        "The venue tells them every 50 ms, whether anything has changed or not.",
    ),
)
NOTES = (
    (
        "An answer to an order says that it was taken up, not what became of it: ask for it, or "
        "follow the topics `order` and `execution`."
    ),
    "The quantity of a market buy is money unless `marketUnit` says `baseCoin`.",
    "`cancel-all` cancels plain orders; those that wait have to be named by `orderFilter`.",
    (
        "An order of spot has no `tpslMode`: clients tell contracts by that field, and so does an "
        "execution by `createType`, which REST leaves out for spot."
    ),
    "Fees are taken of the coin that is received.",
)


def _path(target: str) -> str:
    return unquote(target.partition("?")[0]).rstrip("/")


def _has_stream(target: str) -> bool:
    return _path(target) in (*PUBLIC_STREAMS, PRIVATE_STREAM, TRADE_STREAM)


def _session(target: str, door: Door) -> ServerSession | None:
    match _path(target):
        case path if path in PUBLIC_STREAMS:
            return StreamSession(door, target, category=PUBLIC_STREAMS[path])
        case path if path == PRIVATE_STREAM:
            return StreamSession(door, target, category=None)
        case path if path == TRADE_STREAM:
            return TradeSession(door, target)
        case _:
            return None


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.channel.account_id:
        return private.packed(event)
    return stream.frame(subscription, event, listings)


DIALECT = Dialect(
    name=NAME,
    title="Bybit v5 spot",
    port_offset=5,
    docs=("https://bybit-exchange.github.io/docs/v5/intro",),
    endpoints=(
        *market.ENDPOINTS,
        *system.ENDPOINTS,
        *orders.ENDPOINTS,
        *batches.ENDPOINTS,
        *account.ENDPOINTS,
        *guarding.ENDPOINTS,
        *wallet.ENDPOINTS,
        *pockets.ENDPOINTS,
        *contracts.ENDPOINTS,
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
    client=BybitClient(),
    public=PublicHosts("https://api.bybit.com", "wss://stream.bybit.com"),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC, KeyKind.RSA}),
    notes=NOTES,
    new_key=auth.new_key,
    answers_in_full=False,
    entry=OrderEntry,
)
