"""Who asks, and whether they may: key, expiry, address list, signature, time, nonce, scope.

Each check either passes or raises `SessionRefused` with its own reason; the gate calls them in
its order. Two times: `now_ns` is wire time, which timestamps and nonces go by; a key's life goes
by the sandbox's.
"""

from collections.abc import Callable
from hmac import compare_digest

from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import OrderQuery, Scope
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import FOR_EVER, KeptKey, moment
from steelyard.exchange.records import NonceUsed
from steelyard.wire.dialect import (
    AccessReason,
    Auth,
    Credentials,
    Dialect,
    Refusal,
    SessionRefused,
)

TIMESTAMP_STEP_NS = 1_000_000  # one stamped in the millisecond in which we began is not older


def _right() -> int:
    return 0


class Access:
    """The checks of one dialect's keys."""

    def __init__(self, exchange: Exchange, dialect: Dialect, since_ns: int) -> None:
        """Nonces that were seen before `since_ns` may have been forgotten."""
        self._exchange = exchange
        self._dialect = dialect
        self._since_ns = since_ns
        self.skew: Callable[[], int] = _right  # by how much the clock is ahead that stamps go by

    def authenticate(self, credentials: Credentials, auth: Auth, ip: str, now_ns: int) -> KeptKey:
        """Return the key that a request proves to hold, or raise SessionRefused."""
        kept = self._exchange.keys.find(credentials.key)
        if kept is None or kept.created.dialect != self._dialect.name:
            cause = self._exchange.keys.cause(credentials.key)
            unknown = Refusal(
                AccessReason.UNKNOWN_KEY,
                revoked_for(cause)
                if cause
                else f"no such {self._dialect.name} key; it may have been revoked. "
                "`steelyard key list` shows what there is",
            )
            raise SessionRefused(unknown)
        refusal = self._end(kept, now_ns) if kept.may_end else None
        if refusal is None and not kept.may_come_from(ip):
            refusal = Refusal(AccessReason.IP_NOT_ALLOWED, f"this key may not be used from {ip}")
        if refusal is None and auth is Auth.SIGNED:
            refusal = self._signature(credentials, kept) or self._time(credentials, now_ns)
        if refusal is not None:
            raise SessionRefused(refusal)
        return kept

    def _end(self, kept: KeptKey, now_ns: int) -> Refusal | None:
        sandbox_ns = self._exchange.time_at(now_ns)
        if kept.is_expired(sandbox_ns):
            return Refusal(AccessReason.KEY_EXPIRED, "this key has expired; create another one")
        if kept.is_replaced(sandbox_ns):
            return Refusal(
                AccessReason.KEY_ROTATED,
                "this key has been rotated and its overlap is over; use the key that replaces it",
            )
        return None

    def _signature(self, credentials: Credentials, kept: KeptKey) -> Refusal | None:
        if credentials.flaw is not None:
            return credentials.flaw
        if credentials.kind is not None and credentials.kind is not kept.created.kind:
            return Refusal(AccessReason.BAD_SIGNATURE, credentials.misfit)
        try:
            is_proven = self._is_proven(credentials, kept)
        except ConfigError:
            return Refusal(
                AccessReason.UNKNOWN_KEY,
                "what this exchange keeps to verify this key does not open with its seal key, so "
                "it is worthless; create another one with `steelyard key create`",
            )
        if not is_proven:
            kind = kept.created.kind
            other = "secret" if kind.has_secret else f"{kind} public key"
            return Refusal(
                AccessReason.BAD_SIGNATURE,
                f"the signature does not fit the request and this key's {other}; "
                "sign exactly the bytes that are sent",
            )
        if kept.created.sealed_passphrase and not self._knows_passphrase(credentials, kept):
            return Refusal(
                AccessReason.BAD_PASSPHRASE,
                "the signature is right and the passphrase is not; it was shown with the secret "
                "when the key was made",
            )
        return None

    def _time(self, credentials: Credentials, now_ns: int) -> Refusal | None:
        """Check timestamp and nonce of a request that is signed; a nonce is used up then."""
        if credentials.timestamp_ns is not None:
            behind_ns = now_ns + self.skew() - credentials.timestamp_ns
            if behind_ns > credentials.window_ns:
                return Refusal(
                    AccessReason.STALE_TIMESTAMP,
                    f"the timestamp is {behind_ns // 1_000_000} ms behind this exchange's clock; "
                    f"{credentials.window_ns // 1_000_000} ms are allowed. Set your clock",
                )
            if -behind_ns >= credentials.ahead_ns:
                return Refusal(
                    AccessReason.FUTURE_TIMESTAMP,
                    f"the timestamp is {-behind_ns // 1_000_000} ms ahead of this exchange's "
                    f"clock; less than {credentials.ahead_ns // 1_000_000} ms are allowed. "
                    "Set your clock",
                )
        nonce = credentials.nonce
        if nonce is not None:
            key = credentials.key
            if self._exchange.keys.is_used(key, nonce, now_ns):
                last = self._exchange.keys.people.last_nonces.get(key)
                return Refusal(
                    AccessReason.REPEATED_NONCE,
                    "this nonce has been used; use a fresh one"
                    if last is None
                    else f"a nonce has to be above the key's last one, {last}; count upwards, and "
                    "have one key per program",
                )
            stamped_ns = now_ns if credentials.nonce_rises else credentials.timestamp_ns or 0
            # After the nonces that outlived a crash: a copy of what was carried out is a copy.
            if stamped_ns + TIMESTAMP_STEP_NS <= self._since_ns:
                return Refusal(
                    AccessReason.STALE_TIMESTAMP,
                    "the timestamp is from before this exchange's start, so whether its nonce is "
                    "new cannot be told. Sign the request anew; if that does not help, set your "
                    "clock",
                )
            self.spend_nonce(credentials, now_ns)
        return None

    def spend_nonce(self, credentials: Credentials, now_ns: int) -> None:
        """Use a nonce up, if there is one: by being signed, whatever becomes of the request."""
        if credentials.nonce is not None:
            until_ns = _until_ns(credentials, now_ns)
            self._exchange.keys.nonce_used(credentials.key, credentials.nonce, until_ns, now_ns)

    def is_new(self, key: str, nonce: str, stamped_ns: int, now_ns: int) -> bool:
        """Whether a fresh request's nonce is new; it is not used up."""
        is_of_now = stamped_ns + TIMESTAMP_STEP_NS > self._since_ns
        return is_of_now and not self._exchange.keys.is_used(key, nonce, now_ns)

    def _is_proven(self, credentials: Credentials, kept: KeptKey) -> bool:
        """Return whether a key's owner signed the request; its kind is the record's to say."""
        keys = self._exchange.keys
        if kept.created.kind.has_secret:
            return self._dialect.verify(credentials, keys.secret(kept))
        signature = self._dialect.signature(credentials)
        if signature is None:
            return False
        public_key = keys.public_key(kept)
        return any(public_key.verify(payload, signature) for payload in credentials.payloads)

    def _knows_passphrase(self, credentials: Credentials, kept: KeptKey) -> bool:
        wanted = self._exchange.keys.passphrase(kept)
        if wanted and credentials.tell_passphrase is not None:
            wanted = credentials.tell_passphrase(self._exchange.keys.secret(kept), wanted)
        return not wanted or compare_digest(wanted, credentials.passphrase.encode())

    def check_products(self, command: UserCommand | ArmDeadMan, kept: KeptKey) -> None:
        """Turn away what a key that may trade some instruments asks of others."""
        ours = kept.created.products
        asked: list[int | None] = []
        match command:
            case Place() | CancelAll():
                asked = [command.instrument_id]
            case PlaceGroup():
                asked = [place.instrument_id for place in command.places]
            case Amend() | Cancel():
                query = OrderQuery(command.account_id, order_id=command.order_id)
                order = self._exchange.history.order(query)
                asked = [order.instrument_id] if order else []  # the engine says that there is none
            case ArmDeadMan():
                asked = [None]  # it cancels, or keeps from canceling, all of an account's orders
            case _:
                pass  # money has no instrument
        listings = self._exchange.listings
        for instrument_id in asked:
            what = "every instrument" if instrument_id is None else listings[instrument_id].symbol
            if what not in ours:
                raise SessionRefused(
                    Refusal(
                        AccessReason.PRODUCT_NOT_ALLOWED,
                        f"this key may trade {', '.join(ours)}, not {what}; name one of these, or "
                        "have the key changed with --products",
                        "symbol",
                    )
                )

    def journal_nonce(self, credentials: Credentials, now_ns: int) -> None:
        """Have a nonce outlive a restart, because what came with it changes something."""
        key, nonce = credentials.key, credentials.nonce or ""
        used = NonceUsed(key, nonce, _until_ns(credentials, now_ns), now_ns)
        self._exchange.record(used, self._exchange.time_at(now_ns))


