"""What a person types that nobody may read: asked for at the terminal, and never echoed."""

import getpass
import sys
from collections.abc import Callable
from functools import cache

from steelyard.domain.errors import UsageError


def asker() -> Callable[[str], str] | None:
    """Return what asks the person at the terminal; None: nobody is there."""
    return _remembered if sys.stdin.isatty() else None


@cache
def _remembered(question: str) -> str:
    """Ask once in the life of a process, however many secrets it takes to open."""
    return ask(question)


def ask(question: str) -> str:
    """Return what a person answers.

    Raises:
        UsageError: The terminal is gone.
    """
    try:
        return getpass.getpass(question)
    except EOFError:
        raise UsageError("nothing was typed") from None


def ask_twice(question: str) -> str:
    """Return what a person answers twice alike, because nobody sees it.

    Raises:
        UsageError: The two differ.
    """
    first = ask(question)
    if ask("once more: ") != first:
        raise UsageError("the two differ; nothing was changed")
    return first
