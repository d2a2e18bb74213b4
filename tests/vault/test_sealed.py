import json
import multiprocessing
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.sealed import (
    LANES,
    MEMORY_KIB,
    PASSES,
    Kdf,
    LeaseTerms,
    SealedFile,
    check_name,
)

PHRASE, OTHER = "correct horse battery", "staple staple staple"
CHEAP = Kdf(bytes(16), 8, 1, 1)
DIP, GRID = Kept(Secret("canary-key-1", "canary-1"), Terms("dip")), Kept(Secret("k2", "canary-2"))


@pytest.fixture
def file(tmp_path) -> SealedFile:
    made = SealedFile(tmp_path / "deep" / "vault.json", kdf=CHEAP)
    made.put("venue/dip", DIP, PHRASE, new=True)
    made.put("venue/grid", GRID, PHRASE, new=True)
    return made


def again(file: SealedFile) -> SealedFile:
    """Return the same file as another process sees it."""
    return SealedFile(file.path)


def changed(file: SealedFile, *path: str, to: object) -> SealedFile:
    document = json.loads(file.path.read_text())
    *above, last = path
    inner = document
    for step in above:
        inner = inner[step]
    inner[last] = to
    file.path.write_text(json.dumps(document))
    return again(file)


def test_what_is_kept_is_had_back_by_the_passphrase_and_nothing_else(file):
    assert again(file).open("venue/dip", PHRASE) == DIP
    assert again(file).open("venue/grid", PHRASE) == GRID
    with pytest.raises(ConfigError, match="the passphrase does not open"):
        again(file).open("venue/dip", PHRASE + " ")


def test_no_byte_of_a_secret_lies_open_and_nobody_else_may_read_the_file(file):
    content = b"".join(each.read_bytes() for each in file.path.parent.iterdir())
    assert b"canary" not in content
    assert PHRASE.encode() not in content
    assert all(each.stat().st_mode & 0o077 == 0 for each in file.path.parent.iterdir())


def test_names_and_ages_are_told_without_a_passphrase(file):
    entries = again(file).entries()
    assert list(entries) == ["venue/dip", "venue/grid"]
    assert entries["venue/dip"].terms == Terms("dip")
    assert SealedFile(file.path.parent / "none").entries() == {}


def test_a_new_file_costs_a_guesser_what_rfc_9106_says(tmp_path):
    """64 MiB and three passes a guess, and a salt of its own."""
    files = [SealedFile(tmp_path / name) for name in "ab"]
    for each in files:
        each.put("x", GRID, PHRASE, new=True)
    kdfs = [json.loads(each.path.read_text())["kdf"] for each in files]
    assert (MEMORY_KIB, PASSES, LANES) == (65_536, 3, 4)
    assert kdfs[0] | {"salt": ""} == {
        "name": "argon2id",
        "memory_kib": MEMORY_KIB,
        "passes": PASSES,
        "lanes": LANES,
        "salt": "",
    }
    assert kdfs[0]["salt"] != kdfs[1]["salt"]


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("terms", "bot"), "grid"),
        (("terms", "rotate_days"), 5),
        (("sealed",), "AAAA"),
        (("wrapped",), ""),
    ],
)
def test_what_somebody_else_has_changed_does_not_open(file, path, to):
    """Not whose it is either: the terms lie open, and are sealed with the secret."""
    spoiled = changed(file, "entries", "venue/dip", *path, to=to)
    with pytest.raises(ConfigError, match="vault:venue/dip was changed by somebody else"):
        spoiled.open("venue/dip", PHRASE)
    assert spoiled.open("venue/grid", PHRASE) == GRID


def test_one_entry_cannot_stand_in_anothers_place(file):
    grid = json.loads(file.path.read_text())["entries"]["venue/grid"]
    with pytest.raises(ConfigError, match="was changed"):
        changed(file, "entries", "venue/dip", to=grid).open("venue/dip", PHRASE)


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("format",), 2, "of a newer steelyard"),
        (("kdf", "memory_kib"), 1 << 30, "parameters are out of bounds"),
        (("kdf", "name"), "md5", "parameters are out of bounds"),
        (("kdf", "lanes"), 0, "parameters are out of bounds"),
        (("entries",), 5, "is damaged"),
    ],
)
def test_a_file_that_is_none_is_said(file, path, to, said):
    """And takes no gigabytes to be told from one."""
    with pytest.raises(ConfigError, match=said):
        changed(file, *path, to=to).open("venue/dip", PHRASE)


def test_a_file_that_others_may_read_is_not_read(file):
    file.path.chmod(0o640)
    with pytest.raises(ConfigError, match="is open to others; run: chmod 600"):
        again(file).entries()


def test_a_name_is_taken_once_and_changed_only_where_it_is(file):
    with pytest.raises(UsageError, match=r"venue/dip is there already.*vault rotate"):
        file.put("venue/dip", GRID, PHRASE, new=True)
    with pytest.raises(ConfigError, match="vault:none is not in the vault; there is venue/dip, v"):
        file.put("none", GRID, PHRASE, new=False)
    file.put("venue/dip", GRID, PHRASE, new=False)
    assert again(file).open("venue/dip", PHRASE) == GRID
    file.remove("venue/dip", PHRASE)
    assert list(again(file).entries()) == ["venue/grid"]
    with pytest.raises(ConfigError, match="not in the vault"):
        again(file).open("venue/dip", PHRASE)


