"""Double entry: every movement takes from one account what it gives to another.

The invariant: for each asset the sum over all accounts is zero, always; the outside world
(`WORLD`) is the negative mirror of everything inside. A hold moves atoms from an account's
free pocket to its held pocket and back; it never leaves the account. Only WORLD, HOUSE and
FEES may be negative. The ledger does not decide whether something is allowed; it asserts that
it was.
"""

from collections.abc import Iterator
from typing import NamedTuple

from steelyard.domain.commands import FEES, HOUSE, WORLD


class Balance(NamedTuple):
    """What an account has of an asset, in atoms."""

    free_atoms: int
    held_atoms: int


_NOTHING = (0, 0)
MAY_OWE = frozenset({WORLD, HOUSE, FEES})


class Ledger:
    """All balances of an exchange, or of a trader's own books."""

    def __init__(self) -> None:
        self._balances: dict[tuple[int, int], tuple[int, int]] = {}  # free and held atoms

    def balance(self, account_id: int, asset_id: int) -> Balance:
        """Return a balance; nothing booked means zero."""
        return Balance(*self._balances.get((account_id, asset_id), _NOTHING))

    def free_atoms(self, account_id: int, asset_id: int) -> int:
        """Return what an account has free of an asset."""
        return self._balances.get((account_id, asset_id), _NOTHING)[0]

    def move(self, asset_id: int, payer: int, payee: int, amount_atoms: int) -> None:
        """Move free atoms from one account to another."""
        assert amount_atoms >= 0, "a movement has a direction, not a sign"
        self._add(payer, asset_id, -amount_atoms, 0)
        self._add(payee, asset_id, amount_atoms, 0)

    def hold(self, account_id: int, asset_id: int, amount_atoms: int) -> None:
        """Set free atoms aside for an order."""
        assert amount_atoms >= 0, "a hold is not negative"
        self._add(account_id, asset_id, -amount_atoms, amount_atoms)

    def release(self, account_id: int, asset_id: int, amount_atoms: int) -> None:
        """Give held atoms back to the free pocket."""
        assert amount_atoms >= 0, "a release is not negative"
        self._add(account_id, asset_id, amount_atoms, -amount_atoms)

    def restore(self, account_id: int, asset_id: int, balance: Balance) -> None:
        """Set a balance while a snapshot is read."""
        self._balances[account_id, asset_id] = balance

    def __iter__(self) -> Iterator[tuple[int, int, Balance]]:
        for (account_id, asset_id), balance in sorted(self._balances.items()):
            yield account_id, asset_id, Balance(*balance)

    def of(self, account_id: int) -> dict[int, Balance]:
        """Return an account's balances by asset id."""
        return {
            asset_id: Balance(*balance)
            for (who, asset_id), balance in self._balances.items()
            if who == account_id
        }

    def totals(self) -> dict[int, int]:
        """Return each asset's sum over all accounts: zero, unless the books are broken."""
        sums: dict[int, int] = {}
        for (_, asset_id), balance in self._balances.items():
            sums[asset_id] = sums.get(asset_id, 0) + sum(balance)
        return sums

    def _add(self, account_id: int, asset_id: int, free: int, held: int) -> None:
        key = (account_id, asset_id)
        free_atoms, held_atoms = self._balances.get(key, _NOTHING)
        free_atoms += free
        held_atoms += held
        assert held_atoms >= 0, "more released than was held"
        assert free_atoms >= 0 or account_id in MAY_OWE, "overdrawn"
        if free_atoms or held_atoms:
            self._balances[key] = free_atoms, held_atoms
        else:
            self._balances.pop(key, None)
