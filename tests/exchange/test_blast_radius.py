import pytest
from desk import SECOND_NS

from steelyard.domain.messages import KeyQuery, Scope
from steelyard.exchange.blast_radius import blast_radius
from steelyard.exchange.issuing import CreateKey, RevokeKey, RotateKey, ShowKey

HERE = ("10.0.0.0/24", "::1/128")
DAY_NS = 24 * 3600 * SECOND_NS


def said(desk, *scopes, after_s=0, **options):
    made = desk.admin.carry_out(CreateKey("alice", "native", scopes, **options), desk.now_ns)
    desk.tick(after_s)
    return desk.admin.carry_out(ShowKey(made["key"]), desk.now_ns)["blast_radius"]


@pytest.mark.parametrize(
    ("scopes", "options", "sentences"),
    [
        (
            (Scope.READ,),
            {},
            [
                "A thief could use this key from any address: it has no address list.",
                "It shows the account's balances, orders and fills.",
                "It cannot place, change or cancel an order.",
                "It cannot withdraw: nothing leaves the account by it.",
                "It works until somebody revokes it: it has no expiry.",
            ],
        ),
        (
            (Scope.TRADE,),
            {"ip": HERE, "lifetime_ns": 60 * SECOND_NS},
            [
                ("A thief could use this key only from 10.0.0.0/24, ::1/128; from anywhere else it "
                "opens nothing."),
                "It does not show the account's balances, orders or fills.",
                ("It can cancel every order and trade in every market, at prices that are good for "
                "somebody else: 100 BTC, 1000000 USDT could be lost that way."),
                "It cannot withdraw: nothing leaves the account by it.",
                "It works until 2023-11-14 22:14:20 UTC, or until somebody revokes it.",
            ],
        ),
        (
            (Scope.TRADE,),
            {"products": ("BTC-USDT",)},
            [
                ("It can trade and cancel in BTC-USDT only, at prices that are good for somebody "
                "else: 100 BTC, 1000000 USDT could be lost that way."),
            ],
        ),
        (
            (Scope.WITHDRAW,),
            {"ip": HERE},
            [("It can withdraw 100 BTC, 1000000 USDT from 2023-11-15 22:13:20 UTC on; revoke it "
             "before.")],
        ),
        (
            (Scope.WITHDRAW,),
            {"ip": HERE, "after_s": 86_400},
            ["It can withdraw 100 BTC, 1000000 USDT at once."],
        ),
        (
            (Scope.READ,),
            {"lifetime_ns": SECOND_NS, "after_s": 1},
            ["This key has ended: a thief could do nothing with it."],
        ),
    ],
)  # fmt: skip
def test_a_key_says_what_a_thief_could_do_with_it(desk, scopes, options, sentences):
    """B30: from where, what is seen, lost and taken, how long."""
    told = said(desk, *scopes, **options)
    assert told == sentences if len(sentences) > 1 else sentences[0] in told


def test_what_is_held_by_an_order_can_be_lost_too_and_nothing_is_nothing(desk):
    made = desk.admin.carry_out(CreateKey("alice", "native", (Scope.TRADE,)), desk.now_ns)
    kept = desk.exchange.keys.find(made["key"])
    sentences = blast_radius(kept, (), desk.exchange.listings, desk.now_ns)
    assert "nothing right now, and whatever is deposited later, could be lost" in sentences[2]


def test_the_sentences_change_with_the_key(desk):
    """The asking key gets the same ones; a replaced or revoked key is no danger any more."""
    made = desk.admin.carry_out(CreateKey("alice", "native", (Scope.READ,)), desk.now_ns)
    shown = desk.admin.carry_out(ShowKey(made["key"]), desk.now_ns)["blast_radius"]
    assert list(desk.exchange.ask(KeyQuery(made["key"]), desk.now_ns).blast_radius) == shown
    desk.admin.carry_out(RotateKey(made["key"], DAY_NS), desk.now_ns)
    shown = desk.admin.carry_out(ShowKey(made["key"]), desk.now_ns)["blast_radius"]
    assert shown[-1] == "It works until 2023-11-15 22:13:20 UTC, or until somebody revokes it."
    over = desk.admin.carry_out(ShowKey(made["key"]), desk.tick(86_400))["blast_radius"]
    assert over == ["This key has ended: a thief could do nothing with it."]
    desk.admin.carry_out(RevokeKey(made["key"]), desk.now_ns)
    assert desk.admin.carry_out(ShowKey(made["key"]), desk.now_ns)["blast_radius"] == over
