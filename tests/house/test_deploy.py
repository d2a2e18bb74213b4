"""Units and image are what their makers' tools take, and keep what our guides promise."""

import re
import shlex
import shutil
import subprocess

import pytest

from steelyard.cli.main import app
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
DOCKERFILE = DEPLOY / "Dockerfile"
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "LimitCORE": "0",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "User": "steelyard",
}


def settings(unit) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if re.match(r"[A-Z]\w+=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda it: it.name)
def test_systemd_takes_a_unit(unit, tmp_path):
    """By its own checker; the program need not be installed here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    program = tmp_path / "steelyard"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name.replace("@", "@dip")
    copy.write_text(unit.read_text().replace("/opt/steelyard/bin/steelyard", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if copy.name in line]
    assert ours == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda it: it.name)
def test_a_unit_gives_a_bot_little_and_names_a_command_that_there_is(unit):
    found = settings(unit)
    assert {name: found.get(name, [None])[0] for name in HARDENED} == HARDENED
    program, command, *words = shlex.split(found["ExecStart"][0])
    assert program.endswith("/steelyard")
    assert command in app
    known = " ".join(parameter for group in [app[command]] for parameter in _options(group))
    assert [word for word in words if word.startswith("--") and word not in known] == []
    secrets = [line for line in found["Environment"] if re.search(r"(?i)phrase=|secret=", line)]
    assert secrets == [], "a variable of a unit is everybody's to read"


def _options(command) -> set[str]:
    arguments = command.assemble_argument_collection(parse_docstring=False)
    return {name for argument in arguments for name in argument.names}


def test_the_image_runs_as_nobody_special_and_has_no_secret():
    """What a linter of Dockerfiles asks for, as far as it concerns us."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    words = [line.split(maxsplit=1) for line in lines]
    by_name: dict[str, list[str]] = {}
    for name, rest in words:
        by_name.setdefault(name, []).append(rest)
    assert all(re.match(r"\S+:\S*\d", image) for image in by_name["FROM"]), "a version is pinned"
    assert by_name["USER"] == ["10001"]
    assert "ADD" not in by_name
    assert all(line.startswith("[") for line in (*by_name["ENTRYPOINT"], *by_name["CMD"]))
    assert "--no-cache-dir" in text
    assert not re.search(r"(?i)(?:passphrase|secret|token)=", text)
    assert [name for name, _ in words if not name.isupper()] == []
    last = lines[max(i for i, (name, _) in enumerate(words) if name == "FROM") :]
    assert [line for line in last if line.startswith("USER")], "the last stage is not root"


def test_hadolint_takes_the_image():
    if shutil.which("hadolint") is None:
        pytest.skip("no hadolint on this machine")
    subprocess.run(["hadolint", str(DOCKERFILE)], check=True)
