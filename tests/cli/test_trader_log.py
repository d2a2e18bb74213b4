import io
import os
from contextlib import suppress
from pathlib import Path

import pytest

from steelyard.cli import trader_log
from steelyard.cli.trader_log import LINES_SHOWN, BotLog
from steelyard.trading.actions import Level, Log

AT = 1_700_000_000_123_000_000


def test_a_line_has_time_level_name_and_text(tmp_path: Path):
    """In the file as on a terminal that is watched."""
    terminal = io.StringIO()
    log = BotLog(tmp_path, terminal)
    log.write(Log(Level.INFO, "order.filled", "a1"), AT)
    log.close()
    line = "2023-11-14T22:13:20.123Z info    order.filled a1\n"
    assert (tmp_path / "bot.log").read_text() == line
    assert terminal.getvalue() == line


def test_without_a_terminal_only_what_matters_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A demo's terminal is not flooded; warnings and errors reach it."""
    log = BotLog(tmp_path)
    for level in Level:
        log.write(Log(level, "name", level.value), AT)
    log.close()
    shown = capsys.readouterr().err
    assert "info" not in shown
    assert shown.count("\n") == 2


def test_whoever_reads_along_may_go_away(tmp_path: Path):
    """A bot does not end, with its orders open, because `tee` has."""
    reading, writing = os.pipe()
    os.close(reading)
    terminal = os.fdopen(writing, "w", buffering=1)
    log = BotLog(tmp_path, terminal)
    for number in range(2):
        log.write(Log(Level.WARNING, "name", str(number)), AT)
    log.close()
    assert (tmp_path / "bot.log").read_text().count("\n") == 2
    with suppress(BrokenPipeError):
        terminal.close()


def test_a_terminal_obeys_nobody_whose_words_are_told(tmp_path: Path):
    """A venue's message may hold what clears a screen."""
    terminal = io.StringIO()
    log = BotLog(tmp_path, terminal)
    log.write(Log(Level.ERROR, "order.refused", "\x1b[2Jfine"), AT)
    log.close()
    assert terminal.getvalue().endswith("order.refused \\x1b[2Jfine\n")


def test_the_page_gets_the_last_lines(tmp_path: Path):
    """Bounded, oldest first."""
    log = BotLog(tmp_path)
    for number in range(LINES_SHOWN + 5):
        log.write(Log(Level.INFO, "n", str(number)), AT)
    log.close()
    assert len(log.lines) == LINES_SHOWN
    assert log.lines[0] == {"time": AT // 10**6, "level": "info", "text": "n: 5"}


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Five full ones are kept, the newest first by number; then the oldest goes."""
    monkeypatch.setattr(trader_log, "FILE_MAX_BYTES", 1_000)
    log = BotLog(tmp_path)
    for number in range(200):
        log.write(Log(Level.INFO, "name", f"line {number}"), AT)
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["bot.log", *(f"bot.log.{number}" for number in range(1, 6))]
    kept = "".join((tmp_path / name).read_text() for name in [*reversed(files[1:]), "bot.log"])
    numbers = [int(line.split()[-1]) for line in kept.splitlines()]
    assert numbers == list(range(numbers[0], 200)), "in order, and none between is missing"
    assert all(path.stat().st_size < 1_100 for path in tmp_path.iterdir())


def test_a_later_run_goes_on_in_the_same_file(tmp_path: Path):
    """Nothing of an earlier life is lost."""
    for text in ("first", "second"):
        log = BotLog(tmp_path)
        log.write(Log(Level.INFO, "n", text), AT)
        log.close()
    assert (tmp_path / "bot.log").read_text().count("\n") == 2


def test_nobody_else_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither the first file nor those that follow it."""
    monkeypatch.setattr(trader_log, "FILE_MAX_BYTES", 100)
    log = BotLog(tmp_path)
    for _ in range(4):
        log.write(Log(Level.INFO, "name", "x" * 40), AT)
    log.close()
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {"bot.log": 0o600, "bot.log.1": 0o600, "bot.log.2": 0o600}
