"""A backtest's configuration: the same TOML file that a bot runs from, and a table [backtest].

[bot], [strategy] and [risk] mean what they mean for a bot; [venue] is not read. Percentages and
durations are text, numbers exact, an unknown key is refused with the nearest right one. It reads no
file: `data` is a path that the roof opens.
"""

import tomllib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.backtest.settings import BarPath, Closure, Delay, Settings, Tier
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import FeeAsset, MarketState
from steelyard.engine.book import QueueModel
from steelyard.trading.breakers import BreakersTable
from steelyard.trading.config import (
    OTHER_TABLES,
    BotConfig,
    BotTable,
    RiskTable,
    StrategyTable,
    check_risk,
    check_strategy,
    check_table,
    duration_ns,
    in_toml_words,
)

T = TypeVar("T")
FILE_END = ".csv"  # a delay that ends so is the path of measurements

_PATHS = {path.name.lower().replace("_", "-"): path for path in BarPath}
_QUEUES = {queue.name.lower(): queue for queue in QueueModel}
_STATES = {
    "halted": MarketState.HALTED,
    "maintenance": MarketState.MAINTENANCE,
    "cancel-only": MarketState.CANCEL_ONLY,
    "post-only": MarketState.POST_ONLY,
}


class SignalsTable(Struct, frozen=True, kw_only=True):
    """The table [strategy] where a function of arrays decides: `signals = "module:function"`."""

    signals: str
    symbol: str
    params: dict[str, Any] = {}


class FeesTable(Struct, frozen=True, kw_only=True):
    """The table [backtest.fees]; tiers are lists of volume, maker, taker."""

    maker: str = "0.1%"
    taker: str = "0.1%"
    asset: str = "quote"
    tiers: tuple[tuple[Decimal, str, str], ...] = ()


class DelayTable(Struct, frozen=True, kw_only=True):
    """The table [backtest.delay]: a duration, `off`, or a CSV file of measurements.

    The file is read at the roof, which hands what it says to `BacktestConfig.delays`.
    """

    order: str = "off"
    answer: str = "off"


class BacktestTable(
    Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to", "rounds": "round"}
):
    """The table [backtest]; docs/reference/configuration.md explains each key."""

    data: str = ""
    venue: str = ""
    interval: str = "1m"
    kind: str = "bars"
    steps: str = "listed"
    tick: Decimal | None = None
    lot: Decimal | None = None
    rounds: bool = False
    start: str = ""
    end: str = ""
    deposit: dict[str, Decimal] = {}
    fees: FeesTable = FeesTable()
    delay: DelayTable = DelayTable()
    queue: str = "pessimistic"
    path: str = "pessimistic"
    fills: str = "through"
    market_orders: str = "next-open"
    half_spread_ticks: int = 0
    slippage: str = "0%"
    impact: str = "0%"
    volume_share: str = "off"
    closed: tuple[tuple[str, str, str], ...] = ()
    rejects: str = "0%"
    seed: int = 1


