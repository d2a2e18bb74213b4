"""A `steelyard demo` in a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from steelyard.net.loopback import ask
from steelyard.store.datadir import port_file, read_document

WAIT_S = 60


class Demo:
    """Start it, ask its bot, stop it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        command = [sys.executable, "-m", "steelyard.cli.main", "demo", "--json", "--no-browser"]
        command += ["--port-base", "0", "--data", str(data), *options]
        self.errors = data.parent / f"{data.name}.stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        self.ready = json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def bot(self) -> dict[str, Any]:
        """Return what the bot says of itself."""
        document = read_document(port_file(self.data / "bots" / "demo"))
        status, state = ask(document["port"], "GET", "/status", token=document["token"])
        assert status == 200
        return state

    def wait(self, is_so, seconds: float = WAIT_S) -> dict[str, Any]:
        """Return the bot's state once it is as wanted."""
        last = time.monotonic() + seconds
        while True:
            state = self.bot()
            if is_so(state):
                return state
            assert time.monotonic() < last, state
            time.sleep(0.1)

    def bot_pid(self) -> int:
        return read_document(port_file(self.data / "bots" / "demo"))["pid"]

    def steelyard(self, *arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "steelyard.cli.main", *arguments]
        done = subprocess.run(
            [*command, "--data", str(self.data), "--json"], capture_output=True, check=False
        )
        return done.returncode, json.loads(done.stdout or b"null")

    def stop(self) -> int:
        """Press Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
