"""Google's own client over REST, against a stand-in of the service on loopback."""

import base64
import json
import re

import pytest
from answering import Answering

from steelyard.domain.errors import ConfigError, ConnectFailed
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.places import Vault

pytest.importorskip("google.cloud.secretmanager_v1", reason="not installed: steelyard[gcp]")
pytestmark = pytest.mark.slow  # the library takes its time to load

KEPT = Kept(Secret("k", "canary"), Terms("dip"))


@pytest.fixture
def service():
    """A few methods of the REST API, as documented; what is kept stands in `secrets`."""
    secrets: dict[str, list[bytes]] = {}

    def answers(method, path, body, headers):
        path = path.partition("?")[0]
        missing = 404, {"error": {"code": 404, "message": "canary", "status": "NOT_FOUND"}}
        if path.endswith("forbidden/versions/latest:access"):
            return 403, {"error": {"code": 403, "message": "canary"}}
        if found := re.fullmatch(r"/v1/(projects/\w+/secrets/[\w-]+)/versions/latest:access", path):
            versions = secrets.get(found[1])
            if not versions:
                return missing
            data = base64.b64encode(versions[-1]).decode()
            return 200, {"name": f"{found[1]}/versions/{len(versions)}", "payload": {"data": data}}
        if found := re.fullmatch(r"/v1/(projects/\w+/secrets/[\w-]+):addVersion", path):
            if found[1] not in secrets:
                return missing
            secrets[found[1]].append(base64.b64decode(json.loads(body)["payload"]["data"]))
            return 200, {"name": f"{found[1]}/versions/{len(secrets[found[1]])}"}
        if method == "POST" and (found := re.fullmatch(r"/v1/(projects/\w+)/secrets", path)):
            name = re.search(r"secretId=([\w-]+)", running.heard[-1][1])[1]
            secrets[f"{found[1]}/secrets/{name}"] = []
            return 200, {"name": f"{found[1]}/secrets/{name}"}
        if method == "DELETE" and secrets.pop(path.removeprefix("/v1/"), None) is not None:
            return 200, {}
        return missing

    with Answering(answers) as running:
        running.secrets = secrets
        running.environment = {
            "SECRET_MANAGER_EMULATOR": running.url,
            "GOOGLE_CLOUD_PROJECT": "ours",
        }
        yield running


def test_a_key_goes_there_is_changed_and_comes_back(service):
    """In the project of the environment, or in one that is named."""
    vault = Vault(service.environment)
    for reference in ("gcp-sm:dip", "gcp-sm:theirs/dip"):
        with pytest.raises(ConfigError, match=f"{reference} is not there"):
            vault.open(reference)
        vault.put(reference, KEPT, new=True)
        assert vault.open(reference) == KEPT
        rotated = KEPT.brought(Secret("k2", "canary-2")).switched(5)
        vault.put(reference, rotated, new=False)
        assert vault.open(reference) == rotated
    assert set(service.secrets) == {"projects/ours/secrets/dip", "projects/theirs/secrets/dip"}
    assert len(service.secrets["projects/ours/secrets/dip"]) == 2
    vault.remove("gcp-sm:dip")
    assert set(service.secrets) == {"projects/theirs/secrets/dip"}


def test_a_refusal_is_said_by_its_code_and_not_in_its_words(service):
    with pytest.raises(ConfigError, match="refuses: 403 Forbidden") as caught:
        Vault(service.environment).open("gcp-sm:forbidden")
    assert "canary" not in str(caught.value)


def test_a_service_that_is_not_there_is_the_networks_fault(service):
    environment = service.environment | {"SECRET_MANAGER_EMULATOR": "http://127.0.0.1:1"}
    with pytest.raises(ConnectFailed, match="Google Cloud Secret Manager cannot be reached"):
        Vault(environment).open("gcp-sm:x")


def test_an_emulator_elsewhere_is_refused(service):
    """It would be handed secrets in the clear."""
    environment = service.environment | {"SECRET_MANAGER_EMULATOR": "http://10.0.0.1:5"}
    with pytest.raises(ConfigError, match="it should be of this machine"):
        Vault(environment).open("gcp-sm:x")


def test_a_name_without_a_project_says_how_to_write_it(service):
    service.environment.pop("GOOGLE_CLOUD_PROJECT")
    with pytest.raises(ConfigError, match="write gcp-sm:PROJECT/NAME, or set GOOGLE_CLOUD_PROJECT"):
        Vault(service.environment).open("gcp-sm:x")


@pytest.mark.parametrize("said", [b"<html>canary</html>", ["canary"], b""])
def test_what_answers_in_its_place_is_said_and_not_repeated(service, said):
    """A proxy's page, say: no traceback, and none of its words."""
    with Answering(lambda *_: (200, said)) as proxy:
        environment = service.environment | {"SECRET_MANAGER_EMULATOR": proxy.url}
        with pytest.raises(ConfigError, match=r"or a proxy before it|gave no key") as caught:
            Vault(environment).open("gcp-sm:x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 504])
def test_an_answer_for_another_time_is_the_networks_fault(service, status):
    """What is asked again may be had."""
    with Answering(lambda *_: (status, {})) as busy:
        environment = service.environment | {"SECRET_MANAGER_EMULATOR": busy.url}
        with pytest.raises(ConnectFailed):
            Vault(environment).open("gcp-sm:x")


def test_what_was_not_kept_is_not_said_to_be(service):
    """Otherwise a rotation would forget the only copy of a key."""
    with Answering(lambda *_: (404, {})) as empty:
        environment = service.environment | {"SECRET_MANAGER_EMULATOR": empty.url}
        with pytest.raises(ConfigError, match="nothing was kept"):
            Vault(environment).put("gcp-sm:x", KEPT, new=True)
