"""What a host has one of is seen to by one process."""

import os
import subprocess
import sys

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store.ownership import Ownership, held_since_ns, holder_of


def test_one_has_it_until_it_lets_go(tmp_path):
    """The second is told who does."""
    first = Ownership(tmp_path / "owners", "dead-man", "host", "account")
    with pytest.raises(ConfigError, match=f"process {os.getpid()} of this machine has it"):
        Ownership(tmp_path / "owners", "dead-man", "host", "account")
    Ownership(tmp_path / "owners", "dead-man", "host", "another").close()
    first.close()
    first.close()
    Ownership(tmp_path / "owners", "dead-man", "host", "account").close()
    names = [path.name for path in (tmp_path / "owners").iterdir()]
    assert not any("host" in name or "account" in name for name in names)


def test_it_goes_with_the_process(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from steelyard.store.ownership import Ownership;"
        "held = Ownership(Path(sys.argv[1]), 'dead-man', 'a'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    Ownership(tmp_path, "dead-man", "a").close()


def test_a_place_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        Ownership(tmp_path / "file", "dead-man", "a")


def test_who_has_it_and_since_when_is_told_without_taking_it(tmp_path):
    """The dead and those who only look are nobody."""
    assert holder_of(tmp_path, "key", "a") is None
    own = Ownership(tmp_path, "key", "a")
    assert holder_of(tmp_path, "key", "a") == str(os.getpid())
    assert holder_of(tmp_path, "key", "b") is None
    assert held_since_ns(tmp_path, "key", "a") > 0
    own.close()
    assert holder_of(tmp_path, "key", "a") is None
    assert held_since_ns(tmp_path, "key", "a") is None
    assert not (tmp_path / "b").exists()
