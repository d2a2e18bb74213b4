"""`steelyard vault`: keep secrets where only their user can read them, and say how old they are.

A secret comes in by standard input or by a terminal that does not echo, never by an argument. It
goes out to bots, by reference, and is printed by no command.
"""

import base64
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec.structs import replace

from steelyard import dialects
from steelyard.cli import asking
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.cli.trade import configure_bots
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import MINUTE_NS
from steelyard.net.clock import Clock
from steelyard.store.datadir import state_directory, write_atomically
from steelyard.store.ownership import holder_of
from steelyard.trading.config import BotConfig, Environment
from steelyard.vault.catalog import Catalog, Named
from steelyard.vault.kept import ROTATE_DAYS, Kept, Secret, Terms
from steelyard.vault.keys import find, is_kept
from steelyard.vault.phrase import LEASE_VARIABLE, Lease
from steelyard.vault.places import Vault, full, split, vault_file
from steelyard.vault.sealed import LeaseTerms, check_name

MS_NS = 1_000_000
DAY_NS = 24 * 60 * MINUTE_NS
STDIN = "pipe:0"
_EVERYONE = Common()

Names = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]


def add_vault(
    name: str,
    /,
    *,
    source: Annotated[str, Parameter(name="--from")] = "",
    config: Path | None = None,
    text: Annotated[bool, Parameter(negative="")] = False,
    bot: str = "",
    environment: Names = None,
    dialect: str = "",
    rest: str = "",
    ws: str = "",
    symbol: str = "",
    expires: str | None = None,
    rotate: str = f"{ROTATE_DAYS}d",
    common: Common = _EVERYONE,
) -> int:
    """Put a key into the vault, or a text such as the address of a hook.

    It is typed at the terminal, which does not show it, or comes as JSON on standard input, as
    `steelyard key create --json` prints it. A new vault is made with a new passphrase.

    Examples: steelyard vault add binance/dip --config dip.toml |
    steelyard vault add binance/dip --bot dip < key.json |
    steelyard vault add aws-sm:prod/dip --from env:DIP

    Parameters
    ----------
    name
        Its name, as binance/dip; with a place before it, another place: keyring:NAME, aws-sm:NAME,
        gcp-sm:PROJECT/NAME, hashicorp:PATH.
    source
        Where it is now: env:NAME, pipe:N or another place's reference; default: the terminal, or
        standard input.
    config
        A bot's configuration: the key is that bot's, for its environment, and is tried there.
    text
        It is one line of text and no key.
    bot
        The only bot that may take it; default: any.
    environment
        The only environments that it may be used in; default: any.
    dialect
        The API it is for, so that `vault audit` and `vault rotate` can try it.
    rest
        Where that is: the address of the REST API.
    ws
        And of its streams.
    symbol
        What it is to trade.
    expires
        When it ends at the venue, from now, as 90d.
    rotate
        How old it may become before you are reminded to change it.
    """
    now_ms = Clock().now_ns() // MS_NS
    terms = configure(bot, environment or [], dialect, rest, ws, symbol, config, full(name))
    ends = None if expires is None else now_ms + parse_duration_ns(expires) // MS_NS
    days = parse_duration_ns(rotate) // DAY_NS
    if days < 1:
        raise UsageError(f"--rotate {rotate} is less than a day")
    terms = replace(terms, created=now_ms, changed=now_ms, expires=ends, rotate_days=days)
    if split(name)[0] == "vault":
        check_name(split(name)[1])
    vault = opened(new=True)
    secret = read_secret(source, is_text=text)
    vault.put(full(name), Kept(secret, terms), new=True)
    catalog().add(Named(full(name), terms))
    done = f'kept as {full(name)}; a bot takes it by key = "{full(name)}"'
    common.show(row(full(name), terms, "", now_ms), f"[green]{shown(done)}[/]")
    return 0


