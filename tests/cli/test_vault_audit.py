import json

import pytest
from bot_process import open_account

from steelyard.cli.administration import administer
from steelyard.cli.main import run
from steelyard.cli.vault_audit import findings
from steelyard.domain.messages import Scope
from steelyard.exchange.issuing import RevokeKey
from steelyard.net.clock import Clock
from steelyard.vault.kept import DAY_MS, Kept, Secret, Terms
from steelyard.vault.sealed import Kdf, SealedFile

PHRASE = "correct horse battery"


@pytest.fixture
def file(tmp_path, monkeypatch) -> SealedFile:
    monkeypatch.setenv("STEELYARD_VAULT", str(tmp_path / "vault.json"))
    monkeypatch.setenv("STEELYARD_VAULT_PASSPHRASE", PHRASE)
    return SealedFile(tmp_path / "vault.json", kdf=Kdf(bytes(16), 8, 1, 1))


def audited(capsys, *words: str) -> tuple[int, dict[str, dict]]:
    capsys.readouterr()
    code = run(["vault", "audit", *words, "--json"])
    return code, {it["name"]: it for it in json.loads(capsys.readouterr().out)["secrets"]}


def names(found: dict) -> list[str]:
    return [it["name"] for it in found["findings"]]


def test_terms_alone_are_judged_without_a_passphrase(file, capsys, monkeypatch):
    now_ms = Clock().now_ns() // 10**6
    old = Terms("dip", ("live",), changed=now_ms - 300 * DAY_MS)
    file.put(
        "good", Kept(Secret("k", "s"), Terms("dip", ("live",), changed=now_ms)), PHRASE, new=True
    )
    file.put("old", Kept(Secret("k", "s"), old), PHRASE, new=True)
    file.put("bare", Kept(Secret("k", "s")), PHRASE, new=True)
    monkeypatch.delenv("STEELYARD_VAULT_PASSPHRASE")
    code, found = audited(capsys, "--offline")
    assert code == 1
    assert names(found["vault:good"]) == []
    assert names(found["vault:old"]) == ["key.due"]
    assert names(found["vault:bare"]) == ["key.any_bot", "key.any_environment", "key.age_unknown"]
    assert [found[name]["passes"] for name in sorted(found)] == [True, True, False]
    assert audited(capsys, "good", "--offline")[0] == 0
    assert run(["vault", "audit", "none"]) == 2
    assert "vault:none is not kept" in capsys.readouterr().err


def test_a_rotation_that_is_not_finished_is_told():
    row = {"due": None, "stage": "old key not retired", "bot": "x", "environments": ["live"]}
    assert [it["text"] for it in findings(row | {"age_days": 1})] == [
        "a rotation is not finished: old key not retired"
    ]


@pytest.mark.slow
def test_each_key_is_tried_at_its_venue(exchange, file, capsys):
    """One that works, one that may withdraw, one that is dead, one that cannot be tried; a text."""
    url, ws = exchange.url("native"), exchange.url("native", "ws")
    terms = Terms(
        "dip", ("sandbox",), "native", url, ws, "BTC-USDT", changed=Clock().now_ns() // 10**6
    )
    keys = {
        name: open_account(exchange, f"audit-{name}", *scopes, dialect="native")
        for name, scopes in (("good", ()), ("rich", tuple(Scope)), ("dead", ()))
    }
    administer(exchange.data, RevokeKey(keys["dead"]["key"]))
    for name, key in keys.items():
        kept = Kept(Secret(key["key"], key["secret"]), terms)
        file.put(name, kept, PHRASE, new=True)
    nowhere = Kept(Secret("k", "s"), Terms("dip", ("sandbox",), changed=terms.changed))
    file.put("nowhere", nowhere, PHRASE, new=True)
    file.put("hook", Kept(Secret(text="json://x")), PHRASE, new=True)
    code, found = audited(capsys)
    assert code == 1
    assert {name: it["passes"] for name, it in found.items()} == {
        "vault:good": True,
        "vault:rich": False,
        "vault:dead": False,
        "vault:nowhere": False,
        "vault:hook": True,
    }
    good = found["vault:good"]["venue"]
    assert good["scopes"] == {"read": "yes", "trade": "yes", "withdraw": "no"}
    assert (good["ip_bound"], good["age_days"]) == (False, 0)
    assert good["thief"][0].startswith("A thief")
    assert names(found["vault:rich"]) == ["key.withdraw"]
    assert names(found["vault:dead"]) == ["key.dead"]
    assert names(found["vault:nowhere"]) == ["key.not_tried"]
    assert audited(capsys, "good")[0] == 0
    assert run(["vault", "audit", "good"]) == 0
    said = capsys.readouterr().out
    assert "made 0 days ago, says the venue" in said
    assert keys["good"]["secret"] not in said
