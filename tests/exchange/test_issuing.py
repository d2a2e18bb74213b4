import msgspec
import pytest
from desk import SECOND_NS, Desk
from hypothesis import given
from hypothesis import strategies as st
from key_pairs import pair

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange import issuing
from steelyard.exchange.admin import AdminCall
from steelyard.exchange.issuing import (
    ChangeKey,
    CreateKey,
    KeyHistory,
    ListKeys,
    RevokeKey,
    RotateKey,
    ShowKey,
)
from steelyard.exchange.keys import LIMITER, WITHDRAW_COOLING_NS, KeptKey
from steelyard.exchange.records import KeyRevoked, codec
from steelyard.exchange.snapshot import read_snapshot

HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
HERE = ("10.0.0.0/24",)
ALL = tuple(Scope)


def carry(desk, call):
    # As it arrives over loopback: a struct that has been text.
    sent = msgspec.json.decode(msgspec.json.encode(call), type=AdminCall)
    return desk.admin.carry_out(sent, desk.tick())


def key(desk, *scopes, **options):
    return carry(desk, CreateKey("alice", "native", scopes or (Scope.READ,), **options))["key"]


def shown(desk, name):
    (found,) = (k for k in carry(desk, ListKeys())["keys"] if k["key"] == name)
    return found


def replayed(desk, records):
    """Return an exchange that has read the records from a journal."""
    again, journal = Desk(funded=False), codec()
    for number, (time_ns, message) in enumerate(records, 1):
        again.exchange.replay(journal.decode(number, journal.encode(message, time_ns)))
    return again.exchange


# -- rotation -----------------------------------------------------------------------------------


def test_a_rotated_key_has_an_heir_that_may_do_the_same(desk):
    """B18: terms, label and lifetime are the old one's; the secret is not."""
    old = carry(
        desk,
        CreateKey(
            "alice", "native", (Scope.READ, Scope.TRADE), HERE, 90 * DAY_NS, "bot",
            products=("btc/usdt",),
        ),
    )  # fmt: skip
    desk.tick(10 * 24 * 3600)
    new = carry(desk, RotateKey(old["key"], 2 * HOUR_NS))
    assert new["secret"] != old["secret"]
    assert new["overlap_ends"] == (desk.now_ns + 2 * HOUR_NS) // 1_000_000
    assert new["expires"] == (desk.now_ns + 90 * DAY_NS) // 1_000_000
    before, after = shown(desk, old["key"]), shown(desk, new["key"])
    alike = ("account", "dialect", "kind", "scopes", "products", "ip", "label")
    assert {what: after[what] for what in alike} == {what: before[what] for what in alike}
    assert before["products"] == ["BTC-USDT"]
    assert (before["replaced_by"], after["replaces"]) == (new["key"], old["key"])
    assert (before["works"], after["works"]) == (True, True)
    desk.tick(2 * 3600)
    assert (shown(desk, old["key"])["works"], shown(desk, new["key"])["works"]) == (False, True)


def test_a_key_pair_is_rotated_by_another_public_half(desk):
    kind = KeyKind.ES256
    old = key(desk, kind=kind, public_key=pair(kind)[1])
    with pytest.raises(UsageError, match="needs its public half"):
        carry(desk, RotateKey(old))
    new = carry(desk, RotateKey(old, public_key=pair(kind, 1)[1]))
    keys = desk.exchange.keys
    assert keys.public_key(keys.find(new["key"])).pem.decode() == pair(kind, 1)[1]
    assert new["secret"] == ""


