"""Port 8600 besides the native API: the page, what the page asks, and administration.

`/` and `/assets/*` are the built page, open to all who reach loopback; `/page/*`, `/outbox` and
`/admin` need the token of the data directory (`dashboard/guard.py`), `/account/*` a session
(`dashboard/account_site.py`).
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from steelyard import __version__, dialects
from steelyard.dashboard.account_people import shown_mail
from steelyard.dashboard.account_site import AccountSite
from steelyard.dashboard.answering import answered, refused
from steelyard.dashboard.bots_site import BotsSite
from steelyard.dashboard.files import Files
from steelyard.dashboard.guard import Guard
from steelyard.dashboard.headers import private
from steelyard.exchange.admin import AdminCall
from steelyard.exchange.exchange import Exchange
from steelyard.wire.http import Request, Response, json_response

Reply = Callable[[Response], None]
encode = msgspec.json.Encoder().encode


class Host(Protocol):
    """What the page's server side asks of the process around it."""

    exchange: Exchange
    started_ns: int
    market_note: str

    @property
    def environment(self) -> str:
        """How far orders reach here: sandbox or paper."""
        ...

    def sandbox_clock(self) -> dict[str, Any]:
        """Return what time it is, and whether that is the host's."""
        ...

    def administer(self, call: AdminCall) -> "asyncio.Future[dict[str, Any]]":
        """Carry out an administrator's call; done when it is on disk."""
        ...


class PageSite:
    """The page, its questions, and administration."""

    def __init__(self, host: Host, bots: BotsSite, accounts: AccountSite, guard: Guard) -> None:
        self._host = host
        self._bots = bots
        self._guard = guard
        self.accounts = accounts
        self._files = Files()
        self._calls: msgspec.json.Decoder[AdminCall] = msgspec.json.Decoder(AdminCall)
        self._tasks: set[asyncio.Task[None]] = set()

    def serves(self, path: str) -> bool:
        """Whether a path is the page's or administration's."""
        return (
            path in ("/admin", "/outbox")
            or path.startswith("/page/")
            or self.accounts.serves(path)
            or self._files.find(path) is not None
        )

    def http(self, request: Request, ip: str, send: Reply) -> None:
        """Answer a request, later if it takes more than a look."""

        def reply(response: Response) -> None:
            send(private(response))

        if self.accounts.serves(request.path):
            self.accounts.http(request, ip, reply)
            return
        file = self._files.find(request.path)
        if file is not None:
            refusal = self._guard.refusal(request, needs_token=False)
            is_read = request.method in ("GET", "HEAD")
            reply(refusal or (file if is_read else refused(405, "the page is only read")))
            return
        if refusal := self._guard.refusal(request):
            reply(refusal)
            return
        task = asyncio.get_running_loop().create_task(self._later(request, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _later(self, request: Request, reply: Reply) -> None:
        reply(await answered(self._respond(request), _note))

    async def _respond(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/page/session":
                return json_response(200, encode(self._session()))
            case "GET", "/outbox":
                mails = self._host.exchange.people.outbox.mails()
                return json_response(200, encode({"mails": [shown_mail(m) for m in mails]}))
            case "POST", "/admin":
                call = self._calls.decode(request.body)
                return json_response(200, encode(await self._host.administer(call)))
            case _:
                found = await self._bots.respond(request)
                if found is not None:
                    return json_response(200, encode(found))
                return refused(404, f"there is no {request.method} {request.path[:100]} here")

    def _clock(self) -> dict[str, Any] | None:
        """Return how the sandbox's clock is not the host's; None where it is.

        Nothing in it changes as time goes on, so that the page need not draw it anew.
        """
        clock = self._host.sandbox_clock()
        if clock["is_hosts"]:
            return None
        is_frozen = clock["is_frozen"]
        return {
            "frozen_at": clock["sandbox"] if is_frozen else None,
            "ahead_s": None if is_frozen else round(clock["ahead_ms"] / 1_000),
        }

    def _session(self) -> dict[str, Any]:
        exchange = self._host.exchange
        return {
            "environment": self._host.environment,
            "market": exchange.founded.market if exchange.founded else "none",
            "market_note": self._host.market_note,
            "version": __version__,
            "clock": self._clock(),
            "started": self._host.started_ns // 1_000_000,
            "dialects": list(dialects.names()),
            "symbols": [instrument.symbol for instrument in exchange.listings],
            "bots": self._bots.described(),
        }


def _note(text: str) -> None:
    """Say what nobody has foreseen where the exchange is run."""
    sys.stderr.write(f"{text}\n")
