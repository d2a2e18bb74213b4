"""What an account should hold, by all that is known to have moved it, and what it does hold.

A bot's position is what its own fills add up to; the account's balances are shared with whoever
else trades, deposits and withdraws there. So they are compared: what the account had when last
nothing was under way, plus every fill since then, the bot's and others', each with its fee in
whatever asset, against what it has now. A difference that stays is told and journaled, and is
never booked as anybody's trade. What it may be rounded by is `ROUNDING_ATOMS` per fill.
"""

from collections.abc import Mapping

from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill

ROUNDING_ATOMS = 20_000  # 2e-8: a venue's eighth decimal, of amount and fee
KNOWN_MAX = 10_000  # fills, so that one told twice counts once


class AccountBooks:
    """The account's totals when last seen, and what fills have moved since."""

    def __init__(self) -> None:
        self.seen_atoms: dict[int, int] | None = None  # free and held together, by asset
        self.moved_atoms: dict[int, int] = {}
        self.fills = 0  # since then
        self.fills_ever = 0
        self._known: dict[tuple[int, int], None] = {}

    def add(self, fill: Fill, instrument: Instrument) -> None:
        """Count a fill of the account once, whoever's order it was of."""
        if self.knows(fill):
            return
        sign = int(fill.side)
        self._move(instrument.base_asset_id, sign * fill.size_lots * instrument.lot_atoms)
        self._move(instrument.quote_asset_id, -sign * fill.quote_atoms)
        self._move(fill.fee_asset_id, -fill.fee_atoms)
        self.fills += 1
        self.fills_ever += 1
        self._known[fill.trade_id, sign] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def knows(self, fill: Fill) -> bool:
        """Whether a fill has been counted, of those that are remembered."""
        return (fill.trade_id, int(fill.side)) in self._known

    def seen(self, atoms: Mapping[int, int]) -> None:
        """Begin anew from what the venue has told."""
        self.seen_atoms = dict(atoms)
        self.moved_atoms, self.fills = {}, 0

    def differences(self, told: Mapping[int, int]) -> dict[int, int]:
        """Return what the account has beyond what it should, atoms by asset; empty: nothing."""
        if self.seen_atoms is None:
            return {}
        found = {}
        for asset in {*self.seen_atoms, *self.moved_atoms, *told}:
            expected = self.seen_atoms.get(asset, 0) + self.moved_atoms.get(asset, 0)
            difference = told.get(asset, 0) - expected
            if abs(difference) > ROUNDING_ATOMS * self.fills:
                found[asset] = difference
        return found

    def _move(self, asset: int, atoms: int) -> None:
        self.moved_atoms[asset] = self.moved_atoms.get(asset, 0) + atoms
