"""A child by itself: what it says first, what ends it, and what it does not show."""

import subprocess
import sys

import pytest

from steelyard.bridge.child import FAILED
from steelyard.bridge.pipe import VERSION, Ask, Configure, Decoder, Failed, Hello, ToParent, encode
from steelyard.domain.messages import ClockQuery

WAIT_S = 60


def talk(*frames: bytes) -> tuple[int, list, str]:
    """Start a child, say this to it and close the pipe; return its end and what it said."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "steelyard.bridge.child"],
        input=b"".join(frames),
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )
    return done.returncode, Decoder(ToParent).receive(done.stdout), done.stderr.decode()


def configure(**changes) -> Configure:
    fields = {
        "version": VERSION,
        "exchange": "binance",
        "symbol": "BTC-USDT",
        "settings": {},
        "loopback_only": True,
        "key": "the-key",
        "secret": "hush-hush",
        **changes,
    }
    return Configure(**fields)


def test_it_says_hello_and_ends_with_its_pipe():
    """Nothing else holds it: no orphan."""
    assert talk() == (0, [Hello(VERSION)], "")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\0\0\0\5junk!", "5 bytes are no message of the bridge: DecodeError"),
        (b"\xff\xff\xff\xff", "16777216 is the most"),
        (encode(Ask(1, ClockQuery())), "a Ask out of turn"),
        (encode(configure(version=99)), "the bot speaks version 99, the bridge 1"),
    ],
)
def test_garbage_ends_it_with_the_reason(frame, said):
    """It cannot know what was meant, so it does nothing more."""
    code, told, errors = talk(frame)
    assert code == FAILED
    assert told[0] == Hello(VERSION)
    assert isinstance(told[1], Failed)
    assert said in told[1].why
    assert errors == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exchange": "nowhere"}, "ccxt has no exchange 'nowhere'"),
        ({}, "the exchange has no address of this machine"),
        ({"settings": {"apiKey": "k"}}, "settings has 'apiKey'"),
    ],
)
def test_what_cannot_be_made_is_told_without_the_key(changes, said):
    """It checks for itself, whoever started it."""
    code, told, errors = talk(encode(configure(**changes)))
    assert code == FAILED
    assert said in told[1].why
    assert "hush-hush" not in errors + told[1].why
