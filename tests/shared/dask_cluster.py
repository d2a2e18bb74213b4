"""A Dask cluster on loopback: a scheduler and workers as processes, as people start them."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

START_S = 60


class DaskCluster:
    """One scheduler and some workers of one thread each; `workers` are their processes."""

    def __init__(self, folder: Path, workers: int, python_path: str = "") -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": python_path,
            "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
            "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "false",
        }
        port = _free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        listening = ("--host", "127.0.0.1", "--port", str(port))
        self._scheduler = self._start("scheduler", *listening, "--no-dashboard", "--no-show")
        self.workers = [self.add_worker() for _ in range(workers)]

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start another one, without a nanny: who kills it, kills it."""
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--local-directory", str(self._folder), "--host", "127.0.0.1",
        )  # fmt: skip

    def __enter__(self) -> Self:
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
            except OSError:
                assert self._scheduler.poll() is None, "the scheduler ended"
                assert time.monotonic() < end, "the scheduler does not listen"
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers, self._scheduler]:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{what}.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
