import json
import os
import subprocess
import sys

import pytest

from steelyard import __version__
from steelyard.cli.main import app, run


def test_help_names_every_command_and_teaches(capsys):
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name in ("demo", "exchange", "account", "key", "env", "trade", "status", "kill"):
        assert name in out
    assert "steelyard demo" in out


@pytest.mark.parametrize("name", [name for name in app if not name.startswith("-")])
def test_each_commands_help_says_what_it_does(name, capsys):
    assert run([name, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_a_misspelled_command_is_answered_with_the_right_one(capsys):
    assert run(["exchnage"]) == 2
    assert "exchange" in capsys.readouterr().err


def test_a_foreseen_error_is_one_sentence_and_exit_code_2(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    assert run(["account", "list", "--data", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("steelyard: ")
    assert "Traceback" not in error
    assert "--data" in error


def test_the_version_is_told(capsys):
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_an_interpreter_without_asserts_is_refused():
    done = subprocess.run(
        [sys.executable, "-O", "-m", "steelyard.cli.main", "status"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "python -O" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["trade", "none.toml"],
        ["trade"],
        ["exchange", "--crowd", "x"],
        ["exchange", "--tape", "none.gz"],
        ["demo", "--tape", "none.gz"],
        ["kill", "nobody"],
        ["env", "nowhere"],
        ["key", "create", "nobody"],
        ["key", "revoke", "none"],
        ["account", "create", "a", "--deposit", "USDT"],
        ["status", "--nonsense"],
        ["exchnage"],
    ],
    ids=" ".join,
)
def test_each_command_gives_a_document_for_an_error(words, tmp_path, capsys):
    """Also where the command line itself is wrong; one document, and the same exit code in it."""
    code = run([*words, "--json", "--data", str(tmp_path)])
    said = capsys.readouterr()
    document = json.loads(said.out)["error"]
    assert code == document["exit_code"] == 2
    assert document["message"]
    assert document["type"].isidentifier()
    assert said.err


def test_a_program_that_asked_for_a_document_gets_one_for_an_error_too(tmp_path, capsys):
    """On standard output, with the exit code; the sentence for people stays where it was."""
    code = run(["account", "balance", "nobody", "--json", "--data", str(tmp_path)])
    said = capsys.readouterr()
    document = json.loads(said.out)["error"]
    assert (code, document["exit_code"]) == (2, 2)
    assert document["message"] in said.err


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["account", "list", "--json"]])
def test_who_has_read_enough_may_go(words, tmp_path):
    """As `| head -1` does: no traceback."""
    data = str(tmp_path / "data")
    assert run(["account", "create", "ann", "--data", data]) == 0
    reading, writing = os.pipe()
    os.close(reading)
    where = [] if words == ["--help"] else ["--data", data]
    command = [sys.executable, "-m", "steelyard.cli.main", *words, *where]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode in (0, 1)  # 1 is rich's own word for it
