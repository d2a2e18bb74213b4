"""The files of a folder, and all that a git repository has: versions of files, and messages.

Nothing is checked out, fetched, or run of what the repository names: git lists its objects and
hands out their content. An object is read once, however many commits have it.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.vault.leaks import TEXT_MAX_BYTES

SKIPPED = frozenset(
    {".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}
)
OBJECTS_MAX = 5_000_000
SHORT = 12  # of an object's name, where it stands for a path
# A clone that has left something out would ask for it, by a command that the repository names.
_OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}


class Found(NamedTuple):
    """A text and where it is; object is what git calls it. None: too large, or not readable."""

    path: str
    text: bytes | None
    object: str = ""


def folder(root: Path) -> Iterator[Found]:
    """Yield the files below a folder, or a file; links are not followed.

    Raises:
        ConfigError: There is none.
    """
    if not root.exists():
        raise ConfigError(f"{root} is not there")
    if root.is_file():
        yield _read(root, root.name)
        return
    for above, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_read(Path(above) / name))
        for name in sorted(names):
            path = Path(above) / name
            yield _read(path, path.relative_to(root).as_posix())


def history(root: Path) -> Iterator[Found]:
    """Yield every object that a repository has: versions of files, commits, tags.

    Those that no branch reaches, too: staged and never committed, or amended away. What is no file
    has what it is for its path, and no object.

    Raises:
        ConfigError: It is no repository, or git is not installed.
    """
    reached = ("--all", "--reflog", "--indexed-objects")
    listed = _git(root, "rev-list", "--objects", "--missing=allow-any", *reached)
    paths: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, path = line.partition(b" ")
        if path and len(paths) < OBJECTS_MAX:
            paths.setdefault(name.decode(), path.decode(errors="replace"))
    # First what they are, then the content of those that are read and not too large.
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    wanted: list[str] = []
    for told in _git(root, "cat-file", form, "--batch-all-objects").decode().splitlines():
        number, kind, size = told.split(" ")
        if kind == "tree":
            continue
        if kind != "blob":
            paths[number] = f"{kind} {number[:SHORT]}"
        if int(size) > TEXT_MAX_BYTES:
            yield Found(paths.get(number, f"{kind} {number[:SHORT]}"), None, number)
        else:
            wanted.append(number)
    if not wanted:
        return  # nothing was ever kept
    for number, kind, text in _contents(root, wanted):
        where = paths.get(number, f"{kind} {number[:SHORT]}")
        yield Found(where, text, number if kind == "blob" else "")


def commit_of(root: Path, name: str) -> str:
    """Return the first commit that brought an object in, in short; empty where none is found."""
    found = _git(
        root, "log", "--all", "--reflog", "--format=%h", f"--find-object={name}", "--reverse"
    )
    return found.decode().partition("\n")[0]


def _contents(root: Path, names: list[str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, kind and content of objects."""
    command = ["git", "-C", str(root), "cat-file", "--batch"]
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | _OFFLINE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name in names:
            process.stdin.write(name.encode() + b"\n")
            process.stdin.flush()
            header = process.stdout.readline().split()
            if len(header) != 3:  # noqa: PLR2004 name, kind, size
                continue
            text = process.stdout.read(int(header[2]))
            process.stdout.read(1)
            yield name, header[1].decode(), text
        process.stdin.close()


def _git(root: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607 found on PATH, as the user would
            capture_output=True,
            check=False,
            env=os.environ | _OFFLINE,
        )
    except OSError as error:
        raise ConfigError(f"git cannot be started: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise ConfigError(f"{root} has no history to scan: {said}")
    return done.stdout


def _is_read(folder_: Path) -> bool:
    """Whether a folder is somebody's work, and not a tool's, which a tag or its name tells."""
    return folder_.name not in SKIPPED and not (folder_ / "CACHEDIR.TAG").exists()


def _read(path: Path, name: str) -> Found:
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return Found(name, b"")
        if about.st_size > TEXT_MAX_BYTES:
            return Found(name, None)
        return Found(name, path.read_bytes())
    except OSError:
        return Found(name, None)
