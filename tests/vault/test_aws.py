"""AWS Secrets Manager by its own client, against moto's server on loopback."""

import os

import pytest
from answering import Answering
from moto_server import MotoServer

from steelyard.domain.errors import ConfigError, ConnectFailed, UsageError
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.keys import resolve
from steelyard.vault.places import Vault

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: steelyard[aws]")
pytestmark = pytest.mark.slow

KEPT = Kept(Secret("k", "canary"), Terms("dip"))


@pytest.fixture(scope="module")
def server():
    with MotoServer() as running:
        yield running


@pytest.fixture
def aws(server, monkeypatch):
    """The environment of a program that asks it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_goes_there_is_changed_and_comes_back(aws):
    """A bot has it by its reference, like any other."""
    vault = Vault()
    with pytest.raises(ConfigError, match="aws-sm:prod/dip is not there; put it there"):
        vault.open("aws-sm:prod/dip")
    vault.put("aws-sm:prod/dip", KEPT, new=True)
    assert Vault().open("aws-sm:prod/dip") == KEPT
    with pytest.raises(UsageError, match="is there already"):
        vault.put("aws-sm:prod/dip", KEPT, new=True)
    rotated = KEPT.brought(Secret("k2", "canary-2")).switched(5)
    vault.put("aws-sm:prod/dip", rotated, new=False)
    assert Vault().open("aws-sm:prod/dip") == rotated
    assert resolve("aws-sm:prod/dip", os.environ).secret == b"canary-2"
    vault.remove("aws-sm:prod/dip")
    with pytest.raises(ConfigError, match="AWS Secrets Manager refuses: InvalidRequestException"):
        vault.open("aws-sm:prod/dip")  # marked for deletion


def test_what_a_person_has_put_there_is_read(aws):
    client = boto3.client("secretsmanager", region_name="eu-central-1")
    client.create_secret(Name="by-hand", SecretString='{"key": "k", "secret": "s"}')
    client.create_secret(Name="binary", SecretBinary=b'{"key": "k", "secret": "b"}')
    assert Vault().open("aws-sm:by-hand") == Kept(Secret("k", "s"))
    assert Vault().open("aws-sm:binary") == Kept(Secret("k", "b"))


def test_a_server_that_is_not_there_is_the_networks_fault(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(ConnectFailed, match="cannot be reached: EndpointConnectionError"):
        Vault().open("aws-sm:x")


def test_what_is_not_set_up_is_said(aws, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigError, match=r"NoRegionError; it needs a region \(AWS_REGION\)"):
        Vault().open("aws-sm:x")


@pytest.mark.parametrize("said", [b"<html>canary</html>", ["canary"], b""])
def test_what_answers_in_its_place_is_said_and_not_repeated(aws, monkeypatch, said):
    """A proxy's page, say: no traceback, and none of its words."""
    with Answering(lambda *_: (200, said)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with pytest.raises(ConfigError, match="or a proxy before it") as caught:
            Vault().open("aws-sm:x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [500, 504])
def test_an_answer_for_another_time_is_the_networks_fault(aws, monkeypatch, status):
    """What is asked again may be had."""
    with Answering(lambda *_: (status, {})) as busy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", busy.url)
        with pytest.raises(ConnectFailed):
            Vault().open("aws-sm:x")


def test_what_was_not_kept_is_not_said_to_be(aws, monkeypatch):
    """Otherwise a rotation would forget the only copy of a key."""
    with Answering(lambda *_: (404, {"__type": "ResourceNotFoundException"})) as empty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", empty.url)
        with pytest.raises(ConfigError):
            Vault().put("aws-sm:x", KEPT, new=True)
