"""`steelyard demo`: an exchange, a market, a bot that trades on it over the real API, a page.

Three processes: this one starts the other two, the exchange and the bot, shows how it goes and
stops them in order. The bot is an ordinary `steelyard trade` with an ordinary key, minted at
each start (the last one is revoked) and handed over by pipe.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import webbrowser
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from steelyard.cli.administration import administer
from steelyard.cli.exchange import configure as configure_exchange
from steelyard.cli.market_source import TapeSource, describe
from steelyard.cli.options import PORT_BASE, Common
from steelyard.domain.errors import SteelyardError, UsageError
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateAccount, ListAccounts
from steelyard.exchange.issuing import CreateKey
from steelyard.net.loopback import ask
from steelyard.store import datadir

_EVERYONE = Common()
BOT = "demo"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY_S = 30.0
STOP_S = 10.0
FIRST_FILL_S = 60.0
FUNDS = {"USDT": Decimal(50_000), "BTC": Decimal(1)}
SLOW_BARS, SLOW_BARS_MIN = 30, 4
WARM_S = 60  # a tape begins with so much past, which its speed shortens

CONFIG = """\
# The demo's bot, written at each start. Copy it to make your own: `steelyard trade FILE`.
[bot]
name = "{bot}"
environment = "sandbox"

[venue.main]
dialect = "binance"
rest = "{rest}"
ws = "{ws}"
key = "pipe:{pipe}"                 # of your own: "env:NAME", read from NAME_KEY and NAME_SECRET

[strategy]
class = "steelyard.strategies:SmaCross"
symbol = "BTC-USDT"
params = {{ fast = {fast}, slow = {slow}, size = "0.05", bar = "1s", both_ways = true }}

