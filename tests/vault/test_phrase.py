import base64
import json

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.vault.phrase import Lease, lease, passphrase


@pytest.fixture
def private(tmp_path):
    """Return what writes a file that nobody else may read."""

    def write(name: str, content: str) -> str:
        file = tmp_path / name
        file.touch(0o600)
        file.write_text(content)
        return str(file)

    return write


def test_the_passphrase_comes_from_systemd_a_file_a_variable_or_a_person(private, tmp_path):
    """In this order; a line's end belongs to the file."""
    environment = {}
    assert passphrase(environment, lambda question: question) == "passphrase of the vault: "
    environment["STEELYARD_VAULT_PASSPHRASE"] = "by variable"
    assert passphrase(environment) == "by variable"
    environment["STEELYARD_VAULT_PASSPHRASE_FILE"] = private("f", "by file \nmore")
    assert passphrase(environment) == "by file "
    environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    assert passphrase(environment) == "by file "
    private("steelyard-vault", "by systemd\n")
    assert passphrase(environment) == "by systemd"


def test_where_nobody_is_there_what_to_set_is_said():
    with pytest.raises(ConfigError, match=r"the vault is locked: name a file .*PASSPHRASE_FILE"):
        passphrase({})


def test_a_file_that_others_may_read_is_refused(private, tmp_path):
    named = private("f", "x")
    (tmp_path / "f").chmod(0o604)
    with pytest.raises(ConfigError, match="is open to others; run: chmod 600"):
        passphrase({"STEELYARD_VAULT_PASSPHRASE_FILE": named})


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), ("\nx", "is empty")])
def test_a_file_without_a_passphrase_is_said(private, tmp_path, content, said):
    named = str(tmp_path / "none") if content is None else private("f", content)
    with pytest.raises(ConfigError, match=said):
        passphrase({"STEELYARD_VAULT_PASSPHRASE_FILE": named})


def test_a_lease_is_read_from_its_file(private):
    token = base64.b64encode(b"t" * 32).decode()
    document = {"name": "a/b", "bot": "b", "until": 5, "token": token}
    named = private("l", json.dumps(document))
    assert lease({}, "a/b") is None
    assert lease({"STEELYARD_VAULT_LEASE": named}, "a/b") == b"t" * 32
    with pytest.raises(ConfigError, match="is of vault:a/b, and opens nothing else"):
        lease({"STEELYARD_VAULT_LEASE": named}, "a/c")
    assert token not in repr(Lease(**document))


@pytest.mark.parametrize("content", ["", "hunter2", '{"name": "a", "token": "%hunter2"}'])
def test_a_file_that_is_no_lease_is_said_and_not_repeated(private, content):
    with pytest.raises(ConfigError, match="is no lease; issue one") as caught:
        lease({"STEELYARD_VAULT_LEASE": private("l", content)}, "a")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
