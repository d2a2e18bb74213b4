"""What a strategy is made of, in one line: its files, a digest of each, and steelyard's version.

    bots/dip.py=0f3c... bots/lines.py=9a71... steelyard=0.1

The class's own file comes first. Of steelyard's version the last number does not count: it only
mends. A line of before is one digest, of the class's file alone, and is compared by that.
"""

from collections.abc import Mapping

OURS = "steelyard"
NAMED_MAX = 3  # of several that differ


def line_of(files: Mapping[str, str], version: str) -> str:
    """Return the line of these files, by name with their digests; the class's own comes first."""
    parts = [f"{name}={digest}" for name, digest in files.items()]
    return " ".join([*parts, f"{OURS}={'.'.join(version.split('.')[:2])}"])


def difference(before: str, now: str) -> str | None:
    """Return in what two lines differ, naming files; None: they are of the same strategy."""
    if before == now:
        return None
    if not (before and now):
        return "its files cannot be told"
    was, found = _parts(before), _parts(now)
    if "" in was or "" in found:  # one of them is of before: only the class's file can be compared
        (name, digest), (other, now_digest) = next(iter(was.items())), next(iter(found.items()))
        if digest == now_digest:
            return None
        return f"{name or other or 'the file of its class'} has been changed"
    told = [f"{name} has been changed" for name in was if found.get(name, was[name]) != was[name]]
    told += [f"{name} is gone" for name in was if name not in found]
    told += [f"{name} is new" for name in found if name not in was]
    if was.get(OURS) != found.get(OURS):
        ours = f"steelyard was {was.get(OURS)} and is {found.get(OURS)}"
        told = [*(it for it in told if it.split()[0] != OURS), ours]
    more = f" and {len(told) - NAMED_MAX} more" if len(told) > NAMED_MAX else ""
    return ", ".join(told[:NAMED_MAX]) + more or None


def _parts(line: str) -> dict[str, str]:
    """Return what a line says by name; a digest of before has the name ""."""
    found = {}
    for part in line.split():
        name, _, digest = part.rpartition("=")
        found[name] = digest
    return found
