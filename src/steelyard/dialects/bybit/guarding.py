"""Cancel everything when nobody is connected any more (DCP), server end.

The venue's switch hangs on connections: those that follow the topic `dcp.spot` hold it, and when
the last of them has been gone for the time, everything is canceled. Here each of them arms the
exchange's dead man's switch anew while it is open, every `BEAT_NS`, for the time and one beat more:
so it acts when the time is over, and up to a beat later. It is in the journal like any other, and
outlives a restart.

The invariant: the time is the venue's usual one, `WINDOW_S`; no other is promised. There is no
request that turns it off: who no longer follows the topic does.
"""

from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.account_messages import DcpInfo, DcpInfos
from steelyard.dialects.bybit.messages import Nothing
from steelyard.dialects.bybit.order_messages import DcpRequest
from steelyard.dialects.bybit.routes import nothing, signed
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.wire.dialect import Asker, Auth, Credentials, Door, Endpoint

SPOT = "SPOT"
PRODUCTS = ("OPTIONS", "DERIVATIVES", SPOT)
WINDOW_S = 10
WINDOW_MIN_S, WINDOW_MAX_S = 3, 300
BEAT_NS = 2 * SECOND_NS
HELD_NS = WINDOW_S * SECOND_NS + BEAT_NS


class Beat:
    """One connection's part in holding its account's switch."""

    def __init__(self, door: Door, key: str) -> None:
        self._door = door
        self._key = key
        self._next_ns = 0

    def wake(self, now_ns: int) -> None:
        """Arm it anew, if it is time."""
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + BEAT_NS
            self._arm(HOLD)

    def end(self) -> None:
        """Let go: another connection that holds it will arm it anew."""
        self._arm(RELEASE)

    def _arm(self, endpoint: Endpoint) -> None:
        claimed = Credentials(self._key, "", (), None, 0, 0)
        self._door.call(endpoint, Nothing, lambda: claimed)


def _held(_answer: Any, _request: Nothing, _asker: Asker) -> Nothing:
    return Nothing()


def _set(_answer: None, request: DcpRequest, _asker: Asker) -> Nothing:
    if request.product not in PRODUCTS:
        raise errors.invalid("product", f"one of {', '.join(PRODUCTS)}")
    if request.product != SPOT:
        raise errors.invalid("product", f"nothing of {request.product} is traded here; send {SPOT}")
    if not WINDOW_MIN_S <= request.timeWindow <= WINDOW_MAX_S:
        raise errors.invalid("timeWindow", f"from {WINDOW_MIN_S} to {WINDOW_MAX_S} seconds")
    if request.timeWindow != WINDOW_S:
        raise errors.invalid("timeWindow", f"it is {WINDOW_S} seconds here, and no other")
    return Nothing()


def _info(_answer: None, _request: Nothing, _asker: Asker) -> DcpInfos:
    return DcpInfos((DcpInfo(SPOT, "ON", str(WINDOW_S)),))


SET = signed(
    "POST",
    "/v5/order/disconnected-cancel-all",
    DcpRequest,
    Nothing,
    nothing,
    _set,
    scope=Scope.TRADE,
    summary="After how long without a connection all is canceled: 10 seconds",
)
INFO = signed(
    "GET",
    "/v5/account/query-dcp-info",
    Nothing,
    DcpInfos,
    nothing,
    _info,
    summary="The same, as it is",
)


def _inner(after_ns: int) -> Endpoint:
    """Return what a session asks for its own client; it counts as the route that is `SET`."""
    return SET._replace(
        request=Nothing,
        auth=Auth.KEY,
        decode=lambda _request, asker: ArmDeadMan(asker.account_id, after_ns),
        encode=_held,
    )


HOLD, RELEASE = _inner(HELD_NS), _inner(0)
ENDPOINTS = (SET, INFO)
