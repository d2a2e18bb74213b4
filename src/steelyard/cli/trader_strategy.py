"""Finding a strategy's class by name, and calling it so that its errors stay its own.

Importing a user's module runs a user's code: that is what the name in a configuration asks
for. Modules are looked up as Python does, and in the directory that one stands in.
"""

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from steelyard.cli.strategy_code import code_line
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.trading.config import StrategyTable
from steelyard.trading.legs import check_names
from steelyard.trading.strategy import Strategy


def load_strategy(table: StrategyTable, legs: Sequence[str] = ()) -> Strategy:
    """Return the strategy that a configuration names, with its parameters.

    Raises:
        ConfigError: There is no such module or class, or the parameters are not its own, or the
            legs are not.
    """
    module_name, _, class_name = table.class_name.partition(":")
    module = _module(module_name, "class")
    found = getattr(module, class_name, None)
    if found is Strategy or not (isinstance(found, type) and issubclass(found, Strategy)):
        known = [
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy
        ]
        close = get_close_matches(class_name, known, 1) or known
        meant = f"; did you mean {close[0]}?" if close else "; it holds no strategy at all"
        raise ConfigError(f"[strategy] class: {module_name} has no strategy {class_name}{meant}")
    check_names(found, legs)
    try:
        return found(**table.params)
    except SteelyardError as error:
        raise ConfigError(f"[strategy] params: {error}") from error
    except Exception as error:
        raise ConfigError(f"[strategy] {class_name} could not be made: {error!r}") from error


def try_strategy(table: StrategyTable, legs: Sequence[str] = ()) -> None:
    """Load a strategy and forget it: whoever begins later begins with the code as it is then.

    Raises:
        ConfigError: It cannot be loaded.
    """
    module_name = table.class_name.partition(":")[0]
    was_there = module_name in sys.modules
    try:
        load_strategy(table, legs)
    finally:
        if not was_there:
            sys.modules.pop(module_name, None)


def code_of(table: StrategyTable) -> str:
    """Return what a strategy's code is, in a line (`trading.codes`); empty: there is no file.

    Raises:
        ConfigError: It imports more than can be looked at.
    """
    module_name, _, class_name = table.class_name.partition(":")
    try:
        found = getattr(_module(module_name, "class"), class_name, None)
    except ConfigError:  # who loads it says what is wrong
        return ""
    home = getattr(found, "__module__", "")
    if not getattr(sys.modules.get(home), "__file__", None):
        return ""
    try:
        return code_line(module_name, home)
    except OSError:
        return ""


def load_signals(signals: str) -> Callable[..., Any]:
    """Return the function of arrays that a configuration names as `module:function`.

    Raises:
        ConfigError: There is no such module or function.
    """
    module_name, _, name = signals.partition(":")
    module = _module(module_name, "signals")
    found = getattr(module, name, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if isfunction(value)]
        close = get_close_matches(name, known, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"[strategy] signals: {module_name} has no function {name}{meant}")
    function: Callable[..., Any] = found
    return function


def _module(name: str, key: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"[strategy] {key}: there is no module {error.name!r}; write it beside the "
            "configuration and start from that directory, or install it"
        ) from error
    except Exception as error:
        raise ConfigError(f"[strategy] {key}: importing {name} failed: {error!r}") from error


def guarded(call: Callable[[], None]) -> str | None:
    """Call a strategy; return the traceback of what it raised, from its own code on.

    Whatever it is, CancelledError too: nobody cancels within a call. Ctrl-C alone goes on.
    """
    try:
        call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 a strategy's errors are its own
        text = "".join(traceback.format_exception(error)).strip()
        return text.encode(errors="backslashreplace").decode()  # no journal takes half a letter
    return None
