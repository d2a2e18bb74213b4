"""HashiCorp Vault by its own client, against a stand-in of the server on loopback."""

import json

import pytest
from answering import Answering

from steelyard.domain.errors import ConfigError, ConnectFailed
from steelyard.vault.hashicorp import _is_safe
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.places import Vault

pytest.importorskip("hvac", reason="hvac is not installed: steelyard[hashicorp]")

KEPT = Kept(Secret("k", "canary"), Terms("dip"))
TOKEN = "hvs.token"


@pytest.fixture
def server():
    """The parts of the HTTP API that a key/value store has, as documented."""
    data: dict[str, dict] = {}

    def answers(method, path, body, headers):
        if path == "/v1/auth/approle/login":
            asked = json.loads(body)
            if asked == {"role_id": "r", "secret_id": "s"}:
                return 200, {"auth": {"client_token": TOKEN}}
            return 400, {"errors": ["invalid role or secret ID"]}
        if headers.get("x-vault-token") != TOKEN:
            return 403, {"errors": ["permission denied"]}
        name = path.partition("?")[0]
        kept = name.replace("/metadata/", "/data/")
        match method:
            case "GET" if kept in data:
                return 200, {"data": {"data": data[kept], "metadata": {"version": 1}}}
            case "POST" | "PUT":
                data[kept] = json.loads(body)["data"]
                return 200, {"data": {"version": len(data)}}
            case "DELETE":
                data.pop(kept, None)
                return 204, b""
        return 404, {"errors": []}

    with Answering(answers) as running:
        running.data = data
        running.environment = {"VAULT_ADDR": running.url, "VAULT_TOKEN": TOKEN}
        yield running


def test_a_key_goes_there_is_changed_and_comes_back(server):
    vault = Vault(server.environment)
    with pytest.raises(ConfigError, match="hashicorp:prod/dip is not there"):
        vault.open("hashicorp:prod/dip")
    vault.put("hashicorp:prod/dip", KEPT, new=True)
    assert vault.open("hashicorp:prod/dip") == KEPT
    assert server.data["/v1/secret/data/prod/dip"]["key"] == "k", "fields, as a person puts them"
    rotated = KEPT.brought(Secret("k2", "canary-2")).switched(5)
    vault.put("hashicorp:prod/dip", rotated, new=False)
    assert vault.open("hashicorp:prod/dip") == rotated
    vault.remove("hashicorp:prod/dip")
    assert server.data == {}


def test_a_role_signs_in_and_another_mount_is_found(server):
    environment = {
        "VAULT_ADDR": server.url,
        "VAULT_ROLE_ID": "r",
        "VAULT_SECRET_ID": "s",
        "VAULT_KV_MOUNT": "bots",
    }
    vault = Vault(environment)
    vault.put("hashicorp:dip", KEPT, new=True)
    assert list(server.data) == ["/v1/bots/data/dip"]
    with pytest.raises(ConfigError, match="the server refuses: InvalidRequest"):
        Vault(environment | {"VAULT_SECRET_ID": "x"}).open("hashicorp:dip")


def test_a_token_that_may_not_is_said(server):
    with pytest.raises(ConfigError, match="refuses this token or its policy"):
        Vault(server.environment | {"VAULT_TOKEN": "canary"}).open("hashicorp:x")


def test_what_is_not_set_up_or_not_there_is_said(server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))  # where a token of the developer's may lie
    with pytest.raises(ConfigError, match="set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID"):
        Vault({"VAULT_ADDR": server.url}).open("hashicorp:x")
    with pytest.raises(ConnectFailed, match="hashicorp: it cannot be reached"):
        Vault(server.environment | {"VAULT_ADDR": "http://127.0.0.1:1"}).open("hashicorp:x")
    with pytest.raises(ConfigError, match="write https://HOST:8200"):
        Vault({"VAULT_TOKEN": "x"}).open("hashicorp:x")


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://vault.example.com:8200", True),
        ("http://127.0.0.1:8200", True),
        ("http://localhost:8200", True),
        ("http://vault.example.com:8200", False),
        ("http://10.0.0.1", False),
        ("https://", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_a_token_goes_nowhere_in_the_clear(address, is_safe):
    """But on this machine."""
    assert _is_safe(address) is is_safe


@pytest.mark.parametrize("said", [b"<html>canary</html>", ["canary"], b""])
def test_what_answers_in_its_place_is_said_and_not_repeated(server, said):
    """A proxy's page, say: no traceback, and none of its words."""
    with Answering(lambda *_: (200, said)) as proxy:
        environment = server.environment | {"VAULT_ADDR": proxy.url}
        with pytest.raises(ConfigError, match="or a proxy before it") as caught:
            Vault(environment).open("hashicorp:x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 504])
def test_an_answer_for_another_time_is_the_networks_fault(server, status):
    """What is asked again may be had."""
    with Answering(lambda *_: (status, {})) as busy:
        environment = server.environment | {"VAULT_ADDR": busy.url}
        with pytest.raises(ConnectFailed):
            Vault(environment).open("hashicorp:x")


def test_what_was_not_kept_is_not_said_to_be(server):
    """Otherwise a rotation would forget the only copy of a key."""
    with Answering(lambda *_: (404, {"errors": []})) as empty:
        environment = server.environment | {"VAULT_ADDR": empty.url}
        with pytest.raises(ConfigError, match="nothing was kept"):
            Vault(environment).put("hashicorp:x", KEPT, new=True)
