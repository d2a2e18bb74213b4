"""An administrator's call, on an exchange that runs or one that does not.

A running exchange is asked over loopback with the token of its directory. A stopped one is
opened under its lock and replayed, and the same records are appended.
"""

import secrets
import sys
from pathlib import Path
from typing import Any

import msgspec

from steelyard.domain.errors import ConnectFailed, UsageError
from steelyard.exchange.admin import Admin, AdminCall, CreateAccount
from steelyard.exchange.issuing import CreateKey, RotateKey
from steelyard.net.clock import Clock
from steelyard.net.loopback import ask
from steelyard.store import datadir

OK = 200
SEALING = (CreateKey, RotateKey)
FOUNDING = (CreateAccount,)  # what may begin an exchange; a look at a wrong path must not


def administer(data: Path, call: AdminCall) -> dict[str, Any]:
    """Carry out a call on the exchange in a data directory; return what is to be shown.

    Raises:
        UsageError: The exchange says that it cannot be done.
        ConfigError: The directory cannot be opened.
    """
    directory = data / "exchange"
    ports = running_ports(data)
    if ports:
        try:
            return _ask(directory, ports["native"], call)
        except ConnectFailed:
            pass  # it has just stopped, or was killed: its directory is free
    return _append(data, call)


def running_ports(data: Path) -> dict[str, int]:
    """Return the ports of the running exchange by dialect; empty where none runs."""
    document = datadir.read_document(datadir.port_file(data / "exchange"), missing={})
    return dict(document.get("ports", {})) if datadir.is_alive(document) else {}


def running_tls(data: Path) -> dict[str, Any] | None:
    """Return where the running exchange speaks TLS, as its ready document has it; or None."""
    document = datadir.read_document(datadir.port_file(data / "exchange"), missing={})
    return document.get("tls") if datadir.is_alive(document) else None


def _ask(directory: Path, port: int, call: AdminCall) -> dict[str, Any]:
    token = datadir.read_token(directory)
    status, answer = ask(port, "POST", "/admin", token=token, body=msgspec.json.encode(call))
    if status != OK:
        raise UsageError(answer.get("error", {}).get("message", f"the exchange said {status}"))
    return answer


def _append(data: Path, call: AdminCall) -> dict[str, Any]:
    if not isinstance(call, FOUNDING) and not (data / "exchange").exists():
        raise UsageError(
            f"there is no exchange in {data} yet: start one with `steelyard exchange`, or open its "
            "first account with `steelyard account create`; or name another --data"
        )
    # A running exchange is only asked, and that is to be quick.
    from steelyard.cli.opening import OpenExchange  # noqa: PLC0415

    now_ns = Clock().now_ns()
    opened = OpenExchange(data, None, now_ns)
    if isinstance(call, SEALING):
        opened.check_seal(now_ns)  # what a wrong seal key seals would open nowhere
    for repair in opened.repairs:
        print(repair, file=sys.stderr)
    try:
        admin = Admin(opened.exchange, opened.seal, secrets.token_bytes)
        result = admin.carry_out(call, now_ns)
        opened.journal.append_all(opened.exchange.drain().payloads)
        opened.journal.commit()
    finally:
        opened.close()
    # As a running exchange's answer reads: plain JSON values.
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(result))
    return document
