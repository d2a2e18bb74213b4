import pickle

import msgspec
import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.vault.kept import (
    DAY_MS,
    DOCUMENT_MAX_BYTES,
    Holder,
    Kept,
    Secret,
    Terms,
    decode,
    encode,
)

OLD, NEW = Secret("k1", "hunter2-old"), Secret("k2", "hunter2-new", "p")


def test_a_document_goes_out_and_comes_back():
    """With its terms and a rotation under way."""
    terms = Terms("dip", ("sandbox",), "native", created=5, changed=6, expires=7, rotate_days=8)
    for kept in (Kept(OLD), Kept(NEW, terms, OLD), Kept(NEW, terms, None, OLD)):
        assert decode(encode(kept), "x") == kept


def test_what_a_person_would_write_is_read():
    assert decode(b'{"key": "k1", "secret": "hunter2-old"}', "x") == Kept(OLD)
    assert decode(b'{"text": "https://hook"}', "x").current == Secret(text="https://hook")


@pytest.mark.parametrize("text", [b"", b"hunter2", b"{}", b'{"key": "hunter2"}', b'{"key": 5}'])
def test_what_is_no_document_is_said_and_not_repeated(text):
    with pytest.raises(ConfigError, match="aws-sm:x gave no key: expected") as caught:
        decode(text, "aws-sm:x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_document_is_bounded():
    """What AWS does not take is told before it is asked."""
    with pytest.raises(UsageError, match="a secret may have 65536 bytes"):
        encode(Kept(Secret("k", "x" * DOCUMENT_MAX_BYTES)))


def test_a_secret_does_not_print_and_is_not_pickled():
    kept = Kept(OLD, pending=NEW)
    assert "hunter2" not in f"{kept} {kept!r} {OLD!r} {[OLD]}"
    with pytest.raises(TypeError):
        pickle.dumps(OLD)


def test_four_steps_lead_from_one_key_to_the_next():
    """The old one goes last, and only by a step of its own."""
    kept = Kept(OLD, Terms(changed=1, expires=2)).brought(NEW)
    assert (kept.current, kept.stage) == (OLD, "new key not tested")
    assert kept.aborted() == Kept(OLD, Terms(changed=1, expires=2))
    kept = kept.switched(now_ms=9)
    assert (kept.current, kept.retiring, kept.stage) == (NEW, OLD, "old key not retired")
    assert (kept.terms.changed, kept.terms.expires) == (9, None)
    with pytest.raises(UsageError, match="is not retired"):
        kept.brought(Secret("k3", "s"))
    assert kept.retired() == Kept(NEW, Terms(changed=9))
    with pytest.raises(UsageError, match="there already"):
        kept.retired().brought(NEW)


def test_a_reminder_comes_by_age_and_by_end():
    """At the day that the terms name, and a week before the venue's own end."""
    terms = Terms(changed=DAY_MS, rotate_days=180)
    assert terms.due(180 * DAY_MS) is None
    assert terms.due(181 * DAY_MS) == "it is 180 days old; 180 are its terms"
    terms = Terms(expires=100 * DAY_MS)
    assert terms.due(93 * DAY_MS) is None
    assert terms.due(93 * DAY_MS + 1) == "it ends in 6 days"
    assert terms.due(100 * DAY_MS) == "it has ended"
    assert Terms().due(DAY_MS * 10_000) is None, "nobody knows how old it is"


def test_a_key_is_its_bots_and_its_environments_alone():
    terms = Terms("dip", ("sandbox", "paper"))
    terms.refuse("n", Holder("dip", "paper"))
    Terms().refuse("n", Holder("any", "live"))
    with pytest.raises(ConfigError, match="key n belongs to the bot 'dip', not to 'grid'"):
        terms.refuse("n", Holder("grid", "paper"))
    with pytest.raises(ConfigError, match="is for sandbox, paper, not for 'live'"):
        terms.refuse("n", Holder("dip", "live"))


def test_terms_are_written_as_they_were():
    """Sealed entries are bound to this text: another one would open none of them."""
    assert msgspec.json.encode(Terms()) == b"{}"
    assert msgspec.json.encode(Terms("b", rotate_days=179)) == b'{"bot":"b","rotate_days":179}'
