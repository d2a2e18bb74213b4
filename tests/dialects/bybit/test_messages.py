"""Samples of these messages, in the documented shape, through our structs."""

import pytest

from steelyard.dialects.bybit import messages
from tests.dialects.bybit.samples import again, of_module, unsampled


@pytest.mark.parametrize(("name", "kind", "payload"), of_module(messages))
def test_a_sample_decodes_and_encodes_to_itself(name, kind, payload):
    """Field by field: nothing is dropped, renamed or reformatted."""
    before, after = again(payload, kind)
    # What a struct adds to a shorter message is a default that means nothing.
    assert {field: after.get(field) for field in before} == before, name


def test_every_message_of_the_exchange_has_a_sample():
    assert unsampled(messages) == []
