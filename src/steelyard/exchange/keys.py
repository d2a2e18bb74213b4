"""Accounts by name, and API keys: who may do what, from where, until when.

A key belongs to one account and one dialect. Its secret is kept sealed; the seal's own key
never is in the exchange's directory. Of a key pair the owner hands in the public half, which is
sealed likewise, under a context that names its kind: it is never taken for a shared secret. What
a key may do is checked on every request by the gate, not here.

Each key has a trail of what was done to it, by whom. It is made of journaled records, so a replay
makes the same one, and nothing of it is ever left out: a key that has been changed too often is
not changed any more. When a key was last used, from where and for what is not journaled: a write
to disk per request would cost more than it tells. It is in the snapshots.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import FIRST_USER
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import SECOND_NS, KeyKind, Scope
from steelyard.exchange.records import ADMINISTRATOR, KeyChanged, KeyCreated

KEYS_MAX = 10_000
NAME_MAX = 40
LIMITER = "the limiter"  # who revokes a key for going on over its limits
WITHDRAW_PREFIX_MIN = {4: 24, 6: 56}  # by IP version: an office or a home, not the world
FOR_EVER = 2**63 - 1  # until when a nonce of those that rise is used up
WITHDRAW_COOLING_NS = 24 * 3600 * SECOND_NS


class Seal(Protocol):
    """Authenticated encryption with a key from elsewhere; `steelyard.vault` has one."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return the sealed form; context must be the same to open it."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            ConfigError: Another key sealed it.
        """
        ...

    def digest(self, plain: bytes, context: bytes) -> bytes:
        """Return a hash that nobody can make without the key: 32 bytes."""
        ...


class PublicKey(Protocol):
    """The half of a key pair that verifies; `steelyard.vault` reads them."""

    @property
    def pem(self) -> bytes:
        """The key as PEM SubjectPublicKeyInfo."""
        ...

    def verify(self, payload: bytes, signature: bytes) -> bool:
        """Return whether the pair's private half signed just this payload."""
        ...


ReadPublicKey = Callable[[KeyKind, bytes], PublicKey]


def no_public_keys(kind: KeyKind, _pem: bytes) -> PublicKey:
    """Read no public key: what an exchange has that was given no reader.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"this exchange reads no {kind} keys; create an hmac key instead")


class NewKey(NamedTuple):
    """A key as its owner sees it, once; of a key pair the exchange has no secret to show."""

    key: str
    secret: str
    account_id: int
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"NewKey({self.key!r}, ***)"


class KeyEvent(Struct):
    """What was done to a key, when and by whom; `what` is created, rotated, changed or revoked."""

    time_ns: int
    what: str
    by: str
    detail: str = ""


class KeptKey(Struct):
    """A key as the exchange keeps it; `created` holds what it may do by its last change."""

    created: KeyCreated
    created_ns: int
    revoked_ns: int | None = None
    revoked_for: str = ""  # why, where it was not a person who did it
    last_used_ns: int | None = None
    last_ip: str | None = None
    last_endpoint: str | None = None
    term_ns: int | None = None  # from when the time to its expiry counts; None: from its creation
    replaced_by: str = ""
    overlap_ends_ns: int | None = None
    trail: list[KeyEvent] = []

    @property
    def is_revoked(self) -> bool:
        """Whether the key is worth nothing any more."""
        return self.revoked_ns is not None

    @property
    def lifetime_ns(self) -> int | None:
        """How long it was to live when its expiry was set; None for ever."""
        if self.created.expires_ns is None:
            return None
        return self.created.expires_ns - (self.term_ns or self.created_ns)

    @property
    def may_end(self) -> bool:
        """Whether a time has been set at which it ends."""
        return self.created.expires_ns is not None or self.overlap_ends_ns is not None

    def is_expired(self, now_ns: int) -> bool:
        """Whether its expiry has come."""
        expires_ns = self.created.expires_ns
        return expires_ns is not None and expires_ns <= now_ns

    def is_replaced(self, now_ns: int) -> bool:
        """Whether another key has replaced it, and the overlap is over."""
        return self.overlap_ends_ns is not None and self.overlap_ends_ns <= now_ns

    def is_cooling(self, now_ns: int) -> bool:
        """Whether it may withdraw, but not yet."""
        from_ns = self.created.withdraw_from_ns
        return from_ns is not None and now_ns < from_ns

    def used(self, now_ns: int, ip: str, endpoint: str) -> None:
        """Note who proved to hold it just now, and what for."""
        self.last_used_ns, self.last_ip, self.last_endpoint = now_ns, ip, endpoint

    def may_come_from(self, ip: str) -> bool:
        """Whether the key's address list lets this address in; an empty list lets all in."""
        if not self.created.ip:
            return True
        address = ip_address(ip)
        return any(address in ip_network(allowed) for allowed in self.created.ip)

    def events(self) -> list[KeyEvent]:
        """Return what was done to it, oldest first."""
        if self.trail:
            return self.trail
        # From a snapshot that kept no trail: a key was created then, and perhaps revoked.
        made = [KeyEvent(self.created_ns, "created", ADMINISTRATOR)]
        if self.revoked_ns is not None:
            made.append(KeyEvent(self.revoked_ns, "revoked", ADMINISTRATOR))
        return made

    def note(self, time_ns: int, what: str, by: str, detail: str = "") -> None:
        """Enter in its trail what was done to it."""
        self.trail = [*self.events(), KeyEvent(time_ns, what, by, detail)]


