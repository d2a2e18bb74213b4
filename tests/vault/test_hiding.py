"""A canary: no secret of the process's key is written down, whoever says it."""

import json

from steelyard.trading.records import StrategyNoted, codec
from steelyard.vault.hiding import Secrets
from steelyard.wire.dialect import ApiKey

SECRET = b'ca"nary\\/secret='
KEY = ApiKey("canary-key", SECRET, "canary passphrase")


def test_a_record_that_tells_a_secret_tells_it_not():
    """As it is and as JSON escapes it; the rest stays, and it is a record all the same."""
    text = f"my key is {SECRET.decode()} and {KEY.passphrase}, called {KEY.key}"
    payload = Secrets(KEY).hidden(codec().encode(StrategyNoted(text), 5))
    found = codec().decode(1, payload)
    assert found.message.text == "my key is *** and ***, called canary-key"


def test_what_holds_no_secret_is_the_same_bytes():
    data = json.dumps({"a": "canary-key"}).encode()
    assert Secrets(KEY).hidden(data) is data


def test_a_key_pair_and_a_short_word_hide_nothing():
    """There is no secret to tell, or one that any sentence may have."""
    data = b"the cat sat"
    assert Secrets(ApiKey("k", b"")).hidden(data) is data
    assert Secrets(ApiKey("k", b"cat")).hidden(data) is data


def test_what_else_was_handed_over_is_hidden_too():
    """Such as the passphrase of a vault, which the environment may hold."""
    secrets = Secrets(KEY, ("correct horse", "short"))
    assert secrets.hidden(b"a correct horse, short") == b"a ***, short"


def test_it_does_not_print():
    assert "canary" not in repr(Secrets(KEY))
    assert "canary passphrase" not in str(vars(KEY) if hasattr(KEY, "__dict__") else KEY)
