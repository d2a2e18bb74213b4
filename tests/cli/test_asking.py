import io
import sys

import pytest

from steelyard.cli import asking
from steelyard.domain.errors import UsageError


@pytest.fixture
def typed(monkeypatch):
    """Return what has a person type these lines, and keeps what they were asked."""
    questions = []

    def types(*lines: str) -> list[str]:
        left = list(lines)

        def getpass(question: str) -> str:
            questions.append(question)
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr("getpass.getpass", getpass)
        return questions

    return types


def test_what_nobody_sees_is_typed_twice(typed):
    """And counts if it is the same."""
    assert typed("a", "a") == []
    assert asking.ask_twice("new: ") == "a"
    typed("a", "b")
    with pytest.raises(UsageError, match="the two differ; nothing was changed"):
        asking.ask_twice("new: ")


def test_a_terminal_that_is_gone_is_said(typed):
    typed()
    with pytest.raises(UsageError, match="nothing was typed"):
        asking.ask("key: ")


def test_a_person_is_asked_for_the_same_once(typed, monkeypatch):
    """However many secrets of one vault a command opens."""
    questions = typed("correct horse")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    asking._remembered.cache_clear()
    assert [asking.asker()("passphrase: ") for _ in range(3)] == ["correct horse"] * 3
    assert questions == ["passphrase: "]
    asking._remembered.cache_clear()


def test_nobody_is_asked_where_nobody_is(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert asking.asker() is None
