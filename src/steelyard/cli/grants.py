"""What bots have been granted: a file for each, apart from the data directories of its rungs.

    CONFIG/ladder/BOT.jsonl     CONFIG is the user's own configuration directory

A file that cannot be read grants nothing, and says so.
"""

from pathlib import Path

import msgspec

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.store.datadir import config_directory
from steelyard.store.lines import append_line, read_lines
from steelyard.trading.config import BotConfig, is_name
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import REAL, Grant, granted, stranger


def grants_of(bot: str) -> list[Grant]:
    """Return a bot's grants, oldest first.

    Raises:
        ConfigError: They cannot be read.
        UsageError: No bot can be called so.
    """
    file = _file(bot)
    try:
        return [msgspec.json.decode(line, type=Grant) for line in read_lines(file)]
    except msgspec.DecodeError as error:
        raise ConfigError(f"{file} is damaged ({error}): mend it, or move it away") from error


def keep(grant: Grant) -> None:
    """Keep a grant.

    Raises:
        ConfigError: The disk refuses.
    """
    append_line(_file(grant.bot), msgspec.json.encode(grant))


def grant_for(config: BotConfig, identity: Identity, code: str = "") -> Grant | None:
    """Return by which grant a bot may begin; None: its environment needs none.

    code is what its strategy is made of, as `trading.codes` has it.

    Raises:
        ConfigError: It needs one and has none.
    """
    bot = config.bot
    if bot.environment not in REAL:
        return None
    found = granted(grants_of(bot.name), bot.name, bot.environment, identity)
    if found is None:
        raise ConfigError(
            f'[bot] environment is "{bot.environment}", which {bot.name} has not earned with this '
            f"class, symbol and parameters: `steelyard promote {bot.name}` says what is missing"
        )
    if (why := stranger(found, config.main.where, code)) is not None:
        raise ConfigError(
            f'[bot] environment is "{bot.environment}", which {bot.name} has not earned so: {why}. '
            f"It shows itself again on the rung below: `steelyard promote {bot.name}`"
        )
    if found.cap is None or not found.cap.is_finite() or found.cap <= 0:
        raise ConfigError(
            f"{_file(bot.name)}: the grant of {bot.environment} has no cap, and with real money "
            f"each has one; grant it anew: `steelyard promote {bot.name}`"
        )
    return found


def _file(bot: str) -> Path:
    if not is_name(bot):
        raise UsageError(f"{bot!r} is no bot's name: those are of a-z, 0-9, - and _")
    return config_directory() / "ladder" / f"{bot}.jsonl"
