"""The page on a bot's own port: every bot of its data directory, where no exchange is to ask.

It is the page of the exchange without its desk. The bot's process reads no journal and kills
nobody for it: other processes do (`dashboard/journals.py`, `dashboard/kills.py`), so a page that is
looked at holds up no order. The built files are read when somebody first asks for one.
"""

from pathlib import Path
from typing import Any

import msgspec

from steelyard import __version__
from steelyard.dashboard.answering import Note, answered, refused
from steelyard.dashboard.bots_site import BotsSite
from steelyard.dashboard.files import Files
from steelyard.wire.http import Request, Response, json_response

DESK, NO_DESK = b'<div id="page"></div>', b'<div id="page" data-place="bots"></div>'
MS_NS = 1_000_000
ROOTS = ("/page/", "/assets/")


class TraderPage:
    """What a bot's port serves to browsers. Who may ask is checked before."""

    def __init__(
        self, data: Path, environment: str, started_ns: int, note: Note = lambda _: None
    ) -> None:
        """`note` is told of what nobody has foreseen."""
        self._note = note
        self._bots = BotsSite(data)
        self._files: Files | None = None
        self._session: dict[str, Any] = {
            "environment": environment,
            "market": "none",
            "market_note": "",
            "version": __version__,
            "clock": None,
            "started": started_ns // MS_NS,
            "dialects": [],
            "symbols": [],
        }

    def serves(self, path: str) -> bool:
        """Whether a path is the page's."""
        return path in ("/", "/index.html") or path.startswith(ROOTS)

    def is_open(self, path: str) -> bool:
        """Whether it needs no token: the files of the page itself."""
        return not path.startswith("/page/")

    async def respond(self, request: Request) -> Response:
        """Answer a request, whatever goes wrong."""
        return await answered(self._respond(request), self._note)

    async def _respond(self, request: Request) -> Response:
        if self.is_open(request.path):
            return self._file(request)
        found: Any
        if (request.method, request.path) == ("GET", "/page/session"):
            found = {**self._session, "bots": self._bots.described()}
        else:
            found = await self._bots.respond(request)
        if found is None:
            return refused(404, f"there is no {request.method} {request.path[:100]} here")
        return json_response(200, msgspec.json.encode(found))

    async def close(self) -> None:
        """Let go of what reads journals; kills go on."""
        await self._bots.close()

    def _file(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return refused(405, "the page is only read")
        if self._files is None:
            self._files = Files()
        file = self._files.find(request.path)
        if file is None:
            return refused(404, f"there is no {request.path[:100]} here")
        return file._replace(body=file.body.replace(DESK, NO_DESK))
