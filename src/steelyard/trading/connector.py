"""One class drives any dialect's client end: messages to requests, responses to outcomes.

It does no I/O: the shell moves the bytes. It keeps the venue's listings (learned from the
answer to `InstrumentsQuery`), and keeps within the venue's limits: each request is paid from what
all traders of the host share (`wire.budget`), the venue's word of what is used and its word to
stop are passed on to all of them, and cancels may use what others may not. What it may not send
now is `NotSent` with the time to come back, which every caller understands anyway. Where a client
end does not say what its requests weigh, each counts as `WEIGHT`.
"""

from contextlib import suppress
from http import HTTPStatus
from random import Random

from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import DecodeError, UnitError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, Acknowledged, InstrumentList, Query, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.trading.actions import Role
from steelyard.trading.feed import MarketFeed
from steelyard.trading.signing import OrderSigners
from steelyard.wire.budget import CONNECT, Cost, Held, LocalPacing, Pacing
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ApiKey, ChannelKind, ClientEnd, ClientSession, Paced
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, is_count
from steelyard.wire.outcome import Answered, Halt, NotSent, Outcome, Unknown

WEIGHT = 20
CONNECT_WEIGHT = 2
MARKET_KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
_HALTS = {
    HTTPStatus.TOO_MANY_REQUESTS.value: Halt.LIMITED,
    HTTPStatus.IM_A_TEAPOT.value: Halt.BANNED,
}
_URGENT = frozenset({Cancel, CancelAll})


