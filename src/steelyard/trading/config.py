"""A bot's configuration: the TOML text as checked values, or a sentence that says what is wrong.

Nothing is guessed: an unknown key is refused with the nearest right one, a limit that is left
out is missing, not unlimited. Numbers are exact. Where no real money is meant both addresses are
loopback; whether a bot has earned an environment is asked elsewhere (`ladder.py`). Reads no file
and no secret: `key` is a reference that the roof follows, and `class` a name that it looks up.
"""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError, UnitError
from steelyard.domain.hosts import is_loopback
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import in_full, parse_decimal
from steelyard.trading.alerting import AlertsTable
from steelyard.trading.breakers import OFF, Breaker, BreakersTable
from steelyard.trading.channels import Budgets
from steelyard.trading.duration import Duration
from steelyard.trading.keyaudit import Waiver
from steelyard.trading.leasetable import LeaseTable, usable
from steelyard.trading.orders import MINUTE_MAX
from steelyard.trading.protection import LostStop
from steelyard.trading.risk import Limits
from steelyard.trading.strangers import ForeignOrders
from steelyard.trading.sweep import Bounds
from steelyard.wire.capabilities import ACCEPTABLE

NAME_MAX = 40
DEAD_MAN_MIN_NS = 10 * SECOND_NS
OTHER_TABLES = ("backtest", "sweep")  # of the same file, which those commands read
BRIDGED = "ccxt:"  # before the name that a library has for an exchange
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Environment(StrEnum):
    """How far a bot reaches; the later ones have to be earned."""

    BACKTEST = "backtest"
    SANDBOX = "sandbox"
    PAPER = "paper"
    LIVE_CANARY = "live-canary"
    LIVE = "live"


HERE = frozenset({Environment.SANDBOX, Environment.PAPER})  # orders stay on this machine


class OnStop(StrEnum):
    """What happens to open orders when the bot is stopped."""

    CANCEL = "cancel"
    KEEP = "keep"


class OnError(StrEnum):
    """What happens when the strategy raises. Its orders are looked after either way."""

    PAUSE = "pause"  # it is not called again, and nothing new is ordered until a restart
    KILL = "kill"  # the kill switch is pressed too: its orders are canceled


class BotTable(Struct, frozen=True, kw_only=True):
    """The table [bot].

    adopt_position is what of the account's base the bot takes over as its position.
    """

    name: str
    environment: Environment
    on_stop: OnStop = OnStop.CANCEL
    foreign_orders: ForeignOrders = ForeignOrders.LEAVE
    adopt_position: Decimal = Decimal(0)
    record_market: bool = False
    record_market_max_mb: int = 1_000


class VenueTable(Struct, frozen=True, kw_only=True):
    """The table [venue.main]; rest and ws may be left out where settings say where to trade.

    account is any name: bots of this host with the same one share an account's limits there.
    kill_key is where the kill switch has its own key; left out, it uses the bot's. dead_man is how
    long after the bot was last well the venue cancels everything of the account, where it can.
    stale_... are how long a channel is good without a word or a proof, skew_max is how far this
    host's clock may be from the venue's at the start: durations. waive is what of the key's audit
    a person takes upon himself where real money is at stake.
    """

    dialect: str
    key: str
    rest: str = ""
    ws: str = ""
    account: str = ""
    kill_key: str = ""
    dead_man: str = OFF
    stale_book: str = "10s"
    stale_trades: str = "1m"
    stale_private: str = "2m"
    skew_max: str = "1m"
    settings: dict[str, Any] = {}
    settings_file: str = ""
    accept: tuple[str, ...] = ()
    waive: tuple[str, ...] = ()

    @property
    def budgets(self) -> Budgets:
        """How old the channels may be."""
        texts = (self.stale_book, self.stale_trades, self.stale_private)
        return Budgets(*(Duration(text).ns for text in texts))

    @property
    def skew_max_ns(self) -> int:
        """How far this host's clock may be from the venue's."""
        return Duration(self.skew_max).ns

    @property
    def dead_man_ns(self) -> int | None:
        """After how long the venue is to cancel everything; None: it is not asked to."""
        return duration_ns(self.dead_man, "[venue.main] dead_man")

    @property
    def where(self) -> str:
        """Where a bot trades, in a line: a kill of another place stops nothing."""
        return " ".join(filter(None, (self.dialect, self.rest, self.settings_file)))

    @property
    def is_bridged(self) -> bool:
        """Whether the venue is behind a bridge, and not a dialect of ours."""
        return self.dialect.startswith(BRIDGED)


