"""The parent's end: one outcome for each request, whatever becomes of a child."""

import asyncio
import sys
from contextlib import asynccontextmanager
from random import Random

import pytest

from steelyard.bridge import parent
from steelyard.bridge.parent import Bridge
from steelyard.bridge.pipe import VERSION, Configure
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import Clock, ClockQuery
from steelyard.wire.outcome import Answered, NotSent, Unknown

# A child that follows a script: what it does when it is asked for the n-th time.
CHILD = """
import os, sys, time
from steelyard.bridge.pipe import *
from steelyard.domain.messages import Clock
from steelyard.wire.capabilities import Capabilities, Lookup, Source
from steelyard.wire.outcome import Answered

script, out = sys.argv[1], sys.stdout.buffer
decoder = Decoder(ToChild)

def say(message):
    out.write(encode(message)); out.flush()

def ready():
    flags = {name: True for name in Capabilities.__struct_fields__ if name.startswith("has_")}
    return Ready(Capabilities(venue=os.environ.get("SECRET", "clean"), is_checked=True,
        lookup=Lookup.LISTS, request_expiry_ns=None, market=Source.STREAM, account=Source.STREAM,
        order_types=(), **flags))

if script == "mute":
    time.sleep(60)
say(Hello(99 if script == "old" else VERSION))
while piece := os.read(0, 65536):
    for message in decoder.receive(piece):
        match message:
            case Configure():
                say(Failed("so it is") if script == "fail" else ready())
                if script == "silent":
                    time.sleep(60)
            case Follow():
                say(Up("market")); say(Up("private"))
            case Ask(request_id):
                if script == "die":
                    os._exit(9)
                elif script == "garbage":
                    out.write(b"\\0\\0\\0\\4oops"); out.flush()
                elif script == "again":
                    say(Hello(VERSION))
                elif script != "deaf":
                    say(Reply.of(request_id, Answered(Clock(request_id))))
                    say(Reply.of(request_id, Answered(Clock(0))))
                    say(Note("noted")); say(Beat()); say(Down("market", "so it is"))
"""


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: dict[int, list] = {}
        self.told_of: list = []
        self.notes: list[str] = []

    def replied(self, request_id: int, outcome) -> None:
        self.outcomes.setdefault(request_id, []).append(outcome)

    def told(self, event) -> None:
        self.told_of.append(event)

    def up(self, role: str) -> None:
        self.told_of.append(("up", role))

    def down(self, role: str, why: str) -> None:
        self.told_of.append(("down", role, why))

    def noted(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def bridge(tmp_path, monkeypatch):
    """Make a bridge to a child of a script, of which later children may follow another."""
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    monkeypatch.setattr(parent, "AGAIN_FIRST_NS", 10_000_000)
    monkeypatch.setattr(parent, "END_S", 0.3)

    @asynccontextmanager
    async def running(script: str, later: str = "good"):
        monkeypatch.setattr(parent, "CHILD", ("-P", str(program), script))
        listener = Listener()
        configure = Configure(VERSION, "x", "BTC-USDT", {}, True, "k", "s")
        made = Bridge(configure, listener, Random(1))
        try:
            made.capabilities = await made.start()
            monkeypatch.setattr(parent, "CHILD", ("-P", str(program), later))
            task = asyncio.ensure_future(made.run())
            try:
                yield made, listener
            finally:
                await made.close()
                await asyncio.wait_for(task, 10)
        finally:
            await made.close()
            assert made.pid is None

    return running


async def until(is_so) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 of whoever
            await asyncio.sleep(0.01)


def test_an_answer_is_told_once(bridge):
    async def act() -> None:
        async with bridge("good") as (made, listener):
            made.follow()
            assert made.ask(7, ClockQuery()) is None
            await until(lambda: ("down", "market", "so it is") in listener.told_of)
            assert listener.outcomes == {7: [Answered(Clock(7))]}
            assert listener.notes == ["noted"]
            assert listener.told_of[:2] == [("up", "market"), ("up", "private")]

    asyncio.run(act())


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("die", "the child ended"),
        ("garbage", "4 bytes are no message of the bridge"),
        ("again", "a Hello out of turn"),
        ("silent", "said nothing for"),
    ],
)
def test_a_child_that_is_no_good_any_more_is_replaced(bridge, monkeypatch, script, said):
    """What it had not answered is not known, its streams are down, and the next one follows."""
    monkeypatch.setattr(parent, "SILENT_S", 1.0)

    async def act() -> None:
        async with bridge(script) as (made, listener):
            made.follow()
            first = made.pid
            for number in (1, 2):
                made.ask(number, ClockQuery())
            await until(lambda: len(listener.outcomes) == 2)
            why = ""
            for outcomes in listener.outcomes.values():
                (outcome,) = outcomes
                assert isinstance(outcome, Unknown)
                why = outcome.why
                assert said in why
            await until(lambda: made.ask(3, ClockQuery()) is None)
            await until(lambda: 3 in listener.outcomes)
            assert listener.outcomes[3] == [Answered(Clock(3))]
            assert made.pid != first
            assert "it is started again" in listener.notes[0]
            await until(lambda: listener.told_of[-1] == ("down", "market", "so it is"))
            told = listener.told_of[:-1]
            assert told[-2:] == [("up", "market"), ("up", "private")], "the next one follows too"
            if script == "die":
                assert told[2:4] == [("down", role, why) for role in ("market", "private")]

    asyncio.run(act())


