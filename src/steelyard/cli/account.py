"""`steelyard account`: open accounts on an exchange, fund them, look into them.

Works while the exchange runs (it is asked over loopback, with the token of its directory) and
while it does not (its directory is opened and the same command appended).
"""

from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_amounts
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.exchange.admin import BalanceOf, CreateAccount, DepositTo, ListAccounts

_EVERYONE = Common()


def create_account(
    name: str,
    /,
    *,
    deposit: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    common: Common = _EVERYONE,
) -> int:
    """Open an account.

    Example: steelyard account create alice --deposit USDT=10000 BTC=0.5

    Parameters
    ----------
    name
        A name of letters, digits, - and _.
    deposit
        What it starts with, as ASSET=AMOUNT; repeat or list several.
    """
    result = administer(common.directory, CreateAccount(name, parse_amounts(deposit or [])))
    common.show(result, f"opened account [bold]{shown(name)}[/]\n" + _table(result))
    return 0


def deposit_account(name: str, /, *amount: str, common: Common = _EVERYONE) -> int:
    """Deposit into an account.

    Example: steelyard account deposit alice USDT=500

    Parameters
    ----------
    name
        The account.
    amount
        ASSET=AMOUNT, one or more.
    """
    if not amount:
        raise UsageError(
            f"say how much of what: steelyard account deposit {name} USDT=500 (ASSET=AMOUNT, one "
            "or more)"
        )
    result = administer(common.directory, DepositTo(name, parse_amounts(list(amount))))
    common.show(result, _table(result))
    return 0


def balance_account(name: str, /, *, common: Common = _EVERYONE) -> int:
    """Show what is in an account.

    Parameters
    ----------
    name
        The account.
    """
    result = administer(common.directory, BalanceOf(name))
    common.show(result, _table(result))
    return 0


def list_account(*, common: Common = _EVERYONE) -> int:
    """List every account with its balances."""
    result = administer(common.directory, ListAccounts())
    texts = [f"[bold]{shown(a['account'])}[/]\n{_table(a)}" for a in result["accounts"]]
    common.show(result, "\n".join(texts) or "no accounts yet; `steelyard account create NAME`")
    return 0


def _table(account: dict[str, Any]) -> str:
    rows = [
        f"  {asset:<6} {balance['free']:>20} free {balance['held']:>16} held"
        for asset, balance in sorted(account["balances"].items())
    ]
    return "\n".join(rows) or "  nothing in it; `steelyard account deposit`"
