import json
from urllib.request import Request, urlopen

import pytest
from key_pairs import pair
from native_client import CLOCK

from steelyard.cli.key import configure, issued, line
from steelyard.dialects.native.auth import signed_headers
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.vault.key_pairs import signer
from steelyard.wire.dialect import ApiKey


def test_what_a_key_is_to_be_is_checked_before_anything_is_asked():
    call = configure("ann", "native", "read, trade", ["10.0.0.0/8"], "90d", "bot")
    assert call.scopes == (Scope.READ, Scope.TRADE)
    assert call.lifetime_ns == 90 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("dialect", "scopes", "expires", "words"),
    [
        ("mtgox", "read", None, "no dialect 'mtgox'; there are: binance"),
        ("native", "admin", None, "no scope 'admin'; there are: read, trade, withdraw"),
        ("native", "read", "soon", "90d"),
    ],
)
def test_what_is_not_offered_is_refused(dialect, scopes, expires, words):
    with pytest.raises(UsageError, match=words):
        configure("ann", dialect, scopes, [], expires, "")


def test_of_a_file_only_its_public_key_goes_further(tmp_path):
    private, public = pair(KeyKind.ED25519)
    file = tmp_path / "key.pem"
    file.write_text(f"a note\n{public}")
    call = configure("ann", "native", "read", [], None, "", KeyKind.ED25519, file)
    assert call.public_key == public
    with pytest.raises(UsageError, match="keys of kind hmac have no public key"):
        configure("ann", "native", "read", [], None, "", KeyKind.HMAC, file)
    file.write_text(private)
    with pytest.raises(UsageError, match=r"key\.pem: this is a private key") as caught:
        configure("ann", "native", "read", [], None, "", KeyKind.ED25519, file)
    assert private.splitlines()[1] not in str(caught.value)


def test_an_es256_pair_is_made_here_and_its_private_half_is_shown_once(exchange):
    """The exchange gets the public half only; another dialect has no such signatures."""
    key = exchange.trader("es256", {"USDT": "1"}, dialect="native", kind="es256")
    with pytest.raises(RuntimeError, match="binance has no signatures by es256 keys"):
        exchange.steelyard("key", "create", "es256", "--dialect", "binance", "--kind", "es256")
    mine = ApiKey(key["key"], b"", "", signer(key["secret"].encode()))
    headers = signed_headers(mine, "GET", "/api/v1/key", b"", CLOCK.now_ns())
    with urlopen(Request(exchange.url("native") + "/api/v1/key", headers=headers)) as answer:
        assert json.load(answer)["kind"] == "es256"
    listed = exchange.steelyard("key", "list", "es256")["keys"]
    assert [k["kind"] for k in listed] == ["es256"]
    assert key["secret"].splitlines()[1] not in str(listed)


def test_people_read_what_programs_do():
    """With what is odd about a key: replaced, ended, revoked, bound to products, warned of."""
    key = {
        "key": "k1", "account": "a[b]", "dialect": "native", "kind": "hmac", "scopes": ["trade"],
        "products": ["BTC-USDT"], "ip": [], "label": "", "expires": 2_000_000_000_000,
        "overlap_ends": 1_800_000_000_000, "replaced_by": "k2", "works": True, "revoked": None,
        "revoked_for": "", "last_used": 1_700_000_000_000, "last_ip": "::1",
        "last_endpoint": "GET /api/v1/account",
    }  # fmt: skip
    assert line(key) == (
        "[bold]k1[/]\n  a\\[b] · native · hmac · trade · from anywhere · only BTC-USDT · "
        "[green]valid[/] until 2027-01-15T08:00:00.000Z, replaced by k2 · "
        "last used 2023-11-14T22:13:20.000Z from ::1 for GET /api/v1/account"
    )
    assert "[red]ended[/] until 2027" in line(key | {"works": False})
    revoked = line(key | {"revoked": 1, "revoked_for": "going on", "last_used": None})
    assert "[red]revoked[/] going on · never used" in revoked
    new = {**key, "secret": "s", "warnings": ["be careful"]}
    assert "secret  [bold]s[/]" in issued(new)
    assert "[yellow]be careful.[/]" in issued(new)
    assert "Sign with your private key" in issued({**new, "secret": ""})


@pytest.mark.parametrize(("text", "products"), [("all", ()), ("BTC-USDT,", ("BTC-USDT",))])
def test_products_are_named_or_all(text, products):
    call = configure("alice", "native", "trade", [], None, "", products=text)
    assert call.products == products


@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_products_are_not_all_of_them(text):
    """An unset variable of a script must not make a key that trades everything."""
    with pytest.raises(UsageError, match=r"--products names nothing; .* say all"):
        configure("alice", "native", "trade", [], None, "", products=text)


def test_a_label_of_an_older_exchange_is_read_and_not_obeyed():
    key = {
        "key": "k1", "account": "a", "dialect": "native", "kind": "hmac", "scopes": ["trade"],
        "products": [], "ip": ["fe80::1%\x1b[31m/128"], "expires": None, "overlap_ends": None,
        "replaced_by": None, "works": True, "revoked": None, "revoked_for": "", "last_used": None,
        "label": "\x1b]0;owned\x07\x1b[2J\nadministrator  fake",
    }  # fmt: skip
    told = line(key)
    assert told.endswith(r"\x1b]0;owned\x07\x1b[2J\nadministrator  fake")
    assert r"fe80::1%\x1b[31m/128" in told
    assert told.count("\n") == 1


def test_a_key_is_issued_listed_without_its_secret_and_revoked(exchange):
    key = exchange.trader("key-life", {"USDT": "1"}, dialect="native", scopes="read")
    assert set(key) == {
        "key", "secret", "passphrase", "kind", "dialect", "account", "scopes", "products", "ip",
        "expires", "withdraw_from", "warnings",
    }  # fmt: skip
    listed = exchange.steelyard("key", "list", "key-life")["keys"]
    assert [k["key"] for k in listed] == [key["key"]]
    assert key["secret"] not in str(listed)
    exchange.steelyard("key", "revoke", key["key"])
    assert exchange.steelyard("key", "list", "key-life")["keys"][0]["revoked"]
    with pytest.raises(RuntimeError, match="no key"):
        exchange.steelyard("key", "revoke", key["key"])


def test_no_secret_is_in_anything_that_the_exchange_writes(exchange):
    """B25: journal, snapshots and what it prints."""
    key = exchange.trader("sealed", {"USDT": "1"}, dialect="native")
    written = [p.read_bytes() for p in exchange.data.rglob("*") if p.is_file()]
    assert written
    assert not any(key["secret"].encode() in content for content in written)
