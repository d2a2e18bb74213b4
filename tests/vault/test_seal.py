import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import ConfigError
from steelyard.vault.seal import KEY_BYTES, FileSeal


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> FileSeal:
    return FileSeal(tmp_path_factory.mktemp("keys") / "seal.key")


@given(st.binary(max_size=300), st.binary(max_size=50))
def test_what_was_sealed_is_opened(seal: FileSeal, plain, context):
    """The same bytes come back, and the same bytes are never sealed alike twice."""
    sealed = seal.seal(plain, context)
    assert seal.open(sealed, context) == plain
    assert seal.seal(plain, context) != sealed
    assert len(plain) < 8 or plain not in sealed


def test_every_changed_or_missing_byte_is_noticed(seal: FileSeal):
    """A sealed secret is whole or refused; so is one in another's place."""
    sealed = seal.seal(b"secret", b"key 1")
    bad = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    bad += [sealed[:cut] for cut in range(len(sealed))]
    for content in bad:
        with pytest.raises(ConfigError, match=r"a sealed secret (does not open with|has version)"):
            seal.open(content, b"key 1")
    with pytest.raises(ConfigError, match="does not open"):
        seal.open(sealed, b"key 2")


def test_another_key_says_so(tmp_path: Path, seal: FileSeal):
    """Data of another machine or user: the message says what to do."""
    other = FileSeal(tmp_path / "seal.key")
    with pytest.raises(
        ConfigError, match=r"if this data comes from another machine or user, issue new"
    ) as error:
        other.open(seal.seal(b"secret", b""), b"")
    assert str(tmp_path) not in str(error.value)  # it may be told to a client


@given(st.binary(max_size=40), st.binary(max_size=20), st.binary(max_size=20))
def test_a_keyed_hash_is_of_text_context_and_key(tmp_path_factory, plain, context, other):
    """Nothing of the three can be changed, or moved from one to the other."""
    mine, yours = (FileSeal(tmp_path_factory.mktemp("k") / "seal.key") for _ in range(2))
    digest = mine.digest(plain, context)
    assert len(digest) == 32
    assert mine.digest(plain, context) == digest
    assert yours.digest(plain, context) != digest
    assert digest != hashlib.sha256(plain).digest()
    if other:
        assert mine.digest(plain, context + other) != digest
        assert mine.digest(plain + other, context) != digest
        assert mine.digest(plain, other + context) != mine.digest(other + plain, context)


def test_another_version_says_so(seal: FileSeal):
    """It is not taken for a wrong key."""
    with pytest.raises(ConfigError, match="has version 02, this steelyard opens 01; use the"):
        seal.open(b"\x02" + bytes(40), b"")


def test_the_key_is_made_once_and_private(tmp_path: Path):
    """The second seal opens what the first has sealed; nothing else is left in the directory."""
    file = tmp_path / "seal.key"
    sealed = FileSeal(file).seal(b"secret", b"c")
    assert FileSeal(file).open(sealed, b"c") == b"secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == KEY_BYTES
    assert [entry.name for entry in tmp_path.iterdir()] == ["seal.key"]


def test_processes_that_begin_together_share_the_key(tmp_path: Path):
    """Whoever comes second takes the first one's key."""
    together = threading.Barrier(8)
    seals = []

    def begin() -> None:
        together.wait()
        seals.append(FileSeal(tmp_path / "seal.key"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = [each.seal(b"secret", b"") for each in seals]
    assert all(each.open(one, b"") == b"secret" for each in seals for one in sealed)
    assert len(sealed) == 8
    assert os.listdir(tmp_path) == ["seal.key"]  # noqa: PTH208 names


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_open_to_others_refuses(tmp_path: Path, mode):
    """The message is the command that mends it."""
    file = tmp_path / "seal.key"
    FileSeal(file)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"is open to others; run: chmod 600 {file}"):
        FileSeal(file)


def test_a_key_file_that_is_none_refuses(tmp_path: Path):
    """A damaged key is never replaced in silence: what it sealed would be lost."""
    file = tmp_path / "seal.key"
    file.write_bytes(b"short")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"has 5 bytes instead of 32: it is damaged\. Restore it"):
        FileSeal(file)
    assert file.read_bytes() == b"short"
    with pytest.raises(ConfigError, match="cannot be used: No such file"):
        FileSeal(tmp_path / "no" / "seal.key")
    with pytest.raises(ConfigError, match="cannot be used: Is a directory"):
        FileSeal(tmp_path)
