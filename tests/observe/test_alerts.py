import pytest

from steelyard.observe.alerts import HOUR_NS, KINDS_MAX, TEXT_MAX, Grade, Notice, Sieve

S = 10**9
AGAIN = 900 * S


def trouble(kind: str = "stream.down", text: str = "x", **more) -> Notice:
    return Notice(
        **{"bot": "dip", "grade": Grade.WARNING, "time_ns": 0, **more}, kind=kind, text=text
    )


def fill(text: str = "buy") -> Notice:
    return Notice("dip", "order.filled", text, Grade.INFO, 0, one_by_one=True)


def texts(notices: list[Notice]) -> list[str]:
    return [notice.text for notice in notices]


def test_the_same_trouble_is_told_at_once_then_counted_then_told_with_its_number():
    sieve = Sieve(AGAIN)
    assert texts(sieve.take(trouble(text="1"), 0)) == ["1"]
    assert sieve.deadline_ns == AGAIN
    for number in range(2, 5):
        assert sieve.take(trouble(text=str(number)), number * S) == []
    assert sieve.wake(AGAIN - 1) == []
    assert texts(sieve.wake(AGAIN)) == ["3 more in 15 min; the last: 4"]
    assert sieve.take(trouble(text="5"), AGAIN + S) == [], "it lasts, and is counted on"
    assert texts(sieve.wake(2 * AGAIN)) == ["1 more in 15 min; the last: 5"]
    assert sieve.wake(3 * AGAIN) == []
    assert sieve.deadline_ns is None
    assert texts(sieve.take(trouble(text="6"), 3 * AGAIN)) == ["6"], "it is news again"


@pytest.mark.parametrize(
    "other", [trouble("key.due"), trouble(bot="grid"), trouble(to=("somebody",))]
)
def test_another_trouble_another_bot_or_other_people_are_not_the_same(other):
    sieve = Sieve(AGAIN)
    sieve.take(trouble(), 0)
    assert sieve.take(other, 1) == [other]


def test_orders_and_fills_are_told_one_by_one():
    sieve = Sieve(AGAIN)
    assert [len(sieve.take(fill("same"), n)) for n in range(5)] == [1] * 5


def test_that_it_is_over_is_told_and_what_comes_then_is_news():
    sieve = Sieve(AGAIN)
    sieve.take(trouble(), 0)
    over = trouble(text="well again", grade=Grade.OVER)
    assert sieve.take(over, 1) == [over]
    assert len(sieve.take(trouble(), 2)) == 1


def test_an_hour_has_so_many_and_what_is_cut_is_counted_and_told():
    sieve = Sieve(AGAIN, per_hour=3)
    told = [len(sieve.take(fill(str(n)), n * S)) for n in range(10)]
    assert told == [1, 1, 1, *[0] * 7]
    assert sieve.deadline_ns == HOUR_NS
    assert sieve.wake(HOUR_NS - 1) == []
    (notice,) = sieve.wake(HOUR_NS)
    assert notice.kind == "alerts.too_many"
    assert notice.text == (
        "7 alerts were not told: more than 3 in an hour. The last: order.filled: 9"
    )


def test_a_bot_that_trades_much_does_not_keep_its_trouble_from_being_heard():
    sieve = Sieve(AGAIN, per_hour=3)
    for number in range(10):
        sieve.take(fill(), number)
    assert len(sieve.take(trouble(), 11)) == 1


def test_nothing_is_lost_silently():
    """Whatever came was told or is counted in what is told, at the latest at the end."""
    sieve = Sieve(60 * S, per_hour=3_600)
    told: list[Notice] = []
    for number in range(200):
        notice = trouble(f"kind.{number % 7}") if number % 3 else fill()
        told += sieve.take(notice, number * S)
        told += sieve.wake(number * S)
    told += sieve.flush(200 * S)
    counted = [int(it.text.split()[0]) for it in told if "more in" in it.text]
    assert len(told) - len(counted) + sum(counted) == 200
    assert sum(counted) > 100


def test_kinds_and_texts_are_bounded():
    sieve = Sieve(AGAIN, per_hour=3_600)
    for number in range(KINDS_MAX + 10):
        sieve.take(trouble(f"k{number}"), 0)
    assert len(sieve._held) == KINDS_MAX
    assert len(sieve.take(trouble("long", "x" * 10_000), 0)[0].text) == TEXT_MAX
