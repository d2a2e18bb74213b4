"""The WebSocket API, both ends: requests, logon, and the account's events.

The invariant: a method is a REST route with another envelope; `METHODS` is that table, and what
a route checks is checked here too. After `session.logon` a request may leave out key and
signature: the session then vouches with the logon's, under the request's own timestamp, and the
key itself is looked up again every time.
"""

from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET

from steelyard.dialects.binance import (
    account,
    candles,
    codes,
    errors,
    market,
    order_lists,
    orders,
    replacing,
    trades,
    user_data,
    windows,
)
from steelyard.dialects.binance.auth import claims, signed_params, sorted_payload
from steelyard.dialects.binance.executions import report_from_wire
from steelyard.dialects.binance.frames import (
    AccountPosition,
    ApiError,
    ApiFrame,
    ApiRequest,
    ApiResult,
    ConnectionEvent,
    EventName,
    EventStreamTerminated,
    ExecutionReport,
    ServerShutdown,
    SessionStatus,
    SubscriptionId,
    UserEvent,
)
from steelyard.dialects.binance.messages import (
    AnyRequest,
    ErrorBody,
    RateLimit,
)
from steelyard.dialects.binance.parameters import parse, texts_of, value_of
from steelyard.dialects.binance.stream import NAME
from steelyard.dialects.binance.text import times_in, to_ms, unit_named
from steelyard.dialects.binance.user_data import channels_of_account, payload_of_account
from steelyard.domain.errors import AuthError, DecodeError, RateLimited
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS, Event, Scope
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Credentials,
    Door,
    Ending,
    Endpoint,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import Counts

PATH = "/ws-api/v3"
OK = 200
USER = "user:"
SUBSCRIPTIONS_LIFETIME_MAX = 65_535
SUBSCRIPTIONS_MAX = 1_000
SESSION_WEIGHT = 2  # of what a session asks about itself
CONNECT_WEIGHT = 2
UNAUTHORIZED = 401

METHODS: dict[str, Endpoint] = {
    "ping": market.PING,
    "time": market.TIME,
    "exchangeInfo": market.EXCHANGE_INFO,
    "depth": market.DEPTH,
    "executionRules": market.EXECUTION_RULES,
    "trades.recent": trades.TRADES,
    "trades.historical": trades.HISTORICAL_TRADES,
    "trades.aggregate": trades.AGG_TRADES,
    "blockTrades.historical": trades.BLOCK_TRADES,
    "klines": candles.KLINES,
    "uiKlines": candles.UI_KLINES,
    "avgPrice": windows.AVG_PRICE,
    "referencePrice": windows.REFERENCE_PRICE,
    "referencePrice.calculation": windows.REFERENCE_CALCULATION,
    "ticker": windows.TICKER,
    "ticker.tradingDay": windows.TRADING_DAY,
    "ticker.24hr": candles.TICKER_24H,
    "ticker.price": candles.TICKER_PRICE,
    "ticker.book": candles.TICKER_BOOK,
    "order.place": orders.PLACE,
    "order.test": orders.TEST,
    "order.status": orders.QUERY,
    "order.cancel": orders.SOCKET_CANCEL,
    "openOrders.status": orders.OPEN,
    "openOrders.cancelAll": orders.CANCEL_ALL,
    "allOrders": orders.ALL,
    "account.status": account.ACCOUNT,
    "account.commission": account.COMMISSION,
    "account.rateLimits.orders": account.ORDER_COUNTS,
    "myTrades": account.MY_TRADES,
    "myAllocations": account.MY_ALLOCATIONS,
    "myPreventedMatches": account.MY_PREVENTED_MATCHES,
    "myFilters": account.MY_FILTERS,
    "userDataStream.start": user_data.START,
    "userDataStream.ping": user_data.KEEP,
    "userDataStream.stop": user_data.STOP,
    "order.cancelReplace": replacing.CANCEL_REPLACE,
    "order.amend.keepPriority": replacing.AMEND,
    "orderList.place": order_lists.OLD_OCO,
    "orderList.place.oco": order_lists.OCO,
    "orderList.place.oto": order_lists.OTO,
    "orderList.place.otoco": order_lists.OTOCO,
    "orderList.place.opo": order_lists.REFUSED["orderList/opo"],
    "orderList.place.opoco": order_lists.REFUSED["orderList/opoco"],
    "orderList.cancel": order_lists.CANCEL_LIST,
    "orderList.status": order_lists.QUERY_LIST,
    "openOrderLists.status": order_lists.OPEN_LISTS,
    "allOrderLists": order_lists.ALL_LISTS,
    "sor.order.place": order_lists.REFUSED["sor/order"],
    "sor.order.test": order_lists.REFUSED["sor/order/test"],
}

