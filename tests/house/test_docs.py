"""The docs name everything a user can meet, their links lead somewhere, their snippets run."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cyclopts import App

from tests.house.source import ROOT, SRC, complain

REFERENCE = ROOT / "docs" / "reference"
FENCE = re.compile(r"(?ms)^```([^\n]*)\n(.*?)^```$")


# --- what has to be named -----------------------------------------------------------------------


def commands(app: App, above: str = "steelyard ") -> Iterator[str]:
    """Yield each command as one types it: `steelyard key create`."""
    for name in app:
        if not name.startswith("-"):
            yield above + name
            yield from commands(app[name], f"{above}{name} ")


def config_keys(module: object) -> Iterator[str]:
    """Yield each key that a configuration file may hold."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct):
            yield from value.__struct_encode_fields__


def dialects() -> Iterator[str]:
    """Yield the name of each dialect, as `--dialect` takes it."""
    for manifest in sorted((SRC / "dialects").rglob("__init__.py")):
        if re.search(r"(?m)^DIALECT\b", manifest.read_text()):
            folder = ".".join(manifest.parent.relative_to(SRC.parent).parts)
            yield importlib.import_module(folder).DIALECT.name


def names_of(what: str) -> Iterable[str]:
    """Return the names of one kind that the reference has to hold."""
    load = importlib.import_module
    match what:
        case "commands":
            return commands(load("steelyard.cli.main").app)
        case "configuration keys":
            return config_keys(load("steelyard.trading.config"))
        case "errors":
            errors = vars(load("steelyard.domain.errors")).values()
            return [e.__name__ for e in errors if isinstance(e, type) and issubclass(e, Exception)]
        case "reject reasons":
            return [reason.name for reason in load("steelyard.domain.order").RejectReason]
        case "dialects":
            return dialects()
        case _:
            raise ValueError(what)


def unnamed(names: Iterable[str], text: str) -> list[str]:
    """Return the names that a text does not hold as whole words."""
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]


@pytest.mark.parametrize(
    "what", ["commands", "configuration keys", "errors", "reject reasons", "dialects"]
)
def test_the_reference_names_it(what: str):
    """A user who meets a name finds it by searching docs/reference."""
    text = "\n".join(page.read_text() for page in sorted(REFERENCE.rglob("*.md")))
    names = list(names_of(what))
    assert names, f"found no {what} at all: this test looks in the wrong place"
    complain(unnamed(names, text), f"These {what} are not in docs/reference:")


def test_a_missing_name_is_seen():
    """A part of a longer name does not count."""
    text = "`steelyard key create-all`, RATE_LIMITED_BY_IP, binance-futures"
    names = ["steelyard key create", "RATE_LIMITED", "binance"]
    assert unnamed(names, text) == names
    assert unnamed(names, "(binance) RATE_LIMITED, `steelyard key create`.") == []


def test_commands_are_found_at_any_depth():
    """A group and what is in it are both commands."""
    app, key = App(name="steelyard"), App(name="key")
    key.command(lambda: None, name="create")
    app.command(key)
    assert list(commands(app)) == ["steelyard key", "steelyard key create"]


def test_troubleshooting_has_every_reason():
    """Whoever searches the page for the code in an answer finds what to do."""
    text = (ROOT / "docs" / "guides" / "troubleshooting.md").read_text()
    reasons = importlib.import_module("steelyard.wire.dialect").AccessReason
    names = [*names_of("reject reasons"), *(reason.name for reason in reasons)]
    complain(unnamed(names, text), "These reasons are not in docs/guides/troubleshooting.md:")


COMMAND = re.compile(r"`steelyard ((?:[a-z-]+ )*[a-z-]+)")


def misnamed(text: str) -> list[str]:
    """Return the commands that a text names in code and that do not exist."""
    app = importlib.import_module("steelyard.cli.main").app
    known = set(commands(app))
    found = []
    for words in COMMAND.findall(text):
        first, *more = words.split(" ")
        name = f"steelyard {first}"
        if name not in known:
            found.append(name)
        elif more and any(it.startswith(f"{name} ") for it in known):
            is_known = f"{name} {more[0]}" in known
            found += [] if is_known or name in RUNS_TOO else [f"{name} {more[0]}"]
    return found


