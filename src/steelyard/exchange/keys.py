"""Accounts by name, and API keys: who may do what, from where, until when.

A key belongs to one account and one dialect. Its secret is kept sealed; the seal's own key
never is in the exchange's directory. What a key may do is checked on every request by the
gate, not here.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import NamedTuple, Protocol

from msgspec import Struct

from steelyard.domain.commands import FIRST_USER
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyAnswer
from steelyard.exchange.records import KeyCreated

KEYS_MAX = 10_000
NAME_MAX = 40


class Seal(Protocol):
    """Authenticated encryption with a key from elsewhere; `steelyard.vault` has one."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return the sealed form; context must be the same to open it."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed."""
        ...


Entropy = Callable[[int], bytes]


class NewKey(NamedTuple):
    """A key as its owner sees it, once."""

    key: str
    secret: str
    account_id: int

    def __repr__(self) -> str:
        return f"NewKey({self.key!r}, ***)"


class KeptKey(Struct):
    """A key as the exchange keeps it."""

    created: KeyCreated
    created_ns: int
    revoked_ns: int | None = None
    revoked_for: str = ""  # why, where it was not a person who did it
    last_used_ns: int | None = None
    last_ip: str | None = None

    @property
    def is_revoked(self) -> bool:
        """Whether the key is worth nothing any more."""
        return self.revoked_ns is not None

    def may_come_from(self, ip: str) -> bool:
        """Whether the key's address list lets this address in; an empty list lets all in."""
        if not self.created.ip:
            return True
        address = ip_address(ip)
        return any(address in ip_network(allowed) for allowed in self.created.ip)

    def answer(self) -> KeyAnswer:
        """Return what the key may do."""
        created = self.created
        return KeyAnswer(
            created.key,
            created.account_id,
            created.scopes,
            created.ip,
            self.created_ns,
            created.expires_ns,
        )


class People(Struct):
    """Names and keys, as a snapshot keeps them."""

    names: dict[str, int] = {}
    keys: dict[str, KeptKey] = {}
    nonces: dict[str, dict[str, int]] = {}  # key -> nonce -> until_ns


class Keys:
    """All accounts' names and keys."""

    def __init__(self, seal: Seal) -> None:
        self.people = People()
        self._seal = seal
        self._secrets: dict[str, bytes] = {}

    # -- what happened ----------------------------------------------------------------------

    def named(self, account_id: int, name: str) -> None:
        """Enter an account's name."""
        self.people.names[name] = account_id

    def created(self, record: KeyCreated, now_ns: int) -> None:
        """Enter a new key."""
        self.people.keys[record.key] = KeptKey(record, now_ns)

    def revoked(self, key: str, now_ns: int, cause: str = "") -> None:
        """Enter a revocation."""
        kept = self.people.keys.get(key)
        if kept is not None and kept.revoked_ns is None:
            kept.revoked_ns, kept.revoked_for = now_ns, cause
        self._secrets.pop(key, None)
        self.people.nonces.pop(key, None)

    def nonce_used(self, key: str, nonce: str, until_ns: int, now_ns: int) -> None:
        """Enter a nonce; those whose time is over are forgotten."""
        used = self.people.nonces.setdefault(key, {})
        used[nonce] = until_ns
        while used and next(iter(used.values())) < now_ns:
            del used[next(iter(used))]

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

    def cause(self, key: str) -> str:
        """Return what a key was revoked for, where it was not a person who did it."""
        kept = self.people.keys.get(key)
        return "" if kept is None else kept.revoked_for

    def of(self, account_id: int) -> list[KeptKey]:
        """Return an account's keys, oldest first."""
        return [k for k in self.people.keys.values() if k.created.account_id == account_id]

    def secret(self, kept: KeptKey) -> bytes:
        """Return a key's secret, opened."""
        key = kept.created.key
        found = self._secrets.get(key)
        if found is None:
            found = self._secrets[key] = self._seal.open(kept.created.sealed, key.encode())
        return found

    def is_used(self, key: str, nonce: str, now_ns: int) -> bool:
        """Whether a nonce has been seen and may not be seen again yet."""
        return self.people.nonces.get(key, {}).get(nonce, -1) >= now_ns

    def restore(self, people: People) -> None:
        """Replace everything by a snapshot's."""
        self.people = people
        self._secrets.clear()


def checked_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return an address list in canonical form; IPv4 and IPv6, addresses or CIDR.

    Raises:
        UsageError: Something is not an address; the message names it.
    """
    checked = []
    for address in addresses:
        try:
            checked.append(str(ip_network(address)))
        except ValueError as error:
            raise UsageError(
                f"{address!r} is not an IP address or network such as 203.0.113.7 or 10.0.0.0/8"
            ) from error
    return tuple(checked)
