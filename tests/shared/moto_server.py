"""A server that speaks as AWS does, in a process of its own, of the folder that it is installed in.

Whoever asks it uses AWS's own client, with addresses and credentials of the environment.
"""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

import pytest
from free_ports import free_base

FOLDER = Path(sys.prefix) / "apart" / "moto"
START_S = 60
PROGRAM = "import sys; from moto.server import main; main(sys.argv[1:])"


class MotoServer:
    """It runs within `with`; `environment` is what a client needs."""

    def __init__(self) -> None:
        self.port = free_base()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self) -> Self:
        if not FOLDER.is_dir():
            pytest.skip("moto is not installed: make setup-dev")
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "-H", "127.0.0.1", "-p", str(self.port)],
            env={**os.environ, "PYTHONPATH": str(FOLDER)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        last = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/", timeout=5).close()
            except OSError:
                assert self._process.poll() is None, "it has ended"
                assert time.monotonic() < last, "it does not answer"
                time.sleep(0.1)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
