"""Deposits and withdrawals as they are pushed: `deposit-info` and `withdrawal-info`; server end.

The feed says that something came, went or is locked. What that was, a connection looks up a little
later, once all is booked, on the list that REST has of it; it tells what is not as it was.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import asdict

from steelyard.dialects.okx import wallet
from steelyard.dialects.okx.channels import DEPOSITS, WITHDRAWALS, wanted_of
from steelyard.dialects.okx.stream import push
from steelyard.dialects.okx.text import ms
from steelyard.dialects.okx.wallet_messages import (
    Deposit,
    PushedDeposit,
    PushedWithdrawal,
    TransfersRequest,
    Withdrawal,
)
from steelyard.wire.dialect import Auth, Credentials, Door, Endpoint, SessionRefused

Row = Deposit | Withdrawal


def _listed(path: str) -> Endpoint:
    """Return a list as a session asks for it: it counts as nothing."""
    (found,) = (each for each in wallet.ENDPOINTS if each.path.endswith(path))
    return found._replace(auth=Auth.KEY, weight=lambda _request: 0)


LISTS = {DEPOSITS: _listed("/deposit-history"), WITHDRAWALS: _listed("/withdrawal-history")}


class TransferNews:
    """What one subscription has told of an account's transfers.

    Args:
        form: The subscription's.
        door: The connection's.
        login: Whose transfers; it has been proven.
        now_ns: Returns the exchange's time.
    """

    def __init__(
        self, form: str, door: Door, login: Credentials, now_ns: Callable[[], int]
    ) -> None:
        self._form, self._door, self._login, self._now_ns = form, door, login, now_ns
        self._wanted = wanted_of(form)
        self._told = {number_of(row): row.state for row in self._look()}
        self._is_due = False

    def heard(self, _payload: bytes) -> Sequence[bytes]:
        """Take note that there is something to look up; tell nothing yet."""
        self._is_due = True
        return ()

    def told(self) -> Sequence[bytes]:
        """Return a push for each transfer that is not as it was, oldest first."""
        if not self._is_due:
            return ()
        self._is_due = False
        return [push(self._form, (self._pushed(row),)) for row in self._fresh()]

    def _look(self) -> Sequence[Row]:
        vouched = self._login._replace(timestamp_ns=self._now_ns())
        try:
            answer = self._door.call(LISTS[self._wanted.channel], TransfersRequest, lambda: vouched)
        except SessionRefused:
            return ()  # its key is worth nothing any more, and the connection with it
        rows: Sequence[Row] = answer.data
        return rows

    def _fresh(self) -> list[Row]:
        found = [
            row
            for row in reversed(self._look())
            if self._wanted.ccy in ("", row.ccy) and self._told.get(number_of(row)) != row.state
        ]
        self._told |= {number_of(row): row.state for row in found}
        return found

    def _pushed(self, row: Row) -> PushedDeposit | PushedWithdrawal:
        more: dict[str, Any] = {"pTime": ms(self._now_ns())}
        kind = PushedDeposit if isinstance(row, Deposit) else PushedWithdrawal
        return kind(**asdict(row), **more)


def number_of(row: Row) -> str:
    """Return the number of a transfer."""
    return row.depId if isinstance(row, Deposit) else row.wdId
