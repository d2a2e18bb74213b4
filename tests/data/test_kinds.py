from steelyard.data.kinds import COLUMNS, NUMBER, ORDER, PRICES, SIZES, TIME, Kind, empty


def test_every_kind_has_its_columns_time_order_and_numbers():
    """What is derived from the table of columns names columns that there are."""
    for kind in Kind:
        columns = set(COLUMNS[kind])
        assert {TIME[kind], *ORDER[kind], *PRICES[kind], *SIZES[kind]} <= columns
        assert (kind in NUMBER) == (kind is not Kind.BARS)
        assert dict(empty(kind).schema) == COLUMNS[kind]
    assert PRICES[Kind.TOUCH] == ("bid_ticks", "ask_ticks")
    assert SIZES[Kind.BARS] == ("volume_lots",)
