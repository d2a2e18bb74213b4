"""Imports only go down: the table of floors, read by the test instead of by reviewers."""

import sys

import pytest

from tests.house.source import FLOORS_0_TO_3, FLOORS_0_TO_4, Module, all_modules, complain, imports

FACADE = ""  # steelyard/__init__.py itself, and the names it offers
SHELLS = frozenset({"net", "store", "vault", "observe"})
DATA = frozenset({"data"})
BRIDGES = frozenset({"bridge"})
ROOF = frozenset({"__main__", "cli", "connection", "dashboard", "testing"})

MAY_IMPORT: dict[str, frozenset[str] | set[str]] = {
    # 0
    "domain": set(),
    # 1
    "wire": {"domain"},
    "engine": {"domain"},
    # 2
    "dialects": {"domain", "wire"},
    # 3
    "exchange": {"domain", "wire", "engine", "dialects"},
    "trading": {"domain", "wire", "dialects"},
    "tax": {"domain"},
    # 4
    "strategies": {"domain", "trading"},
    "backtest": FLOORS_0_TO_3,
    "sim": FLOORS_0_TO_3 | {"backtest"},
    # shells move bytes and do not know what they mean
    **{shell: {"domain", "wire"} for shell in SHELLS},
    # market data on disk is read by dialects, and handed to a backtest in its own form
    **{shell: {"domain", "wire", "dialects", "backtest"} for shell in DATA},
    # so do those to other processes, but they know the messages: one end is a trader's
    **{bridge: {"domain", "wire"} for bridge in BRIDGES},
    # the roof knows all, and nobody but the roof knows it
    **{roof: FLOORS_0_TO_4 | SHELLS | DATA | BRIDGES | ROOF | {FACADE} for roof in ROOF},
    # `import steelyard` shows what a strategy's author needs, and starts nothing
    FACADE: {"domain", "trading", "strategies"},
}

# The binding crate is one module with several faces; these packages have a twin in it.
MAY_IMPORT_NATIVE = {"engine", "wire", "trading", "backtest", "sim", "net", "store", *ROOF}

THIRD_PARTY = {
    **{floor: {"msgspec", "numpy", "polars", "talib"} for floor in FLOORS_0_TO_4},
    **{floor: {"msgspec"} for floor in FLOORS_0_TO_3 | {FACADE}},
}


def violations(module: Module) -> list[str]:
    """Return where a module imports what its floor must not know."""
    package = module.package
    if package not in MAY_IMPORT:
        return [module.at(module.tree, f"package {package} has no floor: add it to MAY_IMPORT")]
    found = []
    for name, node in imports(module):
        top, _, below = name.partition(".")
        target = below.partition(".")[0]
        if package in DATA and target == "backtest" and not below.startswith("backtest.columns"):
            allowed = False  # the form of data, and nothing of what is done with it
        elif top != "steelyard":
            allowed = top in sys.stdlib_module_names or top in THIRD_PARTY.get(package, {top})
        elif target == "_native":
            allowed = package in MAY_IMPORT_NATIVE
        else:
            target = target if target in MAY_IMPORT else FACADE
            allowed = target == package or target in MAY_IMPORT[package]
        if not allowed:
            found.append(module.at(node, f"{package or 'steelyard'} must not import {name}"))
    return found


def foreign_venues(module: Module) -> list[str]:
    """Return where a dialect looks into the folder of another."""
    *folders, _ = module.path.split("/")
    if folders[:1] != ["dialects"] or folders == ["dialects"]:
        return []
    own = folders[1]
    found = []
    for name, node in imports(module):
        match name.split("."):
            case ["steelyard", "dialects", venue, *_] if venue != own:
                found.append(module.at(node, f"{own} must not look into {venue}: {name}"))
            case _:
                pass
    return found


