"""The dead man's switch, both ways: all orders are canceled unless it is set anew in time.

The venue's is for some symbols or all; here it is for all.
"""

from typing import Any

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.messages import Nothing
from steelyard.dialects.kucoin.order_messages import DeadMan, DeadManRequest, DeadManTold
from steelyard.dialects.kucoin.routes import answered, signed
from steelyard.domain import dead_man as domain
from steelyard.domain.dead_man import ArmDeadMan, AskDeadMan
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.wire.dialect import Asker

TIMEOUT_MIN_S, TIMEOUT_MAX_S, NEVER = 5, 86_400, -1


def _arm(request: DeadManRequest, asker: Asker) -> ArmDeadMan:
    if request.timeout != NEVER and not TIMEOUT_MIN_S <= request.timeout <= TIMEOUT_MAX_S:
        raise errors.said(
            "timeout is invalid",
            f"{TIMEOUT_MIN_S} to {TIMEOUT_MAX_S} seconds, or {NEVER} to disarm",
            "timeout",
        )
    if request.symbols:
        named = {name.strip() for name in request.symbols.split(",")}
        if named != {instrument.symbol for instrument in asker.listings}:
            raise errors.said(
                "symbols is invalid",
                "here the switch is for all symbols: leave it out, or name all of them",
                "symbols",
            )
    return ArmDeadMan(asker.account_id, max(request.timeout, 0) * SECOND_NS)


def _armed(answer: Any, request: DeadManRequest, _asker: Asker) -> DeadMan:
    told = answered(answer, domain.DeadMan)
    now = told.now_ns // SECOND_NS
    due = 0 if told.due_ns is None or request.timeout == NEVER else told.due_ns // SECOND_NS
    return DeadMan(currentTime=now, triggerTime=due)


def _ask(_request: Nothing, asker: Asker) -> AskDeadMan:
    return AskDeadMan(asker.account_id)


def _told(answer: Any, _request: Nothing, asker: Asker) -> DeadManTold | None:
    told = answered(answer, domain.DeadMan)
    if told.due_ns is None:
        return None
    return DeadManTold(
        timeout=told.after_ns // SECOND_NS,
        symbols=",".join(instrument.symbol for instrument in asker.listings),
        currentTime=told.now_ns // SECOND_NS,
        triggerTime=told.due_ns // SECOND_NS,
    )


def armed_from_wire(wire: DeadMan) -> domain.DeadMan:
    """Return what the venue says of the switch."""
    due_ns = wire.triggerTime * SECOND_NS if wire.triggerTime else None
    return domain.DeadMan(wire.currentTime * SECOND_NS, due_ns)


def timeout_of(message: ArmDeadMan) -> int:
    """Return the seconds that a message says.

    Raises:
        Unsupported: They are fewer or more than the venue takes.
    """
    if not message.after_ns:
        return NEVER
    seconds = -(-message.after_ns // SECOND_NS)
    if not TIMEOUT_MIN_S <= seconds <= TIMEOUT_MAX_S:
        raise Unsupported(f"KuCoin waits for {TIMEOUT_MIN_S} to {TIMEOUT_MAX_S} seconds")
    return seconds


ARM = signed(
    "POST",
    "/api/v1/hf/orders/dead-cancel-all",
    DeadManRequest,
    DeadMan,
    _arm,
    _armed,
    weight=2,
    scope=Scope.TRADE,
    summary="Cancel all orders after a time, unless this is asked again",
)
ASK = signed(
    "GET",
    "/api/v1/hf/orders/dead-cancel-all/query",
    Nothing,
    DeadManTold | None,
    _ask,
    _told,
    weight=2,
    summary="When all orders are canceled; nothing where nothing is set",
)
ENDPOINTS = (ARM, ASK)
