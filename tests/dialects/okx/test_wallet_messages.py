from steelyard.dialects.okx import wallet_messages
from tests.dialects.okx.samples import unsampled


def test_every_message_has_a_sample():
    assert unsampled(wallet_messages) == []
