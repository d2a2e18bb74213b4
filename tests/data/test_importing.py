"""An import is exact, whole or not at all, and the same however the files were cut."""

from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data import partitions, writing
from steelyard.data.catalog import open_catalog, rows_of
from steelyard.data.exact import step_of
from steelyard.data.importing import Steps, chosen, common_clip, import_file
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, datasets
from steelyard.data.reading import Wanted
from steelyard.data.writing import Conflict
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.exchange.listings import LISTINGS

LISTED = {listing.instrument.symbol: listing.instrument for listing in LISTINGS}
START_MS = 1_704_067_200_000
KLINE = "{open},{price},{price}.5,{price},{price}.25,{volume},{close},0,0,0,0,0"


def content(root):
    """What a catalog says, without how it is cut into files and where it came from."""
    return {
        manifest.key: (
            pl.concat(rows_of(manifest, manifest.key.folder(root))).rows(),
            manifest.tick_size,
            manifest.lot_size,
            manifest.gaps,
            manifest.rows,
        )
        for manifest in datasets(root)
    }


def write(folder, name, lines):
    path = Path(folder) / name
    path.write_text("\n".join(lines) + "\n")
    return path


def kline(minute, price=100, volume="1.5"):
    begin = START_MS + 60_000 * minute
    return KLINE.format(open=begin, price=price, volume=volume, close=begin + 59_999)


def trade(number, time_ms, price="100.5", size="2"):
    return f"{number},{price},{size},0,{time_ms},True,True"


BARS = st.lists(st.integers(0, 60_000), min_size=1, max_size=40, unique=True).map(sorted)
CUTS = st.lists(st.integers(0, 40), max_size=4)
PRICES = st.sampled_from(["100", "100.5", "99.25", "1e2"])