# Numbers with a fraction stay the text they came as: that is what was signed.
_request = msgspec.json.Decoder(ApiRequest, float_hook=str)
_encode = msgspec.json.Encoder().encode


# -- events -------------------------------------------------------------------------------------


def user_frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return the text frame of an event of an account."""
    unit, _, number = subscription.form.removeprefix(USER).partition(":")
    with times_in(int(unit)):
        payload = payload_of_account(event, listings)
    if payload is None:
        return None
    return _encode(UserEvent(subscriptionId=int(number), event=payload))


# -- the session, server end --------------------------------------------------------------------


class ApiSession:
    """A client's conversation on the WebSocket API."""

    def __init__(self, query: str, door: Door) -> None:
        """Begin, with what the target's query says.

        Raises:
            DecodeError: It asks for a unit of time that there is not.
            Turned away: `SessionRefused`, where the address has no weight left.
        """
        asked = parse_qs(query)
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._returns_limits = asked.get("returnRateLimits", ["true"])[0] != "false"
        self._unit_ns = unit_named(asked.get("timeUnit", ["MILLISECOND"])[0])
        door.count(CONNECT_WEIGHT)
        self._connected_ns = 0
        self._logon: Credentials | None = None
        self._logon_ns = 0
        self._account_id = 0
        self._subscribed: dict[int, tuple[Subscription, ...]] = {}
        self._by_logon: set[int] = set()
        self._next_subscription = 0
        self._out: list[bytes] = []

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one request and answer it."""
        self._connected_ns = self._connected_ns or now_ns
        with times_in(self._unit_ns):
            self._receive(frame, now_ns)

    def wake(self, now_ns: int) -> None:
        """Nothing here falls due."""

    def end(self, ending: Ending, now_ns: int) -> None:
        """Say what the venue says before it closes a connection."""
        with times_in(self._unit_ns):
            if ending is Ending.STOP:
                shutdown = ServerShutdown(E=to_ms(now_ns))
                self._out.append(_encode(ConnectionEvent(event=shutdown)))
            elif ending is Ending.KEY:
                for number in [*self._subscribed]:
                    self._end(number, now_ns, self._out)
                _, body = errors.words_of(_KEY_ENDED, now_ns, self._door.limits)
                refused = ApiError(id=None, status=UNAUTHORIZED, error=_error_of(body))
                self._out.append(_encode(refused))

    def _receive(self, frame: str | bytes, now_ns: int) -> None:
        try:
            request = _request.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            self._not_a_request(error, now_ns)
            return
        params = dict(request.params or {})
        shows_limits = params.get("returnRateLimits", self._returns_limits) is not False
        after: list[bytes] = []
        try:
            result = self._carry_out(request.method.removeprefix("v3/"), params, now_ns, after)
        except DecodeError as error:
            refusal = Refusal(AccessReason.MALFORMED, str(error), error.field, code=error.code)
            self._refuse(request.id, refusal, now_ns, shows_limits=shows_limits)
        except SessionRefused as refused:
            self._refuse(request.id, refused.refusal, now_ns, shows_limits=shows_limits)
        else:
            answer = ApiResult(
                id=request.id,
                status=OK,
                result=result,
                rateLimits=self._rate_limits() if shows_limits else UNSET,
            )
            self._out += [_encode(answer), *after]

    def drain(self) -> list[bytes]:
        """Return the answers to send."""
        out, self._out = self._out, []
        return out

    def _not_a_request(self, error: Exception, now_ns: int) -> None:
        try:
            self._door.count(1)
        except SessionRefused as refused:
            shows_limits = self._returns_limits
            self._refuse(None, refused.refusal, now_ns, shows_limits=shows_limits)
            return
        body = ErrorBody(code=-1135, msg=f"Invalid JSON Request ({error})")
        limits = self._rate_limits() if self._returns_limits else UNSET
        self._out.append(
            _encode(ApiError(id=None, status=400, error=_error_of(body), rateLimits=limits))
        )

    def _carry_out(
        self, method: str, params: dict[str, Any], now_ns: int, after: list[bytes]
    ) -> Any:
        endpoint = METHODS.get(method)
        if endpoint is not None:
            is_strict = endpoint.request is not AnyRequest
            return self._door.call(
                endpoint,
                lambda: parse(texts_of(params), endpoint.request, is_strict=is_strict),
                lambda: self._claimed(params),
            )
        if method == "session.logon":
            return self._log_on(params, now_ns)
        if method == "userDataStream.subscribe.signature":
            return self._subscribe(self._authenticate(_own_claim(params)))
        self._door.count(SESSION_WEIGHT)
        match method:
            case "session.status":
                return self._status(now_ns)
            case "session.logout":
                return self._log_out(now_ns, after)
            case "session.subscriptions":
                return tuple(SubscriptionId(subscriptionId=number) for number in self._subscribed)
            case "userDataStream.subscribe":
                return self._subscribe_logged_on()
            case "userDataStream.unsubscribe":
                return self._unsubscribe(texts_of(params), now_ns, after)
            case _:
                raise errors.said(
                    -1020,
                    "This operation is not supported.",
                    f"no method {errors.shown(method)}; there are {', '.join(METHODS)}",
                    "method",
                )

    # -- who it is ------------------------------------------------------------------------------

    def _claimed(self, params: dict[str, Any]) -> Credentials | Refusal:
        """Return a request's own credentials, or the logon's under the request's timestamp."""
        if self._logon is None or {"apiKey", "signature"} & params.keys():
            return _own_claim(params)
        vouched = {"apiKey": self._logon.key, "signature": self._logon.signature}
        return claims({**_signed_texts(params), **vouched}, self._logon.payloads)

    def _authenticate(self, claimed: Credentials | Refusal) -> int:
        if isinstance(claimed, Refusal):
            raise SessionRefused(claimed)
        return self._door.authenticate(claimed, Scope.READ)

    def _log_on(self, params: dict[str, Any], now_ns: int) -> SessionStatus:
        claimed = _own_claim(params)
        self._account_id = self._authenticate(claimed)
        assert isinstance(claimed, Credentials), "what was authenticated was claimed"
        self._logon, self._logon_ns = claimed, now_ns
        return self._status(now_ns)

    def _log_out(self, now_ns: int, after: list[bytes]) -> SessionStatus:
        self._logon = None
        for number in sorted(self._by_logon):
            self._end(number, now_ns, after)
        return self._status(now_ns)

    def _status(self, now_ns: int) -> SessionStatus:
        return SessionStatus(
            apiKey=self._logon.key if self._logon else None,
            authorizedSince=to_ms(self._logon_ns) if self._logon else None,
            connectedSince=to_ms(self._connected_ns),
            returnRateLimits=self._returns_limits,
            serverTime=to_ms(now_ns),
            userDataStream=bool(self._subscribed),
        )

    # -- what it hears --------------------------------------------------------------------------

    def _subscribe_logged_on(self) -> SubscriptionId:
        if self._logon is None:
            raise SessionRefused(
                Refusal(
                    AccessReason.MISSING_KEY,
                    "log on first, or use userDataStream.subscribe.signature",
                )
            )
        subscribed = self._subscribe(self._account_id)
        self._by_logon.add(subscribed.subscriptionId)
        return subscribed

    def _subscribe(self, account_id: int) -> SubscriptionId:
        number = self._next_subscription
        accounts = {subs[0].channel.account_id for subs in self._subscribed.values()}
        if account_id in accounts:
            raise errors.said(
                -2035,
                "User Data Stream subscription already active.",
                "one connection follows an account once",
            )
        if number > SUBSCRIPTIONS_LIFETIME_MAX or len(self._subscribed) >= SUBSCRIPTIONS_MAX:
            raise errors.said(
                -2042, "Maximum subscription ID reached for this connection.", "connect again"
            )
        form = f"{USER}{self._unit_ns}:{number}"
        subscriptions = tuple(Subscription(NAME, c, form) for c in channels_of_account(account_id))
        for subscription in subscriptions:
            self._door.subscribe(subscription)
        self._subscribed[number] = subscriptions
        self._next_subscription = number + 1
        return SubscriptionId(subscriptionId=number)

    def _unsubscribe(
        self, texts: dict[str, str], now_ns: int, after: list[bytes]
    ) -> dict[str, Any]:
        text = texts.get("subscriptionId")
        numbers = list(self._subscribed) if text is None else [value_of("subscriptionId", text)]
        for number in numbers:
            if number not in self._subscribed:
                raise errors.said(
                    -2036,
                    "User Data Stream subscription not active.",
                    "session.subscriptions lists those that are",
                    "subscriptionId",
                )
            self._end(number, now_ns, after)
        return {}

    def _end(self, number: int, now_ns: int, after: list[bytes]) -> None:
        for subscription in self._subscribed.pop(number):
            self._door.unsubscribe(subscription)
        self._by_logon.discard(number)
        ended = EventStreamTerminated(E=to_ms(now_ns))
        after.append(_encode(UserEvent(subscriptionId=number, event=ended)))

    # -- what is said ---------------------------------------------------------------------------

    def _rate_limits(self) -> tuple[RateLimit, ...]:
        usage = self._door.usage
        if not usage:
            return tuple(market.limit_to_wire(limit, 0) for limit in self._door.limits.limits)
        return market.usage_to_wire(usage, *Counts)

    def _refuse(
        self, request_id: int | str | None, refusal: Refusal, now_ns: int, *, shows_limits: bool
    ) -> None:
        status, body = errors.words_of(refusal, now_ns, self._door.limits)
        error = _error_of(body)
        if refusal.retry_after_ns:
            error["data"] = {
                "serverTime": to_ms(now_ns),
                "retryAfter": to_ms(now_ns + refusal.retry_after_ns),
            }
        limits = self._rate_limits() if shows_limits else UNSET
        self._out.append(
            _encode(ApiError(id=request_id, status=status, error=error, rateLimits=limits))
        )


