from typing import get_args

from steelyard.domain.commands import Command
from steelyard.domain.messages import Query
from steelyard.domain.stream_tokens import StreamTokenMessage
from steelyard.domain.transfers import MoneyMessage


def test_a_token_is_asked_for_apart_from_everything_else():
    """It changes nothing that is journaled, and a strategy has no words for it."""
    others = {*get_args(Command), *get_args(Query), *get_args(MoneyMessage)}
    assert not set(get_args(StreamTokenMessage)) & others
