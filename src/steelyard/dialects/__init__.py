"""The dialects that there are: each a folder here, an entry point of another package, or given.

The invariant: only the dialect that is asked for is imported, so that a command that needs one
does not pay for all. Ours are found by their folders, of which `coinbase_exchange` holds the
dialect `coinbase-exchange`; entry points of the group `steelyard.dialects` are looked up when a
name is none of ours, and never shadow one.
"""

from functools import cache
from importlib import import_module

from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.wire.dialect import Dialect

GROUP = "steelyard.dialects"


@cache
def names() -> tuple[str, ...]:
    """Return the names of our own dialects."""
    resources = import_module("importlib.resources")  # slow to import, as metadata is below
    folders = (entry for entry in resources.files(__name__).iterdir() if entry.is_dir())
    found = (f.name for f in folders if f.joinpath("__init__.py").is_file())
    return tuple(sorted(name.replace("_", "-") for name in found))


_registered: dict[str, Dialect] = {}


def register(dialect: Dialect) -> None:
    """Make a dialect known that no package offers: in a test, or in a program of one file.

    Raises:
        ConfigError: Its name is one of ours, or another dialect's.
    """
    if dialect.name in names() or _registered.get(dialect.name, dialect) is not dialect:
        raise ConfigError(f"there is a dialect {dialect.name!r} already; give yours another name")
    _registered[dialect.name] = dialect
    find.cache_clear()


@cache
def find(name: str) -> Dialect:
    """Return a dialect, ours or one that an installed package offers.

    Raises:
        Unsupported: There is none of that name.
        ConfigError: A package offers it, but what it offers is not a dialect.
    """
    if name in names():
        found: object = import_module(f"{__name__}.{name.replace('-', '_')}").DIALECT
        assert isinstance(found, Dialect), f"the folder of {name} has a DIALECT"
        return found
    if name in _registered:
        return _registered[name]
    metadata = import_module("importlib.metadata")  # slow to import, and rarely asked
    for entry in metadata.entry_points(group=GROUP, name=name):
        found = entry.load()
        if not isinstance(found, Dialect):
            raise ConfigError(
                f"the entry point {entry.value!r} for the dialect {name!r} is no Dialect; "
                "it has to name the DIALECT of a package"
            )
        return found
    raise Unsupported(f"no dialect {name!r}; there are {', '.join(names())}")
