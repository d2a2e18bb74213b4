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


def test_of_several_leases_each_opens_its_own(private):
    """A bot's key, and where its alerts go."""
    files = []
    for name, byte in (("dip", b"k"), ("alerts/slack", b"s")):
        token = base64.b64encode(byte * 32).decode()
        document = {"name": name, "bot": "b", "until": 5, "token": token}
        files.append(private(name[:3], json.dumps(document)))
    environment = {"STEELYARD_VAULT_LEASE": ":".join(files)}
    assert lease(environment, "dip") == b"k" * 32
    assert lease(environment, "alerts/slack") == b"s" * 32
    with pytest.raises(ConfigError, match="for vault:x name one more in STEELYARD_VAULT_LEASE"):
        lease(environment, "x")


def test_a_lease_that_systemd_hands_over_is_read_as_it_lies_there(private, tmp_path):
    """With an access list its mode shows bits of a group that has no access."""
    document = {"name": "dip", "bot": "b", "until": 5, "token": base64.b64encode(b"k").decode()}
    environment = {"STEELYARD_VAULT_LEASE": private("lease", json.dumps(document))}
    (tmp_path / "lease").chmod(0o440)
    with pytest.raises(ConfigError, match="is open to others"):
        lease(environment, "dip")
    assert lease(environment | {"CREDENTIALS_DIRECTORY": str(tmp_path)}, "dip") == b"k"


@pytest.mark.parametrize("content", ["", "hunter2", '{"name": "a", "token": "%hunter2"}'])
def test_a_file_that_is_no_lease_is_said_and_not_repeated(private, content):
    with pytest.raises(ConfigError, match="is no lease; issue one") as caught:
        lease({"STEELYARD_VAULT_LEASE": private("l", content)}, "a")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
