"""`steelyard key`: issue, list and revoke API keys.

A key belongs to one account and speaks one dialect. Its secret is printed once and kept
nowhere in the clear.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.markup import escape

from steelyard import dialects
from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_duration_ns
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateKey, ListKeys, RevokeKey

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
    signing: Literal["hmac"] = "hmac",
    common: Common = _EVERYONE,
) -> int:
    """Issue an API key; its secret is shown this once.

    Example: steelyard key create alice --dialect binance --scopes read,trade --expires 90d

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
    signing
        How requests are signed.
    """
    call = configure(account, dialect, scopes, ip or [], expires, label)
    del signing  # one way so far
    result = administer(common.directory, call)
    common.show(
        result,
        f"key     [bold]{result['key']}[/]\nsecret  [bold]{result['secret']}[/]\n"
        f"  {escape(account)} · {dialect} · {', '.join(result['scopes'])}"
        f" · from {', '.join(result['ip']) or 'anywhere'}\n"
        "[yellow]The secret is not kept anywhere in the clear and will not be shown again.[/]",
    )
    return 0


def configure(
    account: str, dialect: str, scopes: str, ip: list[str], expires: str | None, label: str
) -> CreateKey:
    """Return the call, checked as far as can be without an exchange.

    Raises:
        UsageError: An unknown dialect or scope, or a duration that is none.
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
    return CreateKey(account, dialect, tuple(wanted), tuple(ip), lifetime_ns, label)


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


def _line(key: dict[str, Any]) -> str:
    state = "[red]revoked[/]" if key["revoked"] else "[green]valid[/]"
    if key["revoked_for"]:
        state += f" for {escape(key['revoked_for'])}"
    if key["expires"] and not key["revoked"]:
        state += f" until {datetime.fromtimestamp(key['expires'] // 1000, UTC):%Y-%m-%d %H:%M}Z"
    used = f"last used from {key['last_ip']}" if key["last_used"] else "never used"
    return (
        f"[bold]{key['key']}[/]\n  {escape(key['account'])} · {key['dialect']} · "
        f"{','.join(key['scopes'])} · {state} · {used} {escape(key['label'])}"
    )
