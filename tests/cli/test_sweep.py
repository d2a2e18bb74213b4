"""`steelyard sweep`: from a configuration to its report, as a user runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dask_cluster import DaskCluster

from steelyard.cli.main import run as command

CONFIG = """
[bot]
name = "trend"
environment = "backtest"
[strategy]
class = "steelyard.strategies:SmaCross"
symbol = "BTC-USDT"
params = {{ size = "1", bar = "1h" }}
[backtest]
data = "bars.csv"
interval = "1h"
deposit = {{ USDT = 100000 }}
[sweep]
{sweep}
[sweep.params]
fast = [3, 6, 9]
slow = {{ from = 10, to = 30, step = 10 }}
"""
WALK = 'walk_forward = { train = "30d", test = "15d" }'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory with bars of a hundred days, in which a user stands."""
    chance = np.random.default_rng(7)
    close = np.round(40_000 + np.cumsum(chance.normal(0, 150, 2400)), 2)
    opened = np.concatenate([[40_000.0], close[:-1]])
    lines = ["time,open,high,low,close,volume"]
    for hour, (first, last) in enumerate(zip(opened, close, strict=True)):
        high, low = max(first, last) + 10, min(first, last) - 10
        time_ms = 1_640_995_200_000 + hour * 3_600_000
        lines.append(f"{time_ms},{first:.2f},{high:.2f},{low:.2f},{last:.2f},1000.5")
    (tmp_path / "bars.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, sweep: str = "") -> None:
    (folder / "trend.toml").write_text(CONFIG.format(sweep=sweep))


def run(capsys, *words: str) -> tuple[int, str]:
    code = command(["sweep", "trend.toml", *words])
    return code, "".join(capsys.readouterr())


def document(capsys, *words: str) -> dict:
    code, text = run(capsys, "--json", *words)
    assert code == 0
    return json.loads(text[text.index('{"schema"') :])


def test_a_sweep_from_its_file_to_its_report(folder, capsys):
    """One process and two find the same; what is printed is what is written."""
    write(folder, 'constraints = ["fast < slow"]')
    found = document(capsys, "--workers", "1")
    assert found["ended"] == 9
    assert json.loads((folder / "sweeps/trend/sweep.json").read_bytes()) == found
    assert "sharpe" in (folder / "sweeps/trend/sweep.html").read_text()
    again = document(capsys, "--workers", "2", "--anew")
    assert again["best"] == found["best"]
    assert again["overfit"] == found["overfit"] is not None
    assert found["luck"]["trials"] == 9


def test_people_get_tables(folder, capsys):
    write(folder, WALK)
    code, text = run(capsys, "--workers", "1")
    assert code == 0
    for part in ("the best trials", "walking forward", "report: sweeps/trend/sweep.html"):
        assert part in text


def test_the_purge_is_as_long_as_the_strategy_looks_back(folder, capsys):
    """Thirty bars of an hour; a shorter one is refused."""
    write(folder, WALK)
    folds = document(capsys, "--workers", "1")["walk_forward"]["folds"]
    for fold in folds:
        assert fold["test"][0] - fold["train"][1] == 30 * 3600 * 10**9
    write(folder, 'walk_forward = { train = "30d", test = "15d", purge = "1h" }')
    code, text = run(capsys)
    assert code == 2
    assert 'Write purge = "30h" or more' in text


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ('methid = "grid"', "did you mean 'method'?"),
        ('objective = "profits"', "did you mean 'profit'?"),
        ('constraints = ["fast < slwo"]', "did you mean 'slow'?"),
        ('constraints = ["fast > slow"]', "constraints let no combination in"),
        ('method = "optuna"', "needs trials"),
        ('walk_forward = { train = "300d", test = "15d" }', "and the data has 100d"),
    ],
)
def test_a_wrong_configuration_is_a_sentence(folder, capsys, sweep, said):
    write(folder, sweep)
    code, text = run(capsys)
    assert code == 2
    assert said in " ".join(text.split())


def test_a_parameter_that_the_strategy_has_not_is_named(folder, capsys):
    write(folder)
    file = folder / "trend.toml"
    file.write_text(file.read_text().replace("fast =", "fats ="))
    code, text = run(capsys)
    assert code == 2
    assert "SmaCross has no 'fats'; did you mean 'fast'?" in text


