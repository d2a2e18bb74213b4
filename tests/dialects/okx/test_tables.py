"""Tables read what the session reads, on what our exchange sends and on what the venue sent."""

from contextlib import suppress

import pytest

from steelyard.dialects.okx import DIALECT, tables
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.domain.order import Side
from steelyard.sim.conformance import PUBLIC, place
from steelyard.sim.stand import BTC_USDT, Stand
from steelyard.trading.books import BookView

reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")


class Recorder:
    """A session that keeps what it was sent."""

    def __init__(self, session):
        self.session, self.frames = session, []
        self.target, self.role = session.target, session.role

    def receive(self, frame, now_ns):
        self.frames.append(frame)
        self.session.receive(frame, now_ns)

    def __getattr__(self, name):
        return getattr(self.session, name)


def test_a_native_reader_keeps_the_book_that_the_session_tells():
    stand, view = Stand(DIALECT), BookView(BTC_USDT)
    recorder = Recorder(DIALECT.client.market_session([BTC_USDT], stand.listings, PUBLIC))
    listener = stand.follow(recorder)
    for turn in range(4):
        stand.ask(place(side=Side.SELL, price_ticks=5_000_000 + turn), stand.key_of("bob"))
        stand.ask(place(size_lots=1_500), stand.key_of("alice"))
        stand.pass_time()
    market = reader.MarketReader(*DIALECT.client.market_table([BTC_USDT]))
    trades = []
    for frame in recorder.frames:
        with suppress(DecodeError):  # an acknowledgement, which is the session's
            if market.receive(frame) == reader.Told.TRADE:
                trades += [it[2:5] for it in market.trades]
    for event in listener.events:
        if isinstance(event, BookSnapshot):
            view.snapshot(event, 0)
        elif isinstance(event, BookDelta):
            view.delta(event, 0)
    found = market.book(0)
    assert found.is_whole
    assert (found.sequence, found.bids(9), found.asks(9)) == (
        view.sequence,
        view.bids.first(9),
        view.asks.first(9),
    )
    told = [(t.trade_id, t.price_ticks, t.size_lots) for t in listener.of(Trade)]
    assert trades == told
    assert told


def test_steps_finer_than_it_counts_are_not_read():
    fine = Instrument(0, "A-B", "A", "B", 1, 2, 10**13, 1, 10, 1, 10, 0)
    with pytest.raises(Unsupported, match="1e-12"):
        tables.steps(fine)
    assert DIALECT.client.market_table([fine]) is None
