"""A page of the docs as a session of a shell: its blocks in their order, as who reads it has them.

Blocks without a language, of `sh` and of `console` are commands; `python` is a program, or a file
if its first line is `# NAME.py`; `toml` is a file, likewise; `text` is for the eye. What the page
does not say to people stands in comments before a block, which no reader sees:

    <!-- not run: REASON -->     it cannot be run here; counted by tests/outside/test_guides.py
    <!-- file: NAME -->          it is written to this file
    <!-- into: NAME -->          its tables go into this file, over what is there
    <!-- before: COMMAND -->     what has happened elsewhere meanwhile
    <!-- stdin: TEXT -->         what is typed; the shell expands it
    <!-- exits: 0 1 -->          with which codes its commands may end
    <!-- until: PATTERN -->      each command goes on; it is done when it has said this, or, with
                                 `&` behind it, goes on after that

A command that ends with `&` is waited for until it says that it is ready.
"""

import os
import re
import signal
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

KINDS = ("not run", "file", "into", "before", "stdin", "exits", "until")
MARK = re.compile(rf"<!-- ({'|'.join(KINDS)}): (.*?) -->")
BLOCK = re.compile(r"(?ms)((?:^<!-- [^\n]* -->\n)*)^```([^\n]*)\n(.*?)^```$")
READY = '"ready": *true'
COMMANDS = ("", "sh", "console")

HEAD = """
set -e
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT
awaits() {  # PATTERN LOG PID
    for _ in $(seq 300); do
        grep -qE "$1" "$2" && return
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    grep -qE "$1" "$2" && return
    echo "it never said $1:" >&2; cat "$2" >&2; exit 9
}
"""


class Block(NamedTuple):
    """One block of a page, with its marks."""

    place: str
    language: str
    words: tuple[str, ...]
    text: str
    marks: Mapping[str, Sequence[str]]

    @property
    def is_run(self) -> bool:
        """Whether something is done by it."""
        return "not run" not in self.marks and self.language != "text"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        marks: dict[str, list[str]] = {}
        for kind, value in MARK.findall(found[1]):
            marks.setdefault(kind, []).append(value)
        language, *words = found[2].split() or [""]
        place = f"{page.name}:{text.count(chr(10), 0, found.start(2)) + 1}"
        yield Block(place, language, tuple(words), found[3], marks)


class Session:
    """The blocks of a page as a script that is run in a folder."""

    def __init__(self, page: Path, folder: Path, replaced: Mapping[str, str]) -> None:
        """What stands in a page for something of this run is replaced everywhere."""
        self.lines = [HEAD]
        self.commands = 0
        self._folder, self._replaced = folder, replaced
        self._files: dict[str, str] = {}  # as they are after the blocks so far
        for block in blocks(page):
            if block.is_run and block.words != ("runnable",):  # those run by test_docs.py
                self._add(block._replace(text=self._of_this_run(block.text)))

    def run(
        self, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run it; whatever it has started ends with it.

        Raises:
            subprocess.TimeoutExpired: It took too long.
        """
        command = ["bash", "-c", "\n".join(self.lines)]
        with subprocess.Popen(
            command,
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                said, complained = shell.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, shell.returncode, said, complained)

    def _of_this_run(self, text: str) -> str:
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text

    def _add(self, block: Block) -> None:
        self.lines.append(f"echo '--- {block.place}' >&2")
        self.lines += [self._of_this_run(line) for line in block.marks.get("before", ())]
        first = block.text.partition("\n")[0].removeprefix("# ")
        match block.language:
            case "toml" if "into" in block.marks:
                (name,) = block.marks["into"]
                self._write(name, merged(self._now(name), block.text))
            case "toml" | "python" if "file" in block.marks:
                self._write(block.marks["file"][0], block.text)
            case "toml" if block.words[:1] == ("in-order",):
                self._write(block.words[1], block.text)
            case "toml" | "python" if re.fullmatch(r"[\w.-]+\.(toml|py)", first):
                self._write(first, block.text)
            case "python":
                self._write(f"block-{len(self.lines)}.py", block.text)
                self._command(f"python block-{len(self.lines) - 1}.py", block)
            case language if language in COMMANDS:
                for line in block.text.splitlines():
                    if line.partition("#")[0].strip():
                        self._command(line, block)
            case language:
                raise AssertionError(f"{block.place}: {language} is no language of guides")

    def _now(self, name: str) -> str:
        return self._files.get(name) or (self._folder / name).read_text()

    def _write(self, name: str, text: str) -> None:
        if name.endswith(".toml"):
            tomllib.loads(text)
        self._files[name] = text
        kept = self._folder / f".{len(self.lines)}.{name}"
        kept.write_text(text)
        self.lines.append(f"cp {kept.name} {name}")

    def _command(self, line: str, block: Block) -> None:
        self.commands += 1
        pattern = self._of_this_run(block.marks.get("until", [READY])[0])
        is_left = line.rstrip().endswith("&")
        if is_left or "until" in block.marks:
            log = f".{len(self.lines)}.log"
            line = re.sub(r"\s+# .*", "", line).rstrip().removesuffix("&")
            self.lines.append(f": > {log}\n{line} > {log} 2>&1 &\nawaits '{pattern}' {log} $!")
            self.lines.append(f"cat {log}" if is_left else f"kill $!; wait $! || true; cat {log}")
            return
        typed = [f'<<< "{self._of_this_run(text)}"' for text in block.marks.get("stdin", ())]
        (codes,) = block.marks.get("exits", ["0"])
        self.lines.append(f"code=0; {{\n{line}\n}} {' '.join(typed)} || code=$?")
        complaint = f'echo "{block.place}: exit code $code" >&2; exit 8'
        self.lines.append(f'[[ " {codes} " == *" $code "* ]] || {{ {complaint}; }}')


def merged(text: str, fragment: str) -> str:
    """Return a TOML text with the tables of another one, whose keys come in place of its own."""
    lines = text.splitlines()
    for header, keys in _tables(fragment):
        if header not in (line.split("#")[0].strip() for line in lines):
            lines += ["", header]
        at = next(n for n, line in enumerate(lines) if line.split("#")[0].strip() == header) + 1
        end = next((n for n in range(at, len(lines)) if lines[n].startswith("[")), len(lines))
        names = {key.partition("=")[0].strip() for key in keys}
        kept = [it for it in lines[at:end] if it.partition("=")[0].strip() not in names]
        lines[at:end] = [*keys, *kept]
    return "\n".join([*lines, ""])


def _tables(fragment: str) -> Iterator[tuple[str, list[str]]]:
    header, keys = "", []
    for line in fragment.splitlines():
        if line.startswith("["):
            if header:
                yield header, keys
            header, keys = line.split("#")[0].strip(), []
        elif line.strip():
            keys.append(line)
    yield header, keys
