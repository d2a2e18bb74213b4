"""A process in which trials run one after another, and which may hang or die without harm.

A trial runs a stranger's code next to native code. So whoever schedules trials (this program, or a
worker of a cluster) keeps a child of its own for each that runs at a time: a trial that hangs is
ended with its child and leaves a traceback of where it stood, one that crashes takes nobody along,
and neither is run again. What all trials share (the `work`: strategy, data, settings) enters a
child once.

Messages are pickles with their length before them, over pipes that nobody else has. A child ends by
itself when nobody has asked for anything for a while, and when its parent is gone.
"""

import contextlib
import faulthandler
import hashlib
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, Self

from steelyard.backtest.sweep.figures import Figures, cleaned
from steelyard.backtest.sweep.splits import Span
from steelyard.domain.errors import ConfigError

IDLE_S = 60.0
GRACE_S = 5.0  # after the timeout, before a child that does not even end itself is killed
WATCH_S = 1.0
TAIL_BYTES = 8_000  # of what a child said before it died
_HEAD = 8  # bytes of a length

Evaluate = Callable[[dict[str, Any], Span], Mapping[str, object]]


class Work(Protocol):
    """What all trials of a sweep share; it is pickled, and opened once in each child."""

    def open(self) -> Evaluate:
        """Return what runs a trial: parameters and a span in, figures out."""
        ...


class Payload(NamedTuple):
    """A work on its way to the children, and the name by which they know whether they have it."""

    key: str
    pickled: bytes

    @classmethod
    def of(cls, work: Work) -> Self:
        """Pack a work."""
        pickled = pickle.dumps(work, protocol=5)
        return cls(hashlib.sha256(pickled).hexdigest(), pickled)


class Ended(NamedTuple):
    """What became of a trial: figures, or why there are none."""

    result: Figures | str
    seconds: float
    worker: str


class Unfit(ConfigError):
    """No trial can run there: another version, a missing module, no data."""


