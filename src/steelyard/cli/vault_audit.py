"""`steelyard vault audit`: look through what is kept: ages, owners, and each key at its venue."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.key_audit import document, text
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.vault import listed, opened
from steelyard.cli.vault_venue import look, place_of
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.net.clock import Clock
from steelyard.vault.places import full

CHECK_FAILED = 1
MS_NS = 1_000_000
DAY_MS = 24 * 3_600 * 1_000
_EVERYONE = Common()


def audit_vault(
    *names: str,
    config: Path | None = None,
    offline: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Look through what is kept: what each key may do at its venue, from where, since when.

    The exit code is 0 only if a bot may hold each of them and none is due to be rotated.

    Examples: steelyard vault audit | steelyard vault audit binance/dip |
    steelyard vault audit --offline

    Parameters
    ----------
    names
        Of these; default: of all.
    config
        A bot's configuration, which says where keys are tried that do not say so themselves.
    offline
        Ask no venue: terms and ages only, for which no passphrase is needed.
    """
    now_ms = Clock().now_ns() // MS_NS
    rows = listed(now_ms)
    if names:
        wanted = [full(name) for name in names]
        known = {row["name"]: row for row in rows}
        if missing := [name for name in wanted if name not in known]:
            raise ConfigError(f"{missing[0]} is not kept; see: steelyard vault list")
        rows = [known[name] for name in wanted]
    vault = None if offline or not rows else opened()
    results = []
    for row in rows:
        found: dict[str, Any] = {"name": row["name"], "findings": findings(row), "venue": None}
        words = ""
        if vault is not None:
            kept = vault.open(row["name"])
            if not kept.current.is_key:
                found["findings"] = []  # a text: nothing trades by it
            else:
                words = _tried(found, kept, config, now_ms)
        found["passes"] = not any(it["refuses"] for it in found["findings"])
        results.append((found, words))
    lines = [_lines(found, words) for found, words in results]
    common.show({"secrets": [found for found, _ in results]}, "\n".join(lines) or "nothing is kept")
    return CHECK_FAILED if any(not found["passes"] for found, _ in results) else 0


def findings(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what its terms say against a secret, worst first."""
    found = []
    if row["due"]:
        found.append({"name": "key.due", "text": f"rotate it: {row['due']}", "refuses": True})
    if row["stage"]:
        text = f"a rotation is not finished: {row['stage']}"
        found.append({"name": "key.rotating", "text": text, "refuses": False})
    if not row["bot"]:
        text = "any bot may take it; bind it to one, so that it can be revoked alone"
        found.append({"name": "key.any_bot", "text": text, "refuses": False})
    if not row["environments"]:
        text = "it may be used in any environment; practice and money should have keys apart"
        found.append({"name": "key.any_environment", "text": text, "refuses": False})
    if row["age_days"] is None:
        text = "how old it is nobody knows; add it by steelyard vault add"
        found.append({"name": "key.age_unknown", "text": text, "refuses": False})
    return found


def _tried(found: dict[str, Any], kept: Any, config: Path | None, now_ms: int) -> str:
    """Try a key at its venue, add what is found, and return it in words."""
    try:
        seen = look(place_of(found["name"], kept.terms, config), kept.current)
    except SteelyardError as error:
        found["findings"].append({"name": "key.not_tried", "text": str(error), "refuses": True})
        return ""
    if seen.audit is None:
        text_ = f"the venue does not accept it: {seen.denied}"
        found["findings"].append({"name": "key.dead", "text": text_, "refuses": True})
        return ""
    venue = document(seen.audit)
    venue["created"] = None if seen.created_ns is None else seen.created_ns // MS_NS
    venue["age_days"] = None
    words = text(seen.audit)
    if seen.created_ns is not None:
        venue["age_days"] = (now_ms - seen.created_ns // MS_NS) // DAY_MS
        words += f"\n  · made {venue['age_days']} days ago, says the venue"
    found["venue"] = venue
    found["findings"] += [it for it in venue["findings"] if it["refuses"]]
    return words


def _lines(found: dict[str, Any], words: str) -> str:
    marks = {True: "[red]refused[/]", False: "[yellow]mind[/]"}
    own = [f"  {marks[it['refuses']]} {shown(it['text'])}" for it in found["findings"]]
    above = f"[bold]{shown(found['name'])}[/]"
    return "\n".join([above, *own, *(f"  {line}" for line in words.splitlines())])