def test_a_rotation_is_one_record(desk):
    """A crash leaves both halves of it or none."""
    old = key(desk)
    desk.exchange.drain()
    carry(desk, RotateKey(old))
    assert len(desk.exchange.drain().records) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (RotateKey("nobody"), "no key 'nobody'; `steelyard key list` shows all"),
        (RotateKey("rotated"), "rotated already: .* replaces it; rotate that one"),
        (RotateKey("revoked"), "revoked, and an end is final; create another"),
        (RotateKey("expired"), "expired, and an end is final; create another"),
        (RotateKey("plain", -1), "an overlap is from 0s to 30d; a key that leaked wants 0s"),
        (RotateKey("plain", issuing.OVERLAP_MAX_NS + 1), "an overlap is from 0s to 30d"),
        (RotateKey("plain", actor=""), "who does it has a name of 1 to 100 characters"),
        (RotateKey("plain", public_key=pair(KeyKind.ED25519)[1]), "kind hmac have no public"),
        (ChangeKey("revoked", label="x"), "revoked, and an end is final"),
        (ChangeKey("plain", scopes=()), "at least one scope"),
        (ChangeKey("plain", scopes=(Scope.WITHDRAW,)), "needs an address list; add --ip"),
        (ChangeKey("plain", ip=("x",)), "'x' is not an IP address"),
        (ChangeKey("plain", lifetime_ns=0), "would have expired"),
        (ChangeKey("plain", products=("DOGE-USDT",)), "no instrument 'DOGE-USDT' here"),
        (ChangeKey("plain", label="x" * 101), "a label has at most 100 characters, not 101"),
        (ChangeKey("plain", label="a\x1b[2J"), r"printable characters only, not '\\x1b'"),
        (CreateKey("alice", "native", ALL, HERE, label="a\nb"), r"printable .* not '\\n'"),
        (ChangeKey("plain", ip=("fe80::1%\x1b[31m",)), "names a zone"),
        (CreateKey("alice", "native", ALL, HERE, products=("X",)), "no instrument 'X' here"),
        (CreateKey("alice", "mtgox", ALL, HERE), "no dialect 'mtgox'"),
        (
            CreateKey("alice", "binance", ALL, HERE, kind=KeyKind.ES256, public_key="x"),
            "the dialect binance has no signatures by es256 keys; it takes hmac, ed25519, rsa",
        ),
        (ShowKey("nobody"), "no key 'nobody'"),
        (KeyHistory("nobody"), "no key 'nobody'"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_no_record(desk, call, words):
    names = {"plain": key(desk), "rotated": key(desk), "revoked": key(desk)}
    names["expired"] = key(desk, lifetime_ns=5 * SECOND_NS)
    carry(desk, RotateKey(names["rotated"]))
    carry(desk, RevokeKey(names["revoked"]))
    desk.tick(5)
    if getattr(call, "key", None) in names:
        call = msgspec.structs.replace(call, key=names[call.key])
    desk.exchange.drain()
    with pytest.raises(UsageError, match=words):
        carry(desk, call)
    assert desk.exchange.drain().records == []


# -- change -------------------------------------------------------------------------------------


def test_a_change_changes_what_it_names_and_nothing_else(desk):
    name = key(desk, Scope.READ, Scope.TRADE, ip=HERE, lifetime_ns=DAY_NS, label="bot")
    before = shown(desk, name)
    after = carry(desk, ChangeKey(name, scopes=(Scope.READ,)))
    assert {w for w in before if before[w] != after[w]} == {"scopes"}
    after = carry(desk, ChangeKey(name, ip=(), products=("BTC-USDT",), label="", lifetime_ns=None))
    assert (after["ip"], after["products"], after["label"]) == ([], ["BTC-USDT"], "")
    assert after["expires"] is None
    after = carry(desk, ChangeKey(name, lifetime_ns=HOUR_NS, products=()))
    assert after["expires"] == (desk.now_ns + HOUR_NS) // 1_000_000
    assert after["products"] == []
    desk.tick(60)
    new = carry(desk, RotateKey(name))
    assert new["expires"] == (desk.now_ns + HOUR_NS) // 1_000_000, "its last lifetime is kept"


def test_a_key_that_may_do_everything_is_warned_of(desk):
    """B12."""
    made = carry(desk, CreateKey("alice", "native", ALL, HERE))
    assert "this key may do everything" in made["warnings"][0]
    part = carry(desk, ChangeKey(made["key"], scopes=(Scope.READ, Scope.TRADE)))
    assert part["warnings"] == []


def test_withdrawing_begins_a_day_after_it_was_allowed(desk):
    """B10: with the scope, and anew with an address or a rotation; not with fewer addresses."""

    def cools(call):
        told = carry(desk, call)
        return told["withdraw_from"] and told["withdraw_from"] * 1_000_000 - desk.now_ns

    name = key(desk, Scope.READ)
    assert cools(ChangeKey(name, label="x")) is None
    ip = ("10.0.0.0/24", "2001:db8::/56")
    day_ns = WITHDRAW_COOLING_NS
    assert cools(ChangeKey(name, scopes=(Scope.WITHDRAW,), ip=ip)) == day_ns
    assert cools(ChangeKey(name, ip=("10.0.0.0/25", "2001:db8::/60"))) == day_ns - SECOND_NS
    assert cools(ChangeKey(name, ip=("10.2.0.0/24",))) == day_ns
    assert cools(ChangeKey(name, ip=("2001:db8::/56",))) == day_ns
    desk.tick(3600)
    assert cools(ChangeKey(name, label="y")) == day_ns - 3601 * SECOND_NS
    assert cools(ChangeKey(name, scopes=(Scope.READ,))) is None
    assert cools(ChangeKey(name, scopes=(Scope.WITHDRAW,))) == day_ns
    assert cools(RotateKey(name)) == day_ns


def test_a_history_that_is_full_is_not_cut_but_ends_the_changes(desk, monkeypatch):
    monkeypatch.setattr(issuing, "EVENTS_MAX", 3)
    name = key(desk)
    for label in "ab":
        carry(desk, ChangeKey(name, label=label))
    with pytest.raises(UsageError, match="changed 3 times, more than its history holds; rotate it"):
        carry(desk, ChangeKey(name, label="c"))
    carry(desk, RevokeKey(name))
    assert [e["what"] for e in carry(desk, KeyHistory(name))["events"]][-1] == "revoked"


# -- the trail ----------------------------------------------------------------------------------


def test_everything_that_was_done_to_a_key_is_told_with_who_did_it(desk):
    old = key(desk, actor="alice")
    carry(desk, ChangeKey(old, scopes=(Scope.TRADE,), label="bot", actor="alice"))
    new = carry(desk, RotateKey(old, actor="bob"))["key"]
    carry(desk, RevokeKey(old))
    desk.exchange.record(KeyRevoked(new, "going on and on"), desk.tick())
    events = carry(desk, KeyHistory(old))["events"]
    assert [(e["what"], e["by"]) for e in events] == [
        ("created", "alice"),
        ("changed", "alice"),
        ("rotated", "bob"),
        ("revoked", "administrator"),
    ]
    assert events[1]["detail"] == "scopes: read -> trade; label: '' -> 'bot'"
    assert events[2]["detail"] == f"{new} replaces it"
    every = carry(desk, KeyHistory())["events"]
    assert [e["time"] for e in every] == sorted(e["time"] for e in every)
    (last,) = (e for e in every if (e["key"], e["what"]) == (new, "revoked"))
    assert (last["by"], last["detail"]) == (LIMITER, "going on and on")


def test_of_all_keys_the_newest_events_are_told(desk, monkeypatch):
    monkeypatch.setattr(issuing, "HISTORY_MAX", 2)
    names = [key(desk) for _ in range(3)]
    assert [e["key"] for e in carry(desk, KeyHistory())["events"]] == names[1:]


def test_a_key_of_an_older_snapshot_still_reads(desk):
    """As it was kept before there were rotations, changes and endpoints."""
    kept = desk.exchange.keys.find(key(desk))
    document = msgspec.to_builtins(kept)
    for later in ("last_endpoint", "term_ns", "replaced_by", "overlap_ends_ns", "trail"):
        del document[later]
    for later in ("products", "withdraw_from_ns", "replaces", "overlap_ends_ns", "by"):
        del document["created"][later]
    again = msgspec.json.decode(msgspec.json.encode(document), type=KeptKey)
    assert again == msgspec.structs.replace(kept, trail=[])
    assert [e.what for e in again.events()] == ["created"]


def test_a_key_from_before_there_was_a_trail_was_created_and_perhaps_revoked(desk):
    kept = desk.exchange.keys.find(key(desk))
    bare = KeptKey(kept.created, kept.created_ns, revoked_ns=7)
    assert [(e.what, e.time_ns) for e in bare.events()] == [
        ("created", kept.created_ns),
        ("revoked", 7),
    ]


class Person:
    """Does whatever to keys that Hypothesis thinks of; what is refused is refused."""

    def __init__(self, desk):
        self.desk = desk
        self.names = []

    def act(self, what, number, scopes, seconds):
        self.desk.tick(seconds)
        name = self.names[number % len(self.names)] if self.names else "nobody"
        call = {
            "create": CreateKey("alice", "native", scopes, HERE, (1 + number) * 60 * SECOND_NS),
            "rotate": RotateKey(name, number * 10 * SECOND_NS),
            "change": ChangeKey(name, scopes=scopes, lifetime_ns=(1 + number) * 90 * SECOND_NS),
            "revoke": RevokeKey(name),
        }[what]
        try:
            told = carry(self.desk, call)
        except UsageError:
            return
        if told["key"] not in self.names:
            self.names.append(told["key"])


steps = st.tuples(
    st.sampled_from(["create", "rotate", "change", "revoke"]),
    st.integers(0, 5),
    st.lists(st.sampled_from(Scope), min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(0, 100),
)


@given(st.lists(steps, max_size=25))
def test_a_replay_and_a_snapshot_know_the_same_keys(sequence):
    """Whatever was done to them: trail, overlaps, cooling periods and ends are the journal's."""
    desk = Desk()
    person = Person(desk)
    for step in sequence:
        person.act(*step)
    snapshot = desk.exchange.snapshot()
    live = desk.exchange.keys.people
    again = replayed(desk, desk.exchange.drain().records)
    assert again.keys.people == live
    assert read_snapshot(snapshot).people == live
    restored = Desk(funded=False).exchange
    restored.restore(snapshot)
    for name in person.names:
        for at_ns in (desk.now_ns, desk.now_ns + 100 * SECOND_NS):
            expected = desk.exchange.keys.ended(name, at_ns)
            assert again.keys.ended(name, at_ns) == expected
            assert restored.keys.ended(name, at_ns) == expected


def test_an_account_keeps_its_name_through_a_snapshot(desk):
    restored = Desk(funded=False).exchange
    restored.restore(desk.exchange.snapshot())
    assert restored.keys.name_of(desk.alice) == "alice"
