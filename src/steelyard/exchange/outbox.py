"""The sandbox's pretended post: mails that go nowhere but to the page that shows them.

In memory and bounded: the oldest are forgotten, and all of them by a restart. Mails hold tokens,
so they are never journaled.
"""

from collections import deque

from msgspec import Struct

MAILS_MAX = 1_000


class Mail(Struct, frozen=True):
    """One mail to a person."""

    person_id: int
    to: str
    subject: str
    text: str
    time_ns: int


class Outbox:
    """The newest mails."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=MAILS_MAX)

    def send(self, mail: Mail) -> None:
        """Send a mail."""
        self._mails.append(mail)

    def mails(self, person_id: int | None = None) -> list[Mail]:
        """Return a person's mails, or everybody's; newest first."""
        return [m for m in reversed(self._mails) if person_id in (None, m.person_id)]
