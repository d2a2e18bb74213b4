"""`steelyard key`: issue, list, show and revoke API keys, and tell what was done to them.

A key belongs to one account and speaks one dialect. Its secret is printed once and kept
nowhere in the clear. Of a key pair only the public half comes here, and a private one that is
handed in by mistake goes no further than this process. An ES256 pair may be made here: its
private half is printed once, and the exchange never has it.
"""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec.structs import replace

from steelyard import dialects
from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.issuing import CreateKey, KeyHistory, ListKeys, RevokeKey, ShowKey
from steelyard.vault.key_pairs import PEM_MAX_BYTES, new_es256_pair, read_public_key

ALL = "all"

_EVERYONE = Common()


def create_key(
    account: str,
    /,
    *,
    dialect: str,
    scopes: str = "read,trade",
    products: str | None = None,
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
        The API it is for: native, or a venue's as `steelyard env` takes it.
    scopes
        What it may do, separated by commas: read, trade, withdraw. One that may withdraw needs
        --ip, and may do so 24 hours after it was made.
    products
        What it may trade, separated by commas: BTC-USDT,ETH-USDT; default: all.
    ip
        From where it may be used: addresses or networks; default: anywhere.
    expires
        How long it lives, as 90d or 12h; default: until revoked.
    label
        A note, say the bot's name.
    kind
        How requests are signed: hmac with a secret that is made for you; ed25519, rsa of 2048
        to 4096 bits, or es256, with a private key that stays with you; tutorial
        (coinbase-exchange only), with a secret as a well-known beginner's program does.
    public_key
        The public half of your ed25519, rsa or es256 key, a PEM file: openssl genpkey -algorithm
        ed25519 -out PRIVATE.pem, then openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem.
        Without it, an es256 pair is made for you, and the private half is shown this once.
    """
    call = configure(account, dialect, scopes, ip or [], expires, label, kind, public_key, products)
    private = ""
    if kind is KeyKind.ES256 and not call.public_key:
        private, public = new_es256_pair()
        call = replace(call, public_key=public)
    result = administer(common.directory, call)
    if private:
        result["secret"] = private
    common.show(result, issued(result))
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
    products: str | None = None,
) -> CreateKey:
    """Return the call, checked as far as can be without an exchange.

    Raises:
        UsageError: An unknown dialect or scope, a duration that is none, or a file that does not
            hold a public key of this kind.
    """
    if dialect not in dialects.names():
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    lifetime_ns = None if expires is None else parse_duration_ns(expires)
    pem = "" if public_key is None else _public_pem(kind, public_key)
    return CreateKey(
        account,
        dialect,
        parse_scopes(scopes),
        tuple(ip),
        lifetime_ns,
        label,
        kind=kind,
        public_key=pem,
        products=() if products is None else parse_products(products),
    )


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Return scopes from a text such as `read,trade`.

    Raises:
        UsageError: There is no such scope.
    """
    wanted = []
    for scope in parse_list(text):
        try:
            wanted.append(Scope(scope))
        except ValueError as error:
            known = ", ".join(Scope)
            raise UsageError(f"no scope {scope!r}; there are: {known}") from error
    return tuple(wanted)


def parse_products(text: str) -> tuple[str, ...]:
    """Return products from a text such as `BTC-USDT,ETH-USDT`; none of them stands for `all`.

    Raises:
        UsageError: It names nothing; an unset variable must not take a limit away.
    """
    products = parse_list(text)
    if not products:
        raise UsageError(
            f"--products names nothing; name markets, as BTC-USDT,ETH-USDT, or say {ALL}"
        )
    return () if products == (ALL,) else products


def parse_list(text: str) -> tuple[str, ...]:
    """Return the words of a text, which commas separate."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def list_key(account: str | None = None, /, *, common: Common = _EVERYONE) -> int:
    """Show every key with its scopes and last use, without secrets.

    Parameters
    ----------
    account
        Only this account's keys.
    """
    result = administer(common.directory, ListKeys(account))
    common.show(result, "\n".join(map(line, result["keys"])) or "no keys")
    return 0


def show_key(key: str, /, *, common: Common = _EVERYONE) -> int:
    """Show one key, and what a thief could do with it.

    Parameters
    ----------
    key
        The key, as `key list` shows it.
    """
    result = administer(common.directory, ShowKey(key))
    sentences = "\n".join(f"  {shown(sentence)}" for sentence in result["blast_radius"])
    common.show(result, f"{line(result)}\nIf it were stolen:\n{sentences}")
    return 0


def history_key(key: str | None = None, /, *, common: Common = _EVERYONE) -> int:
    """Show what was done to a key: when, by whom, what.

    Parameters
    ----------
    key
        The key, as `key list` shows it; default: the newest 5000 events of all keys.
    """
    result = administer(common.directory, KeyHistory(key))
    rows = (
        f"{shown_time(event['time'])}  {event['key'][:12]}  {event['what']} by "
        f"{shown(event['by'])}  {shown(event['detail'])}"
        for event in result["events"]
    )
    common.show(result, "\n".join(rows) or "no keys")
    return 0


def revoke_key(key: str, /, *, common: Common = _EVERYONE) -> int:
    """Make a key worthless at once.

    Parameters
    ----------
    key
        The key, as `key list` shows it.
    """
    result = administer(common.directory, RevokeKey(key))
    common.show(result, f"revoked {key}")
    return 0


def read_pem(file: Path) -> bytes:
    """Return what is in a PEM file, or so much of it that it is seen to be too large.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(PEM_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--public-key {file} cannot be read: {error.strerror}") from error


def _public_pem(kind: KeyKind, file: Path) -> str:
    """Return a public key's PEM, and nothing else that may be in its file."""
    content = read_pem(file)
    if kind.has_secret:
        raise UsageError(
            f"keys of kind {kind} have no public key; add --kind ed25519 or --kind rsa"
        )
    try:
        return read_public_key(kind, content).pem.decode()
    except UsageError as error:
        raise UsageError(f"--public-key {file}: {error}") from error


def issued(result: dict[str, Any]) -> str:
    """Return what a new key's owner is told, with its secret."""
    about = (
        f"  {shown(result['account'])} · {result['dialect']} · {result['kind']} · {_terms(result)}"
    )
    warnings = "".join(f"\n[yellow]{shown(warning)}.[/]" for warning in result["warnings"])
    key = f"key     [bold]{result['key']}[/]"
    if not result["secret"]:
        return f"{key}\n{about}\nSign with your private key.{warnings}"
    passphrase = result.get("passphrase")
    also = f"\npassphrase  [bold]{shown(passphrase)}[/]" if passphrase else ""
    return (
        f"{key}\nsecret  [bold]{shown(result['secret'].strip())}[/]{also}\n{about}\n"
        "[yellow]The secret is not kept anywhere in the clear and will not be shown again.[/]"
        f"{warnings}"
    )


def line(key: dict[str, Any]) -> str:
    """Return a key for people, in two lines."""
    used = "never used"
    if key["last_used"]:
        when = shown_time(key["last_used"])
        used = f"last used {when} from {key['last_ip']} for {key['last_endpoint']}"
    return (
        f"[bold]{key['key']}[/]\n  {shown(key['account'])} · {key['dialect']} · {key['kind']} · "
        f"{_terms(key)} · {_state(key)} · {shown(used)} {shown(key['label'])}".rstrip()
    )


def _terms(key: dict[str, Any]) -> str:
    what = f"{', '.join(key['scopes'])} · from {shown(', '.join(key['ip'])) or 'anywhere'}"
    return f"{what} · only {shown(', '.join(key['products']))}" if key["products"] else what


def _state(key: dict[str, Any]) -> str:
    if key["revoked"]:
        return f"[red]revoked[/] {shown(key['revoked_for'])}".rstrip()
    ends = [end for end in (key["expires"], key["overlap_ends"]) if end]
    until = f" until {shown_time(min(ends))}" if ends else ""
    state = f"[green]valid[/]{until}" if key["works"] else f"[red]ended[/]{until}"
    return f"{state}, replaced by {key['replaced_by']}" if key["replaced_by"] else state
