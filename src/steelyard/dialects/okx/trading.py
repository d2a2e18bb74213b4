"""Trading over the private WebSocket: the routes of REST in another envelope.

The invariant: an op becomes the request that REST has for it, and is judged there, by the key that
the connection has logged in with; the entries of its answer are those of REST.
"""

# ruff: noqa: N815  the venue's names

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from steelyard.dialects.okx import errors, orders
from steelyard.dialects.okx.frames import Call
from steelyard.dialects.okx.parameters import ITEMS_READ_MAX, items_of, texts_of
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Claim, Door, Endpoint, SessionRefused

OPS: dict[str, Endpoint] = {
    "order": orders.PLACE,
    "batch-orders": orders.PLACE_BATCH,
    "cancel-order": orders.CANCEL,
    "batch-cancel-orders": orders.CANCEL_BATCH,
    "amend-order": orders.AMEND,
    "batch-amend-orders": orders.AMEND_BATCH,
}
OP_NAMES = {endpoint.path: op for op, endpoint in OPS.items()}
SINGLE = frozenset({"order", "cancel-order", "amend-order"})

_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


class Answer(Struct, frozen=True, kw_only=True):
    """What answers an op."""

    id: str | int = ""
    op: str
    code: str
    msg: str
    data: Any = ()
    inTime: str | Any = UNSET
    outTime: str | Any = UNSET
    help: str | Any = UNSET


def carry_out(call: Call, door: Door, claim: Claim) -> bytes:
    """Carry out an op and return what answers it."""
    endpoint = OPS[call.op]
    own = "" if call.id is UNSET else call.id
    try:
        told = door.call(endpoint, lambda: _parameters(call, endpoint), claim)
    except SessionRefused as refused:
        refusal = refused.refusal
        words = errors.words_of(refusal)
        if refusal.code is None and refusal.reason in errors.WS_LOGIN:
            words = errors.WS_LOGIN[refusal.reason]  # type: ignore[index]  # of the same two enums
        answer = Answer(id=own, op=call.op, code=words.code, msg=words.text, help=refusal.message)
        return _encode(answer)
    return _encode(
        Answer(
            id=own,
            op=call.op,
            code=told.code,
            msg=told.msg,
            data=told.data,
            inTime=told.inTime,
            outTime=told.outTime,
        )
    )


def _parameters(call: Call, endpoint: Endpoint) -> Struct:
    args = [] if call.args is UNSET else call.args
    most = 1 if call.op in SINGLE else ITEMS_READ_MAX
    assert isinstance(args, list), "args are a list or not there"
    if not 1 <= len(args) <= most:
        how = "send one object in args" if most == 1 else "send a list of objects in args"
        raise errors.said(errors.TOO_MANY, how, "args")
    try:
        given = [_object.decode(each) for each in args]
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"args are objects: {error}", "args", "60013") from error
    expiry = "" if call.expTime is UNSET else str(call.expTime)
    return items_of([texts_of(each) for each in given], endpoint.request, expiry)
