"""Tests mirror the tree: who opens a module knows where its test is."""

from pathlib import Path

from tests.house.source import ROOT, SRC, complain

# module: where it is tested instead, or why it cannot be. An entry that is not needed fails.
EXCEPTIONS: dict[str, str] = {}


def homes(module: str) -> list[str]:
    """Return the files in which a module may be tested, given its path below src/steelyard.

    A folder inside a package (a venue, a FIX codec) is one noun and may have one test:
    dialects/okx/orders.py is covered by dialects/okx/test_orders.py or dialects/test_okx.py.
    """
    *folders, name = module.removesuffix(".py").split("/")
    found = ["/".join([*folders, f"test_{name}.py"])]
    while len(folders) > 1:
        *folders, name = folders
        found.append("/".join([*folders, f"test_{name}.py"]))
    return found


def orphans(src: Path, tests: Path) -> list[str]:
    """Return the modules that have no test where one would look for it.

    An __init__.py says what its package is (a protocol, a manifest): the package's tests use it.
    """
    modules = (
        path.relative_to(src).as_posix()
        for path in sorted(src.rglob("*.py"))
        if path.name not in {"__init__.py", "__main__.py"}
    )
    return [
        module for module in modules if not any((tests / home).exists() for home in homes(module))
    ]


def test_every_module_has_its_test():
    """src/steelyard/<package>/<module>.py is tested in tests/<package>/test_<module>.py."""
    missing = set(orphans(SRC, ROOT / "tests"))
    complain(
        [
            f"src/steelyard/{module}: no tests/{homes(module)[0]}"
            for module in sorted(missing - set(EXCEPTIONS))
        ],
        "Add the test, or an entry with a reason to EXCEPTIONS:",
    )
    assert set(EXCEPTIONS) <= missing, "take these off the list: they have a test or are gone"


def test_an_orphan_is_seen(tmp_path: Path):
    """The rule fails where it should, and knows the homes of nested modules."""
    src, tests = tmp_path / "src", tmp_path / "tests"
    for path in ("domain/order.py", "domain/__init__.py", "dialects/okx/orders.py", "wire/ws.py"):
        (src / path).parent.mkdir(parents=True, exist_ok=True)
        (src / path).touch()
    assert orphans(src, tests) == ["dialects/okx/orders.py", "domain/order.py", "wire/ws.py"]
    for path in ("domain/test_order.py", "dialects/test_okx.py", "test_ws.py"):
        (tests / path).parent.mkdir(parents=True, exist_ok=True)
        (tests / path).touch()
    assert orphans(src, tests) == ["wire/ws.py"]
