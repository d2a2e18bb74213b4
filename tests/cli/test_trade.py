import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from bot_process import Bot, config_text, journal_of, open_account

from steelyard.cli import grants
from steelyard.cli.leasing import terms_of
from steelyard.cli.main import run
from steelyard.cli.trade import check_able, configure, configure_bots, on_their_rungs, own_key
from steelyard.cli.trader_strategy import code_of
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.store.datadir import (
    Directory,
    about_file,
    port_file,
    read_document,
    write_atomically,
)
from steelyard.trading.config import Environment
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import Grant
from steelyard.trading.records import RunStopped
from steelyard.vault.kept import Kept, Secret
from steelyard.vault.sealed import Kdf, SealedFile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def config(exchange, tmp_path) -> Path:
    file = tmp_path / "bot.toml"
    file.write_text(config_text(exchange, "quiet", params='{ below = "1000" }'))
    return file


def changed(file: Path, old: str, new: str) -> Path:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


def test_a_bot_says_where_it_listens_in_one_line_and_in_its_port_file(exchange, tmp_path):
    """What starts a bot needs no guess and no wait: the line comes when the port is open."""
    key = open_account(exchange, "said")
    config = config_text(exchange, "said", params='{ below = "1000" }')
    with Bot(tmp_path, config, key, "said") as bot:
        ready = bot.ready
        assert ready["ready"] is True
        assert ready["pid"] == bot.process.pid
        assert (ready["name"], ready["symbol"]) == ("said", "BTC-USDT")
        assert (ready["strategy"], ready["key"]) == ("DipBuyer", key["key"])
        file = port_file(tmp_path / "bots" / "said")
        written = read_document(file)
        assert written == {k: v for k, v in ready.items() if k not in {"ready", "page"}}
        assert ready["page"].startswith(f"http://127.0.0.1:{written['port']}/")
        assert file.stat().st_mode & 0o077 == 0, "it holds the token"
        assert bot.state()["bot"]["name"] == "said"

        # A second one would trade the same orders twice.
        second = Bot(tmp_path, config, key, "said")
        second.errors = tmp_path / "second.stderr"
        second.launch()
        assert second.join() == 2
        said = second.errors.read_text()
        assert f"(process {bot.process.pid}) trades said; stop that one, or wait" in said
        assert "Traceback" not in said
        assert bot.state()["status"] in {"starting", "running"}, "the first goes on"
        assert bot.stop() == 0
        assert not file.exists()


def test_an_unknown_key_is_answered_with_the_nearest(config):
    """Contract: nothing is guessed, and a typing error does not switch a limit off."""
    changed(config, "max_position", "max_postion")
    with pytest.raises(ConfigError, match=r"bot.toml: \[risk\] 'max_postion'.*'max_position'"):
        configure(config)


