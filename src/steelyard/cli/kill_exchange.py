"""What the exchange of the directory does for the kill switch where the bot's key is not here.

Its administration cancels all of the bot's account and counts; and it issues a key for what needs
one, which is revoked when the kill is over, however that ends, and never written down. The account
is found by the bot's own key. Apart from `kill`, which starts without what an exchange is made of.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from steelyard.cli.administration import administer, running_ports
from steelyard.dashboard.bot_process import document_of
from steelyard.domain.errors import SteelyardError, UsageError
from steelyard.domain.messages import MINUTE_NS, Scope
from steelyard.exchange.admin import CancelOrders
from steelyard.exchange.issuing import CreateKey, ListKeys, RevokeKey
from steelyard.wire.dialect import ApiKey

LABEL = "kill switch"
LIFETIME_NS = 60 * MINUTE_NS  # then it is worthless, should nobody be left to revoke it


def cancel_at_exchange(data: Path, bot: str) -> dict[str, Any]:
    """Have the exchange cancel all of a bot's account, and count.

    Raises:
        UsageError: The bot's key is not one of it, or it cannot be asked.
    """
    return administer(data, CancelOrders(_account(data, bot)))


@contextmanager
def issued_key(data: Path, bot: str, dialect: str) -> Iterator[ApiKey]:
    """Return a key of the bot's account that is good until the block ends.

    Raises:
        UsageError: It does not run, or the bot's own key is not one of it.
    """
    if not running_ports(data):
        raise UsageError("the exchange of this data directory does not run; start it")
    scopes = (Scope.READ, Scope.TRADE)
    account = _account(data, bot)
    call = CreateKey(account, dialect, scopes, lifetime_ns=LIFETIME_NS, label=LABEL)
    made = administer(data, call)
    try:
        yield ApiKey(made["key"], made["secret"].encode(), made["passphrase"] or "")
    finally:
        with suppress(SteelyardError):  # what became of the kill is more than this; it ends anyway
            administer(data, RevokeKey(made["key"]))


def _account(data: Path, bot: str) -> str:
    own = document_of(data, bot).get("key")
    for known in administer(data, ListKeys())["keys"]:
        if own and known["key"] == own:
            return str(known["account"])
    raise UsageError("the bot's key is not one of the exchange in this data directory")
