"""Every file and every command of `docs/guides/backtest.md`, in its order, on a real month."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

GUIDE = ROOT / "docs" / "guides" / "backtest.md"
BARS = "bars/btc_perp_1m_20211231_20220201.csv.gz"
TAPE = "binance/spot_btcusdt_20240809.jsonl.gz"

pytestmark = [pytest.mark.slow, pytest.mark.data]


def blocks() -> list[tuple[str, str]]:
    """Return the language and the text of each block of the guide."""
    return re.findall(r"^```(\w+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(240)
def test_the_guide_does_what_it_says(tmp_path: Path, shared_data: Path):
    """Its files are enough, and each command ends as the text around it says."""
    shutil.copy(shared_data / BARS, tmp_path / "btc.csv.gz")
    shutil.copy(shared_data / TAPE, tmp_path / "tape.jsonl.gz")
    steelyard = Path(sys.executable).with_name("steelyard")
    ran = []
    for language, text in blocks():
        if language != "sh":
            name = text.partition("\n")[0].removeprefix("# ")
            (tmp_path / name).write_text(text)
            continue
        for line in text.splitlines():
            words = line.split()
            assert words[0] == "steelyard", "a newcomer has nothing else to run"
            done = subprocess.run(
                [steelyard, *words[1:]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"
            ran.append((line, done.stdout))
    assert len(ran) == 8, "the guide has eight commands"
    above = json.loads((tmp_path / "backtests" / "above.json").read_text())
    dear = json.loads((tmp_path / "backtests" / "dear.json").read_text())
    profit = [float(one["metrics"]["profit_quote"]) for one in (above, dear)]
    assert profit[1] < profit[0] < 0, "it loses, and more where trading is dear"
    assert "no dependence on the future" in ran[1][1]
    assert (tmp_path / "backtests" / "above.html").stat().st_size > 100_000
    assert (tmp_path / "backtests" / "above-and-dear.html").is_file()
    quotes = json.loads((tmp_path / "backtests" / "quotes.json").read_text())
    assert {row["name"] for row in quotes["variants"]} == {
        "pessimistic", "proportional", "optimistic",
    }  # fmt: skip
    assert quotes["metrics"]["fills"] > 10
    assert quotes["candles"] is not None
