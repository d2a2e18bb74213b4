"""`steelyard exchange`: run an exchange until it is told to stop.

The same word is the group of what an operator does to an exchange: its audit, its markets.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from steelyard.cli.exchange_books import SHARED, exchanges, told
from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.exchange_process import ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.cli.live_source import live_source, settle
from steelyard.cli.market_source import (
    CrowdSource,
    MarketSource,
    script_source,
    tape_source,
)
from steelyard.cli.opening import is_founded
from steelyard.cli.options import PORT_BASE, Common, parse_skew_ns, parse_time_ns
from steelyard.domain.errors import UsageError
from steelyard.exchange.sandbox_clock import TIME_MAX_NS
from steelyard.net.loop import run_loop

_EVERYONE = Common()
PORTS = range(1024, 65_001)
BEGINS_MIN_NS = 1_262_304_000 * 10**9  # 2010-01-01: the market has a past before it begins
FAREWELL_S = 2.0  # how long an exchange whose disk refuses says so before it ends


def exchange(
    *,
    port_base: int = PORT_BASE,
    crowd: int | None = None,
    tape: str | None = None,
    script: str | None = None,
    live: str | None = None,
    live_url: Annotated[tuple[str, ...], Parameter(name="--live-url", negative="")] = (),
    at_end: Annotated[str | None, Parameter(name="--at-end")] = None,
    limits: str = "venue",
    books: str = SHARED,
    tls: Annotated[bool, Parameter(negative="")] = False,
    skew: Annotated[str, Parameter(allow_leading_hyphen=True)] = "0s",
    begin: str | None = None,
    ready_file: Path | None = None,
    forget_sealed: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Run an exchange on this machine: page and native API on one port, each dialect on its own.

    It prints one JSON line when it is ready. Ctrl-C stops it; what was acknowledged is on disk.

    Examples: steelyard exchange --crowd 7 | steelyard exchange --tape FILE.jsonl.gz@10 |
    steelyard exchange --script FILE.txt | steelyard exchange --live binance:BTC-USDT,ETH-USDT

    Parameters
    ----------
    port_base
        First port: the page and native API; dialects follow. 0 picks free ones.
    crowd
        Trade with seeded participants; the same seed is the same market.
    tape
        Trade with a recording of a real venue, FILE or FILE@SPEED.
    script
        Trade with what a text file says, FILE or FILE@SPEED; docs/guides/scripts.md has the words.
    live
        Paper trading: trade with what venues' public streams tell, DIALECT[:SYMBOL][,...]. No key.
    live_url
        Where that is, if not at the venue: ws://HOST:PORT, or DIALECT=ws://HOST:PORT.
    at_end
        What happens when the tape or script is over: hold (the default), loop or exit.
    limits
        Rate limits: venue, tutorial, tutorial-coinbase, off, or a TOML or JSON file.
    books
        shared: every dialect speaks of the same books and accounts. per-dialect: one process, and
        an exchange of its own for each, in DATA/DIALECT, whose prices differ.
    tls
        Give each port a twin, 50 above it, that speaks TLS with a certificate of a local authority.
    skew
        How far the clock that clients sign by is ahead of this machine's: 3s, -500ms.
    begin
        What time it is in the sandbox of a new directory, as 2026-06-01 or 2026-06-01T10:30:00Z:
        what a venue did then, it does. Clients sign by this machine's clock all the same.
    ready_file
        Write the ready line here too.
    forget_sealed
        Revoke the keys and take away the second factors that another seal key has sealed, where the
        seal key of a copied directory is gone. Without it, such a directory does not start.
    """
    config = configure(
        common.directory,
        port_base,
        crowd,
        tape,
        at_end,
        limits,
        ready_file,
        skew,
        script=script,
        live=live,
        live_url=live_url,
        tls=tls,
        begin=begin,
        forgets_sealed=forget_sealed,
    )
    return run(config, books)