[risk]
max_order_notional = "10000"
max_position = "0.2"
max_open_orders = 5
price_collar = "2%"
"""


@dataclass(frozen=True)
class DemoConfig:
    """What a demo is started with."""

    data: Path
    exchange_options: list[str]
    port_base: int
    opens_browser: bool
    market: str
    slow_bars: int


@dataclass
class Child:
    """One of the two processes."""

    name: str
    process: subprocess.Popen[bytes]


def demo(
    *,
    tape: str | None = None,
    port_base: int = PORT_BASE,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    common: Common = _EVERYONE,
) -> int:
    """Start an exchange with a live market and a bot that trades on it, and show the page.

    Nothing leaves this machine and no account is needed. Ctrl-C stops everything.

    Examples: steelyard demo | steelyard demo --tape recording.jsonl.gz@5 --no-browser

    Parameters
    ----------
    tape
        Use a recording of a real venue as the market, FILE or FILE@SPEED.
    port_base
        First port; 0 picks free ones.
    browser
        Open the page in a browser.
    """
    return run(configure(common.data, tape, port_base, browser=browser), common)


def configure(data: Path | None, tape: str | None, port_base: int, *, browser: bool) -> DemoConfig:
    """Return the configuration; each market has a default directory of its own.

    Raises:
        UsageError: As `steelyard exchange` does.
    """
    found = configure_exchange(Path(), port_base, None, tape, "hold", "venue", None)
    name, options, market = "crowd", ["--crowd", "1"], "a crowd of simulated traders"
    slow = SLOW_BARS
    if isinstance(found.market, TapeSource):
        name = f"tape-{found.market.sha256[:8]}-{found.market.speed}x"
        options, market = ["--tape", tape or ""], describe(found.market)
        slow = max(SLOW_BARS_MIN, min(slow, int(WARM_S / Decimal(found.market.speed)) - 2))
    directory = data or datadir.default_directory() / "demo" / name
    return DemoConfig(directory, options, port_base, browser, market, slow)


def run(config: DemoConfig, common: Common) -> int:
    """Run it until Ctrl-C or until one of the two ends; return 1 in that case."""
    console = Console(stderr=common.json, highlight=False, soft_wrap=True)
    begun = monotonic()
    children: list[Child] = []
    # Also SIGINT: who was started in the background by a shell begins with it ignored.
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with console.status("starting the exchange"):
            ready = _start_exchange(config, children)
        console.print(f"[green]✓[/] exchange with {config.market} [dim]{_since(begun)}[/]")
        page = f"{ready['page']}#token={datadir.read_token(config.data / 'exchange')}"
        console.print(f"\n  [bold]page[/]  {page}")
        for name, urls in ready["dialects"].items():
            console.print(f"  [bold]{name}[/]  {urls['rest']}")
        console.print(f"  [bold]data[/]  {config.data}\n\n  [dim]Ctrl-C stops everything[/]\n")
        if config.opens_browser:
            webbrowser.open(page)
        with console.status("starting the bot"):
            bot = _start_bot(config, ready, children)
        console.print(f"[green]✓[/] bot [bold]{BOT}[/] on the binance API [dim]{_since(begun)}[/]")
        if common.json:
            print(json.dumps({**ready, "page": page, "bot": bot}), flush=True)
        _show_first_fill(bot, console, begun)
        return _watch(children, console)
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        for child in reversed(children):
            _stop(child, console)


def _start_exchange(config: DemoConfig, children: list[Child]) -> dict[str, Any]:
    arguments = ["exchange", "--data", str(config.data), "--port-base", str(config.port_base)]
    process = _spawn([*arguments, *config.exchange_options], stdout=subprocess.PIPE)
    children.append(Child("exchange", process))
    return _first_line(process, "the exchange")


def _start_bot(config: DemoConfig, ready: dict[str, Any], children: list[Child]) -> dict[str, Any]:
    accounts = administer(config.data, ListAccounts())["accounts"]
    if BOT not in [account["account"] for account in accounts]:
        administer(config.data, CreateAccount(BOT, FUNDS))
    scopes = (Scope.READ, Scope.TRADE)
    key = administer(config.data, CreateKey(BOT, "binance", scopes, label=BOT, replace=True))
    reading, writing = os.pipe()
    file = config.data / f"{BOT}.toml"
    urls = ready["dialects"]["binance"]
    slow = config.slow_bars
    fast = max(2, slow // 6)
    text = CONFIG.format(bot=BOT, pipe=reading, fast=fast, slow=slow, **urls)
    file.write_text(text, encoding="utf-8")
    port = config.port_base and config.port_base + 20
    arguments = ["trade", str(file), "--data", str(config.data), "--port", str(port)]
    process = _spawn(arguments, stdout=subprocess.PIPE, pass_fds=(reading,))
    children.append(Child("bot", process))
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as pipe:
        json.dump({name: key[name] for name in ("key", "secret", "passphrase")}, pipe)
    return _first_line(process, "the bot")


def _spawn(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    # Its own session: Ctrl-C in the terminal is for us, who stop the others in order.
    command = [sys.executable, "-m", "steelyard.cli.main", *arguments]
    return subprocess.Popen(  # noqa: S603 ourselves
        command,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 one thread
        **options,
    )


def _end_with_parent() -> None:
    """Have the kernel stop this child when the demo itself is killed without a word."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _first_line(process: subprocess.Popen[bytes], name: str) -> dict[str, Any]:
    """Return the ready document that a child prints first."""
    output: IO[bytes] | None = process.stdout
    assert output is not None, "its output is a pipe"
    line = output.readline()
    if not line:
        code = process.wait(READY_S)
        raise UsageError(f"{name} did not start (exit code {code}); what it said is above")
    document: dict[str, Any] = json.loads(line)
    return document


def _show_first_fill(bot: dict[str, Any], console: Console, begun: float) -> None:
    """Say when the bot has its first fill of this run, so that a terminal shows life."""
    last = monotonic() + FIRST_FILL_S
    while monotonic() < last:
        try:
            _, state = ask(bot["port"], "GET", "/status", token=bot["token"])
        except SteelyardError:
            return
        fills = [f for f in state.get("fills", ()) if f["time"] >= state["bot"]["started"]]
        if fills:
            fill = fills[0]
            console.print(
                f"[green]✓[/] first fill: {fill['side']} {fill['size']} at {fill['price']} "
                f"[dim]{_since(begun)}[/]"
            )
            return
        sleep(0.2)


def _watch(children: list[Child], console: Console) -> int:
    while True:
        for child in children:
            if (code := child.process.poll()) is not None:
                console.print(f"[red]the {child.name} ended with exit code {code}[/]")
                return 1
        sleep(0.5)


def _stop(child: Child, console: Console) -> None:
    if child.process.poll() is not None:
        return
    child.process.send_signal(signal.SIGTERM)
    try:
        child.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        console.print(f"[red]the {child.name} did not stop in {STOP_S:.0f} s; killed[/]")
        child.process.kill()
        child.process.wait()
        return
    console.print(f"[dim]{child.name} stopped[/]")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _since(begun: float) -> str:
    return f"{monotonic() - begun:.1f} s"
