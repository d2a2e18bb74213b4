"""What somebody else wrote, as a document can hold it: names, settings, notes.

Nothing in it may be what JSON cannot say, and none of it is without an end.
"""

import math
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

TEXT_MAX = 2_000  # characters of a note or of a text in settings
DEPTH_MAX = 8  # of settings within settings


def clean(text: str) -> str:
    """Return a text that JSON and a page can hold: a broken surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def plain_settings(value: Any, depth: int = 0) -> Any:
    """Return settings as JSON can hold them: numbers that are none become None, objects text."""
    if depth > DEPTH_MAX:
        return "..."
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return str(value)
        case str():
            return clean(value[:TEXT_MAX])
        case dict():
            return {clean(str(key)): plain_settings(each, depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [plain_settings(each, depth + 1) for each in value]
        case Struct():
            return plain_settings(msgspec.structs.asdict(value), depth + 1)
        case _:
            return clean(str(value)[:TEXT_MAX])
