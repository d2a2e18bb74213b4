"""The public fixture, used as its documentation says: what a stranger's test suite gets."""

import subprocess
import sys
import textwrap

import ccxt
import pytest

from steelyard import testing
from steelyard.testing import LocalExchange

pytestmark = pytest.mark.slow


def client(exchange: LocalExchange, key: dict[str, str]) -> ccxt.binance:
    settings = exchange.env("binance", client="ccxt")
    return ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})


def example() -> str:
    """Return the code that stands in the module's documentation."""
    lines = (testing.__doc__ or "").splitlines(keepends=True)
    return textwrap.dedent("".join(line for line in lines if line.startswith("    ")))


def test_the_example_of_the_documentation_buys(steelyard_exchange):
    """A market order of ccxt fills against the crowd, and the account has what it bought."""
    written: dict[str, object] = {"ccxt": ccxt}
    exec(compile(example(), "steelyard.testing", "exec"), written)
    written["test_my_bot_buys"](steelyard_exchange)

    reader = client(
        steelyard_exchange,
        steelyard_exchange.steelyard(
            "key", "create", "me", "--dialect", "binance", "--scopes", "read"
        ),
    )
    fills = reader.fetch_my_trades("BTC/USDT")
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.01)
    assert {fill["side"] for fill in fills} == {"buy"}
    balance = reader.fetch_balance()
    assert balance["BTC"]["total"] == pytest.approx(0.01 * 0.999)  # the fee is in what was bought
    cost = sum(fill["cost"] for fill in fills)
    assert balance["USDT"]["total"] == pytest.approx(10_000 - cost)


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path):
    """After `kill` the same directory goes on: same key, same open order, same money."""
    exchange = LocalExchange(tmp_path / "data", "--crowd", "1")
    with exchange:
        key = exchange.trader("me", {"USDT": "10000"}, dialect="binance")
        order = client(exchange, key).create_order("BTC/USDT", "limit", "buy", 1, 100)
        before = exchange.pid
        exchange.kill()
        exchange.start()
        assert exchange.pid != before
        again = client(exchange, key)
        assert [found["id"] for found in again.fetch_open_orders("BTC/USDT")] == [order["id"]]
        assert again.fetch_balance()["USDT"] == {"free": 9_900, "used": 100, "total": 10_000}
        assert again.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"


def test_two_exchanges_share_nothing(steelyard_exchange, tmp_path):
    """Each has its own ports and its own keys."""
    key = steelyard_exchange.trader("me", {}, dialect="binance")
    with LocalExchange(tmp_path / "other") as other:
        assert other.url("binance") != steelyard_exchange.url("binance")
        assert other.url("binance", "ws").startswith("ws://127.0.0.1:")
        with pytest.raises(ccxt.ExchangeError, match="Invalid Api-Key ID"):
            client(other, key).fetch_balance()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--crowd", "1", "--tape", "x"), "choose one of --crowd, --tape, --script and --live"),
        (("--limits", "none"), "neither venue, tutorial, tutorial-coinbase, off nor a file"),
        (("--crwd", "1"), "--crwd"),
    ],
)
def test_a_start_that_fails_says_why(tmp_path, options, said):
    """The error has the program's own sentence, and nothing is left running."""
    exchange = LocalExchange(tmp_path / "data", *options)
    with pytest.raises(RuntimeError, match=r"^the exchange did not start: ") as error:
        exchange.start()
    assert said in str(error.value)
    assert exchange.stop() == 0, "there is nothing to stop"


def test_a_directory_belongs_to_one_exchange(steelyard_exchange):
    """A second one on the same data is refused, and the first goes on."""
    with pytest.raises(RuntimeError, match=r"^the exchange did not start: "):
        LocalExchange(steelyard_exchange.data).start()
    assert steelyard_exchange.steelyard("status")


def test_a_command_that_fails_says_why(steelyard_exchange):
    """The error names the command and has what it said."""
    with pytest.raises(RuntimeError, match=r"^steelyard key create nobody .*: .*nobody"):
        steelyard_exchange.steelyard("key", "create", "nobody", "--dialect", "binance")


def test_what_was_not_started_has_no_process(tmp_path):
    """Stopping it is no error, asking for its process is."""
    exchange = LocalExchange(tmp_path / "data")
    assert exchange.stop() == 0
    for ask in (lambda: exchange.pid, exchange.kill):
        with pytest.raises(AssertionError, match="the exchange has not been started"):
            ask()


def test_a_test_that_fails_leaves_no_exchange_behind(tmp_path):
    """The block's own error comes through, and the exchange was stopped in order."""
    exchange = LocalExchange(tmp_path / "data")
    home = exchange.data / "exchange"
    with pytest.raises(RuntimeError, match=r"^steelyard no-such-command: "), exchange:
        exchange.steelyard("no-such-command")
    assert not (home / "ports.json").exists()
    assert list((home / "snapshots").glob("*.snapshot")), "a stop in order leaves one"
    with pytest.raises(AssertionError, match="the exchange has not been started"):
        exchange.kill()


def test_pytest_knows_the_fixture_without_being_told(tmp_path):
    """It comes with the package: a suite that imports nothing of ours can ask for it."""
    suite = tmp_path / "test_my_bot.py"
    suite.write_text("def test_it(steelyard_exchange):\n    assert steelyard_exchange.pid\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert b"1 passed" in done.stdout, done.stdout.decode()


def test_the_example_of_a_strategys_test_passes():
    """Five lines, without any exchange."""
    written: dict[str, object] = {"ccxt": ccxt}
    exec(compile(example(), "steelyard.testing", "exec"), written)
    written["test_it_buys_a_dip"]()
    assert testing.Bench is written["Bench"]
    with pytest.raises(AttributeError, match="no attribute 'Bank'"):
        _ = testing.Bank