def configure(
    data: Path,
    port_base: int,
    crowd: int | None,
    tape: str | None,
    at_end: str | None,
    limits: str,
    ready_file: Path | None,
    skew: str = "0s",
    *,
    script: str | None = None,
    live: str | None = None,
    live_url: tuple[str, ...] = (),
    tls: bool = False,
    begin: str | None = None,
    forgets_sealed: bool = False,
) -> ExchangeConfig:
    """Return the configuration, checked as far as can be without listening.

    Raises:
        UsageError: Two markets, a port that is none, an unknown limit profile or ending, or a
            skew that is no duration.
    """
    if sum(each is not None for each in (crowd, tape, script, live)) > 1:
        raise UsageError("choose one of --crowd, --tape, --script and --live, not both")
    if live_url and live is None:
        raise UsageError("--live-url says where --live is; give both")
    if port_base != 0 and port_base not in PORTS:
        raise UsageError(f"--port-base {port_base} must be 0 or from {PORTS[0]} to {PORTS[-1]}")
    if live is not None and begin is not None:
        raise UsageError("--live is what venues tell now; it cannot begin at another time")
    market: MarketSource | None = None
    if tape is not None:
        market = tape_source(tape, at_end or "hold")
    elif script is not None:
        market = script_source(script, at_end)
    elif live is not None:
        market = live_source(live, live_url)
        if not is_founded(data):
            market = asyncio.run(settle(market))
    elif crowd is not None:
        market = CrowdSource(crowd)
    skew_ns = parse_skew_ns(skew)
    begins_ns = None if begin is None else parse_time_ns(begin, " or leave it out")
    if begins_ns is not None and not BEGINS_MIN_NS <= begins_ns <= TIME_MAX_NS:
        raise UsageError(f"--begin {begin} has to be from 2010 to 2199")
    chooser = profile_chooser(limits)
    return ExchangeConfig(
        data,
        port_base,
        market,
        chooser,
        ready_file,
        has_tls=tls,
        skew_ns=skew_ns,
        begins_ns=begins_ns,
        forgets_sealed=forgets_sealed,
    )


def run(config: ExchangeConfig, books: str = SHARED) -> int:
    """Run it; return 0 after an orderly stop, 1 when the disk refused."""
    configs = exchanges(config, books)
    return run_loop(_run(config) if len(configs) == 1 else _run_apart(config, configs))


async def _run(config: ExchangeConfig) -> int:
    process = ExchangeProcess(config)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, process.stopped.set)
    ready: dict[str, Any] = await process.start()
    for repair in process.repairs:
        print(repair, file=sys.stderr)
    print(msgspec.json.encode(ready).decode(), flush=True)
    await process.stopped.wait()
    if process.failure is not None:
        await asyncio.sleep(FAREWELL_S)
    await process.stop()
    if process.failure is not None:
        raise process.failure
    return 0


async def _run_apart(config: ExchangeConfig, configs: list[ExchangeConfig]) -> int:
    """Run several in this process; the end of one is the end of all."""
    processes: list[ExchangeProcess] = []
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    try:
        readies = []
        for each in configs:
            process = ExchangeProcess(each)
            readies.append(await process.start())
            processes.append(process)
            for repair in process.repairs:
                print(repair, file=sys.stderr)
        print(msgspec.json.encode(told(config, readies)).decode(), flush=True)
        waiting = [asyncio.create_task(process.stopped.wait()) for process in processes]
        waiting.append(asyncio.create_task(ended.wait()))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if any(process.failure is not None for process in processes):
            await asyncio.sleep(FAREWELL_S)
    finally:
        for process in processes:
            await process.stop()
    for process in processes:
        if process.failure is not None:
            raise process.failure
    return 0


group = App(name="exchange")
group.default(exchange)
group.command("steelyard.cli.audit:audit_exchange", name="audit")
group.command("steelyard.cli.maintenance:maintenance_exchange", name="maintenance")
group.command("steelyard.cli.market:market_exchange", name="market")
