from steelyard.dialects.kraken import account_messages
from tests.dialects.kraken.samples import unsampled


def test_every_message_has_a_sample():
    assert unsampled(account_messages) == []
