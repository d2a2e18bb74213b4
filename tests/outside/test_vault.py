"""A bot whose key is in the vault: it alone has it, and no byte that is written holds it."""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from bot_process import Bot, config_text, open_account

from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.sealed import LeaseTerms, SealedFile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PHRASE = "canary phrase of a vault"
STRATEGY = """
from steelyard.trading.strategy import Strategy

class Tells(Strategy):
    # A careless one: it looks for what it should not have, and says what it finds.
    def on_start(self):
        import gc, os
        self.log(str(dict(os.environ)))
        found = [o for o in gc.get_objects() if type(o).__name__ in ("ApiKey", "Secret", "Kept")]
        self.log(repr(found))
        self.every("1s")

    def on_timer(self, timer):
        self.buy("0.001")
        raise ZeroDivisionError("a bug of mine")

class Fails(Tells):
    def on_start(self):
        self.every("60s")
"""


@pytest.fixture
def vault(tmp_path):
    """A vault of a user, and the variables by which his programs find and open it."""
    phrase = tmp_path / "phrase"
    phrase.touch(0o600)
    phrase.write_text(PHRASE)
    file = SealedFile(tmp_path / "vault" / "vault.json")
    environment = {
        "STEELYARD_VAULT": str(file.path),
        "STEELYARD_VAULT_PASSPHRASE_FILE": str(phrase),
    }
    return file, environment


@pytest.fixture
def start(exchange, tmp_path, vault):
    """Return what makes a bot, not yet started, whose key is in the vault under its name."""
    bots = []
    file, environment = vault

    def make(name: str, key: dict, reference: str = "", more=None, **changes: str) -> Bot:
        reference = reference or f"vault:venue/{name}"
        if reference.removeprefix("vault:") not in file.entries():
            kept = Kept(Secret(key["key"], key["secret"]), Terms(name, ("sandbox",)))
            file.put(reference.removeprefix("vault:"), kept, PHRASE, new=True)
        config = config_text(exchange, name, **changes).replace("env:BOT", reference)
        told = environment if more is None else {"STEELYARD_VAULT": str(file.path), **more}
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        (data / "telling.py").write_text(STRATEGY)
        bots.append(Bot(data, config, key, name, told))
        return bots[-1]

    yield make
    for bot in bots:
        bot.end()


