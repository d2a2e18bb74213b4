"""What a person may do about themselves: sign up, prove who they are, open sub-accounts.

The rules; the state is `people`'s and what comes of a wish is a journaled record. Passwords are
hashed by a shell, which hands in the hash, or whether it fitted: that takes long, and this
never waits. Money and addresses are `funding`'s, keys the administrator's.

Times: `now_ns` is the exchange's, `wire_ns` that of the person's telephone, which only codes go
by.
"""

import hashlib
import hmac
import re
import unicodedata
from base64 import b32encode
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from steelyard.domain.commands import Rejected
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange import totp
from steelyard.exchange.admin import RATE_E8
from steelyard.exchange.common_passwords import COMMON_PASSWORDS
from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import NAME_MAX, Seal
from steelyard.exchange.lockout import Lockout
from steelyard.exchange.outbox import Mail
from steelyard.exchange.people import People, Person
from steelyard.exchange.people_records import (
    AnyPersonRecord,
    Deed,
    PasswordSet,
    PersonActed,
    PersonSignedUp,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SubAccountOpened,
    TotpEnrolled,
    TotpRemoved,
    TotpStepUsed,
)
from steelyard.wire.dialect import Entropy

T = TypeVar("T")

PERSONS_MAX = 10_000
PERSON_NAME_MAX = 30  # leaves room for the names of sub-accounts
SUB_ACCOUNTS_MAX = 20
PASSWORD_MIN, PASSWORD_MAX = 10, 200  # characters
NAME_MIN_IN_PASSWORD = 3  # a shorter name is in too many passwords
EMAIL_MAX = 254  # RFC 5321
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 10  # 80 random bits: 16 letters
CODE_MAX = 40
CODE_MAIL_PAUSE_NS = 3_600 * SECOND_NS  # between mails about right passwords with wrong codes


class Caller(NamedTuple):
    """Who asks, from where, when."""

    ip: str
    now_ns: int
    wire_ns: int


class Enrolment(NamedTuple):
    """A second factor that its owner has not confirmed yet."""

    secret: bytes
    uri: str

    def __repr__(self) -> str:
        return "Enrolment(***)"


