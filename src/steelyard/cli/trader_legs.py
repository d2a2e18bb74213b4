"""The process of a bot of several legs: a `TraderProcess` for each, and one strategy for all.

Each leg is what a bot is, on a port of its own and in a directory of its own. They live and end
together: when one of them ends, by itself or because it could not start, the others are stopped in
order. What one leg's turn has left for another is done right after it, before more is read.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from steelyard.cli.trader_process import TraderProcess, TraderSettings, stop_signals
from steelyard.cli.trader_strategy import load_strategy
from steelyard.trading.actions import Finish, Stop, Woken
from steelyard.trading.legs import Legs


async def run_legs(
    settings: Mapping[str, TraderSettings], ready: Callable[[dict[str, Any]], None]
) -> Finish:
    """Run the legs of a bot, by name, until they are told to stop; return how they ended.

    `ready` is called with the document that says where each of them listens.

    Raises:
        ConfigError: A directory, a journal, the strategy or a port does not fit.
    """
    processes: dict[str, TraderProcess] = {}

    def signaled(number: int) -> None:
        for process in processes.values():
            process.signaled(number)

    loop = asyncio.get_running_loop()
    numbers = stop_signals()
    for number in numbers:
        loop.add_signal_handler(number, signaled, number)
    table = next(iter(settings.values())).config.strategy
    try:
        legs = Legs(load_strategy(table, [*settings]), [*settings])
        for name, of_leg in settings.items():
            process = TraderProcess(replace(of_leg, strategy=legs.parts[name], leg=name))
            process.stepped = partial(_wake, loop, legs, processes)
            processes[name] = process
        # What is there by now stays, as for a bot of one leg.
        gc.collect()
        gc.freeze()
        documents = {name: await process.start() for name, process in processes.items()}
        ready({"ready": True, "pid": os.getpid(), "legs": documents})
        return await _run(processes)
    finally:
        gc.unfreeze()
        for number in numbers:
            loop.remove_signal_handler(number)
        for process in processes.values():
            await process.close()


async def _run(processes: Mapping[str, TraderProcess]) -> Finish:
    """Run all until the first has ended, then stop the others; return the worst end.

    What goes wrong in our own code ends one leg; the others cancel their orders before it is told.
    """
    running = {
        asyncio.create_task(process.run(), name=name): process
        for name, process in processes.items()
    }
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    ended = next(task for task in running if task.done())
    for task, process in running.items():
        if not task.done() and process.trader.status.word != "stopping":
            process.step(Stop(f"the leg {ended.get_name()} has ended"))
    await asyncio.wait(running)
    for task, process in running.items():
        if task.exception() is None:
            process.say_why(task.result())
    finishes = [task.result() for task in running]  # raises what one of them has raised
    first = ended.result()
    return first if first.code else max(finishes, key=lambda finish: finish.code)


def _wake(
    loop: asyncio.AbstractEventLoop, legs: Legs, processes: Mapping[str, TraderProcess]
) -> None:
    """Give those legs a turn for which something was left in this one, after it."""
    for name in legs.take_due():
        loop.call_soon(processes[name].step, Woken())
