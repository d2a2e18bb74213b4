"""What a strategy's code is: the file of its class, and each module of the user's own behind it.

Followed by the imports as they are written, those inside of functions too, without running any.
What is installed (below site-packages) and Python's own is not looked at, and of steelyard itself
only the version; but a strategy that is itself installed has its own package looked at. Of an
archive on the path the whole file counts. What is loaded by a name that is made up at run time,
and data that is read, is not seen.
"""

import ast
import importlib
import sys
import sysconfig
from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, all_suffixes
from pathlib import Path

from steelyard import __version__
from steelyard.domain.errors import ConfigError
from steelyard.trading.codes import OURS, line_of

DIGEST = 16  # letters of one
FILES_MAX = 1_000
_OF_ONE = frozenset(Path(f"a{ending}").suffix for ending in all_suffixes())
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PYTHON = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def code_line(named: str, home: str) -> str:
    """Return the line of a class; named is the module by which it is found, home its own.

    Raises:
        ConfigError: There are too many files to look at.
        OSError: One of them cannot be read.
    """
    importlib.invalidate_caches()
    # To import a module runs the packages that it is in, though it names none of them.
    waiting = [home, *_with_packages(home), *_with_packages(named)]
    found, seen = dict[str, str](), set[str]()
    tops = {home.partition(".")[0], named.partition(".")[0]} - {OURS}
    while waiting:
        module = waiting.pop(0)
        if module in seen:
            continue
        seen.add(module)
        spec = _spec(module)
        file = None if spec is None or not spec.origin else _file(Path(spec.origin))
        if file is None:
            continue
        is_ours = module.partition(".")[0] == OURS
        if module != home and (is_ours or not _is_own(file, module, tops)):
            continue
        content = file.read_bytes()
        name, digest = _name(module, file), sha256(content).hexdigest()[:DIGEST]
        while found.get(name, digest) != digest:  # archives of one name, in two folders
            name += "+"
        found[name] = digest
        if len(found) > FILES_MAX:
            raise ConfigError(
                f"[strategy] class: it imports more than {FILES_MAX} modules that are not "
                "installed; install what is not of the strategy as a package"
            )
        if file.suffix == ".py" and not is_ours:
            package = module if file.stem == "__init__" else module.rpartition(".")[0]
            waiting += _imported(content, package)
    first = [*found][:1]
    return line_of(
        {name: found[name] for name in [*first, *sorted({*found} - {*first})]}, __version__
    )


def _imported(content: bytes, package: str) -> Iterator[str]:
    """Yield the modules that a file imports, with the packages that they are in."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # what imports it says so
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join(above) if node.level else ""
            base = ".".join(filter(None, [start, node.module or ""]))
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in filter(None, names):
            yield from _with_packages(name)


def _with_packages(module: str) -> Iterator[str]:
    """Yield the packages that a module is in, and the module."""
    parts = module.split(".")
    return (".".join(parts[: at + 1]) for at in range(len(parts)))


def _file(origin: Path) -> Path | None:
    """Return the file that holds a module, which may be an archive; None: there is none."""
    return next((path for path in (origin, *origin.parents) if path.is_file()), None)


def _spec(module: str) -> ModuleSpec | None:
    """Return where a module is, without importing anything."""
    spec: ModuleSpec | None = None
    path: list[str] | None = None
    parts = module.split(".")
    for at, part in enumerate(parts):
        name = ".".join(parts[: at + 1])
        try:
            spec = PathFinder.find_spec(name, path)
        except KeyError:  # a folder without __init__ in another one that is not imported yet
            spec, path = None, [str(Path(above) / part) for above in path or ()]
            continue
        except (ImportError, AttributeError, ValueError):  # a path hook that fails
            return None
        if spec is None:  # found by another way, as editable installs are
            spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is None:
            return None
        path = [*(spec.submodule_search_locations or [])]
    return spec


def _is_own(file: Path, module: str, tops: set[str]) -> bool:
    """Whether a file is the user's: neither Python's nor of a package that is installed."""
    if module.partition(".")[0] in tops:
        return True
    resolved = file.resolve()
    if not _INSTALLED.isdisjoint((*file.parts, *resolved.parts)):
        return False
    return not any(resolved.is_relative_to(folder) for folder in _PYTHON)


def _name(module: str, file: Path) -> str:
    """Return a file's name, the same wherever its folder is, and one word."""
    if file.suffix not in _OF_ONE:  # a whole archive
        return "_".join(file.name.split())
    folders = module.replace(".", "/")
    return f"{folders}/{file.name}" if file.stem == "__init__" else folders + file.suffix