def test_a_changed_configuration_is_not_gone_on_with(folder, capsys):
    """Nor changed data; more workers or more time are no change."""
    write(folder)
    assert run(capsys, "--workers", "1")[0] == 0
    write(folder, 'timeout = "1m"\nworkers = 2')
    assert run(capsys)[0] == 0
    write(folder, "trades_min = 1")
    code, text = run(capsys)
    assert code == 2
    assert "changed: sweep.trades_min (0 before, 1 now)" in " ".join(text.split())
    write(folder)
    data = folder / "bars.csv"
    data.write_text("\n".join(data.read_text().splitlines()[:-1]) + "\n")
    code, text = run(capsys)
    assert code == 2
    assert "changed: the data" in " ".join(text.split())
    assert run(capsys, "--anew", "--workers", "1")[0] == 0


def test_a_strategy_that_fails_is_a_failed_check(folder, capsys):
    """Its own code travels with the sweep; a trial that raises is counted, and the rest goes on."""
    (folder / "bad_trend.py").write_text(
        "from steelyard.strategies import SmaCross\n"
        "class Bad(SmaCross):\n"
        "    def on_bar(self, bar):\n"
        "        if self.params.fast == 6:\n"
        "            raise KeyError('six')\n"
        "        super().on_bar(bar)\n"
    )
    write(folder)
    file = folder / "trend.toml"
    file.write_text(file.read_text().replace("steelyard.strategies:SmaCross", "bad_trend:Bad"))
    found = document(capsys, "--workers", "2")
    assert (found["ended"], found["failed"]) == (9, 3)
    assert found["failures"][0]["said"] == "KeyError: 'six'"
    assert "bad_trend.py" in found["failures"][0]["text"]
    file.write_text(file.read_text().replace("[3, 6, 9]", "[6]"))
    assert run(capsys, "--workers", "1", "--anew")[0] == 1


def test_workers_and_a_scheduler_are_one_or_the_other(folder, capsys):
    write(folder)
    code, text = run(capsys, "--workers", "2", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 2
    assert "a scheduler knows its own" in text


def test_ctrl_c_keeps_what_has_ended(folder):
    """As a user presses it: exit code 1, a report, and the same command goes on."""
    write(folder, 'method = "optuna"\ntrials = 9\nbatch = 1')
    (folder / "slow_trend.py").write_text(
        "import time\nfrom steelyard.strategies import SmaCross\n"
        "class Slow(SmaCross):\n"
        "    def on_start(self):\n        time.sleep(0.5)\n        super().on_start()\n"
    )
    file = folder / "trend.toml"
    file.write_text(file.read_text().replace("steelyard.strategies:SmaCross", "slow_trend:Slow"))
    words = [sys.executable, "-m", "steelyard.cli.main", "sweep", "trend.toml", "--workers", "1"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    record = folder / "sweeps/trend/trials.jsonl"
    while not record.exists() or record.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "It was stopped" in text
    before = record.read_bytes()
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=100)
    assert "9 of 9" in done.stdout
    assert record.read_bytes().startswith(before)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.night
def test_the_same_command_runs_on_a_cluster(folder, capsys):
    """Two workers on loopback, one of which is killed in the middle: the same trials come back.

    The workers know neither the data nor the strategy's module: both travel.
    """
    (folder / "dask").mkdir()
    write(folder, f'method = "random"\ntrials = 9\n{WALK}')
    (folder / "sent_trend.py").write_text(
        "import time\nfrom steelyard.strategies import SmaCross\n"
        "class Sent(SmaCross):\n"
        "    def on_start(self):\n        time.sleep(0.2)\n        super().on_start()\n"
    )
    file = folder / "trend.toml"
    file.write_text(file.read_text().replace("steelyard.strategies:SmaCross", "sent_trend:Sent"))
    here = document(capsys, "--workers", "2")
    with DaskCluster(folder / "dask", 2) as cluster:
        words = ["sweep", "trend.toml", "--json", "--anew", "--scheduler", cluster.address]
        record = folder / "sweeps/trend/trials.jsonl"
        record.unlink()  # what the run here has left, which --anew would remove at its own time
        with subprocess.Popen(
            [sys.executable, "-m", "steelyard.cli.main", *words], stdout=subprocess.PIPE, text=True
        ) as process:
            while not record.exists() or not 3 < record.read_bytes().count(b"\n") < 30:
                assert process.poll() is None
            cluster.workers[0].kill()
            text = process.communicate(timeout=150)[0]
    there = json.loads(text)
    assert process.returncode == 0
    for name in ("best", "top", "walk_forward", "maps", "overfit", "ended"):
        assert there[name] == here[name], name
