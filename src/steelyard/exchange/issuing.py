"""What an administrator does about API keys: issue, rotate, change, revoke, show, tell of them.

The one place where keys come from. Whatever is done to a key is one record, so that a crash leaves
all of it or nothing, and names who did it: a call's actor, which is the administrator unless a
shell acts for somebody else. Two-factor questions are the shell's to ask before it calls.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import SECOND_NS, AccountAnswer, AccountQuery, KeyKind, Scope
from steelyard.exchange.blast_radius import blast_radius
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import (
    KEYS_MAX,
    WITHDRAW_PREFIX_MIN,
    KeptKey,
    NewKey,
    Seal,
    checked_addresses,
    cools_until_ns,
    moment,
    passphrase_context,
    seal_context,
    too_wide,
)
from steelyard.exchange.records import ADMINISTRATOR, KeyChanged, KeyCreated, KeyRevoked
from steelyard.wire.dialect import Entropy

OVERLAP_NS = 24 * 3600 * SECOND_NS
OVERLAP_MAX_NS = 30 * OVERLAP_NS
LABEL_MAX = 100
ACTOR_MAX = 100
EVENTS_MAX = 1_000  # of one key: then it is not changed any more
HISTORY_MAX = 5_000  # events of all keys that are told at once


class CreateKey(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Issue a key. lifetime_ns counts from now; None is for ever.

    public_key, in PEM, is the owner's; an HMAC key has none and gets a secret instead.
    products are the symbols that it may trade; none named is all.
    With `replace`, earlier keys of the same account, dialect and label are revoked.
    """

    account: str
    dialect: str
    scopes: tuple[Scope, ...]
    ip: tuple[str, ...] = ()
    lifetime_ns: int | None = None
    label: str = ""
    replace: bool = False
    kind: KeyKind = KeyKind.HMAC
    public_key: str = ""
    products: tuple[str, ...] = ()
    actor: str = ADMINISTRATOR


