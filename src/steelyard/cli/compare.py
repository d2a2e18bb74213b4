"""`steelyard compare`: a bot's day beside a backtest of what its trader recorded that day."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from shutil import copyfileobj
from time import perf_counter
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from steelyard.backtest.columns import BarColumns, Source, Tape
from steelyard.backtest.config import BacktestConfig, SignalsTable, parse_backtest
from steelyard.backtest.live import Line, Part, Tolerance
from steelyard.backtest.liveday import LiveRun, runs_of
from steelyard.backtest.replayday import Replayed, Rules, replay
from steelyard.backtest.settings import Settings
from steelyard.cli.options import Common, parse_duration_ns
from steelyard.cli.report_files import write
from steelyard.cli.terminal import shown
from steelyard.cli.trader_strategy import guarded, load_strategy
from steelyard.data.loading import load
from steelyard.data.reading import Wanted
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.journal import gapless
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import FeeAsset
from steelyard.domain.units import ATOMS_PER_UNIT, from_atoms, in_full, plain
from steelyard.engine.book import QueueModel
from steelyard.store.datadir import bot_directories
from steelyard.store.journal import read_records
from steelyard.store.recorder import PATTERN
from steelyard.trading.breakers import OFF
from steelyard.trading.config import StrategyTable, parse_percentage
from steelyard.trading.records import codec
from steelyard.trading.risk import Limits

DONE, CHECK_FAILED = 0, 1
SCHEMA = 1
LATE_NS = SECOND_NS  # a recording may begin so much after the strategy without a word
WORST = 20  # lines that are printed; the file has all
_EVERYONE = Common()
_HERE = Path("backtests")
_STAMP = "%Y%m%dT%H%M%SZ"


def compare(
    bot: str,
    /,
    *,
    day: str,
    config: Path | None = None,
    out: Path = _HERE,
    bound: Decimal = Decimal(0),
    within: str = "1s",
    price_ticks: Annotated[int, Parameter(name="--price-ticks")] = 0,
    common: Common = _EVERYONE,
) -> int:
    """Replay a day that a bot recorded, and say where live and backtest part.

    The difference in profit is split into latency, fees, missed fills, price and bug, which add up
    to it exactly. The bot needs record_market = true in its [bot]. The exit code is 1 if what
    bugs have moved, to either side, is more than a bound, or the strategy failed.

    Examples: steelyard compare dip --day 2026-11-22 |
    steelyard compare dip --day 2026-11-22 --config dip.toml --bound 0.5

    Parameters
    ----------
    bot
        The bot's name, as `steelyard status` shows it.
    day
        Which day, in UTC, such as 2026-11-22.
    config
        A configuration for what the journal does not say, such as fees in [backtest], and instead
        of the strategy that it does say.
    out
        The folder for the document (JSON), which is named after the bot and the day.
    bound
        How much in quote the orders that only one of them wanted may have moved, signs aside.
    within
        How far apart in time live and backtest may want the same order.
    price_ticks
        How many ticks apart they may want it.
    """
    from_ns, to_ns = _day_ns(day)
    tolerance = Tolerance(parse_duration_ns(within), price_ticks)
    if price_ticks < 0 or bound < 0:
        raise UsageError("--price-ticks and --bound must not be negative")
    folder = _folder(common.directory, bot)
    runs = _runs(folder, from_ns, to_ns, day)
    files = tape_files(folder / "tape", min(run.begin_ns for run in runs), to_ns)
    if not files:
        raise ConfigError(
            f"bot {bot} has no recording of {day} in {folder / 'tape'}: set record_market = true "
            "in [bot], and the next days can be compared"
        )
    configured = None if config is None else read_config(config)
    with joined(files) as path:
        found = [_replayed(run, path, configured, tolerance, bot) for run in runs]
    document = _document(bot, day, runs, found, bound, tolerance)
    write(out / f"{bot}-{day}.json", msgspec.json.format(msgspec.json.encode(document)))
    if common.json:
        print(msgspec.json.encode(document).decode(), flush=True)
    else:
        show(document, out / f"{bot}-{day}.json")
    is_bad = Decimal(document["bug_size"]) > bound or document["failures"]
    return CHECK_FAILED if is_bad else DONE


# -- what there is ---------------------------------------------------------------------------


def _day_ns(text: str) -> tuple[int, int]:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"--day {text!r} is no day; write it as 2026-11-22") from error
    begin, end = (int(at.timestamp()) * SECOND_NS for at in (day, day + timedelta(days=1)))
    return begin, end


def _folder(data: Path, bot: str) -> Path:
    known = bot_directories(data)
    if bot not in known:
        names = ", ".join(known) or "none"
        raise UsageError(f"{data} has no bot {bot!r}; it has: {names}. Choose another --data?")
    return data / "bots" / bot


def _runs(folder: Path, from_ns: int, to_ns: int, day: str) -> list[LiveRun]:
    decode = codec().decode
    records = [*gapless((decode(*entry) for entry in read_records(folder / "journal")), 0)]
    found = runs_of(records, from_ns, to_ns)
    if not found:
        days = sorted({_time_text(record.time_ns)[:10] for record in records})
        had = f"its journal is of {days[0]} to {days[-1]}" if days else "its journal is empty"
        raise UsageError(f"{folder.name} did not trade on {day}; {had}")
    return found


def tape_files(folder: Path, from_ns: int, to_ns: int) -> list[Path]:
    """Return the recordings of a time, oldest first; one is of the time until the next begins."""
    begun = []
    for path in sorted(folder.glob(PATTERN)):
        stamp = path.name.split("-")[1]
        begin = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        begun.append((int(begin.timestamp()) * SECOND_NS, path))
    ends = [begin_ns for begin_ns, _ in begun[1:]] + [to_ns]
    return [
        path
        for (begin_ns, path), end_ns in zip(begun, ends, strict=True)
        if begin_ns < to_ns and end_ns > from_ns - SECOND_NS
    ]


@contextmanager
def joined(files: list[Path]) -> Iterator[Path]:
    """Give files of gzip as one, which they are when put behind each other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / files[0].name
        with path.open("wb") as whole:
            for file in files:
                with file.open("rb") as part:
                    copyfileobj(part, whole)
        yield path


