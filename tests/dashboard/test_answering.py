"""Whatever a page's code meets is answered, and ends nobody."""

import asyncio
import errno
import json

import msgspec
import pytest

from steelyard.dashboard.answering import answered, refused
from steelyard.domain.errors import ConfigError, ConnectionLost, UsageError
from steelyard.wire.http import Response


def told(error: Exception, note=lambda _: None) -> tuple[int, str]:
    async def work() -> Response:
        raise error

    answer = asyncio.run(answered(work(), note))
    return answer.status, json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("name the bot"), 400),
        (ConfigError("damaged"), 400),
        (msgspec.DecodeError("malformed"), 400),
        (RecursionError("too deep"), 400),
        (ConnectionLost("silent"), 502),
    ],
)
def test_what_is_foreseen_is_said_in_its_own_words(error, status):
    assert told(error) == (status, str(error))


def test_what_nobody_has_foreseen_is_answered_and_noted():
    """With where it was raised, for the log; also when the log has no room for it."""
    notes: list[str] = []
    status, message = told(KeyError("breakers"), notes.append)
    assert (status, message.startswith("this cannot be done here (KeyError")) == (500, True)
    assert "Traceback" in notes[0]
    assert "work" in notes[0]

    def is_full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert told(KeyError("breakers"), is_full)[0] == 500


def test_an_answer_is_passed_on():
    async def work() -> Response:
        return refused(404, "nothing here")

    assert asyncio.run(answered(work(), print)).status == 404
