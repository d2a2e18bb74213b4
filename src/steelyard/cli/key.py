"""`steelyard key`: issue, list and revoke API keys.

A key belongs to one account and speaks one dialect. Its secret is printed once and kept
nowhere in the clear. Of a key pair only the public half comes here, and a private one that is
handed in by mistake goes no further than this process.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from steelyard import dialects
from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_duration_ns
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.admin import CreateKey, ListKeys, RevokeKey
from steelyard.vault.key_pairs import PEM_MAX_BYTES, read_public_key

_EVERYONE = Common()


def create_key(
    account: str,
    /,
    *,
    dialect: str,
    scopes: str = "read",
    ip: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    expires: str | None = None,
    label: str = "",
    kind: Annotated[KeyKind, Parameter(name=["--kind", "--signing"])] = KeyKind.HMAC,
    public_key: Path | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Issue an API key; its secret is shown this once.

    Examples: steelyard key create alice --dialect binance --scopes read,trade --expires 90d |
    steelyard key create alice --dialect binance --kind ed25519 --public-key alice.pem

    Parameters
    ----------
    account
        Whose key it is.
    dialect
        Which venue's API it speaks: native, binance.
    scopes
        What it may do: read, trade, withdraw, with commas. Give a bot no more than it needs.
    ip
        Addresses or networks it may be used from; none means anywhere.
    expires
        How long it lives, as 90d or 12h; default: until revoked.
    label
        A note, say the bot's name.
    kind
        How requests are signed: hmac with a secret that is made for you; ed25519, or rsa of 2048
        to 4096 bits, with a private key that stays with you.
    public_key
        The public half of your ed25519 or rsa key, a PEM file: openssl genpkey -algorithm ed25519
        -out PRIVATE.pem, then openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem.
    """
    call = configure(account, dialect, scopes, ip or [], expires, label, kind, public_key)
    result = administer(common.directory, call)
    common.show(result, _issued(result))
    return 0


def configure(
    account: str,
    dialect: str,
    scopes: str,
    ip: list[str],
    expires: str | None,
    label: str,
    kind: KeyKind = KeyKind.HMAC,
    public_key: Path | None = None,
) -> CreateKey:
    """Return the call, checked as far as can be without an exchange.

    Raises:
        UsageError: An unknown dialect or scope, a duration that is none, or a file that does not
            hold a public key of this kind.
    """
    if dialect not in dialects.names():
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    wanted = []
    for scope in scopes.split(","):
        try:
            wanted.append(Scope(scope.strip()))
        except ValueError as error:
            known = ", ".join(Scope)
            raise UsageError(f"no scope {scope!r}; there are: {known}") from error
    lifetime_ns = None if expires is None else parse_duration_ns(expires)
    pem = "" if public_key is None else _public_pem(kind, public_key)
    return CreateKey(
        account,
        dialect,
        tuple(wanted),
        tuple(ip),
        lifetime_ns,
        label,
        kind=kind,
        public_key=pem,
    )


def list_key(account: str | None = None, /, *, common: Common = _EVERYONE) -> int:
    """List keys, without their secrets.

    Parameters
    ----------
    account
        Only this account's.
    """
    result = administer(common.directory, ListKeys(account))
    common.show(result, "\n".join(_line(key) for key in result["keys"]) or "no keys")
    return 0


def revoke_key(key: str, /, *, common: Common = _EVERYONE) -> int:
    """Make a key worthless at once.

    Parameters
    ----------
    key
        The key's public part.
    """
    result = administer(common.directory, RevokeKey(key))
    common.show(result, f"revoked {escape(key)}")
    return 0


def _public_pem(kind: KeyKind, file: Path) -> str:
    """Return a public key's PEM, and nothing else that may be in its file."""
    try:
        with file.open("rb") as opened:
            content = opened.read(PEM_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--public-key {file} cannot be read: {error.strerror}") from error
    if kind is KeyKind.HMAC:
        raise UsageError("an hmac key has no public key; add --kind ed25519 or --kind rsa")
    try:
        return read_public_key(kind, content).pem.decode()
    except UsageError as error:
        raise UsageError(f"--public-key {file}: {error}") from error


def _issued(result: dict[str, Any]) -> str:
    about = (
        f"  {escape(result['account'])} · {result['dialect']} · {result['kind']} · "
        f"{', '.join(result['scopes'])} · from {', '.join(result['ip']) or 'anywhere'}"
    )
    if not result["secret"]:
        return f"key     [bold]{result['key']}[/]\n{about}\nSign with your private key."
    return (
        f"key     [bold]{result['key']}[/]\nsecret  [bold]{result['secret']}[/]\n{about}\n"
        "[yellow]The secret is not kept anywhere in the clear and will not be shown again.[/]"
    )


def _line(key: dict[str, Any]) -> str:
    state = "[red]revoked[/]" if key["revoked"] else "[green]valid[/]"
    if key["expires"] and not key["revoked"]:
        state += f" until {datetime.fromtimestamp(key['expires'] // 1000, UTC):%Y-%m-%d %H:%M}Z"
    used = f"last used from {key['last_ip']}" if key["last_used"] else "never used"
    return (
        f"[bold]{key['key']}[/]\n  {escape(key['account'])} · {key['dialect']} · {key['kind']} · "
        f"{','.join(key['scopes'])} · {state} · {used} {escape(key['label'])}"
    )