class People(Struct):
    """Names and keys, as a snapshot keeps them."""

    names: dict[str, int] = {}
    keys: dict[str, KeptKey] = {}
    nonces: dict[str, dict[str, int]] = {}  # key -> nonce -> until_ns
    last_nonces: dict[str, int] = {}  # by key, of those whose nonces rise


class Keys:
    """All accounts' names and keys."""

    def __init__(self, seal: Seal, read_public_key: ReadPublicKey = no_public_keys) -> None:
        self.people = People()
        self.read_public_key = read_public_key
        self._seal = seal
        self._names: dict[int, str] = {}
        self._secrets: dict[str, bytes] = {}
        self._passphrases: dict[str, bytes] = {}
        self._public_keys: dict[str, PublicKey] = {}
        self._watchers: list[Callable[[], None]] = []

    def watch(self, forget: Callable[[], None]) -> None:
        """Call this before any key is another one than it was: what is known of keys is old."""
        self._watchers.append(forget)

    # -- what happened ----------------------------------------------------------------------

    def named(self, account_id: int, name: str) -> None:
        """Enter an account's name."""
        self.people.names[name] = account_id
        self._names[account_id] = name

    def created(self, record: KeyCreated, now_ns: int) -> None:
        """Enter a new key; one that it replaces ends when their overlap does."""
        self._forget()
        kept = self.people.keys[record.key] = KeptKey(record, now_ns)
        old = self.people.keys.get(record.replaces)
        kept.trail = [KeyEvent(now_ns, "created", record.by, _made(record))]
        if old is not None:
            old.replaced_by, old.overlap_ends_ns = record.key, record.overlap_ends_ns
            old.note(now_ns, "rotated", record.by, f"{record.key} replaces it")

    def changed(self, record: KeyChanged, now_ns: int) -> None:
        """Enter what a key may do from now on."""
        self._forget()
        kept = self.people.keys.get(record.key)
        if kept is None:
            return
        was = kept.created
        if record.expires_ns != was.expires_ns:
            kept.term_ns = now_ns
        kept.created = replace(
            was,
            scopes=record.scopes,
            products=record.products,
            ip=record.ip,
            expires_ns=record.expires_ns,
            label=record.label,
            withdraw_from_ns=record.withdraw_from_ns,
        )
        kept.note(now_ns, "changed", record.by, _difference(was, kept.created))

    def revoked(self, key: str, now_ns: int, cause: str = "", by: str = ADMINISTRATOR) -> None:
        """Enter a revocation."""
        self._forget()
        kept = self.people.keys.get(key)
        if kept is not None and kept.revoked_ns is None:
            kept.note(now_ns, "revoked", LIMITER if cause else by, cause)
            kept.revoked_ns, kept.revoked_for = now_ns, cause
        self._secrets.pop(key, None)
        self._public_keys.pop(key, None)
        self._passphrases.pop(key, None)
        self.people.nonces.pop(key, None)
        self.people.last_nonces.pop(key, None)

    def nonce_used(self, key: str, nonce: str, until_ns: int, now_ns: int) -> None:
        """Enter a nonce; those whose time is over are forgotten.

        One that is used up `FOR_EVER` is a number, and so is every one below it.
        """
        if until_ns == FOR_EVER:
            last = self.people.last_nonces
            last[key] = max(int(nonce), last.get(key, -1))
            return
        used = self.people.nonces.get(key)
        if used is None:
            # Ordered: in a dict whose first entries are gone the oldest is found by a long search.
            used = self.people.nonces[key] = OrderedDict()
        used[nonce] = until_ns
        while used:
            oldest = next(iter(used))
            if used[oldest] >= now_ns:
                break
            del used[oldest]

    # -- what is asked ----------------------------------------------------------------------

    def account_id(self, name: str) -> int:
        """Return an account's number.

        Raises:
            UsageError: There is none of that name.
        """
        found = self.people.names.get(name)
        if found is None:
            known = ", ".join(sorted(self.people.names)) or "none yet"
            raise UsageError(f"no account {name!r}; there are: {known}")
        return found

    def next_account_id(self) -> int:
        """Return the number that a new account gets."""
        return max(self.people.names.values(), default=FIRST_USER - 1) + 1

    def find(self, key: str) -> KeptKey | None:
        """Return a key that is not revoked."""
        kept = self.people.keys.get(key)
        return None if kept is None or kept.is_revoked else kept

    def ended(self, key: str, now_ns: int) -> str | None:
        """Return why a key works no longer, in words for its WebSockets; None while it works."""
        kept = self.people.keys.get(key)
        if kept is None or kept.is_revoked:
            return "the key has been revoked"
        if kept.is_expired(now_ns):
            return "the key has expired"
        return "the key has been replaced" if kept.is_replaced(now_ns) else None

    def name_of(self, account_id: int) -> str:
        """Return an account's name."""
        return self._names[account_id]

    def cause(self, key: str) -> str:
        """Return what a key was revoked for, where it was not a person who did it."""
        kept = self.people.keys.get(key)
        return "" if kept is None else kept.revoked_for

    def of(self, account_id: int) -> list[KeptKey]:
        """Return an account's keys, oldest first."""
        return [k for k in self.people.keys.values() if k.created.account_id == account_id]

    def secret(self, kept: KeptKey) -> bytes:
        """Return the secret of a key that has one, opened."""
        created = kept.created
        found = self._secrets.get(created.key)
        if found is None:
            assert created.kind.has_secret, "a key pair has no secret here"
            found = self._secrets[created.key] = self._opened(created)
        return found

    def passphrase(self, kept: KeptKey) -> bytes:
        """Return what has to be said besides the signature, opened; of most keys nothing."""
        created = kept.created
        if not created.sealed_passphrase:
            return b""
        found = self._passphrases.get(created.key)
        if found is None:
            context = passphrase_context(created.key)
            found = self._seal.open(created.sealed_passphrase, context)
            self._passphrases[created.key] = found
        return found

    def public_key(self, kept: KeptKey) -> PublicKey:
        """Return the public half of a key pair, opened and read."""
        created = kept.created
        assert not created.kind.has_secret, "a secret is no public key"
        found = self._public_keys.get(created.key)
        if found is None:
            found = self.read_public_key(created.kind, self._opened(created))
            self._public_keys[created.key] = found
        return found

    def opens(self, kept: KeptKey) -> bool:
        """Whether what verifies a key opens with this exchange's seal."""
        try:
            self._opened(kept.created)
        except ConfigError:
            return False
        return True

    def is_used(self, key: str, nonce: str, now_ns: int) -> bool:
        """Whether a nonce has been seen and may not be seen again yet."""
        if key in self.people.last_nonces:
            return int(nonce) <= self.people.last_nonces[key]
        return self.people.nonces.get(key, {}).get(nonce, -1) >= now_ns

    def restore(self, people: People) -> None:
        """Replace everything by a snapshot's."""
        self._forget()
        self.people = people
        people.nonces = {key: OrderedDict(nonces) for key, nonces in people.nonces.items()}
        self._names = {account_id: name for name, account_id in people.names.items()}
        self._secrets.clear()
        self._passphrases.clear()
        self._public_keys.clear()

    def _forget(self) -> None:
        for forget in self._watchers:
            forget()

    def _opened(self, created: KeyCreated) -> bytes:
        return self._seal.open(created.sealed, seal_context(created.key, created.kind))


