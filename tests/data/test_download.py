import asyncio
from datetime import date

import pytest
from archive_server import ArchiveServer, zipped

from steelyard.data.download import DAY_NS, Wish, day_ns, download, planned
from steelyard.dialects.binance.archive import ARCHIVE
from steelyard.domain.errors import ConfigError, DecodeError, RateLimited, UsageError

DAY = "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-{:02}.zip"
MONTH = "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip"


@pytest.fixture
def server():
    with ArchiveServer() as running:
        yield running


def wish(first="2024-01-05", last="2024-01-05", series="klines", interval="1m", market="spot"):
    days = date.fromisoformat(first), date.fromisoformat(last)
    return Wish(ARCHIVE, series, market, "BTCUSDT", interval, *days)


def run(server, folder, wanted, **options):
    """Return what came, what was told, and how long it waited."""
    told, waits = [], []

    async def sleep(seconds):
        waits.append(seconds)

    async def everything():
        files = download(
            wanted, folder, base_url=server.url, tell=told.append, sleep=sleep, **options
        )
        return [fetched async for fetched in files]

    return asyncio.run(everything()), told, waits


def test_a_plan_takes_whole_months_and_single_days():
    plan = list(planned(wish("2023-12-30", "2024-02-02")))
    names = [choices[0].name for choices in plan]
    assert names == [
        "BTCUSDT-1m-2023-12-30.zip",
        "BTCUSDT-1m-2023-12-31.zip",
        "BTCUSDT-1m-2024-01.zip",
        "BTCUSDT-1m-2024-02-01.zip",
        "BTCUSDT-1m-2024-02-02.zip",
    ]
    assert len(plan[2]) == 32, "a month, and its days to fall back to"
    assert plan[0][0].path == "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2023-12-30.zip"
    begin, end = plan[0][0].span_ns
    assert (begin, end) == (day_ns(date(2023, 12, 30)), day_ns(date(2023, 12, 30)) + DAY_NS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"series": "gossip"}, "has no 'gossip'; it has klines"),
        ({"market": "moon"}, "there are spot, um, cm"),
        ({"interval": ""}, "need an --interval"),
        ({"first": "2024-01-05", "last": "2024-01-01"}, "is no span"),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_is_asked_for(options, said):
    with pytest.raises(UsageError, match=said):
        list(planned(wish(**options)))


def test_a_file_is_had_whole_and_verified(server, tmp_path):
    server.put(DAY.format(5), b"x" * 1000)
    ((fetched,), told, _) = run(server, tmp_path, wish())
    assert fetched.path.read_bytes() == b"x" * 1000
    assert fetched.has_checksum
    assert told == []


def test_a_file_that_breaks_off_goes_on_where_it_stopped(server, tmp_path):
    server.put(DAY.format(5), bytes(range(256)) * 4)
    server.trouble = ["cut"]
    ((fetched,), told, waits) = run(server, tmp_path, wish())
    assert fetched.path.read_bytes() == bytes(range(256)) * 4
    assert server.asked[1][1].startswith("bytes="), "the second request asks for the rest"
    assert len(told) == len(waits) == 1


def test_a_part_of_another_file_is_thrown_away(server, tmp_path):
    """The server has less than lies there: what lies there is of something else."""
    server.put(DAY.format(5), b"new")
    (tmp_path / "BTCUSDT-1m-2024-01-05.zip.part").write_bytes(b"old and longer")
    ((fetched,), _, _) = run(server, tmp_path, wish())
    assert fetched.path.read_bytes() == b"new"


def test_a_server_that_asks_for_a_pause_gets_it(server, tmp_path):
    server.put(DAY.format(5), b"x")
    server.trouble = [429, 503]
    ((fetched,), told, waits) = run(server, tmp_path, wish())
    assert fetched.path is not None
    assert waits == [7, 7]
    assert "HTTP 429; trying again in 7 s" in told[0]


def test_a_server_that_keeps_refusing_is_given_up(server, tmp_path):
    server.trouble = [429] * 5
    with pytest.raises(RateLimited):
        run(server, tmp_path, wish())
    assert len(server.asked) == 5
    server.trouble = [403]
    with pytest.raises(DecodeError, match="HTTP 403"):
        run(server, tmp_path, wish())


def test_a_wrong_checksum_is_tried_once_more_and_then_refused(server, tmp_path):
    server.put(DAY.format(5), b"x", checksum=False)
    server.files[f"/{DAY.format(5)}.CHECKSUM"] = b"0" * 64 + b"  x.zip"
    with pytest.raises(DecodeError, match="not what its checksum says, twice"):
        run(server, tmp_path, wish())
    assert not list(tmp_path.iterdir()), "nothing of it stays"


def test_a_month_that_is_not_there_is_had_by_its_days(server, tmp_path):
    for day in (1, 2, 31):
        server.put(DAY.format(day), zipped("a.csv", "x"))
    (fetched, _, _) = run(server, tmp_path, wish("2024-01-01", "2024-01-31"))
    assert server.asked[0][0] == f"/{MONTH}"
    there = [each.file.first.day for each in fetched if each.path]
    assert there == [1, 2, 31]
    assert len([each for each in fetched if each.path is None]) == 28


def test_what_is_known_is_not_asked_for(server, tmp_path):
    (fetched, _, _) = run(server, tmp_path, wish(), is_known=lambda name: name.endswith("-05.zip"))
    assert fetched == []
    assert server.asked == []


def test_only_http_is_spoken(tmp_path):
    async def one():
        async for _ in download(wish(), tmp_path, base_url="file:///etc"):
            pass

    with pytest.raises(ConfigError, match="should be http"):
        asyncio.run(one())
