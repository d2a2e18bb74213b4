"""A key is tried at its venue: what it may do, whose account it opens, or that it opens nothing.

It asks as a bot does and trades nothing. Where a key cannot be tried is an error, never a guess.
"""

from pathlib import Path
from typing import NamedTuple

from steelyard.cli.inquirer import Inquirer
from steelyard.cli.key_audit import judged
from steelyard.cli.trade import configure
from steelyard.domain.errors import ConfigError, ConnectionLost
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    Refused,
)
from steelyard.net.loop import run_loop
from steelyard.trading.config import (
    BotConfig,
    BotTable,
    Environment,
    RiskTable,
    StrategyTable,
    VenueTable,
)
from steelyard.trading.keyaudit import KeyAudit
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.vault.kept import Secret, Terms
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, NotSent

ANY_SYMBOL = "BTC-USDT"


class Look(NamedTuple):
    """What came of trying a key.

    denied is why the venue does not accept it, in which case nothing else is known; created_ns is
    when the venue says that it was made; account and assets are whose it is, as far as it says.
    """

    denied: str | None
    audit: KeyAudit | None = None
    created_ns: int | None = None
    assets: frozenset[int] | None = None


def place_of(reference: str, terms: Terms, file: Path | None) -> BotConfig:
    """Return where a key is tried: by a bot's configuration, or by its terms.

    Raises:
        ConfigError: Neither says where.
    """
    if file is not None:
        return configure(file)
    if not (terms.dialect and terms.rest and terms.ws):
        raise ConfigError(
            f"{reference}: where it can be tried is not known; name the bot's configuration: "
            "--config FILE"
        )
    # The one with the most at stake: what a bot would be refused there is no key for it.
    named = [it for it in Environment if it.value in terms.environments]
    environment = named[-1] if named else Environment.SANDBOX
    return BotConfig(
        bot=BotTable(name=terms.bot or "vault", environment=environment),
        venue={"main": VenueTable(dialect=terms.dialect, key="", rest=terms.rest, ws=terms.ws)},
        strategy=StrategyTable(class_name="none:None", symbol=terms.symbol or ANY_SYMBOL),
        risk=_ANY_RISK,
    )


_ANY_RISK = RiskTable(max_order_notional=1, max_position=1, max_open_orders=1, price_collar="1%")  # type: ignore[arg-type]


def look(config: BotConfig, secret: Secret) -> Look:
    """Try a key, and judge it as the bot will at its start.

    Raises:
        ConfigError: The venue cannot be used so, or its private key cannot be read.
        ConnectionLost: The venue does not answer, or answers what proves nothing of the key.
    """
    return run_loop(_looked(config, secret.api_key()))


async def _looked(config: BotConfig, key: ApiKey) -> Look:
    inquirer = Inquirer(config, key)
    try:
        await inquirer.start()
        await inquirer.read_clock()
        await inquirer.answer(InstrumentsQuery(), "its markets")
        outcome = await inquirer.send(AccountQuery(OWN_ACCOUNT))
        if isinstance(outcome, NotSent) and outcome.is_denied:
            return Look(outcome.why)
        if not isinstance(outcome, Answered):
            raise ConnectionLost(f"the venue does not tell the account: {outcome.why}")
        account = outcome.answer
        if isinstance(account, Refused):
            raise ConnectionLost(f"the venue does not tell the account: {account.message}")
        permissions = await inquirer.answer(KeyQuery(key.key), "what the key may do")
    finally:
        await inquirer.close()
    found = judged(config, permissions, account, inquirer.venue_now_ns())
    created_ns = permissions.created_ns if isinstance(permissions, KeyAnswer) else None
    assets = None
    if isinstance(account, AccountAnswer):
        assets = frozenset(it.asset_id for it in account.balances)
    return Look(None, found, created_ns or None, assets)
