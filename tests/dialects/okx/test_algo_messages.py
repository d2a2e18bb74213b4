from steelyard.dialects.okx import algo_messages
from tests.dialects.okx.samples import unsampled


def test_every_message_has_a_sample():
    assert unsampled(algo_messages) == []