class StrategyTable(Struct, frozen=True, kw_only=True, rename={"class_name": "class"}):
    """The table [strategy]."""

    class_name: str
    symbol: str
    params: dict[str, Any] = {}
    on_error: OnError = OnError.PAUSE


class RiskTable(Struct, frozen=True, kw_only=True):
    """The table [risk]: numbers as text, percentages and durations as such; `off` is without."""

    max_order_notional: Decimal
    max_position: Decimal
    max_open_orders: int
    price_collar: str
    max_order_age: str = OFF
    max_order_distance: str = OFF
    cancel_when_blind: str = "60s"
    stop_loss: str = OFF
    lost_stop: LostStop = LostStop.REPLACE
    # Each a number, exact whether written as one or as text, or `off`.
    max_order_size: Any = OFF
    max_orders_per_minute: Any = OFF
    max_daily_loss: Any = OFF
    max_drawdown: Any = OFF
    max_gross_exposure: Any = OFF
    max_leverage: Any = OFF

    @property
    def limits(self) -> Limits:
        """The limits in numbers."""
        per_minute = self._number("max_orders_per_minute")
        if per_minute is not None and (per_minute % 1 or per_minute > MINUTE_MAX):
            raise ConfigError(
                f"[risk] max_orders_per_minute is {in_full(per_minute)}; write a whole number up "
                f'to {MINUTE_MAX}, or "{OFF}"'
            )
        return Limits(
            self.max_order_notional,
            self.max_position,
            self.max_open_orders,
            parse_percentage(self.price_collar, "[risk] price_collar"),
            self._number("max_order_size"),
            None if per_minute is None else int(per_minute),
            self._number("max_daily_loss"),
            self._number("max_gross_exposure"),
            self._number("max_leverage"),
        )

    @property
    def drawdown(self) -> Decimal | None:
        """How far profit may fall from its highest before the kill switch is pressed; in quote."""
        return self._number("max_drawdown")

    def _number(self, key: str) -> Decimal | None:
        return parse_number(getattr(self, key), f"[risk] {key}")

    @property
    def bounds(self) -> Bounds:
        """How stale an order may become."""
        return Bounds(
            duration_ns(self.max_order_age, "[risk] max_order_age"),
            _percentage(self.max_order_distance, "[risk] max_order_distance"),
            duration_ns(self.cancel_when_blind, "[risk] cancel_when_blind"),
        )

    @property
    def stop_loss_share(self) -> Decimal | None:
        """How far from its average price a position has its stop, as a fraction."""
        return _percentage(self.stop_loss, "[risk] stop_loss")


class BotConfig(Struct, frozen=True, kw_only=True):
    """A whole configuration."""

    bot: BotTable
    venue: dict[str, VenueTable]
    strategy: StrategyTable
    risk: RiskTable
    breakers: BreakersTable = BreakersTable()
    alerts: AlertsTable = AlertsTable()
    lease: LeaseTable = LeaseTable()
    # What each leg of its strategy trades, by name; `legconfig` fills it in. Empty: one instrument.
    legs: dict[str, str] = {}

    @property
    def main(self) -> VenueTable:
        """The venue to trade on."""
        return self.venue["main"]

    @property
    def limits(self) -> Limits:
        """The limits in numbers."""
        return self.risk.limits

    @property
    def bounds(self) -> Bounds:
        """How stale an order may become."""
        return self.risk.bounds

    @property
    def stop_loss(self) -> Decimal | None:
        """How far from its average price a position has its stop, as a fraction."""
        return self.risk.stop_loss_share

    @property
    def in_force(self) -> dict[str, str]:
        """Limits and policies by name, as they are journaled."""
        tables = {"bot": self.bot, "risk": self.risk}
        rules = self.breakers.rules
        return (
            {
                f"{name}.{key}": str(getattr(table, key))
                for name, table in tables.items()
                for key in table.__struct_fields__
                if key != "name"
            }
            | {"strategy.on_error": self.strategy.on_error.value}
            | {
                f"breakers.{breaker}": rules[breaker].words if breaker in rules else OFF
                for breaker in Breaker
            }
        )