def test_imports_only_go_down():
    """No module of the package imports upwards, sideways, or a library its floor does without."""
    complain(
        [line for module in all_modules() for line in violations(module)],
        "Move the code, or hand the thing down as an argument:",
    )


def test_dialects_do_not_know_each_other():
    """A venue can be deleted by deleting its folder."""
    complain(
        [line for module in all_modules() for line in foreign_venues(module)],
        "What two venues share belongs into wire:",
    )


def test_exchange_and_trading_meet_nowhere_below_the_roof_but_in_backtest_and_sim():
    """Followed to the end, the table keeps the two halves apart."""

    def reach(package: str) -> set[str]:
        return {package}.union(*(reach(lower) for lower in MAY_IMPORT[package]))

    both = {name for name in FLOORS_0_TO_4 if {"exchange", "trading"} <= reach(name)}
    assert both == {"backtest", "sim"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("domain/order.py", "from steelyard.wire.http import Request"),
        ("domain/order.py", "from steelyard import wire"),
        ("domain/order.py", "import polars"),
        ("domain/order.py", "def f():\n    import steelyard.engine"),
        ("domain/order.py", "from steelyard import _native"),
        ("domain/order.py", "from steelyard import __version__"),
        ("domain/order.py", "from ..engine import book"),
        ("wire/http.py", "import steelyard.engine"),
        ("dialects/okx/orders.py", "from steelyard.engine import Engine"),
        ("exchange/gate.py", "from steelyard.trading.risk import check"),
        ("trading/risk.py", "from steelyard.exchange.gate import Gate"),
        ("trading/risk.py", "from steelyard.engine.book import Book"),
        ("strategies/grid.py", "from steelyard.exchange import feed"),
        ("backtest/fills.py", "from steelyard.net.http import serve"),
        ("bridge/child.py", "from steelyard.trading.actions import Role"),
        ("net/http.py", "from steelyard.dialects.okx import DIALECT"),
        ("data/catalog.py", "from steelyard.backtest.result import Result"),
        ("data/catalog.py", "from steelyard.exchange.listings import LISTINGS"),
        ("data/recorder.py", "from steelyard.net.client import WebSocketClient"),
        ("store/journal.py", "from steelyard.data.catalog import Catalog"),
        ("net/http.py", "from steelyard.store.journal import Files"),
        ("store/journal.py", "from steelyard.cli import config"),
        ("__init__.py", "from steelyard.net import clock"),
        ("kitchen/sink.py", "import json"),
    ],
)
def test_a_step_up_is_seen(path: str, line: str):
    """The rule fails where it should."""
    assert violations(Module.of(path, line))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("domain/order.py", "import msgspec, decimal\nfrom steelyard.domain.units import Ticks"),
        ("engine/native.py", "from steelyard._native import Engine"),
        ("sim/world.py", "from steelyard.exchange.gate import Gate\nimport steelyard.trading"),
        ("strategies/rsi.py", "import talib, numpy as np"),
        ("net/http.py", "import asyncio, uvloop, httptools"),
        ("cli/demo.py", "from steelyard.dashboard import server\nimport steelyard"),
        ("__main__.py", "from steelyard.cli.main import main"),
        ("testing.py", "import pytest"),
        ("__init__.py", "from steelyard.trading.strategy import Strategy"),
    ],
)
def test_a_step_down_is_fine(path: str, line: str):
    """The rule passes where it should."""
    assert violations(Module.of(path, line)) == []


def test_a_look_into_another_venue_is_seen():
    """Only its own folder is open to a dialect, at any depth."""
    line = "from steelyard.dialects.binance.auth import sign"
    assert foreign_venues(Module.of("dialects/okx/auth.py", line))
    assert foreign_venues(
        Module.of("dialects/okx/auth.py", "from steelyard.dialects import kraken")
    )
    assert foreign_venues(Module.of("dialects/binance/spot/orders.py", line)) == []
    assert foreign_venues(Module.of("dialects/__init__.py", line)) == []
