"""A PostgreSQL server of one's own, from Debian's package, in a directory of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest
from free_ports import free_base

USER = "postgres"
WAIT_S = 30


def programs() -> Path:
    """Return where the server's programs are, or skip with the reason."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        where = shutil.which("postgres")
        if where is None:
            pytest.skip("no PostgreSQL here: apt-get install postgresql")
        return Path(where).parent
    return found[-1].parent


class PostgresServer:
    """A server. Use it as a context manager; it may be stopped and started again."""

    def __init__(self) -> None:
        self._programs = programs()
        self._user: str | None = None
        if os.geteuid() == 0:  # it does not run as root
            try:
                pwd.getpwnam(USER)
            except KeyError:
                pytest.skip(f"PostgreSQL does not run as root, and there is no user {USER}")
            self._user = USER
        self._directory = Path(tempfile.mkdtemp(prefix="steelyard-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_base()
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        if self._user is not None:
            shutil.chown(self._directory, USER, USER)

    def __enter__(self) -> Self:
        data = str(self._directory / "data")
        subprocess.run(
            [self._programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            user=self._user,
            cwd="/",
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        command = [self._programs / "postgres", "-D", self._directory / "data", "-F"]
        command += ["-p", str(self.port), "-h", "127.0.0.1", "-k", self._directory]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*map(str, command)], stdout=log, stderr=log, user=self._user, cwd="/"
            )
        last = time.monotonic() + WAIT_S
        ready = [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        while subprocess.run(ready, check=False).returncode:
            assert time.monotonic() < last, (self._directory / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast: whoever is connected is cut off
            self._process.wait(WAIT_S)
            self._process = None