# The word for a key that was good when the session logged on or subscribed.
_KEY_ENDED = Refusal(
    AccessReason.KEY_EXPIRED, "the key has ended or has been changed; connect again with a good one"
)


def _own_claim(params: dict[str, Any]) -> Credentials | Refusal:
    texts = _signed_texts(params)
    return claims(texts, (sorted_payload(texts),))


def _signed_texts(params: dict[str, Any]) -> dict[str, str]:
    """Return the texts that are signed, also of what no parameter can be: that is told later."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in params.items()
    }


def _error_of(body: ErrorBody) -> dict[str, Any]:
    found: dict[str, Any] = {"code": body.code, "msg": body.msg}
    for name in ("help", "data"):
        if (value := getattr(body, name)) is not UNSET:
            found[name] = value
    return found


# -- the session, client end --------------------------------------------------------------------

SUBSCRIBE_ID = 1

_api_frame = msgspec.json.Decoder(ApiFrame)
_event_name = msgspec.json.Decoder(EventName)
_report = msgspec.json.Decoder(ExecutionReport)
_position = msgspec.json.Decoder(AccountPosition)


class AccountFollower:
    """Our conversation with a venue's WebSocket API: it follows one account."""

    role = "private"
    target = PATH

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        self.ready = False
        self._key = key
        self._listings = listings
        self._frames: list[str] = []
        self._events: list[Event] = []

    def opened(self, now_ns: int) -> None:
        """The connection is open: ask for the account's events."""
        request = ApiRequest(
            id=SUBSCRIBE_ID,
            method="userDataStream.subscribe.signature",
            params=signed_params({}, self._key, now_ns),
        )
        self._frames.append(_encode(request).decode())

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented.
            AuthError: The venue does not accept key, signature or timestamp.
            RateLimited: It wants to be asked later.
        """
        try:
            message = _api_frame.decode(frame)
            if isinstance(message.event, msgspec.Raw):
                self._tell(message.event)
                return
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"account stream: {error}") from error
        if message.status == OK and message.id == SUBSCRIBE_ID:
            self.ready = True
        elif message.error is not None:
            self._refused(message, now_ns)
        else:
            raise DecodeError("account stream: neither an event nor an answer")

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told."""
        frames, self._frames = self._frames, []
        events, self._events = self._events, []
        return frames, events

    def _tell(self, event: msgspec.Raw) -> None:
        match _event_name.decode(event).e:
            case "executionReport":
                self._events.append(report_from_wire(_report.decode(event), self._listings))
            case "outboundAccountPosition":
                position = account.position_from_wire(_position.decode(event), self._listings)
                self._events.append(position)
            case "eventStreamTerminated":
                self.ready = False
            case _:
                # balanceUpdate: the position that follows says it. Lists are not ours.
                pass

    def _refused(self, message: ApiFrame, now_ns: int) -> None:
        error = message.error
        assert error is not None, "only a refusal is refused"
        text = f"{error.code} {error.msg}"
        if message.status in codes.SLOW_DOWN:
            raise RateLimited(text, 60 * SECOND_NS)
        raise AuthError(f"{text} (at {now_ns} ns by our clock)", error.code)