class Personal:
    """What people do about themselves on one exchange."""

    def __init__(self, exchange: Exchange, seal: Seal, entropy: Entropy) -> None:
        self._exchange = exchange
        self._seal = seal
        self._entropy = entropy

    @property
    def _people(self) -> People:
        return self._exchange.people

    # -- sign-up and sign-in ----------------------------------------------------------------

    def check_new(self, name: str, email: str, password: str) -> None:
        """Raise Declined where somebody cannot sign up so."""
        self._check_name(name, PERSON_NAME_MAX)
        is_like_one = re.fullmatch(r"[^@\s]+@[^@\s]+", email) and email.isprintable()
        if len(email) > EMAIL_MAX or not is_like_one:
            raise Declined(
                Decline.INVALID,
                "the e-mail address should look like you@example.com; its mails stay here, in the "
                "outbox",
                field="email",
            )
        check_password(name, password)
        taken = self._exchange.keys.people.names
        if self._people.find(name) or name.casefold() in {n.casefold() for n in taken}:
            raise Declined(
                Decline.NAME_TAKEN, f"the name {name!r} is taken; choose another", field="name"
            )
        if len(self._people) >= PERSONS_MAX:
            raise Declined(
                Decline.TOO_MANY, f"there are {PERSONS_MAX} people already; use another directory"
            )

    def sign_up(self, name: str, email: str, password_hash: str, caller: Caller) -> Person:
        """Enter a person and open their account; `check_new` was called in the same turn."""
        person_id = self._people.next_person_id()
        account_id = self._exchange.keys.next_account_id()
        record = PersonSignedUp(person_id, name, email, account_id, RATE_E8, password_hash)
        self.record(record, caller)
        self.note(person_id, Deed.SIGNED_UP, "", caller)
        self.mail(
            person_id,
            "Welcome to steelyard",
            f"Hello {name}, your practice account is open. Enrol a second factor next: without "
            "one you can neither create API keys nor withdraw.",
            caller,
        )
        return self._people.get(person_id)

    def begin_sign_in(self, name: str, caller: Caller) -> str | None:
        """Count a try and return the password's hash to compare; None where there is nobody.

        Raises:
            Declined: Locked, whether there is such a person or not.
        """
        name, ip = name.casefold(), caller.ip
        people = self._people
        self._check_lock(people.lockout, name, caller)
        self._check_lock(people.ip_lockout, ip, caller)
        people.lockout.tried(name, caller.now_ns)
        people.ip_lockout.tried(ip, caller.now_ns)
        person = people.find(name)
        return None if person is None else person.password_hash

    def finish_sign_in(
        self,
        name: str,
        code: str | None,
        caller: Caller,
        *,
        compared: str | None,
        is_right: bool,
    ) -> Person:
        """Return who has signed in. `compared` is the hash that the password was right for.

        Raises:
            Declined: The name, the password or the code is wrong.
        """
        people = self._people
        person = people.find(name)
        # Comparing takes long: the password may have been changed meanwhile.
        if person is None or not is_right or person.password_hash != compared:
            if person is not None:
                people.failed(
                    person.person_id, Deed.SIGN_IN_FAILED, "password", caller.ip, caller.now_ns
                )
            raise Declined(Decline.CREDENTIALS, "the name or the password is wrong")
        _check_expiry(person, caller)
        name, ip = name.casefold(), caller.ip
        if person.has_totp:
            if not code:
                people.lockout.undo(name)
                people.ip_lockout.undo(ip)
                raise Declined(
                    Decline.SECOND_FACTOR,
                    "send the code of your authenticator, or a recovery code",
                    field="code",
                )
            proof = self._proof(person, code, caller)
            if proof is None:
                people.failed(
                    person.person_id, Deed.SIGN_IN_FAILED, "code", caller.ip, caller.now_ns
                )
                self._tell_of_wrong_code(person, caller)
                raise _wrong_code()
            self._spend(proof, caller)
        people.lockout.right(name)
        people.ip_lockout.undo(ip)  # others' tries from there still count
        is_new = ip not in person.known_ips
        self.note(person.person_id, Deed.SIGNED_IN, "", caller)
        if is_new:
            self.mail(
                person.person_id,
                "New sign-in",
                f"Somebody signed in as {person.name} from {ip}, from where you had not signed in "
                "before. If it was not you, change your password and revoke your keys.",
                caller,
            )
        return person

    def begin_password_check(self, person: Person, caller: Caller) -> str:
        """Count a try of a person who is signed in; return the hash to compare.

        Raises:
            Declined: Locked.
        """
        # Counted apart from codes: a right password must not make guessing codes free.
        who = _who(person)
        self._check_lock(self._people.password_lockout, who, caller)
        self._people.password_lockout.tried(who, caller.now_ns)
        return person.password_hash

    def finish_password_check(
        self, person: Person, *, compared: str, is_right: bool, field: str
    ) -> None:
        """Raise Declined unless the password was right, and still is."""
        if not is_right or person.password_hash != compared:
            raise Declined(Decline.CREDENTIALS, "the password is wrong", field=field)
        self._people.password_lockout.right(_who(person))

    def set_password(
        self, person: Person, password_hash: str, caller: Caller, *, compared: str
    ) -> None:
        """Set a person's password, if the one whose hash was compared is still theirs."""
        if person.password_hash != compared:
            raise Declined(Decline.CREDENTIALS, "the password was changed just now", field="old")
        _check_expiry(person, caller)
        self.record(PasswordSet(person.person_id, password_hash), caller)
        self.note(person.person_id, Deed.PASSWORD_CHANGED, "", caller)
        self.mail(
            person.person_id,
            "Your password was changed",
            "All other sessions have ended. If it was not you, ask the holder of the data "
            "directory: steelyard person reset-password",
            caller,
        )

    # -- the second factor ------------------------------------------------------------------

    def begin_totp(self, person: Person) -> Enrolment:
        """Return a secret to scan; it counts when a code of it has come back."""
        if person.has_totp:
            raise Declined(Decline.CONFLICT, "there is a second factor already; remove it first")
        secret = self._entropy(totp.SECRET_BYTES)
        return Enrolment(secret, totp.uri(secret, person.name))

    def confirm_totp(
        self, person: Person, enrolment: Enrolment, code: str, caller: Caller
    ) -> list[str]:
        """Enrol a second factor; return the recovery codes, which are shown this once."""
        if person.has_totp:
            raise Declined(Decline.CONFLICT, "there is a second factor already; remove it first")
        who = _who(person)
        self._check_lock(self._people.code_lockout, who, caller)
        self._people.code_lockout.tried(who, caller.now_ns)
        step = totp.accepted_step(enrolment.secret, code, caller.wire_ns, -1)
        if step is None:
            raise _wrong_code()
        self._people.code_lockout.right(who)
        sealed = self._seal.seal(enrolment.secret, totp_context(person))
        codes, hashes = self._recovery_codes(person.person_id)
        self.record(TotpEnrolled(person.person_id, sealed, hashes, step), caller)
        self.note(person.person_id, Deed.TOTP_ENROLLED, "", caller)
        self.mail(
            person.person_id,
            "Second factor enrolled",
            "From now on you sign in with your password and a code. Keep the recovery codes where "
            "your telephone is not.",
            caller,
        )
        return codes

    def remove_totp(self, person: Person, caller: Caller) -> None:
        """Take the second factor away; it takes a code."""
        self.record(TotpRemoved(person.person_id), caller)
        self.note(person.person_id, Deed.TOTP_REMOVED, "", caller)
        self.mail(
            person.person_id,
            "Second factor removed",
            "Your account is guarded by its password alone now. If it was not you, change it.",
            caller,
        )

    def make_recovery_codes(self, person: Person, caller: Caller) -> list[str]:
        """Return new recovery codes; it takes a code."""
        codes, hashes = self._recovery_codes(person.person_id)
        self.record(RecoveryCodesMade(person.person_id, hashes), caller)
        self.note(person.person_id, Deed.RECOVERY_CODES_MADE, "", caller)
        self.mail(
            person.person_id, "New recovery codes", "The ones before are worth nothing.", caller
        )
        return codes

    def step_up(self, person: Person, code: str, caller: Caller, act: Callable[[], T]) -> T:
        """Do what needs the second factor once more, and return what it gives.

        A code is worth nothing afterwards; where `act` raises, it still is good.

        Raises:
            Declined: There is none yet, the code is wrong, or there were too many wrong ones.
        """
        require_totp(person)
        if not code:
            raise Declined(
                Decline.SECOND_FACTOR, "send the code of your authenticator", field="code"
            )
        who = _who(person)
        self._check_lock(self._people.code_lockout, who, caller)
        self._people.code_lockout.tried(who, caller.now_ns)
        proof = self._proof(person, code, caller)
        if proof is None:
            raise _wrong_code()
        self._people.code_lockout.right(who)
        result = act()
        self._spend(proof, caller)
        return result

    # -- sub-accounts -----------------------------------------------------------------------

    def open_sub_account(self, person: Person, name: str, caller: Caller) -> str:
        """Open another account of a person, `PERSON.NAME`; return that."""
        self._check_name(name, NAME_MAX - len(person.name) - 1)
        if len(person.sub_accounts) >= SUB_ACCOUNTS_MAX:
            raise Declined(
                Decline.TOO_MANY, f"you have {SUB_ACCOUNTS_MAX} sub-accounts, which is all there is"
            )
        whole = f"{person.name}.{name}"
        taken = self._exchange.keys.people.names
        if whole.casefold() in {n.casefold() for n in taken}:
            raise Declined(Decline.NAME_TAKEN, f"there is {whole!r} already", field="name")
        account_id = self._exchange.keys.next_account_id()
        self.record(SubAccountOpened(person.person_id, account_id, whole, RATE_E8), caller)
        self.note(person.person_id, Deed.SUB_ACCOUNT_OPENED, whole, caller)
        return whole

    # -- for every part that acts for a person -------------------------------------------------

    def record(self, record: AnyPersonRecord, caller: Caller) -> None:
        """Journal a record.

        Raises:
            Declined: The engine refused what it would have moved.
        """
        effects = self._exchange.record(record, caller.now_ns)
        refused = next((e for e in effects if isinstance(e, Rejected)), None)
        if refused is not None:
            raise Declined(Decline.CONFLICT, f"the books refuse it: {refused.reason.name}")

    def note(self, person_id: int, what: Deed, about: str, caller: Caller) -> None:
        """Add a line to a person's activity."""
        self._exchange.record(PersonActed(person_id, what, about, caller.ip), caller.now_ns)

    def mail(self, person_id: int, subject: str, text: str, caller: Caller) -> None:
        """Send a person a mail."""
        to = self._people.get(person_id).email
        self._people.outbox.send(Mail(person_id, to, subject, text, caller.now_ns))

    # -- parts ------------------------------------------------------------------------------

    @staticmethod
    def _check_name(name: str, size_max: int) -> None:
        if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{size_max}}}", name):
            raise Declined(
                Decline.INVALID,
                f"a name is 1 to {size_max} letters a to z, digits, - and _",
                field="name",
            )

    def _check_lock(self, lockout: Lockout, who: str, caller: Caller) -> None:
        wait_ns = lockout.wait_ns(who, caller.now_ns)
        if wait_ns:
            raise Declined(
                Decline.LOCKED,
                "too many wrong tries; wait, and then try once",
                hint="the holder of the data directory can unlock: steelyard person unlock NAME",
                retry_after_ns=wait_ns,
            )

    def _proof(
        self, person: Person, code: str, caller: Caller
    ) -> TotpStepUsed | RecoveryCodeUsed | None:
        """Return the record that makes a code worthless, or None where it is worthless.

        Raises:
            Declined: The factor was sealed with another seal key.
        """
        assert person.totp_sealed is not None, "only who has a second factor is asked for it"
        text = code.replace(" ", "").replace("-", "").lower()
        if len(code) > CODE_MAX or not text.isascii():
            return None
        try:
            secret = self._seal.open(person.totp_sealed, totp_context(person))
        except ConfigError as error:
            raise Declined(
                Decline.CONFLICT,
                "your second factor cannot be checked: this exchange's seal key is another one",
                hint="its holder can take the factor away: steelyard person reset-totp NAME",
            ) from error
        step = totp.accepted_step(secret, text, caller.wire_ns, person.totp_step)
        if step is not None:
            return TotpStepUsed(person.person_id, step)
        digests = (self._recovery_hash(person.person_id, text), token_hash(text))
        known = [
            kept
            for kept in person.recovery_hashes
            if any(hmac.compare_digest(kept, digest) for digest in digests)
        ]
        return RecoveryCodeUsed(person.person_id, known[0]) if known else None

    def _spend(self, proof: TotpStepUsed | RecoveryCodeUsed, caller: Caller) -> None:
        person = self._people.get(proof.person_id)
        if isinstance(proof, TotpStepUsed):
            self.record(proof, caller)
        elif proof.recovery_hash in person.recovery_hashes:  # and not replaced meanwhile
            self.record(proof, caller)
            left = f"{len(person.recovery_hashes)} left"
            self.note(person.person_id, Deed.RECOVERY_CODE_USED, left, caller)

    def _tell_of_wrong_code(self, person: Person, caller: Caller) -> None:
        """Write that somebody has the password, and not at each of their tries."""
        last_ns = self._people.code_mails.get(person.person_id)
        if last_ns is not None and caller.now_ns - last_ns < CODE_MAIL_PAUSE_NS:
            return
        self._people.code_mails[person.person_id] = caller.now_ns
        self.mail(
            person.person_id,
            "Right password, wrong code",
            f"Somebody at {caller.ip} signed in as {person.name} with the right password and a "
            "wrong code, and was not let in. If it was not you, change your password: only the "
            "code stands between them and your account. Tries of the next hour are in your "
            "activity, and send no mail.",
            caller,
        )

    def _recovery_hash(self, person_id: int, code: str) -> bytes:
        """Return what is kept of a recovery code: of 80 bits, so a copy must not be guessed at.

        Older journals have its SHA-256, which is taken too until the codes are made anew.
        """
        return self._seal.digest(code.encode(), f"recovery {person_id}".encode())

    def _recovery_codes(self, person_id: int) -> tuple[list[str], tuple[bytes, ...]]:
        texts = [self.token(RECOVERY_CODE_BYTES) for _ in range(RECOVERY_CODES)]
        shown = ["-".join(text[i : i + 4] for i in range(0, len(text), 4)) for text in texts]
        return shown, tuple(self._recovery_hash(person_id, text) for text in texts)

    def token(self, size_bytes: int) -> str:
        """Return random letters and digits."""
        return b32encode(self._entropy(size_bytes)).decode().rstrip("=").lower()


