import pytest

from steelyard.cli.key import configure
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import Scope


def test_what_a_key_is_to_be_is_checked_before_anything_is_asked():
    call = configure("ann", "native", "read, trade", ["10.0.0.0/8"], "90d", "bot")
    assert call.scopes == (Scope.READ, Scope.TRADE)
    assert call.lifetime_ns == 90 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("dialect", "scopes", "expires", "words"),
    [
        ("mtgox", "read", None, "no dialect 'mtgox'; there are: binance, native"),
        ("native", "admin", None, "no scope 'admin'; there are: read, trade, withdraw"),
        ("native", "read", "soon", "90d"),
    ],
)
def test_what_is_not_offered_is_refused(dialect, scopes, expires, words):
    with pytest.raises(UsageError, match=words):
        configure("ann", dialect, scopes, [], expires, "")


def test_a_key_is_issued_listed_without_its_secret_and_revoked(exchange):
    key = exchange.trader("key-life", {"USDT": "1"}, dialect="native", scopes="read")
    assert set(key) == {
        "key", "secret", "passphrase", "kind", "dialect", "account", "scopes", "ip", "expires",
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
