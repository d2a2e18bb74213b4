import sys

import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault.kept import Kept, Secret
from steelyard.vault.places import Vault, full, place, split, vault_file

LIBRARIES = {
    "keyring": ("keyring", "keyring"),
    "aws-sm": ("boto3", "aws"),
    "gcp-sm": ("google.api_core", "gcp"),
    "hashicorp": ("hvac", "hashicorp"),
}


def test_a_name_alone_is_in_the_sealed_file():
    assert split("lemon/dip") == ("vault", "lemon/dip")
    assert full("lemon/dip") == "vault:lemon/dip"
    assert split("gcp-sm:ours/dip") == ("gcp-sm", "ours/dip")


@pytest.mark.parametrize("text", ["drive:hunter2", "vault:", "VAULT:hunter2"])
def test_no_place_is_said_and_the_text_is_not_repeated(text):
    """It may be a key with a colon in it."""
    with pytest.raises(UsageError, match="PLACE:NAME, with a place of vault, keyring") as caught:
        split(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_library_that_is_not_installed_is_told_with_what_installs_it(kind, monkeypatch):
    """And nothing else of steelyard needs it."""
    library, extra = LIBRARIES[kind]
    for name in [name for name in sys.modules if name.startswith("steelyard.vault.")]:
        if name.rpartition(".")[2] in {"system", "aws", "gcp", "hashicorp"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"{kind}: needs a library: pip .*steelyard\[{extra}\]"):
        place(kind, {})


def test_the_sealed_file_is_where_the_environment_or_the_system_says(tmp_path):
    assert vault_file({"STEELYARD_VAULT": str(tmp_path / "x")}) == tmp_path / "x"
    assert vault_file({}).name == "vault.json"


def test_a_passphrase_is_asked_for_once_and_not_for_nothing(tmp_path):
    asked = []
    environment = {"STEELYARD_VAULT": str(tmp_path / "v")}

    def ask(question: str) -> str:
        asked.append(question)
        return "correct horse battery"

    vault = Vault(environment, ask)
    with pytest.raises(ConfigError, match="there is no vault"):
        vault.open("vault:a")
    assert asked == []
    for name in "ab":
        vault.put(f"vault:{name}", Kept(Secret(name, "s")), new=True)
    assert vault.open("vault:b").current.key == "b"
    vault.remove("vault:a")
    assert len(asked) == 1