def _check_expiry(person: Person, caller: Caller) -> None:
    """Raise Declined where a password that was right is a temporary one whose time is over."""
    expires_ns = person.password_expires_ns
    if expires_ns is not None and expires_ns <= caller.now_ns:
        raise Declined(
            Decline.CREDENTIALS,
            "this temporary password has expired",
            hint="the holder of the data directory can give another one: "
            "steelyard person reset-password NAME",
        )


def check_password(name: str, password: str, field: str = "password") -> None:
    """Raise Declined where a password is too easy to guess.

    Its length, the name in it and a list of common ones count; no other rules, because
    they make passwords worse (OWASP ASVS 5.0, 6.2).
    """
    folded = normal_password(password).casefold()
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        problem = f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
    elif len(name) >= NAME_MIN_IN_PASSWORD and name.casefold() in folded:
        problem = "a password must not contain your name"
    elif folded in COMMON_PASSWORDS or len(set(folded)) == 1:
        problem = "this is one of the first passwords that are tried; choose another"
    else:
        return
    raise Declined(Decline.INVALID, problem, field=field, hint="four random words do well")


def normal_password(password: str) -> str:
    """Return the form that is hashed: the same on every keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def token_hash(token: str) -> bytes:
    """Return what is kept of a random text, which is long enough not to need salt."""
    return hashlib.sha256(token.encode()).digest()


def _wrong_code() -> Declined:
    return Declined(
        Decline.SECOND_FACTOR,
        "the code is wrong, or has been used; wait for the next one",
        field="code",
    )


def _who(person: Person) -> str:
    return str(person.person_id)


def require_totp(person: Person) -> None:
    """Decline what nobody without a second factor may do."""
    if not person.has_totp:
        raise Declined(
            Decline.TOTP_REQUIRED,
            "this needs a second factor, and you have none",
            hint="enrol one first: POST /account/totp/begin, then /account/totp/confirm",
        )


def totp_context(person: Person) -> bytes:
    """Return what a second factor's seal is bound to."""
    return f"totp {person.person_id}".encode()
