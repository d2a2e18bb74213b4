from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import Traded
from steelyard.domain.messages import Trade
from steelyard.domain.order import Side
from steelyard.exchange.aggregates import AggregateIds, aggregates_of

# (command, taker order, price in ticks, side)
takers = st.tuples(
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 3), st.sampled_from([*Side])
)


def effect(taker_id, ticks, side):
    return Traded(0, 1, ticks, 5, side, taker_id, 9)


@given(st.lists(takers, max_size=20))
def test_every_trade_is_in_one_aggregate_and_only_what_belongs_together_is(makers):
    """Numbers and trade ids have no gap; a part of an aggregate has its price and side."""
    ids = AggregateIds()
    trades = [
        Trade(0, number, ticks, number, side, 7, ids.number(command, effect(taker, ticks, side)))
        for number, (command, taker, ticks, side) in enumerate(makers, 1)
    ]
    made = [*aggregates_of(trades)]
    assert [a.aggregate_id for a in made] == [*range(1, len(made) + 1)]
    spans = [(a.first_trade_id, a.last_trade_id) for a in made]
    assert [n for first, last in spans for n in range(first, last + 1)] == [
        t.trade_id for t in trades
    ]
    for aggregate in made:
        span = slice(aggregate.first_trade_id - 1, aggregate.last_trade_id)
        assert len(set(makers[span])) == 1
        assert aggregate.size_lots == sum(t.size_lots for t in trades[span])
        after = makers[span.stop : span.stop + 1]
        assert after != makers[span.stop - 1 : span.stop]


def test_two_commands_of_a_house_are_two_takers():
    """It has no order ids: what tells them apart is the command."""
    ids = AggregateIds()
    house = effect(0, 100, Side.BUY)
    assert [ids.number(n, house) for n in (1, 1, 2)] == [1, 1, 2]
    ids.restore(8)
    assert ids.number(2, house) == 9
