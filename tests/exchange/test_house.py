import msgspec
import pytest
from desk import START_NS, PlainSeal
from pit import OPEN_NS, Pit

from steelyard.domain.commands import SetMarketState
from steelyard.domain.journal import Record
from steelyard.domain.messages import Status, StatusQuery
from steelyard.domain.order import MarketState
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.house import HouseCursor, Market, TapeCursor
from steelyard.exchange.records import FORMAT, Founded
from steelyard.exchange.script import Script
from steelyard.exchange.tape import Tape


@pytest.mark.parametrize("market", [Crowd, Tape, Script])
def test_a_market_has_what_the_protocol_asks(market: type):
    """All kinds offer every method; types are mypy's business."""
    asked = {name for name in vars(Market) if not name.startswith("_")}
    assert {"commands", "backfill", "observe", "cursor", "restore", "instruments"} <= asked
    assert asked <= set(dir(market))


def test_a_cursor_is_text_and_back():
    """Snapshots keep a cursor as tagged JSON, of moderate size."""
    pit = Pit(Crowd(3))
    pit.turn(OPEN_NS)
    pit.run(10**9)
    for cursor in (pit.market.cursor(), TapeCursor("a @1x", 1, 2, 0, 3, ((5, 1),), ((6, 2),))):
        text = msgspec.json.encode(cursor)
        assert msgspec.json.decode(text, type=HouseCursor) == cursor
        assert len(text) < 20_000


def house_and_book(exchange, instrument_id):
    """Return what the crowd says that it has standing, and what stands in the engine."""
    ladder = exchange.market.cursor().ladders[instrument_id]
    book = exchange.engine.book(instrument_id, 10**6)
    return (ladder.bids, ladder.asks), (tuple(book.bids), tuple(book.asks))


@pytest.mark.slow
@pytest.mark.parametrize("state", [MarketState.HALTED, MarketState.MAINTENANCE])
def test_a_market_that_opens_again_has_the_houses_book_and_no_other(state):
    """What was refused while it was closed is stated anew; a replay comes to the same."""
    exchange = Exchange(ReferenceEngine(), Crowd(1), PlainSeal())
    now_ns = START_NS
    exchange.found(Founded(FORMAT, "crowd", ""), now_ns)

    def run(turns):
        nonlocal now_ns
        for _ in range(turns):
            now_ns += 50_000_000
            exchange.step(now_ns)

    run(20)
    frozen = house_and_book(exchange, 0)[1]
    exchange.record(SetMarketState(0, state), now_ns)
    run(100)
    house, book = house_and_book(exchange, 0)
    assert book == frozen
    assert house != frozen, "while nothing happened to the house, there is nothing to show"
    exchange.record(SetMarketState(0, MarketState.OPEN), now_ns)
    house, book = house_and_book(exchange, 0)
    assert house == book
    run(20)
    house, book = house_and_book(exchange, 0)
    assert house == book

    again = Exchange(ReferenceEngine(), Crowd(1), PlainSeal())
    for sequence, (time_ns, message) in enumerate(exchange.drain().records, 1):
        again.replay(Record(sequence, time_ns, message))
    assert again.engine.state_hash() == exchange.engine.state_hash()


def test_an_exchange_trades_as_long_as_one_market_takes_orders():
    exchange = Exchange(ReferenceEngine(), Crowd(1), PlainSeal())
    exchange.found(Founded(FORMAT, "crowd", ""), START_NS)

    def trades():
        status = exchange.ask(StatusQuery(), START_NS)
        assert isinstance(status, Status)
        return status.trading

    for instrument in exchange.listings:
        assert trades()
        state = SetMarketState(instrument.instrument_id, MarketState.CANCEL_ONLY)
        exchange.record(state, START_NS)
    assert not trades()
    exchange.record(SetMarketState(3, MarketState.POST_ONLY), START_NS)
    assert trades()
