"""Browsers' sessions: who is signed in where, for how long.

A session's id is 256 random bits in a cookie and kept only as a hash; in memory, so a restart
signs everybody out. Before sign-in there are sessions too, for a CSRF token to belong to. The id
changes at sign-in and at every second factor; for `GRACE_NS` the one before still answers, because
a page asks several things at once.
"""

import hashlib
from dataclasses import dataclass, field

from steelyard.exchange.personal import Enrolment
from steelyard.wire.dialect import Entropy

TOKEN_BYTES = 32
IDLE_NS = 30 * 60 * 1_000_000_000
ABSOLUTE_NS = 12 * 60 * 60 * 1_000_000_000
GRACE_NS = 10 * 1_000_000_000
VISITORS_MAX = 5_000  # sessions of nobody yet; beyond it one goes of the address that has most
VISITORS_PER_IP_MAX = 500  # beyond it that address's own that was quiet longest
SIGNED_IN_MAX = 5_000
PER_PERSON_MAX = 20
AGENT_MAX = 200  # characters of a browser's name that are kept


@dataclass(eq=False)
class Session:
    """One browser."""

    session_id: str  # to name it by; opens nothing
    digest: bytes
    csrf: str
    ip: str
    agent: str
    since_ns: int
    seen_ns: int
    person_id: int | None = None
    generation: int = 0  # of the person's password
    enrolment: Enrolment | None = field(default=None, repr=False)
    earlier_digest: bytes = b""
    earlier_until_ns: int = 0

    @property
    def expires_ns(self) -> int:
        """When it ends, if nothing comes any more."""
        return min(self.since_ns + ABSOLUTE_NS, self.seen_ns + IDLE_NS)


class Sessions:
    """All sessions of one exchange."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._by_digest: dict[bytes, Session] = {}
        self._visitors: dict[str, dict[Session, None]] = {}  # by address, quiet longest first
        self._visitors_count = 0
        self._signed_in: dict[Session, None] = {}

    def open(self, ip: str, agent: str, now_ns: int) -> tuple[str, Session]:
        """Begin a session of nobody yet; return the cookie's value too."""
        token, session = self._begin(ip, agent, now_ns)
        of_ip = self._visitors.setdefault(ip, {})
        of_ip[session] = None
        self._visitors_count += 1
        if len(of_ip) > VISITORS_PER_IP_MAX:
            self.end(next(iter(of_ip)))
        if self._visitors_count > VISITORS_MAX:
            most = max(self._visitors, key=lambda each: len(self._visitors[each]))
            self.end(next(iter(self._visitors[most])))
        return token, session

    def find(self, token: str, now_ns: int) -> Session | None:
        """Return the session of a cookie; None where it has ended."""
        digest = _digest(token)
        session = self._by_digest.get(digest)
        if session is None:
            return None
        if session.expires_ns <= now_ns:
            self.end(session)
            return None
        if digest != session.digest and session.earlier_until_ns <= now_ns:
            return None
        session.seen_ns = max(session.seen_ns, now_ns)
        if session in (of_ip := self._visitors.get(session.ip, {})):
            of_ip[session] = of_ip.pop(session)
        return session

    def sign_in(self, session: Session, person_id: int, ip: str, now_ns: int) -> str:
        """Make a session a person's under another id; return the cookie's value."""
        self.end(session)
        token, new = self._begin(ip, session.agent, now_ns)
        new.person_id = person_id
        self._signed_in[new] = None
        for old in self.of(person_id)[:-PER_PERSON_MAX]:
            self.end(old)
        while len(self._signed_in) > SIGNED_IN_MAX:
            self.end(next(iter(self._signed_in)))
        return token

    def rotate(self, session: Session, now_ns: int) -> str:
        """Give a session another id; return the cookie's value, nothing where it has ended."""
        if not self.is_live(session):
            return ""
        self._by_digest.pop(session.earlier_digest, None)
        session.earlier_digest, session.earlier_until_ns = session.digest, now_ns + GRACE_NS
        token, session.digest = self._token()
        self._by_digest[session.digest] = session
        return token

    def of(self, person_id: int) -> list[Session]:
        """Return a person's sessions, oldest first."""
        return [s for s in self._signed_in if s.person_id == person_id]

    def live(self, person_id: int, now_ns: int) -> list[Session]:
        """Return those of a person's sessions that have not expired."""
        return [s for s in self.of(person_id) if s.expires_ns > now_ns]

    def is_live(self, session: Session) -> bool:
        """Return whether nobody has ended it."""
        return self._by_digest.get(session.digest) is session

    def end(self, session: Session) -> None:
        """End a session."""
        self._by_digest.pop(session.digest, None)
        self._by_digest.pop(session.earlier_digest, None)
        self._signed_in.pop(session, None)
        of_ip = self._visitors.get(session.ip, {})
        if session in of_ip:
            del of_ip[session]
            self._visitors_count -= 1
            if not of_ip:
                del self._visitors[session.ip]

    def end_all(self, person_id: int, *, but: Session | None = None) -> None:
        """End a person's sessions, all but one."""
        for session in self.of(person_id):
            if session is not but:
                self.end(session)

    def _begin(self, ip: str, agent: str, now_ns: int) -> tuple[str, Session]:
        token, digest = self._token()
        agent = "".join(filter(str.isprintable, agent))[:AGENT_MAX]
        session = Session(self._text(9), digest, self._text(TOKEN_BYTES), ip, agent, now_ns, now_ns)
        self._by_digest[digest] = session
        return token, session

    def _token(self) -> tuple[str, bytes]:
        token = self._text(TOKEN_BYTES)
        return token, _digest(token)

    def _text(self, size_bytes: int) -> str:
        return self._entropy(size_bytes).hex()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
