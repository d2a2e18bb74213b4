"""Every code of the native API: what it means, how to mend it, and what it proves to a client.

One table, `CODES`, makes the responses, the OpenAPI document, the reference and the client's
reading of an error. Codes are the names of our reasons and never change their meaning. A client
decides by code, never by text; with a status of 500 or more no code is a no.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from steelyard.dialects.native import messages, requests
from steelyard.domain.commands import Amend, Cancel, CancelAll, Command, Place, PlaceGroup
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import SECOND_NS, Query, Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import AccessReason, Auth, Endpoint, Refusal
from steelyard.wire.http import UPGRADE, Response, json_response
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

Reason = AccessReason | RejectReason
A, R = AccessReason, RejectReason

UNAUTHORIZED = 401
PASSING = frozenset({418, 429, 503})  # with Retry-After
RETRY_AFTER_MAX_S = 10**6
# As 401 names them in WWW-Authenticate.
SCHEME = "STEELYARD-HMAC-SHA256, STEELYARD-ED25519, STEELYARD-RSA-SHA256, STEELYARD-ES256"


class Code(NamedTuple):
    """One row of `CODES`. `field` is the input at fault where the refusal names none."""

    reason: Reason
    status: int
    meaning: str
    mend: str
    field: str | None = None


_ROWS = (
    # What the request is
    Code(
        A.MALFORMED,
        400,
        "A parameter is missing, unknown, given twice, of the wrong form, or not UTF-8 JSON.",
        "Compare the request with the route's parameters; the message names what was expected.",
    ),
    Code(
        A.BODY_TOO_LARGE,
        413,
        "The body is larger than this API reads.",
        "Send one order per request.",
        "body",
    ),
    Code(
        A.UNKNOWN_ENDPOINT,
        404,
        "There is no such path.",
        "Check the path; the routes are listed in /docs.",
    ),
    Code(
        A.METHOD_NOT_ALLOWED,
        405,
        "The path does not take this method.",
        "Use a method that the Allow header names.",
    ),
    Code(
        A.UPGRADE_REQUIRED,
        426,
        "The path is a WebSocket's, and the request was a plain one.",
        "Connect to it with a WebSocket client.",
    ),
    # Who sends it
    Code(
        A.MISSING_KEY,
        401,
        "A signed route was called without a key.",
        "Send STEELYARD-KEY, -TIMESTAMP, -NONCE and -SIGNATURE.",
        "STEELYARD-KEY",
    ),
    Code(
        A.UNKNOWN_KEY,
        401,
        "The key was never issued here, or was revoked, or is another API's.",
        "Make one: steelyard key create ACCOUNT --dialect native --scopes read,trade",
        "STEELYARD-KEY",
    ),
    Code(A.KEY_EXPIRED, 401, "The key's time is over.", "Create a new key.", "STEELYARD-KEY"),
    Code(
        A.KEY_ROTATED,
        401,
        "Another key has replaced this one, and the time in which both were good is over.",
        "Use the key that the rotation made; steelyard key list names it.",
        "STEELYARD-KEY",
    ),
    Code(
        A.IP_NOT_ALLOWED,
        403,
        "The key may not be used from this address.",
        "Call from an address on the key's list, or create a key for this one (--ip).",
    ),
    Code(
        A.MISSING_SIGNATURE,
        401,
        "A signed route was called without a signature.",
        "Sign timestamp + nonce + METHOD + target + body with the key's secret or private half.",
        "STEELYARD-SIGNATURE",
    ),
    Code(
        A.BAD_SIGNATURE,
        401,
        "The signature does not fit these bytes and the key.",
        "Sign exactly the target and body that leave your program; send lower-case hex, or base64 "
        "where the key is Ed25519, RSA or ES256.",
        "STEELYARD-SIGNATURE",
    ),
    Code(
        A.MISSING_TIMESTAMP,
        401,
        "A signed route was called without a timestamp.",
        "Send your clock in milliseconds since 1970, UTC.",
        "STEELYARD-TIMESTAMP",
    ),
    Code(
        A.BAD_PASSPHRASE,
        401,
        "The passphrase is not the key's; keys of this API have none.",
        "Leave it out.",
    ),
    Code(
        A.STALE_TIMESTAMP,
        401,
        "The timestamp is older than 5 seconds, or than the exchange's start.",
        "Sign right before you send; set your clock by NTP or by GET /api/v1/time.",
        "STEELYARD-TIMESTAMP",
    ),
    Code(
        A.FUTURE_TIMESTAMP,
        401,
        "The timestamp is 1 second or more ahead of the exchange.",
        "Set your clock by NTP or by GET /api/v1/time.",
        "STEELYARD-TIMESTAMP",
    ),
    Code(
        A.REPEATED_NONCE,
        401,
        "This key has used the nonce before; the request may be a copy of one that was taken up.",
        "Make a new nonce for each request, also when you send the same one again.",
        "STEELYARD-NONCE",
    ),
    Code(
        A.MISSING_SCOPE,
        403,
        "The key may not do this.",
        "Create a key with the scope that the message names.",
    ),
    Code(
        A.WITHDRAW_COOLING,
        403,
        "The key may withdraw, but its cooling period is not over.",
        "Wait until the time that the message names. If you did not ask for this, revoke the key.",
    ),
    Code(
        A.PRODUCT_NOT_ALLOWED,
        403,
        "The key may trade, but not this instrument, or not all of them at once.",
        "Name a symbol of the key's list: GET /api/v1/key.",
        "symbol",
    ),
    # What a withdrawal says of itself
    Code(
        A.PERSON_REQUIRED,
        403,
        "A withdrawal is confirmed by a person with a second factor, and the account has none.",
        "Sign up on the page, enrol a second factor, and use a key of that account.",
    ),
    Code(
        A.DUPLICATE_CLIENT_WITHDRAWAL_ID,
        409,
        "The client_withdrawal_id belongs to another withdrawal of this account.",
        "Use a new one for a new withdrawal; the same withdrawal may be sent again.",
        "client_withdrawal_id",
    ),
    Code(
        A.UNKNOWN_ADDRESS,
        404,
        "No such address in your address book.",
        "Add it on the page; it can be used after its cooling period.",
        "address_id",
    ),
    Code(
        A.ADDRESS_COOLING,
        403,
        "The address is in your book, but its cooling period is not over.",
        "Wait as long as the message says. If you did not add it, remove it.",
        "address_id",
    ),
    Code(
        A.TOO_MANY_TRANSFERS,
        400,
        "As many of your deposits and withdrawals are under way as may be.",
        "Wait until one is over, or cancel one.",
    ),
    # How much it sends
    Code(
        A.IP_LIMIT, 429, "Too many requests from this address.", "Wait as long as Retry-After says."
    ),
    Code(
        A.KEY_LIMIT,
        429,
        "Too many requests with this key, or too much on one connection.",
        "Wait as long as Retry-After says; follow a WebSocket instead of polling.",
    ),
    Code(
        A.ORDER_LIMIT, 429, "Too many orders on this account.", "Wait as long as Retry-After says."
    ),
    Code(
        A.IP_BANNED,
        418,
        "This address went on over its limits and is shut out for a while.",
        "Send nothing until Retry-After is over.",
    ),
    Code(
        A.MAINTENANCE,
        503,
        "The exchange is in maintenance. Nothing was taken up.",
        "Wait for Retry-After. GET /api/v1/status and the status channel say when it is over.",
    ),
    Code(
        A.UNAVAILABLE,
        503,
        "The exchange is stopping, or cannot write to its disk. An order may have arrived.",
        "Ask for the order by its client_order_id before you send it again.",
    ),
    # What an order says of itself
    Code(
        R.UNSUPPORTED,
        400,
        "These fields do not go together, or the orders of a group do not.",
        "Leave out the field that the message names; /docs#order-types says what goes with what.",
    ),
    Code(
        R.UNKNOWN_ACCOUNT,
        400,
        "The key's account does not exist.",
        "Create one: steelyard account create NAME",
    ),
    Code(
        R.UNKNOWN_INSTRUMENT,
        400,
        "Nothing of that name trades here.",
        "Take a symbol from GET /api/v1/instruments.",
        "symbol",
    ),
    Code(
        R.MARKET_MAINTENANCE,
        400,
        "The market is in maintenance: nothing passes.",
        "Try again later; GET /api/v1/instruments says how it stands.",
        "symbol",
    ),
    Code(
        R.MARKET_HALTED,
        400,
        "The market is halted: only cancels pass.",
        "Try again later; GET /api/v1/instruments says how it stands.",
        "symbol",
    ),
    Code(
        R.MARKET_CANCEL_ONLY,
        400,
        "The market takes cancels only.",
        "Try again later; GET /api/v1/instruments says how it stands.",
        "symbol",
    ),
    Code(
        R.MARKET_POST_ONLY,
        400,
        "The market takes only what adds liquidity.",
        "Send a limit order with post_only, or try again later.",
        "post_only",
    ),
    Code(
        R.PRICE_OFF_TICK,
        400,
        "The price is not a multiple of the instrument's tick_size; nothing is rounded for you.",
        "Use one of the nearest prices that the message names.",
        "price",
    ),
    Code(
        R.SIZE_OFF_LOT,
        400,
        "The size is not a multiple of the instrument's lot_size; nothing is rounded for you.",
        "Use one of the nearest sizes that the message names.",
        "size",
    ),
    Code(
        R.PRICE_OUT_OF_RANGE,
        400,
        "The price is not above zero and at most price_max.",
        "Stay within the instrument's limits.",
        "price",
    ),
    Code(
        R.SIZE_TOO_SMALL,
        400,
        "The size is below size_min.",
        "Stay within the instrument's limits.",
        "size",
    ),
    Code(R.SIZE_TOO_LARGE, 400, "The size is above size_max.", "Split the order.", "size"),
    Code(
        R.NOTIONAL_TOO_SMALL,
        400,
        "Price times size is below notional_min.",
        "Raise the size.",
        "size",
    ),
    Code(
        R.NOTIONAL_TOO_LARGE,
        400,
        "Price times size is above notional_max.",
        "Split the order.",
        "size",
    ),
    Code(
        R.AMOUNT_TOO_LARGE,
        400,
        "The amount is beyond what the books can hold.",
        "Lower the size.",
        "size",
    ),
    Code(
        R.DISPLAY_OUT_OF_RANGE,
        400,
        "The display_size is above the size, or below size_min.",
        "Send 0 to hide the order, or size_min up to the whole size.",
        "display_size",
    ),
    Code(
        R.TRAIL_OUT_OF_RANGE,
        400,
        "The trail is not a price above zero and at most price_max, or not a share below 1.",
        'Send a distance in quote such as "trail": "150.00", or a share such as '
        '"trail_rate": "0.01".',
        "trail",
    ),
    Code(
        R.EXPIRY_NOT_AHEAD,
        400,
        "The order would have expired already.",
        "Send a later time in milliseconds; GET /api/v1/time is the exchange's.",
        "expires",
    ),
    Code(
        R.PRICE_OUTSIDE_BAND,
        400,
        "The price is further from the mark price, or else the last trade, than price_band.",
        "Move the price towards the market.",
        "price",
    ),
    Code(
        R.DUPLICATE_CLIENT_ORDER_ID,
        409,
        "The client_order_id belongs to another order of this account, open or ended.",
        "Use a new client_order_id for a new order; the same order may be sent again.",
        "client_order_id",
    ),
    # What it says of something else
    Code(
        R.UNKNOWN_ORDER,
        404,
        "No such order on this account, or it is no longer open.",
        "List the open ones: GET /api/v1/orders?open=true",
    ),
    Code(
        R.SIZE_BELOW_FILLED,
        400,
        "The new size is not above what has filled already.",
        "Cancel the order instead.",
        "size",
    ),
    Code(
        R.UNKNOWN_TRANSFER,
        404,
        "No such transfer, or it is no longer pending.",
        "GET /api/v1/transfers says how it ended.",
    ),
    # What the market and the books say
    Code(
        R.TOO_MANY_ORDERS,
        400,
        "You have as many open orders in this market as orders_max allows.",
        "Cancel one first.",
        "symbol",
    ),
    Code(
        R.TOO_MANY_TRIGGERS,
        400,
        "You have as many orders that wait for a price here as triggers_max allows.",
        "Cancel one first.",
        "symbol",
    ),
    Code(
        R.WOULD_TRIGGER,
        400,
        "The market is at the trigger price already, so the order would act at once.",
        "Send it without a trigger, or choose a trigger price that is still ahead.",
        "trigger_price",
    ),
    Code(
        R.POST_ONLY_WOULD_TAKE,
        400,
        "A post-only order would have traded at once, so it was not placed.",
        "Move the price away from the other side of the book.",
        "price",
    ),
    Code(
        R.INSUFFICIENT_BALANCE,
        400,
        "Not enough is free for the order and its fee.",
        "Lower the size, or cancel orders that hold the balance.",
        "size",
    ),
    Code(
        R.GROUP_REFUSED,
        400,
        "Another order of the same group was refused, so this one was not placed either.",
        "Mend the one that was refused for a reason of its own, and send the group anew.",
    ),
)
# By name: as numbers, reasons of the two enums would be equal to each other.
CODES: dict[str, Code] = {row.reason.name: row for row in _ROWS}

# By what kind of request: what its own meaning may be refused for.
_OF_PLACE = frozenset(R) - {R.UNKNOWN_ORDER, R.SIZE_BELOW_FILLED, R.UNKNOWN_TRANSFER}
_OF_AMEND = frozenset(R) - {
    R.UNKNOWN_INSTRUMENT,
    R.DISPLAY_OUT_OF_RANGE,
    R.TRAIL_OUT_OF_RANGE,
    R.EXPIRY_NOT_AHEAD,
    R.DUPLICATE_CLIENT_ORDER_ID,
    R.UNKNOWN_TRANSFER,
    R.TOO_MANY_ORDERS,
    R.TOO_MANY_TRIGGERS,
    R.GROUP_REFUSED,
}
_OF_WITHDRAWAL: frozenset[Reason] = frozenset(
    {
        A.PERSON_REQUIRED,
        A.DUPLICATE_CLIENT_WITHDRAWAL_ID,
        A.UNKNOWN_ADDRESS,
        A.ADDRESS_COOLING,
        A.TOO_MANY_TRANSFERS,
        R.INSUFFICIENT_BALANCE,
    }
)
_OF_CANCEL = frozenset({R.MARKET_MAINTENANCE, R.UNKNOWN_ORDER})
_OWN: dict[type, frozenset[Any]] = {
    requests.PlaceRequest: _OF_PLACE,
    requests.PlaceGroupRequest: _OF_PLACE,
    # Of a batch each order is refused on its own, within an answer that is 200.
    requests.PlaceBatchRequest: frozenset(),
    requests.AmendRequest: _OF_AMEND,
    requests.CancelRequest: _OF_CANCEL,
    requests.CancelAllRequest: frozenset({R.MARKET_MAINTENANCE}),
    requests.WithdrawRequest: _OF_WITHDRAWAL,
    requests.CancelWithdrawalRequest: frozenset({A.PERSON_REQUIRED, R.UNKNOWN_TRANSFER}),
    requests.OrderRequest: frozenset({R.UNKNOWN_ORDER}),
    requests.ClientOrderRequest: frozenset({R.UNKNOWN_ORDER}),
}

# The refusal itself may be the echo of a copy, or came after the point of no return.
_PROVES_NOTHING = frozenset({A.REPEATED_NONCE, A.UNAVAILABLE})

# Another request by the same key will fare no better.
_DENIED = frozenset(
    {
        A.MISSING_KEY,
        A.UNKNOWN_KEY,
        A.KEY_EXPIRED,
        A.KEY_ROTATED,
        A.IP_NOT_ALLOWED,
        A.BAD_SIGNATURE,
        A.MISSING_SCOPE,
    }
)

# A refusal's field says which limit, or which methods: not an input of the sender.
_NOT_AN_INPUT = frozenset(
    {A.METHOD_NOT_ALLOWED, A.IP_LIMIT, A.KEY_LIMIT, A.ORDER_LIMIT, A.IP_BANNED}
)
_OF_ANY = frozenset({A.MALFORMED, A.BODY_TOO_LARGE, A.IP_LIMIT, A.IP_BANNED, A.UNAVAILABLE})
_OF_SIGNED = frozenset({A.IP_NOT_ALLOWED, A.KEY_LIMIT})

encode_json = msgspec.json.Encoder().encode
_decode_error = msgspec.json.Decoder(messages.Error).decode


def codes_of(endpoint: Endpoint) -> tuple[Code, ...]:
    """Return every code that a route may answer with, by status."""
    own = _OWN.get(endpoint.request, frozenset())
    has_symbol = "symbol" in endpoint.request.__struct_fields__

    def may_occur(code: Code) -> bool:
        reason = code.reason
        if reason in own:
            return True
        if isinstance(reason, RejectReason):
            return has_symbol and reason is R.UNKNOWN_INSTRUMENT
        if endpoint.auth is Auth.SIGNED and (code.status == UNAUTHORIZED or reason in _OF_SIGNED):
            return True
        if reason is A.MISSING_SCOPE:
            return endpoint.scope is not None
        if reason is A.MAINTENANCE:
            return not endpoint.in_maintenance
        if reason is A.WITHDRAW_COOLING:
            return endpoint.scope is Scope.WITHDRAW
        if reason is A.PRODUCT_NOT_ALLOWED:
            return endpoint.scope is Scope.TRADE
        if reason is A.ORDER_LIMIT:
            return endpoint.is_order
        return reason in _OF_ANY

    return tuple(sorted(filter(may_occur, _ROWS), key=lambda code: code.status))


def own_codes_of(endpoint: Endpoint) -> tuple[Code, ...]:
    """Return those that speak of what is asked, not of who asks and how much."""
    own = _OWN.get(endpoint.request, frozenset())
    return tuple(
        code
        for code in codes_of(endpoint)
        if isinstance(code.reason, RejectReason) or code.reason in own
    )


def detail(refusal: Refusal) -> messages.ErrorDetail:
    """Return a refusal in this API's words."""
    code, reason = CODES[refusal.reason.name], refusal.reason
    is_about_input = isinstance(reason, RejectReason) or reason not in _NOT_AN_INPUT
    return messages.ErrorDetail(
        code=reason.name,
        message=refusal.message,
        field=(refusal.field if is_about_input else None) or code.field,
        hint=code.mend,
        docs=f"/docs#{reason.name}",
    )


