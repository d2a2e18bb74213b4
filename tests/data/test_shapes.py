import polars as pl
import pytest

from steelyard.data.kinds import Kind
from steelyard.data.shapes import Reader, ShapeError, shape_of
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("date open high low close volume", Kind.BARS),
        ("open_time open high low close volume close_time quote_volume count", Kind.BARS),
        ("timestamp id type side price amount cost", Kind.TRADES),
        ("id price qty quote_qty time is_buyer_maker", Kind.TRADES),
        ("agg_trade_id price quantity transact_time is_buyer_maker", Kind.AGGREGATES),
        (
            "update_id best_bid_price best_bid_qty best_ask_price best_ask_qty event_time",
            Kind.TOUCH,
        ),
        ("symbol timestamp first_update_id last_update_id side price qty pu", Kind.DEPTH),
    ],
)
def test_columns_are_known_by_the_names_that_others_give_them(names, kind):
    assert shape_of(names.split()).kind is kind


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("timestamp percentage depth notional", "sums of the book by percent"),
        ("time price size", "those of no kind of data"),
        ("open high low close volume", "those of no kind"),
    ],
)
def test_columns_of_nothing_known_are_refused(names, said):
    with pytest.raises(UsageError, match=said):
        shape_of(names.split())


def rows_of(frame, *frames, **options):
    reader = Reader(shape_of(frame.columns), **options)
    return [reader.read(each, 1) for each in (frame, *frames)]


def test_the_taker_is_read_from_the_side_or_from_who_the_maker_was():
    by_side = pl.DataFrame(
        {"time": [T0] * 2, "price": [1, 1], "size": [1, 1], "side": ["buy", "S"]}
    )
    by_maker = pl.DataFrame({"time": [T0] * 2, "price": [1, 1], "size": [1, 1], "m": [False, True]})
    for frame in (by_side, by_maker):
        (rows,) = rows_of(frame)
        assert rows.frame["side"].to_list() == [1, -1]


def test_rows_without_numbers_are_counted_within_their_moment():
    """Across frames too; and those with numbers need none."""
    frame = pl.DataFrame(
        {"time": [T0, T0, T0 + 1], "price": [1] * 3, "size": [1] * 3, "side": ["b"] * 3}
    )
    first, second = rows_of(frame, frame.with_columns(time=pl.lit(T0 + 1)))
    assert first.frame["nth"].to_list() == [0, 1, 0]
    assert second.frame["nth"].to_list() == [1, 2, 3]
    (numbered,) = rows_of(frame.with_columns(id=pl.Series([5, 6, 7])))
    assert numbered.frame["nth"].to_list() == [0, 0, 0]
    with pytest.raises(ShapeError, match=r"row 2: time goes back"):
        rows_of(frame.with_columns(time=pl.Series([T0 + 5, T0, T0 + 6])))


def test_a_message_of_depth_is_one_and_a_snapshot_begins_with_a_clear():
    frame = pl.DataFrame(
        {
            "timestamp": [T0, T0, T0 + 1, T0 + 1],
            "first_update_id": [10, 10, 11, 11],
            "last_update_id": [10, 10, 12, 12],
            "side": ["b", "a", "b", "b"],
            "update_type": ["snap", "snap", "set", "delete"],
            "price": ["1", "2", "1", "1.5"],
            "qty": ["5", "6", "7", "8"],
            "pu": [-1, -1, 10, 10],
        }
    )
    (rows,) = rows_of(frame)
    columns = ["first_id", "last_id", "nth", "side", "price_ticks", "size_lots"]
    assert rows.frame.select(columns).rows() == [
        (0, 10, 0, 0, 0, 0),
        (0, 10, 1, 1, 10, 5),
        (0, 10, 2, -1, 20, 6),
        (11, 12, 0, 1, 10, 7),
        (11, 12, 1, 1, 15, 0),
    ]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("price", ["1", "x"], "row 2, price: 'x' is not a number"),
        ("size", ["1", None], "row 2, size: there is nothing"),
        ("time", [T0, 5], "row 2, time: 5 is not in milliseconds"),
        ("side", ["buy", "up"], "row 2, side: 'up' is no side"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named(column, values, said):
    good = {"time": [T0, T0 + 1], "price": ["1", "2"], "size": ["1", "1"], "side": ["buy", "sell"]}
    with pytest.raises(ShapeError, match=said):
        rows_of(pl.DataFrame(good | {column: values}))


def test_a_file_tells_time_in_one_unit():
    frame = pl.DataFrame(
        {"time": [T0], "open": [1], "high": [1], "low": [1], "close": [1], "vol": [1]}
    )
    with pytest.raises(ShapeError, match="times are in microseconds, and were in milliseconds"):
        rows_of(frame, frame.with_columns(time=pl.lit(T0 * 1000)))


def test_bars_that_are_told_by_their_end_begin_before():
    frame = pl.DataFrame({"time": [T0], "o": [1], "h": [1], "l": [1], "c": [1], "v": [1]})
    (rows,) = rows_of(frame, ends_ns=60 * 10**9)
    assert rows.frame["open_ns"].to_list() == [T0 * 10**6 - 60 * 10**9]
