"""What keeps an export from a database; into a real one: tests/outside/test_export.py."""

import pytest
from past_bot import leave_bot

from steelyard.cli.main import run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("export"))


def refused(data, capsys, *arguments: str) -> tuple[int, str]:
    code = run(["export", *arguments, "--data", str(data)])
    return code, " ".join(capsys.readouterr().err.split())


def test_a_database_must_be_named(data, capsys, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    code, said = refused(data, capsys)
    assert (code, "or set DATABASE_URL" in said) == (2, True)


def test_a_password_on_the_command_line_is_refused_and_not_repeated(data, capsys):
    code, said = refused(data, capsys, "--to", "postgresql://me:canary@127.0.0.1/x")
    assert (code, "~/.pgpass" in said, "canary" in said) == (2, True, False)


def test_a_server_that_is_not_there_is_said(data, capsys):
    pytest.importorskip("asyncpg", reason="asyncpg is not installed: steelyard[postgres]")
    code, said = refused(data, capsys, "--to", "postgresql://127.0.0.1:1/x")
    assert (code, "the database cannot be reached" in said) == (3, True)


def test_a_bot_that_has_not_run_is_said(data, capsys, tmp_path):
    assert refused(data, capsys, "nobody", "--to", "postgresql:///x")[0] == 2
    code, said = refused(tmp_path, capsys, "--to", "postgresql:///x")
    assert (code, "no bot has run" in said) == (2, True)
