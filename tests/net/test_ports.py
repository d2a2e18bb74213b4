import os
import socket
from pathlib import Path

import pytest

from steelyard.net.ports import holder_of
from tests.net.port import HOST

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid inode"
LISTENS, ESTABLISHED = "0A", "01"


def row(port: int, state: str, inode: int, address: str = "0100007F") -> str:
    return (
        f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 "
        f"00000000     0        0 {inode} 1 0000000000000000 100 0 0 10 0"
    )


def table(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEAD, *rows, ""]))


def process(proc: Path, pid: int, name: str | None, *targets: str) -> None:
    descriptors = proc / str(pid) / "fd"
    descriptors.mkdir(parents=True)
    for number, target in enumerate(targets):
        (descriptors / str(number)).symlink_to(target)
    if name is not None:
        (proc / str(pid) / "comm").write_text(name + "\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine on which process 40, nginx, listens on port 8600."""
    table(tmp_path / "net" / "tcp", row(8601, LISTENS, 5), row(8600, LISTENS, 77))
    process(tmp_path, 7, "sh", "/dev/null", "socket:[5]", "pipe:[77]")
    process(tmp_path, 40, "nginx", "/dev/null", "socket:[77]")
    (tmp_path / "version").write_text("Linux")
    return tmp_path


def test_a_holder_is_found_without_ipv6(proc: Path):
    """A system without IPv6 has one table only, and that is enough."""
    assert holder_of(8600, proc) == " (by process 40, nginx)"
    assert holder_of(8601, proc) == " (by process 7, sh)"


def test_a_holder_is_found_in_the_table_of_ipv6(proc: Path):
    """Who listens on all addresses of both kinds is in the second table."""
    table(proc / "net" / "tcp6", row(8602, LISTENS, 88, "0" * 32))
    process(proc, 41, "java", "socket:[88]")
    assert holder_of(8602, proc) == " (by process 41, java)"
    assert holder_of(8600, proc) == " (by process 40, nginx)"


def test_only_listeners_hold_a_port(proc: Path):
    """A connection that uses the number is nobody's listener."""
    table(proc / "net" / "tcp", row(8600, ESTABLISHED, 77))
    assert holder_of(8600, proc) == ""


def test_a_holder_that_has_just_gone(proc: Path):
    """A process may end while it is looked at."""
    (proc / "40" / "comm").unlink()
    assert holder_of(8600, proc) == " (by process 40, which has just ended)"


def test_nothing_is_said_where_nothing_is_known(proc: Path, tmp_path: Path):
    """Free ports, holders of other users and other systems give an empty text."""
    assert holder_of(1, proc) == ""
    table(proc / "net" / "tcp", row(8600, LISTENS, 99))
    assert holder_of(8600, proc) == ""
    assert holder_of(8600, tmp_path / "nowhere") == ""


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells")
def test_this_machine_tells():
    """A port of our own is ours."""
    with socket.create_server((HOST, 0)) as listening:
        found = holder_of(listening.getsockname()[1])
    assert found.startswith(f" (by process {os.getpid()}, ")
