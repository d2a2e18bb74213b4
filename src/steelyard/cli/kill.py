"""`steelyard kill`: stop a bot for good, and see that nothing of it is open any more."""

import asyncio
from typing import Any

from steelyard.cli.administration import administer
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.dashboard.bots import Bots
from steelyard.domain.errors import UsageError
from steelyard.exchange.admin import AdminCall
from steelyard.store.datadir import bot_directories

_EVERYONE = Common()
CHECK_FAILED = 1


def kill(bot: str | None = None, /, *, resume: bool = False, common: Common = _EVERYONE) -> int:
    """Stop a bot: latch its trading off, cancel its orders, count that none is open.

    Works when the bot does not: then the exchange is told. The exit code is 0 only if the
    exchange itself says that nothing is open on the bot's account: every order of that account
    is canceled, also one placed by hand or by another bot. Give each bot an account of its own.

    Examples: steelyard kill demo | steelyard kill | steelyard kill demo --resume

    Parameters
    ----------
    bot
        Its name; default: every bot of the data directory.
    resume
        Lift the latch instead, so that it may trade again.
    """
    names = [bot] if bot else bot_directories(common.directory)
    if not names:
        raise UsageError(f"no bot has run in {common.directory}")
    results = asyncio.run(_run(common, names, resume=resume))
    lines = []
    for name, result in results.items():
        if resume:
            lines.append(f"{shown(name)}: may trade again")
            continue
        mark = "[green]killed[/]" if result["verified"] else "[red]NOT VERIFIED[/]"
        lines.append(f"{shown(name)}: {mark} in {result['elapsed_ms']} ms")
        lines += [f"  · {shown(step)}" for step in result["steps"]]
    common.show(results, "\n".join(lines))
    is_done = resume or all(result["verified"] for result in results.values())
    return 0 if is_done else CHECK_FAILED


async def _run(common: Common, names: list[str], *, resume: bool) -> dict[str, dict[str, Any]]:
    data = common.directory

    async def ask(call: AdminCall) -> dict[str, Any]:
        return await asyncio.to_thread(administer, data, call)

    bots = Bots(data, ask)
    act = bots.resume if resume else bots.kill
    return {name: await act(name) for name in names}
