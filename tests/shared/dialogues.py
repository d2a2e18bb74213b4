"""The dialogues of tests/dialogues, read."""

from pathlib import Path

from steelyard.sim.script import parse

FOLDER = Path(__file__).resolve().parents[1] / "dialogues"
CASES = [
    dialogue
    for path in sorted(FOLDER.glob("*.txt"))
    for dialogue in parse(path.stem, path.read_text(encoding="utf-8"))
]