def test_what_is_asked_while_nobody_is_there_is_not_sent(bridge):
    async def act() -> None:
        async with bridge("die", later="mute") as (made, listener):
            made.ask(1, ClockQuery())
            await until(lambda: 1 in listener.outcomes)
            assert isinstance(made.ask(2, ClockQuery()), NotSent)
            assert 2 not in listener.outcomes

    asyncio.run(act())


def test_a_request_has_an_outcome_in_bounded_time(bridge, monkeypatch):
    monkeypatch.setattr(parent, "ANSWER_S", 0.1)

    async def act() -> None:
        async with bridge("deaf") as (made, listener):
            made.ask(1, ClockQuery())
            await until(lambda: 1 in listener.outcomes)
            assert isinstance(listener.outcomes[1][0], Unknown)

    asyncio.run(act())


def test_one_request_too_many_is_not_sent(bridge, monkeypatch):
    monkeypatch.setattr(parent, "ASKED_MAX", 3)

    async def act() -> None:
        async with bridge("deaf") as (made, listener):
            assert [made.ask(number, ClockQuery()) for number in range(3)] == [None] * 3
            assert isinstance(made.ask(3, ClockQuery()), NotSent)
            await made.close()
            assert {type(o) for (o,) in listener.outcomes.values()} == {Unknown}
            assert len(listener.outcomes) == 3

    asyncio.run(act())


@pytest.mark.parametrize(
    ("script", "said"),
    [("fail", "^so it is$"), ("old", "another version"), ("mute", "did not start")],
)
def test_a_start_that_cannot_succeed_says_why(bridge, monkeypatch, script, said):
    monkeypatch.setattr(parent, "START_S", 1.5)

    async def act() -> None:
        async with bridge(script):
            pass

    with pytest.raises(ConfigError, match=said):
        asyncio.run(act())


def test_a_child_gets_no_variable_that_may_hold_a_key(bridge, monkeypatch):
    monkeypatch.setenv("SECRET", "hush")

    async def act() -> None:
        async with bridge("good") as (made, _):
            assert made.capabilities.venue == "clean"

    asyncio.run(act())


def test_the_trader_does_not_import_the_library():
    """Neither the bot nor what it needs of the bridge: it takes seconds and a hundred megabytes."""
    import subprocess

    code = (
        "import sys, steelyard.cli.trader_process, steelyard.bridge.child;"
        "sys.exit('ccxt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
