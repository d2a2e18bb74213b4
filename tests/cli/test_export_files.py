import csv
import json
from decimal import Decimal

import pytest
from msgspec.structs import replace
from past_bot import leave_bot

from steelyard.cli.export_files import FileForm, _cell, balances, write_files
from steelyard.cli.following import Following
from steelyard.cli.main import run
from steelyard.domain.errors import ConfigError
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.trading.projection import DECIMAL, TEXT
from steelyard.trading.records import BalancesSeen, InstrumentSeen, RunStarted, codec
from tests.backtest.market import BTC


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return leave_bot(tmp_path_factory.mktemp("export-files"))


def read(file) -> list[dict]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def asked(data, capsys, sql: str) -> list[dict]:
    capsys.readouterr()
    assert run(["query", "dip", sql, "--data", str(data), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["rows"]


def test_csv_has_every_order_and_fill_exactly(data, tmp_path, capsys):
    """The same as SQL says, amounts to the last digit."""
    assert run(["export", "--to", str(tmp_path / "out"), "--data", str(data), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["rows"]
    for table in ("orders", "fills"):
        rows = read(tmp_path / "out" / f"{table}.csv")
        assert len(rows) == counts[f"{table}.csv"] > 0
        wanted = asked(data, capsys, f"SELECT * FROM {table}")
        as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in wanted]
        assert sorted(map(str, rows)) == sorted(map(str, as_text))


def test_balances_are_told_by_asset_and_time(data, tmp_path, capsys):
    write_files(tmp_path, FileForm.CSV, [Following(data, "dip")])
    rows = read(tmp_path / "balances.csv")
    counted = asked(data, capsys, "SELECT COUNT(*) AS n FROM events WHERE kind = 'BalancesSeen'")
    assert counted[0]["n"] > 0
    assert len({row["sequence"] for row in rows}) == counted[0]["n"]
    assert {row["asset"] for row in rows} >= {"USDT"}
    assert all(Decimal(row["amount"]) >= 0 for row in rows)
    assert all(row["time"].endswith("Z") for row in rows)


def test_parquet_has_the_same_as_exact_decimals(data, tmp_path):
    pl = pytest.importorskip("polars")
    following = [Following(data, "dip")]
    write_files(tmp_path, FileForm.CSV, following)
    write_files(tmp_path, FileForm.PARQUET, [Following(data, "dip")])
    for table in ("orders", "fills", "balances"):
        frame = pl.read_parquet(tmp_path / f"{table}.parquet")
        rows = read(tmp_path / f"{table}.csv")
        assert frame.columns == list(rows[0])
        assert frame.height == len(rows)
        for name, kind in zip(frame.columns, frame.dtypes, strict=True):
            for value, text in zip(frame[name], (row[name] for row in rows), strict=True):
                if kind == pl.Decimal:
                    assert value == (Decimal(text) if text else None)
                else:
                    assert str("" if value is None else value) == text.removeprefix("'")


def test_several_bots_share_a_file(data, tmp_path):
    both = leave_bot(tmp_path / "both")
    leave_bot(both, "grid")
    write_files(tmp_path, FileForm.CSV, [Following(both, name) for name in ("dip", "grid")])
    assert {row["bot"] for row in read(tmp_path / "fills.csv")} == {"dip", "grid"}


def test_no_text_is_a_formula_to_a_spreadsheet():
    """A strategy's note or a venue's message may be one; an amount below zero is none."""
    assert _cell('=HYPERLINK("x")', TEXT) == '\'=HYPERLINK("x")'
    assert _cell("@x", TEXT) == "'@x"
    assert _cell("plain", TEXT) == "plain"
    assert _cell("-0.5", DECIMAL) == "-0.5"


def test_what_cannot_be_written_is_said_and_leaves_no_half_a_file(data, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_files(tmp_path / "file" / "x", FileForm.CSV, [Following(data, "dip")])
    assert run(["export", "--to", str(tmp_path), "--follow", "--data", str(data)]) == 2
    assert "--follow and --rebuild are for databases" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_assets_that_are_not_the_bots_have_names(tmp_path):
    """Those of the run; a venue may number them anew. Older journals have numbers alone."""
    Directory(tmp_path / "bots" / "dip").close()
    journal, form = Journal(tmp_path / "bots" / "dip" / "journal"), codec()
    run = RunStarted(2, 1, "dip", "sandbox", "a:B", "BTC-USDT", {})
    seen = [{9: "ETH"}, {}], [{9: "SOL"}], [{}]
    messages = [m for names in seen for m in (run, *(BalancesSeen({9: 1}, {}, it) for it in names))]
    for message in messages:
        journal.append(form.encode(message, 1))
    journal.commit()
    journal.close()
    rows = [row[3] for row in balances(Following(tmp_path, "dip"))]
    assert rows == ["ETH", "ETH", "SOL", "9"]


def test_an_asset_never_has_the_name_that_its_number_had_before(tmp_path):
    """Where the venue has numbered anew, what the bot traded once is somebody else's number."""
    Directory(tmp_path / "bots" / "dip").close()
    journal, form = Journal(tmp_path / "bots" / "dip" / "journal"), codec()
    run = RunStarted(2, 1, "dip", "sandbox", "a:B", "BTC-USDT", {})
    for base, told in ((1, {}), (5, {1: "ETH"})):
        coin = replace(BTC, base_asset_id=base)
        for message in (run, InstrumentSeen(coin), BalancesSeen({base: 1, 1: 1}, {}, told)):
            journal.append(form.encode(message, 1))
    journal.commit()
    journal.close()
    rows = [row[3] for row in balances(Following(tmp_path, "dip"))]
    assert rows == ["BTC", "ETH", "BTC"]
