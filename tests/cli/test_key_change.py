import pytest
from key_pairs import pair
from msgspec import UNSET

from steelyard.cli.key_change import configure_change, configure_rotation
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope

HOUR_NS = 3600 * 10**9


def test_what_is_not_named_is_not_changed():
    call = configure_change("k", "read", None, None, None, None)
    assert call.scopes == (Scope.READ,)
    assert (call.products, call.ip, call.lifetime_ns, call.label) == (UNSET,) * 4
    call = configure_change("k", None, "BTC-USDT, ETH-USDT", ["::1"], "12h", "")
    assert (call.scopes, call.products, call.ip) == (UNSET, ("BTC-USDT", "ETH-USDT"), ("::1",))
    assert (call.lifetime_ns, call.label) == (12 * HOUR_NS, "")


def test_a_limit_is_taken_away_by_its_word():
    call = configure_change("k", None, "all", ["anywhere"], "never", None)
    assert (call.products, call.ip, call.lifetime_ns) == ((), (), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((None, None, None, None, None), "name what to change: --scopes, --products, --ip, --exp"),
        (("admin", None, None, None, None), "no scope 'admin'; there are: read, trade, withdraw"),
        ((None, None, None, "soon", None), "90d"),
        ((None, "", None, None, None), "names nothing; name markets, .*, or say all"),
        ((None, " , ", None, None, None), "names nothing"),
    ],
)
def test_a_change_that_is_none_is_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        configure_change("k", *changes)


def test_a_rotation_takes_a_public_key_and_never_a_private_one(tmp_path):
    private, public = pair(KeyKind.ED25519)
    file = tmp_path / "key.pem"
    file.write_text(public)
    assert configure_rotation("k", "2h", file).public_key == public
    assert configure_rotation("k", "2h", None).overlap_ns == 2 * HOUR_NS
    file.write_text(private)
    with pytest.raises(UsageError, match=r"key\.pem: this is a private key") as caught:
        configure_rotation("k", "2h", file)
    assert private.splitlines()[1] not in str(caught.value)
    for content in (b"", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(UsageError, match=r"key\.pem is not a PEM file"):
            configure_rotation("k", "2h", file)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        configure_rotation("k", "2h", tmp_path / "none.pem")


def test_a_key_is_rotated_and_changed_while_the_exchange_runs(exchange):
    """And its whole life is told: list, show, history."""
    old = exchange.trader("rotating", {"USDT": "5"}, dialect="native", scopes="read", expires="9d")
    new = exchange.steelyard("key", "rotate", old["key"], "--overlap", "2h")
    assert new["secret"] != old["secret"]
    listed = {k["key"]: k for k in exchange.steelyard("key", "list", "rotating")["keys"]}
    assert listed[old["key"]]["replaced_by"] == new["key"]
    assert listed[old["key"]]["works"]
    changed = exchange.steelyard(
        "key", "change", new["key"], "--scopes", "trade", "--products", "BTC/USDT", "--label", "x"
    )
    assert (changed["scopes"], changed["products"]) == (["trade"], ["BTC-USDT"])
    told = exchange.steelyard("key", "show", new["key"])["blast_radius"]
    assert any("trade and cancel in BTC-USDT only" in sentence for sentence in told)
    exchange.steelyard("key", "revoke", old["key"])
    events = exchange.steelyard("key", "history", old["key"])["events"]
    assert [e["what"] for e in events] == ["created", "rotated", "revoked"]
    assert {e["by"] for e in events} == {"administrator"}
    with pytest.raises(RuntimeError, match="the key has been revoked, and an end is final"):
        exchange.steelyard("key", "rotate", old["key"])
