"""Each module of the user's behind a strategy is in its code; what is installed is not."""

import sys
import zipfile
from importlib.util import spec_from_file_location

import pytest

from steelyard.cli import strategy_code
from steelyard.cli.trader_strategy import code_of
from steelyard.domain.errors import ConfigError
from steelyard.trading.codes import difference
from steelyard.trading.config import StrategyTable

FILES = {
    "own_bots/__init__.py": "from own_bots.dip import Dip\n",
    "own_bots/dip.py": """
import math
import msgspec
from steelyard.trading.strategy import Strategy
from . import lines
from .deep import rules as kept

class Dip(Strategy):
    def on_start(self):
        import own_tools.late
""",
    "own_bots/lines.py": "import own_bots.dip  # in a circle\n",
    "own_bots/deep/__init__.py": "",
    "own_bots/deep/rules.py": "from .. import lines\n",
    "own_bots/unused.py": "",
    "own_tools/late.py": "def (\n",
    "site-packages/installed_thing.py": "",
}
TABLE = StrategyTable(class_name="own_bots:Dip", symbol="BTC-USDT", params={})
COUNTED = [
    "own_bots/dip.py",
    "own_bots/__init__.py",
    "own_bots/deep/__init__.py",
    "own_bots/deep/rules.py",
    "own_bots/lines.py",
    "own_tools/late.py",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("own_bots", "own_tools"):
            del sys.modules[name]


def names(line):
    return [part.partition("=")[0] for part in line.split()]


def test_the_code_is_what_its_imports_lead_to(here):
    """Relative ones, circles, packages, and those inside of a function; the class's file first."""
    line = code_of(TABLE)
    assert names(line) == [*COUNTED, "steelyard"]
    assert "own_tools.late" not in sys.modules, "nothing is run for it"


@pytest.mark.parametrize("name", COUNTED)
def test_another_line_in_any_of_them_is_another_strategy(here, name):
    before = code_of(TABLE)
    with (here / name).open("a") as file:
        file.write("# other\n")
    assert difference(before, code_of(TABLE)) == f"{name} has been changed"


def test_what_is_not_the_strategys_is_not_looked_at(here):
    """A file beside it that nothing imports, and what is installed."""
    before = code_of(TABLE)
    (here / "own_bots" / "unused.py").write_text("x = 1\n")
    with (here / "own_bots" / "lines.py").open("a") as file:
        file.write("import installed_thing\n")
    first = code_of(TABLE)
    assert difference(before, first) == "own_bots/lines.py has been changed"
    (here / "site-packages" / "installed_thing.py").write_text("x = 1\n")
    assert code_of(TABLE) == first


def test_a_strategy_of_ours_is_its_file_and_our_version():
    ready = StrategyTable(class_name="steelyard.strategies:DipBuyer", symbol="X-Y", params={})
    first, ours = names(code_of(ready))
    assert (first.startswith("steelyard/strategies/"), ours) == (True, "steelyard")


def test_more_files_than_can_be_looked_at_are_refused(here, monkeypatch):
    """With a sentence that says how to have fewer."""
    monkeypatch.setattr(strategy_code, "FILES_MAX", 3)
    with pytest.raises(ConfigError, match="install what is not of the strategy as a package"):
        code_of(TABLE)


def test_the_package_of_a_strategy_counts_though_nothing_names_it(here):
    """To import a module runs its package, which may set what the module reads."""
    (here / "own_tools" / "__init__.py").write_text("SIZE = 1\n")
    (here / "own_tools" / "alone.py").write_text("class Alone:\n    pass\n")
    table = StrategyTable(class_name="own_tools.alone:Alone", symbol="BTC-USDT", params={})
    before = code_of(table)
    (here / "own_tools" / "__init__.py").write_text("SIZE = 100\n")
    assert difference(before, code_of(table)) == "own_tools/__init__.py has been changed"


def test_an_archive_counts_as_a_whole(here, monkeypatch):
    """What is in it is not looked at one by one, and none of it changes unseen."""

    def pack(text):
        with zipfile.ZipFile(here / "bots.zip", "w") as archive:
            archive.writestr("own_tools_packed.py", text)

    pack("class Packed:\n    size = 1\n")
    monkeypatch.syspath_prepend(str(here / "bots.zip"))
    table = StrategyTable(class_name="own_tools_packed:Packed", symbol="BTC-USDT", params={})
    before = code_of(table)
    assert names(before) == ["bots.zip", "steelyard"]
    pack("class Packed:\n    size = 100\n")
    assert difference(before, code_of(table)) == "bots.zip has been changed"
    monkeypatch.delitem(sys.modules, "own_tools_packed")


def test_folders_without_init_in_each_other_are_followed(here):
    """Though nothing has imported the outer one yet."""
    (here / "own_tools" / "deep" / "down").mkdir(parents=True)
    (here / "own_tools" / "deep" / "down" / "size.py").write_text("SIZE = 1\n")
    with (here / "own_bots" / "lines.py").open("a") as file:
        file.write("def later():\n    from own_tools.deep.down import size\n")
    before = code_of(TABLE)
    (here / "own_tools" / "deep" / "down" / "size.py").write_text("SIZE = 100\n")
    told = difference(before, code_of(TABLE))
    assert told == "own_tools/deep/down/size.py has been changed"


def test_what_only_a_finder_knows_is_followed_from_its_package(here, monkeypatch):
    """As some editable installs are found; also what is imported later, in a function."""
    package = here / "elsewhere" / "own_tools_found"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "class Found:\n    def on_start(self):\n        from own_tools_found import size\n"
    )
    (package / "size.py").write_text("SIZE = 1\n")

    class Finder:
        @staticmethod
        def find_spec(name, _path=None, _target=None):
            if name != package.name:
                return None
            places = [str(package)]
            file = str(package / "__init__.py")
            return spec_from_file_location(name, file, submodule_search_locations=places)

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    table = StrategyTable(class_name="own_tools_found:Found", symbol="BTC-USDT", params={})
    before = code_of(table)
    (package / "size.py").write_text("SIZE = 100\n")
    assert difference(before, code_of(table)) == "own_tools_found/size.py has been changed"
    monkeypatch.delitem(sys.modules, "own_tools_found")


def test_each_of_two_archives_of_one_name_counts(here, monkeypatch):
    """A name of several words is one in the line."""

    def pack(folder, text):
        (here / folder).mkdir(exist_ok=True)
        with zipfile.ZipFile(here / folder / "my bots.zip", "w") as archive:
            archive.writestr(f"own_{folder}_packed.py", text)
        monkeypatch.syspath_prepend(str(here / folder / "my bots.zip"))

    for folder in ("one", "two"):
        pack(folder, "SIZE = 1\n")
    with (here / "own_bots" / "lines.py").open("a") as file:
        file.write("import own_one_packed, own_two_packed\n")
    for folder, name in (("one", "my_bots.zip"), ("two", "my_bots.zip+")):
        before = code_of(TABLE)
        pack(folder, "SIZE = 100\n")
        assert difference(before, code_of(TABLE)) == f"{name} has been changed"
    for name in ("own_one_packed", "own_two_packed"):
        monkeypatch.delitem(sys.modules, name)
