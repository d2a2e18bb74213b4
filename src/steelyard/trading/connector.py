"""One class drives any dialect's client end: messages to requests, responses to outcomes.

It does no I/O: the shell moves the bytes. It keeps the venue's listings (learned from the
answer to `InstrumentsQuery`), counts what is sent against the venue's published limits, stops
at the first word of the venue to wait, and lets cancels use what others may not. What it may
not send now is `NotSent` with the time to come back, which every caller understands anyway.
Weights of single requests are not known here; each counts as `WEIGHT`, which is on the safe
side for what a trader asks.
"""

from collections.abc import Mapping

from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import DecodeError, UnitError, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import InstrumentList, Query, Refused
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Role
from steelyard.trading.feed import MarketFeed
from steelyard.trading.signing import OrderSigners
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ApiKey, ChannelKind, ClientEnd, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import Counts, Kind, Limit, LimitCounter, LimitProfile, counter_of
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

WEIGHT = 20
RESERVE_PERCENT = 20  # of each limit, for cancels
JITTER_NS = 250_000_000  # by so much less than another may a request have taken to the venue
MARKET_KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})


class Connector:
    """A trader's end of one venue."""

    def __init__(self, client: ClientEnd, key: ApiKey, limits: LimitProfile) -> None:
        self.listings = Listings()
        self._client = client
        self._key = key
        self._signers = OrderSigners(client, key)
        paced = (_paced(limit) for limit in limits.limits)
        self._counters: Mapping[Limit, LimitCounter] = {limit: counter_of(limit) for limit in paced}
        self._wait_until_ns = 0

    def request(self, message: UserCommand | Query, now_ns: int) -> Request | Outcome:
        """Return the request of a message, or its outcome where there is none to send.

        now_ns is the venue's time as well as it is known: it is signed.
        """
        try:
            request = self._request(message, now_ns)
        except UnitError as error:
            return Answered(Refused(error.reason, str(error)))
        except UsageError as error:
            return Answered(Refused(RejectReason.UNSUPPORTED, str(error)))
        wait_ns = self._wait_ns(message, request, now_ns)
        if wait_ns > 0:
            return NotSent("waiting for the venue's rate limit", wait_ns)
        for limit, counter in self._counters.items():
            counter.add(limit, _units(limit, message, request), now_ns)
        return request

    def outcome(self, message: UserCommand | Query, response: Response, now_ns: int) -> Outcome:
        """Return what a response means."""
        try:
            outcome = self._client.outcome(message, response, self.listings, now_ns)
        except DecodeError as error:
            return Unknown(f"the answer cannot be read: {error}")
        if isinstance(outcome, NotSent) and outcome.retry_after_ns > 0:
            self._wait_until_ns = max(self._wait_until_ns, now_ns + outcome.retry_after_ns)
        elif isinstance(outcome, Answered) and isinstance(outcome.answer, InstrumentList):
            self.listings = Listings(outcome.answer.instruments)
        return outcome

    def session(
        self, role: Role, instrument: Instrument, now_ns: int
    ) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams.

        That with the market keeps its book by itself where that can be done natively.
        """
        if role is Role.PRIVATE:
            return self._client.private_session(self._key, self.listings, now_ns)
        session = self._client.market_session([instrument], self.listings, MARKET_KINDS)
        table = self._client.market_table([instrument])
        reader = None if table is None else new_reader(*table)
        return session if reader is None else MarketFeed(session, [instrument], reader)

    def _request(self, message: UserCommand | Query, now_ns: int) -> Request:
        if type(message) is Place and (
            made := self._signers.request(message, self.listings, now_ns)
        ):
            return made
        return self._client.request(message, self.listings, self._key, now_ns)

    def _wait_ns(self, message: UserCommand | Query, request: Request, now_ns: int) -> int:
        wait_ns = self._wait_until_ns - now_ns
        is_cancel = isinstance(message, Cancel | CancelAll)
        for limit, counter in self._counters.items():
            units = _units(limit, message, request)
            reserve = 0 if is_cancel else limit.limit * RESERVE_PERCENT // 100
            usage = counter.add(limit, 0, now_ns)
            # An empty window takes any request, however small the limit is.
            if units and usage.used and usage.used + units > limit.limit - reserve:
                wait_ns = max(wait_ns, usage.wait_ns)
        return wait_ns


def _paced(limit: Limit) -> Limit:
    """Return a limit as it must be kept here, so that it is kept where requests arrive.

    A window that slides is passed by two that were sent a window apart and arrive closer
    together. An aligned one begins with the venue's clock, which `now_ns` follows.
    """
    if limit.kind is Kind.ALIGNED:
        return limit
    return limit._replace(window_ns=limit.window_ns + JITTER_NS)


def _units(limit: Limit, message: UserCommand | Query, request: Request) -> int:
    if limit.routes and not _covers(limit, request):
        return 0
    match limit.counts:
        case Counts.WEIGHT:
            return min(WEIGHT, limit.limit)
        case Counts.REQUESTS:
            return 1
        case Counts.ORDERS:
            return int(isinstance(message, Place))


def _covers(limit: Limit, request: Request) -> bool:
    """Return whether a request may count; of a route with a name in it, any may."""
    if any("{" in route for route in limit.routes):
        return True
    asked = request.method, request.path
    return limit.covers(*asked, is_public=True) or limit.covers(*asked, is_public=False)
