import json

import pytest

from steelyard.cli.init import configure
from steelyard.cli.main import run
from steelyard.net.clock import Clock
from steelyard.store.datadir import Directory
from steelyard.vault.kept import DAY_MS, Kept, Secret, Terms
from steelyard.vault.sealed import Kdf, SealedFile

GHOST = {"pid": 2**22 - 3, "port": 1, "token": "t"}
PHRASE = "correct horse battery"


@pytest.fixture
def vault(tmp_path, monkeypatch) -> SealedFile:
    monkeypatch.setenv("STEELYARD_VAULT", str(tmp_path / "vault.json"))
    return SealedFile(tmp_path / "vault.json", kdf=Kdf(bytes(16), 8, 1, 1))


@pytest.fixture
def looked(tmp_path, capsys, vault):
    """Return what looks over a data directory: exit code, and grade by name of finding."""

    def look(*configs) -> tuple[int, dict[str, str], str]:
        data = tmp_path / "data"
        capsys.readouterr()
        code = run(["doctor", *map(str, configs), "--data", str(data), "--json"])
        out = capsys.readouterr().out
        return code, {it["name"]: it["grade"] for it in json.loads(out)["findings"]}, out

    return look


def test_a_new_machine_is_fine_or_to_be_minded(looked):
    """Nothing is made by looking."""
    code, found, _ = looked()
    assert found["python"] == "fine"
    assert found["data"] == "fine"
    assert found["vault.none"] == "mind"
    assert code == (1 if "wrong" in found.values() else 0)


def test_what_init_writes_can_be_run_and_what_it_leaves_open_is_said(looked, tmp_path):
    config = tmp_path / "dip.toml"
    config.write_text(configure("dip", "native", {}))
    _, found, _ = looked(config)
    assert found["config"] == "fine"
    assert found["risk"] in {"fine", "mind"}
    assert (found["key.kill"], found["alerts"]) == ("mind", "mind")
    assert "key.place" not in found


def test_a_configuration_with_a_mistake_or_a_key_in_it_is_wrong(looked, tmp_path):
    """The key is not shown."""
    secret = "q7Zp2LmX9vR4tY8wB1nK6sD3fG5hJ0aC"
    config = tmp_path / "dip.toml"
    config.write_text(configure("dip", "native", {}) + f'# api_secret = "{secret}"\n')
    code, found, out = looked(config)
    assert (code, found["config.secret"]) == (1, "wrong")
    assert secret not in out
    config.write_text("[bot]\nnam = 1\n")
    code, found, _ = looked(config)
    assert (code, found["config"]) == (1, "wrong")


def test_a_crash_a_kill_mark_and_a_key_that_is_due_are_found(looked, tmp_path, vault):
    directory = tmp_path / "data" / "bots" / "dip"
    Directory(directory).close()
    (directory / "ports.json").write_text(json.dumps(GHOST))
    (directory / "killed").write_text("{}")
    old = Terms(changed=Clock().now_ns() // 10**6 - 400 * DAY_MS)
    vault.put("k", Kept(Secret("k", "s"), old), PHRASE, new=True)
    code, found, _ = looked()
    assert code == 1
    assert (found["bot.crashed"], found["bot.killed"]) == ("wrong", "mind")
    assert found["key.due"] == "wrong"


def test_a_vault_that_others_may_read_is_wrong(looked, vault):
    vault.put("k", Kept(Secret("k", "s")), PHRASE, new=True)
    vault.path.chmod(0o644)
    code, found, _ = looked()
    assert (code, found["vault"]) == (1, "wrong")
