"""The files of a report: written whole or not at all, read with errors that help."""

from io import StringIO

import pytest
from backtests import random_run, result_of
from rich.console import Console

from steelyard.backtest import compare, report
from steelyard.cli import report_files
from steelyard.domain.errors import ConfigError, StorageError

DOCUMENT = report.document(random_run(2, 30, skill=0.3))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page that stands for the built one."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "report.js").write_text("const made = 'ä';")
    (folder / "report.css").write_text("body {}")
    monkeypatch.setattr(report_files, "PAGE", folder)
    return folder


def test_a_report_is_written_as_html_and_json_and_read_again(tmp_path, page):
    folder = tmp_path / "new" / "folder"
    report_files.write_html(DOCUMENT, folder / "report.html")
    report_files.write_json(DOCUMENT, folder / "report.json")
    assert "const made = 'ä';" in (folder / "report.html").read_text(encoding="utf-8")
    assert report_files.read_report(folder / "report.json") == DOCUMENT
    assert names_in(folder) == ["report.html", "report.json"]


def test_a_comparison_is_written_too(tmp_path, page):
    made = compare.document(DOCUMENT, DOCUMENT)
    report_files.write_html(made, tmp_path / "c.html")
    report_files.write_json(made, tmp_path / "c.json")
    assert b'"kind":"comparison"' in (tmp_path / "c.json").read_bytes()
    with pytest.raises(ConfigError, match=r"c\.json: this file holds a 'comparison'"):
        report_files.read_report(tmp_path / "c.json")


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "PAGE", tmp_path / "none")
    with pytest.raises(ConfigError, match="make page"):
        report_files.write_html(DOCUMENT, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_what_was_there_stays_until_all_is_written(tmp_path):
    """A write that fails leaves the old file, and nothing beside it."""
    (tmp_path / "report.json").mkdir()
    with pytest.raises(StorageError, match=r"report\.json cannot be written"):
        report_files.write(tmp_path / "report.json", b"new")
    assert names_in(tmp_path) == ["report.json"]
    report_files.write(tmp_path / "other.json", b"old")
    report_files.write(tmp_path / "other.json", b"new")
    assert (tmp_path / "other.json").read_bytes() == b"new"


def test_a_report_may_be_read_by_whom_any_file_may(tmp_path):
    (tmp_path / "any").touch()
    report_files.write(tmp_path / "report.html", b"x")
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file"), (b"{}", "no report"), (b"\x00", "no report")],
    ids=["missing", "other", "garbage"],
)
def test_what_is_no_report_is_named(tmp_path, content, said):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"x\.json.*{said}"):
        report_files.read_report(path)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "REPORT_MAX_BYTES", 10)
    (tmp_path / "x.json").write_bytes(b"x" * 11)
    with pytest.raises(ConfigError, match="more than 10 bytes"):
        report_files.read_report(tmp_path / "x.json")


def test_a_terminal_obeys_nothing_that_a_run_says():
    """Names, settings and errors come from whoever wrote them."""
    evil = "\x1b[2J[red]x"
    a = report.document(result_of(name=evil, params={evil: evil}, failure=evil))
    b = report.document(result_of())
    stream = StringIO()
    report_files.show_comparison(compare.document(a, b), Console(file=stream, width=200))
    assert "\x1b" not in stream.getvalue()
    assert "[red]x" in stream.getvalue()
    assert not any("\x1b" in line for line in report_files.verdict_lines(a))


def test_the_verdict_comes_first_and_what_is_serious_is_marked():
    lines = report_files.verdict_lines(report.document(result_of()))
    assert lines[0] == "It never traded."
    assert lines[1].startswith("! It never traded")
    assert any(line.startswith("- ") for line in lines)


def test_the_built_page_is_there_where_the_set_up_puts_it():
    """Skipped in a checkout whose pages are not built."""
    if not report_files.PAGE.exists():
        pytest.skip("the pages are not built: make page")
    template = report_files.template()
    assert "tradingview.com" in template.script  # the attribution that its license asks for
    assert "@font-face" in template.style
    assert "url(http" not in template.style
