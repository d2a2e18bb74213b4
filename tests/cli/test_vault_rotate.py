"""From one key to the next, on an exchange that really refuses the old one."""

import json
import os

import msgspec
import pytest
from bot_process import config_text, open_account

from steelyard.cli.administration import administer
from steelyard.cli.main import run
from steelyard.cli.vault_rotate import _why_not
from steelyard.cli.vault_venue import Look
from steelyard.domain.messages import KeyAnswer, Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.exchange.admin import CreateKey
from steelyard.exchange.issuing import ChangeKey, RevokeKey
from steelyard.store.datadir import state_directory
from steelyard.store.ownership import Ownership
from steelyard.trading.keyaudit import audit
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.keys import find
from steelyard.vault.sealed import Kdf, SealedFile

pytestmark = pytest.mark.slow

PHRASE = "correct horse battery"
BOT = (Scope.READ, Scope.TRADE)


class Rotating:
    """One key of the vault, its account, and what commands say of it."""

    def __init__(self, exchange, tmp_path, monkeypatch, capsys, name: str) -> None:
        self.exchange, self.name, self.capsys = exchange, name, capsys
        self.monkeypatch = monkeypatch
        monkeypatch.setenv("STEELYARD_VAULT", str(tmp_path / "vault.json"))
        monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", PHRASE)
        self.file = SealedFile(tmp_path / "vault.json", kdf=Kdf(bytes(16), 8, 1, 1))
        self.old = open_account(exchange, name, dialect="native")
        url = exchange.url("native")
        terms = Terms("dip", ("sandbox",), "native", url, exchange.url("native", "ws"), "BTC-USDT")
        kept = Kept(Secret(self.old["key"], self.old["secret"]), terms)
        self.file.put(name, kept, PHRASE, new=True)

    def new_key(self, *scopes: Scope, account: str = "", ip=()) -> dict:
        call = CreateKey(account or self.name, "native", scopes or BOT, tuple(ip))
        return administer(self.exchange.data, call)

    def rotate(self, *words: str, key: dict | None = None) -> tuple[int, dict]:
        if key is not None:
            self.monkeypatch.setenv("NEW_KEY", key["key"])
            self.monkeypatch.setenv("NEW_SECRET", key["secret"])
            words = (*words, "--from", "env:NEW")
        self.capsys.readouterr()
        code = run(["vault", "rotate", self.name, *words, "--json"])
        out, err = self.capsys.readouterr()
        for secret in (self.old["secret"], (key or self.old)["secret"]):
            assert secret not in out + err
        return code, json.loads(out)

    @property
    def kept(self) -> Kept:
        return find(f"vault:{self.name}", os.environ)


_MADE: list[str] = []  # names of accounts: the exchange is shared


@pytest.fixture
def rotating(exchange, tmp_path, monkeypatch, capsys):
    name = f"rotating-{len(_MADE)}"
    _MADE.append(name)
    return Rotating(exchange, tmp_path, monkeypatch, capsys, name)


def test_four_steps(rotating):
    """Tried before it is used, and the old one is forgotten when it is dead and not before."""
    new = rotating.new_key()
    code, said = rotating.rotate(key=new)
    assert (code, said["switched"], said["stage"]) == (0, True, "old key not retired")
    assert said["audit"]["scopes"] == {"read": "yes", "trade": "yes", "withdraw": "no"}
    assert rotating.kept.current.key == new["key"]
    assert rotating.kept.retiring.key == rotating.old["key"]
    code, said = rotating.rotate("--retire")
    assert code == 1
    assert f"still accepts the old key; revoke it there: {rotating.old['key']}" in said["why"]
    administer(rotating.exchange.data, RevokeKey(rotating.old["key"]))
    code, said = rotating.rotate("--retire")
    assert (code, said["retired"]) == (0, True)
    assert (rotating.kept.stage, rotating.kept.retiring) == ("", None)
    code, said = rotating.rotate("--retire")
    assert (code, "no old key to retire" in said["error"]["message"]) == (2, True)


def test_a_new_key_that_does_not_work_changes_nothing(rotating):
    """Bots go on with the old one; the same command tries again, or it is taken back."""
    code, said = rotating.rotate(key={"key": "x" * 64, "secret": "y" * 64})
    assert (code, said["switched"]) == (1, False)
    assert "the venue does not accept the new key: UNKNOWN_KEY" in said["why"]
    assert rotating.kept.current.key == rotating.old["key"]
    assert rotating.kept.stage == "new key not tested"
    assert rotating.rotate()[0] == 1
    assert rotating.rotate("--abort")[0] == 0
    assert rotating.kept.stage == ""
    assert rotating.rotate(key=rotating.new_key())[0] == 0


