"""A paper exchange against a venue on a stage, over real sockets."""

import asyncio
import gzip
import itertools
import shutil

import pytest
from live_stage import BUY, SELL, LiveStage, Paper, paper, source_of, staged, until

from steelyard.cli.live_source import live_source
from steelyard.cli.opening import OpenExchange
from steelyard.domain.commands import Accepted, Deposit, OpenAccount, Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.exchange.admin import FreezeClock, ResumeClock
from steelyard.exchange.listings import LISTINGS

pytestmark = pytest.mark.slow

BID, ASK = 6_000_000, 6_000_010
ALICE = 100


def play(tmp_path, act) -> None:
    """Run a test's coroutine with a stage, and a paper exchange that follows it."""

    async def run() -> None:
        async with staged() as stage, paper(tmp_path / "data", await source_of(stage)) as running:
            await follows(running, stage)
            await act(stage, running)

    asyncio.run(run())


async def follows(running: Paper, stage: LiveStage) -> None:
    """Wait until the book is the venue's and nothing is lost."""
    await until(lambda: running.notice == "" and running.book() == stage.book())


def open_account(running: Paper) -> None:
    for command in (
        OpenAccount(ALICE, 0, 0),
        Deposit(ALICE, 1, 10**15),
        Deposit(ALICE, 4, 10**19),
    ):
        running.process.turn(lambda command=command: record(running, command))


def record(running: Paper, command) -> list:
    exchange = running.exchange
    return exchange.record(command, exchange.time_at(running.process.clock.now_ns()))


def place(running: Paper, side: Side, lots: int, ticks: int | None) -> list:
    kind, force = OrderType.LIMIT, TimeInForce.GTC
    if ticks is None:
        kind, force = OrderType.MARKET, TimeInForce.IOC
    effects: list = []
    command = Place(ALICE, 0, side, kind, force, False, ticks, lots)
    running.process.turn(lambda: effects.extend(record(running, command)))
    return effects


def order_id(effects: list) -> int:
    return next(e.order_id for e in effects if isinstance(e, Accepted))


def filled(running: Paper, number: int) -> int:
    return running.exchange.history.numbered(ALICE, number).filled_lots


def test_the_book_is_the_venues_and_its_trades_print_once(tmp_path):
    async def act(stage: LiveStage, running: Paper) -> None:
        stage.trade(SELL, BID, 300)
        stage.change({BID: 700})
        stage.change({BID: 0, BID - 10: 5}, {ASK: 1})
        stage.trade(BUY, ASK, 1)
        stage.change(asks={ASK: 0, ASK - 10: 9})
        await until(lambda: len(running.printed()) == 2 and running.book() == stage.book())
        assert running.printed() == [(SELL, BID, 300), (BUY, ASK, 1)]

    play(tmp_path, act)


def test_users_trade_on_it(tmp_path):
    """A market order takes real levels; a limit order waits behind what stands before it."""

    async def act(stage: LiveStage, running: Paper) -> None:
        open_account(running)
        taken = place(running, BUY, 400, None)
        assert filled(running, order_id(taken)) == 400
        waiting = order_id(place(running, BUY, 200, BID))
        stage.trade(SELL, BID, 900)
        stage.change({BID: 100})
        await until(lambda: len(running.printed()) == 2)
        assert filled(running, waiting) == 0
        stage.trade(SELL, BID, 250)
        await until(lambda: filled(running, waiting) > 0)
        assert filled(running, waiting) == 150

    play(tmp_path, act)


def test_a_gap_is_seen_and_not_traded_through(tmp_path):
    """The house stands nowhere, says why, and plays no trade until the book is right again."""

    async def act(stage: LiveStage, running: Paper) -> None:
        open_account(running)
        stage.depth_is_held = True
        stage.lose({BID: 1})
        stage.change({BID - 10: 2})
        await until(lambda: "gap" in running.notice)
        assert running.book() == ([], [])
        stage.trade(SELL, BID, 5)
        asked = stage.depth_asked
        await until(lambda: stage.depth_asked > asked)  # and so the trade has been heard, too
        nothing = place(running, BUY, 100, None)
        assert filled(running, order_id(nothing)) == 0
        assert running.printed() == []
        stage.depth_is_held = False
        await follows(running, stage)
        assert running.printed() == []
        stage.trade(SELL, BID, 1)
        await until(lambda: running.printed() == [(SELL, BID, 1)])

    play(tmp_path, act)


def test_a_stream_that_breaks_is_followed_again(tmp_path):
    async def act(stage: LiveStage, running: Paper) -> None:
        stage.drop()
        stage.lose({BID: 3})
        await until(lambda: "down" in running.notice)
        assert running.book() == ([], [])
        await follows(running, stage)

    play(tmp_path, act)


def test_a_venue_that_goes_and_comes_back_is_followed_again(tmp_path):
    async def act(stage: LiveStage, running: Paper) -> None:
        await stage.close()
        await until(lambda: "down" in running.notice)
        stage.lose({BID: 0}, {ASK: 77})
        await stage.open()
        await follows(running, stage)

    play(tmp_path, act)


def test_a_book_that_is_read_deeper_stands_meanwhile(tmp_path):
    """The market comes to the end of what is known: the stream is right, and nothing is lost."""

    async def act() -> None:
        stage = LiveStage()
        stage.bids = {BID - n: 5 for n in range(2_000)}
        stage.asks = {ASK + n: 5 for n in range(2_000)}
        async with staged(stage), paper(tmp_path / "data", await source_of(stage)) as running:
            await until(lambda: running.notice == "" and len(running.book()[0]) == 1_000)
            stage.depth_is_held = True
            asked = stage.depth_asked
            stage.change(dict.fromkeys(range(BID - 899, BID + 1), 0))
            await until(lambda: stage.depth_asked > asked)
            assert running.notice == ""
            assert len(running.book()[1]) == 1_000
            stage.depth_is_held = False
            await until(lambda: running.book(900) == stage.book(900))
            assert running.notice == ""

    asyncio.run(act())