_TABLES: dict[str, type[Struct]] = {
    "bot": BotTable,
    "strategy": StrategyTable,
    "risk": RiskTable,
    "breakers": BreakersTable,
    "alerts": AlertsTable,
    "lease": LeaseTable,
}


def parse_config(text: str) -> BotConfig:
    """Return the configuration that a TOML text holds.

    Raises:
        ConfigError: Not TOML, or not a configuration that can be run; the message names the key.
    """
    document = read_toml(text)
    if "legs" in document:
        raise ConfigError(
            "[legs]: this command takes a bot of one instrument; `steelyard trade` runs legs, and "
            "each of them is a bot by the name of the bot, a dash and its own"
        )
    return parse_document(document)


def read_toml(text: str) -> dict[str, Any]:
    """Return a TOML text as a document.

    Raises:
        ConfigError: It is none.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the configuration is not TOML: {error}") from error


def parse_document(document: Mapping[str, Any]) -> BotConfig:
    """Return the configuration that a document holds.

    Raises:
        ConfigError: It is none that can be run; the message names the key.
    """
    _check_keys(document)
    try:
        config = msgspec.convert(document, BotConfig)
        # The ccxt spelling is taken and not kept: a bot's journal knows one.
        symbol = config.strategy.symbol.replace("/", "-").upper()
        strategy = msgspec.structs.replace(config.strategy, symbol=symbol)
        config = msgspec.structs.replace(config, strategy=strategy)
    except msgspec.ValidationError as error:
        raise ConfigError(in_toml_words(str(error))) from error
    _check_bot(config.bot)
    _check_holdings(config.bot)
    _check_venue(config)
    check_strategy(config.strategy)
    check_risk(config.risk)
    _ = config.breakers.rules  # each says what is wrong with it
    config.alerts.check()
    config.lease.check()
    return config


def parse_for_kill(text: str) -> BotConfig:
    """Return as much of a configuration as it takes to stop the bot: who it is, and where.

    A mistake in what the strategy or the limits need is no reason not to stop it.

    Raises:
        ConfigError: Not TOML, or it does not say where the bot trades.
    """
    return parse_document_for_kill(read_toml(text))


def parse_document_for_kill(document: Mapping[str, Any]) -> BotConfig:
    """Return the same from a document.

    Raises:
        ConfigError: It does not say where the bot trades.
    """
    try:
        return parse_document(document)
    except ConfigError as error:
        try:
            bot, strategy = document["bot"], document["strategy"]
            reduced = {
                "bot": {"name": bot["name"], "environment": bot["environment"]},
                "venue": document["venue"],
                "strategy": {"class": "none:None", "symbol": strategy["symbol"]},
                "risk": _ANY_RISK,
                "lease": usable(document.get("lease")),
            }
            config = msgspec.convert(reduced, BotConfig)
            _check_bot(config.bot)
            _check_venue(config)
        except (msgspec.ValidationError, KeyError, TypeError):
            raise error from None
        return config


_ANY_RISK = {
    "max_order_notional": "1",
    "max_position": "1",
    "max_open_orders": 1,
    "price_collar": "1%",
}


def parse_percentage(text: str, where: str) -> Decimal:
    """Return a percentage such as `2%` as a fraction.

    Raises:
        ConfigError: Not of that form, or not above 0 and up to 100.
    """
    try:
        percent = Decimal(text.removesuffix("%").strip()) if text.endswith("%") else None
    except InvalidOperation:
        percent = None
    if percent is None or not percent.is_finite() or not 0 < percent <= 100:  # noqa: PLR2004
        raise ConfigError(f'{where} is {text!r}; write a percentage up to 100%, such as "2%"')
    return percent.scaleb(-2)


def parse_number(value: Any, where: str) -> Decimal | None:
    """Return a number above zero, written as one or as text, or None for `off`.

    Raises:
        ConfigError: It is neither.
    """
    if value == OFF:
        return None
    number = None
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        with suppress(UnitError, InvalidOperation):
            number = parse_decimal(value) if isinstance(value, str) else Decimal(value)
    if number is None or not number.is_finite():
        raise ConfigError(f'{where} is {value!r}; write a number such as "1000", or "{OFF}"')
    if number <= 0:
        raise ConfigError(
            f'{where} is {in_full(number)}; it must be above zero, or "{OFF}" for no limit'
        )
    return number


def _percentage(text: str, where: str) -> Decimal | None:
    return None if text == OFF else parse_percentage(text, where)


def duration_ns(text: str, where: str) -> int | None:
    """Return a duration, or None for `off`.

    Raises:
        ConfigError: It is neither.
    """
    if text == OFF:
        return None
    try:
        return Duration.of(text).ns
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}, or "{OFF}"') from error


def _check_keys(document: Mapping[str, Any]) -> None:
    check_table(document, (*BotConfig.__struct_encode_fields__, *OTHER_TABLES), "")
    for name, kind in _TABLES.items():
        if isinstance(table := document.get(name), dict):
            check_table(table, kind.__struct_encode_fields__, f"[{name}] ")
    venues = document.get("venue")
    if isinstance(venues, dict):
        check_table(venues, ("main",), "[venue] ")
        for name, table in venues.items():
            if isinstance(table, dict):
                check_table(table, VenueTable.__struct_encode_fields__, f"[venue.{name}] ")


def check_table(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse a table with a key that is not known.

    Raises:
        ConfigError: The message names the key, and the nearest one that is known.
    """
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"
            raise ConfigError(f"{where}{key!r} is not a key of the configuration; {meant}")


