"""What an exchange keeps sealed, and what becomes of it where the seal key is another one.

A directory that was copied without its seal key has keys that verify nothing and second factors
that take no code. Nobody is served with those: either the seal key comes back, or all of it is
forgotten at once, as records that say so.
"""

from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.keys import KeptKey, Seal
from steelyard.exchange.outbox import Mail
from steelyard.exchange.people import Person
from steelyard.exchange.people_records import Deed, PersonActed, TotpRemoved
from steelyard.exchange.personal import totp_context
from steelyard.exchange.records import KeyRevoked

OPTION = "--forget-sealed"
BY = f"administrator ({OPTION})"


class Unopened(NamedTuple):
    """Keys that still would work and second factors, which another seal key has sealed."""

    keys: list[KeptKey]
    persons: list[Person]

    def __bool__(self) -> bool:
        return bool(self.keys or self.persons)

    def __str__(self) -> str:
        counts = ((len(self.keys), "API key"), (len(self.persons), "second factor"))
        return " and ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in counts if n)


def unopened(exchange: Exchange, seal: Seal, now_ns: int) -> Unopened:
    """Return what a seal does not open; now_ns is the exchange's time."""
    kept = exchange.keys.people.keys.values()
    working = (each for each in kept if exchange.keys.ended(each.created.key, now_ns) is None)
    return Unopened(
        [each for each in working if not exchange.keys.opens(each)],
        [each for each in exchange.people if not _opens(each, seal)],
    )


def forget(exchange: Exchange, found: Unopened, now_ns: int) -> None:
    """Revoke those keys, take those second factors away, and tell their owners."""
    for kept in found.keys:
        exchange.record(KeyRevoked(kept.created.key, by=BY), now_ns)
    for person in found.persons:
        exchange.record(TotpRemoved(person.person_id), now_ns)
        exchange.record(
            PersonActed(person.person_id, Deed.TOTP_REMOVED, f"by the {BY}", ""), now_ns
        )
        mail = Mail(
            person.person_id,
            person.email,
            "Second factor removed",
            "The seal key of this exchange was lost, so your second factor could not be checked "
            "any more. Sign in with your password and enrol a new one.",
            now_ns,
        )
        exchange.people.outbox.send(mail)


def _opens(person: Person, seal: Seal) -> bool:
    if person.totp_sealed is None:
        return True
    try:
        seal.open(person.totp_sealed, totp_context(person))
    except ConfigError:
        return False
    return True
