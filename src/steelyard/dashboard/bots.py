"""The bots of a data directory, as pages show them: all that have ever run, and how each stands.

A bot is known by its directory `DIR/bots/NAME`. One that runs is asked over its own port, for a
second at most; what it does not say, or one that does not run, is told from its files. The kill
switch is not here (`dashboard/kills.py`): it is a process of its own.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from steelyard.dashboard.bot_process import ask_bot, document_of, lift
from steelyard.domain.errors import ConfigError, PeerError, TransportError, UsageError
from steelyard.net.loopback import ask_process
from steelyard.store.datadir import (
    WITHOUT_A_WORD,
    bot_directories,
    ending_of,
    is_alive,
    latch_file,
    port_file,
    read_document,
)
from steelyard.store.latch import Latch

LOOKS_MAX = 8  # bots that are asked at once
LOOK_S = 1.0  # a bot that is well answers within milliseconds
RECONCILE_S = 14.0  # a bot says within 12 what came of it
BREAKER_S = 14.0
OK = 200
NEAR = 0.75  # of a limit; from there on its use is told in the list of bots


class Bots:
    """Every bot under a data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data
        # The loop's own threads look up the names of venues: bots that hang must not fill them.
        self._threads = ThreadPoolExecutor(LOOKS_MAX, thread_name_prefix="bots")
        self._looking: asyncio.Task[list[dict[str, Any]]] | None = None

    def describe(self) -> list[dict[str, Any]]:
        """Return each bot's name, what it trades and where its own socket is.

        One that was stopped in order has no port file, and so no place on the desk.
        """
        names = bot_directories(self._data)
        return [self._describe(name) for name in names if self._has_socket(name)]

    async def summaries(self) -> list[dict[str, Any]]:
        """Return how every bot stands that has ever run here, in a few fields each.

        Who asks while another one waits for that waits with it.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        return [dict(found) for found in await asyncio.shield(self._looking)]

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def resume(self, name: str, who: str = "", why: str = "") -> dict[str, Any]:
        """Lift the latch; a running bot trades on, another one when it is started.

        Raises:
            UsageError: No bot of that name has ever run here.
            TransportError: It runs, and does not answer; the mark is lifted.
        """
        return await lift(self._data, name, why or "lifted on the page", who or "somebody")

    async def resume_breaker(self, name: str, breaker: str, who: str, why: str) -> dict[str, Any]:
        """Let a breaker of a running bot that has tripped resume: whether it has, in words.

        Raises:
            UsageError: There is no such bot, it does not run, or nobody said who and why.
            TransportError: It does not answer.
        """
        if not why.strip() or not who.strip():
            raise UsageError("say who you are and why it may resume; both go into the journal")
        if name not in bot_directories(self._data):
            self._document(name)  # says which there are
        document = read_document(port_file(self._data / "bots" / name), missing={})
        if not is_alive(document):
            raise UsageError(f"bot {name} does not run; a breaker resumes only while it does")
        body = {"name": breaker, "who": who.strip(), "why": why.strip()}
        status, answer = await ask_bot(document, "/breaker", BREAKER_S, body=body)
        if status != OK:
            raise UsageError(f"the bot refuses: {answer.get('error', {}).get('message', answer)}")
        return answer

    async def reconcile(self, name: str) -> dict[str, Any]:
        """Have a running bot compare everything with its venue: whether it agrees, in words.

        Raises:
            UsageError: No bot of that name has ever run here.
            TransportError: It does not answer.
        """
        document = self._document(name)
        if not is_alive(document):
            return {"done": False, "text": "the bot does not run; its start compares everything"}
        status, answer = await ask_bot(document, "/reconcile", RECONCILE_S)
        if status != OK:
            return {"done": False, "text": "the bot refuses to be asked"}
        return answer

    async def _look(self) -> list[dict[str, Any]]:
        run = asyncio.get_running_loop().run_in_executor
        names = bot_directories(self._data)
        return [*await asyncio.gather(*(run(self._threads, self._summary, n) for n in names))]

    # -- one bot ------------------------------------------------------------------------------

    def _has_socket(self, name: str) -> bool:
        """Return whether a bot runs, or ended without a word."""
        try:
            return bool(_socket_of(self._document(name)))
        except ConfigError:
            return False

    def _describe(self, name: str) -> dict[str, Any]:
        document = self._document(name)
        return {
            "name": name,
            "symbol": document.get("symbol"),
            "strategy": document.get("strategy"),
            **_socket_of(document),
            "alive": is_alive(document),
            "killed": latch_file(self._data, name).exists(),
        }

    def _summary(self, name: str) -> dict[str, Any]:
        latch = Latch(self._data, name)
        found: dict[str, Any] = {
            "name": name,
            "symbol": None,
            "strategy": None,
            "environment": None,
            "ws": None,
            "token": None,
            "killed": latch.is_set,
            "mark": latch.words if latch.is_set else None,
            "status": "stopped",
            "reason": None,
            "position": None,
            "pnl": None,
            "open_orders": None,
            "tripped": [],
            "near": [],
        }
        directory = self._data / "bots" / name
        try:
            document = self._document(name)
            found |= {key: document.get(key) for key in ("symbol", "strategy", "environment")}
            running = read_document(port_file(directory), missing={})
            if not is_alive(running):
                is_gone, why = (True, WITHOUT_A_WORD) if running else ending_of(directory)
                return found | {"status": "gone" if is_gone else "stopped", "reason": why}
        except ConfigError as error:
            return found | {"reason": str(error)}
        silent = {"status": "silent"}
        try:
            status, state = ask_process(running, "GET", "/status", timeout_s=LOOK_S)
        except (TransportError, PeerError) as error:
            return found | silent | _socket_of(running) | {"reason": str(error)}
        try:
            return found | _socket_of(running) | _told(state)
        except (KeyError, TypeError, ValueError):
            said = f"port {running['port']} answers {status}, and not as a bot of this version"
            return found | silent | {"reason": f"{said}; stop it by its kill switch"}

    def _document(self, name: str) -> dict[str, Any]:
        return document_of(self._data, name)


def _socket_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return where a page hears a bot, and with which token; nothing where its file is damaged."""
    port, token = document.get("port"), document.get("token")
    if not (isinstance(port, int) and isinstance(token, str)):
        return {}
    return {"ws": f"ws://127.0.0.1:{port}/ws", "token": token}


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """Return what the list shows of a state."""
    return {
        "symbol": state["bot"]["symbol"],
        "strategy": state["bot"]["strategy"],
        "environment": state["bot"]["environment"],
        "status": state["status"],
        "reason": state["reason"],
        "position": state["position"],
        "pnl": state["pnl"],
        "open_orders": len(state["orders"]),
        "tripped": [each["name"] for each in state["breakers"] if each["state"] == "tripped"],
        "near": [use["name"] for use in state["risk"]["limits"] if _is_near(use)],
    }


def _is_near(use: dict[str, Any]) -> bool:
    """Return whether a limit is nearly used up; of which nothing is decided by this."""
    if use["limit"] is None or use["used"] is None:
        return False
    limit = float(use["limit"])
    return abs(float(use["used"])) >= NEAR * limit
