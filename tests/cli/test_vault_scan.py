import json
import os
import subprocess

import pytest

from steelyard.cli.main import run
from steelyard.vault.kept import Kept, Secret
from steelyard.vault.sealed import Kdf, SealedFile

LEAK = "API_SECRET=q7Zp2LmX9vR4tY8wB1nK6sD3fG5hJ0aC\n"


def scanned(capsys, *arguments) -> tuple[int, dict, str]:
    capsys.readouterr()
    code = run(["vault", "scan", *map(str, arguments), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out), out


def test_a_leak_is_told_by_its_place_and_never_shown(tmp_path, capsys):
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / ".env").write_text(f"# mine\n{LEAK}")
    code, found, out = scanned(capsys, tmp_path)
    assert code == 1
    assert [(row["path"], row["line"]) for row in found["found"]] == [("bot/.env", 2)]
    assert run(["vault", "scan", str(tmp_path)]) == 1
    out += capsys.readouterr().out
    assert "revoke it at its venue first" in out
    assert "q7Zp2LmX" not in out


def test_a_clean_folder_passes(tmp_path, capsys):
    (tmp_path / "a.py").write_text("key = 'vault:lemon/dip'\n")
    assert scanned(capsys, tmp_path)[:2] == (0, {"found": [], "count": 0, "not_read": []})


def test_what_was_deleted_is_in_the_history_with_its_commit(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def git(*words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        command = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "old.env").write_text(LEAK)
    git("add", "-A")
    git("commit", "-qm", "x")
    commit = git("rev-parse", "--short", "HEAD")
    git("rm", "-q", "old.env")
    git("commit", "-qm", "x")
    assert scanned(capsys, tmp_path)[0] == 0
    code, found, _ = scanned(capsys, tmp_path, "--history")
    assert code == 1
    ((row),) = found["found"]
    assert (row["path"], row["line"], row["commit"]) == ("old.env", 1, commit)


@pytest.mark.parametrize("text", ["canary-secret", "Y2FuYXJ5LXNlY3JldA=="])
def test_the_vaults_own_secrets_are_found_however_they_are_written(
    tmp_path, capsys, monkeypatch, text
):
    vault = tmp_path / "vault" / "vault.json"
    monkeypatch.setenv("STEELYARD_VAULT", str(vault))
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", "correct horse battery")
    kept = Kept(Secret("k", "canary-secret"))
    SealedFile(vault, kdf=Kdf(bytes(16), 8, 1, 1)).put(
        "lemon", kept, "correct horse battery", new=True
    )
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text(f"remember {text}\n")
    code, found, out = scanned(capsys, tmp_path / "notes", "--known")
    assert code == 1
    assert found["found"][0]["kind"] == "the secret of vault:lemon"
    assert text not in out