# Both a command, whose words may be anything, and a group of commands.
RUNS_TOO = {"steelyard exchange", "steelyard clock"}


def test_guides_name_commands_that_exist():
    """What a page tells a person to type can be typed."""
    guides = sorted([ROOT / "README.md", *ROOT.glob("docs/guides/*.md"), *ROOT.glob("docs/*.md")])
    wrong = [f"{page.name}: {name}" for page in guides for name in misnamed(page.read_text())]
    complain(wrong, "These commands do not exist:")


def test_a_command_that_does_not_exist_is_seen():
    """A misspelled group or member is found; options and arguments are left alone."""
    text = (
        "`steelyard keys list` `steelyard key mint` `steelyard key list --json` `steelyard why b`"
    )
    assert misnamed(text) == ["steelyard keys", "steelyard key mint"]


# --- links --------------------------------------------------------------------------------------


def pages() -> list[Path]:
    """Return every page we wrote."""
    everywhere = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")]
    return sorted([*everywhere, *SRC.rglob("*.md"), *ROOT.glob("bench/*.md")])


def anchors(text: str) -> set[str]:
    """Return the fragments that the headings of a page can be reached by."""
    headings = re.findall(r"(?m)^#+ +(.+?) *$", FENCE.sub("", text))
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere within the repository."""
    found = []
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))
    for target in re.findall(r"\]\(<?([^)\s>]+)", prose):
        path, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = page.parent / path if path else page
        if not there.exists():
            found.append(f"{page}: {target} is not there")
        elif fragment and there.suffix == ".md" and fragment not in anchors(there.read_text()):
            found.append(f"{page}: {target} has no such heading")
    return found


def test_links_lead_somewhere():
    """Every link inside the repository reaches a file, and its heading if it names one."""
    complain([line for page in pages() for line in broken_links(page)], "Mend these links:")


def test_a_broken_link_is_seen(tmp_path: Path):
    """A missing file and a missing heading are both found; code and the web are left alone."""
    (tmp_path / "there.md").write_text("# A Heading, with `code`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[ok](there.md#a-heading-with-code) [web](https://example.com/x) `[code](no.md)`\n"
        "[gone](gone.md) [heading](there.md#none)\n```\n[fenced](no.md)\n```\n"
    )
    assert [line.partition(": ")[2] for line in broken_links(page)] == [
        "gone.md is not there",
        "there.md#none has no such heading",
    ]


# --- snippets -----------------------------------------------------------------------------------


class Snippet(NamedTuple):
    """A block that begins with ```python runnable."""

    place: str
    code: str


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield the runnable snippets of a page."""
    text = page.read_text()
    for block in FENCE.finditer(text):
        if block[1].split() == ["python", "runnable"]:
            line = text.count("\n", 0, block.start()) + 1
            yield Snippet(f"{page.name}:{line}", block[2])


def run(snippet: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a snippet as a user would who pasted it into a file."""
    return subprocess.run(
        [sys.executable, "-c", snippet.code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "snippet", [pytest.param(s, id=s.place) for page in pages() for s in snippets(page)]
)
def test_a_runnable_snippet_runs(snippet: Snippet, tmp_path: Path):
    """What we tell people to paste works."""
    done = run(snippet, tmp_path)
    assert done.returncode == 0, f"{snippet.place}\n{done.stderr}"


def test_a_failing_snippet_is_seen(tmp_path: Path):
    """Only marked blocks run, and a wrong one fails."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python runnable\nassert 1 == 2\n```\n\n```python\nassert 2 == 3\n```\n"
        "```python runnable\nprint('ok')\n```\n"
    )
    bad, good = snippets(page)
    assert bad.place == "page.md:1"
    assert run(bad, tmp_path).returncode == 1
    assert run(good, tmp_path).stdout == "ok\n"
