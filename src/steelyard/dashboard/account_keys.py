"""Routes about API keys: a person's own, with a second factor for all that gives more.

What a key is and may do is the administrator's to carry out (`exchange/issuing.py`); this asks
whose it is, takes the code, and tells the person by mail what happened.
"""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from msgspec import UNSET, UnsetType

from steelyard import dialects
from steelyard.dashboard import account_requests as wanted
from steelyard.dashboard.account_site import AccountSite, Asked, Route, Said
from steelyard.domain.messages import SECOND_NS, KeyKind, Scope
from steelyard.exchange.admin import AdminCall
from steelyard.exchange.declined import Decline, Declined, not_found
from steelyard.exchange.issuing import (
    ChangeKey,
    CreateKey,
    KeyHistory,
    ListKeys,
    RevokeKey,
    RotateKey,
    ShowKey,
)
from steelyard.exchange.keys import KeptKey, checked_addresses
from steelyard.exchange.people import Person
from steelyard.exchange.people_records import Deed
from steelyard.exchange.personal import Caller

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
KEYS_MAX = 100  # of one person, that work
SHOWN = 8  # characters of a key that mails name it by


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
            Route("DELETE", "/account/keys/*", self.revoke_key, in_maintenance=True),
            Route("POST", "/account/keys/*/rotate", self.rotate_key, wanted.RotateKey),
            Route("POST", "/account/keys/*/change", self.change_key, wanted.ChangeKey),
        ]

    async def list_keys(self, asked: Asked) -> Said:
        """List the keys of all of the person's accounts, and which kinds each dialect takes."""
        person = self._site.person(asked.session)
        offered = [
            {"name": name, "kinds": [k for k in KeyKind if k in dialects.find(name).key_kinds]}
            for name in dialects.names()
        ]
        return Said({"keys": self._keys(person, asked.caller), "dialects": offered})

    async def create_key(self, asked: Asked) -> Said:
        """Issue a key; its secret is shown this once."""
        person = self._site.person(asked.session)
        want: wanted.NewKey = asked.body
        call = self._call(person, want)
        self._check_count(person, asked.caller)

        def create() -> dict[str, Any]:
            made = self._carry_out(call, asked.caller)
            text = f"was created; it may {', '.join(made['scopes'])}"
            self._tell(person, Deed.KEY_CREATED, made["key"], text, asked.caller)
            return made

        return await self._with_code(asked, person, want.code, create, 201)

    async def show_key(self, asked: Asked) -> Said:
        """Show what a key may do, what a thief could do with it, and what was done to it."""
        key = self._own(self._site.person(asked.session), asked.name).created.key
        shown = self._carry_out(ShowKey(key), asked.caller)
        history = self._carry_out(KeyHistory(key), asked.caller)
        return Said({**shown, "history": history["events"]})

    async def revoke_key(self, asked: Asked) -> Said:
        """Make a key worthless at once; needs no code."""
        person = self._site.person(asked.session)
        key = self._own(person, asked.name).created.key

        def revoke() -> dict[str, Any]:
            revoked = self._carry_out(RevokeKey(key, _actor(person)), asked.caller)
            self._tell(person, Deed.KEY_REVOKED, key, "was revoked", asked.caller)
            return revoked

        return Said(await self._site.act(asked.session, revoke))

    async def rotate_key(self, asked: Asked) -> Said:
        """Issue a key's successor; its secret is shown this once."""
        person = self._site.person(asked.session)
        want: wanted.RotateKey = asked.body
        key = self._own(person, asked.name).created.key
        self._check_count(person, asked.caller)
        overlap_ns = want.overlap_hours * HOUR_NS
        call = RotateKey(key, overlap_ns, want.public_key, _actor(person))

        def rotate() -> dict[str, Any]:
            made = self._carry_out(call, asked.caller)
            text = f"was replaced; it works for {want.overlap_hours} hours more"
            self._tell(person, Deed.KEY_ROTATED, key, text, asked.caller)
            return made

        return await self._with_code(asked, person, want.code, rotate, 201)

    async def change_key(self, asked: Asked) -> Said:
        """Change what a key may do; what gives it more needs a code."""
        person = self._site.person(asked.session)
        want: wanted.ChangeKey = asked.body
        kept = self._own(person, asked.name)
        lifetime_ns: int | UnsetType | None = UNSET
        if want.expires_days is not UNSET:
            lifetime_ns = None if want.expires_days is None else want.expires_days * DAY_NS
        call = ChangeKey(
            kept.created.key,
            UNSET if want.scopes is UNSET else _scopes(want.scopes),
            UNSET if want.products is UNSET else self._symbols(want.products),
            UNSET if want.ip is UNSET else tuple(want.ip),
            lifetime_ns,
            want.label,
            _actor(person),
        )

        def change() -> dict[str, Any]:
            changed = self._carry_out(call, asked.caller)
            text = f"was changed; it may {', '.join(changed['scopes'])}"
            self._tell(person, Deed.KEY_CHANGED, kept.created.key, text, asked.caller)
            return changed

        if gives_more(kept, call, asked.caller.now_ns):
            return await self._with_code(asked, person, want.code, change, 200)
        return Said(await self._site.act(asked.session, change))

    # -- parts ------------------------------------------------------------------------------

    async def _with_code(
        self, asked: Asked, person: Person, code: str, act: Callable[[], Any], status: int
    ) -> Said:
        done = await self._site.act(
            asked.session, lambda: self._personal.step_up(person, code, asked.caller, act)
        )
        token = self._site.sessions.rotate(asked.session, asked.caller.now_ns)
        return Said(done, status, token)

    def _carry_out(self, call: AdminCall, caller: Caller) -> dict[str, Any]:
        return self._host.admin.carry_out(call, caller.wire_ns)

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
        if want.kind not in [*KeyKind]:
            known = ", ".join(KeyKind)
            raise Declined(
                Decline.INVALID, f"no kind {want.kind!r}; there are: {known}", field="kind"
            )
        return CreateKey(
            want.account,
            want.dialect,
            _scopes(want.scopes),
            tuple(want.ip),
            None if want.expires_days is None else want.expires_days * DAY_NS,
            want.label,
            kind=KeyKind(want.kind),
            public_key=want.public_key,
            products=tuple(want.products),
            actor=_actor(person),
        )

    def _symbols(self, products: list[str]) -> tuple[str, ...]:
        """Return products as we spell them: `btc/usdt` is BTC-USDT."""
        listings = self._host.exchange.listings
        return tuple(listings.symbol(product).symbol for product in products)

    def _own(self, person: Person, name: str) -> KeptKey:
        """Return one of the person's keys; of somebody else's not even that there is one."""
        kept = self._host.exchange.keys.people.keys.get(name)
        if kept is None or kept.created.account_id not in person.account_ids:
            raise not_found("key")
        return kept

    def _keys(self, person: Person, caller: Caller) -> list[dict[str, Any]]:
        names = self._host.exchange.keys.people.names
        mine = [name for name, number in names.items() if number in person.account_ids]
        found = (self._carry_out(ListKeys(name), caller)["keys"] for name in mine)
        return [key for keys in found for key in keys]

    def _check_count(self, person: Person, caller: Caller) -> None:
        if sum(key["works"] for key in self._keys(person, caller)) >= KEYS_MAX:
            raise Declined(Decline.TOO_MANY, f"you have {KEYS_MAX} keys; revoke one first")

    def _tell(self, person: Person, what: Deed, key: str, text: str, caller: Caller) -> None:
        self._personal.note(person.person_id, what, key, caller)
        self._personal.mail(
            person.person_id,
            f"API key {what.value.removeprefix('key_')}",
            f"The key {key[:SHOWN]}... {text}. If it was not you, revoke it and change your "
            "password.",
            caller,
        )