class BacktestConfig(Struct, frozen=True, kw_only=True):
    """A whole configuration. risk is None where the file has no such table."""

    bot: BotTable
    strategy: StrategyTable | SignalsTable
    backtest: BacktestTable
    risk: RiskTable | None = None
    delays: dict[str, Delay] = {}  # of order and answer, where a file says them

    @property
    def settings(self) -> Settings:
        """What the run assumes.

        Raises:
            ConfigError: A value is not of its form; the message names the key.
        """
        table, fees = self.backtest, self.backtest.fees
        return Settings(
            deposits={asset.upper(): amount for asset, amount in table.deposit.items()},
            maker=percentage(fees.maker, "[backtest.fees] maker"),
            taker=percentage(fees.taker, "[backtest.fees] taker"),
            tiers=tuple(
                Tier(
                    volume,
                    percentage(maker, "[backtest.fees] tiers"),
                    percentage(taker, "[backtest.fees] tiers"),
                )
                for volume, maker, taker in fees.tiers
            ),
            fee_asset=_one_of(fees.asset, _FEE_ASSETS, "[backtest.fees] asset"),
            queue=_one_of(table.queue, _QUEUES, "[backtest] queue"),
            order_delay=self._delay("order", table.delay.order),
            answer_delay=self._delay("answer", table.delay.answer),
            path=_one_of(table.path, _PATHS, "[backtest] path"),
            fills_by_touch=_one_of(table.fills, _TOUCH, "[backtest] fills"),
            at_close=_one_of(table.market_orders, _CLOSE, "[backtest] market_orders"),
            half_spread_ticks=table.half_spread_ticks,
            slippage=percentage(table.slippage, "[backtest] slippage"),
            impact=percentage(table.impact, "[backtest] impact"),
            volume_share=_volume_share(table.volume_share),
            closures=tuple(
                Closure(
                    moment_ns(start, "[backtest] closed"),
                    moment_ns(end, "[backtest] closed"),
                    _one_of(state, _STATES, "[backtest] closed"),
                )
                for start, end, state in table.closed
            ),
            rejects=percentage(table.rejects, "[backtest] rejects"),
            seed=table.seed,
        )

    @property
    def delay_files(self) -> dict[str, str]:
        """Which delays a file says, and its path as it is written."""
        delay = self.backtest.delay
        both = {"order": delay.order, "answer": delay.answer}
        return {name: text for name, text in both.items() if text.endswith(FILE_END)}

    def _delay(self, name: str, text: str) -> Delay:
        if name in self.delays or text.endswith(FILE_END):
            return self.delays.get(name, Delay())
        return Delay.constant(duration_ns(text, f"[backtest.delay] {name}") or 0)

    @property
    def span_ns(self) -> tuple[int | None, int | None]:
        """From when to when data are played; None is from the first, to the last.

        Raises:
            ConfigError: Not a time, or the end is not after the beginning.
        """
        table = self.backtest
        start = moment_ns(table.start, "[backtest] from") if table.start else None
        end = moment_ns(table.end, "[backtest] to") if table.end else None
        if start is not None and end is not None and end <= start:
            raise ConfigError(f"[backtest] to is {table.end}, which is not after {table.start}")
        return start, end


_FEE_ASSETS = {"quote": FeeAsset.QUOTE, "received": FeeAsset.RECEIVED}
_TOUCH = {"through": False, "touch": True}
_CLOSE = {"next-open": False, "close": True}
_KINDS = ("bars", "tape")
_STEPS = ("listed", "derived")


def parse_backtest(text: str, *, needs_data: bool = True) -> BacktestConfig:
    """Return the configuration of a backtest that a TOML text holds.

    Args:
        text: The TOML.
        needs_data: Whether it must say what is played.

    Raises:
        ConfigError: Not TOML, or not one that can be run; the message names the key.
    """
    document = read_backtest(text)
    if "legs" in document:
        raise ConfigError(
            "[legs]: one instrument is played here, and the file has several; `steelyard backtest` "
            "plays them together"
        )
    return parse_tables(document, needs_data=needs_data)