class RotateKey(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Issue a key that may do the same; the old one is good until the overlap is over."""

    key: str
    overlap_ns: int = OVERLAP_NS
    public_key: str = ""
    actor: str = ADMINISTRATOR


class ChangeKey(Struct, frozen=True, tag=True, forbid_unknown_fields=True, omit_defaults=True):
    """Change what a key may do; what is not named stays.

    lifetime_ns counts from now; None is for ever. An empty ip is anywhere, empty products are all.
    """

    key: str
    scopes: tuple[Scope, ...] | UnsetType = UNSET
    products: tuple[str, ...] | UnsetType = UNSET
    ip: tuple[str, ...] | UnsetType = UNSET
    lifetime_ns: int | UnsetType | None = UNSET
    label: str | UnsetType = UNSET
    actor: str = ADMINISTRATOR


class RevokeKey(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Make a key worthless."""

    key: str
    actor: str = ADMINISTRATOR


class ListKeys(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Every key, or one account's, without secrets."""

    account: str | None = None


class ShowKey(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """One key, and what a thief could do with it."""

    key: str


class KeyHistory(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """What was done to one key, by whom, oldest first; or the newest of what was done to all."""

    key: str | None = None


KeyCall = CreateKey | RotateKey | ChangeKey | RevokeKey | ListKeys | ShowKey | KeyHistory


class Issuing:
    """An administrator's hand on the keys of one exchange."""

    def __init__(self, exchange: Exchange, seal: Seal, entropy: Entropy) -> None:
        self._exchange = exchange
        self._seal = seal
        self._entropy = entropy

    def carry_out(self, call: KeyCall, now_ns: int) -> dict[str, Any]:
        """Carry out a call; return what is to be shown, ready for JSON.

        Raises:
            UsageError: It cannot be done; nothing has happened then.
        """
        match call:
            case CreateKey():
                return self._create(call, now_ns)
            case RotateKey():
                return self._rotate(call, now_ns)
            case ChangeKey():
                return self._change(call, now_ns)
            case RevokeKey():
                self.revoke_key(call.key, now_ns, call.actor)
                return {"key": call.key, "revoked": True}
            case ListKeys():
                return {"keys": self._list(call.account, now_ns)}
            case ShowKey():
                return self._show(call.key, now_ns)
            case KeyHistory():
                return {"events": self._history(call.key)}

    def create_key(
        self,
        account: str,
        *,
        dialect: str,
        scopes: Iterable[Scope],
        ip: Iterable[str] = (),
        expires_ns: int | None = None,
        label: str = "",
        kind: KeyKind = KeyKind.HMAC,
        public_key: str = "",
        products: Iterable[str] = (),
        actor: str = ADMINISTRATOR,
        now_ns: int,
    ) -> NewKey:
        """Issue a key; its secret is in the answer and nowhere else in the clear.

        Raises:
            UsageError: No such account, dialect or instrument, no scope, an address that is none,
                an expiry that is over, a public key where there should be none or that is not one
                of this kind, a kind that the dialect has no signatures for.
        """
        account_id = self._exchange.keys.account_id(account)
        wanted = frozenset(scopes)
        addresses = checked_addresses(ip)
        _check_terms(wanted, addresses, expires_ns, actor, now_ns)
        _check_label(label)
        record = KeyCreated(
            "",
            account_id,
            dialect,
            wanted,
            addresses,
            expires_ns,
            label,
            b"",
            kind,
            self._symbols(products),
            cools_until_ns(None, wanted, addresses, now_ns),
            by=actor,
        )
        return self._issue(record, public_key, now_ns)

    def revoke_key(self, key: str, now_ns: int, actor: str = ADMINISTRATOR) -> None:
        """Make a key worthless at once.

        Raises:
            UsageError: No such key.
        """
        _check_actor(actor)
        if self._exchange.keys.find(key) is None:
            raise UsageError(
                f"no key {key!r} that could be revoked; `steelyard key list` shows all"
            )
        self._exchange.record(KeyRevoked(key, by=actor), now_ns)

    def _issue(self, record: KeyCreated, public_key: str, now_ns: int) -> NewKey:
        """Make a key of a record that lacks its name and what verifies."""
        exchange, kind = self._exchange, record.kind
        known = dialects.find(record.dialect).key_kinds
        if kind not in known:
            offered = ", ".join(kind for kind in KeyKind if kind in known)
            raise UsageError(
                f"the dialect {record.dialect} has no signatures by {kind} keys; it takes {offered}"
            )
        if len(exchange.keys.people.keys) >= KEYS_MAX:
            raise UsageError(f"there are {KEYS_MAX} keys already; use another data directory")
        verifying = self._public_key(kind, public_key)
        found = dialects.find(record.dialect)
        text = found.new_key(self._entropy)
        if verifying and found.key_name is not None:
            text = text._replace(key=found.key_name(self._entropy, kind))
        key, secret = text.key, "" if verifying else text.secret
        sealed = self._seal.seal(verifying or secret.encode(), seal_context(key, kind))
        passphrase = b""
        if kind is not KeyKind.HMAC:  # the others prove themselves in another way
            text = text._replace(passphrase="")
        if text.passphrase:
            passphrase = self._seal.seal(text.passphrase.encode(), passphrase_context(key))
        exchange.record(
            replace(record, key=key, sealed=sealed, sealed_passphrase=passphrase), now_ns
        )
        return NewKey(key, secret, record.account_id, text.passphrase)

    def _create(self, call: CreateKey, now_ns: int) -> dict[str, Any]:
        expires_ns = None if call.lifetime_ns is None else now_ns + call.lifetime_ns
        new = self.create_key(
            call.account,
            dialect=call.dialect,
            scopes=call.scopes,
            ip=call.ip,
            expires_ns=expires_ns,
            label=call.label,
            kind=call.kind,
            public_key=call.public_key,
            products=call.products,
            actor=call.actor,
            now_ns=now_ns,
        )
        if call.replace:
            for kept in self._exchange.keys.of(new.account_id):
                made = kept.created
                is_alike = (made.dialect, made.label) == (call.dialect, call.label)
                if is_alike and made.key != new.key and not kept.is_revoked:
                    self._exchange.record(KeyRevoked(made.key, by=call.actor), now_ns)
        return self._shown_once(new)

    def _rotate(self, call: RotateKey, now_ns: int) -> dict[str, Any]:
        old = self._working(call.key, now_ns)
        if old.replaced_by:
            raise UsageError(
                f"this key has been rotated already: {old.replaced_by} replaces it; rotate that one"
            )
        if not 0 <= call.overlap_ns <= OVERLAP_MAX_NS:
            days = OVERLAP_MAX_NS // OVERLAP_NS
            raise UsageError(f"an overlap is from 0s to {days}d; a key that leaked wants 0s")
        _check_actor(call.actor)
        was, lifetime_ns = old.created, old.lifetime_ns
        record = KeyCreated(
            "",
            was.account_id,
            was.dialect,
            was.scopes,
            was.ip,
            None if lifetime_ns is None else now_ns + lifetime_ns,
            was.label,
            b"",
            was.kind,
            was.products,
            cools_until_ns(None, was.scopes, was.ip, now_ns),
            was.key,
            now_ns + call.overlap_ns,
            call.actor,
        )
        new = self._issue(record, call.public_key, now_ns)
        return {
            **self._shown_once(new),
            "replaces": was.key,
            "overlap_ends": _ms(record.overlap_ends_ns),
            "old": self._shown(old, now_ns),
        }

    def _change(self, call: ChangeKey, now_ns: int) -> dict[str, Any]:
        kept = self._working(call.key, now_ns)
        was = kept.created
        if len(kept.events()) >= EVENTS_MAX:
            raise UsageError(
                f"this key has been changed {EVENTS_MAX} times, more than its history holds; "
                "rotate it"
            )
        expires_ns = was.expires_ns
        if call.lifetime_ns is not UNSET:
            expires_ns = None if call.lifetime_ns is None else now_ns + call.lifetime_ns
        scopes = was.scopes if call.scopes is UNSET else frozenset(call.scopes)
        ip = was.ip if call.ip is UNSET else checked_addresses(call.ip)
        label = was.label
        if call.label is not UNSET:
            _check_label(call.label)
            label = call.label
        products = was.products if call.products is UNSET else self._symbols(call.products)
        _check_terms(scopes, ip, expires_ns, call.actor, now_ns)
        cools_ns = cools_until_ns(kept, scopes, ip, now_ns)
        record = KeyChanged(was.key, scopes, products, ip, expires_ns, label, cools_ns, call.actor)
        self._exchange.record(record, now_ns)
        return {**self._shown(kept, now_ns), "warnings": _warnings(kept, now_ns)}

    def _show(self, key: str, now_ns: int) -> dict[str, Any]:
        kept = self._known(key)
        answer = self._exchange.ask(AccountQuery(kept.created.account_id), now_ns)
        assert isinstance(answer, AccountAnswer), "a key's account is open"
        said = blast_radius(kept, answer.balances, self._exchange.listings, now_ns)
        return {**self._shown(kept, now_ns), "blast_radius": list(said)}

    def _list(self, account: str | None, now_ns: int) -> list[dict[str, Any]]:
        keys = self._exchange.keys
        wanted = None if account is None else keys.account_id(account)
        return [
            self._shown(kept, now_ns)
            for kept in keys.people.keys.values()
            if wanted in (None, kept.created.account_id)
        ]

    def _history(self, key: str | None) -> list[dict[str, Any]]:
        kept = self._exchange.keys.people.keys.values() if key is None else [self._known(key)]
        events = [(event, each.created.key) for each in kept for event in each.events()]
        return [
            {
                "time": _ms(event.time_ns),
                "key": name,
                "what": event.what,
                "by": event.by,
                "detail": event.detail,
            }
            for event, name in sorted(events, key=lambda pair: pair[0].time_ns)[-HISTORY_MAX:]
        ]

    def _shown_once(self, new: NewKey) -> dict[str, Any]:
        kept = self._exchange.keys.people.keys[new.key]
        created = kept.created
        return {
            "key": new.key,
            "secret": new.secret,
            "passphrase": new.passphrase,
            "kind": created.kind,
            "dialect": created.dialect,
            "account": self._exchange.keys.name_of(created.account_id),
            "scopes": sorted(created.scopes),
            "products": list(created.products),
            "ip": list(created.ip),
            "expires": _ms(created.expires_ns),
            "withdraw_from": _ms(created.withdraw_from_ns),
            "warnings": _warnings(kept, kept.created_ns),
        }

    def _shown(self, kept: KeptKey, now_ns: int) -> dict[str, Any]:
        created = kept.created
        return {
            "key": created.key,
            "account": self._exchange.keys.name_of(created.account_id),
            "dialect": created.dialect,
            "kind": created.kind,
            "scopes": sorted(created.scopes),
            "products": list(created.products),
            "ip": list(created.ip),
            "label": created.label,
            "created": _ms(kept.created_ns),
            "expires": _ms(created.expires_ns),
            "withdraw_from": _ms(created.withdraw_from_ns),
            "replaces": created.replaces or None,
            "replaced_by": kept.replaced_by or None,
            "overlap_ends": _ms(kept.overlap_ends_ns),
            "revoked": _ms(kept.revoked_ns),
            "revoked_for": kept.revoked_for,
            "works": self._exchange.keys.ended(created.key, now_ns) is None,
            "last_used": _ms(kept.last_used_ns),
            "last_ip": kept.last_ip,
            "last_endpoint": kept.last_endpoint,
        }

    def _known(self, key: str) -> KeptKey:
        kept = self._exchange.keys.people.keys.get(key)
        if kept is None:
            raise UsageError(f"no key {key!r}; `steelyard key list` shows all")
        return kept

    def _working(self, key: str, now_ns: int) -> KeptKey:
        kept = self._known(key)
        why = self._exchange.keys.ended(key, now_ns)
        if why is not None:
            raise UsageError(f"{why}, and an end is final; create another with `key create`")
        return kept

    def _symbols(self, products: Iterable[str]) -> tuple[str, ...]:
        """Return symbols as we spell them, each once."""
        listings = self._exchange.listings
        return tuple(dict.fromkeys(listings.symbol(product).symbol for product in products))

    def _public_key(self, kind: KeyKind, pem: str) -> bytes | None:
        """Return a key pair's public half as it is kept; None where there is a secret."""
        if kind.has_secret:
            if pem:
                raise UsageError(
                    f"keys of kind {kind} have no public key; add --kind ed25519 or --kind rsa"
                )
            return None
        if not pem:
            raise UsageError(
                f"a key of kind {kind} needs its public half; add --public-key FILE.pem"
            )
        return self._exchange.keys.read_public_key(kind, pem.encode()).pem


def _check_terms(
    scopes: frozenset[Scope],
    ip: tuple[str, ...],
    expires_ns: int | None,
    actor: str,
    now_ns: int,
) -> None:
    if not scopes:
        raise UsageError("a key needs at least one scope: read, trade, withdraw")
    if Scope.WITHDRAW in scopes and not ip:
        raise UsageError("a key that may withdraw needs an address list; add --ip")
    if Scope.WITHDRAW in scopes and (wide := too_wide(ip)) is not None:
        raise UsageError(
            f"{wide} is too wide for a key that may withdraw: name addresses, or networks of at "
            f"least /{WITHDRAW_PREFIX_MIN[4]} (IPv4) or /{WITHDRAW_PREFIX_MIN[6]} (IPv6)"
        )
    if expires_ns is not None and expires_ns <= now_ns:
        raise UsageError("the key would have expired already; choose a later --expires")
    _check_actor(actor)


def _check_label(label: str) -> None:
    if len(label) > LABEL_MAX:
        raise UsageError(f"a label has at most {LABEL_MAX} characters, not {len(label)}")
    wrong = next((each for each in label if not each.isprintable()), None)
    if wrong is not None:
        raise UsageError(
            f"a label has printable characters only, not {wrong!r}: leave line breaks and control "
            "characters out"
        )


def _check_actor(actor: str) -> None:
    if not 1 <= len(actor) <= ACTOR_MAX:
        raise UsageError(f"who does it has a name of 1 to {ACTOR_MAX} characters")


def _warnings(kept: KeptKey, now_ns: int) -> list[str]:
    warnings = []
    if kept.created.scopes == frozenset(Scope):
        warnings.append(
            "this key may do everything: read, trade and withdraw. Give each program a key of its "
            "own that may do only what it needs"
        )
    if kept.is_cooling(now_ns):
        assert kept.created.withdraw_from_ns is not None, "what cools has an end"
        warnings.append(f"it may withdraw from {moment(kept.created.withdraw_from_ns)} on")
    return warnings


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1_000_000