def gives_more(kept: KeptKey, call: ChangeKey, now_ns: int) -> bool:
    """Return whether a change lets a key do anything that it may not do now.

    The change names products as we spell them.
    """
    was = kept.created
    if call.scopes is not UNSET and not {*call.scopes} <= was.scopes:
        return True
    is_limited = call.products is not UNSET and was.products
    if is_limited and not (call.products and {*call.products} <= {*was.products}):
        return True
    if call.ip is not UNSET and was.ip and not _is_within(call.ip, was.ip):
        return True
    if call.lifetime_ns is not UNSET and was.expires_ns is not None:
        return call.lifetime_ns is None or now_ns + call.lifetime_ns > was.expires_ns
    return False


def _is_within(addresses: tuple[str, ...], allowed: tuple[str, ...]) -> bool:
    """Return whether every address of a list is in another list; an empty one is anywhere."""
    known = [ip_network(each) for each in allowed]
    networks = [ip_network(each) for each in checked_addresses(addresses)]
    return bool(networks) and all(
        any(each.version == k.version and each.subnet_of(k) for k in known)  # type: ignore[arg-type]
        for each in networks
    )


def _scopes(names: list[str]) -> tuple[Scope, ...]:
    unknown = [name for name in names if name not in [*Scope]]
    if unknown:
        known = ", ".join(Scope)
        raise Declined(
            Decline.INVALID, f"no scope {unknown[0]!r}; there are: {known}", field="scopes"
        )
    return tuple(Scope(name) for name in names)


def _actor(person: Person) -> str:
    return f"person {person.name}"
