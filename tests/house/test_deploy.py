"""Units and image are what their makers' tools take, and keep what our guides promise."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclopts import CycloptsError

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
    program, *words = shlex.split(found["ExecStart"][0])
    assert program.endswith("/steelyard")
    parses(words)
    secrets = [line for line in found["Environment"] if re.search(r"(?i)phrase=|secret=", line)]
    assert secrets == [], "a variable of a unit is everybody's to read"


def parses(words: list[str]) -> None:
    """Have the command line take them: a command, flags and values that there are."""
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"steelyard {' '.join(words)}: {error}")


@pytest.mark.parametrize("words", ["tarde x.toml", "trade x.toml --conf dip", "watch --once=maybe"])
def test_what_the_command_line_does_not_take_is_found(words):
    """Also the beginning of a flag that there is."""
    with pytest.raises(pytest.fail.Exception, match=words):
        parses(words.split())


@pytest.mark.parametrize("file", [*UNITS, DOCKERFILE], ids=lambda it: it.name)
def test_commands_and_variables_that_comments_name_are_there(file):
    """Somebody types them, as they stand."""
    text = file.read_text()
    told = [line for line in text.splitlines() if line.startswith("#") and "docker" not in line]
    for line in told:
        for words in re.findall(r"(?:^|[ /])steelyard (\w+ [^,]+?)(?=,| \.\.\.|$)", line):
            parses(words.split())
    known = "".join(it.read_text() for it in sorted((ROOT / "src").rglob("*.py")))
    for name in {*re.findall(r"STEELYARD_\w+", text)}:
        assert f'"{name}"' in known, name


@pytest.mark.parametrize("unit", UNITS, ids=lambda it: it.name)
def test_a_unit_reads_and_writes_where_it_may(unit):
    """Its data and state are in the directory that systemd makes for it; credentials are given."""
    found = settings(unit)
    own = f"/var/lib/{found['StateDirectory'][0]}"
    words = shlex.split(found["ExecStart"][0])
    assert words[words.index("--data") + 1] == own
    variables = dict(it.split("=", 1) for it in found["Environment"])
    assert variables["STEELYARD_STATE"].startswith(f"{own}/")
    given = {it.partition(":")[0] for it in found.get("LoadCredentialEncrypted", [])}
    named = {it for value in variables.values() for it in re.findall(r"%d/(\w+)", value)}
    assert named == given
    assert all(it.startswith("/etc/steelyard/") for it in read_by(found))
    for document in found.get("Documentation", []):
        place = document.partition("/doc/steelyard/")[2]
        assert (ROOT / "docs" / place).is_file(), document


def read_by(found: dict[str, list[str]]) -> list[str]:
    """Return the files that a unit reads."""
    configs = [it for it in shlex.split(found["ExecStart"][0]) if it.endswith(".toml")]
    given = [it.partition(":")[2] for it in found.get("LoadCredentialEncrypted", [])]
    vaults = [it.partition("=")[2] for it in found["Environment"] if "_VAULT=" in it]
    return [*configs, *given, *vaults]


def test_what_the_image_starts_is_there():
    """Its command, its health check, the folders of both, the extra and the program's place."""
    lines = instructions()
    entry, command = (json.loads(lines[name][-1]) for name in ("ENTRYPOINT", "CMD"))
    check = json.loads(lines["HEALTHCHECK"][0].partition(" CMD ")[2])
    assert entry == check[:1] == ["steelyard"]
    for words in (command, check[1:]):
        parses(words)
        assert words[words.index("--data") + 1] == lines["VOLUME"][0]
    variables = dict(it.split("=", 1) for it in lines["ENV"][0].split())
    assert variables["STEELYARD_STATE"].startswith(f"{lines['VOLUME'][0]}/")
    assert variables["PATH"].split(":")[0] == f"{lines['COPY'][-1].split()[-1]}/bin"
    made = lines["RUN"][-1]
    assert f"--uid {lines['USER'][0]} " in made
    assert made.endswith(f" {lines['VOLUME'][0]}"), "the user's own folder is made last"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extra,) = re.findall(r"\$\{WHEEL\}\[(\w+)\]", lines["RUN"][0])
    assert extra in project["optional-dependencies"]
    assert f"WHEEL=steelyard-{project['version']}-" in DOCKERFILE.read_text()


def instructions() -> dict[str, list[str]]:
    """Return the image's instructions by name, without comments and with one line for each."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text()).replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in filter(None, text.splitlines()):
        name, rest = line.split(maxsplit=1)
        found.setdefault(name, []).append(" ".join(rest.split()))
    return found


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
    """It comes with the other tools of a checkout."""
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("no hadolint here: make setup-dev")
    done = subprocess.run(
        [program, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)
