"""What a person types that nobody may read: asked for at the terminal, and never echoed."""

import getpass
import sys
from collections.abc import Callable

from steelyard.domain.errors import UsageError


def asker() -> Callable[[str], str] | None:
    """Return what asks the person at the terminal; None: nobody is there."""
    return ask if sys.stdin.isatty() else None


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
