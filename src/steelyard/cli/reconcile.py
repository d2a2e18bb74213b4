"""`steelyard reconcile`: have a running bot compare everything with its venue, now."""

from pathlib import Path
from typing import Any

import msgspec

from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.trader_process import REPLY_S
from steelyard.domain.errors import PeerError, UsageError
from steelyard.net.loopback import ask_process
from steelyard.store.datadir import bot_directories, is_alive, port_file, read_document

_EVERYONE = Common()
CHECK_FAILED = 1
OK = 200
WAIT_S = REPLY_S + 2


def reconcile(bot: str, /, *, common: Common = _EVERYONE) -> int:
    """Compare a running bot's orders, fills, balances and position with its venue, now.

    It does so by itself at its start, after each reconnect and every 30 seconds. The exit code is
    0 if everything is as the venue has it; else it says what is not.

    Examples: steelyard reconcile dip

    Parameters
    ----------
    bot
        Its name.
    """
    return show_reply(bot, "/reconcile", {}, common)


def show_reply(bot: str, path: str, body: dict[str, Any], common: Common) -> int:
    """Ask a running bot for something, show what it says, and return the exit code.

    Raises:
        UsageError: There is no such bot, or it does not run.
        PeerError: It refuses.
    """
    document = running_bot(common.directory, bot)
    asked = msgspec.json.encode(body)
    status, answer = ask_process(document, "POST", path, body=asked, timeout_s=WAIT_S)
    if status != OK:
        raise PeerError(f"bot {bot} refuses: {answer.get('error', {}).get('message', answer)}")
    mark = "[green]yes[/]" if answer["done"] else "[red]no[/]"
    common.show({"bot": bot, **answer}, f"{shown(bot)}: {mark}: {shown(answer['text'])}")
    return 0 if answer["done"] else CHECK_FAILED


def running_bot(data: Path, name: str) -> dict[str, Any]:
    """Return where a running bot listens, and its token.

    Raises:
        UsageError: There is no such bot, or it does not run.
    """
    known = bot_directories(data)
    if name not in known:
        raise UsageError(f"no bot {name!r} in {data}; there are: {', '.join(known) or 'none'}")
    document = read_document(port_file(data / "bots" / name), missing={})
    if not document or not is_alive(document):
        raise UsageError(
            f"bot {name} does not run; start it with `steelyard trade`: it compares then"
        )
    return document
