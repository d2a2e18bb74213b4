"""A desk with people: alice has signed up with a second factor, and nobody waits for a hash."""

import hashlib
from itertools import count

from desk import Desk, PlainSeal

from steelyard.exchange import totp
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.funds import Funds
from steelyard.exchange.people import Person
from steelyard.exchange.personal import Caller, Personal

HOME = "203.0.113.7"


class PeopleDesk(Desk):
    """Time is one clock here, the telephones' as well."""

    def __init__(self) -> None:
        super().__init__()
        seeds = count()

        def entropy(size: int) -> bytes:
            return hashlib.sha512(next(seeds).to_bytes(8, "big")).digest()[:size]

        self.personal = Personal(self.exchange, PlainSeal(), entropy)
        self.funds = Funds(self.exchange, self.personal)
        self.secrets: dict[int, bytes] = {}

    @property
    def people(self):
        return self.exchange.people

    def caller(self, ip: str = HOME) -> Caller:
        now_ns = self.tick()
        return Caller(ip, now_ns, now_ns)

    def sign_up(self, name: str) -> Person:
        return self.personal.sign_up(name, f"{name}@example.com", f"hash of {name}", self.caller())

    def enrol(self, person: Person) -> list[str]:
        """Enrol a second factor, and wait until another code is due."""
        begun = self.personal.begin_totp(person)
        self.secrets[person.person_id] = begun.secret
        code = totp.code_at(begun.secret, self.now_ns // totp.STEP_NS)
        codes = self.personal.confirm_totp(person, begun, code, self.caller())
        self.tick(30)
        return codes

    def code(self, person: Person) -> str:
        """Return a code that has not been used."""
        self.tick(30)
        return totp.code_at(self.secrets[person.person_id], self.now_ns // totp.STEP_NS)

    def sign_in(self, name: str, *, is_right: bool = True, code: str | None = None, ip: str = HOME):
        caller = self.caller(ip)
        compared = self.personal.begin_sign_in(name, caller)
        return self.personal.finish_sign_in(
            name, code, caller, compared=compared, is_right=is_right
        )

    def restored(self) -> Exchange:
        """Return another exchange from this one's snapshot."""
        copy = Exchange(type(self.exchange.engine)(), None, PlainSeal())
        copy.restore(self.exchange.snapshot())
        return copy
