"""The dialogues of tests/dialogues, read."""

from pathlib import Path

from steelyard.sim.script import Dialogue, parse

FOLDER = Path(__file__).resolve().parents[1] / "dialogues"
CASES = [
    dialogue
    for path in sorted(FOLDER.glob("*.txt"))
    for dialogue in parse(path.stem, path.read_text(encoding="utf-8"))
]

_BY_SYMBOL = "orders that have ended, and fills, are listed by symbol; who names none is not asked"
_SAME_ORDER = "the id of an open order is answered with that order, as at the venue, not refused"
_GONE = "an order that was canceled while it waited for its price is on no list any more"
_UNTOLD = {  # what a dialogue cannot say of a dialect; the folder's README tells the same
    "kucoin": {"stop: one that waits can be canceled": _GONE},
    "weex": {
        "cancel_races: what never was": _BY_SYMBOL,
        "client_ids_open: a name is taken": _SAME_ORDER,
    },
}


def untold(dialogue: Dialogue, dialect: str) -> str | None:
    """Return why a dialogue does not go as written in the words of a dialect; None if it does."""
    titles = _UNTOLD.get(dialect, {})
    return next((why for title, why in titles.items() if str(dialogue).startswith(title)), None)