def test_a_wrong_passphrase_changes_nothing(file):
    before = file.path.read_bytes()
    for act in (
        lambda it: it.put("new", GRID, OTHER, new=True),
        lambda it: it.remove("venue/dip", OTHER),
        lambda it: it.lease("venue/dip", LeaseTerms("dip", 9), OTHER),
        lambda it: it.change_phrase(OTHER, PHRASE),
    ):
        with pytest.raises(ConfigError, match="the passphrase does not open"):
            act(again(file))
    assert file.path.read_bytes() == before


@pytest.mark.parametrize("phrase", ["", "short", "x" * 1_001])
def test_a_new_vault_wants_a_passphrase_of_some_length(tmp_path, phrase):
    with pytest.raises(UsageError, match="has 12 to 1000 characters"):
        SealedFile(tmp_path / "v").put("x", GRID, phrase, new=True)
    assert not (tmp_path / "v").exists()


def test_a_lease_opens_its_own_key_and_no_other(file):
    """The bot's process has the right to its own secret alone."""
    token = file.lease("venue/dip", LeaseTerms("dip", 1_000), PHRASE)
    assert again(file).open_by_lease("venue/dip", token, 999) == DIP
    assert again(file).open("venue/dip", PHRASE) == DIP, "the passphrase does as before"
    with pytest.raises(ConfigError, match="vault:venue/grid has no lease; issue one"):
        again(file).open_by_lease("venue/grid", token, 999)
    file.lease("venue/grid", LeaseTerms("grid", 1_000), PHRASE)
    with pytest.raises(ConfigError, match="does not open vault:venue/grid"):
        again(file).open_by_lease("venue/grid", token, 999)
    with pytest.raises(ConfigError, match="the lease of vault:venue/dip is over"):
        again(file).open_by_lease("venue/dip", token, 1_000)
    with pytest.raises(ConfigError, match="token has 32 bytes, this one 3"):
        again(file).open_by_lease("venue/dip", b"abc", 999)


def test_a_lease_binds_to_its_bot_whatever_the_terms_leave_open(file):
    token = file.lease("venue/grid", LeaseTerms("grid", 1_000), PHRASE)
    assert again(file).open_by_lease("venue/grid", token, 1).terms.bot == "grid"


def test_a_lease_outlives_a_new_secret_and_a_new_passphrase_and_no_new_lease(file):
    """A rotation needs no new file on the bot's machine; a new lease, or none, ends the one."""
    token = file.lease("venue/dip", LeaseTerms("dip", 1_000), PHRASE)
    rotated = Kept(Secret("k9", "canary-9"), Terms("dip"))
    file.put("venue/dip", rotated, PHRASE, new=False)
    file.change_phrase(PHRASE, OTHER)
    assert again(file).open_by_lease("venue/dip", token, 1) == rotated
    copied = file.path.read_bytes()
    newer = file.lease("venue/dip", LeaseTerms("dip", 1_000), OTHER)
    with pytest.raises(ConfigError, match="it was replaced"):
        again(file).open_by_lease("venue/dip", token, 1)
    # Nor does the old token open the new entry's key by a detour through the old wrapping.
    lease = json.loads(copied)["entries"]["venue/dip"]["lease"]
    with pytest.raises(ConfigError, match="was changed"):
        changed(file, "entries", "venue/dip", "lease", to=lease).open_by_lease(
            "venue/dip", token, 1
        )
    file.lease("venue/dip", None, OTHER)
    with pytest.raises(ConfigError, match="has no lease"):
        again(file).open_by_lease("venue/dip", newer, 1)


def test_a_lease_is_not_made_longer_by_its_holder(file):
    token = file.lease("venue/dip", LeaseTerms("dip", 1_000), PHRASE)
    longer = changed(file, "entries", "venue/dip", "lease", "terms", "until", to=9_000)
    with pytest.raises(ConfigError, match="does not open"):
        longer.open_by_lease("venue/dip", token, 1_500)


def test_another_passphrase_takes_the_place_of_the_first(file):
    file.change_phrase(PHRASE, OTHER)
    assert again(file).open("venue/dip", OTHER) == DIP
    with pytest.raises(ConfigError, match="does not open"):
        again(file).open("venue/dip", PHRASE)


def test_who_knew_the_old_passphrase_does_not_open_what_comes_after_the_new_one(file):
    """Neither with an old copy, whose keys he has, nor by putting the new entry into that."""
    copied = json.loads(file.path.read_text())
    file.change_phrase(PHRASE, OTHER)
    file.put("venue/grid", Kept(Secret("k3", "canary-3")), OTHER, new=False)
    sealed = json.loads(file.path.read_text())["entries"]["venue/grid"]["sealed"]
    file.path.write_text(json.dumps(copied))
    assert again(file).open("venue/grid", PHRASE) == GRID
    with pytest.raises(ConfigError, match="was changed"):
        changed(file, "entries", "venue/grid", "sealed", to=sealed).open("venue/grid", PHRASE)


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "a:b", "é", "a\n"])
def test_a_name_that_is_none_is_refused_and_not_repeated(name):
    with pytest.raises(UsageError, match="a name in the vault has 1 to 100 of") as caught:
        check_name(name)
    assert "a b" not in str(caught.value)


def _put(path: Path, name: str) -> None:
    SealedFile(path).put(name, GRID, PHRASE, new=True)


def test_two_who_write_at_once_lose_nothing(file):
    """Each holds the file while it reads and writes."""
    context = multiprocessing.get_context("fork")
    names = [f"at-once/{number}" for number in range(6)]
    works = [context.Process(target=_put, args=(file.path, name)) for name in names]
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert set(names) < set(again(file).entries())
    assert not list(file.path.parent.glob(".*.part"))


def test_a_disk_that_refuses_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written: "):
        SealedFile(tmp_path / "file" / "v", kdf=CHEAP).put("x", GRID, PHRASE, new=True)
