import io
import json
import os
import pty
import subprocess
import sys

import pytest

from steelyard.cli.main import run
from steelyard.cli.vault import configure
from steelyard.domain.errors import ConfigError
from steelyard.net.clock import Clock
from steelyard.store.datadir import state_directory
from steelyard.store.ownership import Ownership
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.keys import find
from steelyard.vault.sealed import Kdf, SealedFile

PHRASE = "correct horse battery"
CHEAP = Kdf(bytes(16), 8, 1, 1)
DAY_MS = 24 * 3_600 * 1_000


@pytest.fixture
def file(tmp_path, monkeypatch) -> SealedFile:
    """A user's vault with nothing in it that anybody needs."""
    path = tmp_path / "vault.json"
    monkeypatch.setenv("STEELYARD_VAULT", str(path))
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", PHRASE)
    made = SealedFile(path, kdf=CHEAP)
    made.put("first", Kept(Secret("k0", "s0")), PHRASE, new=True)
    return made


@pytest.fixture
def piped(monkeypatch):
    """Return what puts a text on standard input."""

    def put(text: str | dict) -> None:
        line = text if isinstance(text, str) else json.dumps(text)
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        reader, writer = os.pipe()
        with os.fdopen(writer, "w") as out:
            out.write(line)
        monkeypatch.setattr("steelyard.cli.vault.STDIN", f"pipe:{reader}")

    return put


