"""`steelyard account transfer`: deposits and withdrawals that are announced, then decided."""

from typing import Any

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_amounts, shown_time
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.exchange.bookkeeping import (
    BookkeepingCall,
    EndTransfer,
    ListTransfers,
    OpenTransfers,
)

_EVERYONE = Common()


def transfer_account(name: str, /, *what: str, common: Common = _EVERYONE) -> int:
    """Announce a deposit or withdrawal, list them, confirm or cancel one.

    A deposit is there when it is confirmed. A withdrawal's amount is held from the moment it is
    asked for, leaves when it is confirmed, and is free again when it is canceled.

    Examples: steelyard account transfer alice USDT=-500 |
    steelyard account transfer alice list | steelyard account transfer alice confirm 3

    Parameters
    ----------
    name
        The account.
    what
        ASSET=AMOUNT, one or more, negative for a withdrawal; or list (default), confirm ID,
        cancel ID.
    """
    result = administer(common.directory, parse_call(name, what))
    common.show(result, _text(result))
    return 0


def parse_call(name: str, what: tuple[str, ...]) -> BookkeepingCall:
    """Return the call that the words ask for.

    Raises:
        UsageError: They ask for none; the message shows what they may be.
    """
    match what:
        case () | ("list",):
            return ListTransfers(name)
        case ("confirm" | "cancel" as verb, number) if number.isascii() and number.isdigit():
            return EndTransfer(name, int(number), done=verb == "confirm")
        case _:
            if all("=" in word for word in what):
                return OpenTransfers(name, parse_amounts([*what]))
            raise UsageError(
                f"{' '.join(what)!r} should be ASSET=AMOUNT (USDT=-500 withdraws), list, "
                "confirm ID or cancel ID"
            )


def _text(result: dict[str, Any]) -> str:
    colours = {"pending": "yellow", "done": "green", "canceled": "dim"}
    lines = [f"[bold]{shown(result['account'])}[/]"]
    lines += [
        f"  {t['transfer_id']:>6}  {t['what']:<10} {t['amount']:>20} {t['asset']:<6} "
        f"[{colours[t['state']]}]{t['state']}[/]  {shown_time(t['changed'])}"
        for t in result["transfers"]
    ]
    return "\n".join(lines) if result["transfers"] else f"{lines[0]}\n  no transfers yet"
