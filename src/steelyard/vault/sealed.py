"""The sealed file: one user's secrets under a passphrase, each under a key of its own.

    passphrase --Argon2id--> master key --wraps--> one key per entry --seals--> the entry

AES-256-GCM throughout. The invariant: what is read was written by somebody with the passphrase, for
just this name and these terms, or it does not open; terms lie in the clear, so that names and ages
are shown without a passphrase. A lease is the entry's key wrapped once more, by a token that opens
this entry and no other: what holds it cannot ask for anybody else's. There is one lease per entry,
and a new one, or none, takes the entry's key along, so the one before opens nothing.

What it does not do: hide which names there are; notice that the whole file was put back to an
older state; or guard against who may read the memory of the process.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault.kept import Kept, Secret, Terms

FORMAT = 1
KEY_BYTES, NONCE_BYTES, SALT_BYTES = 32, 12, 16
# RFC 9106, second recommendation, for where 2 GiB are too much; some 110 ms.
MEMORY_KIB, PASSES, LANES = 65_536, 3, 4
MEMORY_MAX_KIB, PASSES_MAX, LANES_MAX = 1 << 20, 16, 16  # a file may not ask for more
PHRASE_MIN, PHRASE_MAX = 12, 1_000
NAME_MAX = 100
ENTRIES_MAX = 1_000
FILE_MAX_BYTES = 64 << 20
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KNOWN = b"steelyard"  # what tells a wrong passphrase from a damaged entry


class Kdf(Struct, frozen=True):
    """How the master key is made of a passphrase."""

    salt: bytes
    memory_kib: int = MEMORY_KIB
    passes: int = PASSES
    lanes: int = LANES
    name: str = "argon2id"


class LeaseTerms(Struct, frozen=True):
    """Whose a lease is; until is in milliseconds."""

    bot: str
    until: int


class _Lease(Struct, frozen=True):
    terms: LeaseTerms
    wrapped: bytes


class _Body(Struct, frozen=True, omit_defaults=True):
    """What is sealed of an entry."""

    current: Secret
    pending: Secret | None = None
    retiring: Secret | None = None


class Entry(Struct, frozen=True, omit_defaults=True):
    """One name; stage is in the clear, too."""

    terms: Terms
    wrapped: bytes
    sealed: bytes
    stage: str = ""
    lease: _Lease | None = None


class _File(Struct, frozen=True):
    format: int
    kdf: Kdf
    check: bytes
    entries: dict[str, Entry]


class SealedFile:
    """The file at a path, opened by a passphrase or, one entry of it, by a lease's token."""

    def __init__(self, path: Path, *, kdf: Kdf | None = None) -> None:
        """Read nothing yet. kdf is what a new file is made with; tests have cheap ones."""
        self.path = path
        self._new_kdf = kdf
        self._masters: dict[tuple[str, Kdf], AESGCM] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def entries(self) -> dict[str, Entry]:
        """Return names with their terms, without a passphrase; none where there is no file.

        Raises:
            ConfigError: It is open to others, or damaged, or of another steelyard.
        """
        return dict(sorted(self._read().entries.items())) if self.is_there else {}

    def require(self, name: str) -> None:
        """Say what is wrong before anybody is asked for a passphrase.

        Raises:
            ConfigError: There is no file, or no such name, or it cannot be read.
        """
        self._read_for(name)

    def open(self, name: str, phrase: str) -> Kept:
        """Return what is under a name.

        Raises:
            ConfigError: There is nothing, or the passphrase is wrong, or it was changed.
        """
        file = self._read_for(name)
        entry = file.entries[name]
        return _opened(name, entry, self._entry_key(name, entry, self._master(file, phrase)))

    def open_by_lease(self, name: str, token: bytes, now_ms: int) -> Kept:
        """Return what is under a name to who has its lease.

        Raises:
            ConfigError: There is nothing, or the lease is another's, revoked or over.
        """
        entry = self._read_for(name).entries[name]
        lease = entry.lease
        if lease is None:
            raise ConfigError(f"key vault:{name} has no lease; {_ISSUE}")
        key = _unwrapped(_leased(token), lease.wrapped, _context("lease", name, lease.terms))
        if key is None:
            raise ConfigError(f"this lease does not open vault:{name}: it was replaced; {_ISSUE}")
        if lease.terms.until <= now_ms:
            raise ConfigError(f"the lease of vault:{name} is over; {_ISSUE}")
        kept = _opened(name, entry, AESGCM(key))
        # The lease's own bot binds, whatever the terms of the key leave open.
        return replace(kept, terms=replace(kept.terms, bot=lease.terms.bot))

    def put(self, name: str, kept: Kept, phrase: str, *, new: bool) -> None:
        """Keep something; `new` refuses what is there already, otherwise it must be.

        Raises:
            UsageError: The name is none, or taken; or the passphrase of a new file too short.
            ConfigError: The passphrase is wrong, or the disk refuses.
        """
        check_name(name)
        with self._changing():
            file = self._read() if self.is_there else self._made(phrase)
            if new and name in file.entries:
                raise UsageError(
                    f"vault:{name} is there already; for a new key: steelyard vault rotate {name}"
                )
            if not new and name not in file.entries:
                raise _nothing(name, file)
            if len(file.entries) >= ENTRIES_MAX and name not in file.entries:
                raise UsageError(f"a vault keeps up to {ENTRIES_MAX} secrets; remove one")
            master = self._master(file, phrase)
            old = file.entries.get(name)
            # The same key, so that a lease outlives a rotation.
            key = secrets.token_bytes(KEY_BYTES) if old is None else self._raw(name, old, master)
            entry = _sealed(name, kept, key, master, None if old is None else old.lease)
            self._write(replace(file, entries=file.entries | {name: entry}))

    def remove(self, name: str, phrase: str) -> None:
        """Forget a name.

        Raises:
            ConfigError: There is none, or the passphrase is wrong.
        """
        with self._changing():
            file = self._read_for(name)
            self._master(file, phrase)
            entries = {each: entry for each, entry in file.entries.items() if each != name}
            self._write(replace(file, entries=entries))

    def lease(self, name: str, terms: LeaseTerms | None, phrase: str) -> bytes:
        """Return the token of a new lease; None takes the last one away, and the token is empty.

        Raises:
            ConfigError: There is no such name, or the passphrase is wrong.
        """
        with self._changing():
            file = self._read_for(name)
            master = self._master(file, phrase)
            entry = file.entries[name]
            kept = _opened(name, entry, self._entry_key(name, entry, master))
            key, token, lease = secrets.token_bytes(KEY_BYTES), b"", None
            if terms is not None:
                token = secrets.token_bytes(KEY_BYTES)
                context = _context("lease", name, terms)
                lease = _Lease(terms, _encrypted(_leased(token), key, context))
            sealed = _sealed(name, kept, key, master, lease)
            self._write(replace(file, entries=file.entries | {name: sealed}))
            return token

    def change_phrase(self, phrase: str, new_phrase: str) -> None:
        """Put every entry under a new passphrase; leases stay good.

        An entry without a lease gets a new key, too: whoever has an old copy and its passphrase
        knows the old one. With a lease it keeps its key, for which the lease is good.

        Raises:
            UsageError: The new one is too short.
            ConfigError: The old one is wrong, or the disk refuses.
        """
        with self._changing():
            file = self._read()
            master = self._master(file, phrase)
            made = self._made(new_phrase)
            new = self._master(made, new_phrase)
            entries = {}
            for name, entry in file.entries.items():
                key = self._raw(name, entry, master)
                if entry.lease is None:
                    kept = _opened(name, entry, AESGCM(key))
                    key = secrets.token_bytes(KEY_BYTES)
                    entries[name] = _sealed(name, kept, key, new, None)
                else:
                    wrapped = _encrypted(new, key, _context("wrap", name, entry.terms))
                    entries[name] = replace(entry, wrapped=wrapped)
            self._write(replace(made, entries=entries))

    # -- keys ---------------------------------------------------------------------------------

    def _master(self, file: _File, phrase: str) -> AESGCM:
        known = self._masters.get((phrase, file.kdf))
        if known is not None:
            return known
        master = AESGCM(_derived(phrase, file.kdf))
        if _unwrapped(master, file.check, b"check") != _KNOWN:
            raise ConfigError(f"the passphrase does not open {self.path}")
        self._masters[phrase, file.kdf] = master
        return master

    def _raw(self, name: str, entry: Entry, master: AESGCM) -> bytes:
        key = _unwrapped(master, entry.wrapped, _context("wrap", name, entry.terms))
        if key is None:
            raise ConfigError(f"vault:{name} was changed by somebody else; restore a copy")
        return key

    def _entry_key(self, name: str, entry: Entry, master: AESGCM) -> AESGCM:
        return AESGCM(self._raw(name, entry, master))

    def _made(self, phrase: str) -> _File:
        if not PHRASE_MIN <= len(phrase) <= PHRASE_MAX:
            raise UsageError(
                f"the passphrase of a vault has {PHRASE_MIN} to {PHRASE_MAX} characters; a few "
                "words that nobody would put together are good"
            )
        salt = secrets.token_bytes(SALT_BYTES)
        kdf = Kdf(salt) if self._new_kdf is None else replace(self._new_kdf, salt=salt)
        check = _encrypted(AESGCM(_derived(phrase, kdf)), _KNOWN, b"check")
        return _File(FORMAT, kdf, check, {})

    # -- the file -----------------------------------------------------------------------------

    def _read_for(self, name: str) -> _File:
        file = self._read()
        if name not in file.entries:
            raise _nothing(name, file)
        return file

    def _read(self) -> _File:
        try:
            with self.path.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                text = opened.read(FILE_MAX_BYTES + 1)
        except FileNotFoundError:
            raise ConfigError(
                f"there is no vault {self.path}; make one: steelyard vault add NAME"
            ) from None
        except OSError as error:
            raise ConfigError(f"the vault {self.path} cannot be read: {error.strerror}") from error
        if mode & _OTHERS:
            raise ConfigError(
                f"the vault {self.path} is open to others; run: chmod 600 {self.path}"
            )
        try:
            form = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("format")
            number = msgspec.json.decode(form, type=int) if form is not None else 0
            if number > FORMAT:
                raise ConfigError(f"the vault {self.path} is of a newer steelyard; use that one")
            file = msgspec.json.decode(text, type=_File)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"the vault {self.path} is damaged; restore a copy") from error
        kdf = file.kdf
        if (
            kdf.name != "argon2id"
            or not 8 * kdf.lanes <= kdf.memory_kib <= MEMORY_MAX_KIB
            or not 1 <= kdf.passes <= PASSES_MAX
            or not 1 <= kdf.lanes <= LANES_MAX
            or len(kdf.salt) != SALT_BYTES
        ):
            raise ConfigError(f"the vault {self.path} is damaged: its parameters are out of bounds")
        return file

    def _write(self, file: _File) -> None:
        """Put the file in place so that who looks, even after a power cut, sees old or new."""
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(msgspec.json.format(msgspec.json.encode(file), indent=1))
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise ConfigError(
                f"the vault {self.path} cannot be written: {error.strerror}"
            ) from error

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold off others who change it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(
                self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
            )
        except OSError as error:
            raise ConfigError(
                f"the vault {self.path} cannot be written: {error.strerror}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


_ISSUE = "issue one: steelyard vault lease NAME --bot BOT --to FILE"


def check_name(name: str) -> None:
    """Refuse what no file, command line and secret manager would take alike.

    Raises:
        UsageError: It is none; nothing of it is repeated, because it may be a key.
    """
    if not 0 < len(name) <= NAME_MAX or not _LETTERS.issuperset(name):
        raise UsageError(
            f"a name in the vault has 1 to {NAME_MAX} of a-z, A-Z, 0-9, - _ . and /, as prod/dip"
        )


def _nothing(name: str, file: _File) -> ConfigError:
    there = ", ".join(sorted(file.entries)[:20]) or "nothing"
    return ConfigError(f"vault:{name} is not in the vault; there is {there}")


def _derived(phrase: str, kdf: Kdf) -> bytes:
    secret = phrase.encode(errors="surrogateescape")
    return hash_secret_raw(
        secret, kdf.salt, kdf.passes, kdf.memory_kib, kdf.lanes, KEY_BYTES, Type.ID
    )


def _leased(token: bytes) -> AESGCM:
    if len(token) != KEY_BYTES:
        raise ConfigError(f"a lease's token has {KEY_BYTES} bytes, this one {len(token)}; {_ISSUE}")
    return AESGCM(token)  # random, so that it needs no derivation


def _context(what: str, name: str, terms: Struct) -> bytes:
    return msgspec.json.encode([FORMAT, what, name, terms])


def _encrypted(cipher: AESGCM, plain: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, context)


def _unwrapped(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):  # ValueError: cut inside the nonce
        return None


def _sealed(name: str, kept: Kept, key: bytes, master: AESGCM, lease: _Lease | None) -> Entry:
    body = msgspec.json.encode(_Body(kept.current, kept.pending, kept.retiring))
    context = _context("entry", name, kept.terms)
    wrapped = _encrypted(master, key, _context("wrap", name, kept.terms))
    return Entry(kept.terms, wrapped, _encrypted(AESGCM(key), body, context), kept.stage, lease)


def _opened(name: str, entry: Entry, cipher: AESGCM) -> Kept:
    body = _unwrapped(cipher, entry.sealed, _context("entry", name, entry.terms))
    if body is None:
        raise ConfigError(f"vault:{name} was changed by somebody else; restore a copy")
    found = msgspec.json.decode(body, type=_Body)
    return Kept(found.current, entry.terms, found.pending, found.retiring)
