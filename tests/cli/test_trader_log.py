import pytest

from steelyard.cli import trader_log
from steelyard.cli.trader_log import LINES_SHOWN, BotLog
from steelyard.trading.actions import Level, Log

NOON_NS = 1_723_204_800_123 * 10**6


class Terminal:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


@pytest.fixture
def log(tmp_path):
    opened = BotLog(tmp_path)
    yield opened
    opened.close()


def test_a_line_has_time_level_name_and_text(log, tmp_path):
    """What greps well: one event, one line, UTC to the millisecond."""
    log.write(Log(Level.WARNING, "order.unknown", "no answer"), NOON_NS)
    line = "2024-08-09T12:00:00.123Z warning order.unknown no answer\n"
    assert (tmp_path / "bot.log").read_text() == line
    shown = {"time": 1_723_204_800_123, "level": "warning", "text": "order.unknown: no answer"}
    assert [*log.lines] == [shown]


def test_the_page_gets_the_last_lines_only(log):
    for number in range(LINES_SHOWN + 7):
        log.write(Log(Level.INFO, "tick", str(number)), NOON_NS)
    assert len(log.lines) == LINES_SHOWN
    assert log.lines[-1]["text"] == f"tick: {LINES_SHOWN + 6}"


def test_a_full_file_makes_room_and_only_one_old_one_is_kept(log, tmp_path, monkeypatch):
    """The log is bounded: at most two files, the older lines first to go."""
    monkeypatch.setattr(trader_log, "FILE_MAX_BYTES", 200)
    for number in range(20):
        log.write(Log(Level.INFO, "tick", f"{number:03}"), NOON_NS)
    assert {file.name for file in tmp_path.iterdir()} == {"bot.log", "bot.log.1"}
    old, new = ((tmp_path / name).read_text() for name in ("bot.log.1", "bot.log"))
    assert max(len(old), len(new)) < 200 + 60
    numbers = [int(line.split()[-1]) for line in (old + new).splitlines()]
    assert numbers == [*range(numbers[0], 20)]


def test_a_restart_appends(tmp_path):
    for number in range(2):
        log = BotLog(tmp_path)
        log.write(Log(Level.INFO, "run", str(number)), NOON_NS)
        log.close()
    assert len((tmp_path / "bot.log").read_text().splitlines()) == 2


def test_a_terminal_shows_everything_and_standard_error_what_matters(tmp_path, capsys):
    """Whoever watches sees every line; whoever pipes sees warnings and errors."""
    terminal = Terminal()
    for log in (BotLog(tmp_path, terminal), BotLog(tmp_path)):
        for level in Level:
            log.write(Log(level, "event", level.value), NOON_NS)
        log.close()
    assert [line.split()[1] for line in terminal.text.splitlines()] == [level.value for level in Level]
    said = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    assert said == [level.value for level in Level if level is not Level.INFO]
