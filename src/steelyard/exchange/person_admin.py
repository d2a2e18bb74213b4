"""What an administrator does about people: list them, unlock them, take a lost factor away."""

from typing import Any

from msgspec import Struct

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.outbox import Mail
from steelyard.exchange.people import Person
from steelyard.exchange.people_records import Deed, PasswordSet, PersonActed, TotpRemoved

BY = "by the administrator"
TEMPORARY_NS = 24 * 3_600 * SECOND_NS  # how long a temporary password lets its owner in


class ListPersons(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Everybody who has signed up."""


class UnlockPerson(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Forget a person's wrong tries, and those from where they have signed in."""

    name: str


class ResetTotp(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Take a person's second factor away."""

    name: str


class ResetPassword(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Give a person a temporary password, by its hash, and end their sessions."""

    name: str
    password_hash: str


PersonCall = ListPersons | UnlockPerson | ResetTotp | ResetPassword


class PersonAdmin:
    """An administrator's hand on the people of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def carry_out(self, call: PersonCall, now_ns: int) -> dict[str, Any]:
        """Carry out a call; return what is to be shown, ready for JSON.

        Raises:
            UsageError: There is no such person, or nothing to take away.
        """
        people = self._exchange.people
        if isinstance(call, ListPersons):
            return {"persons": [self._shown(person, now_ns) for person in people]}
        person = people.find(call.name)
        if person is None:
            known = ", ".join(person.name for person in people) or "none yet"
            raise UsageError(f"no person {call.name!r}; there are: {known}")
        match call:
            case UnlockPerson():
                people.lockout.right(person.name.casefold())
                people.code_lockout.right(str(person.person_id))
                people.password_lockout.right(str(person.person_id))
                for ip in person.known_ips:
                    people.ip_lockout.right(ip)
            case ResetTotp():
                if not person.has_totp:
                    raise UsageError(f"{person.name} has no second factor")
                self._exchange.record(TotpRemoved(person.person_id), now_ns)
                self._tell(person, Deed.TOTP_REMOVED, "Second factor removed", now_ns)
            case ResetPassword():
                record = PasswordSet(
                    person.person_id,
                    call.password_hash,
                    is_temporary=True,
                    expires_ns=now_ns + TEMPORARY_NS,
                )
                self._exchange.record(record, now_ns)
                self._tell(person, Deed.PASSWORD_RESET, "Your password was reset", now_ns)
        return self._shown(person, now_ns)

    def _tell(self, person: Person, what: Deed, subject: str, now_ns: int) -> None:
        self._exchange.record(PersonActed(person.person_id, what, BY, ""), now_ns)
        mail = Mail(person.person_id, person.email, subject, f"It was done {BY}.", now_ns)
        self._exchange.people.outbox.send(mail)

    def _shown(self, person: Person, now_ns: int) -> dict[str, Any]:
        people = self._exchange.people
        names = {number: name for name, number in self._exchange.keys.people.names.items()}
        expires_ns = person.password_expires_ns
        wait_ns = people.lockout.wait_ns(person.name.casefold(), now_ns)
        signed_in = [a.time_ns for a in person.activity if a.what is Deed.SIGNED_IN]
        return {
            "name": person.name,
            "email": person.email,
            "accounts": [names[account_id] for account_id in person.account_ids],
            "since": person.since_ns // 1_000_000,
            "last_sign_in": signed_in[-1] // 1_000_000 if signed_in else None,
            "totp": person.has_totp,
            "recovery_codes_left": len(person.recovery_hashes),
            "must_change_password": person.is_temporary,
            "password_expires": None if expires_ns is None else expires_ns // 1_000_000,
            "locked_ms": wait_ns // 1_000_000,
        }
