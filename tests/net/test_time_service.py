import asyncio
import os

import pytest

from steelyard.net import time_service
from steelyard.net.time_service import TimeService, of_chrony, of_systemd

# As `chronyc -c -n tracking` documents its fields.
KEPT = (
    "C0000201,192.0.2.1,3,1700000000.123456789,0.000012345,-0.000023,0.000034,-1.234,0.001,0.02,"
    "0.020000,0.001500,64.2,Normal"
)


@pytest.mark.parametrize(
    ("line", "is_kept", "text"),
    [
        (
            KEPT,
            True,
            "chrony keeps this clock: off by 0.012 ms, at most 11.500 ms, by 192.0.2.1",
        ),
        (KEPT.replace("Normal", "Not synchronised"), False, "has no source of time"),
        ("506 Cannot talk to daemon", None, "not understood"),
        ("", None, "not understood"),
    ],
)
def test_what_chrony_says(line: str, is_kept, text: str):
    told = of_chrony(line + "\n")
    assert (told.name, told.is_kept) == ("chrony", is_kept)
    assert text in told.text


@pytest.mark.parametrize(
    ("lines", "is_kept", "text"),
    [
        ("NTP=yes\nNTPSynchronized=yes\n", True, "is synchronized"),
        ("NTP=yes\nNTPSynchronized=no\n", False, "wait for it"),
        ("NTP=no\nNTPSynchronized=no\n", False, "timedatectl set-ntp true"),
        ("", False, "not synchronized"),
    ],
)
def test_what_systemd_says(lines: str, is_kept: bool, text: str):
    told = of_systemd(lines)
    assert told.is_kept is is_kept
    assert text in told.text


def ask(monkeypatch, tmp_path, **programs: str) -> TimeService:
    """Ask on a machine that has these programs alone."""
    for name, body in programs.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    return asyncio.run(time_service.time_service())


def test_chrony_is_asked_first(monkeypatch, tmp_path):
    """A real program, with the arguments that only read."""
    body = f'[ "$*" = "-c -n tracking" ] && echo "{KEPT}"'
    assert ask(monkeypatch, tmp_path, chronyc=body, timedatectl="echo NTP=no").is_kept


def test_systemd_is_asked_where_chrony_is_not_or_fails(monkeypatch, tmp_path):
    body = "echo NTP=yes; echo NTPSynchronized=yes"
    told = ask(monkeypatch, tmp_path, chronyc="exit 1", timedatectl=body)
    assert told.name == "systemd"


def test_a_machine_where_nobody_knows_says_so(monkeypatch, tmp_path):
    told = ask(monkeypatch, tmp_path)
    assert (told.name, told.is_kept) == ("none", None)


def test_a_program_that_does_not_answer_is_not_waited_for(monkeypatch, tmp_path):
    """It is ended, and counts as not there."""
    monkeypatch.setattr(time_service, "ASKED_S", 0.2)
    slow = f"echo $$ > {tmp_path}/pid; exec /bin/sleep 60"
    assert ask(monkeypatch, tmp_path, chronyc=slow).name == "none"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
