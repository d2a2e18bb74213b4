"""Floors 0 to 4 are functions of (state, input, now): nothing in them reaches for the world."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.source import FLOORS_0_TO_4, Module, Names, all_modules, complain, imports, nodes

WORLD = "the shell does it, and hands down what it found"
CLOCK = "take now_ns as an argument"
CHANCE = "take a seeded random.Random as an argument"
SECRET = "entropy is handed down as a protocol"
LOG = "return what happened; shells log it"
LOOP = "return what to do next; shells wait"

# By module: whatever is in it, a machine has no use for it.
MODULES = {
    **dict.fromkeys(
        "_io ctypes dbm fcntl fileinput ftplib getpass glob imaplib io linecache locale mmap"
        " os pathlib pickle platform pkgutil poplib readline resource select selectors shelve"
        " shutil site smtplib socket socketserver sqlite3 ssl sysconfig tarfile tempfile termios"
        " tty webbrowser winreg xmlrpc zipfile importlib".split(),
        WORLD,
    ),
    **dict.fromkeys(("time", "sched", "zoneinfo", "timeit"), CLOCK),
    **dict.fromkeys(("secrets", "uuid"), SECRET),
    **dict.fromkeys(("logging", "syslog", "warnings"), LOG),
    **dict.fromkeys(
        "_thread asyncio atexit concurrent multiprocessing queue signal subprocess"
        " threading".split(),
        LOOP,
    ),
}

# By name, in modules that are otherwise fine.
CALLS = {
    **dict.fromkeys(
        ("open", "input", "exec", "eval", "compile", "breakpoint", "__import__"), WORLD
    ),
    "print": LOG,
    "io.open": WORLD,
    "gzip.open": WORLD,
    "bz2.open": WORLD,
    "lzma.open": WORLD,
    **dict.fromkeys(("urllib.request", "http.client", "http.server"), WORLD),
    **dict.fromkeys((f"sys.{name}" for name in ("argv", "stdin", "path", "modules")), WORLD),
    **dict.fromkeys(("sys.stdout", "sys.stderr"), LOG),
    **dict.fromkeys((f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")), CLOCK),
    "datetime.date.today": CLOCK,
    "random.SystemRandom": SECRET,
    "random.Random": None,  # seeded: see unseeded()
    "random": CHANCE,
    "numpy.random.default_rng": None,
    "numpy.random.Generator": None,
    "numpy.random.PCG64": None,
    "numpy.random": CHANCE,
    "hash": "hash() of a text differs from run to run: use zlib.crc32 or hashlib",
}

# (module, what it may use): why. Kept short; an entry that nothing needs any more fails a test.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("engine/choice.py", "importlib"): "asks whether the native module was built",
    ("wire/choice.py", "importlib"): "asks whether the native module was built",
    ("dialects/__init__.py", "importlib"): "finds dialects by their folders and loads one by name",
    ("dialects/native/programs.py", "importlib"): "example programs are part of the package",
}


def impurities(module: Module) -> Iterator[tuple[str, ast.AST, str]]:
    """Yield (what, where, what instead) for each reach into the world."""
    for name, node in imports(module):
        top = name.partition(".")[0]
        if top in MODULES:
            yield top, node, MODULES[top]
        elif name != "random" and (instead := verdict(name)):  # random.Random is fine
            yield name, node, instead
    names = Names(module)
    fine: set[int] = set()
    for node in nodes(module):
        match node:
            case ast.Attribute(value=inner):
                fine.add(id(inner))  # of a.b.c only the whole is judged
            case ast.FunctionDef(name="__hash__"):
                fine.update(map(id, ast.walk(node)))
            case _:
                pass
    for node in nodes(module):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield "async", node, LOOP
            case ast.Call(func=function) if unseeded(names.full(function), node):
                yield names.full(function), node, CHANCE
            case ast.Attribute() | ast.Name(ctx=ast.Load()) if id(node) not in fine:
                name = names.full(node)
                if instead := verdict(name):
                    yield name, node, instead
            case _:
                pass


@cache
def found(module: Module) -> tuple[tuple[str, ast.AST, str], ...]:
    """Return the reaches of a module, looked for once."""
    return tuple(impurities(module))


def verdict(name: str) -> str | None:
    """Return what to do instead of using a name: the longest entry that covers it decides."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        entry = ".".join(parts[:length])
        if entry in CALLS:
            return CALLS[entry]
    return None


def unseeded(name: str, call: ast.Call) -> bool:
    """Return whether a call makes a generator out of the machine's entropy."""
    makes = name in {"random.Random", "numpy.random.default_rng", "numpy.random.PCG64"}
    return makes and not call.args and not call.keywords


def complaints(module: Module) -> list[str]:
    """Return what is wrong with a module of a pure floor."""
    return [
        module.at(node, f"{what} is not for floors 0 to 4; {instead}")
        for what, node, instead in found(module)
        if (module.path, what) not in EXCEPTIONS
    ]


def test_floors_0_to_4_are_pure():
    """One seed replays everything, because nothing here can see anything else."""
    pure = [module for module in all_modules() if module.package in FLOORS_0_TO_4]
    complain([line for module in pure for line in complaints(module)], "Keep the machines pure:")


def test_exceptions_are_needed():
    """An exception that outlived its reason is taken off the list."""
    used = {(module.path, what) for module in all_modules() for what, _, _ in found(module)}
    assert set(EXCEPTIONS) <= used


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import time as t",
        "from time import monotonic",
        "def f():\n    import os",
        "from os import environ",
        "import asyncio",
        "import logging",
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "import urllib.request",
        "from urllib import request",
        "import http.client",
        "from http import server",
        "import secrets",
        "from uuid import uuid4",
        "open('x')",
        "from io import open",
        "print('x')",
        "import sys\nsys.stdout.write('x')",
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
        "from datetime import datetime as dt\ndt.now()",
        "from datetime import datetime\nclock = datetime.now",
        "import datetime as d\nd.date.today()",
        "import random\nrandom.random()",
        "import random\nrandom.shuffle([])",
        "from random import choice",
        "import random\nrng = random.Random()",
        "from random import Random\nrng = Random()",
        "import random\nrandom.SystemRandom()",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy as np\nnp.random.normal()",
        "async def f(): ...",
        "key = hash('BTC-USDT')",
    ],
)
def test_an_impurity_is_seen(line: str):
    """The rule fails where it should."""
    assert complaints(Module.of("engine/sample.py", line))


@pytest.mark.parametrize(
    "line",
    [
        "import random\nrng = random.Random(7)",
        "from random import Random\ndef f(rng: Random) -> int:\n    return rng.randrange(3)",
        "import numpy as np\nrng = np.random.default_rng(7)",
        "from datetime import UTC, datetime\nat = datetime.fromtimestamp(0, UTC)",
        "from http import HTTPStatus\nHTTPStatus.OK",
        "from urllib.parse import quote\nquote('x')",
        "import hashlib, hmac, zlib, gzip\ngzip.decompress(b'')",
        "class A:\n    def __hash__(self):\n        return hash((1, 2))",
        "class Door:\n    open: bool\ndoor = Door()\nshut = not door.open",
        "import sys\nassert sys.byteorder == 'little'",
    ],
)
def test_a_pure_line_is_fine(line: str):
    """The rule passes where it should."""
    assert complaints(Module.of("engine/sample.py", line)) == []