def check_scope(scope: Scope | None, kept: KeptKey, sandbox_ns: int) -> None:
    """Turn away who asks for what the key may not do, or not yet."""
    scopes = kept.created.scopes
    if scope is not None and scope not in scopes:
        have = ", ".join(sorted(scopes))
        raise SessionRefused(
            Refusal(
                AccessReason.MISSING_SCOPE,
                f"this key may {have}, not {scope}; create one with --scopes {scope}",
            )
        )
    if scope is Scope.WITHDRAW and kept.is_cooling(sandbox_ns):
        from_ns = kept.created.withdraw_from_ns or 0
        raise SessionRefused(
            Refusal(
                AccessReason.WITHDRAW_COOLING,
                f"this key may withdraw from {moment(from_ns)} ({from_ns // 1_000_000}) on: that "
                "scope or an address of its list is new. If you did not ask for it, revoke the key",
            )
        )


def revoked_for(cause: str) -> str:
    """Say that a key is worth nothing any more, and why."""
    return (
        f"this key has been revoked for {cause}. That is final: mend the program, then let a "
        "person make another key with `steelyard key create`"
    )


def _until_ns(credentials: Credentials, now_ns: int) -> int:
    # Seen again within the window it would be a replay; after it the timestamp is stale.
    if credentials.nonce_rises:
        return FOR_EVER
    return now_ns + credentials.window_ns + credentials.ahead_ns
