"""Data of a backtest come from a file beside the configuration, or from the catalog."""

from pathlib import Path

import pytest

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import parse_backtest
from steelyard.cli.backtest_data import open_data
from steelyard.domain.errors import UsageError
from tests.cli.test_backtest import BARS, CONFIG


def test_a_relative_path_is_one_from_the_configurations_folder(tmp_path: Path):
    (tmp_path / "bars.csv").write_text(BARS)
    opened = open_data(parse_backtest(CONFIG), tmp_path, None)
    assert isinstance(opened.data, BarColumns)
    assert len(opened.data) == 600
    assert opened.data.instrument.symbol == "BTC-USD"
    assert opened.source.name == "bars.csv"
    with pytest.raises(UsageError, match="bars.csv"):
        open_data(parse_backtest(CONFIG), tmp_path / "elsewhere", None)


def test_a_catalog_without_the_data_says_what_it_has(tmp_path: Path):
    config = parse_backtest(CONFIG.replace('data = "bars.csv"', 'venue = "binance"'))
    with pytest.raises(UsageError, match="binance/BTC-USD"):
        open_data(config, tmp_path, tmp_path / "catalog")
