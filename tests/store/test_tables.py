"""Tables that follow: whole after any cut, made anew where they must be, read by questions."""

import signal
from decimal import Decimal
from typing import NamedTuple

import pytest

from steelyard.domain.errors import ConfigError, StorageError, UsageError
from steelyard.store.tables import Form, SqliteTables, ask_sqlite


class Shape(NamedTuple):
    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int


THINGS = Shape("things", (("bot", "text"), ("id", "number"), ("price", "decimal")), 2)
VIEWS = {"dear": "SELECT * FROM things WHERE CAST(price AS REAL) > 1"}
FORM = Form("dip", "abc", 1, (THINGS,), VIEWS)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "with ? and %" / "x.sqlite"


def opened(file, form=FORM) -> SqliteTables:
    file.parent.mkdir(exist_ok=True)
    return SqliteTables(file, form)


def thing(number: int, price: str = "0.000000000001") -> tuple:
    return "things", ("dip", number, Decimal(price))


def test_rows_and_how_far_they_go_are_kept_together(file):
    tables = opened(file)
    assert tables.sequence == 0
    tables.write([thing(1), thing(2, "2.50")], 7)
    tables.write([thing(1, "3")], 8)
    tables.close()
    assert ask_sqlite(file, "SELECT id, price FROM things ORDER BY id").rows == [
        (1, "3"),
        (2, "2.50"),
    ]
    assert len(ask_sqlite(file, "SELECT * FROM dear").rows) == 2
    again = opened(file)
    assert again.sequence == 8
    again.close()


def test_an_amount_is_exact_and_no_power_of_ten(file):
    tables = opened(file)
    tables.write([thing(1), thing(2, "1E+20")], 1)
    tables.close()
    found = ask_sqlite(file, "SELECT price FROM things ORDER BY id").rows
    assert found == [("0.000000000001",), ("100000000000000000000",)]


@pytest.mark.parametrize("change", [{"origin": "other"}, {"version": 2}])
def test_of_another_journal_or_version_they_are_made_anew(file, change):
    tables = opened(file)
    tables.write([thing(1)], 7)
    tables.close()
    tables = opened(file, FORM._replace(**change))
    assert tables.sequence == 0
    tables.close()
    assert ask_sqlite(file, "SELECT * FROM things").rows == []


def test_a_damaged_file_is_made_anew(file):
    """It is a copy: what it had, the journal has."""
    file.parent.mkdir()
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    tables = opened(file)
    assert tables.sequence == 0
    tables.write([thing(1)], 1)
    tables.close()
    assert file.stat().st_mode & 0o077 == 0


def test_a_portion_that_fails_leaves_nothing_of_it(file):
    tables = opened(file)
    tables.write([thing(1)], 1)
    with pytest.raises(StorageError, match="cannot be written"):
        tables.write([thing(2), ("things", ("dip",))], 2)
    tables.close()
    assert ask_sqlite(file, "SELECT id FROM things").rows == [(1,)]
    again = opened(file)
    assert again.sequence == 1
    again.close()


def test_one_process_writes(file):
    tables = opened(file)
    with pytest.raises(ConfigError, match="is written by another process now"):
        opened(file)
    tables.close()
    opened(file).close()


@pytest.mark.parametrize(
    "question",
    [
        "DELETE FROM things",
        "DROP TABLE things",
        "CREATE TABLE x (y)",
        "PRAGMA query_only = 0; DELETE FROM things",
        "SELECT 1; DELETE FROM things",
        "ATTACH DATABASE '/tmp/x' AS y; CREATE TABLE y.z (a)",
        "SELEC 1",
        "SELECT * FROM nothing",
        "",
    ],
)
def test_a_question_changes_nothing(file, question):
    tables = opened(file)
    tables.write([thing(1)], 1)
    tables.close()
    if question:
        with pytest.raises(UsageError, match="SQL: "):
            ask_sqlite(file, question)
    else:
        assert ask_sqlite(file, question).rows == []
    assert ask_sqlite(file, "SELECT COUNT(*) FROM things").rows == [(1,)]


ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t"


def test_a_question_without_an_end_is_ended(file, monkeypatch):
    """By itself after a while, and at once by Ctrl-C."""
    opened(file).close()
    with monkeypatch.context() as patched:
        patched.setattr("steelyard.store.tables.ANSWER_S", 0.05)
        with pytest.raises(UsageError, match="narrow the question"):
            ask_sqlite(file, ENDLESS)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(UsageError, match="ended before its answer was there, by a signal"):
            ask_sqlite(file, ENDLESS)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_question_makes_no_file(file, tmp_path):
    """Neither by opening another database nor by copying this one."""
    opened(file).close()
    other = tmp_path / "other"
    for question in (f"ATTACH '{other}' AS o", f"VACUUM INTO '{other}'"):
        with pytest.raises(UsageError, match="SQL"):
            ask_sqlite(file, question)
    assert not other.exists()