def read_backtest(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text, numbers exact.

    Raises:
        ConfigError: It is not TOML.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the configuration is not TOML: {error}") from error


def parse_tables(document: dict[str, Any], *, needs_data: bool = True) -> BacktestConfig:
    """Return the configuration of a backtest of one instrument that these tables hold.

    Raises:
        ConfigError: Not one that can be run; the message names the key.
    """
    _check_keys(document)
    document = dict(document)
    document.pop("venue", None)
    is_signals = "signals" in document.get("strategy", {})
    bot = _converted(document, "bot", BotTable)
    strategy: StrategyTable | SignalsTable
    if is_signals:
        strategy = _converted(document, "strategy", SignalsTable)
    else:
        strategy = _converted(document, "strategy", StrategyTable)
    table = _converted(document, "backtest", BacktestTable)
    risk = _converted(document, "risk", RiskTable) if "risk" in document else None
    # Those of a bot: a backtest has none, but a mistake in them is one here too.
    _ = _converted(document, "breakers", BreakersTable).rules
    symbol = strategy.symbol.replace("/", "-").upper()
    strategy = replace(strategy, symbol=symbol)
    if isinstance(strategy, StrategyTable):
        check_strategy(strategy)
    elif ":" not in strategy.signals:
        raise ConfigError(
            f'[strategy] signals is {strategy.signals!r}; write "module:function", such as '
            '"trend:signals"'
        )
    if risk is not None:
        check_risk(risk)
    if table.steps not in _STEPS:
        raise ConfigError(f"[backtest] steps is {table.steps!r}; it must be listed or derived")
    if table.kind not in _KINDS:
        raise ConfigError(f"[backtest] kind is {table.kind!r}; it must be bars or tape")
    if needs_data and not table.data and not table.venue:
        raise ConfigError(
            "[backtest] says neither data (a file) nor venue (of the catalog: `steelyard data "
            "list` shows what is there)"
        )
    config = BacktestConfig(bot=bot, strategy=strategy, backtest=table, risk=risk)
    _ = config.settings, config.span_ns  # each says what is wrong with it
    return config


def _converted(document: dict[str, Any], name: str, kind: type[T]) -> T:
    try:
        return msgspec.convert(document.get(name, {}), kind)
    except msgspec.ValidationError as error:
        said = str(error).replace(" - at `$", f" - at `$.{name}")
        if " - at `" not in said:
            said += f" - at `$.{name}`"
        for number in ("decimal", "float", "int"):
            said = said.replace(
                f"Expected `str`, got `{number}`",
                'Expected text with its unit, such as "0.1%" or "20ms", and got a bare number',
            )
        raise ConfigError(in_toml_words(said)) from error


def _check_keys(document: dict[str, Any]) -> None:
    check_table(document, (*BotConfig.__struct_encode_fields__, *OTHER_TABLES), "")
    tables: dict[str, tuple[str, ...]] = {
        "bot": BotTable.__struct_encode_fields__,
        "strategy": (*StrategyTable.__struct_encode_fields__, "signals"),
        "risk": RiskTable.__struct_encode_fields__,
        "breakers": BreakersTable.__struct_encode_fields__,
        "backtest": BacktestTable.__struct_encode_fields__,
    }
    for name, known in tables.items():
        if isinstance(table := document.get(name), dict):
            check_table(table, known, f"[{name}] ")
    table = document.get("backtest", {})
    for name, kind in (("fees", FeesTable), ("delay", DelayTable)):
        if isinstance(table, dict) and isinstance(part := table.get(name), dict):
            check_table(part, kind.__struct_encode_fields__, f"[backtest.{name}] ")


def percentage(text: str, where: str) -> Decimal:
    """Return a percentage such as `0.1%` or `-0.005%` as a fraction.

    Raises:
        ConfigError: Not of that form, or beyond 100 %.
    """
    try:
        percent = Decimal(text.removesuffix("%").strip()) if text.endswith("%") else None
    except InvalidOperation:
        percent = None
    if percent is None or not percent.is_finite() or abs(percent) > 100:  # noqa: PLR2004
        raise ConfigError(f'{where} is {text!r}; write a percentage, such as "0.1%"')
    return percent.scaleb(-2)


def _volume_share(text: str) -> Decimal:
    if text == "off":
        return Decimal(0)
    share = percentage(text, "[backtest] volume_share")
    if share <= 0:
        raise ConfigError(
            f'[backtest] volume_share is {text!r}, of which nothing could trade; write "off" for '
            'any size, or a share such as "10%"'
        )
    return share


def moment_ns(text: str, where: str) -> int:
    """Return a moment such as `2026-11-21` or `2026-11-21T10:30:00Z`; without a zone it is UTC.

    Raises:
        ConfigError: Not of that form.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f'{where} is {text!r}; write a time, such as "2026-11-21" or "2026-11-21T10:30:00Z"'
        ) from error
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(zoned.timestamp()) * SECOND_NS + zoned.microsecond * 1_000


def _one_of(text: str, known: dict[str, Any], where: str) -> Any:
    if text not in known:
        raise ConfigError(f"{where} is {text!r}; it must be {' or '.join(known)}")
    return known[text]
