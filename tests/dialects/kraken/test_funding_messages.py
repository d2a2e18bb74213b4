from steelyard.dialects.kraken import funding_messages
from tests.dialects.kraken.samples import unsampled


def test_every_message_has_a_sample():
    assert unsampled(funding_messages) == []
