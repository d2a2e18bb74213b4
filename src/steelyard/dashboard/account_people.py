"""Routes about the person: sessions, passwords, second factor, sub-accounts, activity."""

import io
from typing import Any

from steelyard.dashboard import account_requests as wanted
from steelyard.dashboard.account_site import AccountSite, Asked, Route, Said
from steelyard.dashboard.sessions import Session
from steelyard.domain.messages import AccountAnswer, AccountQuery
from steelyard.exchange import totp
from steelyard.exchange.bookkeeping import amount_text
from steelyard.exchange.declined import Decline, Declined, not_found
from steelyard.exchange.people import Activity, Person
from steelyard.exchange.personal import check_password, normal_password

ACTIVITY_PAGE = 100
QR_SCALE = 5


class PeopleRoutes:
    """What a person does about themselves."""

    def __init__(self, site: AccountSite) -> None:
        self._site = site
        self._personal = site.host.personal

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/account/session", self.session, is_open=True, even_temporary=True),
            Route("POST", "/account/sign-up", self.sign_up, wanted.SignUp, is_open=True),
            Route(
                "POST",
                "/account/sign-in",
                self.sign_in,
                wanted.SignIn,
                is_open=True,
                in_maintenance=True,
            ),
            Route(
                "POST",
                "/account/sign-out",
                self.sign_out,
                wanted.Nothing,
                even_temporary=True,
                in_maintenance=True,
            ),
            Route("GET", "/account/sessions", self.list_sessions),
            Route("DELETE", "/account/sessions/*", self.end_session, in_maintenance=True),
            Route(
                "POST",
                "/account/password",
                self.set_password,
                wanted.NewPassword,
                even_temporary=True,
            ),
            Route("POST", "/account/totp/begin", self.begin_totp, wanted.OnlyPassword),
            Route("POST", "/account/totp/confirm", self.confirm_totp, wanted.OnlyCode),
            Route("POST", "/account/totp/remove", self.remove_totp, wanted.PasswordAndCode),
            Route(
                "POST", "/account/recovery-codes", self.make_recovery_codes, wanted.PasswordAndCode
            ),
            Route("GET", "/account/sub-accounts", self.list_sub_accounts),
            Route("POST", "/account/sub-accounts", self.open_sub_account, wanted.NewSubAccount),
            Route("GET", "/account/balances", self.balances),
            Route("GET", "/account/activity", self.activity),
            Route("GET", "/account/outbox", self.outbox),
        ]

    # -- sessions ---------------------------------------------------------------------------

    async def session(self, asked: Asked) -> Said:
        """Tell who is signed in."""
        return Said(self._session(asked.session))

    async def sign_up(self, asked: Asked) -> Said:
        """Enter somebody, and sign them in."""
        want: wanted.SignUp = asked.body
        self._personal.check_new(want.name, want.email, want.password)
        hashed = await self._site.hashing.hash(normal_password(want.password))

        def act() -> tuple[Person, int]:
            self._personal.check_new(want.name, want.email, want.password)
            person = self._personal.sign_up(want.name, want.email, hashed, asked.caller)
            return person, person.generation

        return self._signed_in(asked, *await self._site.act(asked.session, act), 201)

    async def sign_in(self, asked: Asked) -> Said:
        """Let somebody in."""
        want: wanted.SignIn = asked.body
        hashed = self._personal.begin_sign_in(want.name, asked.caller)
        is_right = await self._site.hashing.verify(hashed, normal_password(want.password))
        caller = self._site.caller(asked.caller.ip)

        def act() -> tuple[Person, int]:
            person = self._personal.finish_sign_in(
                want.name, want.code, caller, compared=hashed, is_right=is_right
            )
            return person, person.generation

        return self._signed_in(asked, *await self._site.act(asked.session, act), 200)

    async def sign_out(self, asked: Asked) -> Said:
        """End this session."""
        self._site.sessions.end(asked.session)
        token, session = self._site.sessions.open(
            asked.caller.ip, asked.session.agent, asked.caller.now_ns
        )
        return Said(self._session(session), token=token)

    async def list_sessions(self, asked: Asked) -> Said:
        """List the person's sessions."""
        person = self._site.person(asked.session)
        shown = [
            {
                "id": session.session_id,
                "ip": session.ip,
                "agent": session.agent,
                "since": _ms(session.since_ns),
                "seen": _ms(session.seen_ns),
                "current": session is asked.session,
            }
            for session in self._site.sessions.live(person.person_id, asked.caller.now_ns)
            if session.generation == person.generation
        ]
        return Said({"sessions": shown})

    async def end_session(self, asked: Asked) -> Said:
        """End one of the person's sessions."""
        person = self._site.person(asked.session)
        for session in self._site.sessions.of(person.person_id):
            if session.session_id == asked.name:
                self._site.sessions.end(session)
                return Said({"id": asked.name, "ended": True})
        raise not_found("session")

    async def set_password(self, asked: Asked) -> Said:
        """Change the password, and end all other sessions."""
        want: wanted.NewPassword = asked.body
        person = self._site.person(asked.session)
        check_password(person.name, want.new, "new")
        if person.has_totp and not want.code:
            raise Declined(
                Decline.SECOND_FACTOR, "send the code of your authenticator", field="code"
            )
        compared = await self._check_password(asked, person, want.old, "old")
        if normal_password(want.new) == normal_password(want.old):
            raise Declined(
                Decline.INVALID, "this is the password that you have; choose another", field="new"
            )
        hashed = await self._site.hashing.hash(normal_password(want.new))
        caller = self._site.caller(asked.caller.ip)

        def act() -> None:
            def change() -> None:
                self._personal.set_password(person, hashed, caller, compared=compared)

            if person.has_totp:
                self._personal.step_up(person, want.code or "", caller, change)
            else:
                change()

        def act_and_stay() -> None:
            act()
            asked.session.generation = person.generation

        await self._site.act(asked.session, act_and_stay)
        self._site.sessions.end_all(person.person_id, but=asked.session)
        return Said(self._session(asked.session), token=self._rotated(asked))

    # -- the second factor ------------------------------------------------------------------

    async def begin_totp(self, asked: Asked) -> Said:
        """Show a secret to scan."""
        person = self._site.person(asked.session)
        await self._check_password(asked, person, asked.body.password)
        enrolment = self._personal.begin_totp(person)
        asked.session.enrolment = enrolment
        return Said(
            {
                "secret": totp.secret_text(enrolment.secret),
                "uri": enrolment.uri,
                "qr_svg": _qr_svg(enrolment.uri),
            }
        )

    async def confirm_totp(self, asked: Asked) -> Said:
        """Enrol the second factor, and end all sessions that came without it."""
        person = self._site.person(asked.session)
        enrolment = asked.session.enrolment
        if enrolment is None:
            raise Declined(
                Decline.CONFLICT, "nothing waits for a code here: POST /account/totp/begin first"
            )
        codes = await self._site.act(
            asked.session,
            lambda: self._personal.confirm_totp(person, enrolment, asked.body.code, asked.caller),
        )
        asked.session.enrolment = None
        self._site.sessions.end_all(person.person_id, but=asked.session)
        return Said({"recovery_codes": codes}, token=self._rotated(asked))

    async def remove_totp(self, asked: Asked) -> Said:
        """Take the second factor away."""
        person = self._site.person(asked.session)
        await self._check_password(asked, person, asked.body.password)
        caller = self._site.caller(asked.caller.ip)
        await self._site.act(
            asked.session,
            lambda: self._personal.step_up(
                person, asked.body.code, caller, lambda: self._personal.remove_totp(person, caller)
            ),
        )
        return Said(self._session(asked.session), token=self._rotated(asked))

    async def make_recovery_codes(self, asked: Asked) -> Said:
        """Show new recovery codes, this once."""
        person = self._site.person(asked.session)
        await self._check_password(asked, person, asked.body.password)
        caller = self._site.caller(asked.caller.ip)
        codes = await self._site.act(
            asked.session,
            lambda: self._personal.step_up(
                person,
                asked.body.code,
                caller,
                lambda: self._personal.make_recovery_codes(person, caller),
            ),
        )
        return Said({"recovery_codes": codes}, token=self._rotated(asked))

    # -- accounts ---------------------------------------------------------------------------

    async def list_sub_accounts(self, asked: Asked) -> Said:
        """List the person's accounts besides the first."""
        person = self._site.person(asked.session)
        return Said({"sub_accounts": [a["name"] for a in self._accounts(person) if a["is_sub"]]})

    async def open_sub_account(self, asked: Asked) -> Said:
        """Open another account."""
        person = self._site.person(asked.session)
        name = await self._site.act(
            asked.session,
            lambda: self._personal.open_sub_account(person, asked.body.name, asked.caller),
        )
        return Said({"name": name}, 201)

    async def balances(self, asked: Asked) -> Said:
        """Tell what is in each of the person's accounts."""
        exchange = self._site.host.exchange
        assets = exchange.listings.assets()
        names = self._names()
        shown = []
        for account_id in self._site.person(asked.session).account_ids:
            answer = exchange.ask(AccountQuery(account_id), asked.caller.now_ns)
            assert isinstance(answer, AccountAnswer), "a person's account is open"
            shown.append(
                {
                    "account": names[account_id],
                    "balances": [
                        {
                            "asset": assets[balance.asset_id],
                            "free": amount_text(balance.free_atoms),
                            "held": amount_text(balance.held_atoms),
                        }
                        for balance in answer.balances
                    ],
                }
            )
        return Said({"accounts": shown, "assets": sorted(assets.values())})

    async def activity(self, asked: Asked) -> Said:
        """Tell a page of what the person did, newest first."""
        person = self._site.person(asked.session)
        lines = self._site.host.exchange.people.activity(person.person_id)
        begin = _begin(lines, asked.query.get("cursor", ""))
        page = lines[begin : begin + ACTIVITY_PAGE]
        end = begin + len(page)
        shown = [
            {"time": _ms(a.time_ns), "what": a.what.value, "about": a.about, "ip": a.ip}
            for a in page
        ]
        return Said({"activity": shown, "cursor": _cursor(lines, end)})

    async def outbox(self, asked: Asked) -> Said:
        """Show the person's mails."""
        person = self._site.person(asked.session)
        mails = self._site.host.exchange.people.outbox.mails(person.person_id)
        return Said({"mails": [shown_mail(mail) for mail in mails]})

    # -- parts ------------------------------------------------------------------------------

    async def _check_password(
        self, asked: Asked, person: Person, password: str, field: str = "password"
    ) -> str:
        """Return the hash that a password was right for, or raise Declined."""
        hashed = self._personal.begin_password_check(person, asked.caller)
        is_right = await self._site.hashing.verify(hashed, normal_password(password))
        self._personal.finish_password_check(
            person, compared=hashed, is_right=is_right, field=field
        )
        return hashed

    def _signed_in(self, asked: Asked, person: Person, generation: int, status: int) -> Said:
        """Begin a session of the password that was right, which may have gone by now."""
        sessions = self._site.sessions
        caller = asked.caller
        token = sessions.sign_in(asked.session, person.person_id, caller.ip, caller.now_ns)
        session = sessions.find(token, caller.now_ns)
        assert session is not None, "it was just begun"
        session.generation = generation
        return Said(self._session(session), status, token)

    def _rotated(self, asked: Asked) -> str:
        return self._site.sessions.rotate(asked.session, asked.caller.now_ns)

    def _session(self, session: Session) -> dict[str, Any]:
        person = None if session.person_id is None else self._site.person(session)
        return {
            "signed_in": person is not None,
            "csrf": session.csrf,
            "person": None
            if person is None
            else {
                "name": person.name,
                "email": person.email,
                "account": person.name,
                "accounts": self._accounts(person),
                "totp": person.has_totp,
                "recovery_codes_left": len(person.recovery_hashes),
                "must_change_password": person.is_temporary,
            },
            "expires": None if person is None else _ms(session.expires_ns),
        }

    def _accounts(self, person: Person) -> list[dict[str, Any]]:
        names = self._names()
        return [
            {"name": names[number], "is_sub": number != person.account_id}
            for number in person.account_ids
        ]

    def _names(self) -> dict[int, str]:
        names = self._site.host.exchange.keys.people.names
        return {account_id: name for name, account_id in names.items()}


