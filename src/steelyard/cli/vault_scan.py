"""`steelyard vault scan`: find keys in a folder, and in all that a git repository has ever had."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.vault import listed, opened
from steelyard.net.clock import Clock
from steelyard.vault.history import Found, commit_of, folder, history
from steelyard.vault.kept import Kept
from steelyard.vault.leaks import Known, leaks

CHECK_FAILED = 1
FOUND_MAX = 1_000
MS_NS = 1_000_000
_EVERYONE = Common()


def scan_vault(
    path: Path = Path(),
    /,
    *,
    history: Annotated[bool, Parameter(name="--history", negative="")] = False,
    known: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Look for keys that have got into a folder, or into the history of a git repository.

    What is found is told by file, line and kind, with a fingerprint, and never shown. The exit code
    is 1 if anything is. A line with `steelyard: no secret` in it is passed over.

    Examples: steelyard vault scan | steelyard vault scan ~/bots --history --known

    Parameters
    ----------
    path
        A folder, a file, or a repository; default: here.
    history
        Everything that git has, beside what is there now: every version of every file, also staged,
        amended away or dropped, and the messages of commits and tags.
    known
        Also the very secrets that are in the vault, plain, escaped, in base64 or in hex; it is
        opened for that.
    """
    ours = Known(_secrets() if known else ())
    rows, skipped = scan(folder(path), ours)
    seen = {(row["path"], row["fingerprint"]) for row in rows}
    if history:
        old, more = scan(_history(path), ours)
        skipped += more
        for row in old:
            if (row["path"], row["fingerprint"]) not in seen:
                seen.add((row["path"], row["fingerprint"]))
                name = row.pop("object")
                rows.append({**row, "commit": commit_of(path, name) if name else ""})
    for row in rows:
        row.pop("object", None)
    lines = [
        f"{shown(row['path'])}:{row['line']}: [red]{shown(row['kind'])}[/] "
        f"{row['fingerprint']}{' in commit ' + row['commit'] if row.get('commit') else ''}"
        for row in rows[:FOUND_MAX]
    ]
    if rows:
        lines.append(
            "Whoever has seen a key has it: revoke it at its venue first (steelyard vault rotate), "
            "then take it out."
        )
    lines += [f"[yellow]not read[/] {shown(name)}" for name in skipped[:FOUND_MAX]]
    common.show(
        {"found": rows[:FOUND_MAX], "count": len(rows), "not_read": skipped},
        "\n".join(lines) or "nothing was found",
    )
    return CHECK_FAILED if rows else 0


def scan(texts: Iterable[Found], known: Known) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what is found in texts, and the names of those that were not read."""
    rows: list[dict[str, Any]] = []
    skipped: list[str] = []
    for path, text, name in texts:
        if text is None:
            skipped.append(path)
            continue
        rows += [{"path": path, **leak._asdict(), "object": name} for leak in leaks(text, known)]
    return rows, skipped


_history = history


def _secrets() -> list[tuple[str, str]]:
    """Return what the vault knows, by name, of every stage."""
    vault = opened()
    found = []
    for row in listed(Clock().now_ns() // MS_NS):
        kept: Kept = vault.open(row["name"])
        for secret in (kept.current, kept.pending, kept.retiring):
            if secret is not None:
                texts = (secret.secret, secret.passphrase, secret.text)
                found += [(row["name"], text) for text in texts if text]
    return found