class Connector:
    """A trader's end of one venue.

    now_ns is the venue's time as well as it is known, because it is signed; host_ns is the time
    that pacing goes by, the host's clock, and is left out where the two are one.
    """

    def __init__(
        self,
        client: ClientEnd,
        key: ApiKey,
        limits: LimitProfile,
        pacing: Pacing | None = None,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Speak a dialect; without a pacing to share the limits are this trader's alone.

        is_urgent: everything may use what is kept for cancels, as the kill switch's questions may.
        """
        self.listings = Listings()
        self.pacing: Pacing = LocalPacing(limits, Random(0)) if pacing is None else pacing
        self._client = client
        self._paced = client if isinstance(client, Paced) else None
        self._key = key
        self._is_urgent = is_urgent
        self._signers = OrderSigners(client, key)
        has_stamps = self._paced is not None and self._paced.nonces_rise
        self._is_plain = not (is_urgent or has_stamps)  # its orders may go the short way

    def request(
        self, message: UserCommand | Query, now_ns: int, host_ns: int | None = None
    ) -> Request | Outcome:
        """Return the request of a message, or its outcome where there is none to send."""
        host_ns = now_ns if host_ns is None else host_ns
        paced, stamp_ns = self._paced, now_ns
        if type(message) is Place and self._is_plain:
            at_once = self._at_once(message, now_ns, host_ns)
            if at_once is not None:
                return at_once
        request: Request | None = None
        if paced is not None and paced.nonces_rise:
            stamp_ns = self.stamp_ns(now_ns, host_ns)
        try:
            if type(message) is Place:
                request = self._signers.request(message, self.listings, stamp_ns)
            if request is None:
                request = self._client.request(message, self.listings, self._key, stamp_ns)
            if paced is not None:
                cost = paced.cost(message, self.listings)
            else:
                cost = _cost(message, request)
        except UnitError as error:
            return Answered(Refused(error.reason, str(error)))
        except UsageError as error:
            return Answered(Refused(RejectReason.UNSUPPORTED, str(error)))
        is_urgent = self._is_urgent or type(message) in _URGENT
        held = self.pacing.take(cost, host_ns, is_urgent=is_urgent)
        return request if held is None else NotSent(held.why, held.wait_ns)

    def _at_once(self, place: Place, now_ns: int, host_ns: int) -> Request | None:
        """Return an order's request, signed and paid for by one call; None: nothing was used."""
        listings, paced = self.listings, self._paced
        made = self._signers.made(place, listings)
        if made is None or made.headers is None or paced is None:
            return None
        try:
            cost = paced.cost(place, listings)
        except (UnitError, UsageError):
            return None
        terms = (place.side, place.price_ticks, place.size_lots, place.client_order_id, now_ns)
        body = self.pacing.signed(cost, host_ns, made.signer, terms)
        return None if body is None else made.request(body)

    def rehearse(self, message: UserCommand | Query, now_ns: int) -> Outcome:
        """Make a message's request, signature and all, and send nothing: whether it can be said."""
        try:
            self._client.request(message, self.listings, self._key, now_ns)
        except UnitError as error:
            return Answered(Refused(error.reason, str(error)))
        except UsageError as error:
            return Answered(Refused(RejectReason.UNSUPPORTED, str(error)))
        return Answered(Acknowledged())

    def outcome(
        self,
        message: UserCommand | Query,
        response: Response,
        now_ns: int,
        host_ns: int | None = None,
    ) -> Outcome:
        """Return what a response means."""
        host_ns = now_ns if host_ns is None else host_ns
        outcome: Outcome
        try:
            outcome = self._client.outcome(message, response, self.listings, now_ns)
        except DecodeError as error:
            outcome = Unknown(f"the answer cannot be read: {error}")
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(outcome, Answered):
            outcome = outcome._replace(is_closed=True)
        not_sent = outcome if isinstance(outcome, NotSent) else NotSent("")
        halt = not_sent.halt or _HALTS.get(response.status)
        told_ns = not_sent.retry_after_ns
        self.heard(response, now_ns, host_ns, halt, told_ns)
        if isinstance(outcome, NotSent):
            stop = self.pacing.stop(host_ns) if halt or told_ns else None
            if stop is not None:
                wait_ns = max(outcome.retry_after_ns, stop.until_ns - host_ns)
                outcome = outcome._replace(retry_after_ns=wait_ns)
        elif isinstance(outcome, Answered) and isinstance(outcome.answer, InstrumentList):
            self.listings = Listings(outcome.answer.instruments)
        return outcome

    def heard(
        self,
        response: Response,
        now_ns: int,
        host_ns: int,
        halt: Halt | None = None,
        told_ns: int = 0,
    ) -> None:
        """Take what any response of the venue says of limits; told_ns is how long to wait."""
        if self._paced is not None and (told := self._paced.spent(response)):
            self.pacing.learn(told, host_ns, now_ns - host_ns)
        halt = halt or _HALTS.get(response.status)
        if halt is not None or told_ns:
            told_ns = told_ns or _retry_after_ns(response)
            self.pacing.told_to_stop(host_ns, told_ns, is_ban=halt is Halt.BANNED)

    def errand(self, host_ns: int, request: Request) -> Held | None:
        """Pay for a request that a stream's session wants sent, or return why not now."""
        cost = Cost(request.method, request.path, is_public=False, weight=1)
        return self.pacing.take(cost, host_ns, is_urgent=False)

    def connect(self, host_ns: int) -> Held | None:
        """Pay for a WebSocket that is about to be opened, or return why not now."""
        cost = Cost(CONNECT, CONNECT, is_public=True, weight=CONNECT_WEIGHT)
        return self.pacing.take(cost, host_ns, is_urgent=False)

    def stamp_ns(self, now_ns: int, host_ns: int) -> int:
        """Return the time to sign with; where nonces have to rise, above every one before.

        All processes that use the key draw them from one source.
        """
        if self._paced is None or not self._paced.nonces_rise:
            return now_ns
        return self.pacing.stamp(now_ns, host_ns)

    def limits_request(self) -> Request | None:
        """Return what asks the venue for its limits; None: it does not tell them."""
        return None if self._paced is None else self._paced.limits_request()

    def learn_limits(self, response: Response) -> bool:
        """Keep to the limits that the venue has told; return whether they are others now.

        Raises:
            DecodeError: The answer does not tell any.
        """
        assert self._paced is not None, "only who tells limits is asked for them"
        told = self._paced.limits_of(response)
        is_new = told != self.pacing.limits
        self.pacing.limits = told
        return is_new

    def make_ready(self, instrument: Instrument) -> None:
        """Make what an ordinary order needs, so that the first is as quick as the next."""
        terms = (Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 1, instrument.size_min_lots)
        place = Place(0, instrument.instrument_id, *terms, client_order_id="1")
        self._signers.make_ready(place, self.listings)
        if self._paced is not None:
            with suppress(UnitError, UsageError):
                self.pacing.make_ready(self._paced.cost(place, self.listings))

    def session(
        self, role: Role, instrument: Instrument, now_ns: int
    ) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams.

        That with the market keeps its book by itself where that can be done natively.
        """
        if role is Role.PRIVATE:
            return self._client.private_session(self._key, self.listings, now_ns)
        if self.listings.has(instrument.instrument_id):  # else nobody can order it
            self.make_ready(instrument)
        session = self._client.market_session([instrument], self.listings, MARKET_KINDS)
        table = self._client.market_table([instrument])
        reader = None if table is None else new_reader(*table)
        return session if reader is None else MarketFeed(session, [instrument], reader)


def _cost(message: UserCommand | Query, request: Request) -> Cost:
    """Return what a message counts as where nobody says."""
    orders = int(isinstance(message, Place))
    method, path = request.method, request.path
    return Cost(method, path, is_public=False, weight=WEIGHT, orders=orders, is_guess=True)


def _retry_after_ns(response: Response) -> int:
    text = response.headers.get("retry-after", "")
    return int(text) * SECOND_NS if is_count(text) else 0
