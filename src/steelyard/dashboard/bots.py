"""The bots of a data directory, and the kill switch that works when a bot does not.

A bot is known by the port file in `DIR/bots/NAME`. To kill one: its own process is asked to
latch trading off and to cancel; then, whatever it said, the exchange cancels what is left of
the account if the bot did not answer, and the open orders are counted at the exchange. A latch
file keeps a bot that was dead from trading when it comes back. Killed means: counted, and zero.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from steelyard.dashboard.bot_process import Replied, ask_bot, ask_to_die, document_of, lift
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.exchange.admin import AdminCall, CancelOrders
from steelyard.exchange.issuing import ListKeys
from steelyard.net.clock import Clock
from steelyard.store.datadir import (
    bot_directories,
    is_alive,
    latch_file,
)
from steelyard.store.latch import Latch

Administer = Callable[[AdminCall], Awaitable[dict[str, Any]]]
ANSWER_S = 5.0
RECONCILE_S = 14.0  # a bot says within 12 what came of it


class Bots:
    """Every bot under a data directory."""

    def __init__(self, data: Path, administer: Administer) -> None:
        self._data = data
        self._administer = administer

    async def describe(self) -> list[dict[str, Any]]:
        """Return each bot's name, what it trades and where its own socket is.

        One that was stopped in order has no port file, and so no place on the page.
        """
        names = bot_directories(self._data)
        return [self._describe(name) for name in names if self._has_socket(name)]

    async def kill(self, name: str) -> dict[str, Any]:
        """Stop a bot for good: latch, cancel, count; see the module's words.

        Raises:
            UsageError: No bot of that name has ever run here.
        """
        begun_ns = perf_counter_ns()
        document = self._document(name)
        steps: list[str] = []
        Latch(self._data, name).set("the kill switch was pressed", "on the page", Clock().now_ns())
        steps.append("trading latched off")
        replied = await self.ask_to_die(name)
        steps += replied.steps
        answered, canceled = replied.answered, replied.canceled
        left = await self._cancel_at_exchange(document, steps, only_count=answered)
        canceled += left["canceled"]
        is_verified = left["open_orders"] == 0
        steps.append(f"{left['open_orders']} open orders at the exchange")
        return {
            "killed": is_verified,
            "verified": is_verified,
            "open_orders": left["open_orders"],
            "canceled": canceled,
            "bot_answered": answered,
            "elapsed_ms": (perf_counter_ns() - begun_ns) // 1_000_000,
            "steps": steps,
        }

    async def resume(self, name: str) -> dict[str, Any]:
        """Lift the latch; a running bot trades on, another one when it is started."""
        return await lift(self._data, name, "lifted on the page", "somebody")

    async def ask_to_die(self, name: str) -> Replied:
        """Ask a bot's process to latch trading off and to cancel; it may not answer."""
        return await ask_to_die(self._data, name)

    async def cancel_at_exchange(self, name: str) -> dict[str, Any]:
        """Have the exchange of this directory cancel all of a bot's account, and count.

        Raises:
            UsageError: The bot's key is not one of it.
        """
        return await self._cancel_at_exchange(self._document(name), [], only_count=False)

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
        if status != 200:  # noqa: PLR2004 HTTP's word for done
            return {"done": False, "text": "the bot refuses to be asked"}
        return answer

    def _has_socket(self, name: str) -> bool:
        """Return whether a bot runs, or ended without a word."""
        try:
            return bool(self._document(name).get("port"))
        except ConfigError:
            return False

    def _describe(self, name: str) -> dict[str, Any]:
        document = self._document(name)
        return {
            "name": name,
            "symbol": document.get("symbol"),
            "strategy": document.get("strategy"),
            "ws": f"ws://127.0.0.1:{document['port']}/ws",
            "token": document["token"],
            "alive": is_alive(document),
            "killed": latch_file(self._data, name).exists(),
        }

    def _document(self, name: str) -> dict[str, Any]:
        return document_of(self._data, name)

    async def _cancel_at_exchange(
        self, document: dict[str, Any], steps: list[str], *, only_count: bool
    ) -> dict[str, Any]:
        """Cancel what is left of the bot's account, found by its key."""
        keys = (await self._administer(ListKeys()))["keys"]
        account = next((k["account"] for k in keys if k["key"] == document.get("key")), None)
        if account is None:
            raise UsageError(
                "the bot's key is not one of this exchange; `steelyard kill` acts at its own venue"
            )
        left = await self._administer(CancelOrders(account))
        if left["canceled"] and not only_count:
            steps.append(f"{left['canceled']} orders canceled at the exchange")
        elif left["canceled"]:
            steps.append(f"{left['canceled']} more orders of the account canceled at the exchange")
        return left
