from steelyard.domain.messages import SECOND_NS
from steelyard.trading.markettime import EASE, LEAP_NS, SILENT_NS, MarketTime

HOUR_NS = 3_600 * SECOND_NS


def test_before_an_event_nobody_knows():
    assert MarketTime().at(5 * SECOND_NS) is None


def test_time_goes_on_as_ours_does_until_the_silence():
    """The first event is believed, however far its time is."""
    time = MarketTime()
    assert not time.hear(HOUR_NS, 0)
    assert time.at(SILENT_NS) == HOUR_NS + SILENT_NS
    assert time.at(SILENT_NS + 1) is None


def test_the_quickest_event_says_what_time_it_is():
    """Later ones came later; only little by little they are believed."""
    time = MarketTime()
    time.hear(-500, 0)
    assert not time.hear(100, 200)
    assert time.offset_ns == -100
    assert not time.hear(1_000 - 100 - 32 * EASE, 1_000)
    assert time.offset_ns == -132


def test_a_leap_is_told_in_either_direction():
    for leap_ns in (LEAP_NS + 1, -LEAP_NS - 1, HOUR_NS):
        time = MarketTime()
        time.hear(7 * HOUR_NS, 7 * HOUR_NS)
        assert time.hear(7 * HOUR_NS + leap_ns, 7 * HOUR_NS)
        assert time.offset_ns == leap_ns
        assert not time.hear(7 * HOUR_NS + leap_ns, 7 * HOUR_NS)


def test_after_forgetting_any_time_is_the_first():
    time = MarketTime()
    time.hear(0, 0)
    time.forget()
    assert time.at(0) is None
    assert not time.hear(HOUR_NS, 0)