@pytest.fixture(scope="module", autouse=True)
def small_files():
    """Let a few rows be enough to be staged, cut and merged in several files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "STAGE_ROWS", 4)
        patch.setattr(partitions, "PART_ROWS", 5)
        yield


@settings(max_examples=40)
@given(BARS, CUTS, st.randoms(use_true_random=False), st.data())
def test_bars_cut_into_any_files_in_any_order_make_the_same_catalog(minutes, cuts, rng, data):
    """Also where files overlap, and where a later one has finer steps."""
    volumes = [data.draw(st.sampled_from(["1", "1.5", "0.125"])) for _ in minutes]
    lines = [kline(m, 100 + m % 7, v) for m, v in zip(minutes, volumes, strict=True)]
    edges = sorted({0, len(lines), *(cut for cut in cuts if cut < len(lines))})
    pieces = [lines[max(a - rng.randint(0, 2), 0) : b] for a, b in pairwise(edges)]
    rng.shuffle(pieces)
    with TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "whole", Path(folder) / "parts"
        wanted = Wanted("binance", "BTC-USDT", "1m")
        import_file(whole, write(folder, "BTCUSDT-1m-2024-01.csv", lines), wanted, now_ns=1)
        for number, piece in enumerate(pieces):
            path = write(folder, f"BTCUSDT-1m-2024-01-{number + 1:02}.csv", piece)
            import_file(parts, path, wanted, now_ns=1)
        assert content(parts) == content(whole)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 200) | st.integers(0, 200_000_000), PRICES), min_size=1),
    CUTS,
    st.randoms(use_true_random=False),
)
def test_trades_cut_into_any_files_in_any_order_make_the_same_catalog(rows, cuts, rng):
    rows = sorted(rows, key=lambda row: row[0])
    lines = [trade(n, START_MS + time_ms, price) for n, (time_ms, price) in enumerate(rows, 1)]
    edges = sorted({0, len(lines), *(cut for cut in cuts if cut < len(lines))})
    pieces = [lines[max(a - rng.randint(0, 2), 0) : b] for a, b in pairwise(edges)]
    rng.shuffle(pieces)
    with TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "whole", Path(folder) / "parts"
        import_file(whole, write(folder, "BTCUSDT-trades-2024-01.csv", lines), Wanted(), now_ns=1)
        for number, piece in enumerate(pieces, 1):
            path = write(folder, f"BTCUSDT-trades-2024-01-{number:02}.csv", piece)
            import_file(parts, path, Wanted(), now_ns=1)
        assert content(parts) == content(whole)


def test_the_same_file_again_changes_nothing(tmp_path):
    path = write(tmp_path, "BTCUSDT-1m-2024-01.csv", [kline(0), kline(1)])
    root = tmp_path / "c"
    assert not import_file(root, path, Wanted(), now_ns=1).was_there
    folder = Key(Kind.BARS, "binance", "BTC-USDT", "1m").folder(root)
    before = (folder / "manifest.json").read_bytes()
    copy = write(tmp_path, "other.csv", [kline(0), kline(1)])
    assert import_file(root, path, Wanted(), now_ns=2).was_there
    names = ("time", "open", "high", "low", "close", "volume", *"defghi")
    wanted = Wanted("binance", "BTC-USDT", "1m", columns=names)
    assert import_file(root, copy, wanted, now_ns=2).was_there
    assert (folder / "manifest.json").read_bytes() == before


def test_rows_that_contradict_are_refused_and_nothing_changes(tmp_path):
    root = tmp_path / "c"
    first = write(tmp_path, "BTCUSDT-1m-2024-01-01.csv", [kline(0), kline(1)])
    other = write(tmp_path, "BTCUSDT-1m-2024-01-02.csv", [kline(1, 101), kline(2)])
    import_file(root, first, Wanted(), now_ns=1)
    before = content(root)
    with pytest.raises(Conflict, match=r"2024-01-01T00:01:00Z .* told in two ways: open_ticks"):
        import_file(root, other, Wanted(), now_ns=1)
    assert content(root) == before
    assert not list(root.glob("**/*.part")) + list(root.glob(".stage*"))
    (done,) = import_file(root, other, Wanted(), now_ns=1, replaces=True).done
    assert (done.added, done.replaced) == (1, 1)
    assert [row[1] for row in next(iter(content(root).values()))[0]] == [10_000, 10_100, 10_000]


def closes(root):
    return [row[4] for row in next(iter(content(root).values()))[0]]


def test_replaced_rows_come_back_by_their_own_file(tmp_path):
    """It is not passed over: neither with --replace, nor without, where it is refused aloud."""
    root = tmp_path / "c"
    first = write(tmp_path, "BTCUSDT-1m-2024-01-01.csv", [kline(0), kline(1)])
    other = write(tmp_path, "BTCUSDT-1m-2024-01-02.csv", [kline(1, 101)])
    import_file(root, first, Wanted(), now_ns=1)
    before = closes(root)
    import_file(root, other, Wanted(), now_ns=1, replaces=True)
    assert closes(root) != before
    with pytest.raises(Conflict):
        import_file(root, first, Wanted(), now_ns=1)
    report = import_file(root, first, Wanted(), now_ns=1, replaces=True)
    assert (report.was_there, report.done[0].replaced) == (False, 1)
    assert closes(root) == before
    assert import_file(root, first, Wanted(), now_ns=1).was_there


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_damaged_file_is_written_anew_by_its_sources(tmp_path, is_gone):
    """Each brings back what it has; a file that has nothing of it may not throw it away."""
    root = tmp_path / "c"
    names = ("BTCUSDT-1m-2024-01-01.csv", "BTCUSDT-1m-2024-01-02.csv")
    first = write(tmp_path, names[0], [kline(0), kline(1)])
    second = write(tmp_path, names[1], [kline(1), kline(2)])
    for path in (first, second):
        import_file(root, path, Wanted(), now_ns=1)
    whole = content(root)
    (file,) = root.glob("**/*.parquet")
    file.unlink() if is_gone else file.write_bytes(b"noise" * 100)
    with pytest.raises(ConfigError, match=rf"import --replace {names[0]} {names[1]}"):
        content(root)
    other = write(tmp_path, "BTCUSDT-1m-2024-01-03.csv", [kline(1)])
    with pytest.raises(ConfigError, match=rf"import --replace {names[0]} {names[1]}"):
        import_file(root, other, Wanted(), now_ns=1)
    (done,) = import_file(root, first, Wanted(), now_ns=1).done
    assert (done.damaged, done.again, done.added) == (1, (names[1],), 2)
    (done,) = import_file(root, second, Wanted(), now_ns=1).done
    assert (done.damaged, done.added) == (0, 1)
    assert content(root) == whole


def test_a_disk_that_takes_no_more_leaves_the_catalog_as_it_was(tmp_path):
    """Full while rows are staged: a sentence, and nothing is left behind."""
    root = tmp_path / "c"
    path = write(tmp_path, "BTCUSDT-1m-2024-01-01.csv", [kline(n, 100 + n) for n in range(50)])
    import_file(root, write(tmp_path, "BTCUSDT-1m-2024-01.csv", [kline(0)]), Wanted(), now_ns=1)
    before = content(root)
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (500, hard))  # Python lets a write beyond it fail as others do
    try:
        with pytest.raises(ConfigError, match=r"cannot be written: .*nothing was imported"):
            import_file(root, path, Wanted(), now_ns=1)
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))
    assert content(root) == before
    assert not list(root.glob(".stage*"))


def test_a_number_off_the_listed_steps_is_named_and_rounded_only_if_asked(tmp_path):
    root = tmp_path / "c"
    path = write(tmp_path, "BTCUSDT-1m-2024-01.csv", [kline(0), kline(1, volume="1.000004")])
    with pytest.raises(UsageError, match=r"2024-01-01T00:01:00Z .*volume: 1.000004 is not a mult"):
        import_file(root, path, Wanted(), now_ns=1, listed=LISTED)
    assert datasets(root) == []
    steps = Steps(rounds=True)
    (done,) = import_file(root, path, Wanted(), now_ns=1, listed=LISTED, steps=steps).done
    assert (done.rounded, done.manifest.steps) == (1, "listed")
    assert done.manifest.sources[0].rounded == 1
    assert done.manifest.instrument.symbol == "BTC-USDT"


def test_steps_that_were_given_stay(tmp_path):
    """A dataset with chosen steps does not change them for a finer file."""
    root = tmp_path / "c"
    given_steps = Steps(tick=step_of(Decimal("0.5")), lot=step_of(Decimal("0.5")))
    wanted = Wanted("x", "BTC-USDT", columns=("time", "open", "high", "low", "close", "volume"))
    first = write(tmp_path, "a-1m.csv", [f"{START_MS},1,2,1,2,1.5"])
    finer = write(tmp_path, "b-1m.csv", [f"{START_MS + 60_000},1,2.25,1,2,1.5"])
    (done,) = import_file(root, first, wanted, now_ns=1, steps=given_steps).done
    assert (done.manifest.tick_size, done.manifest.steps) == ("0.5", "given")
    with pytest.raises(UsageError, match=r"2.25 is not a multiple of the step 0.5"):
        import_file(root, finer, wanted, now_ns=1)
    with pytest.raises(UsageError, match=r"has steps 0.5 and 0.5 \(given\), not 0.25"):
        other = Steps(tick=step_of(Decimal("0.25")), lot=step_of(Decimal("0.5")))
        import_file(root, finer, wanted, now_ns=1, steps=other)


def test_what_is_chosen():
    tick = step_of(Decimal("0.1"))
    assert chosen("BTC-USDT", Steps(), LISTED)[1] == "listed"
    assert chosen("BTC-USDT", Steps("derived"), LISTED) == (None, "derived")
    instrument, who = chosen("BTC-USDT", Steps(tick=tick), LISTED)
    assert (who, str(instrument.tick_size), str(instrument.lot_size)) == ("given", "0.1", "0.00001")
    with pytest.raises(UsageError, match="both --tick and --lot"):
        chosen("ABC-DEF", Steps(tick=tick), LISTED)
    with pytest.raises(UsageError, match="needs steps to round to"):
        chosen("ABC-DEF", Steps(rounds=True), LISTED)
    assert common_clip([instrument], rounds=True) == (2, 6)
    assert common_clip([instrument], rounds=False) == (None, None)


def test_two_clocks_are_no_one_dataset(tmp_path):
    root = tmp_path / "c"
    line = '{"stream":"btcusdt@trade","data":{"T":1704067200001,"t":7,"p":"1","q":"1","m":true}}'
    recording = write(tmp_path, "r.jsonl", [f"1704067200001000000 {line}"])
    archive = write(tmp_path, "BTCUSDT-trades-2024-01-01.csv", [trade(8, START_MS)])
    import_file(root, recording, Wanted(), now_ns=1)
    with pytest.raises(UsageError, match=r"goes by the recorder's clock.*--venue binance-venue"):
        import_file(root, archive, Wanted(), now_ns=1)


def test_numbers_that_go_the_other_way_than_times_are_refused(tmp_path):
    """Two markets under one name, as spot and futures have."""
    root = tmp_path / "c"
    spot = write(tmp_path, "BTCUSDT-trades-2024-01-02.csv", [trade(70, START_MS + 9_000_000)])
    futures = write(tmp_path, "BTCUSDT-trades-2024-01-01.csv", [trade(900, START_MS)])
    import_file(root, spot, Wanted(), now_ns=1)
    before = content(root)
    with pytest.raises(UsageError, match=r"900 to 900 .* 70 to 70 .* another market.*--venue"):
        import_file(root, futures, Wanted(), now_ns=1)
    assert content(root) == before
    import_file(root, futures, Wanted("binance-um"), now_ns=1)
    assert len(content(root)) == 2


def test_spot_and_futures_of_one_symbol_are_two_datasets(tmp_path):
    root = tmp_path / "c"
    spot = write(tmp_path, "BTCUSDT-trades-2024-01-02.csv", [trade(70, START_MS)])
    rest, header = trade(900, START_MS), "id,price,qty,quote_qty,time,is_buyer_maker"
    futures = write(tmp_path, "BTCUSDT-trades-2024-01.csv", [header, rest.removesuffix(",True")])
    import_file(root, spot, Wanted(), now_ns=1)
    notes = import_file(root, futures, Wanted(), now_ns=1).notes
    assert "its columns are those of binance-um, not of binance; --venue says otherwise" in notes
    assert [each.venue for each in datasets(root)] == ["binance", "binance-um"]


def test_a_wrong_checksum_beside_a_file_is_an_error(tmp_path):
    path = write(tmp_path, "BTCUSDT-1m-2024-01.csv", [kline(0)])
    write(tmp_path, "BTCUSDT-1m-2024-01.csv.CHECKSUM", ["0" * 64 + "  x"])
    with pytest.raises(ConfigError, match=r"is not what .* says"):
        import_file(tmp_path / "c", path, Wanted(), now_ns=1)


@pytest.mark.night
def test_a_real_month_of_bars_is_the_same_by_another_reader(shared_data, tmp_path):
    """Polars reads the same file by itself; the prices made up in it need rounding."""
    path = shared_data / "bars/btc_perp_1m_20211231_20220201.csv.gz"
    steps = Steps(tick=step_of(Decimal("0.001")), lot=step_of(Decimal("0.0001")), rounds=True)
    import_file(tmp_path, path, Wanted(symbol="BTC-USD"), now_ns=1, steps=steps)
    bars, _ = open_catalog(tmp_path).bars("files", "BTC-USD", "1m")
    raw = pl.read_csv(path, try_parse_dates=True)
    assert bars.open_ns.tolist() == raw["timestamp"].dt.epoch("ns").to_list()
    for name in ("open", "high", "low", "close"):
        want = (raw[name] * 1000).round().cast(pl.Int64).to_list()
        assert getattr(bars, f"{name}_ticks").tolist() == want
    texts = pl.read_csv(path, infer_schema=False)["volume"]
    lots = [(Decimal(text) * 10_000).quantize(Decimal(1), ROUND_HALF_UP) for text in texts]
    assert bars.volume_lots.tolist() == [int(number) for number in lots]