class Cell:
    """One child. It is started when it is first needed, and again when it has ended."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._key = ""
        self._is_doomed = False

    def run(self, payload: Payload, params: dict[str, Any], span: Span, timeout_s: float) -> Ended:
        """Run a trial in the child and wait for it.

        Raises:
            Unfit: The child cannot open the work.
        """
        for is_again in (False, True):
            self._open(payload)
            before = time.monotonic()
            kind, value = self._ask(("run", params, span, timeout_s), timeout_s + GRACE_S)
            seconds = time.monotonic() - before
            if kind != "died":
                return Ended(value, seconds, _name())
            # A child that had nothing to do for long may go at the very moment of being asked.
            if is_again or value != Death(0, ""):
                return Ended(_why(value, timeout_s), seconds, _name())
        raise AssertionError("the second answer counts")

    def doom(self) -> None:
        """End the child while another thread waits for it, which then is told that it died."""
        self._is_doomed = True
        if (child := self._child) is not None:
            child.kill()

    def close(self) -> None:
        """End the child and clean up behind it; safe to call twice."""
        child, said, folder = self._child, self._said, self._folder
        self._child, self._said, self._folder, self._key = None, None, None, ""
        if child is not None:
            with contextlib.suppress(OSError):
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if said is not None:
            said.close()
        if folder is not None:
            folder.cleanup()

    def _open(self, payload: Payload) -> None:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._key == payload.key:
            return
        self.close()
        self._start()
        kind, value = self._ask(("open", payload.pickled), None)
        if kind != "opened":
            self.close()
            raise Unfit(value if kind == "unfit" else f"a worker died at its start: {value.text}")
        self._key = payload.key

    def _start(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 as long as the child
        # The child removes it, too: either may be the one that is left.
        self._folder = tempfile.TemporaryDirectory(
            prefix="steelyard-trial-", ignore_cleanup_errors=True
        )
        threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS"), "1")
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "steelyard.cli.sweep_cell"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=self._folder.name,
            env={**os.environ, **threads},
            start_new_session=True,  # Ctrl-C is for the one who schedules
        )
        if self._is_doomed:  # meanwhile
            self._child.kill()

    def _ask(self, message: tuple[Any, ...], timeout_s: float | None) -> tuple[str, Any]:
        """Return an answer, or `died` with how."""
        child = self._child
        assert child is not None, "it was started"
        assert child.stdin is not None, "it has pipes"
        assert child.stdout is not None, "it has pipes"
        try:
            _send(child.stdin, message)
            if timeout_s is not None and not select.select([child.stdout], [], [], timeout_s)[0]:
                child.kill()
            answer: tuple[str, Any] = _receive(child.stdout)
        except (OSError, EOFError, ValueError):
            return "died", self._buried(child)
        return answer

    def _buried(self, child: subprocess.Popen[bytes]) -> "Death":
        code = child.wait()
        text = ""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            said = self._said
            assert said is not None, "it was started"
            said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = said.read().decode(errors="replace").strip()
        self.close()
        return Death(code, text)


class Death(NamedTuple):
    """How a child ended: its exit code, negative for a signal, and what it said last."""

    code: int
    text: str


class Cells:
    """Cells for whoever asks: as many as there are callers at a time, each used again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Cell] = []
        self._busy: set[Cell] = set()
        self._is_closed = False

    def run(self, payload: Payload, params: dict[str, Any], span: Span, timeout_s: float) -> Ended:
        """Run a trial in a cell that is free, or in a new one.

        Raises:
            Unfit: No trial can run here.
            InterruptedError: All cells were closed meanwhile.
        """
        with self._lock:
            if self._is_closed:
                raise InterruptedError("the cells are closed")
            cell = self._idle.pop() if self._idle else Cell()
            self._busy.add(cell)
        ended = None
        try:
            ended = cell.run(payload, params, span, timeout_s)
        finally:
            with self._lock:
                self._busy.discard(cell)
                if not self._is_closed:
                    self._idle.append(cell)
            if self._is_over():
                cell.close()
                # What became of it was our own doing.
                raise InterruptedError("the cells are closed")
        return ended

    def _is_over(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        """End all of them; those in which a trial runs are cleaned up by who waits for it."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for cell in self._busy:
                cell.doom()
        for cell in idle:
            cell.close()


def _why(death: Death, timeout_s: float) -> str:
    """Return the text of a failure for a child that did not answer any more."""
    is_late = death.text.find("Timeout (") >= 0
    if is_late or death.code == -signal.SIGKILL:
        where = death.text[death.text.find("Timeout (") :] if is_late else ""
        late = f"TimeoutError: it had not ended after {timeout_s:g} s ([sweep] timeout)"
        killed = "its process was killed: out of memory, or by somebody"
        return f"{where}\n{late if is_late else killed}".strip()
    if death.code < 0:
        how = f"its process died of {signal.Signals(-death.code).name}"
    else:
        how = f"its process ended by itself with exit code {death.code}"
    return f"{death.text}\n{how}".strip()


def _name() -> str:
    return f"{os.uname().nodename}/{os.getpid()}"


def _send(pipe: IO[bytes], message: tuple[Any, ...]) -> None:
    data = pickle.dumps(message, protocol=5)
    pipe.write(len(data).to_bytes(_HEAD, "little"))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """Return a message.

    Raises:
        EOFError: The other end is gone.
    """
    head = pipe.read(_HEAD)
    if len(head) < _HEAD:
        raise EOFError
    data = pipe.read(int.from_bytes(head, "little"))
    return pickle.loads(data)  # noqa: S301 from our own child or parent


# --- the child ----------------------------------------------------------------------------------


def main() -> int:
    """Serve until nobody asks any more."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # A strategy that prints must not write into our answers, one that reads not eat the requests.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    faulthandler.enable(file=sys.stderr)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    evaluate: Evaluate | None = None
    answer: tuple[str, Figures | str]
    folder = Path.cwd()
    try:
        while select.select([requests], [], [], IDLE_S)[0]:
            message = _receive(requests)
            if message[0] == "open":
                answer, evaluate = _opened(message[1])
            else:
                assert evaluate is not None, "it is opened first"
                _, params, span, timeout_s = message
                answer = _ran(evaluate, params, span, timeout_s)
            _send(answers, answer)
    except (EOFError, BrokenPipeError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _opened(pickled: bytes) -> tuple[tuple[str, Figures | str], Evaluate | None]:
    try:
        work: Work = pickle.loads(pickled)  # noqa: S301 from our own parent
        return ("opened", ""), work.open()
    except ConfigError as error:
        return ("unfit", str(error)), None
    except Exception as error:  # noqa: BLE001 whatever it is, no trial can run
        return ("unfit", "".join(traceback.format_exception(error)).strip()), None


def _ran(
    evaluate: Evaluate, params: dict[str, Any], span: Span, timeout_s: float
) -> tuple[str, Figures | str]:
    # Its thread needs no interpreter: it ends native code that never comes back, too.
    faulthandler.dump_traceback_later(timeout_s, exit=True, file=sys.stderr)
    try:
        return "figures", cleaned(evaluate(params, span))
    except BaseException as error:  # noqa: BLE001 a trial's errors are its own
        return "failure", "".join(traceback.format_exception(error)).strip()
    finally:
        faulthandler.cancel_dump_traceback_later()


def _watch(parent: int) -> None:
    """End with the parent, in whatever trial."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