def shown_mail(mail: Any) -> dict[str, Any]:
    """Return a mail for JSON."""
    return {"to": mail.to, "subject": mail.subject, "text": mail.text, "time": _ms(mail.time_ns)}


def _cursor(lines: list[Activity], end: int) -> str | None:
    """Return where to go on: the last line's time, and how many lines of it were shown."""
    if end >= len(lines):
        return None
    time_ns = lines[end - 1].time_ns
    return f"{time_ns}.{sum(line.time_ns == time_ns for line in lines[:end])}"


def _begin(lines: list[Activity], cursor: str) -> int:
    if not cursor:
        return 0
    time, _, shown = cursor.partition(".")
    if not (time.isdecimal() and shown.isdecimal() and len(cursor) <= 40):  # noqa: PLR2004 digits
        raise Declined(
            Decline.INVALID, "the cursor is none that this list gave out", field="cursor"
        )
    newer = sum(line.time_ns > int(time) for line in lines)
    return min(newer + int(shown), len(lines))


def _qr_svg(text: str) -> str:
    out = io.BytesIO()
    import segno  # noqa: PLC0415 slow to import, and drawn once in a person's life

    segno.make(text, error="m").save(
        out, kind="svg", scale=QR_SCALE, xmldecl=False, svgclass=None, lineclass=None
    )
    return out.getvalue().decode()


def _ms(time_ns: int) -> int:
    return time_ns // 1_000_000
