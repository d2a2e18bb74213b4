import pytest
from msgspec.structs import replace

from steelyard.domain.messages import SECOND_NS, AccountAnswer, KeyAnswer, Refused, Scope
from steelyard.domain.order import RejectReason
from steelyard.trading.keyaudit import EXPIRES_SOON_NS, Verdict, Waiver, audit

NOW_NS = 1_700_000_000 * SECOND_NS
GOOD = KeyAnswer("k", 1, frozenset({Scope.READ, Scope.TRADE}), ("10.0.0.1",), 0, None)
ACCOUNT = AccountAnswer(1, (), 0, 0, 0, can_trade=True)
WAIVERS = frozenset(Waiver)


def judged(answer=GOOD, account=ACCOUNT, **how):
    return audit(answer, account, "BTC-USDT", NOW_NS, **how)


def names(found) -> list[tuple[str, bool]]:
    return [(finding.name, finding.refuses) for finding in found.findings]


def test_a_good_key_is_fit_for_real_money():
    found = judged(is_live=True)
    assert (found.findings, found.refusal) == ((), None)
    verdicts = {Scope.READ: Verdict.YES, Scope.TRADE: Verdict.YES, Scope.WITHDRAW: Verdict.NO}
    assert (found.scopes, found.is_ip_bound) == (verdicts, True)
    assert found.thief == (
        "A thief could use this key from the addresses on its list only.",
        "He could see balances, orders and fills.",
        "He could cancel every order and trade at prices that are good for somebody else.",
        "He could not take anything out.",
        "It has no end.",
    )


# (what is told of the key, what is found with real money at stake, and in a sandbox)
FOUND = [
    ({"scopes": frozenset(Scope)}, [("key.withdraw", True)], [("key.withdraw", True)]),
    (
        {"unknown": frozenset({Scope.WITHDRAW})},
        [("key.withdraw_unknown", True)],
        [("key.withdraw_unknown", False)],
    ),
    ({"unknown": frozenset({Scope.READ})}, [], []),
    ({"scopes": frozenset({Scope.READ})}, [("key.scope", True)], [("key.scope", True)]),
    ({"ip": ()}, [("key.any_ip", True)], []),
    ({"products": ("ETH-USDT",)}, [("key.product", True)], [("key.product", True)]),
    ({"products": ("ETH-USDT", "BTC-USDT")}, [], []),
    ({"others": ("trade futures",)}, [("key.others", False)], [("key.others", False)]),
    ({"expires_ns": NOW_NS + EXPIRES_SOON_NS - 1}, [("key.ends", False)], [("key.ends", False)]),
    ({"expires_ns": NOW_NS + EXPIRES_SOON_NS}, [], []),
]


@pytest.mark.parametrize(("told", "live", "sandbox"), FOUND)
def test_what_is_found(told, live, sandbox):
    """What takes money out is refused everywhere, what is not known where there is money."""
    assert names(judged(replace(GOOD, **told), is_live=True)) == live
    assert names(judged(replace(GOOD, **told))) == sandbox


def test_only_what_is_not_known_can_be_waived():
    """By name; a key that may withdraw cannot."""
    unsure = replace(GOOD, unknown=frozenset({Scope.WITHDRAW}), ip=())
    assert names(judged(unsure, is_live=True)) == [
        ("key.withdraw_unknown", True),
        ("key.any_ip", True),
    ]
    assert judged(unsure, is_live=True, waived=WAIVERS).refusal is None
    one = judged(unsure, is_live=True, waived=frozenset({Waiver.ANY_IP}))
    assert names(one) == [("key.withdraw_unknown", True), ("key.any_ip", False)]
    taking = judged(replace(GOOD, scopes=frozenset(Scope)), is_live=True, waived=WAIVERS)
    assert "may withdraw" in (taking.refusal or "")


def test_a_venue_that_does_not_tell():
    """Nothing is known: in a sandbox it is told, with real money it refuses."""
    no = Refused(RejectReason.UNSUPPORTED, "there is no such route")
    found = judged(no)
    assert set(found.scopes.values()) == {Verdict.UNKNOWN}
    assert found.refusal is None
    assert "there is no such route" in " ".join(finding.text for finding in found.findings)
    assert "From where a thief could use this key is not known." in found.thief
    assert judged(no, is_live=True).refusal is not None


def test_an_account_that_may_not_trade_is_refused():
    found = judged(account=replace(ACCOUNT, can_trade=False))
    assert names(found) == [("account.no_trade", True)]
    assert judged(account=None).refusal is None


def test_the_venues_own_sentences_come_first():
    """Our exchange knows what there is to lose."""
    assert judged(replace(GOOD, blast_radius=("All of it.",))).thief == ("All of it.",)
    thief = judged(replace(GOOD, ip=(), others=("trade futures",), expires_ns=NOW_NS)).thief
    assert "A thief could use this key from any address: it has no address list." in thief
    assert "He could also use what else it may do: trade futures." in thief
    assert "It ends at 2023-11-14 22:13:20 UTC." in thief
