"""Questions to readers: who starts them, how many there are, and what becomes of one that dies."""

import asyncio

import pytest
from past_bot import leave_bot

from steelyard.dashboard import journals
from steelyard.dashboard.journals import Journals
from steelyard.domain.errors import ConnectionLost, UsageError

WHY = {"ask": "why"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = tmp_path_factory.mktemp("journals")
    for name in ("one", "two", "three"):
        leave_bot(found, name)
    return found


def test_questions_at_once_each_get_their_own_answer(data):
    async def main() -> None:
        asking = Journals(data)
        questions = [{"ask": "past", "sequence": number} for number in range(1, 25)]
        answers = await asyncio.gather(*(asking.ask("one", each) for each in questions))
        assert [answer["sequence"] for answer in answers] == [*range(1, 25)]
        assert len(asking._readers) == 1
        await asking.close()

    asyncio.run(main())


def test_there_are_few_readers_and_the_one_asked_longest_ago_goes(data, monkeypatch):
    monkeypatch.setattr(journals, "READERS_MAX", 2)
    monkeypatch.setattr(journals, "BUSY_S", 0.0)

    async def main() -> None:
        asking = Journals(data)
        for name in ("one", "two", "one", "three"):
            await asking.ask(name, WHY)
        assert set(asking._readers) == {"one", "three"}
        gone = asking._readers["one"].process
        await asking.close()
        assert await gone.wait() != 0
        assert asking._readers == {}

    asyncio.run(main())


def test_who_looks_keeps_his_reader(data, monkeypatch):
    """Pages of more bots than there are readers would take turns in reading from the beginning."""
    monkeypatch.setattr(journals, "READERS_MAX", 1)

    async def main() -> None:
        asking = Journals(data)
        await asking.ask("one", WHY)
        with pytest.raises(UsageError, match="1 journals are looked at now, of one; close"):
            await asking.ask("two", WHY)
        assert set(asking._readers) == {"one"}
        await asking.close()

    asyncio.run(main())


def test_a_reader_that_dies_is_said_and_the_next_question_has_another(data):
    async def main() -> None:
        asking = Journals(data)
        first = await asking.ask("one", WHY)
        process = asking._readers["one"].process
        process.kill()
        with pytest.raises(ConnectionLost, match="steelyard replay one"):
            await asking.ask("one", WHY)
        assert await asking.ask("one", WHY) == first
        await asking.close()

    asyncio.run(main())


def test_a_question_that_is_given_up_spoils_no_other(data):
    """Its answer is not taken for that of the next one."""

    async def main() -> None:
        asking = Journals(data)
        await asking.ask("one", WHY)
        given_up = asyncio.create_task(asking.ask("one", WHY))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        answer = await asking.ask("one", {"ask": "past", "sequence": 7})
        assert answer["sequence"] == 7
        await asking.close()

    asyncio.run(main())


def test_what_cannot_be_asked_is_refused(data, monkeypatch):
    monkeypatch.setattr(journals, "WAITING_MAX", 2)

    async def main() -> None:
        asking = Journals(data)
        with pytest.raises(UsageError, match="no bot 'nobody' here; there are: one, three, two"):
            await asking.ask("nobody", WHY)
        with pytest.raises(UsageError, match="there is no 'rain' to ask for"):
            await asking.ask("one", {"ask": "rain"})
        many = [asking.ask("one", WHY) for _ in range(4)]
        answers = await asyncio.gather(*many, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, UsageError)]
        assert len(refused) == 2
        assert "too many ask" in str(refused[0])
        await asking.close()

    asyncio.run(main())