def seal_context(key: str, kind: KeyKind) -> bytes:
    """Return what a key's seal is bound to; of HMAC keys the name alone, as ever."""
    return key.encode() if kind is KeyKind.HMAC else f"{key} {kind}".encode()


def passphrase_context(key: str) -> bytes:
    """Return what the seal of a key's passphrase is bound to."""
    return f"{key} passphrase".encode()


def moment(time_ns: int) -> str:
    """Return a time for people, in UTC to the second."""
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S} UTC"


def checked_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return an address list in canonical form; IPv4 and IPv6, addresses or CIDR.

    Raises:
        UsageError: Something is not an address; the message names it.
    """
    checked = []
    for address in addresses:
        try:
            network = ip_network(address, strict=False)
        except ValueError as error:
            raise UsageError(
                f"{address!r} is not an IP address or network such as 203.0.113.7 or 10.0.0.0/8"
            ) from error
        if "%" in address:
            raise UsageError(f"{address!r} names a zone; write the address without %...")
        if "/" in address and ip_interface(address).ip != network.network_address:
            raise UsageError(f"{address!r} is an address within {network}; write one or the other")
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None:
            raise UsageError(f"{address!r} is an IPv4 address in IPv6; write it as {mapped}")
        checked.append(str(network))
    return tuple(checked)


def too_wide(addresses: Iterable[str]) -> str | None:
    """Return the first network that is too wide for a key that may withdraw, or None."""
    for address in addresses:
        network = ip_network(address)
        if network.prefixlen < WITHDRAW_PREFIX_MIN[network.version]:
            return address
    return None


def cools_until_ns(
    was: KeptKey | None, scopes: Iterable[Scope], ip: Iterable[str], now_ns: int
) -> int | None:
    """Return from when a key may withdraw; None where it may not.

    The cooling period begins with the scope, and anew with an address that was not let in before:
    both are what a thief of the account would do first.
    """
    if Scope.WITHDRAW not in scopes:
        return None
    if was is None or Scope.WITHDRAW not in was.created.scopes:
        return now_ns + WITHDRAW_COOLING_NS
    before = [ip_network(network) for network in was.created.ip]
    if all(any(_is_within(ip_network(new), old) for old in before) for new in ip):
        return was.created.withdraw_from_ns
    return now_ns + WITHDRAW_COOLING_NS


def _is_within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _made(record: KeyCreated) -> str:
    terms = "; ".join(f"{what} {value}" for what, value in _terms(record).items())
    return f"{record.kind}; {terms}" + (f"; replaces {record.replaces}" * bool(record.replaces))


def _difference(was: KeyCreated, now: KeyCreated) -> str:
    before, after = _terms(was), _terms(now)
    changes = (f"{w}: {before[w]} -> {after[w]}" for w in before if before[w] != after[w])
    return "; ".join(changes) or "nothing"


def _terms(record: KeyCreated) -> dict[str, str]:
    expires = "never" if record.expires_ns is None else moment(record.expires_ns)
    return {
        "scopes": ",".join(scope for scope in Scope if scope in record.scopes),
        "products": ",".join(record.products) or "all",
        "ip": ",".join(record.ip) or "anywhere",
        "expires": expires,
        "label": repr(record.label),
    }