@pytest.mark.parametrize(
    ("scopes", "ip", "said"),
    [
        ((Scope.READ, Scope.TRADE, Scope.WITHDRAW), ("127.0.0.1",), "may withdraw"),
        ((Scope.READ,), (), "this key lacks the scope trade"),
    ],
)
def test_a_key_that_no_bot_should_hold_is_not_switched_to(rotating, scopes, ip, said):
    code, found = rotating.rotate(key=rotating.new_key(*scopes, ip=ip))
    assert code == 1
    assert said in found["why"]
    assert rotating.kept.current.key == rotating.old["key"]


def test_a_key_with_more_rights_than_the_old_one_is_not_switched_to(rotating):
    """From one bound to an address to one from anywhere."""
    bound = rotating.new_key(ip=("127.0.0.1",))
    assert rotating.rotate(key=bound)[0] == 0
    administer(rotating.exchange.data, RevokeKey(rotating.old["key"]))
    assert rotating.rotate("--retire")[0] == 0
    code, said = rotating.rotate(key=rotating.new_key())
    assert code == 1
    assert "may be used from anywhere; the old one may not" in said["why"]


def test_after_a_leak_the_old_key_is_dead_and_the_new_one_is_taken_all_the_same(rotating):
    administer(rotating.exchange.data, RevokeKey(rotating.old["key"]))
    code, said = rotating.rotate(key=rotating.new_key())
    assert (code, "UNKNOWN_KEY" in said["not_compared"]) == (0, True)
    code, said = rotating.rotate("--retire")
    assert (code, "not accepted from here at the switch either" in said["why"]) == (1, True)
    assert rotating.kept.retiring is not None
    assert rotating.rotate("--retire", "--revoked")[0] == 0


def test_what_a_venue_refuses_for_where_it_is_used_is_not_dead(rotating):
    """Keys that are bound to a server's address, retired from a desk: neither is accepted."""
    new = rotating.new_key()
    assert rotating.rotate(key=new)[0] == 0
    for key in (rotating.old, new):
        administer(rotating.exchange.data, ChangeKey(key["key"], ip=("10.1.2.3",)))
    code, said = rotating.rotate("--retire")
    assert (code, "does not accept the new one either" in said["why"]) == (1, True)
    assert rotating.kept.retiring.key == rotating.old["key"]
    code, said = rotating.rotate("--revoked")
    assert (code, said["error"]["message"]) == (2, "--revoked goes with --retire")


def test_with_real_money_a_key_is_judged_as_the_bot_will_be(rotating):
    """What a live bot would refuse at its start is not switched to."""
    kept = rotating.kept
    terms = msgspec.structs.replace(kept.terms, environments=("live", "sandbox"))
    rotating.file.put(rotating.name, Kept(kept.current, terms), PHRASE, new=False)
    code, said = rotating.rotate(key=rotating.new_key())
    assert (code, "not known to be bound to addresses" in said["why"]) == (1, True)
    assert rotating.rotate("--abort")[0] == 0
    assert rotating.rotate(key=rotating.new_key(ip=("127.0.0.1",)))[0] == 0


def test_what_is_not_known_of_a_new_key_is_more_than_no():
    """The venue says nothing of it, and the old one could not."""
    nothing = Look(None, audit(Refused(RejectReason.UNSUPPORTED, "no word"), None, "BTC-USDT", 0))
    safe = KeyAnswer("k", 1, frozenset(BOT), ("127.0.0.1",), 0, None)
    told = Look(None, audit(safe, None, "BTC-USDT", 0))
    assert "is not known not to: withdraw" in _why_not(nothing, told)
    anywhere = nothing._replace(audit=nothing.audit._replace(scopes=told.audit.scopes))
    assert "not known to be bound" in _why_not(anywhere, told)
    assert _why_not(told, nothing) is None


def test_an_old_key_that_a_bot_has_in_its_memory_is_not_retired(rotating):
    """A bot that was started before the switch; one that was started after it has the new key."""
    own = Ownership(state_directory() / "owners", "key", f"vault:{rotating.name}")
    _, said = rotating.rotate(key=rotating.new_key())
    assert f"restart the bot of process {os.getpid()}" in said["next"][0]
    administer(rotating.exchange.data, RevokeKey(rotating.old["key"]))
    code, said = rotating.rotate("--retire")
    assert code == 1
    assert f"the old key is in use: process {os.getpid()} took it at" in said["why"]
    own.close()
    own = Ownership(state_directory() / "owners", "key", f"vault:{rotating.name}")
    assert rotating.rotate("--retire")[0] == 0
    own.close()


def test_where_a_key_is_tried_must_be_known(rotating, tmp_path):
    """By its terms, or by a bot's configuration."""
    bare = Kept(Secret(rotating.old["key"], rotating.old["secret"]))
    rotating.file.put(rotating.name, bare, PHRASE, new=False)
    new = rotating.new_key()
    code, said = rotating.rotate(key=new)
    assert (code, "--config FILE" in said["error"]["message"]) == (2, True)
    assert rotating.kept.pending is None
    config = tmp_path / "dip.toml"
    config.write_text(config_text(rotating.exchange, "dip", "native"))
    assert rotating.rotate("--config", str(config), key=new)[0] == 0
