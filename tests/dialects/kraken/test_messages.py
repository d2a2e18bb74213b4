"""Every message against a sample in the documented shape: nothing is dropped or reformatted."""

import re

import msgspec
import pytest

from steelyard.dialects.kraken import messages
from tests.dialects.kraken.samples import SAMPLES, kind_of, sample, unsampled


def tokens(text: bytes) -> list[bytes]:
    """Return a document's words and numbers as they are spelled, without their order."""
    return sorted(re.findall(rb'"[^"]*"|[^\s,:{}\[\]]+', text))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Digit by digit: numbers keep their zeros."""
    found = sample(path)
    payload = bytes(found.payload)
    encoded = msgspec.json.encode(msgspec.json.decode(payload, type=kind_of(found.message)))
    told = msgspec.json.decode(payload)
    kept = {name: value for name, value in msgspec.json.decode(encoded).items() if name in told}
    assert kept == told
    missing = [token for token in tokens(payload) if token not in tokens(encoded)]
    assert missing == []


def test_every_message_of_the_market_has_a_sample():
    assert unsampled(messages) == []
