"""`steelyard breaker`: what a bot's breakers are doing, and a person's word that one may resume."""

from getpass import getuser
from typing import Any

from steelyard.cli.options import Common
from steelyard.cli.reconcile import running_bot, show_reply
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.net.loopback import ask_process

_EVERYONE = Common()
CHECK_FAILED = 1
COLOURS = {"ready": "green", "tripped": "red", "off": "yellow"}


def list_breaker(bot: str, /, *, common: Common = _EVERYONE) -> int:
    """Show a running bot's breakers: which have tripped and why, and what trips the others.

    The exit code is 1 if one has tripped.

    Examples: steelyard breaker list dip

    Parameters
    ----------
    bot
        Its name.
    """
    document = running_bot(common.directory, bot)
    _, state = ask_process(document, "GET", "/status")
    found = state["breakers"]
    common.show({"bot": bot, "breakers": found}, "\n".join(map(_line, found)))
    return CHECK_FAILED if any(breaker["state"] == "tripped" for breaker in found) else 0


def resume_breaker(bot: str, name: str, /, *, why: str, common: Common = _EVERYONE) -> int:
    """Let a breaker of a running bot that has tripped resume, whatever its rule is.

    It forgets what it has counted. Who said so and why is in the bot's journal.

    Examples: steelyard breaker resume dip rejects --why "the account is funded again"

    Parameters
    ----------
    bot
        Its name; it has to run.
    name
        The breaker's, as `steelyard breaker list` and `steelyard status` tell it.
    why
        Why it may.
    """
    if not why.strip():
        raise UsageError("say why it may resume: --why TEXT; it goes into the bot's journal")
    return show_reply(bot, "/breaker", {"name": name, "why": why, "who": getuser()}, common)


def _line(breaker: dict[str, Any]) -> str:
    colour = COLOURS[breaker["state"]]
    return f"{breaker['name']}: [{colour}]{breaker['state']}[/]: {shown(breaker['text'])}"