def test_while_the_clock_stands_still_nothing_is_told_and_the_difference_is_afterwards(tmp_path):
    async def act(stage: LiveStage, running: Paper) -> None:
        await running.process.administer(FreezeClock())
        before = running.book()
        stage.change({BID: 0}, {ASK: 9})
        stage.trade(BUY, ASK, 1)
        await asyncio.sleep(0.2)  # some steps of the market, in which nothing must happen
        assert running.book() == before
        await running.process.administer(ResumeClock())
        await follows(running, stage)

    play(tmp_path, act)


@pytest.mark.parametrize("has_snapshot", [True, False])
def test_a_restart_replays_to_the_same_state_and_follows_anew(tmp_path, has_snapshot):
    """By its snapshot, or by its journal alone; what stood then stands no more until it is told."""
    data = tmp_path / "data"

    async def run() -> None:
        async with staged() as stage:
            source = await source_of(stage)
            async with paper(data, source) as running:
                await follows(running, stage)
                open_account(running)
                waiting = order_id(place(running, BUY, 200, BID))
                for left in (800, 500, 90):
                    stage.trade(SELL, BID, 300)
                    stage.change({BID: left})
                stage.trade(SELL, BID, 150)
                await until(lambda: filled(running, waiting) > 0)
                stage.lose({BID - 20: 1})
                stage.change({BID - 20: 2})
                await until(lambda: "gap" in running.notice)
                await until(lambda: running.notice == "")
                stage.trade(BUY, ASK, 50)
                await until(lambda: running.printed()[-1] == (BUY, ASK, 50))
                place(running, SELL, 400, None)
            state_hash = running.exchange.engine.state_hash()
            if not has_snapshot:
                shutil.rmtree(data / "exchange" / "snapshots")
            opened = OpenExchange(data, None, running.exchange.now_ns)
            assert opened.exchange.engine.state_hash() == state_hash
            assert opened.exchange.market.cursor() == running.exchange.market.cursor()
            opened.close()
            await stage.close()
            async with paper(data, live_source("binance")) as again:
                assert "not running" in again.notice
                assert again.book()[1] == []
                assert filled(again, waiting) == filled(running, waiting)
                await stage.open()
                await until(lambda: again.notice == "")
                assert again.book()[1] == stage.book()[1]

    asyncio.run(run())


def test_a_venue_that_has_changed_its_steps_ends_the_exchange_with_a_sentence(tmp_path):
    """Its prices would be others than ours; nothing is followed."""

    async def run() -> None:
        async with staged() as stage:
            source = await source_of(stage)
            async with paper(tmp_path / "data", source) as running:
                await follows(running, stage)
            stage.instrument = LISTINGS[4].instrument.__class__.spot(
                *(0, (1, "BTC"), (4, "USDT")),
                tick_size="0.1",
                lot_size="0.00001",
                price_max="1000000",
                size_max="9000",
                notional_min="5",
            )
            async with paper(tmp_path / "data", source) as again:
                await asyncio.wait_for(again.process.stopped.wait(), 10)
                assert isinstance(again.process.failure, ConfigError)
                assert "other steps" in str(again.process.failure)

    asyncio.run(run())


def test_a_recording_of_the_real_venue_served_over_a_socket_is_followed(tmp_path, shared_data):
    """Every frame as it was received: the book is the recorded one, and each trade prints once."""
    file = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    with gzip.open(file) as recorded:
        frames = [line.partition(b" ")[2].strip() for line in itertools.islice(recorded, 12_000)]
    frames = [f for f in frames if b"@bookTicker" not in f[:60]]
    warm, live = frames[:1_500], frames[1_500:]
    stage, recorded = RecordedStage(), RecordedStage()
    for frame in warm:
        stage.play(frame)
        recorded.play(frame)
    trades = [trade for frame in live if (trade := recorded.play(frame)) is not None]
    assert len(trades) > 1_000

    async def run() -> None:
        async with staged(stage), paper(tmp_path / "data", await source_of(stage)) as running:
            await until(lambda: bool(stage.lines))
            stage.send(live[0])
            stage.play(live[0])
            await until(lambda: running.notice == "")
            for at in range(1, len(live), 100):
                for frame in live[at : at + 100]:
                    stage.send(frame)
                await asyncio.sleep(0)
            await until(lambda: len(running.printed()) >= len(trades) - 1, 60)
            await until(lambda: running.book(50) == recorded.book(50))
            printed = running.printed()
            assert printed == trades[-len(printed) :]
            assert len(printed) >= len(trades) - 1  # the first frame may have been one

    asyncio.run(run())


class RecordedStage(LiveStage):
    """A stage whose book is made of recorded frames."""

    def __init__(self) -> None:
        super().__init__()
        self.bids, self.asks = {}, {}

    def play(self, frame: bytes) -> tuple[Side, int, int] | None:
        """Enter a frame; return the trade that it is."""
        import json
        from decimal import Decimal

        data = json.loads(frame)["data"]
        if data["e"] == "trade":
            ticks = self.instrument.price_ticks(Decimal(data["p"]))
            lots = self.instrument.size_lots(Decimal(data["q"]))
            return (SELL if data["m"] else BUY, ticks, lots)
        for side, rows in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, size in rows:
                ticks = int(Decimal(price) * 100)
                lots = int(Decimal(size) * 100_000)
                side.pop(ticks, None)
                if lots:
                    side[ticks] = lots
        self.sequence = data["u"]
        return None
