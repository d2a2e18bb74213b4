"""The files of a backtest's report: the built page, and writing what was made of it.

A report is written beside its place and moved there at once: who opens it sees the old one or the
new one, never a half.
"""

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steelyard.backtest import compare, legsreport, report
from steelyard.backtest.compare import Comparison
from steelyard.backtest.legsreport import LegsReport
from steelyard.backtest.page import Template
from steelyard.backtest.report import Report
from steelyard.cli.terminal import harmless, shown
from steelyard.domain.errors import ConfigError, StorageError, UsageError
from steelyard.trading.legs import LEGS_MAX

PAGE = Path(__file__).parent / "report_page"
REPORT_MAX_BYTES = 64 * 1024 * 1024  # of a JSON file that is read; one of ours has a few megabytes


def template() -> Template:
    """Return the page that reports are made with.

    Raises:
        ConfigError: It is not built.
    """
    try:
        return Template(
            (PAGE / "report.js").read_text(encoding="utf-8"),
            (PAGE / "report.css").read_text(encoding="utf-8"),
        )
    except OSError as error:
        raise ConfigError(
            "the page of reports is not built; in a checkout, say `make page` (--json needs none)"
        ) from error


def read_report(path: Path) -> Report:
    """Return the report in a JSON file.

    Raises:
        ConfigError: It cannot be read, or is no report; the message names the file.
    """
    try:
        if path.stat().st_size > REPORT_MAX_BYTES:
            raise ConfigError(
                f"{path} has more than {REPORT_MAX_BYTES:,} bytes, which no report has; name the "
                "JSON file that `steelyard backtest` has written"
            )
        return report.read(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UsageError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_legs_report(path: Path) -> LegsReport | None:
    """Return the report of several legs in a JSON file; None: it holds something else.

    Raises:
        ConfigError: It cannot be read; the message names the file.
    """
    try:
        if path.stat().st_size > REPORT_MAX_BYTES * LEGS_MAX:
            raise ConfigError(f"{path} is larger than any report of legs")
        return legsreport.read(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UsageError as error:
        raise ConfigError(f"{path}: {error}") from error


def write_html(document: Report | LegsReport | Comparison, path: Path) -> None:
    """Write a report or a comparison as one HTML file.

    Raises:
        ConfigError: The page is not built.
        StorageError: The file cannot be written.
    """
    match document:
        case Report():
            made = report.html(document, template())
        case LegsReport():
            made = legsreport.html(document, template())
        case _:
            made = compare.html(document, template())
    write(path, made.encode())


def write_json(document: Report | LegsReport | Comparison, path: Path) -> None:
    """Write a report or a comparison as a JSON file.

    Raises:
        StorageError: The file cannot be written.
    """
    match document:
        case Report():
            made = report.encode(document)
        case LegsReport():
            made = legsreport.encode(document)
        case _:
            made = compare.encode(document)
    write(path, made)


def write(path: Path, content: bytes) -> None:
    """Put content into a file in one go; its folder is made if it is not there.

    Raises:
        StorageError: The file cannot be written; nothing is left behind.
    """
    beside: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        beside = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # As any file that this user makes, and not for this user alone, as temporary ones are.
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def show_comparison(document: Comparison, console: Console) -> None:
    """Print a comparison as tables."""
    console.print(shown(document.summary), highlight=False)
    for heading, rows in compare.tables(document):
        table = Table(*map(shown, heading), box=None, pad_edge=False, header_style="bold")
        for column in table.columns[1:]:
            column.overflow = "fold"
        for row in rows:
            table.add_row(*(shown(cell) for cell in row))
        console.print()
        console.print(table)


def verdict_lines(document: Report | LegsReport) -> list[str]:
    """Return the verdict and what speaks against it, for a terminal, the serious marked."""
    lines = [document.verdict.text]
    lines += [f"{'!' if each.is_serious else '-'} {each.text}" for each in document.warnings]
    return [harmless(line) for line in lines]


def _umask() -> int:
    """Return the mask of new files, which can only be asked by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
