"""What a dialect costs outside of its folder: where else a venue is named, and why.

Words count, not comments: names in the code and texts that it has, but no docstrings. A venue that
is named in one more place has cost more than its folder; that place stands here with its reason, or
the venue's word goes home.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.source import SRC, Module, all_modules

BRIDGE = "rows of what is known of exchanges behind the bridge"
SIMULATED = "what a simulated world is drawn from: how often each venue, and what it does otherwise"
FOLDERS = {
    "binance": ("binance",),
    "bybit": ("bybit",),
    "coinbase": ("coinbase_exchange", "coinbase_advanced"),
    "kraken": ("kraken",),
    "kucoin": ("kucoin",),
    "okx": ("okx",),
    "weex": ("weex",),
}
OUTSIDE: dict[str, dict[str, str]] = {
    "coinbase": {
        "bridge/venues.py": BRIDGE,
        "cli/limit_profiles.py": "a profile of limits that a tutorial has, by its name",
        "exchange/common_passwords.py": "a password that people have",
        "sim/plan.py": SIMULATED,
    },
    "bybit": {"bridge/keys.py": BRIDGE, "bridge/venues.py": BRIDGE},
    "kraken": {
        "bridge/keys.py": BRIDGE,
        "bridge/venues.py": BRIDGE,
        "sim/plan.py": SIMULATED,
        "trading/config.py": "an example in what it says to a user",
    },
    "kucoin": {
        "bridge/keys.py": BRIDGE,
        "bridge/venues.py": BRIDGE,
    },
    "okx": {
        "bridge/keys.py": BRIDGE,
        "bridge/venues.py": BRIDGE,
    },
    "binance": {
        "bridge/keys.py": BRIDGE,
        "bridge/venues.py": BRIDGE,
        "cli/demo.py": "the demo's bot has to speak something",
        "cli/limit_profiles.py": "an example of a file",
        "cli/market_source.py": "recordings are of this venue",
        "sim/plan.py": SIMULATED,
    },
}


def words_of(module: Module) -> Iterator[str]:
    """Yield names and texts of a module, in lower case; no docstrings."""
    said = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in said:
                yield text.lower()
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name.lower()
            case ast.ImportFrom(module=str(name)) | ast.alias(name=name):
                yield name.lower()
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name.lower()


@cache
def all_words() -> dict[str, str]:
    """Return the words of each module that says anything of a venue at all, as one text."""
    texts = {module.path: (SRC / module.path).read_text().lower() for module in all_modules()}
    return {
        module.path: "\n".join(words_of(module))
        for module in all_modules()
        if any(word in texts[module.path] for word in OUTSIDE)
    }


def named_outside(word: str) -> set[str]:
    """Return the modules outside of a venue's folder that name it."""
    homes = tuple(f"dialects/{folder}/" for folder in FOLDERS[word])
    return {
        path
        for path, words in all_words().items()
        if word in words and not path.startswith((*homes, "examples/"))
    }


@pytest.mark.parametrize("word", OUTSIDE)
def test_a_venue_is_named_in_its_folder_and_where_there_is_a_reason(word):
    assert named_outside(word) == set(OUTSIDE[word])


def test_nothing_of_the_exchange_the_engine_or_the_trader_knows_a_venue():
    """Whatever is said to a user and whatever people have for a password apart."""
    words = {"exchange/common_passwords.py", "trading/config.py"}
    for word in OUTSIDE:
        rooms = {path.partition("/")[0] for path in named_outside(word) - words}
        assert rooms <= {"bridge", "cli", "sim"}, word


def test_a_name_a_text_and_an_import_are_found_and_a_docstring_is_not():
    sample = (
        '"""Of lemon."""\nfrom lemonade import pip\n\n\ndef f(x):\n    """A lemon."""\n    y = 1\n'
    )
    assert not any(word == "of lemon." for word in words_of(Module.of("a.py", sample)))
    assert any("lemon" in word for word in words_of(Module.of("a.py", sample)))
    assert not any("lemon" in w for w in words_of(Module.of("a.py", '"""Lemon."""\nx = 1\n')))
