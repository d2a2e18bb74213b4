import json

import pytest

from steelyard.cli.data import finding_text, listed, parse_step
from steelyard.cli.main import run
from steelyard.data.checks import Finding
from steelyard.data.exact import Step

T0 = 1_704_067_200_000


def bars(path, minutes, price="100"):
    path.write_text("\n".join(f"{T0 + n * 60_000},{price},101,99,100,1.5" for n in minutes))
    return str(path)


@pytest.fixture
def data(tmp_path, capsys):
    """Run a command on a catalog; return its exit code and what it said."""

    def ran(*words):
        code = run(["data", *words, "--catalog", str(tmp_path / "catalog")])
        said = capsys.readouterr()
        return code, " ".join(said.out.split()), " ".join(said.err.split())

    return ran


def document(data, *words):
    code, out, _ = data(*words, "--json")
    return code, json.loads(out)


def test_data_is_imported_listed_and_checked(data, tmp_path):
    code, out, _ = data("import", bars(tmp_path / "BTC-USDT-1m.csv", [0, 1, 2, 5, 6]))
    assert code == 0
    assert "files/BTC-USDT/1m: 5 rows added; steps 0.01 and 0.00001 (listed); 1 gaps" in out
    assert "2024-01-01T00:03:00Z to 2024-01-01T00:05:00Z" in out
    assert "times are in milliseconds" in out
    code, out, _ = data("list")
    assert "files/BTC-USDT/1m 5 rows, 2024-01-01T00:00:00Z to 2024-01-01T00:06:00Z" in out
    code, out, _ = data("check")
    assert code == 1, "there is a gap"
    assert "1 gaps: 2024-01-01T00:03:00Z (00:02:00)" in out
    code, out, _ = data("check", "files/btc_usdt", "--from", "2024-01-01T00:05:00Z")
    assert (code, out) == (0, "files/BTC-USDT/1m nothing found")


def test_programs_get_documents(data, tmp_path):
    path = bars(tmp_path / "BTC-USDT-1m.csv", [0, 2])
    _, imported = document(data, "import", path, "--venue", "x", "--steps", "derived")
    (file,) = imported["files"]
    (dataset,) = file["datasets"]
    assert (dataset["dataset"], dataset["added"], dataset["steps"]) == (
        "x/BTC-USDT/1m",
        2,
        "derived",
    )
    assert (dataset["tick_size"], dataset["lot_size"], dataset["gaps"]) == ("1", "0.1", 1)
    assert document(data, "import", path, "--venue", "x")[1]["files"][0]["was_there"]
    _, everything = document(data, "list")
    (shown,) = everything["datasets"]
    assert (shown["name"], shown["rows"], shown["clock"]) == ("x/BTC-USDT/1m", 2, "venue")
    assert shown["sources"][0]["file"] == "BTC-USDT-1m.csv"
    code, checked = document(data, "check", "x")
    (finding,) = checked["datasets"]["x/BTC-USDT/1m"]
    assert (code, finding["what"], finding["count"]) == (1, "gaps", 1)


def test_contradictions_are_refused_until_they_are_wanted(data, tmp_path):
    data("import", bars(tmp_path / "BTC-USDT-1m.csv", [0, 1]))
    other = bars(tmp_path / "BTC-USDT-1m-again.csv", [1, 2], price="100.5")
    code, _, err = data("import", other)
    assert code == 2
    assert "is told in two ways: open_ticks 10000 and 10050" in err
    code, out, _ = data("import", other, "--replace")
    assert (code, "1 replaced" in out) == (0, True)


def test_numbers_off_the_steps_are_rounded_only_when_asked(data, tmp_path):
    path = bars(tmp_path / "BTC-USDT-1m.csv", [0], price="100.123")
    code, _, err = data("import", path)
    assert code == 2
    assert "open: 100.123 is not a multiple of the step 0.01 (nearest: 100.12, 100.13)" in err
    code, out, _ = data("import", path, "--round")
    assert (code, "1 numbers rounded" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import",), "name at least one file"),
        (("import", "none.csv"), "there is no file none.csv"),
        (("import", "none.csv", "--steps", "mine"), "should be one of listed, derived"),
        (("import", "none.csv", "--tick", "0"), "must be positive"),
        (("check", "nobody"), "nothing in the catalog"),
        (("check", "--from", "soon"), "is not a time"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_exit_code_2(data, words, said):
    code, _, err = data(*words)
    assert code == 2
    assert said in err


def test_an_empty_catalog_says_what_to_do(data):
    code, out, _ = data("list")
    assert (code, "is empty; bring data in by data import" in out) == (0, True)
    assert data("check")[:2] == (0, "there is nothing to check")


def test_small_things():
    assert parse_step("0.5") == Step(5, 1)
    assert parse_step("") is None
    assert "BTC-USDT" in listed()
    text = finding_text(Finding("gaps", 7, ((T0 * 10**6, "a [b]"),)))
    assert text == "7 gaps: 2024-01-01T00:00:00Z (a \\[b]), ..."
