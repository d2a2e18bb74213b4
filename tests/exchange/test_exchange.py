import pytest
from desk import BTC, BTC_USDT, USDT, Desk, PlainSeal
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import (
    Amend,
    Cancel,
    CancelAll,
    Deposit,
    HouseLevel,
    HouseTrade,
    OpenAccount,
    Place,
    Withdraw,
)
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    CandlesQuery,
    Clock,
    ClockQuery,
    InstrumentsQuery,
    Refused,
    StatusQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import (
    FeeAsset,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.records import NonceUsed, codec

accounts = st.sampled_from((100, 101))
sides = st.sampled_from(Side)
prices = st.integers(4_999_990, 5_000_010)
sizes = st.integers(1, 20_000)
commands = st.one_of(
    st.builds(
        Place,
        accounts,
        st.just(0),
        sides,
        st.just(OrderType.LIMIT),
        st.sampled_from(TimeInForce),
        st.just(False),
        prices,
        sizes,
        st.sampled_from(SelfTrade),
        st.sampled_from(FeeAsset),
        st.sampled_from(("", "a", "b")),
    ),
    st.builds(Cancel, accounts, st.integers(1, 30)),
    st.builds(Amend, accounts, st.integers(1, 30), st.none() | prices, st.none() | sizes),
    st.builds(CancelAll, accounts, st.none()),
    st.builds(Deposit, accounts, st.sampled_from((BTC, USDT)), st.integers(-1, 10**15)),
    st.builds(Withdraw, accounts, st.sampled_from((BTC, USDT)), st.integers(-1, 10**18)),
    st.builds(HouseLevel, st.just(0), sides, prices, st.integers(0, 20_000)),
    st.builds(HouseTrade, st.just(0), sides, prices, st.integers(1, 20_000)),
)


@examples(60)
@given(st.lists(commands, max_size=40), st.integers(0, 40))
def test_replay_and_snapshot_give_the_same_exchange(script, cut):
    """Decision 4: records alone, or a snapshot and the records after it, rebuild everything."""
    desk = Desk()
    encode, decode = codec().encode, codec().decode
    before = len(desk.exchange.drain().records)
    snapshot = None
    payloads = []
    for number, command in enumerate(script):
        if number == cut:
            snapshot = desk.exchange.snapshot()
            payloads.clear()
        desk.exchange.record(command, desk.tick())
        payloads += [encode(m, t) for t, m in desk.exchange.drain().records]
        assert not any(desk.exchange.engine.totals().values())
    again = Exchange(ReferenceEngine(), None, PlainSeal())
    if snapshot is None:
        again = Desk().exchange
    else:
        again.restore(snapshot)
    for number, payload in enumerate(payloads, before + 1):
        again.replay(decode(number, payload))
    assert again.engine.state_hash() == desk.exchange.engine.state_hash()
    again.now_ns = desk.exchange.now_ns
    assert again.snapshot() == desk.exchange.snapshot()


def test_a_refusal_says_what_is_allowed_and_changes_nothing(desk):
    before = desk.exchange.engine.balances(desk.alice)
    answer = desk.place(desk.alice, Side.BUY, "0.00001", "60000")
    assert answer == Refused(
        RejectReason.NOTIONAL_TOO_SMALL,
        "price times size must be at least 5 USDT (BTC-USDT)",
        order_id=1,
    )
    answer = desk.place(desk.alice, Side.SELL, "101", "60000")
    assert answer.message == "not enough free balance: 100 BTC is free"
    desk.place(desk.alice, Side.SELL, "1", "60000")
    answer = desk.place(desk.bob, Side.BUY, "1", "60001", post_only=True)
    assert answer.message.endswith("would trade at once: the best ask is 60000.00")
    assert desk.exchange.engine.balances(desk.bob)[USDT].held_atoms == 0
    assert before[USDT] == desk.exchange.engine.balances(desk.alice)[USDT]


def test_every_query_is_answered(desk):
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "0.25")
    ask, now_ns = desk.exchange.ask, desk.now_ns
    assert ask(ClockQuery(), now_ns) == Clock(now_ns)
    assert ask(InstrumentsQuery(), now_ns).instruments == (BTC_USDT,)
    assert ask(BookQuery(0, 5), now_ns).asks == ((6_000_000, 75_000),)
    assert ask(TickersQuery(), now_ns).tickers[0].last_ticks == 6_000_000
    assert len(ask(TradesQuery(0, 5), now_ns).trades) == 1
    assert ask(CandlesQuery(0, 60 * 10**9, 5), now_ns).candles[-1].volume_lots == 25_000
    account = ask(AccountQuery(desk.bob), now_ns)
    assert {b.asset_id: b.free_atoms for b in account.balances}[
        USDT
    ] == 985_000 * 10**12 - 15 * 10**12
    assert ask(StatusQuery(), now_ns).market == "none"


def test_an_instrument_that_is_not_listed_is_said_to_be_unknown(desk):
    with pytest.raises(Unsupported, match="no instrument 7"):
        desk.exchange.ask(TradesQuery(7, 5), desk.now_ns)


def test_time_never_goes_back(desk):
    desk.exchange.record(OpenAccount(500, 0, 0), desk.now_ns)
    desk.exchange.record(OpenAccount(501, 0, 0), 5)
    (first, _), (second, _) = desk.exchange.drain().records[-2:]
    assert first == second == desk.now_ns


def test_a_damaged_snapshot_is_refused(desk):
    data = desk.exchange.snapshot()
    with pytest.raises(DecodeError, match="cannot be read"):
        Exchange(ReferenceEngine(), None, PlainSeal()).restore(data[:-5])
    at = data.index(b'"engine_hash":') + 15
    changed = data[:at] + (b"1" if data[at : at + 1] != b"1" else b"2") + data[at + 1 :]
    with pytest.raises(DecodeError, match="another hash"):
        Exchange(ReferenceEngine(), None, PlainSeal()).restore(changed)


@examples(30)
@given(st.lists(commands, max_size=20))
def test_what_is_drained_is_as_the_journal_has_it(script):
    """Each record comes with its payload, which is encoded once, for engine and journal."""
    desk = Desk()
    for command in script:
        desk.exchange.record(command, desk.tick())
    desk.exchange.record(NonceUsed("k", "n", 5), desk.tick())
    output = desk.exchange.drain()
    assert output.payloads == [codec().encode(m, t) for t, m in output.records]
    assert desk.exchange.drain() == ([], [], [])
