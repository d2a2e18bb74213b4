import json

import pytest
from archive_server import ArchiveServer, zipped

from steelyard.cli.main import run

T0 = 1_704_067_200_000
DAY_MS = 86_400_000
DAY = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-{:02}.zip"
SPAN = ("BTC-USDT", "--interval", "1h", "--from", "2024-01-01", "--to", "2024-01-03")


def klines(day):
    begin = T0 + (day - 1) * DAY_MS
    rows = [f"{begin + hour * 3_600_000},100,102,99,101,1.5,0,0,0,0,0,0" for hour in range(24)]
    return "\n".join(rows) + "\n"


@pytest.fixture
def server():
    with ArchiveServer() as running:
        for day in (1, 3):
            name = f"BTCUSDT-1h-2024-01-{day:02}.csv"
            running.put(DAY.format(day), zipped(name, klines(day)))
        yield running


def download(server, tmp_path, *words):
    catalog = ("--catalog", str(tmp_path / "catalog"), "--base-url", server.url)
    return run(["data", "download", *words, *catalog])


def test_days_are_downloaded_imported_and_missing_ones_named(server, tmp_path, capsys):
    assert download(server, tmp_path, *SPAN, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [file["datasets"][0]["added"] for file in said["files"]] == [24, 24]
    assert said["missing"] == ["2024-01-02"]
    assert run(["data", "check", "--catalog", str(tmp_path / "catalog")]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "1 gaps: 2024-01-02T00:00:00Z (1 d 00:00:00, not in the archive)" in out
    assert not list((tmp_path / "catalog").rglob("*.zip")), "what was imported goes"


def test_what_is_there_is_not_asked_for_again(server, tmp_path, capsys):
    download(server, tmp_path, *SPAN)
    server.asked.clear()
    server.put(DAY.format(2), zipped("BTCUSDT-1h-2024-01-02.csv", klines(2)))
    assert download(server, tmp_path, *SPAN) == 0
    assert [path for path, _ in server.asked if path.endswith(".zip")] == [f"/{DAY.format(2)}"]
    capsys.readouterr()
    assert run(["data", "check", "--catalog", str(tmp_path / "catalog")]) == 0, "no gap any more"
    assert download(server, tmp_path, *SPAN) == 0
    assert "everything was imported before" in capsys.readouterr().out


def test_files_can_stay(server, tmp_path):
    keep = tmp_path / "kept"
    assert download(server, tmp_path, *SPAN, "--keep", str(keep)) == 0
    assert len(list(keep.rglob("*.zip"))) == 2


def test_futures_get_a_name_of_their_own(server, tmp_path, capsys):
    path = DAY.replace("spot", "futures/um").format(1)
    server.put(path, zipped("BTCUSDT-1h-2024-01-01.csv", klines(1)))
    assert download(server, tmp_path, *SPAN[:-2], "--to", "2024-01-01", "--market", "um") == 0
    assert "binance-um/BTC-USDT/1h: 24 rows added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("BTC-USDT", "--from", "2024-01-01", "--to", "2024-01-01"), 2, "need an --interval"),
        ((*SPAN, "--series", "gossip"), 2, "has no 'gossip'"),
        ((*SPAN[:-1], "soon"), 2, "is not a day"),
        ((*SPAN, "--venue", "kraken"), 2, "no public archive of 'kraken'"),
        ((*SPAN, "--steps", "mine"), 2, "--steps 'mine'"),
    ],
)
def test_what_cannot_be_done_is_said(server, tmp_path, capsys, words, code, said):
    assert download(server, tmp_path, *words) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "catalog").exists()


def test_a_server_that_refuses_is_exit_code_3(server, tmp_path, capsys):
    server.trouble = [403]
    assert download(server, tmp_path, *SPAN) == 3
    assert "HTTP 403" in capsys.readouterr().err
