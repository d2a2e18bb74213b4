"""The KuCoin dialect, classic spot, both ends: REST, and the WebSocket on the same port.

The invariant: what this folder says of KuCoin is said nowhere else. Source of the shapes: the
official specification in github.com/Kucoin/kucoin-universal-sdk, read 2026-11-20; how clients use
it is in README.md. Futures, margin and the unified account are not here.
"""

from steelyard.dialects.kucoin import (
    account,
    auth,
    batches,
    bullet,
    classic,
    dead_man,
    errors,
    funds,
    limits,
    market,
    ocos,
    orders,
    parameters,
    private,
    stops,
    stream,
    tickers,
)
from steelyard.dialects.kucoin.client import KucoinClient
from steelyard.dialects.kucoin.environments import environment
from steelyard.dialects.kucoin.session import Session
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, PublicHosts, ServerSession, Subscription

SPOT = (
    market.FULL_BOOK,
    *orders.ENDPOINTS,
    *batches.ENDPOINTS,
    *dead_man.ENDPOINTS,
    *classic.ENDPOINTS,
    *stops.ENDPOINTS,
    *ocos.ENDPOINTS,
    bullet.PRIVATE,
)
MANAGEMENT = (*account.ENDPOINTS, *funds.ENDPOINTS)
ENDPOINTS = (
    *(endpoint for endpoint in market.ENDPOINTS if endpoint is not market.FULL_BOOK),
    *tickers.ENDPOINTS,
    bullet.PUBLIC,
    *SPOT,
    *MANAGEMENT,
)
LIMITS = limits.profile(SPOT, MANAGEMENT)

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        (
            "There is one wallet: `trade`, told as `trade_hf` to who asks for that; the others are "
            "empty, and nothing is moved between them."
        ),
        "An account here has one purse; other accounts are a person's, on the page.",
    ),
    (
        (
            "A withdrawal waits for the code of a mail, to an address that has been in its owner's "
            "book for a day, as on the native API. A deposit's `walletTxId` is the exchange's own "
            "number."
        ),
        "A key alone moves nothing out, and nothing here comes by a chain.",
    ),
    (
        (
            "An OCO's limit rests in the book from the start, takes nothing, and is among the "
            "orders as well."
        ),
        "It is the engine's pair.",
    ),
    (
        "Refusals say how to mend them in `help`, beside `msg`.",
        "A practice exchange should teach.",
    ),
    (
        "An order that was canceled says why in `cancelReason`.",
        "Who asked for nothing would not know.",
    ),
    (
        "A `match` of `tradeOrders` tells its `fee` and `feeCurrency`.",
        "The venue tells them over REST alone; a trader there reckons by the rates.",
    ),
    (
        "A `clientOid` is free again once its order is over.",
        "The venue keeps them for a time that it does not tell.",
    ),
    (
        "A post-only order that was canceled as it came is not told on `tradeOrders`.",
        "The feed tells of orders that were taken up; over REST it is found.",
    ),
    (
        "`funds` of orders that wait for a price: refused.",
        "The engine's stops have sizes.",
    ),
    (
        (
            "The dead man's switch is for all symbols, and cancels orders that wait for a price "
            "too; others than all symbols are refused."
        ),
        "The engine has one per account, and it leaves nothing.",
    ),
    (
        "A cancel of a part (`hf/orders/cancel`) makes `size` smaller; `cancelledSize` stays 0.",
        "The engine changes the order's size, and keeps no other.",
    ),
    (
        "`alter` places anew what has not filled of the new size.",
        "The documentation does not say whether the new order counts what had filled.",
    ),
    (
        "Changes of `level2` are gathered for 50 ms, and told as one range of numbers.",
        "So that a book is never seen between two changes of one order.",
    ),
    (
        "A candle is told as `trade.candles.update`, never as `.add`; half a second late at most.",
        "The feed does not tell which of its messages is a candle's first.",
    ),
    (
        (
            "`relationEvent` of a balance is `trade.hold` where the total stays, else "
            "`trade.setted`; its `relationContext` is empty."
        ),
        "The feed tells balances, not what moved them.",
    ),
    (
        "Fees in `symbols` and tickers are a new account's.",
        "Rates are an account's here; `trade-fees` tells them.",
    ),
    (
        "Chains of `currencies` are one per currency, called after it, without fees.",
        "No coin moves anywhere.",
    ),
    (
        "A private token of a bullet is good for an hour.",
        "It is the exchange's stream token; the connection lasts longer.",
    ),
    (
        "At most 100 messages a second on a connection, where the venue has 100 in 10 seconds.",
        "The port counts by the second.",
    ),
    (
        "What belongs to no one order has the id of number 0 in `trade.l3match`.",
        "A practice market's other side is sizes, not orders.",
    ),
    (
        (
            "Not there: futures, margin, earn, the unified account, sub-accounts, conversions, "
            "call auctions."
        ),
        "There is nothing behind them here.",
    ),
)

NOTES = (
    (
        "There is no nonce: a signed request that is sent again within 5 seconds is carried out "
        "again. An order's `clientOid` protects it while its order is open."
    ),
    (
        "A new order is answered by its ids alone; `hf/orders/sync` waits for what becomes of it. "
        "A post-only order that would take is accepted, and canceled as it comes."
    ),
    (
        "An order that waits for its price is another list's (`stop-order`), and has another id "
        "once it was triggered."
    ),
    "Whoever pings on a WebSocket less often than every 28 seconds is sent away.",
    "Key versions 1, 2 and 3 are taken of any key; with 2 and 3 the passphrase has to be signed.",
)


def _path(target: str) -> str:
    return target.partition("?")[0]


def _has_stream(target: str) -> bool:
    return _path(target) in bullet.PATHS


def _session(target: str, door: Door) -> ServerSession | None:
    return Session(target, door) if _has_stream(target) else None


def _frame(
    subscription: Subscription, event: Event, listings: Listings
) -> bytes | tuple[bytes, ...] | None:
    if subscription.channel.account_id:
        return private.frame(subscription, event, listings)
    return stream.public_frame(subscription, event, listings)


DIALECT = Dialect(
    name=stream.NAME,
    title="KuCoin spot",
    port_offset=6,
    docs=("https://www.kucoin.com/docs-new",),
    endpoints=ENDPOINTS,
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.response,
    usage_headers=limits.usage_headers,
    session=_session,
    has_stream=_has_stream,
    frame=_frame,
    client=KucoinClient(),
    public=PublicHosts("https://api.kucoin.com", "wss://ws-api-spot.kucoin.com"),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC}),
    notes=NOTES,
    new_key=auth.new_key,
    answers_in_full=False,
    replaces=True,
    manner=bullet.manner,
)
