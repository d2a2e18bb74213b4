"""A bot's process as its directory tells of it, asked over its own port; nothing of any exchange.

Apart from `bots`, so that the kill switch starts without what only an exchange needs.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.domain.errors import ConfigError, PeerError, TransportError, UsageError
from steelyard.net.clock import Clock
from steelyard.net.loopback import ask_process
from steelyard.store.datadir import (
    about_file,
    bot_directories,
    ending_of,
    is_alive,
    port_file,
    read_document,
)
from steelyard.store.latch import Latch

ANSWER_S = 5.0
OK = 200


class Replied(NamedTuple):
    """What a bot's process said when it was asked to die.

    is_gone: it ended in order before; is_alive: the process is there. is_settled: nothing of it is
    on its way to the venue any more.
    """

    answered: bool = False
    canceled: int = 0
    is_gone: bool = False
    is_alive: bool = False
    is_settled: bool = False
    steps: tuple[str, ...] = ()
    trouble: str | None = None  # why its files do not tell of its process


def document_of(data: Path, name: str) -> dict[str, Any]:
    """Return what a bot's directory says: its port file, or else who it is.

    Raises:
        UsageError: No bot of that name has ever run here.
    """
    known = bot_directories(data)
    if name not in known:
        raise UsageError(f"no bot {name!r} here; there are: {', '.join(known) or 'none'}")
    directory = data / "bots" / name
    running = read_document(port_file(directory), missing={})
    return running or read_document(about_file(directory))


async def ask_bot(
    document: dict[str, Any],
    path: str,
    timeout_s: float = ANSWER_S,
    *,
    body: dict[str, Any] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Post to a bot's port, and return the status and the document of its answer.

    Raises:
        TransportError: It does not answer.
        PeerError: It answers nonsense.
    """
    return await asyncio.to_thread(
        ask_process,
        document,
        "POST",
        path,
        body=b"" if body is None else json.dumps(body).encode(),
        timeout_s=timeout_s,
    )


def last_word(data: Path, name: str) -> Replied:
    """Return what a bot's files say of its process, without asking it.

    Where they cannot be read it may be there.
    """
    directory = data / "bots" / name
    try:
        document = read_document(port_file(directory), missing={})
        has_crashed, _ = ending_of(directory)
    except ConfigError as error:
        return Replied(is_alive=True, trouble=str(error))
    is_alive_now = bool(document) and is_alive(document)
    # One that fell over took its port file along, and may have left something on its way.
    is_gone = not document and not has_crashed
    return Replied(is_gone=is_gone, is_alive=is_alive_now)


async def ask_to_die(data: Path, name: str) -> Replied:
    """Ask a bot's process to latch trading off and to cancel; it may not answer."""
    word = last_word(data, name)
    if word.trouble is not None:
        return word._replace(steps=(f"the bot was not asked ({word.trouble}); acting without it",))
    if not word.is_alive:
        return word._replace(steps=("the bot is not running",), is_settled=word.is_gone)
    try:
        status, answer = await ask_bot(document_of(data, name), "/kill")
    except (TransportError, PeerError) as error:
        said = f"the bot did not answer ({error}); acting without it"
        return word._replace(steps=(said,))
    told = answer.get("canceled")
    canceled = told if isinstance(told, int) else 0
    if status != OK or answer.get("killed") is not True:
        said = "the bot could not stop by itself; acting without it"
        return word._replace(canceled=canceled, steps=(said,))
    said = f"the bot stopped and canceled {canceled} orders"
    return word._replace(answered=True, canceled=canceled, is_settled=True, steps=(said,))


async def lift(data: Path, name: str, why: str, who: str) -> dict[str, Any]:
    """Lift the kill mark; a running bot trades on, another one when it is started.

    Raises:
        UsageError: No bot of that name has ever run here.
        TransportError: It runs, and does not answer; the mark is lifted.
    """
    document = document_of(data, name)
    Latch(data, name).lift(why, who, Clock().now_ns())
    answered = False
    if is_alive(document):
        status, _ = await ask_bot(document, "/resume")
        answered = status == OK
    return {"resumed": True, "bot_answered": answered}
