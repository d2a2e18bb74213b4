"""`steelyard reset`: begin anew in a place to practise: the exchange, a bot, or all of a directory.

The invariant: nothing is touched that runs, or of an environment that reaches a real venue, and
nothing goes at once. What is reset is moved aside, and what was moved aside before it goes.
"""

import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.store import datadir
from steelyard.store.journal import read_records
from steelyard.trading.config import HERE
from steelyard.trading.records import RunStarted, codec

EXCHANGE, ALL = "exchange", "all"
ASIDE = ".before-reset"
_EVERYONE = Common()


def reset(
    *what: str,
    yes: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Begin anew: the exchange's books, one bot's past, or all of a data directory.

    Only where orders stay on this machine, and only what does not run. Keys in your vault stay;
    those of an exchange that is reset open nothing any more. What was there is moved to
    DIR/.before-reset, where it stays until the next reset.

    Examples: steelyard reset dip --yes | steelyard reset exchange --yes |
    steelyard reset all --yes --data ~/practice

    Parameters
    ----------
    what
        Bots by name; `exchange`; or `all`.
    yes
        Do it; without this, it is said what would be done.
    """
    directory = common.directory
    bots = datadir.bot_directories(directory)
    has_exchange = (directory / "exchange").is_dir()
    names = [*what]
    if not names:
        raise UsageError(f"say what: {', '.join([*bots, EXCHANGE, ALL])}")
    if ALL in names:
        names = [*bots, *([EXCHANGE] if has_exchange else [])]
    if unknown := [name for name in names if name != EXCHANGE and name not in bots]:
        raise UsageError(f"no bot {unknown[0]!r}; there are: {', '.join(bots) or 'none'}")
    paths = {}
    for name in dict.fromkeys(names):
        path = directory / "exchange" if name == EXCHANGE else directory / "bots" / name
        if not path.is_dir():
            raise UsageError(f"{path} is not there")
        if name != EXCHANGE:
            refuse_real(name, path)
        paths[name] = path
    lines = [f"{shown(name)}: {shown(str(path))}" for name, path in paths.items()]
    document = {"reset": list(paths), "done": yes, "moved_to": str(directory / ASIDE)}
    if not yes:
        common.show(document, "\n".join(["this would be reset; say --yes:", *lines]))
        return 0
    held: list[datadir.Directory] = []
    try:
        for path in paths.values():  # all of them or none: whoever runs has a lock
            held.append(datadir.Directory(path))  # noqa: PERF401 each is closed, if the next fails
        _move(directory, paths)
    finally:
        for each in held:
            each.close()
    common.show(document, "\n".join([f"moved to {shown(str(directory / ASIDE))}:", *lines]))
    return 0


def refuse_real(name: str, path: Path) -> None:
    """Let nobody throw away what happened on a real venue: it is taxed, and may be open.

    Raises:
        UsageError: The bot has run in an environment that reaches one.
    """
    decode = codec()
    for stored in read_records(path / "journal", 0):
        message = decode.decode(*stored).message
        if isinstance(message, RunStarted) and message.environment not in list(HERE):
            raise UsageError(
                f"the bot {name!r} has run in {message.environment!r}: its past is a record of "
                "real money and is not reset. Begin anew with another name, or another --data"
            )


def _move(directory: Path, paths: dict[str, Path]) -> None:
    aside = directory / ASIDE
    try:
        if aside.exists():
            shutil.rmtree(aside)
        for path in paths.values():
            target = aside / path.relative_to(directory)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.rename(target)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be reset: {error.strerror}") from error