def asked(capsys, *arguments: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = run(["vault", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_key_goes_in_by_standard_input_and_out_to_its_bot_alone(file, piped, capsys):
    """As `key create --json` prints it; no command shows it again."""
    piped({"key": "k1", "secret": "canary-1", "passphrase": None, "scopes": ["read"]})
    code, row = asked(capsys, "add", "lemon/dip", "--bot", "dip", "--expires", "90d")
    assert (code, row["name"], row["bot"]) == (0, "vault:lemon/dip", "dip")
    assert find("vault:lemon/dip", os.environ).current == Secret("k1", "canary-1")
    assert run(["vault", "list"]) == 0
    said = capsys.readouterr()
    assert "for dip · 0 days old · ends" in said.out
    assert "canary" not in said.out + said.err
    assert b"canary" not in file.path.read_bytes()


def test_a_text_goes_in_as_one_line(file, piped, capsys):
    piped("slack://canary/token\n")
    assert asked(capsys, "add", "alerts/slack", "--text")[0] == 0
    assert find("vault:alerts/slack", os.environ).current == Secret(text="slack://canary/token")
    piped("\n")
    assert run(["vault", "add", "alerts/mail", "--text"]) == 2
    assert "the text is empty" in capsys.readouterr().err


def test_a_bots_configuration_says_whose_key_it_is_and_where_it_is_tried(
    file, piped, capsys, tmp_path
):
    config = tmp_path / "dip.toml"
    config.write_text(
        '[bot]\nname = "dip"\nenvironment = "sandbox"\n[venue.main]\ndialect = "native"\n'
        'rest = "http://127.0.0.1:8600"\nws = "ws://127.0.0.1:8600"\nkey = "vault:dip"\n'
        '[strategy]\nclass = "a:B"\nsymbol = "BTC-USDT"\n[risk]\nmax_order_notional = "1"\n'
        'max_position = "1"\nmax_open_orders = 1\nprice_collar = "1%"\n'
    )
    piped({"key": "k", "secret": "s"})
    assert asked(capsys, "add", "dip", "--config", str(config))[0] == 0
    terms = file.entries()["dip"].terms
    assert (terms.bot, terms.environments, terms.symbol) == ("dip", ("sandbox",), "BTC-USDT")
    assert (terms.dialect, terms.rest) == ("native", "http://127.0.0.1:8600")


LEGS = """
[bot]
name = "pair"
environment = "sandbox"
[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "vault:near"
[venue.far]
dialect = "native"
rest = "http://127.0.0.1:2"
ws = "ws://127.0.0.1:2"
key = "vault:far"
[legs.one]
symbol = "BTC-USDT"
[legs.other]
venue = "far"
symbol = "ETH-USDT"
[strategy]
class = "a:B"
[risk]
max_order_notional = "1"
max_position = "1"
max_open_orders = 1
price_collar = "1%"
"""


def test_a_key_of_a_bot_of_legs_is_that_of_the_leg_that_names_it(tmp_path):
    """As `trade` will ask for it: by the leg's name, at the leg's venue."""
    file = tmp_path / "pair.toml"
    file.write_text(LEGS)
    terms = configure("", [], "", "", "", "", file, "vault:far")
    assert (terms.bot, terms.dialect, terms.symbol) == ("pair-other", "native", "ETH-USDT")
    assert configure("", [], "", "", "", "", file, "vault:near").bot == "pair-one"
    with pytest.raises(ConfigError, match=r"no leg has the key vault:x; .*: vault:near, vault:far"):
        configure("", [], "", "", "", "", file, "vault:x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("first",), "vault:first is there already"),
        (("sk pasted",), "a name in the vault has 1 to 100"),
        (("drive:x",), "a place of vault, keyring"),
        (("x", "--dialect", "nowhere"), "no dialect 'nowhere'; there are: "),
        (("x", "--environment", "prod"), "no environment 'prod'; there are: backtest, sandbox"),
        (("x", "--rotate", "1h"), "less than a day"),
        (("x", "--text"), "this is a key: leave out --text"),
    ],
)
def test_what_cannot_be_kept_is_said_and_never_repeated(
    file, piped, capsys, monkeypatch, words, said
):
    piped({"key": "k", "secret": "hunter2"})
    before = file.path.read_bytes()
    if words[-1] == "--text":
        monkeypatch.setenv("A_KEY", "k")
        monkeypatch.setenv("A_SECRET", "hunter2")
        words = (*words, "--from", "env:A")
    assert run(["vault", "add", *words]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert "pasted" not in text
    assert "hunter2" not in text
    assert file.path.read_bytes() == before


def test_what_is_due_is_told_and_fails_the_check(file, capsys, monkeypatch):
    """Without a passphrase, so that a timer can look."""
    now_ms = Clock().now_ns() // 1_000_000
    old = Terms(changed=now_ms - 181 * DAY_MS)
    file.put("old", Kept(Secret("k", "s"), old), PHRASE, new=True)
    monkeypatch.delenv("STEELYARD_VAULT_PASSPHRASE")
    code, found = asked(capsys, "list")
    assert code == 1
    by_name = {it["name"]: it for it in found["secrets"]}
    assert by_name["vault:old"]["due"] == "it is 181 days old; 180 are its terms"
    assert by_name["vault:first"]["due"] is None


def test_who_has_a_key_now_is_told_and_it_is_not_removed_under_him(file, capsys):
    """One bot per key: the lock that a bot holds goes with its process."""
    own = Ownership(state_directory() / "owners", "key", "vault:first")
    _, found = asked(capsys, "list")
    assert found["secrets"][0]["held_by"] == str(os.getpid())
    assert run(["vault", "remove", "first"]) == 2
    assert f"process {os.getpid()} has vault:first now" in capsys.readouterr().err
    own.close()
    _, found = asked(capsys, "list")
    assert found["secrets"][0]["held_by"] is None
    assert run(["vault", "remove", "first"]) == 0
    assert file.entries() == {}


def test_a_lease_is_a_private_file_that_opens_one_key(file, capsys, tmp_path, monkeypatch):
    to = tmp_path / "first.lease"
    assert run(["vault", "lease", "first", "--to", str(to)]) == 2
    assert "--bot NAME is missing" in capsys.readouterr().err
    code, found = asked(capsys, "lease", "first", "--to", str(to), "--bot", "dip")
    assert (code, found["bot"], "token" in found) == (0, "dip", False)
    assert to.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("STEELYARD_VAULT_LEASE", str(to))
    monkeypatch.delenv("STEELYARD_VAULT_PASSPHRASE")
    assert find("vault:first", os.environ).terms.bot == "dip"
    monkeypatch.delenv("STEELYARD_VAULT_LEASE")
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", PHRASE)
    assert run(["vault", "lease", "first", "--revoke"]) == 0
    monkeypatch.setenv("STEELYARD_VAULT_LEASE", str(to))
    with pytest.raises(ConfigError, match="has no lease"):
        find("vault:first", os.environ)


def test_a_lease_of_what_is_not_there_or_is_anothers_is_refused(file, capsys, tmp_path):
    own = Kept(Secret("k", "s"), Terms("dip"))
    file.put("own", own, PHRASE, new=True)
    to = ("--to", str(tmp_path / "x"))
    for words, said in (
        (("none", *to), "vault:none is not in the vault"),
        (("own", "--bot", "grid", *to), "belongs to the bot 'dip'"),
        (("own",), "--to FILE is missing"),
        (("aws-sm:own", *to), "aws-sm has roles of its own"),
    ):
        assert run(["vault", "lease", *words]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_another_passphrase(file, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("staple staple staple\n"))
    assert run(["vault", "passphrase"]) == 0
    assert SealedFile(file.path).open("first", "staple staple staple").current.key == "k0"


def test_at_a_terminal_nothing_is_echoed_and_a_new_passphrase_is_asked_for_twice(tmp_path):
    """A real terminal: what is typed does not come back."""
    master, slave = pty.openpty()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("STEELYARD_VAULT_PASSPHRASE")
    } | {"STEELYARD_VAULT": str(tmp_path / "v.json")}
    process = subprocess.Popen(
        [sys.executable, "-m", "steelyard.cli.main", "vault", "add", "lemon/dip"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    answers = {
        b"secret: ": b"canary-9\n",
        b"has one: ": b"\n",
        b"the vault: ": b"correct horse battery\n",
        b"once more: ": b"correct horse battery\n",
    }
    first = {b"key: ": b"key-9\n"}
    for question, answer in (first | answers).items():
        while not seen.endswith(question):
            seen += os.read(master, 1_000)
        os.write(master, answer)
    try:
        while part := os.read(master, 1_000):
            seen += part
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait(30) == 0, seen
    assert b"kept as vault:lemon/dip" in seen
    assert b"canary" not in seen
    assert b"horse" not in seen
    kept = SealedFile(tmp_path / "v.json").open("lemon/dip", PHRASE)
    assert kept.current == Secret("key-9", "canary-9")
