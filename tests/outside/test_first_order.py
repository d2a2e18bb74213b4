"""What README and docs/start.md tell a newcomer to type works as it stands there.

The blocks marked `in-order` run in one shell session each, on a page's exchange and on no other:
only the ports are others, and where `&` is there, the next block waits until it is ready.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_base

from tests.house.test_docs import FENCE, ROOT

pytestmark = pytest.mark.slow
READY_S = 30

# Until the last job says where it is, in its own first line of output.
WAIT = f"""
for _ in $(seq {READY_S}0); do
    grep -q '"ready": *true' job.log && break
    kill -0 $! || exit 9
    sleep 0.1
done
grep -q '"ready": *true' job.log || exit 9
"""


def script(page: Path, base: int, folder: Path) -> str:
    """Return a page's blocks as one shell script; files that it says to write are written."""
    lines = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    text = page.read_text()
    for there, here in (("8700", base), ("8701", base + 1), ("8720", base + 10)):
        text = text.replace(there, str(here))
    for block in FENCE.finditer(text):
        content = block[2]
        match block[1].split():
            case ["toml", "in-order", name]:
                (folder / name).write_text(content)
            case ["python", "in-order"]:
                file = folder / f"{len(lines)}.py"
                file.write_text(content)
                lines.append(f"python {file}")
            case ["sh", "in-order"] if content.endswith(" &\n"):
                lines.append(f": > job.log\n{content[:-3]} > job.log &\n{WAIT}")
            case ["sh", "in-order"]:
                lines.append(content)
    assert len(lines) > 3, "the page has blocks to run"
    return "\n".join(lines)


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_a_newcomer_gets_an_order_filled(page: str, tmp_path: Path, monkeypatch):
    """Copied block by block; the last thing printed is what the market paid."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    done = subprocess.run(
        ["bash", "-c", script(ROOT / page, free_base(), tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d{4,6}\.\d+", done.stdout), done.stdout
