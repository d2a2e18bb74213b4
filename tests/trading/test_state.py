import pytest

from steelyard.domain.errors import ConfigError
from steelyard.trading.records import (
    FORMAT,
    BreakerResumed,
    BreakerTripped,
    DayBegan,
    InstrumentSeen,
    Killed,
    PeakSeen,
    Resumed,
    RunStarted,
    TimerFired,
)
from steelyard.trading.state import FILLS_KEPT, TraderState
from tests.trading.session import dump, run_session
from tests.trading.venue import BTC_USDT


def test_replay_gives_the_state_that_lived():
    """Orders, fills, position, timers and marks: the journal alone has it all, at every point."""
    world = run_session(12)
    state = TraderState()
    for record in world.records():
        state.replay(record)
    assert dump(state) == dump(world.trader.turn.state)
    assert len(state.recent_fills) > 5


def test_a_journal_of_another_format_is_refused():
    """With a sentence, before anything of it is believed."""
    state = TraderState()
    with pytest.raises(ConfigError, match=f"has format 99, this program reads 1 and {FORMAT}"):
        state.apply(RunStarted(99, 1, "b", "sandbox", "c", "BTC-USDT", {}), 0)


def test_the_first_begin_stays():
    """Fills are looked for from the very first run on."""
    state = TraderState()
    for run in (1, 2):
        state.apply(RunStarted(FORMAT, run, "b", "sandbox", "c", "BTC-USDT", {}), run * 100)
    assert (state.begun_ns, state.run, state.symbol) == (100, 2, "BTC-USDT")


def test_a_kill_is_lifted_by_a_resume_only():
    """And remembers whether a latch file says so too."""
    state = TraderState()
    state.apply(Killed("x", has_file=True), 0)
    assert (state.killed_why, state.killed_has_file) == ("x", True)
    state.apply(RunStarted(FORMAT, 1, "b", "sandbox", "c", "BTC-USDT", {}), 1)
    assert state.killed_why == "x"
    state.apply(Resumed("y"), 2)
    assert state.killed_why is None


def test_an_instrument_seen_again_keeps_the_books():
    """Only its steps and numbers may change."""
    state = TraderState()
    state.apply(InstrumentSeen(BTC_USDT), 0)
    portfolio = state.portfolio
    state.apply(InstrumentSeen(BTC_USDT), 1)
    assert state.portfolio is portfolio
    assert state.instrument == BTC_USDT


def test_slots_are_kept_by_interval():
    """Each timer has its own."""
    state = TraderState()
    for interval, slot in ((60, 1), (5, 9), (60, 2)):
        state.apply(TimerFired(interval, slot), 0)
    assert state.timer_slots == {60: 2, 5: 9}
    assert state.recent_fills.maxlen == FILLS_KEPT


def test_a_breaker_stays_tripped_until_it_is_resumed():
    """Through restarts, each by itself; when it tripped and why is known."""
    state = TraderState()
    for name in ("rejects", "venue"):
        state.apply(BreakerTripped(name, "why", "person"), 7)
    state.apply(RunStarted(FORMAT, 2, "b", "sandbox", "c", "BTC-USDT", {}), 8)
    state.apply(BreakerResumed("venue", "anna", "it is open"), 9)
    assert {n: (t.since_ns, t.message.text) for n, t in state.breakers.items()} == {
        "rejects": (7, "why")
    }


def test_the_highest_profit_begins_anew_when_a_kill_is_lifted():
    """Or the drawdown that killed would kill again at once; the day goes on."""
    state = TraderState()
    for message in (DayBegan(3, 5), PeakSeen(9), Killed("x"), Resumed("y")):
        state.apply(message, 0)
    assert (state.day, state.peak_atoms) == (DayBegan(3, 5), None)