def test_a_configuration_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"none.toml cannot be read: .*No such file"):
        configure(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bytes.toml cannot be read"):
        configure(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOBODY_SET_THIS", "set NOBODY_SET_THIS_KEY and NOBODY_SET_THIS_SECRET"),
        ("vault:main", "there is no vault"),
        ("pipe:9999", "pipe:9999 cannot be read"),
        ("sk-pasted-by-mistake", "a key should be a reference"),
    ],
)
def test_a_key_that_is_not_there_is_said_before_anything_starts(
    config, tmp_path, capsys, reference, said
):
    """The message helps, and never repeats what may be a key."""
    changed(config, "env:BOT", reference)
    assert run(["trade", str(config), "--port", "0", "--data", str(tmp_path / "data")]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert "pasted" not in text
    assert not (tmp_path / "data").exists()


def test_sigterm_before_a_bot_has_begun_ends_it_as_ctrl_c_does(tmp_path):
    """An exit code of the contract and a sentence, while the configuration is being read."""
    os.mkfifo(tmp_path / "bot.toml")
    command = [sys.executable, "-m", "steelyard.cli.main", "trade", str(tmp_path / "bot.toml")]
    process = subprocess.Popen(
        [*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process, (tmp_path / "bot.toml").open("w"):  # it is open when the bot reads it
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err == "steelyard: interrupted before it was done\n"
    assert json.loads(out)["error"]["exit_code"] == 1


def test_a_pipe_hands_over_a_key_that_no_environment_shows(exchange, tmp_path):
    """As the demo does it: what `key create --json` prints, on standard input."""
    key = open_account(exchange, "piped")
    file = tmp_path / "piped.toml"
    file.write_text(config_text(exchange, "piped").replace("env:BOT", "pipe:0"))
    command = [sys.executable, "-m", "steelyard.cli.main", "trade", str(file)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--data", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        process.stdin.write(json.dumps(key).encode())
        process.stdin.close()
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 0
    assert key["key"].encode() in line
    assert key["secret"].encode() not in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rest = "http://127.0.0.1', 'rest = "http://192.0.2.1', "is not this machine"),
        ('ws = "ws://127.0.0.1', 'ws = "ws://stream.example.com', "is not this machine"),
        ('environment = "sandbox"', 'environment = "live"', "has not earned"),
        ('environment = "sandbox"', 'environment = "live-canary"', "has not earned"),
        ('dialect = "binance"', 'dialect = "binanse"', "binance"),
    ],
)
def test_nothing_beyond_this_machine_can_be_reached_by_mistake(
    config, tmp_path, capsys, monkeypatch, old, new, said
):
    """Orders of this version go to loopback, whatever a configuration says."""
    monkeypatch.setenv("BOT_KEY", "k")
    monkeypatch.setenv("BOT_SECRET", "s")
    changed(config, old, new)
    assert run(["trade", str(config), "--port", "0", "--data", str(tmp_path / "data")]) == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(exchange, config, tmp_path):
    environment = {**os.environ, "BOT_KEY": "k", "BOT_SECRET": "s"}
    port = exchange.url("binance").rpartition(":")[2]
    command = [sys.executable, "-m", "steelyard.cli.main", "trade", str(config)]
    done = subprocess.run(
        [*command, "--port", port, "--data", str(tmp_path)],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be used".encode() in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ('{ size = "-0.01" }', "size is -0.01"),
        ('{ below = "0" }', "below is 0"),
        ('{ size = "0.000001" }', "size 0.000001 is not a multiple of lot_size"),
        ('{ size = "10000" }', "size 10000 is above the maximum"),
    ],
)
def test_parameters_that_cannot_be_traded_end_the_start(exchange, tmp_path, params, said):
    """In one sentence, not in a traceback at each timer."""
    key = open_account(exchange, f"bad{abs(hash(params))}")
    bot = Bot(tmp_path, config_text(exchange, "bad", params=params), key, "bad")
    bot.launch(more=("--json",))
    documents = [json.loads(line) for line in bot.process.stdout]
    assert bot.join() == 2
    bot.end()
    assert said in documents[-1]["error"]["message"]
    assert documents[-1]["error"]["exit_code"] == 2
    errors = bot.errors.read_text()
    assert said in errors
    assert "Traceback" not in errors


def test_another_symbol_is_refused_before_the_bot_is_ready(exchange, tmp_path):
    """Whoever waits for the ready line must not get one from a bot that ends at once."""
    key = open_account(exchange, "moved")
    text = config_text(exchange, "moved", params='{ below = "1000" }')
    with Bot(tmp_path, text, key, "moved") as bot:
        assert bot.stop() == 0
    again = Bot(tmp_path, text.replace("BTC-USDT", "ETH-USDT"), key, "moved")
    again.launch()
    assert again.process.stdout.read() == b""
    assert again.join() == 2
    assert "cannot change to ETH-USDT" in again.errors.read_text()


def test_real_money_needs_the_rung_and_the_name_said_again(config, tmp_path, monkeypatch, capsys):
    """A granted bot is asked for its name, and its limits are no higher than the cap."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    changed(config, 'environment = "sandbox"', 'environment = "live-canary"')
    found = configure(config)
    strategy = found.strategy
    parameters = {name: str(value) for name, value in strategy.params.items()}
    identity = Identity(strategy.class_name, strategy.symbol, parameters)
    grant = Grant(
        bot=found.bot.name,
        environment=Environment.LIVE_CANARY,
        identity=identity,
        cap=Decimal(100),
        who="me",
        why="weeks",
        time_ns=1,
        code=code_of(strategy),
    )
    grants.keep(grant)
    with pytest.raises(UsageError, match=f"--confirm {found.bot.name}"):
        on_their_rungs({"": found}, "")
    capped = on_their_rungs({"": found}, found.bot.name)[""]
    assert capped.limits.max_order_notional == min(100, found.limits.max_order_notional)
    assert capped.limits.max_gross_exposure == 100
    grants.keep(msgspec.structs.replace(grant, code="0123456789abcdef"))
    with pytest.raises(ConfigError, match=r"/dip_buyer\.py has been changed"):
        on_their_rungs({"": found}, found.bot.name)


LEGS = """
[legs.one]
symbol = "BTC-USDT"
[legs.other]
venue = "second"
symbol = "BTC-USDT"
[venue.second]
dialect = "native"
rest = "https://127.0.0.1:1"
ws = "wss://127.0.0.1:1"
key = "env:OTHER"
"""


def test_real_money_on_several_legs_needs_each_rung_and_the_bots_name_once(
    config, tmp_path, monkeypatch
):
    """The sum is said leg by leg; a leg that has not earned it keeps the others from beginning."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    changed(config, 'environment = "sandbox"', 'environment = "live-canary"')
    changed(config, 'symbol = "BTC-USDT"\n', "")
    config.write_text(config.read_text() + LEGS)
    found = configure_bots(config)
    with pytest.raises(ConfigError, match="which quiet-one has not earned"):
        on_their_rungs(found, "quiet")
    for cap, bot in enumerate(found.values(), 100):
        table = bot.strategy
        parameters = {name: str(value) for name, value in table.params.items()}
        grants.keep(
            Grant(
                bot=bot.bot.name,
                environment=Environment.LIVE_CANARY,
                identity=Identity(table.class_name, table.symbol, parameters, bot.legs),
                cap=Decimal(cap),
                who="me",
                why="weeks",
                time_ns=1,
                code=code_of(table),
            )
        )
    for said in ("", "quiet-one", "quiet-other"):
        with pytest.raises(UsageError) as refusal:
            on_their_rungs(found, said)
        assert str(refusal.value) == (
            "quiet trades with real money, up to 100 in quote on one, 101 in quote on other: say "
            "its name again, --confirm quiet"
        )
    capped = on_their_rungs(found, "quiet")
    assert [it.limits.max_gross_exposure for it in capped.values()] == [100, 101]


def test_one_key_under_two_names_is_one_key(config, tmp_path, monkeypatch, capsys):
    """Another bot has it by another name: this one is refused before it asks the venue anything."""
    monkeypatch.setenv("STEELYARD_VAULT", str(tmp_path / "vault.json"))
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", "correct horse battery")
    file = SealedFile(tmp_path / "vault.json", kdf=Kdf(bytes(16), 8, 1, 1))
    file.put("mine", Kept(Secret("the-id", "canary")), "correct horse battery", new=True)
    text = config.read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("key = ")]
    config.write_text(text.replace(line, 'key = "vault:mine"'))
    other = own_key("the-id", "id")
    assert run(["trade", str(config), "--port", "0", "--data", str(tmp_path / "data")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"key the-id: process {os.getpid()} of this machine has it" in said
    other.close()


def test_a_terminal_that_is_closed_stops_a_bot_in_order(exchange, tmp_path, request):
    """Not in the middle, with its orders at the venue."""
    # As a shell starts it: whoever runs these tests may have the signal ignored, and be inherited.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    key = open_account(exchange, "hung-up")
    text = config_text(exchange, "hung-up", params='{ below = "1000" }')
    with Bot(tmp_path, text, key, "hung-up") as bot:
        bot.send_signal(signal.SIGHUP)
        assert bot.join() == 0
    messages = [message for _, message in journal_of(tmp_path, "hung-up")]
    assert isinstance(messages[-1], RunStopped)
    assert "SIGHUP" in messages[-1].why


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steelyard.strategies:DipBuyer", "nowhere:Gone", "nowhere"),
        ("BTC-USDT", "ETH-USDT", "has traded BTC-USDT here and cannot take over with ETH-USDT"),
    ],
)
def test_a_standby_that_could_not_begin_does_not_wait(config, tmp_path, old, new, said):
    """Nobody looks at it in the moment in which it has to take over."""
    check_able({"": configure(config)}, tmp_path)
    with Directory(tmp_path / "bots/quiet") as own:
        write_atomically(about_file(own.path), {"symbol": "BTC-USDT"})
    check_able({"": configure(config)}, tmp_path)
    with pytest.raises(ConfigError, match=said):
        check_able({"": configure(changed(config, old, new))}, tmp_path)


def test_a_standby_beside_a_bot_with_other_limits_is_refused_unless_they_are_meant(
    config, tmp_path
):
    """On one machine, too; beside a process that has ended nothing is compared."""
    bots = {"": configure(config)}
    with Directory(tmp_path / "bots/quiet") as own:
        terms = {**terms_of(bots[""]), "risk.max_open_orders": "99"}
        write_atomically(about_file(own.path), {"symbol": "BTC-USDT", "terms": terms})
        check_able(bots, tmp_path)
        own.write_ports({"port": 1})
        with pytest.raises(ConfigError, match=r"risk.max_open_orders is 99 there.*--changed"):
            check_able(bots, tmp_path)
        check_able(bots, tmp_path, may_differ=True)
