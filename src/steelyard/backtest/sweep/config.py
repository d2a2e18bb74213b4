"""The table `[sweep]` of a configuration as checked values, or a sentence that says what is wrong.

It stands in the same file as `[backtest]` and `[strategy]`. Nothing is guessed: an unknown key is
refused with the nearest right one. How many work on it, and for how long a trial may take, changes
no result; everything else belongs to a sweep's identity.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.backtest.sweep.figures import Objective, parse_objective
from steelyard.backtest.sweep.search import TRIALS_MAX
from steelyard.backtest.sweep.splits import WalkForward
from steelyard.domain.errors import ConfigError
from steelyard.trading.duration import Duration

CONSTRAINTS_MAX = 50
WORKERS_MAX = 1_024
BATCH = 8
BATCH_MAX = 1_000
SEED_MAX = 2**32 - 1
_WORKERS_OF_RESULTS = ("workers", "timeout")  # what no result depends on


class Method(StrEnum):
    """How trials are chosen."""

    GRID = "grid"
    RANDOM = "random"
    OPTUNA = "optuna"


class WalkForwardTable(Struct, frozen=True, kw_only=True):
    """The table [sweep.walk_forward]: durations, such as 90d.

    Without step it is test; without purge as long as the strategy looks back; horizon is for how
    long what it measures may stay open.
    """

    train: str
    test: str
    step: str = ""
    purge: str = ""
    embargo: str = ""
    horizon: str = ""
    anchored: bool = False

    def walk(self, reach_ns: int) -> WalkForward:
        """Return it in nanoseconds; reach_ns is the purge where none is given."""
        test_ns = _ns(self.test, "test")
        return WalkForward(
            train_ns=_ns(self.train, "train"),
            test_ns=test_ns,
            step_ns=_ns(self.step, "step") or test_ns,
            purge_ns=_ns(self.purge, "purge") or reach_ns,
            embargo_ns=_ns(self.embargo, "embargo"),
            is_anchored=self.anchored,
        )

    @property
    def horizon_ns(self) -> int:
        """For how long what it measures may stay open; 0 if that is not said."""
        return _ns(self.horizon, "horizon")


class SweepTable(Struct, frozen=True, kw_only=True):
    """The table [sweep]. workers 0 is one for each core; trials is for random and optuna."""

    params: dict[str, Any]
    method: Method = Method.GRID
    objective: str = "sharpe"
    direction: str | None = None
    trials: int = 0
    seed: int = 1
    batch: int = BATCH
    trades_min: int = 0
    constraints: tuple[str, ...] = ()
    workers: int = 0
    timeout: str = "10m"
    walk_forward: WalkForwardTable | None = None

    @property
    def ranked_by(self) -> Objective:
        """The objective with its direction."""
        return parse_objective(self.objective, self.direction)

    @property
    def timeout_ns(self) -> int:
        """How long a trial may take."""
        return _ns(self.timeout, "timeout", "[sweep]")

    @property
    def identity(self) -> dict[str, str]:
        """What its results depend on, by key."""
        tables = msgspec.to_builtins(self, str_keys=True)
        return {
            f"sweep.{name}": value
            if isinstance(value, str)
            else msgspec.json.encode(value).decode()
            for name, value in tables.items()
            if name not in _WORKERS_OF_RESULTS
        }


def parse_sweep(document: Mapping[str, Any]) -> SweepTable:
    """Return the table of a configuration that was read from TOML.

    Raises:
        ConfigError: It is missing, or not one that can be run; the message names the key.
    """
    table = document.get("sweep")
    if not isinstance(table, dict):
        raise ConfigError(
            "[sweep] is missing; write one, such as: [sweep.params] fast = [5, 10, 20]"
        )
    _check_keys(table, SweepTable.__struct_encode_fields__, "[sweep] ")
    if isinstance(walk := table.get("walk_forward"), dict):
        _check_keys(walk, WalkForwardTable.__struct_encode_fields__, "[sweep.walk_forward] ")
    try:
        sweep = msgspec.convert(table, SweepTable)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_toml_words(str(error))) from error
    _check(sweep)
    return sweep


def _check(sweep: SweepTable) -> None:
    _ = sweep.ranked_by, sweep.timeout_ns  # each says what is wrong with it
    if sweep.walk_forward is not None:
        _ = sweep.walk_forward.walk(1), sweep.walk_forward.horizon_ns
    needs_trials = sweep.method is not Method.GRID
    if needs_trials and sweep.trials == 0:
        raise ConfigError(f'[sweep] method "{sweep.method}" needs trials: how many to run')
    if not needs_trials and sweep.trials:
        raise ConfigError(
            '[sweep] trials is for method = "random" or "optuna"; a grid runs all combinations'
        )
    for name, least, most in (
        ("trials", 0, TRIALS_MAX),
        ("seed", 0, SEED_MAX),
        ("batch", 1, BATCH_MAX),
        ("trades_min", 0, TRIALS_MAX),
        ("workers", 0, WORKERS_MAX),
    ):
        if not least <= getattr(sweep, name) <= most:
            raise ConfigError(
                f"[sweep] {name} is {getattr(sweep, name)}; from {least} to {most:,} are possible"
            )
    if len(sweep.constraints) > CONSTRAINTS_MAX:
        raise ConfigError(f"[sweep] has over {CONSTRAINTS_MAX} constraints")


def _ns(text: str, key: str, where: str = "[sweep.walk_forward]") -> int:
    if not text and key not in {"train", "test", "timeout"}:
        return 0
    try:
        return Duration(text).ns
    except ConfigError as error:
        raise ConfigError(f"{where} {key}: {error}") from error


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"
            raise ConfigError(f"{where}{key!r} is not a key of the configuration; {meant}")


def _in_toml_words(message: str) -> str:
    """Return a validation error with its place as one writes it in TOML."""
    said, _, path = message.partition(" - at `")
    path = "sweep" + path.rstrip("`").removeprefix("$")
    table, _, key = path.rpartition(".")
    where = f"[{table}] {key}" if table else f"[{key}]"
    return f"{where}: {said[:1].lower()}{said[1:]}"