def read_config(path: Path) -> BacktestConfig:
    """Return a configuration, whose [backtest] need not say any data.

    Raises:
        ConfigError: It cannot be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        found = parse_backtest(text, needs_data=False)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if isinstance(found.strategy, SignalsTable):
        raise ConfigError(f"{path}: arrays decide there, and no bot trades by arrays")
    return found


# -- playing it again ---------------------------------------------------------------------------


class _Found(msgspec.Struct):
    """One run, played again."""

    replayed: Replayed
    source: Source
    settings: Settings
    notes: list[str]


def _replayed(
    run: LiveRun, path: Path, config: BacktestConfig | None, tolerance: Tolerance, bot: str
) -> _Found:
    loaded = load(
        path,
        Wanted(symbol=run.instrument.symbol),
        listed={run.instrument.symbol: run.instrument},
    )
    if isinstance(loaded.data, BarColumns):
        raise ConfigError(f"the recording of {bot} has bars and no tape")
    notes = list(run.missing)
    notes += _tape_notes(run, loaded.data, loaded.source)
    settings = _settings(run, config, notes)
    rules = Rules(lambda: load_strategy(_strategy(run, config)), settings, *_limits(run, config))
    if rules.make().history_bars:
        notes.append(
            f"the strategy wants {rules.make().history_bars} bars of the past, which the live one "
            "asked the venue for; the backtest waits for so many bars of the recording"
        )
    replayed = replay(run, loaded.data, rules, tolerance, perf_counter, guarded)
    return _Found(replayed, loaded.source, settings, notes)


def _tape_notes(run: LiveRun, tape: Tape, source: Source) -> list[str]:
    """Return what the recording lacks of a run, and what that hides."""
    notes = []
    first = next((int(block["time_ns"][0]) for block in tape.blocks() if len(block)), 0)
    before = [order for order in run.orders if order.wanted_ns < first]
    if before or first > run.begin_ns + LATE_NS:
        notes.append(
            f"the recording begins at {_time_text(first)}, after the strategy was started at "
            f"{_time_text(run.begin_ns)}: {len(before)} orders until then are not explained"
        )
    for begin_ns, end_ns in source.gaps:
        if begin_ns < run.end_ns and end_ns > run.begin_ns:
            hidden = [it for it in run.orders if begin_ns <= it.wanted_ns <= end_ns]
            notes.append(
                f"the recording lacks frames from {_time_text(begin_ns)} to {_time_text(end_ns)}; "
                f"{len(hidden)} live orders were wanted then, and fills of others may be hidden"
            )
    return notes


def _settings(run: LiveRun, config: BacktestConfig | None, notes: list[str]) -> Settings:
    instrument = run.instrument
    has_fees = config is not None and config.backtest.fees != type(config.backtest.fees)()
    deposits = {
        name: plain(from_atoms(run.balances[asset_id]))
        for asset_id, name in (
            (instrument.base_asset_id, instrument.base),
            (instrument.quote_asset_id, instrument.quote),
        )
        if run.balances.get(asset_id, 0) > 0
    }
    if config is None:
        settings = Settings(deposits=deposits, queue=QueueModel.PROPORTIONAL)
    else:
        settings = config.settings
        deposits = settings.deposits or deposits
    if not deposits:
        deposits = {instrument.quote: Decimal(1_000_000), instrument.base: Decimal(1_000)}
        notes.append("the account's balances are not known; the backtest has plenty")
    is_received = any(fill.fee_base_atoms for order in run.orders for fill in order.fills)
    fee_asset = FeeAsset.RECEIVED if is_received else settings.fee_asset
    if not has_fees:
        notes.append(
            "no [backtest.fees] is given: 0.1 % maker and taker are assumed; --config says others"
        )
    return msgspec.structs.replace(settings, deposits=deposits, fee_asset=fee_asset)


def _strategy(run: LiveRun, config: BacktestConfig | None) -> StrategyTable:
    if config is not None and isinstance(config.strategy, StrategyTable):
        return config.strategy
    started = run.started
    texts = dict(started.parameters)
    table = StrategyTable(class_name=started.strategy, symbol=started.symbol)
    # The journal has parameters as text; what is none by its type is read as one.
    numbers: dict[str, Any] = dict(texts)
    for name, text in texts.items():
        if text in ("True", "False"):
            numbers[name] = text == "True"
        elif text.lstrip("-").isdecimal():
            numbers[name] = int(text)
    made = msgspec.structs.replace(table, params=numbers)
    for params in (texts, numbers):
        with suppress(ConfigError):
            made = msgspec.structs.replace(table, params=params)
            load_strategy(made)
            return made
    try:
        load_strategy(made)
    except ConfigError as error:
        raise ConfigError(
            f"{started.strategy} cannot be made again by what the journal has of it: {error}. "
            "Give the configuration by --config, and start from the directory of the strategy"
        ) from error
    return made


def _limits(run: LiveRun, config: BacktestConfig | None) -> tuple[Limits | None, Decimal | None]:
    if config is not None and config.risk is not None:
        return config.risk.limits, config.risk.stop_loss_share
    told = run.limits
    if "risk.max_order_notional" not in told:
        return None, None
    limits = Limits(
        Decimal(told["risk.max_order_notional"]),
        Decimal(told["risk.max_position"]),
        int(told["risk.max_open_orders"]),
        parse_percentage(told["risk.price_collar"], "[risk] price_collar"),
    )
    stop = told.get("risk.stop_loss", OFF)
    return limits, None if stop == OFF else parse_percentage(stop, "[risk] stop_loss")


# -- what came of it ---------------------------------------------------------------------------


def _document(
    bot: str,
    day: str,
    runs: list[LiveRun],
    found: list[_Found],
    bound: Decimal,
    tolerance: Tolerance,
) -> dict[str, Any]:
    """Return everything that was found; amounts are exact texts in quote."""
    splits = [each.replayed.split for each in found]
    parts = {part: sum((it.parts[part] for it in splits), Fraction(0)) for part in Part}
    lines = [line for it in splits for line in it.lines]
    lines.sort(key=lambda line: (-abs(line.atoms), line.time_ns))
    live = sum((it.live for it in splits), Fraction(0))
    backtest = sum((it.backtest for it in splits), Fraction(0))
    return {
        "schema": SCHEMA,
        "bot": bot,
        "day": day,
        "currency": runs[0].instrument.quote,
        "live": amount(live),
        "backtest": amount(backtest),
        "gap": amount(live - backtest),
        "parts": {part.value: amount(atoms) for part, atoms in parts.items()},
        # Bugs to either side do not make up for each other.
        "bug_size": amount(sum((abs(it.atoms) for it in lines if it.part is Part.BUG), Fraction())),
        "bound": in_full(plain(bound)),
        "tolerance": {"ns": tolerance.time_ns, "price_ticks": tolerance.price_ticks},
        "pairs": sum(it.pairs for it in splits),
        "failures": [text for each in found for text in each.replayed.failures],
        "notes": [note for each in found for note in each.notes],
        "runs": [_run_document(*both) for both in zip(runs, found, strict=True)],
        "lines": [_line_document(line) for line in lines],
    }


def _run_document(run: LiveRun, found: _Found) -> dict[str, Any]:
    mark = found.replayed.mark
    return {
        "run": run.started.run,
        "strategy": run.started.strategy,
        "begin": _time_text(run.begin_ns),
        "end": _time_text(run.end_ns),
        "orders": {"live": len(run.orders), "backtest": len(found.replayed.orders)},
        "refused": {"live": run.refused, "backtest": found.replayed.refused},
        "order_delay": run.delay.text,
        "mark": in_full(plain(mark.instrument.price(mark.half_ticks) / 2)),
        "recording": {"name": found.source.name, "sha256": found.source.sha256},
    }


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "part": line.part.value,
        "live": line.live,
        "backtest": line.backtest,
        "time": _time_text(line.time_ns) if line.time_ns else "",
        "amount": amount(line.atoms),
        "text": line.text,
    }


def show(document: dict[str, Any], file: Path) -> None:
    """Print a document as tables: the split, what is missing, and the worst orders."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    currency = document["currency"]
    for name in ("live", "backtest", "gap"):
        table.add_row(name, f"{document[name]} {currency}")
    for name, value in document["parts"].items():
        table.add_row(f"  {name}", f"{value} {currency}")
    console.print(table)
    orders = [run["orders"] for run in document["runs"]]
    counts = [sum(each[side] for each in orders) for side in ("live", "backtest")]
    console.print(
        f"\n{counts[0]} live orders, {counts[1]} of the backtest, {document['pairs']} in both; "
        f"order delay {document['runs'][0]['order_delay']}"
    )
    for note in document["notes"]:
        console.print(f"- {shown(note)}")
    for failure in document["failures"]:
        console.print(f"! the strategy failed in the backtest: {shown(failure)}")
    if lines := document["lines"][:WORST]:
        worst = Table("part", "amount", "wanted", "order", box=None, pad_edge=False)
        for line in lines:
            name = line["live"] or line["backtest"]
            text = shown(f"{name}: {line['text']}" if name else line["text"])
            worst.add_row(line["part"], line["amount"], line["time"], text)
        console.print()
        console.print(worst)
    if len(document["lines"]) > WORST:
        console.print(f"and {len(document['lines']) - WORST} more in the file")
    console.print(f"\n{shown(str(file))}")


def amount(atoms: Fraction) -> str:
    """Return quote atoms in units, exactly."""
    units = atoms / ATOMS_PER_UNIT
    power = 0
    while units.denominator != 1 and power < DIGITS_MAX:
        units *= 10
        power += 1
    text = str(abs(int(units))).rjust(power + 1, "0")
    whole, part = (text[:-power], text[-power:].rstrip("0")) if power else (text, "")
    return f"{'-' if units < 0 else ''}{whole}{'.' + part if part else ''}"


DIGITS_MAX = 60  # a step is a power of ten, and its half has one digit more


def _time_text(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{time_ns % SECOND_NS // 1_000_000:03}Z"
