"""Ids are a bijection of our numbers, and other venues' lead nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire import uuids

numbers = st.integers(0, 2**64 - 1)


@given(numbers, st.sampled_from([*uuids.Id]), st.sampled_from([*uuids.Id]))
def test_ids_are_random_looking_uuids_and_lead_back(number, kind, other):
    """And one kind's is never taken for another's."""
    uuid = uuids.uuid_of(kind, number)
    assert uuids.is_random_uuid(uuid)
    assert uuids.number_of(kind, uuid) == number
    if other is not kind:
        assert uuids.number_of(other, uuid) is None


def test_a_foreign_uuid_has_a_number_that_leads_nowhere():
    theirs = "a9625b04-fc66-4999-a876-543c3684d702"
    number = uuids.order_number(theirs)
    assert uuids.is_foreign(number)
    assert number < 2**64
    assert number == uuids.order_number(theirs)
    assert uuids.number_of(uuids.Id.ORDER, theirs) is None
    assert not uuids.is_foreign(uuids.order_number(uuids.order_uuid(7)))
    for wrong in ("", "7", theirs.upper(), theirs + "\n", theirs.replace("-", "")):
        with pytest.raises(DecodeError, match="is not a UUID"):
            uuids.order_number(wrong)


def test_client_ids_are_random_uuids():
    assert uuids.is_random_uuid(uuids.client_uuid(0))
    assert uuids.client_uuid(1) == uuids.client_uuid(1) != uuids.client_uuid(2)
    assert not uuids.is_random_uuid("1985ca2d-61ef-19f1-bfce-6c39d8462914")  # version 1
    assert not uuids.is_random_uuid("1985CA2D-61EF-49F1-BFCE-6C39D8462914")


def test_accounts_are_ones_own_or_nobodys():
    mine = uuids.account_uuid(100, 2)
    assert uuids.asset_of(100, mine) == 2
    assert uuids.asset_of(101, mine) is None
    assert len(uuids.user_id(100)) == 24


def test_a_level_has_one_id_a_side_and_price():
    ids = {uuids.level_uuid(side, ticks) for side in Side for ticks in (1, 2, 2**50)}
    assert len(ids) == 6
