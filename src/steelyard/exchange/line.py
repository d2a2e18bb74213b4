"""One WebSocket of a gate: a session machine, and the door through which it asks.

Each request that comes over it takes the gate's way, in the gate's order. It has what a
connection has and an HTTP request has not: keys that have been proven, streams, an age.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Answer, Query, Scope
from steelyard.wire.dialect import (
    AccessReason,
    Claim,
    Credentials,
    Endpoint,
    Finish,
    Read,
    Refusal,
    ServerSession,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import LimitProfile, Usage

if TYPE_CHECKING:
    from steelyard.exchange.gate import Gate

SUBSCRIPTIONS_PER_LINE = 1_024
NO_HEADERS: Mapping[str, str] = {}


class Line:
    """One WebSocket: a session machine, and the door through which it asks."""

    session: ServerSession

    def __init__(
        self,
        gate: "Gate",
        session_id: int,
        ip: str,
        now: Callable[[], int],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.session_id = session_id
        self.headers = headers
        self.keys: set[str] = set()  # proven on this line; a revocation closes it
        self.usage: Usage = ()  # what the last request counted
        self.opened_ns = now()
        self._gate = gate
        self._ip = ip
        self._now = now

    @property
    def dialect(self) -> str:
        """The name of the dialect that is spoken."""
        return self._gate.dialect.name

    @property
    def listings(self) -> Listings:
        """What is listed."""
        return self._gate.exchange.listings

    @property
    def limits(self) -> LimitProfile:
        """The limits in force."""
        return self._gate.limiter.profile

    def call(self, endpoint: Endpoint, read: Read, claim: Claim) -> Any:
        """Authenticate, limit and carry out one request; return the response struct."""
        with self._counted() as usage:
            return self._gate.request(
                endpoint, read, claim, self._ip, self._now(), usage, self.keys
            )

    def count(self, weight: int) -> None:
        """Count a message that asks no endpoint against the address, or raise SessionRefused."""
        with self._counted() as usage:
            self._gate.count_ip(weight, self._ip, self._now(), usage, self.keys)

    def redeem(self, token: str) -> int | None:
        """Return the account that a stream token opens; None where it is worth nothing (more)."""
        owner = self._gate.redeem(token, self._ip, self._now())
        if owner is None:
            return None
        account_id, key = owner
        self.keys.add(key)
        return account_id

    def authenticate(self, credentials: Credentials, scope: Scope | None) -> int:
        """Return the account of valid credentials, or raise SessionRefused; None is any scope."""
        with self._counted() as usage:
            account_id = self._gate.log_in(credentials, scope, self._ip, self._now(), usage)
        self.keys.add(credentials.key)
        return account_id

    def require(self, key: str, scope: Scope) -> None:
        """Raise SessionRefused unless a key that was proven here still may do this."""
        assert key in self.keys, "only a login's key is asked about"
        with self._counted():
            self._gate.require(key, scope, self._ip, self._now())

    @contextmanager
    def _counted(self) -> Iterator[list[Usage]]:
        """Keep what a message counts, and what became of it."""
        usage: list[Usage] = []
        try:
            yield usage
        except SessionRefused as refused:
            self._gate.outcomes[refused.refusal.reason.name] += 1
            raise
        finally:
            self.usage = tuple(used for part in usage for used in part)

    def subscribe(self, subscription: Subscription, finish: Finish | None = None) -> None:
        """Begin a stream for this session."""
        feed, now_ns = self._gate.exchange.feed, self._now()
        has_room = len(feed.subscriptions(self.session_id)) < SUBSCRIPTIONS_PER_LINE
        if not has_room or not feed.subscribe(self.session_id, subscription, now_ns, finish):
            raise SessionRefused(
                Refusal(
                    AccessReason.KEY_LIMIT,
                    f"too many streams on one connection; {SUBSCRIPTIONS_PER_LINE} are allowed",
                )
            )

    def unsubscribe(self, subscription: Subscription) -> None:
        """End it."""
        self._gate.exchange.feed.unsubscribe(self.session_id, subscription)

    def charged(self, account_id: int, instrument_id: int) -> int | None:
        """Return what an account's counter of an instrument stands at."""
        return self._gate.limiter.charged(f"{account_id}:{instrument_id}", self._now())

    def snapshot(self, query: Query) -> Answer:
        """Answer a public query, for channels that start with a snapshot."""
        exchange = self._gate.exchange
        return exchange.ask(query, exchange.time_at(self._now()))

    def receive(self, frame: str | bytes) -> None:
        """Take one message from the client."""
        self.session.receive(frame, self._now())

    def is_old(self, now_ns: int) -> bool:
        """Whether it has lasted as long as connections of its dialect may."""
        life_ns = self._gate.dialect.connection_life_ns
        return bool(life_ns) and now_ns - self.opened_ns >= life_ns

    def close(self) -> None:
        """The connection is gone."""
        self._gate.exchange.feed.leave(self.session_id)
        self._gate.hang_up(self._ip)
