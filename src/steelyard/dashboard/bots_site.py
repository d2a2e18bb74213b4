"""What a page asks about the bots of a data directory, and what it may have done to them.

    GET  /page/bots                          every bot, in short
    GET  /page/why?bot=B                     what `steelyard why` says
    GET  /page/past?bot=B&at=MS              how it was; or &sequence=N; neither: now
    GET  /page/timeline?bot=B&from=MS&to=MS  counts of its events over time
    GET  /page/kill?bot=B                    how the last kill that began here stands
    POST /page/kill                          {"bot", "confirm", "flatten", "drill", "who", "why"}
    POST /page/resume                        {"bot", "who", "why"}: lift the kill mark
    POST /page/breaker                       {"bot", "name", "who", "why"}: it may resume
    POST /page/reconcile                     {"bot"}: compare everything with the venue

It knows no exchange, so whoever serves the page can have it. Who may ask is checked before
(`guard.py`): all of it needs the token.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from steelyard.dashboard.bots import Bots
from steelyard.dashboard.journals import Journals
from steelyard.dashboard.kills import KillBody, Kills
from steelyard.domain.errors import UsageError
from steelyard.wire.http import Request

MS_MAX = 1 << 53  # what a page's numbers are exact up to

Name = Annotated[str, Meta(max_length=100)]
Words = Annotated[str, Meta(max_length=500)]


class BotBody(Struct, forbid_unknown_fields=True):
    """Which bot a button is about, and who pressed it."""

    bot: Name
    who: Name = ""
    why: Words = ""


class BreakerBody(Struct, forbid_unknown_fields=True):
    """Which breaker of which bot may resume, by whose word."""

    bot: Name
    name: Name
    who: Name
    why: Words


Asked = dict[str, str]
Answer = Callable[[Request, Asked], Awaitable[Any]]


class BotsSite:
    """The bots' part of a page's server."""

    def __init__(self, data: Path) -> None:
        self.bots = Bots(data)
        self._kills = Kills(data)
        self._journals = Journals(data)
        self._bot_body = msgspec.json.Decoder(BotBody)
        self._breaker_body = msgspec.json.Decoder(BreakerBody)
        self._kill_body = msgspec.json.Decoder(KillBody)
        self._routes: dict[tuple[str, str], Answer] = {
            ("GET", "/page/bots"): self._list,
            ("GET", "/page/why"): self._why,
            ("GET", "/page/past"): self._past,
            ("GET", "/page/timeline"): self._timeline,
            ("GET", "/page/kill"): self._kill_shown,
            ("POST", "/page/kill"): self._kill,
            ("POST", "/page/resume"): self._resume,
            ("POST", "/page/breaker"): self._breaker,
            ("POST", "/page/reconcile"): self._reconcile,
        }

    async def respond(self, request: Request) -> Any:
        """Return the answer to a request; None: it is nothing of this.

        Raises:
            UsageError: It cannot be done, and how to.
            TransportError: The bot, or who reads its journal, does not answer.
            DecodeError: The body is malformed (msgspec's).
        """
        act = self._routes.get((request.method, request.path))
        return None if act is None else await act(request, dict(request.pairs()))

    def described(self) -> list[dict[str, Any]]:
        """Return the bots that have a place on the desk, with their last kills."""
        found = self.bots.describe()
        return [bot | {"kill": self._kills.shown(bot["name"])} for bot in found]

    async def close(self) -> None:
        """End what reads journals and asks bots; kills go on."""
        self.bots.close()
        await self._journals.close()

    # -- what is asked ------------------------------------------------------------------------

    async def _list(self, _request: Request, _asked: Asked) -> Any:
        found = await self.bots.summaries()
        for bot in found:
            bot["kill"] = self._kills.shown(bot["name"])
        return {"bots": found}

    async def _why(self, _request: Request, asked: Asked) -> Any:
        return await self._journals.ask(_bot(asked), {"ask": "why"})

    async def _past(self, _request: Request, asked: Asked) -> Any:
        question = {"ask": "past", "at": _number(asked, "at")}
        return await self._journals.ask(
            _bot(asked), question | {"sequence": _number(asked, "sequence")}
        )

    async def _timeline(self, _request: Request, asked: Asked) -> Any:
        part = {name: _number(asked, name) for name in ("from", "to")}
        return await self._journals.ask(_bot(asked), {"ask": "timeline", **part})

    async def _kill_shown(self, _request: Request, asked: Asked) -> Any:
        return {"kill": self._kills.shown(_bot(asked))}

    # -- what is done -------------------------------------------------------------------------

    async def _kill(self, request: Request, _asked: Asked) -> Any:
        return {"kill": self._kills.start(self._kill_body.decode(request.body))}

    async def _resume(self, request: Request, _asked: Asked) -> Any:
        body = self._bot_body.decode(request.body)
        done = await self.bots.resume(body.bot, body.who.strip(), body.why.strip())
        self._kills.forget(body.bot)
        return done

    async def _breaker(self, request: Request, _asked: Asked) -> Any:
        body = self._breaker_body.decode(request.body)
        return await self.bots.resume_breaker(body.bot, body.name, body.who, body.why)

    async def _reconcile(self, request: Request, _asked: Asked) -> Any:
        return await self.bots.reconcile(self._bot_body.decode(request.body).bot)


def _bot(asked: Asked) -> str:
    try:
        return asked["bot"][:100]
    except KeyError:
        raise UsageError("name the bot: ?bot=NAME") from None


def _number(asked: Asked, name: str) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 16) or int(text) > MS_MAX:  # noqa: PLR2004
        raise UsageError(f"{name} is a whole number, milliseconds since 1970 or a record's")
    return int(text)
