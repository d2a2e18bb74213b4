"""What may be asked over the WebSocket as over REST: the same rows of the endpoint table.

A call passes the same checks as a request, but for signature and nonce: the login has proven the
key, and the line belongs to it. Key, expiry, addresses, scope and limits are looked at each time.
"""

from typing import Any

from msgspec import Struct

from steelyard.dialects.native.endpoints import BASE, ENDPOINTS
from steelyard.dialects.native.parameters import build
from steelyard.wire.dialect import (
    AccessReason,
    Auth,
    Credentials,
    Door,
    Endpoint,
    Refusal,
    SessionRefused,
)

_ROUTES = {
    "place": ("POST", "/orders"),
    "place_group": ("POST", "/groups"),
    "place_batch": ("POST", "/orders/batch"),
    "amend": ("PATCH", "/orders/{order_id}"),
    "cancel": ("DELETE", "/orders/{order_id}"),
    "cancel_all": ("DELETE", "/orders"),
    "order": ("GET", "/orders/{order_id}"),
    "order_by_client_id": ("GET", "/orders/by-client-id/{client_order_id}"),
    "orders": ("GET", "/orders"),
    "fills": ("GET", "/fills"),
    "account": ("GET", "/account"),
}


def _endpoint(method: str, path: str) -> Endpoint:
    return next(e for e in ENDPOINTS if (e.method, e.path) == (method, BASE + path))


CALLS = {op: _endpoint(*route) for op, route in _ROUTES.items()}


def call(op: str, params: dict[str, Any], key: str, door: Door) -> Struct:
    """Carry out a call and return the answer that REST would give; key is '' before the login.

    Raises:
        Turned away: `SessionRefused`, with the refusal to be told.
    """
    if not key:
        raise SessionRefused(
            Refusal(
                AccessReason.MISSING_KEY,
                f'{op} needs a login; send {{"op":"login",...}} first',
                "op",
            )
        )
    endpoint = CALLS[op]
    claimed = Credentials(key, "", (), None, 0, 0)
    answer: Struct = door.call(
        endpoint._replace(auth=Auth.KEY),
        lambda: build(endpoint.request, params.items(), f'the message "{op}"', "params."),
        lambda: claimed,
    )
    return answer
