"""Clients that mean harm, at a real process: it stays up, answers others, and grows by little.

No test here knows which answer a case deserves; `tests/net` does. Here it is: no crash, no 5xx of
ours, no connection left hanging, an answer to everybody else within a second, bounded memory.
"""

import http.client
import os
import re
import select
import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import pytest
from exchange_here import ExchangeHere
from hostile import corpus, frame, handshake, http_case, websocket_case

from steelyard.net.bounds import DEFAULT

ANSWER_S = 1.0  # to everybody else
SILENCE_S = 0.05  # after which a case's connection is given up by its client
GROWTH_MAX_BYTES = 96 << 20
NIGHT_S = 120
SERVER_FAULT = re.compile(rb"^HTTP/1\.1 5\d\d", re.MULTILINE)
# What is not there, and not a failure: an unknown version or coding.
MAY_BE = {b"HTTP/1.1 501", b"HTTP/1.1 505"}


class Target:
    """The exchange, and how it is."""

    def __init__(self, exchange) -> None:
        self.exchange = exchange
        self.ports = [urlsplit(exchange.url(name)).port for name in ("native", "binance")]
        self.secure = urlsplit(exchange.ready["tls"]["page"]).port
        self.log = exchange.data.parent / f"{exchange.data.name}.stderr"

    def connect(self, port):
        return socket.create_connection(("127.0.0.1", port), timeout=5)

    def ask(self, port=None) -> float:
        """Ask for the time as a well-behaved client; return how long that took."""
        begun = perf_counter()
        for each in [port] if port else self.ports:
            path = "/api/v1/time" if each == self.ports[0] else "/api/v3/time"
            connection = http.client.HTTPConnection("127.0.0.1", each, timeout=5)
            connection.request("GET", path)
            assert connection.getresponse().read().startswith(b"{")
            connection.close()
        return perf_counter() - begun

    @property
    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.exchange.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def attack(self, port, data) -> bytes:
        """Send one case; return what came until the end, or until nothing more came."""
        with self.connect(port) as client, suppress(OSError):
            sender = threading.Thread(target=_send, args=(client, data))
            sender.start()
            received = b""
            while select.select([client], [], [], SILENCE_S)[0]:
                part = client.recv(65_536)
                if not part:
                    break
                received += part
            client.shutdown(socket.SHUT_RDWR)
            sender.join()
            return received
        return b""

    def is_well(self) -> None:
        assert self.ask() < ANSWER_S
        said = self.log.read_text()
        assert "Traceback" not in said, said[-3_000:]


def _send(client, data) -> None:
    with suppress(OSError):
        client.sendall(data)


def _closed(clients) -> int:
    return len(select.select(clients, [], [], 0)[0])


def faults(received: bytes) -> list[bytes]:
    return [line for line in SERVER_FAULT.findall(received) if line not in MAY_BE]


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    data = tmp_path_factory.mktemp("hostile") / "data"
    with ExchangeHere(data, "--crowd", "1", "--limits", "off", "--tls") as running:
        found = Target(running)
        found.ask()
        yield found
        found.is_well()
        totals = running.steelyard("status")["exchange"]["totals"]
        assert set(totals.values()) <= {"0"}


def run_corpus(target, make, seed, count) -> None:
    before = target.resident_bytes
    for number, case in enumerate(corpus(make, seed, count)):
        received = target.attack(target.ports[number % 2], case)
        assert not faults(received), (number, case[:300], received[:300])
        if number % 50 == 0:
            assert target.ask() < ANSWER_S, (number, case[:300])
    target.is_well()
    assert target.resident_bytes - before < GROWTH_MAX_BYTES


def test_hostile_requests(target):
    run_corpus(target, http_case, 1, 20)


@pytest.mark.slow
def test_hostile_frames(target):
    run_corpus(target, websocket_case, 1, 15)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "count"), [(http_case, 400), (websocket_case, 250)])
def test_more_of_them(target, make, count):
    run_corpus(target, make, 2, count)


@pytest.mark.night
@pytest.mark.timeout(NIGHT_S * 4)
@pytest.mark.parametrize("make", [http_case, websocket_case])
def test_more_of_them_than_anybody_would_wait_for(target, make):
    begun, seed = perf_counter(), int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    while perf_counter() - begun < NIGHT_S:
        seed += 1
        run_corpus(target, make, seed, 200)


@pytest.mark.slow
def test_hundreds_of_slow_ones_hold_up_nobody(target):
    """Heads, bodies, handshakes and frames that never end, each from a connection of its own."""
    halves = (
        b"",
        b"GET /api/v1/time HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ",
        b"POST /api/v1/orders HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 50\r\n\r\n{",
        handshake("/ws/v1")[:-4],
        handshake("/ws/v1") + frame(1, b"x" * 100)[:20],
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffff\r\nx",
    )
    before = target.resident_bytes
    with ExitStack() as stack:
        for number in range(500):
            client = stack.enter_context(target.connect(target.ports[number % 2]))
            client.sendall(halves[number % len(halves)])
            if number % 100 == 0:
                assert target.ask() < ANSWER_S
        for _ in range(5):
            assert target.ask() < ANSWER_S
        assert target.resident_bytes - before < GROWTH_MAX_BYTES
    target.is_well()


@pytest.mark.slow
def test_handshakes_of_tls_that_never_end_are_bounded(target):
    """Beyond the bound they are closed at once; the plain ports feel nothing."""
    with ExitStack() as stack:
        clients = [stack.enter_context(target.connect(target.secure)) for _ in range(300)]
        for number, client in enumerate(clients):
            with suppress(OSError):
                client.sendall(b"\x16\x03\x01\x02\x00"[: number % 6])
        for _ in range(20):
            assert target.ask() < ANSWER_S
        beyond = len(clients) - DEFAULT.handshakes_max
        until = perf_counter() + DEFAULT.handshake_s / 2  # before any of them is given up
        while _closed(clients) < beyond and perf_counter() < until:
            assert target.ask() < ANSWER_S  # the next ones are accepted meanwhile
        assert _closed(clients) >= beyond
    context = ssl.create_default_context(cafile=target.exchange.ready["tls"]["ca"])
    for _ in range(100):  # until those that have just gone are seen to have gone
        with suppress(OSError), target.connect(target.secure) as plain:
            context.wrap_socket(plain, server_hostname="localhost").close()
            return
    raise AssertionError("nobody gets in any more")


@pytest.mark.slow
def test_who_does_not_read_is_dropped_and_the_others_feel_nothing(target):
    """A flood of requests whose answers nobody takes."""
    before = target.resident_bytes
    asked = b"GET /api/v1/instruments HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 2_000
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(target.connect(target.ports[0]))
            client.setblocking(False)
            with suppress(OSError):
                client.send(asked)
        for _ in range(5):
            assert target.ask() < ANSWER_S
        assert target.resident_bytes - before < GROWTH_MAX_BYTES
    target.is_well()
