"""`steelyard status`: what runs in a data directory, and how it is doing."""

from pathlib import Path
from typing import Any

from steelyard.cli.administration import administer, running_ports
from steelyard.cli.clock import clock_text
from steelyard.cli.options import Common
from steelyard.cli.standby import standbys
from steelyard.cli.terminal import shown
from steelyard.domain.errors import ConfigError, PeerError, TransportError
from steelyard.exchange.admin import Inspect
from steelyard.net.loopback import ask_process
from steelyard.store.datadir import (
    WITHOUT_A_WORD,
    bot_directories,
    ending_of,
    is_alive,
    port_file,
    read_document,
)

_EVERYONE = Common()
CHECK_FAILED = 1
MS_PER_S = 1_000


def status(*, common: Common = _EVERYONE) -> int:
    """Show the exchange and the bots of a data directory.

    The exit code is 1 if something that should run does not, or is killed or gated.
    """
    data = common.directory
    ports = running_ports(data)
    bots = [_bot(data, name) for name in bot_directories(data)]
    document: dict[str, Any] = {
        "exchange": _exchange(data, ports) if ports else None,
        "bots": bots,
        "standbys": standbys(data),
    }
    common.show(document, _text(document))
    is_well = all(bot["status"] == "running" for bot in bots)
    return 0 if ports and is_well else CHECK_FAILED


def _exchange(data: Path, ports: dict[str, int]) -> dict[str, Any]:
    repairs = read_document(port_file(data / "exchange"), missing={}).get("repairs", [])
    return {"ports": ports, "repairs": repairs, **administer(data, Inspect())}


def _bot(data: Path, name: str) -> dict[str, Any]:
    directory = data / "bots" / name
    try:
        document = read_document(port_file(directory), missing={})
        if not is_alive(document):
            is_gone, why = (True, WITHOUT_A_WORD) if document else ending_of(directory)
            return {"name": name, "status": "gone" if is_gone else "stopped", "reason": why}
    except ConfigError as error:
        return {"name": name, "status": "silent", "reason": str(error)}
    try:
        _, state = ask_process(document, "GET", "/status")
    except (TransportError, PeerError) as error:
        return {"name": name, "status": "silent", "reason": str(error)}
    return {
        "name": name,
        "status": state.get("status"),
        "reason": state.get("reason"),
        "position": state.get("position"),
        "pnl": state.get("pnl"),
        "open_orders": len(state.get("orders", ())),
        "lease": state.get("lease"),
        "page": f"http://127.0.0.1:{document['port']}/",
    }


def _text(document: dict[str, Any]) -> str:
    found = document["exchange"]
    if found is None:
        lines = ["[yellow]no exchange is running here[/]; `steelyard demo` starts one with a bot"]
    else:
        ports = " · ".join(f"{name} {port}" for name, port in found["ports"].items())
        books = "balance" if not any(int(v) for v in found["totals"].values()) else "DO NOT BALANCE"
        lines = [
            f"[bold]exchange[/] [green]running[/] · {ports}",
            f"  {found['market']} market · {len(found['instruments'])} instruments",
            f"  {found['accounts']} accounts · books {books} · state {found['state_hash']}",
        ]
        if not found["clock"]["is_hosts"]:
            lines.append(f"  [yellow]{clock_text(found['clock'])}[/]")
        lines += [
            f"  [yellow]{symbol} is {state}[/]" for symbol, state in found["restricted"].items()
        ]
        if notice := found["notice"]:
            lines.append(f"  [yellow]the market stands still[/] {shown(notice)}")
        lines += [f"  [yellow]at its start[/] {shown(repair)}" for repair in found["repairs"]]
    for bot in document["bots"]:
        colour = {"running": "green", "killed": "red"}.get(bot["status"], "yellow")
        lines.append(f"[bold]{shown(bot['name'])}[/] [{colour}]{bot['status']}[/]")
        if bot["reason"]:
            lines.append(f"  {shown(str(bot['reason']))}")
        if bot.get("position"):
            lines.append(
                f"  position {bot['position']['size']} · P&L after fees {bot['pnl']['total']} "
                f"{bot['pnl']['currency']} · {bot['open_orders']} open orders"
            )
        lease = bot.get("lease")
        if lease and (lease["kind"] != "host" or lease["standbys"]):  # else it is nobody's concern
            lines.append(f"  {_lease_text(lease)}")
    for waiting in document["standbys"]:
        name, why = shown(str(waiting["bot"])), shown(str(waiting["waits_for"]))
        lines.append(f"[bold]{name}[/] [yellow]stands by[/] (process {waiting['pid']}): {why}")
    return "\n".join(lines)


def _lease_text(lease: dict[str, Any]) -> str:
    """Return how a bot's lease is, in a line."""
    text = f"lease of {shown(str(lease['holder']))} · term {lease['term']}"
    if lease["left_ms"] is not None:
        text += f" · {lease['kind']} · {lease['left_ms'] / MS_PER_S:.1f} s without a renewal"
    if waiting := lease["standbys"]:
        text += f" · stands by: {shown(', '.join(waiting))}"
    return f"{text} [red]{shown(lease['trouble'])}[/]" if lease["trouble"] else text