def in_toml_words(message: str) -> str:
    """Return a validation error with its place as one writes it in TOML."""
    said, _, path = message.partition(" - at `")
    path = path.rstrip("`").removeprefix("$").removeprefix(".")
    if path.startswith("venue"):
        path = path.replace("venue[...]", "venue.main")
    table, _, key = path.rpartition(".")
    where = f"[{table}] {key}" if table else f"[{key}]" if key else "the configuration"
    return f"{where}: {said[:1].lower()}{said[1:]}"


def is_name(name: str) -> bool:
    """Return whether a bot may be called so: its directory and files are."""
    # With a dash in front it would be taken for an option: `steelyard kill --flatten`.
    is_option = name.startswith("-")
    return 0 < len(name) <= NAME_MAX and _NAME_LETTERS.issuperset(name) and not is_option


def _check_bot(bot: BotTable) -> None:
    if not is_name(bot.name):
        raise ConfigError(
            f"[bot] name is {bot.name!r}; use up to {NAME_MAX} of a-z, 0-9, - and _: "
            "it names a directory"
        )
    if bot.environment is Environment.BACKTEST:
        raise ConfigError(
            '[bot] environment is "backtest", which `steelyard backtest` runs; write "sandbox", '
            'or "paper" where the exchange follows a real market'
        )


def _check_holdings(bot: BotTable) -> None:
    if not bot.adopt_position.is_finite() or bot.adopt_position < 0:
        raise ConfigError(
            f"[bot] adopt_position is {bot.adopt_position}; write how much of the account's base "
            'the bot takes over, such as "0.5"'
        )
    if bot.record_market_max_mb < 1:
        raise ConfigError("[bot] record_market_max_mb must be 1 or more")