def configure(
    bot: str,
    environments: list[str],
    dialect: str,
    rest: str,
    ws: str,
    symbol: str,
    config: Path | None,
    reference: str = "",
) -> Terms:
    """Return the terms of a key, checked as far as can be without a venue.

    Of a bot of legs it is the key of the leg whose `key` the reference is.

    Raises:
        UsageError: There is no such dialect or environment.
        ConfigError: The configuration cannot be used.
    """
    for word in environments:
        if word not in list(Environment):
            raise UsageError(f"no environment {word!r}; there are: {', '.join(Environment)}")
    if config is not None:
        found = _whose(configure_bots(config), reference, config)
        main = found.main
        bot, symbol = bot or found.bot.name, symbol or found.strategy.symbol
        environments = environments or [found.bot.environment.value]
        dialect, rest, ws = dialect or main.dialect, rest or main.rest, ws or main.ws
    elif dialect and dialect not in dialects.names() and not dialect.startswith("ccxt:"):
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    return Terms(bot, tuple(environments), dialect, rest, ws, symbol)


def _whose(bots: dict[str, BotConfig], reference: str, file: Path) -> BotConfig:
    """Return the bot, or the leg, that a key is for; the first of those that share it takes it."""
    if "" in bots:
        return bots[""]
    for bot in bots.values():
        if bot.main.key == reference:
            return bot
    keys = ", ".join(dict.fromkeys(bot.main.key for bot in bots.values() if is_kept(bot.main.key)))
    raise ConfigError(
        f"{file}: no leg has the key {reference}; of the vault its legs have: {keys or 'none'}"
    )


def list_vault(*, common: Common = _EVERYONE) -> int:
    """Show what is kept, how old it is and who has it now; no secret, and no passphrase is needed.

    The exit code is 1 if something is due to be changed.
    """
    now_ms = Clock().now_ns() // MS_NS
    rows = listed(now_ms)
    lines = []
    for it in rows:
        marks = [it["bot"] and f"for {it['bot']}", ", ".join(it["environments"]), it["dialect"]]
        age = "age not known" if it["age_days"] is None else f"{it['age_days']} days old"
        ends = it["expires"] and f"ends {shown_time(it['expires'])}"
        held = it["held_by"] and f"taken by process {it['held_by']}"
        leased = it["lease"] and f"leased to {it['lease']['bot']}"
        parts = [*marks, age, ends, held, leased]
        words = " · ".join(shown(str(part)) for part in parts if part)
        due = f"\n  [yellow]rotate[/] {shown(it['due'])}" if it["due"] else ""
        stage = f"\n  [yellow]rotation[/] {shown(it['stage'])}" if it["stage"] else ""
        lines.append(f"[bold]{shown(it['name'])}[/]\n  {words}{due}{stage}")
    where = str(vault_file(os.environ))
    common.show({"file": where, "secrets": rows}, "\n".join(lines) or f"nothing in {where}")
    return 1 if any(it["due"] for it in rows) else 0


def listed(now_ms: int) -> list[dict[str, Any]]:
    """Return what is kept, as rows; a passphrase is not needed.

    Raises:
        ConfigError: The vault is damaged.
    """
    rows = []
    for name, entry in Vault().file.entries().items():
        found = row(f"vault:{name}", entry.terms, entry.stage, now_ms)
        if entry.lease is not None:
            found["lease"] = {"bot": entry.lease.terms.bot, "until": entry.lease.terms.until}
        rows.append(found)
    rows += [row(it.reference, it.terms, it.stage, now_ms) for it in catalog().elsewhere()]
    return rows


def row(reference: str, terms: Terms, stage: str, now_ms: int) -> dict[str, Any]:
    """Return what is told of a secret; times in milliseconds."""
    return {
        "name": reference,
        "bot": terms.bot,
        "environments": list(terms.environments),
        "dialect": terms.dialect,
        "symbol": terms.symbol,
        "created": terms.created or None,
        "changed": terms.changed or None,
        "age_days": terms.age_days(now_ms),
        "expires": terms.expires,
        "rotate_days": terms.rotate_days,
        "due": terms.due(now_ms),
        "stage": stage,
        "held_by": holder_of(state_directory() / "owners", "key", reference),
        "lease": None,
    }


def remove_vault(name: str, /, *, common: Common = _EVERYONE) -> int:
    """Forget a secret. A key lives on at its venue until you revoke it there.

    Parameters
    ----------
    name
        Its name, as `vault list` shows it.
    """
    reference = full(name)
    if holder := holder_of(state_directory() / "owners", "key", reference):
        raise UsageError(f"process {holder} has {reference} now; stop that bot first")
    opened().remove(reference)
    catalog().remove(reference)
    common.show({"removed": reference}, f"forgot {shown(reference)}")
    return 0


