"""Every message against a sample in the documented shape: nothing is dropped or reformatted."""

import json

import msgspec
import pytest

from steelyard.dialects.okx import messages
from tests.dialects.okx.samples import SAMPLES, kind_of, sample, unsampled


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    found = sample(path)
    payload = bytes(found.payload)
    encoded = msgspec.json.encode(msgspec.json.decode(payload, type=kind_of(found.message)))
    told = json.loads(payload)
    kept = {name: value for name, value in json.loads(encoded).items() if name in told}
    assert kept == told


def test_every_message_of_the_market_has_a_sample():
    assert unsampled(messages) == []
