"""The fast twin: commands as bytes to the native module, effects back.

Its rules are those of `engine/reference/`; what it adds is `apply_records` for those who have
bytes already, such as a journal being replayed. It is not imported where no native module was
built; `engine/choice.py` knows.
"""

import struct
from functools import partial

from steelyard import _native
from steelyard.domain import layout
from steelyard.domain.commands import Command, Effect
from steelyard.domain.errors import DecodeError
from steelyard.domain.ledger import Balance
from steelyard.engine import BookLevels, too_wide
from steelyard.engine.book import QueueModel

DECODER = _native.Decoder(layout.forms(), layout.decode)
ENCODER = _native.Encoder(layout.forms(), layout.encode)


class NativeEngine:
    """One engine, all instruments and accounts."""

    def __init__(self, queue_model: QueueModel = QueueModel.PROPORTIONAL) -> None:
        self.queue_model = queue_model
        self._engine = _native.Engine(queue_model)
        self.place = partial(self._engine.place, ENCODER, DECODER)

    def apply(self, command: Command, now_ns: int) -> list[Effect]:
        """Carry out one command whole, or refuse it whole, and return what happened."""
        return self.apply_record(ENCODER.encode(command, now_ns))

    def record(self, command: Command, now_ns: int) -> bytes:
        """Return a command as a record, as `domain.layout` encodes it."""
        try:
            return ENCODER.encode(command, now_ns)
        except (struct.error, OverflowError) as error:
            raise too_wide(command) from error

    def apply_record(self, record: bytes) -> list[Effect]:
        """Carry out the command of a record at its own now_ns, as `apply`."""
        return DECODER.decode_all(self._engine.apply(record))

    def apply_records(self, records: bytes) -> bytes:
        """Carry out command records, each at its own now_ns, and return the effect records.

        Raises:
            DecodeError: The bytes are not command records; then none of them was carried out.
        """
        try:
            return self._engine.apply(records)
        except ValueError as error:
            raise DecodeError(str(error)) from error

    def book(self, instrument_id: int, depth: int) -> BookLevels:
        """Return up to `depth` levels of each side."""
        return BookLevels(*self._engine.book(instrument_id, max(depth, 0)))

    def balances(self, account_id: int) -> dict[int, Balance]:
        """Return an account's balances by asset id; absent means zero."""
        return {
            asset_id: Balance(free_atoms, held_atoms)
            for asset_id, free_atoms, held_atoms in self._engine.balances(account_id)
        }

    def rates(self, account_id: int, now_ns: int) -> tuple[int, int]:
        """Return the maker's and the taker's rate of an order that is placed now.

        Raises:
            KeyError: There is no such account.
        """
        return self._engine.rates(account_id, now_ns)

    def totals(self) -> dict[int, int]:
        """Return each asset's sum over all accounts, which is zero."""
        return dict(self._engine.totals())

    def state_hash(self) -> int:
        """Return the hash of the whole state; costs what has changed since the last call."""
        return self._engine.state_hash()

    def snapshot(self) -> bytes:
        """Return the whole state as records, in one canonical order."""
        return self._engine.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Replace the state by a snapshot's.

        Raises:
            DecodeError: The bytes are not a snapshot, or no possible state; nothing has changed.
        """
        try:
            self._engine.restore(snapshot)
        except ValueError as error:
            raise DecodeError(str(error)) from error