def refuse(refusal: Refusal, now_ns: int) -> Response:  # noqa: ARG001 other venues print the time
    """Return the response that says no."""
    status = CODES[refusal.reason.name].status
    headers: dict[str, str] = {}
    if status == UNAUTHORIZED:
        headers["www-authenticate"] = SCHEME
    if refusal.reason is A.METHOD_NOT_ALLOWED:
        headers["allow"] = refusal.field or "GET"
    if refusal.reason is A.UPGRADE_REQUIRED:
        headers |= UPGRADE
    if status in PASSING:
        headers["retry-after"] = str(max(1, -(-refusal.retry_after_ns // SECOND_NS)))
    return json_response(status, encode_json(messages.Error(detail(refusal))), headers)


def read_error(body: bytes) -> messages.ErrorDetail:
    """Return what an error response says.

    Raises:
        DecodeError: It is not an error of this API.
    """
    try:
        return _decode_error(body).error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"not an error of this API: {error}") from error


def reason_of(code: str) -> Reason | None:
    """Return what a code stands for; None for one that we do not know."""
    row = CODES.get(code)
    return None if row is None else row.reason


_LIMITS = frozenset({A.IP_LIMIT, A.KEY_LIMIT, A.ORDER_LIMIT})


def outcome_of_error(message: Command | Query, response: Response) -> Outcome:
    """Return what a response that is not a success means for a message."""
    changes = isinstance(message, Place | PlaceGroup | Amend | Cancel | CancelAll)
    try:
        said = read_error(response.body)
    except DecodeError as error:
        return Unknown(f"HTTP {response.status}: {error}")
    reason = reason_of(said.code)
    why = f"{said.code}: {said.message}"
    if isinstance(reason, RejectReason):
        # The engine's no has a 4xx: with a fault of the server it proves nothing.
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unknown(f"HTTP {response.status}: {why}")
        return Answered(Refused(reason, said.message, said.field))
    if reason is None or (changes and reason in _PROVES_NOTHING):
        return Unknown(why)
    halt = Halt.BANNED if reason is A.IP_BANNED else Halt.LIMITED if reason in _LIMITS else None
    blames_clock = reason in (A.STALE_TIMESTAMP, A.FUTURE_TIMESTAMP)
    return NotSent(why, _retry_after_ns(response), reason in _DENIED, halt, blames_clock)


def _retry_after_ns(response: Response) -> int:
    text = response.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(RETRY_AFTER_MAX_S))
    return min(int(text), RETRY_AFTER_MAX_S) * SECOND_NS if is_number else 0