def lease_vault(
    name: str,
    /,
    *,
    to: Path | None = None,
    bot: str = "",
    expires: str = "90d",
    revoke: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Let one bot have one key without the vault's passphrase.

    The lease is a file. The bot is started with its path in STEELYARD_VAULT_LEASE, and can open its
    own key and nobody else's. There is one lease per key: a new one ends the one before.

    Examples: steelyard vault lease binance/dip --to dip.lease |
    steelyard vault lease binance/dip --revoke

    Parameters
    ----------
    name
        The key's name in the vault.
    to
        Where to write the lease.
    bot
        Whose it is; default: the bot that the key is for.
    expires
        For how long.
    revoke
        End the lease that there is, and issue none.
    """
    place, own = split(name)
    if place != "vault":
        raise UsageError(f"{place} has roles of its own; let the bot's read {own} and nothing else")
    vault = opened()
    if revoke:
        vault.file.lease(own, None, vault.phrase)
        common.show({"revoked": f"vault:{own}"}, f"vault:{shown(own)} has no lease any more")
        return 0
    if to is None:
        raise UsageError("--to FILE is missing: where to write the lease")
    entries = vault.file.entries()
    if own not in entries:
        raise ConfigError(f"vault:{own} is not in the vault; see: steelyard vault list")
    bound = entries[own].terms.bot
    if bot and bound and bot != bound:
        raise UsageError(f"vault:{own} belongs to the bot {bound!r}, and to no other")
    if not (bot or bound):
        raise UsageError("--bot NAME is missing: whose lease it is to be")
    until = (Clock().now_ns() + parse_duration_ns(expires)) // MS_NS
    token = vault.file.lease(own, LeaseTerms(bot or bound, until), vault.phrase)
    lease = Lease(own, bot or bound, until, base64.b64encode(token).decode())
    document = {field: getattr(lease, field) for field in lease.__struct_fields__}
    write_atomically(to, document)
    told = f"{to} opens vault:{own} until {shown_time(until)}; start the bot with {LEASE_VARIABLE}"
    document.pop("token")
    common.show(document, f"{shown(told)}={shown(str(to.absolute()))}")
    return 0


def passphrase_vault(*, common: Common = _EVERYONE) -> int:
    """Change the passphrase of the vault. Leases stay good."""
    vault = opened()
    old = vault.phrase
    if sys.stdin.isatty():
        new = asking.ask_twice("new passphrase: ")
    else:
        new = sys.stdin.readline().rstrip("\n")
    vault.file.change_phrase(old, new)
    common.show({"changed": str(vault.file.path)}, "the vault has another passphrase now")
    return 0


# -- what the other commands of this group use too -------------------------------------------------


def opened(*, new: bool = False) -> Vault:
    """Return the vault; whoever sits at the terminal may be asked for its passphrase.

    new: a vault that is not there yet may be made, and its passphrase is asked for twice.
    """
    ask = asking.asker()
    if ask is not None and new and not vault_file(os.environ).exists():
        ask = asking.ask_twice
    return Vault(os.environ, ask)


def catalog() -> Catalog:
    """Return the list of what is kept elsewhere."""
    return Catalog(vault_file(os.environ).with_suffix(".places.json"), write_atomically)


def read_secret(source: str, *, is_text: bool) -> Secret:
    """Return a secret from where it is, or from the person at the terminal.

    Raises:
        UsageError: It is none.
        ConfigError: Nothing is there.
    """
    if source or not sys.stdin.isatty():
        if is_text and not source:
            return _text(sys.stdin.readline().rstrip("\n"))
        secret = find(source or STDIN, os.environ, asking.asker()).current
    elif is_text:
        return _text(asking.ask("the text: "))
    else:
        key = asking.ask("key: ").strip()
        value = asking.ask("secret: ").strip()
        secret = Secret(key, value, asking.ask("passphrase of the key, if it has one: ").strip())
        if not secret.is_key:
            raise UsageError("a key and its secret are needed; nothing was kept")
    if is_text is secret.is_key:
        raise UsageError("this is a key: leave out --text" if is_text else "this is a text: --text")
    if secret.is_key:
        secret.api_key()  # says if its private key cannot be read
    return secret


def _text(line: str) -> Secret:
    if not line:
        raise UsageError("the text is empty; nothing was kept")
    return Secret(text=line)
