"""A program that kills real traders: SIGKILL right after the n-th record is on disk, for every n.

    python kill9.py DATA DIALECT REST WS KEYS.json

For each key it forks a child that runs the real `run_trader` over real sockets until its hook
kills it, then a second one that only recovers, and prints what that one believes, a JSON line
each. Lives of several keys run at once, because recovering is mostly waiting for the expiry.
"""

import asyncio
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from steelyard.cli.trader_process import TraderProcess, TraderSettings
from steelyard.domain.units import Lots
from steelyard.net.loop import run_loop
from steelyard.trading.config import parse_config
from steelyard.trading.records import OrderPending, codec
from steelyard.trading.strategy import Strategy, Timer
from steelyard.wire.dialect import ApiKey

AT_ONCE = 8
SESSION_S = 4.0  # a life that is not ended by its hook ends then
RECOVERY_S = 40.0
STEP = "150ms"
STEPS = 10

CONFIG = """
[bot]
name = "{name}"
environment = "sandbox"
on_stop = "keep"
[venue.main]
dialect = "{dialect}"
rest = "{rest}"
ws = "{ws}"
key = "env:UNUSED"
[strategy]
class = "tests.trading.kill9:{strategy}"
symbol = "BTC-USDT"
[risk]
max_order_notional = "100000"
max_position = "5"
max_open_orders = 20
price_collar = "20%"
"""


class Burst(Strategy):
    """Ten steps in a second and a half; the size of an order names its slot."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def on_start(self) -> None:
        self.every(STEP)

    def on_timer(self, timer: Timer) -> None:
        self._steps += 1
        if self._steps > STEPS:
            return
        slot = timer.due_ns // timer.every.ns
        size = Lots(1_000 + slot % 100_000)
        price = self.book.best_bid
        assert price is not None, "the crowd bids"
        match slot % 5:
            case 0 | 3:
                self.buy(size)
            case 1:
                self.buy(size, price - 500, post_only=True)
            case 2:
                self.sell(size)
            case 4:
                self.cancel_all()


class Passive(Strategy):
    """Does nothing: what is left is recovery."""


class Bot:
    """One key's two lives."""

    def __init__(self, number: int, key: dict[str, str], data: Path, venue: dict[str, str]) -> None:
        self.number = number
        self._key = ApiKey(key["key"], key["secret"].encode(), key["passphrase"])
        self._data = data
        self._venue = venue

    def settings(self, strategy: str, **more: Any) -> TraderSettings:
        """Return what a life is started with."""
        text = CONFIG.format(name=f"bot{self.number}", strategy=strategy, **self._venue)
        return TraderSettings(parse_config(text), self._data, self._key, **more)

    def live(self) -> None:
        """Trade until the n-th record is on disk, and no longer."""

        def hook(sequence: int) -> None:
            if sequence == self.number:
                os.kill(os.getpid(), signal.SIGKILL)

        async def main() -> None:
            process = TraderProcess(self.settings("Burst", hook=hook))
            await process.start()
            await asyncio.sleep(SESSION_S)
            await process.close()

        run_loop(main())

    def recover(self, pipe: int) -> None:
        """Start again without trading, and write what is believed when it is all compared."""

        async def main() -> dict[str, Any]:
            process = TraderProcess(self.settings("Passive"))
            await process.start()
            for _ in range(int(RECOVERY_S / 0.05)):
                await asyncio.sleep(0.05)
                if process.trader.status.word == "running":
                    break
            trader = process.trader
            state = trader.turn.state
            portfolio = state.portfolio
            believed = {
                "number": self.number,
                "status": list(trader.status),
                "records": process._journal.last_sequence,
                "position_atoms": portfolio.position_atoms if portfolio else 0,
                "cash_atoms": portfolio.cash_atoms if portfolio else 0,
                "orders": {
                    o.client_order_id: [o.state.name, o.filled_lots, o.place.size_lots]
                    for o in state.orders
                },
                "log": [line["text"] for line in process._log.lines],
            }
            await process.close()
            decoded = (codec().decode(s, p) for s, p in process._journal.records(0))
            pending = [r.message for r in decoded if isinstance(r.message, OrderPending)]
            believed["intents"] = [m.place.client_order_id for m in pending]
            return believed

        with os.fdopen(pipe, "w") as out:
            json.dump(run_loop(main()), out)

    async def both(self, turn: asyncio.Semaphore) -> dict[str, Any]:
        """Live, die, recover; return what is believed."""
        async with turn:
            status = await asyncio.to_thread(_forked, self.live)
            reading, writing = os.pipe()
            waiting = asyncio.create_task(
                asyncio.to_thread(_forked, partial(self.recover, writing), writing)
            )
            text = await asyncio.to_thread(_read, reading)
            failed = await waiting
        if failed:
            return {"number": self.number, "error": f"the recovery ended with {failed}"}
        believed: dict[str, Any] = json.loads(text)
        believed["killed"] = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return believed


def _forked(run: Any, closes: int | None = None) -> int:
    """Run something in a child and return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run()
            code = 0
        except BaseException as error:  # noqa: BLE001 a child must not go on as its parent
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    if closes is not None:
        os.close(closes)
    return os.waitpid(child, 0)[1]


def _read(pipe: int) -> str:
    with os.fdopen(pipe) as source:
        return source.read()


async def _all(bots: list[Bot]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    for done in asyncio.as_completed([bot.both(turn) for bot in bots]):
        print(json.dumps(await done), flush=True)


if __name__ == "__main__":
    data, dialect, rest, ws, keys = sys.argv[1:]
    venue = {"dialect": dialect, "rest": rest, "ws": ws}
    found = json.loads(Path(keys).read_text())
    asyncio.run(_all([Bot(n, key, Path(data), venue) for n, key in enumerate(found, 1)]))
