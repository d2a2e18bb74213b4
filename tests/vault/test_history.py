import os
import subprocess

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.vault.history import Found, commit_of, folder, history
from steelyard.vault.leaks import TEXT_MAX_BYTES


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return what runs git in a new repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "x")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "x@example.com")

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", tmp_path, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git.root = tmp_path
    return git


def commit(git, name: str, text: str) -> str:
    (git.root / name).write_text(text)
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    return git("rev-parse", "--short", "HEAD")


def test_files_below_a_folder_are_read_and_links_and_tools_folders_are_not(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    (tmp_path / ".env").write_text("b")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "c").write_text("c")
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "CACHEDIR.TAG").touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    with (tmp_path / "large").open("wb") as out:
        out.truncate(TEXT_MAX_BYTES + 1)
    assert {found.path: found.text for found in folder(tmp_path)} == {
        ".env": b"b",
        "sub/a.txt": b"a",
        "link": b"",
        "large": None,
    }
    assert list(folder(tmp_path / ".env")) == [Found(".env", b"b")]
    with pytest.raises(ConfigError, match="is not there"):
        list(folder(tmp_path / "none"))


def test_every_version_is_found_wherever_it_has_gone(repository):
    """Deleted, on another branch, in a commit that was amended away; each once."""
    first = commit(repository, "a", "one\n")
    commit(repository, "a", "two\n")
    repository("checkout", "-q", "-b", "other")
    commit(repository, "b", "three\n")
    commit(repository, "copy", "three\n")
    repository("checkout", "-q", "main")
    (repository.root / "a").write_text("four\n")
    repository("commit", "-q", "-a", "--amend", "-m", "x")
    found = [it for it in history(repository.root) if it.object]
    assert sorted(it.text for it in found) == [b"four\n", b"one\n", b"three\n", b"two\n"]
    one = next(it for it in found if it.text == b"one\n")
    assert one.path == "a"
    assert commit_of(repository.root, one.object) == first


def test_what_no_branch_reaches_and_what_is_no_file_is_found(repository):
    """Staged and taken back, and the messages of commits and tags."""
    commit(repository, "a", "one\n")
    (repository.root / "b").write_text("staged\n")
    repository("add", "b")
    repository("rm", "-q", "-f", "b")
    repository("commit", "-q", "--allow-empty", "-m", "said in a commit")
    repository("tag", "-a", "v1", "-m", "said in a tag")
    found = list(history(repository.root))
    assert any(it.text == b"staged\n" and it.path.startswith("blob ") for it in found)
    for said in (b"said in a commit", b"said in a tag"):
        (it,) = [it for it in found if said in it.text]
        assert (it.path.split()[0], it.object) == (said.split()[-1].decode(), "")


def test_nothing_that_a_repository_names_is_run(repository):
    """A clone that has left files out would ask for them over a command of its own."""
    commit(repository, "a", "one\n")
    mark = repository.root / "ran"
    for key, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://example.invalid/x"),
        ("core.sshCommand", f"touch {mark};"),
    ):
        repository("config", key, value)
    blob = repository("rev-parse", "HEAD:a")
    (repository.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    list(history(repository.root))
    assert not mark.exists()


def test_a_name_with_spaces_and_a_large_file(repository):
    commit(repository, "a b\u00e9", "x")
    with (repository.root / "large").open("wb") as out:
        out.truncate(TEXT_MAX_BYTES + 1)
    commit(repository, "c", "y")
    found = {it.path: it.text for it in history(repository.root)}
    assert found["large"] is None
    assert found["c"] == b"y"


def test_what_is_no_repository_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ConfigError, match="has no history to scan: fatal: not a git repository"):
        list(history(tmp_path))


def test_a_repository_without_a_commit_has_no_history(repository):
    """Whoever has just made one is told that nothing is in it."""
    (repository.root / "a.txt").write_text("not committed")
    assert [*history(repository.root)] == []