def _check_venue(config: BotConfig) -> None:
    if "main" not in config.venue:
        raise ConfigError("[venue.main] is missing; it says where to trade")
    venue = config.main
    for key in ("stale_book", "stale_trades", "stale_private", "skew_max"):
        try:
            Duration(getattr(venue, key))
        except ConfigError as error:
            raise ConfigError(f"[venue.main] {key}: {error}") from error
    if venue.dead_man_ns is not None and venue.dead_man_ns < DEAD_MAN_MIN_NS:
        raise ConfigError(
            f'[venue.main] dead_man is "{venue.dead_man}"; it must be 10s or more, because a third '
            "of it passes between two proofs that the bot is well"
        )
    _check_bridge(venue, config.bot.environment)
    if venue.is_bridged and config.bot.environment not in HERE:
        raise ConfigError(
            f'[bot] environment is "{config.bot.environment}", and {venue.dialect} is behind a '
            "bridge: with real money only the dialects of steelyard are spoken so far"
        )
    for waiver in venue.waive:
        if waiver not in set(Waiver):
            raise ConfigError(
                f"[venue.main] waive has {waiver!r}; what can be waived of a key with real money "
                f"is {', '.join(Waiver)}"
            )
    if venue.is_bridged and config.bot.record_market:
        raise ConfigError(
            "[bot] record_market keeps the frames of a dialect's stream; a bridge has none"
        )
    if venue.is_bridged and not venue.rest:
        return
    for key, address, schemes in (
        ("rest", venue.rest, ("http", "https")),
        ("ws", venue.ws, ("ws", "wss")),
    ):
        where = f"[venue.main] {key}"
        try:
            parts = urlsplit(address)
            host, has_port = parts.hostname or "", parts.port is not None
            is_address = bool(host) and parts.scheme in schemes
        except ValueError:
            host, has_port, is_address = "", False, False
        if not is_address:
            raise ConfigError(
                f'{where} is {address!r}; write an address such as "{schemes[0]}://127.0.0.1:8601"'
            )
        if config.bot.environment not in HERE:
            if not is_loopback(host) and not address.startswith(f"{schemes[1]}:"):
                raise ConfigError(
                    f"{where} is {address!r}; a real venue is spoken to by {schemes[1]} only"
                )
            continue
        if not is_loopback(host):
            raise ConfigError(
                f"{where} is {address!r}, which is not this machine; in the environment "
                f'"{config.bot.environment}" orders go to 127.0.0.1 only'
            )
        if not has_port:
            raise ConfigError(f"{where} is {address!r}; add the port that `steelyard env` prints")


def _check_bridge(venue: VenueTable, environment: Environment) -> None:
    """Check what a bridge has and a dialect has not, and the other way round."""
    for name in venue.accept:
        if name not in ACCEPTABLE:
            raise ConfigError(
                f"[venue.main] accept has {name!r}; what can be accepted is {', '.join(ACCEPTABLE)}"
            )
    if not venue.is_bridged:
        for key, value in (("rest", venue.rest), ("ws", venue.ws)):
            if not value:
                raise ConfigError(f"[venue.main]: object missing required field `{key}`")
        if venue.settings or venue.settings_file:
            raise ConfigError(
                f'[venue.main] settings are for a bridge, such as dialect = "{BRIDGED}kraken"; '
                f"the dialect {venue.dialect!r} has none"
            )
        return
    name = venue.dialect.removeprefix(BRIDGED)
    if not name or len(name) > NAME_MAX or not (name.isascii() and name.isalnum()):
        raise ConfigError(
            f"[venue.main] dialect is {venue.dialect!r}; write {BRIDGED} and the name that ccxt "
            f'has for the exchange, such as "{BRIDGED}kraken"'
        )
    if bool(venue.rest) is not bool(venue.ws):
        raise ConfigError("[venue.main] rest and ws go together: give both, or settings with urls")
    if not (venue.rest or venue.settings or venue.settings_file):
        raise ConfigError(
            f'[venue.main] rest and ws are missing; in the environment "{environment}" orders go '
            "to 127.0.0.1 only, so say where: rest and ws, or settings with urls"
        )


def is_here(address: str) -> bool:
    """Return whether an address is of this machine; what is none is not."""
    try:
        return is_loopback(urlsplit(address).hostname or "")
    except ValueError:
        return False


def check_strategy(strategy: StrategyTable) -> None:
    """Refuse what names no class.

    Raises:
        ConfigError: It is not of the form module:Class.
    """
    module, colon, name = strategy.class_name.partition(":")
    if not (colon and name.isidentifier() and all(p.isidentifier() for p in module.split("."))):
        raise ConfigError(
            f'[strategy] class is {strategy.class_name!r}; write "module:Class", such as '
            '"steelyard.strategies:DipBuyer"'
        )


def check_risk(risk: RiskTable) -> None:
    """Refuse limits that are none.

    Raises:
        ConfigError: The message names the limit.
    """
    for key, number in (
        ("max_order_notional", risk.max_order_notional),
        ("max_position", risk.max_position),
        ("max_open_orders", risk.max_open_orders),
    ):
        if not Decimal(number).is_finite() or number <= 0:
            raise ConfigError(f"[risk] {key} is {in_full(Decimal(number))}; it must be above zero")
    # Each says what is wrong with it.
    _ = risk.limits, risk.bounds, risk.stop_loss_share, risk.drawdown
