"""`steelyard key rotate` and `steelyard key change`: what becomes of a key that there is."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import UNSET

from steelyard.cli.administration import administer
from steelyard.cli.key import issued, line, parse_products, parse_scopes, read_pem
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.exchange.issuing import ChangeKey, RotateKey
from steelyard.vault.key_pairs import refuse_private

ANYWHERE, NEVER = "anywhere", "never"

_EVERYONE = Common()


def rotate_key(
    key: str,
    /,
    *,
    overlap: str = "24h",
    public_key: Path | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Replace a key by a new one that may do the same; both are good until the overlap ends.

    The new one has the same scopes, products, addresses and label, and lives as long as the old
    one was to live. One that may withdraw begins its cooling period.

    Example: steelyard key rotate KEY --overlap 2h

    Parameters
    ----------
    key
        The key, as `key list` shows it.
    overlap
        How long the old one stays good, as 24h, 30d at most; 0s where it has leaked.
    public_key
        The public half of the new key pair, where the old key is one; see `key create`.
    """
    call = configure_rotation(key, overlap, public_key)
    result = administer(common.directory, call)
    old = result["old"]
    used = f"last used {shown_time(old['last_used'])}" if old["last_used"] else "never used"
    note = f"The old one, {used}, is good until {shown_time(result['overlap_ends'])}."
    common.show(result, f"{issued(result)}\n{note}")
    return 0


def configure_rotation(key: str, overlap: str, public_key: Path | None) -> RotateKey:
    """Return the call, checked as far as can be without an exchange.

    Raises:
        UsageError: A duration that is none, or a file that cannot be read or holds a private key.
    """
    overlap_ns = parse_duration_ns(overlap)
    if public_key is None:
        return RotateKey(key, overlap_ns)
    content = read_pem(public_key)
    try:
        refuse_private(content)
        pem = content.decode("ascii")
    except UsageError as error:
        raise UsageError(f"--public-key {public_key}: {error}") from error
    except UnicodeDecodeError:
        pem = ""
    if not pem:
        raise UsageError(f"--public-key {public_key} is not a PEM file")
    return RotateKey(key, overlap_ns, pem)


def change_key(
    key: str,
    /,
    *,
    scopes: str | None = None,
    products: str | None = None,
    ip: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    expires: str | None = None,
    label: str | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Change what a key may do; what is not named stays. Its WebSockets are closed.

    Example: steelyard key change KEY --scopes read --ip 10.0.0.0/8

    Parameters
    ----------
    key
        The key, as `key list` shows it.
    scopes
        What it may do, separated by commas: read, trade, withdraw. A new permission to withdraw,
        or a new address for it, counts from 24 hours later.
    products
        What it may trade, separated by commas: BTC-USDT,ETH-USDT; or all.
    ip
        From where it may be used: addresses or networks; or anywhere.
    expires
        How long it lives from now, as 90d or 12h; or never.
    label
        A note, say the bot's name.
    """
    call = configure_change(key, scopes, products, ip, expires, label)
    result = administer(common.directory, call)
    warnings = "".join(f"\n[yellow]{shown(warning)}.[/]" for warning in result["warnings"])
    common.show(result, line(result) + warnings)
    return 0


def configure_change(
    key: str,
    scopes: str | None,
    products: str | None,
    ip: list[str] | None,
    expires: str | None,
    label: str | None,
) -> ChangeKey:
    """Return the call, checked as far as can be without an exchange.

    Raises:
        UsageError: Nothing is to change, there is no such scope, no product is named, or a
            duration that is none.
    """
    if all(value is None for value in (scopes, products, ip, expires, label)):
        raise UsageError("name what to change: --scopes, --products, --ip, --expires or --label")
    lifetime_ns = None if expires in (None, NEVER) else parse_duration_ns(expires)
    return ChangeKey(
        key,
        scopes=UNSET if scopes is None else parse_scopes(scopes),
        products=UNSET if products is None else parse_products(products),
        ip=UNSET if ip is None else () if ip == [ANYWHERE] else tuple(ip),
        lifetime_ns=UNSET if expires is None else lifetime_ns,
        label=UNSET if label is None else label,
    )
