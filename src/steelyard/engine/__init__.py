"""Matching and holds as one deterministic machine: commands in, effects out.

Two engines answer to `Engine`: the reference (`engine/reference/`), written to be read, is
the specification; the native one (`engine/native.py` over `rust/engine`) is the fast twin. On
the same commands they give the same effects, the same `state_hash` and the same snapshot, and
each can restore the other's snapshot.

Neither knows sessions, keys, symbols or client ids, reads a clock, or calls back.
"""

from typing import NamedTuple, Protocol

from steelyard.domain.commands import Command, Effect, Place
from steelyard.domain.errors import UnitError
from steelyard.domain.ledger import Balance
from steelyard.domain.order import RejectReason


class BookLevels(NamedTuple):
    """The best levels of a book, best first, as (price_ticks, size_lots)."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Engine(Protocol):
    """What an exchange may ask of an engine."""

    def apply(self, command: Command, now_ns: int) -> list[Effect]:
        """Carry out one command whole, or refuse it whole, and return what happened."""
        ...

    def record(self, command: Command, now_ns: int) -> bytes:
        """Return a command as a record (`domain.layout`), which `apply_record` takes.

        Raises:
            UnitError: A number is wider than its field; nothing was carried out.
        """
        ...

    def apply_record(self, record: bytes) -> list[Effect]:
        """Carry out the command of a record (`domain.layout`) at its own now_ns, as `apply`."""
        ...

    def place(
        self,
        lead: bytes,
        place: Place,
        now_ns: int,
        in_full: bool,  # noqa: FBT001
        /,
    ) -> tuple[bytes, int, list[Effect] | None] | None:
        """As `record` and `apply_record` of a Place; None where it has no record.

        Returns the record behind its lead and what happened: the order's number, where it was
        accepted, its level changed and nothing else; else, and in_full always, 0 and the effects.
        """
        ...

    def book(self, instrument_id: int, depth: int) -> BookLevels:
        """Return up to `depth` levels of each side."""
        ...

    def balances(self, account_id: int) -> dict[int, Balance]:
        """Return an account's balances by asset id; absent means zero."""
        ...

    def totals(self) -> dict[int, int]:
        """Return each asset's sum over all accounts, which is zero."""
        ...

    def rates(self, account_id: int, now_ns: int) -> tuple[int, int]:
        """Return the maker's and the taker's rate of an order that is placed now.

        Raises:
            KeyError: The account was never opened.
        """
        ...

    def state_hash(self) -> int:
        """Return the hash of the whole state (`domain.layout.state_hash`)."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state as records: instruments, accounts, balances, queues, counters."""
        ...

    def restore(self, snapshot: bytes) -> None:
        """Replace an empty engine's state by a snapshot's."""
        ...


def too_wide(command: Command) -> UnitError:
    """Return the error of a command with a number that has no place in its record."""
    return UnitError(
        f"a number of {type(command).__name__} is out of range: send a smaller one",
        RejectReason.AMOUNT_TOO_LARGE,
    )
