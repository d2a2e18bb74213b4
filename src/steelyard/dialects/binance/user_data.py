"""What an account hears, server end: its events, and the listen keys of older clients.

The invariant: an event is the same payload whoever follows the account, in whatever envelope. What
comes into an account or leaves it is told by balanceUpdate, what a withdrawal holds by
externalLockUpdate; the balances that follow from it come right behind. The venue switched listen
keys off; clients from before still need them.
"""

from typing import Any

from msgspec import Struct

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.account import position_to_wire
from steelyard.dialects.binance.executions import report_to_wire
from steelyard.dialects.binance.frames import BalanceUpdate, ExternalLockUpdate
from steelyard.dialects.binance.messages import Nothing
from steelyard.dialects.binance.order_lists import status_to_wire
from steelyard.dialects.binance.text import amount_text, to_ms
from steelyard.dialects.binance.wallet_messages import ListenKey, ListenKeyRequest
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    BalanceEvent,
    BalanceLocked,
    BalanceMoved,
    Event,
    GroupEvent,
    OrderEvent,
    Scope,
)
from steelyard.domain.stream_tokens import (
    CloseStreamToken,
    KeepStreamToken,
    OpenStreamToken,
    StreamToken,
)
from steelyard.wire.dialect import Asker, Auth, Channel, ChannelKind, Endpoint

LISTEN_KEY_WEIGHT = 2
LISTEN_KEY_LENGTH = 64
_KINDS = (ChannelKind.ORDERS, ChannelKind.BALANCES, ChannelKind.FUNDS)


# -- events -------------------------------------------------------------------------------------


def channels_of_account(account_id: int) -> tuple[Channel, ...]:
    """Return what an account hears."""
    return tuple(Channel(kind, account_id=account_id) for kind in _KINDS)


def payload_of_account(event: Event, listings: Listings) -> Struct | None:
    """Return the payload of an event of an account; None for what the venue does not tell."""
    match event:
        case OrderEvent():
            return report_to_wire(event, listings)
        case GroupEvent():
            return status_to_wire(event, listings)
        case BalanceEvent():
            return position_to_wire(event, listings)
        case BalanceMoved():
            return BalanceUpdate(**_change(event, listings))
        case BalanceLocked():
            return ExternalLockUpdate(**_change(event, listings))
        case _:
            return None


def _change(event: BalanceMoved | BalanceLocked, listings: Listings) -> dict[str, Any]:
    time = to_ms(event.time_ns)
    asset = listings.asset(event.asset_id)
    return {"E": time, "a": asset, "d": amount_text(event.amount_atoms), "T": time}


# -- listen keys --------------------------------------------------------------------------------


def is_listen_key(stream: str) -> bool:
    """Return whether a stream's name has the form of a listen key."""
    return len(stream) == LISTEN_KEY_LENGTH and stream.isascii() and stream.isalnum()


def _opened(answer: Any, _request: Nothing, _asker: Asker) -> ListenKey:
    assert isinstance(answer, StreamToken), "a token is answered by itself"
    return ListenKey(listenKey=answer.token)


def _done(answer: Any, request: ListenKeyRequest, _asker: Asker) -> Nothing:
    assert isinstance(answer, StreamToken), "a token is answered by itself"
    if not answer.is_known:
        raise errors.said(
            -1125,
            "This listenKey does not exist.",
            f"{errors.shown(request.listenKey)} has expired or is another account's; get one with "
            "POST /api/v3/userDataStream",
            "listenKey",
        )
    return Nothing()


def _route(method: str, request: type[Struct], decode: Any, encode: Any, summary: str) -> Endpoint:
    return Endpoint(
        method,
        "/api/v3/userDataStream",
        request,
        ListenKey if method == "POST" else Nothing,
        Auth.KEY,
        Scope.READ,
        decode,
        encode,
        lambda _request: LISTEN_KEY_WEIGHT,
        summary=summary,
    )


START = _route(
    "POST",
    Nothing,
    lambda _request, asker: OpenStreamToken(asker.account_id, asker.key),
    _opened,
    "A listen key, good for 60 minutes",
)
KEEP = _route(
    "PUT",
    ListenKeyRequest,
    lambda request, asker: KeepStreamToken(asker.account_id, request.listenKey),
    _done,
    "Another 60 minutes for a listen key",
)
STOP = _route(
    "DELETE",
    ListenKeyRequest,
    lambda request, asker: CloseStreamToken(asker.account_id, request.listenKey),
    _done,
    "The end of a listen key",
)

ENDPOINTS: tuple[Endpoint, ...] = (START, KEEP, STOP)
