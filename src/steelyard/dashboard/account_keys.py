"""Routes about API keys: a person's own, with a second factor for all but taking away.

What a key is and may do is the administrator's to carry out (`exchange/admin.py`); this asks whose
it is, takes the code, and tells the person by mail what happened.
"""

from typing import Any, NoReturn

from steelyard import dialects
from steelyard.dashboard import account_requests as wanted
from steelyard.dashboard.account_site import AccountSite, Asked, Route, Said, not_yet
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateKey, ListKeys, RevokeKey
from steelyard.exchange.declined import Decline, Declined, not_found
from steelyard.exchange.people import Person
from steelyard.exchange.people_records import Deed
from steelyard.exchange.personal import Caller

DAY_NS = 24 * 60 * 60 * 1_000_000_000
KEYS_MAX = 100  # of one person, that are not revoked
SHOWN = 8  # characters of a key that mails and the activity name it by


class KeyRoutes:
    """A person's API keys."""

    def __init__(self, site: AccountSite) -> None:
        self._site = site
        self._host = site.host
        self._personal = site.host.personal

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/account/keys", self.list_keys),
            Route("POST", "/account/keys", self.create_key, wanted.NewKey),
            Route("GET", "/account/keys/*", self.show_key),
            Route("DELETE", "/account/keys/*", self.revoke_key),
            Route("POST", "/account/keys/*/rotate", self.rotate_key, wanted.RotateKey),
            Route("POST", "/account/keys/*/change", self.change_key),
        ]

    async def list_keys(self, asked: Asked) -> Said:
        """List the keys of all of the person's accounts, without secrets."""
        person = self._site.person(asked.session)
        offered = [{"name": name, "kinds": ["hmac"]} for name in dialects.names()]
        return Said({"keys": self._keys(person, asked.caller), "dialects": offered})

    async def create_key(self, asked: Asked) -> Said:
        """Issue a key; its secret is shown this once."""
        person = self._site.person(asked.session)
        want: wanted.NewKey = asked.body
        call = self._call(person, want)
        valid = [k for k in self._keys(person, asked.caller) if k["revoked"] is None]
        if len(valid) >= KEYS_MAX:
            raise Declined(Decline.TOO_MANY, f"you have {KEYS_MAX} keys; revoke one first")

        def create() -> dict[str, Any]:
            made = self._host.admin.carry_out(call, asked.caller.now_ns)
            scopes = ", ".join(made["scopes"])
            self._tell(person, Deed.KEY_CREATED, made["key"], f"may {scopes}", asked.caller)
            return made

        made = await self._site.act(
            lambda: self._personal.step_up(person, want.code, asked.caller, create)
        )
        return Said(made, 201, self._site.sessions.rotate(asked.session, asked.caller.now_ns))

    async def show_key(self, asked: Asked) -> Said:
        """Show what a key may do."""
        person = self._site.person(asked.session)
        return Said(self._own(person, asked))

    async def revoke_key(self, asked: Asked) -> Said:
        """Make a key worthless at once; needs no code."""
        person = self._site.person(asked.session)
        key = self._own(person, asked)["key"]
        revoked = await self._host.administer(RevokeKey(key))
        await self._site.act(
            lambda: self._tell(
                person, Deed.KEY_REVOKED, key, "is worth nothing any more", asked.caller
            )
        )
        return Said(revoked)

    async def rotate_key(self, asked: Asked) -> Said:
        """Issue a key's successor."""
        self._own(self._site.person(asked.session), asked)
        _later("rotating a key")

    async def change_key(self, asked: Asked) -> Said:
        """Change what a key may do."""
        self._own(self._site.person(asked.session), asked)
        _later("changing a key")

    def _call(self, person: Person, want: wanted.NewKey) -> CreateKey:
        names = self._host.exchange.keys.people.names
        if names.get(want.account) not in person.account_ids:
            raise Declined(
                Decline.NOT_FOUND, f"you have no account {want.account!r}", field="account"
            )
        if want.dialect not in dialects.names():
            known = ", ".join(dialects.names())
            raise Declined(
                Decline.INVALID, f"no dialect {want.dialect!r}; there are: {known}", field="dialect"
            )
        unknown = [scope for scope in want.scopes if scope not in [*Scope]]
        if unknown:
            known = ", ".join(Scope)
            raise Declined(
                Decline.INVALID, f"no scope {unknown[0]!r}; there are: {known}", field="scopes"
            )
        if want.kind != "hmac" or want.public_key:
            _later("a key pair of your own")
        lifetime_ns = None if want.expires_days is None else want.expires_days * DAY_NS
        scopes = tuple(Scope(scope) for scope in want.scopes)
        return CreateKey(
            want.account, want.dialect, scopes, tuple(want.ip), lifetime_ns, want.label
        )

    def _own(self, person: Person, asked: Asked) -> dict[str, Any]:
        """Return one of the person's keys; of somebody else's not even that there is one."""
        for key in self._keys(person, asked.caller):
            if key["key"] == asked.name:
                return key
        raise not_found("key")

    def _keys(self, person: Person, caller: Caller) -> list[dict[str, Any]]:
        keys = self._host.exchange.keys
        names = {account_id: name for name, account_id in keys.people.names.items()}
        return [
            key
            for account_id in person.account_ids
            for key in self._host.admin.carry_out(ListKeys(names[account_id]), caller.now_ns)[
                "keys"
            ]
        ]

    def _tell(self, person: Person, what: Deed, key: str, text: str, caller: Caller) -> None:
        self._personal.note(person.person_id, what, key, caller)
        self._personal.mail(
            person.person_id,
            f"API key {what.value.removeprefix('key_')}",
            f"The key {key[:SHOWN]}... {text}. If it was not you, revoke it and change your "
            "password.",
            caller,
        )


def _later(what: str) -> NoReturn:
    raise not_yet(f"{what} is not there yet; create another key and revoke this one")
