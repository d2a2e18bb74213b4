import json
import os
import subprocess
import sys

import pytest
from key_pairs import PAIRS, pair

from steelyard.domain.errors import ConfigError
from steelyard.vault.kept import Holder, Kept, Secret, Terms
from steelyard.vault.key_pairs import read_public_key
from steelyard.vault.keys import PIPE_MAX_BYTES, find, is_kept, resolve
from steelyard.vault.sealed import SealedFile


def piped(content: bytes) -> int:
    """Return a descriptor from which this can be read."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as out:
        out.write(content)
    return reader


def test_a_key_of_the_environment():
    """Three variables, the passphrase where a venue has one."""
    environment = {"DIP_KEY": "k", "DIP_SECRET": "s\u00e9", "OKX_KEY": "k", "OKX_SECRET": "s"}
    assert tuple(resolve("env:DIP", environment)) == ("k", "s\u00e9".encode(), "", None)
    environment["OKX_PASSPHRASE"] = "p"
    assert tuple(resolve("env:OKX", environment)) == ("k", b"s", "p", None)
    assert resolve("env:X", {"X_KEY": "k", "X_SECRET": "\udcff"}).secret == b"\xff"


@pytest.mark.parametrize("environment", [{}, {"A_KEY": "k"}, {"A_SECRET": "s"}, {"A_KEY": ""}])
def test_a_key_that_is_not_set_says_what_to_set(environment):
    """Both variables are named."""
    with pytest.raises(ConfigError, match="key env:A: set A_KEY and A_SECRET"):
        resolve("env:A", environment)


def test_a_key_from_a_pipe():
    """What `key create --json` prints will do; the descriptor is closed behind it."""
    document = (
        b'{"key": "k", "secret": "s", "passphrase": null, "dialect": "binance", "scopes": []}'
    )
    descriptor = piped(document)
    assert tuple(resolve(f"pipe:{descriptor}", {})) == ("k", b"s", "", None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    descriptor = piped(b'{"key": "k", "secret": "s", "passphrase": "p"}')
    assert resolve(f"pipe:{descriptor}", {}).passphrase == "p"


def test_standard_input_stays_open():
    """Otherwise the next socket would take its number."""
    program = (
        "import os; from steelyard.vault.keys import resolve;"
        "key = resolve('pipe:0', {}); os.fstat(0); print(key.key, key.secret.decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=b'{"key": "k", "secret": "s"}',
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"k s\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hunter2",
        b'{"key": "hunter2"}',
        b'{"key": "", "secret": "hunter2"}',
        b'{"key": "k", "secret": 5}',
        b"\xff\xfe",
        b'{"key": "\xff", "secret": "s"}',
        b'{"key": "k", "secret": "' + b"x" * 65_000,
    ],
)
def test_a_pipe_without_a_key_says_what_was_expected(content):
    """And repeats nothing of what it read, not in a cause either."""
    assert len(content) < PIPE_MAX_BYTES
    with pytest.raises(
        ConfigError, match=r'gave no key: expected {"key": \.\.\., "secret"'
    ) as caught:
        resolve(f"pipe:{piped(content)}", {})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_pipe_that_is_not_open_says_so():
    """The parent forgot to hand it over."""
    with pytest.raises(ConfigError, match="key pipe:987 cannot be read: Bad file descriptor"):
        resolve("pipe:987", {})


def test_a_text_of_the_environment():
    """One variable, where no pair of that name is there; it is no key."""
    assert find("env:HOOK", {"HOOK": "https://x"}).current.text == "https://x"
    with pytest.raises(ConfigError, match="env:HOOK is a text and no key"):
        resolve("env:HOOK", {"HOOK": "https://x"})
    with pytest.raises(ConfigError, match="set HOOK_KEY and HOOK_SECRET"):
        resolve("env:HOOK", {"HOOK": "https://x", "HOOK_KEY": "k"})


def test_a_key_of_the_vault_is_had_by_its_name_and_by_its_own_bot(tmp_path):
    """The sealed file, opened by what the environment says."""
    environment = {
        "STEELYARD_VAULT": str(tmp_path / "vault.json"),
        "STEELYARD_VAULT_PASSPHRASE": "correct horse battery",
    }
    kept = Kept(Secret("k", "s", "p"), Terms("dip", ("sandbox",)))
    SealedFile(tmp_path / "vault.json").put("lemon/dip", kept, "correct horse battery", new=True)
    assert tuple(resolve("vault:lemon/dip", environment)) == ("k", b"s", "p", None)
    resolve("vault:lemon/dip", environment, Holder("dip", "sandbox"))
    with pytest.raises(ConfigError, match="belongs to the bot 'dip'"):
        resolve("vault:lemon/dip", environment, Holder("grid", "sandbox"))
    with pytest.raises(ConfigError, match="vault:lemon/none is not in the vault"):
        resolve("vault:lemon/none", environment)
    environment.pop("STEELYARD_VAULT_PASSPHRASE")
    with pytest.raises(ConfigError, match="the vault is locked"):
        resolve("vault:lemon/dip", environment)
    asked = resolve("vault:lemon/dip", environment, ask=lambda _: "correct horse battery")
    assert asked.key == "k"


def test_which_references_keep_terms():
    kept = [word for word in ("vault:a", "aws-sm:a", "env:a", "pipe:0", "a") if is_kept(word)]
    assert kept == ["vault:a", "aws-sm:a"]


@pytest.mark.parametrize("pasted", ["hunter2", "", "env:", "pipe:", "pipe:x", "pipe:-1", "PIPE:1"])
def test_a_key_itself_is_refused_and_not_repeated(pasted):
    """Whoever pastes a key into a configuration does not find it in a log."""
    with pytest.raises(ConfigError, match="should be a reference, vault:NAME") as caught:
        resolve(pasted, {})
    assert "hunter2" not in str(caught.value)


def test_an_api_key_does_not_show_its_secret():
    """Not even by accident in a log line."""
    assert "hunter2" not in f"{resolve('env:A', {'A_KEY': 'k', 'A_SECRET': 'hunter2'})!r}"


@pytest.mark.parametrize("kind", PAIRS)
def test_a_private_key_in_the_secrets_place_signs(kind):
    """From the environment and from a pipe; the PEM itself is not carried on."""
    private, public = pair(kind)
    document = json.dumps({"key": "k", "secret": private}).encode()
    for key in (
        resolve("env:A", {"A_KEY": "k", "A_SECRET": private}),
        resolve(f"pipe:{piped(document)}", {}),
    ):
        assert key.secret == b""
        assert read_public_key(kind, public.encode()).verify(b"payload", key.sign(b"payload"))


def test_a_private_key_that_cannot_be_read_is_not_repeated():
    pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
    with pytest.raises(ConfigError, match="the private key cannot be read: expected") as caught:
        resolve("env:A", {"A_KEY": "k", "A_SECRET": pem})
    assert "hunter2" not in str(caught.value)
