r"""What a command may put on a terminal: a stored text is only ever read, never obeyed.

A label, a name or a mail address comes from whoever wrote it, and a terminal takes control
characters for commands: to clear the screen, to forge a line, to turn text around. So each
unprintable character is shown as Python would write it (`\x1b`).
"""

from typing import Any

import msgspec
from rich.markup import escape

_LAYOUT = frozenset("\n\t")  # what our own texts are laid out with


def shown(text: str) -> str:
    """Return somebody's text as markup of one line that shows just this text."""
    return escape("".join(map(_visible, text)))


def harmless(text: str) -> str:
    """Return a text of several lines without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(each if each in _LAYOUT else _visible(each) for each in text)


def json_text(document: Any) -> str:
    """Return a document as JSON in one line, whose unprintable characters are escaped, too."""
    text = msgspec.json.encode(document).decode()
    if text.isprintable():
        return text
    # Only texts within the document have them, so each may be written as JSON's own escape.
    return "".join(each if each.isprintable() else _json_escape(each) for each in text)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
