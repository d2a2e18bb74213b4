"""Data of a backtest come from a file beside the configuration, or from the catalog."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import parse_backtest
from steelyard.backtest.settings import Delay
from steelyard.cli.backtest_data import open_data, read_delays
from steelyard.domain.errors import ConfigError, UsageError
from tests.cli.test_backtest import BARS, CONFIG

T0 = 1_767_225_600 * 10**9  # 2026-01-01


def test_a_relative_path_is_one_from_the_configurations_folder(tmp_path: Path):
    (tmp_path / "bars.csv").write_text(BARS)
    opened = open_data(parse_backtest(CONFIG), tmp_path, None)
    assert isinstance(opened.data, BarColumns)
    assert len(opened.data) == 600
    assert opened.data.instrument.symbol == "BTC-USD"
    assert opened.source.name == "bars.csv"
    with pytest.raises(UsageError, match=r"bars.csv"):
        open_data(parse_backtest(CONFIG), tmp_path / "elsewhere", None)


def test_a_catalog_without_the_data_says_what_it_has(tmp_path: Path):
    config = parse_backtest(CONFIG.replace('data = "bars.csv"', 'venue = "binance"'))
    with pytest.raises(UsageError, match="binance/BTC-USD"):
        open_data(config, tmp_path, tmp_path / "catalog")


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("delay_ms\n12.5\n3\n", Delay.samples([12_500_000, 3_000_000])),
        (
            "time,delay_ms\n2026-01-01T00:00:01Z,2\n2026-01-01,1\n",
            Delay.recorded([(T0, 1_000_000), (T0 + 10**9, 2_000_000)]),
        ),
    ],
)
def test_delays_are_read_from_a_file(tmp_path, text, delay):
    file = tmp_path / "delays.csv"
    file.write_text(text)
    assert read_delays(file) == delay


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns none"),
        ("ms\n1\n", "delays have delay_ms, and time"),
        ("delay_ms\n", "has no rows"),
        ("delay_ms\n1\nsoon\n", "line 3: delay_ms is 'soon'"),
        ("delay_ms\n-1\n", "from 0 to a day"),
        ("delay_ms\n1e99\n", "from 0 to a day"),
        ("delay_ms\nNaN\n", "delay_ms is 'NaN'"),
        ("time,delay_ms\nsoon,1\n", "line 2: time is 'soon'"),
    ],
)
def test_a_file_that_holds_no_delays_is_refused(tmp_path, text, said):
    file = tmp_path / "delays.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_delays(file)


def test_a_run_takes_its_delays_from_a_file(tmp_path):
    """The report says what was measured."""
    (tmp_path / "delays.csv").write_text("delay_ms\n5\n7\n6\n")
    config = parse_backtest(
        '[bot]\nname = "a"\nenvironment = "backtest"\n[strategy]\n'
        'class = "steelyard.strategies:SmaCross"\nsymbol = "BTC-USD"\n[backtest]\n'
        'data = "x.csv"\ndeposit = { USD = "1" }\ndelay = { order = "delays.csv" }\n'
    )
    assert config.delay_files == {"order": "delays.csv"}
    delays = {"order": read_delays(tmp_path / "delays.csv")}
    settings = replace(config, delays=delays).settings
    assert settings.order_delay.text == "drawn from 3 measurements, median 6 ms, at most 7 ms"
    assert settings.answer_delay == Delay.constant(0)


def test_what_is_wrong_with_a_file_is_said_by_its_settings(tmp_path: Path):
    """A configuration has no options: those of an import are told by what stands in it."""
    hourly = "\n".join(f"{1_767_225_600 + n * 3600},1,1,1,1,1" for n in range(6))
    (tmp_path / "bars.csv").write_text(f"time,open,high,low,close,volume\n{hourly}\n")
    with pytest.raises(UsageError, match=r"no bars of 1m; say \[backtest\] interval 1h$"):
        open_data(parse_backtest(CONFIG), tmp_path, None)
    (tmp_path / "bars.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"by --columns of `steelyard data import`, and play the"):
        open_data(parse_backtest(CONFIG), tmp_path, None)
