"""What a dialect is made of: the few things in it that act, and the numbers that must differ."""

from itertools import pairwise

import msgspec
import pytest

from steelyard.domain.instrument import Listings
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Asker,
    Channel,
    ChannelKind,
    Credentials,
    Endpoint,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import UNLIMITED

SECRET = "hunter2-hunter2"
PASSPHRASE = "open sesame"
KEY = ApiKey("public-part", SECRET.encode(), PASSPHRASE)


def test_access_reasons_are_in_the_order_of_the_checks():
    """Later is larger, so the first of several refusals is the least."""
    assert all(before < after for before, after in pairwise(AccessReason))
    assert next(iter(AccessReason)) is AccessReason.BODY_TOO_LARGE


def test_a_table_may_have_rows_for_both_kinds_of_reasons():
    """No number means two things: an IntEnum equals any other of its number."""
    reasons = [*RejectReason, *AccessReason]
    assert len(set(reasons)) == len(reasons)
    assert max(RejectReason) < min(AccessReason)


@pytest.mark.parametrize(
    "shown",
    [repr, str, format, "{0!r} {0!s}".format, lambda key: str([key]),
     lambda key: repr({"key": key}), lambda key: repr(ValueError(key))],
)  # fmt: skip
def test_a_key_is_shown_without_its_secret(shown):
    """Neither secret nor passphrase stands in a message, however the key gets into it."""
    text = shown(KEY)
    assert "public-part" in text
    assert SECRET not in text
    assert PASSPHRASE not in text


def test_a_key_is_what_it_was_made_of():
    """Signing gets the bytes; most venues have no passphrase."""
    assert (KEY.secret, KEY.passphrase) == (SECRET.encode(), PASSPHRASE)
    assert ApiKey("k", b"s").passphrase == ""


def test_a_session_refused_carries_the_refusal():
    """Its text is the refusal's, for a log; the rest is for the venue's words."""
    refusal = Refusal(AccessReason.KEY_LIMIT, "wait 3 s", retry_after_ns=3_000_000_000)
    error = SessionRefused(refusal)
    assert error.refusal is refusal
    assert str(error) == "wait 3 s"


def test_a_refusal_says_no_more_than_it_was_told():
    """Without a field, a pause or a venue's code there is none."""
    refusal = Refusal(RejectReason.UNKNOWN_ORDER, "no such order")
    assert (refusal.field, refusal.retry_after_ns, refusal.code) == (None, 0, None)


def test_an_asker_of_whom_nothing_is_known_has_no_orders():
    """The public asks without an account: no order is found and no limit was counted."""
    asker = Asker(0, "", 0, Listings(), UNLIMITED)
    assert asker.find_order(OrderQuery(0, order_id=1)) is None
    assert asker.usage == ()


def test_credentials_have_a_nonce_only_where_the_venue_has_one():
    """None is not a nonce that was used before."""
    assert Credentials("k", "s", (b"p",), None, 0, 0).nonce is None


def test_an_endpoint_places_no_order_and_answers_200_unless_it_says_so():
    """The order limit counts only what is marked."""

    class Nothing(msgspec.Struct):
        pass

    endpoint = Endpoint(
        "GET",
        "/x",
        Nothing,
        Nothing,
        auth=0,
        scope=None,
        decode=lambda _parameters, _asker: None,
        encode=lambda _answer, _parameters, _asker: None,
        weight=lambda _parameters: 1,
    )
    assert not endpoint.is_order
    assert endpoint.status == 200


CHANNEL = Channel(ChannelKind.CANDLES, 3, 0, 250_000_000, 60_000_000_000)


def test_equal_subscriptions_share_their_frames():
    """Two sessions that ask for the same thing have one entry in a table of frames."""
    again = Channel(ChannelKind(5), 3, 0, 250_000_000, 60_000_000_000)
    assert len({Subscription("a", CHANNEL, "raw"), Subscription("a", again, "raw")}) == 1


@pytest.mark.parametrize(
    "other",
    [
        Subscription("b", CHANNEL, "raw"),
        Subscription("a", CHANNEL, "combined"),
        Subscription("a", CHANNEL._replace(kind=ChannelKind.BOOK), "raw"),
        Subscription("a", CHANNEL._replace(instrument_id=4), "raw"),
        Subscription("a", CHANNEL._replace(account_id=100), "raw"),
        Subscription("a", CHANNEL._replace(period_ns=0), "raw"),
        Subscription("a", CHANNEL._replace(interval_ns=1), "raw"),
    ],
)
def test_subscriptions_that_differ_share_nothing(other: Subscription):
    """Above all no account sees another's frames."""
    assert len({Subscription("a", CHANNEL, "raw"), other}) == 2
