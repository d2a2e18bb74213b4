import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, resource, sys
from steelyard.vault.memory import keep_out_of_dumps
soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if sys.argv[1] == "kept":
    keep_out_of_dumps()
canary = "canary" * 1000
if sys.platform == "linux":
    import ctypes
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)  # PR_GET_DUMPABLE
print(resource.getrlimit(resource.RLIMIT_CORE)[0], flush=True)
os.abort()
"""


@pytest.mark.parametrize("how", ["kept", "plain"])
def test_a_crash_leaves_no_memory_behind(tmp_path, how):
    """Neither where the kernel writes cores beside the program, nor to a reporter."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        cwd=tmp_path,
        env={"MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGABRT, done.stderr
    *dumpable, limit = done.stdout.split()
    if sys.platform == "linux":
        assert dumpable == ["0" if how == "kept" else "1"]
    if how == "kept":
        assert limit == "0"
        assert list(tmp_path.iterdir()) == []
