import io
import json
import threading

import pytest

from steelyard.cli import logs, trader_log
from steelyard.cli.logs import before, coming
from steelyard.cli.main import run
from steelyard.cli.trader_log import BotLog, rotated
from steelyard.store.datadir import Directory
from steelyard.trading.actions import Level, Log

AT = 1_700_000_000_000_000_000
ALL = frozenset(each.value for each in Level)


@pytest.fixture
def bot(tmp_path):
    """Return the directory of a bot that has run."""
    directory = tmp_path / "bots" / "dip"
    Directory(directory).close()
    return directory


def written(directory, *lines: tuple[Level, str]) -> None:
    log = BotLog(directory, io.StringIO())
    for level, text in lines:
        log.write(Log(level, "name", text), AT)
    log.close()


def shown(tmp_path, capsys, *words: str) -> list[str]:
    capsys.readouterr()
    assert run(["logs", "dip", "--data", str(tmp_path), *words]) == 0
    return [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()]


def test_the_last_lines_that_matter_are_shown(bot, tmp_path, capsys):
    written(bot, *((list(Level)[n % 3], f"line{n}") for n in range(30)))
    assert shown(tmp_path, capsys, "-n", "3") == ["line27", "line28", "line29"]
    warnings = [f"line{n}" for n in range(30) if list(Level)[n % 3] is not Level.INFO]
    assert shown(tmp_path, capsys, "--level", "warning") == warnings
    run(["logs", "dip", "--data", str(tmp_path), "-n", "1", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["text"]) == ("name", "line29")


def test_lines_are_had_from_full_files_too(bot, monkeypatch):
    """As many as it takes, in order."""
    monkeypatch.setattr(trader_log, "FILE_MAX_BYTES", 500)
    written(bot, *((Level.INFO, f"line{n}") for n in range(60)))
    lines, current = before(bot / "bot.log", 40, ALL)
    current.close()
    assert [line.split()[-1] for line in lines] == [f"line{n}" for n in range(20, 60)]


def test_following_goes_on_into_the_next_file(bot, monkeypatch):
    """No line is lost or told twice while files rotate under the reader."""
    monkeypatch.setattr(trader_log, "FILE_MAX_BYTES", 2_000)
    written(bot, (Level.INFO, "line0"))
    lines, current = before(bot / "bot.log", 50, ALL)
    found = [line.split()[-1] for line in lines]
    writer = threading.Thread(
        target=written, args=(bot, *((Level.INFO, f"line{n}") for n in range(1, 100)))
    )
    with current:
        stream = coming(bot / "bot.log", current, look_s=0.001)
        writer.start()
        while len(found) < 100:
            found.append(next(stream).split()[-1])
        stream.close()
    writer.join()
    assert found == [f"line{n}" for n in range(100)]


def test_a_line_written_while_we_look_for_the_next_file_is_a_line_of_its_own(bot, monkeypatch):
    """Between the last look and the next file one more was written; and one was cut off."""
    path, look, late = bot / "bot.log", logs._next_file, ["late\n", "late\ncut"]

    def rotating(path, current):
        if late:
            with path.open("a") as full:
                full.write(late.pop(0))
            for number in (2, 1):
                older = rotated(path, number - 1) if number > 1 else path
                if older.exists():
                    older.rename(rotated(path, number))
            path.write_text("next\n")
        return look(path, current)

    monkeypatch.setattr(logs, "_next_file", rotating)
    path.write_text("first\n")
    with path.open() as current:
        stream = coming(path, current, look_s=0.001)
        found = [next(stream) for _ in range(6)]
        stream.close()
    assert found == ["first\n", "late\n", "next\n", "late\n", "cut\n", "next\n"]


def test_what_is_not_there_is_said(bot, tmp_path, capsys):
    assert run(["logs", "none", "--data", str(tmp_path)]) == 2
    assert "no bot 'none'; there are: dip" in capsys.readouterr().err
    assert run(["logs", "dip", "-n", "-1", "--data", str(tmp_path)]) == 2
    assert run(["logs", "dip", "-f", "--data", str(tmp_path)]) == 2
    assert "the bot has never run" in capsys.readouterr().err
    assert shown(tmp_path, capsys) == []
