from typing import get_args

from steelyard.domain.commands import Command
from steelyard.domain.messages import Query
from steelyard.domain.transfers import MoneyMessage


def test_a_strategy_has_no_words_for_money():
    """A trader's end of a dialect takes Commands and Queries; none of these is one."""
    assert not set(get_args(MoneyMessage)) & {*get_args(Command), *get_args(Query)}
