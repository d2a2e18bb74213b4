"""The process that delivers alerts: a slow server, or a library's failure, holds up no bot.

It reads JSON lines from standard input, first who is told (`Targets`), then `Notice`s; it writes
JSON lines to standard output, of what it has told and what it could not. Addresses come by that
pipe and are on no command line and in no environment. Each target has a thread and a line of its
own: what has come while it was busy goes in one message, so that a mail server which takes one in
five seconds hears of every order. When its input ends it tells what is left, and ends.
"""

import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.observe.alerts import Notice, Sieve
from steelyard.observe.delivery import Delivery

WAITING_MAX = 1_000
TOGETHER_MAX = 50  # in one message
PAUSES_S = (2.0, 10.0)  # before the second try and the third
LAST_S = 9.0  # for what is left at the end


class Targets(Struct, frozen=True, tag=True):
    """Who is told from here on, by label, beside those that were named before."""

    addresses: dict[str, str]
    again_ns: int
    per_hour: int

    def __repr__(self) -> str:
        return "Targets(***)"


class Tell(Struct, frozen=True, tag=True):
    """Something to be told."""

    notice: Notice


class Problem(Struct, frozen=True, tag=True):
    """What could not be done; label is empty where it is of no target alone."""

    label: str
    why: str


class Delivered(Struct, frozen=True, tag=True):
    """So many were told to one target, in one message."""

    label: str
    count: int


class Wake(Struct, frozen=True, tag=True):
    """A count is due; nobody sends this."""


ToMessenger = Targets | Tell | Wake
FromMessenger = Problem | Delivered


class Target(threading.Thread):
    """One target, and what waits for it."""

    def __init__(self, label: str, address: str, say: Callable[[FromMessenger], None]) -> None:
        """Read the address.

        Raises:
            ConfigError: It is none.
        """
        super().__init__(daemon=True, name=f"alerts {label}")
        self._label = label
        self._delivery = Delivery({label: address})
        self._say = say
        self._waiting: deque[Notice] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._is_over = threading.Event()

    def tell(self, notice: Notice) -> None:
        """Have it told, when its turn comes; of more than wait, the oldest go and are counted."""
        with self._changed:
            if len(self._waiting) == WAITING_MAX:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(notice)
            self._changed.notify()

    def finish(self) -> None:
        """End when nothing waits any more."""
        self._is_over.set()
        with self._changed:
            self._changed.notify()

    def run(self) -> None:
        """Tell what waits, again and again."""
        while notices := self._next():
            self._send(notices)

    def _next(self) -> list[Notice]:
        """Return what waits, as soon as something does; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._is_over.is_set():
                self._changed.wait()
            if self._dropped:
                self._say(Problem(self._label, f"{self._dropped} alerts waited for too long"))
                self._dropped = 0
            count = min(len(self._waiting), TOGETHER_MAX)
            return [self._waiting.popleft() for _ in range(count)]

    def _send(self, notices: list[Notice]) -> None:
        """Try a few times; at the end of the process once."""
        why = self._delivery.send(notices, self._label)
        for pause_s in PAUSES_S:
            if why is None or self._is_over.wait(pause_s):
                break
            why = self._delivery.send(notices, self._label)
        done = Delivered(self._label, len(notices))
        self._say(done if why is None else Problem(self._label, why))


class Messenger:
    """Takes messages, and hands what is told to the targets."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._sieve: Sieve | None = None
        self._targets: dict[str, Target] = {}
        self._waiting: queue.Queue[ToMessenger | None] = queue.Queue(WAITING_MAX)

    def read(self, lines: TextIO) -> None:
        """Take messages until there are no more; in a thread of its own."""
        for line in lines:
            try:
                self._waiting.put(msgspec.json.decode(line, type=ToMessenger))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # half a line, of a bot that was killed while it wrote
        self._waiting.put(None)

    def run(self) -> None:
        """Deliver until the input has ended."""
        while True:
            try:
                message = self._waiting.get(timeout=self._pause_s())
            except queue.Empty:
                message = Wake()
            now_ns = time.time_ns()  # noqa: TID251 counts are of the host's minutes
            match message:
                case Targets():
                    self._aim(message)
                case Tell(notice) if self._sieve is not None:
                    self._hand_on(self._sieve.take(notice, now_ns))
                case None:
                    break
                case _:
                    pass
            if self._sieve is not None:
                self._hand_on(self._sieve.wake(now_ns))
        if self._sieve is not None:
            self._hand_on(self._sieve.flush(now_ns))
        last_s = time.monotonic() + LAST_S
        for target in self._targets.values():
            target.finish()
        for target in self._targets.values():
            target.join(max(0.0, last_s - time.monotonic()))

    def _pause_s(self) -> float | None:
        """Return how long until a count is due; None: nothing is counted."""
        due_ns = None if self._sieve is None else self._sieve.deadline_ns
        if due_ns is None:
            return None
        return max(0.01, (due_ns - time.time_ns()) / SECOND_NS)  # noqa: TID251 as above

    def _aim(self, targets: Targets) -> None:
        if self._sieve is None:
            self._sieve = Sieve(targets.again_ns, targets.per_hour)
        for label, address in targets.addresses.items():
            if label in self._targets:
                continue
            try:
                self._targets[label] = Target(label, address, self._say)
            except ConfigError as error:
                self._say(Problem(label, str(error)))
            else:
                self._targets[label].start()

    def _hand_on(self, notices: list[Notice]) -> None:
        for notice in notices:
            for label, target in self._targets.items():
                if not notice.to or label in notice.to:
                    target.tell(notice)

    def _say(self, message: FromMessenger) -> None:
        with self._lock, suppress(OSError):  # nobody listens any more
            self._out.write(msgspec.json.encode(message).decode() + "\n")
            self._out.flush()


def main() -> None:
    """Deliver what comes by standard input."""
    messenger = Messenger(sys.stdout)
    reader = threading.Thread(target=messenger.read, args=(sys.stdin,), daemon=True)
    reader.start()
    messenger.run()


if __name__ == "__main__":
    main()