def processes(pid: int) -> list[int]:
    """Return a process and everything below it."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += processes(int(child))
    return found


def seen_of(pid: int) -> bytes:
    """Return what `ps` and its like show of a process and everything below it."""
    return b"".join(
        Path(f"/proc/{each}/{what}").read_bytes()
        for each in processes(pid)
        for what in ("cmdline", "environ")
    )


BACKTEST = """
[bot]
name = "tried"
environment = "backtest"
[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "vault:venue/canary-vault"
[strategy]
class = "telling:Fails"
symbol = "BTC-USDT"
[backtest]
data = "bars.csv"
interval = "1m"
deposit = { USDT = "10000" }
"""


def as_text(file: Path) -> bytes:
    """Return what a file holds, as somebody reads it who has the program for it."""
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".parquet":
        pl = pytest.importorskip("polars")
        return json.dumps(pl.read_parquet(file).to_dicts(), default=str).encode()
    return file.read_bytes()


def test_canaries_are_in_no_byte_that_is_written_or_shown(exchange, start, tmp_path):
    """Logs, journal, reports, exports, dumps, the list of processes, metrics: it is in none."""
    key = open_account(exchange, "canary-vault")
    more = {"STEELYARD_VAULT_PASSPHRASE_FILE": str(tmp_path / "phrase"), "PYTHONFAULTHANDLER": "1"}
    bot = start("canary-vault", key, more=more, strategy="telling:Tells", params="{}")
    (bot.data / "tried.toml").write_text(BACKTEST)
    rows = "".join(f"{1_704_067_200 + at * 60},42000,42010,41990,42001,1\n" for at in range(30))
    (bot.data / "bars.csv").write_text(f"time,open,high,low,close,volume\n{rows}")
    bot.start()
    bot.wait(lambda s: s["status"] == "gated")
    port = bot.ready["port"]
    limits = Path(f"/proc/{bot.process.pid}/limits").read_text()
    assert "Max core file size        0 " in limits
    shown = [json.dumps([bot.ready, bot.state()]).encode(), seen_of(bot.process.pid)]
    for url in (f"http://127.0.0.1:{port}", exchange.url("native")):
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            shown.append(answer.read())
            assert b"# TYPE steelyard_" in shown[-1]
    listed = subprocess.run(["ps", "axeww", "-o", "args"], capture_output=True, check=True).stdout
    assert b"canary-vault.toml" in listed
    shown.append(listed)
    program = [sys.executable, "-m", "steelyard.cli.main"]
    data = ["--data", str(bot.data)]
    for command in (
        ["vault", "list", "--json"],
        ["status", "--json", *data],
        ["why", "canary-vault", *data],
        ["replay", "canary-vault", *data],
        ["query", "canary-vault", "SELECT * FROM events", "--json", *data],
        ["export", "--to", "books", *data],
        ["export", "--to", "books", "--form", "parquet", *data],
        ["backtest", "tried.toml", *data],
        ["doctor", str(bot.file), *data],
    ):
        done = subprocess.run(
            [*program, *command],
            capture_output=True,
            env=bot._environment,
            cwd=bot.data,
            check=False,
        )
        shown += [done.stdout, done.stderr]
    assert any(b"a bug of mine" in each for each in shown), "what was looked at says something"
    bot.ask("POST", "/kill")
    os.kill(bot.process.pid, signal.SIGABRT)  # as bad as it gets: a dump of the interpreter
    bot.join()
    seen = {file: as_text(file) for file in tmp_path.rglob("*") if file.is_file()}
    seen.pop(tmp_path / "phrase")
    names = {file.name for file in seen}
    assert {"bot.log", "canary-vault.stderr", "vault.json", "journal.sqlite"} <= names
    assert {"orders.csv", "orders.parquet", "tried.json", "tried.html"} <= names
    assert b"Fatal Python error: Aborted" in seen[bot.errors], "the dump is there"
    assert not [name for name in names if name.startswith("core")]
    everything = [*shown, *seen.values()]
    for secret in (key["secret"], PHRASE):
        found = [each[:200] for each in everything if secret.encode() in each]
        assert found == []
        assert secret not in exchange_log(exchange)


def exchange_log(exchange) -> str:
    """Return what the venue has written of it all, which is sealed."""
    files = [file for file in exchange.data.rglob("*") if file.is_file()]
    return b"".join(file.read_bytes() for file in files).decode(errors="replace")


def test_a_second_bot_does_not_get_the_first_ones_key(exchange, start, vault, tmp_path):
    """Not by its name, and not at the same time where the key is bound to none."""
    file, _ = vault
    key = open_account(exchange, "first")
    first = start("first", key)
    first.start()
    second = start("second", key, "vault:venue/first")
    second.launch()
    assert second.join() == 2
    assert "belongs to the bot 'first', not to 'second'" in second.errors.read_text()

    anybodys = Kept(Secret(key["key"], key["secret"]))
    file.put("venue/any", anybodys, PHRASE, new=True)
    third = start("third", key, "vault:venue/any", params='{ below = "1000" }')
    third.launch()
    assert third.join() == 2, "it is the same key, by another name"
    assert f"process {first.process.pid} of this machine has it" in third.errors.read_text()
    first.end()
    third.start()
    fourth = start("fourth", key, "vault:venue/any")
    fourth.launch()
    assert fourth.join() == 2
    said = f"process {third.process.pid} of this machine has it; each bot has a key of its own"
    assert said in fourth.errors.read_text()
    third.end()  # however it ends, the key is free
    fifth = start("fifth", key, "vault:venue/any", params='{ below = "1000" }')
    fifth.start()
    assert fifth.stop() == 0


def test_a_bot_with_a_lease_opens_its_own_key_and_needs_no_passphrase(
    exchange, start, vault, tmp_path
):
    file, _ = vault
    key = open_account(exchange, "leased")
    quiet = '{ below = "1000" }'
    lease = tmp_path / "leased.lease"
    bot = start("leased", key, more={"STEELYARD_VAULT_LEASE": str(lease)}, params=quiet)
    token = file.lease("venue/leased", LeaseTerms("leased", 2**53), PHRASE)
    lease.touch(0o600)
    lease.write_text(
        json.dumps(
            {
                "name": "venue/leased",
                "bot": "leased",
                "until": 2**53,
                "token": base64.b64encode(token).decode(),
            }
        )
    )
    bot.start()
    bot.wait(lambda s: s["status"] == "running")
    assert token not in seen_of(bot.process.pid)
    assert bot.stop() == 0
