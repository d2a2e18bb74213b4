"""A tool that we did not write reads /openapi.json and tries to break what it promises.

Schemathesis makes requests from the document, right ones and wrong ones, in sequences that follow
from each other, and holds each answer against it: status, headers, body, and that wrong requests
are refused.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.testing import LocalExchange

HERE = Path(__file__).parent
EXAMPLES_MAX = 40  # a route and phase


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_exchange_does_what_its_document_says(tmp_path):
    """Every route, with right and wrong input, passes every check of schemathesis."""
    with LocalExchange(tmp_path / "data", "--crowd", "1", "--limits", "off") as exchange:
        key = exchange.trader("outsider", {"USDT": "1000000000", "BTC": "1000"}, dialect="native")
        command = [sys.executable, "-m", "schemathesis.cli"]
        command += ["--config-file", str(HERE / "schemathesis.toml")]
        command += ["run", f"{exchange.url('native')}/openapi.json"]
        done = subprocess.run(
            [*command, "--max-examples", str(EXAMPLES_MAX)],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.outside.schemathesis_signing",
                "PYTHONPATH": os.pathsep.join(
                    [str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
                ),
                "STEELYARD_KEY": key["key"],
                "STEELYARD_SECRET": key["secret"],
            },
            capture_output=True,
            text=True,
            timeout=550,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
