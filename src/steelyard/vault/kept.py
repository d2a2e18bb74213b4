"""What a place keeps under one name: a secret, what may be done with it, and a rotation under way.

The form is one JSON document for every place, and `{"key": ..., "secret": ...}` alone is one, so
what a person has put into a cloud's secret manager by hand is read as well. Nothing here prints:
the secret's repr is `***`, and no message holds any of it.

The four steps of a rotation are states of this document. `pending` has come in and is not trusted;
`current` is what bots take; `retiring` is out of use and not known to be dead at the venue. A
secret leaves the document only by `retired` and `aborted`.
"""

from typing import NoReturn

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault.key_pairs import PRIVATE, signer
from steelyard.wire.dialect import ApiKey

DOCUMENT_MAX_BYTES = 64 << 10  # what AWS takes
ROTATE_DAYS = 180
DAY_MS = 24 * 3_600 * 1_000


class Secret(Struct, frozen=True, omit_defaults=True):
    """A key, its secret and passphrase; or a text alone, such as the address of a hook."""

    key: str = ""
    secret: str = ""
    passphrase: str = ""
    text: str = ""

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    @property
    def is_key(self) -> bool:
        """Whether it can sign; else it is a text."""
        return bool(self.key and self.secret)

    def api_key(self) -> ApiKey:
        """Return it as what signs.

        Raises:
            ConfigError: Its private key cannot be read.
        """
        # What is not UTF-8 in an environment comes as surrogates.
        value = self.secret.encode(errors="surrogateescape")
        if PRIVATE in value:
            return ApiKey(self.key, b"", self.passphrase, signer(value))
        return ApiKey(self.key, value, self.passphrase)


class Terms(Struct, frozen=True, omit_defaults=True):
    """What may be done with a secret, and where it comes from; none of it is secret.

    Times are in milliseconds; changed is when the current secret came in, 0 where nobody knows.
    bot and environments are who may take it; empty: any. The rest is where it can be tried.
    old_worked is whether the key before this one was accepted when this one took its place: only
    then does it prove something that it is not any more.
    """

    bot: str = ""
    environments: tuple[str, ...] = ()
    dialect: str = ""
    rest: str = ""
    ws: str = ""
    symbol: str = ""
    created: int = 0
    changed: int = 0
    expires: int | None = None
    rotate_days: int = ROTATE_DAYS
    old_worked: bool = False

    def age_days(self, now_ms: int) -> int | None:
        """Return how old the current secret is; None: nobody knows."""
        return (now_ms - self.changed) // DAY_MS if self.changed else None

    def due(self, now_ms: int) -> str | None:
        """Return why it is time to rotate, in a sentence; None: it is not."""
        if self.expires is not None and self.expires - now_ms < 7 * DAY_MS:
            left = (self.expires - now_ms) // DAY_MS
            return "it has ended" if self.expires <= now_ms else f"it ends in {left} days"
        age = self.age_days(now_ms)
        if age is not None and age >= self.rotate_days:
            return f"it is {age} days old; {self.rotate_days} are its terms"
        return None

    def refuse(self, name: str, holder: "Holder") -> None:
        """Let nobody take what is another's.

        Raises:
            ConfigError: It is another bot's, or of another environment.
        """
        if self.bot and holder.bot != self.bot:
            raise ConfigError(
                f"key {name} belongs to the bot {self.bot!r}, not to {holder.bot!r}; each bot has "
                "a key of its own, so that one can be revoked alone: steelyard vault add"
            )
        if self.environments and holder.environment not in self.environments:
            raise ConfigError(
                f"key {name} is for {', '.join(self.environments)}, not for "
                f"{holder.environment!r}; environments have keys of their own"
            )


class Holder(Struct, frozen=True):
    """Who asks for a secret, and how far it reaches."""

    bot: str
    environment: str


class Kept(Struct, frozen=True):
    """Everything under one name."""

    current: Secret
    terms: Terms = Terms()
    pending: Secret | None = None
    retiring: Secret | None = None

    def __repr__(self) -> str:
        return "Kept(***)"

    @property
    def stage(self) -> str:
        """How far a rotation is, in a word for people; empty: none is under way."""
        if self.pending is not None:
            return "new key not tested"
        return "old key not retired" if self.retiring is not None else ""

    def brought(self, secret: Secret) -> "Kept":
        """Take a new key in, which nobody uses yet.

        Raises:
            UsageError: An earlier one is not retired, or it is the one that is there.
        """
        if self.retiring is not None:
            raise UsageError(
                "the key before this one is not retired: revoke it at the venue, then --retire"
            )
        if secret == self.current:
            raise UsageError("this is the key that is there already; make a new one at the venue")
        return replace(self, pending=secret)

    def switched(
        self, now_ms: int, expires: int | None = None, *, old_worked: bool = False
    ) -> "Kept":
        """Have bots take the new key from here on; the old one is kept until it is retired."""
        assert self.pending is not None, "a key is brought before it is switched to"
        terms = replace(self.terms, changed=now_ms, expires=expires, old_worked=old_worked)
        return Kept(self.pending, terms, None, self.current)

    def retired(self) -> "Kept":
        """Forget the old key."""
        return replace(self, retiring=None, terms=replace(self.terms, old_worked=False))

    def aborted(self) -> "Kept":
        """Forget a new key that was not switched to."""
        return replace(self, pending=None)


class _Document(Struct, omit_defaults=True):
    """Kept as a place has it: the current secret's fields lie open, as a person would write it."""

    key: str = ""
    secret: str = ""
    passphrase: str | None = None
    text: str = ""
    terms: Terms = Terms()
    pending: Secret | None = None
    retiring: Secret | None = None


def encode(kept: Kept) -> bytes:
    """Return the document.

    Raises:
        UsageError: It is larger than any place takes.
    """
    now = kept.current
    text = msgspec.json.encode(
        _Document(
            now.key,
            now.secret,
            now.passphrase or None,
            now.text,
            kept.terms,
            kept.pending,
            kept.retiring,
        )
    )
    if len(text) > DOCUMENT_MAX_BYTES:
        raise UsageError(f"a secret may have {DOCUMENT_MAX_BYTES} bytes; this one has {len(text)}")
    return text


def decode(text: bytes, where: str) -> Kept:
    """Return what a document holds; `where` is how a message names it.

    Raises:
        ConfigError: It is none; nothing of it is repeated.
    """
    try:
        found = msgspec.json.decode(text[: DOCUMENT_MAX_BYTES + 1], type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None  # without its cause: a decoder's message may repeat what it read
    if found is None or not ((found.key and found.secret) or found.text):
        raise ConfigError(f'{where} gave no key: expected {{"key": ..., "secret": ...}} as JSON')
    secret = Secret(found.key, found.secret, found.passphrase or "", found.text)
    return Kept(secret, found.terms, found.pending, found.retiring)
