"""A local authority, and ports that speak TLS with what it issues."""

import asyncio
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from steelyard.domain.errors import ConfigError
from steelyard.net.bounds import Bounds
from steelyard.net.loop import run_loop
from steelyard.net.server import bind, serve_on
from steelyard.net.tls import LIFE, RENEW, Authority, open_authority
from steelyard.wire.http import json_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MADE = Authority.made()


class Echo:
    """Answers with the size of the body; a WebSocket gets its messages back."""

    def http(self, request, ip, reply):
        reply(json_response(200, b'{"size":%d}' % len(request.body)))

    def websocket(self, request, ip, connection):
        connection.on_message = lambda text: connection.send(text.encode())
        return True


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "ca.pem", tmp_path / "ca.key"
    for path, content in zip(paths, MADE, strict=True):
        path.write_bytes(content)
    return paths


def client_context(**versions):
    context = ssl.create_default_context(cadata=MADE[0].decode())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else a client offers no TLS 1.1 at all
    for name, version in versions.items():
        setattr(context, name, version)
    return context


def with_port(act, bounds=None):
    """Run `act(port)` in a thread against a TLS port; return what it returns."""

    async def main():
        authority = Authority(*MADE)
        authority.renew(datetime.now(UTC))  # noqa: TID251 the clients go by the real time
        server = await serve_on(bind("127.0.0.1", 0), Echo(), bounds or Bounds(), authority.context)
        try:
            return await asyncio.to_thread(act, server.port)
        finally:
            await server.close()

    return run_loop(main())


def exchange_bytes(port, data, context=None, name="127.0.0.1"):
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        (context or client_context()).wrap_socket(plain, server_hostname=name) as secure,
    ):
        secure.sendall(data)
        received = b""
        while part := secure.recv(65_536):
            received += part
        return received, secure.version()


REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 70000\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_authority_is_served(name):
    answer, version = with_port(lambda p: exchange_bytes(p, REQUEST + b"x" * 70_000, name=name))
    assert b'{"size":70000}' in answer
    assert version == "TLSv1.3"


def test_one_that_does_not_is_not(caplog):
    with pytest.raises(ssl.SSLCertVerificationError):
        with_port(lambda p: exchange_bytes(p, REQUEST, ssl.create_default_context()))
    with pytest.raises(ssl.SSLCertVerificationError):
        with_port(lambda p: exchange_bytes(p, REQUEST, name="steelyard.example"))
    assert not caplog.records


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused_and_1_2_taken():
    old = {"minimum_version": ssl.TLSVersion.TLSv1_1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    with pytest.raises(ssl.SSLError):
        with_port(lambda p: exchange_bytes(p, REQUEST, client_context(**old)))
    context = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    answer, version = with_port(lambda p: exchange_bytes(p, REQUEST + b"x" * 70_000, context))
    assert (version, b"200 OK" in answer) == ("TLSv1.2", True)


def read_all(client):
    received = b""
    while part := client.recv(4_096):
        received += part
    return received


def test_plain_http_gets_no_answer_but_an_end(caplog):
    """Not a hang, and not a line in the log for each."""

    def act(port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            said = read_all(client)
        return said, exchange_bytes(port, b"GET / HTTP/1.0\r\n\r\n")[0]

    said, after = with_port(act)
    assert b"HTTP" not in said
    assert b"200 OK" in after
    assert not caplog.records


def test_who_does_not_finish_the_handshake_is_cut_off_and_takes_nobodys_place():
    """Bounded in time and number; who is beyond the number is closed at once."""

    def act(port):
        idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
        idle[0].sendall(b"\x16\x03\x01")
        ends = [read_all(client) for client in idle]
        for client in idle:
            client.close()
        for _ in range(100):  # the last of them has just gone, or is about to
            with suppress(OSError):
                return ends, exchange_bytes(port, b"GET / HTTP/1.0\r\n\r\n")[0]
        raise AssertionError("nobody else got in")

    ends, after = with_port(act, Bounds(handshake_s=0.3, handshakes_max=2))
    assert ends == [b"", b"", b""]
    assert b"200 OK" in after


def test_half_closed_or_broken_off_it_goes_on():
    def act(port):
        for _ in range(3):
            plain = socket.create_connection(("127.0.0.1", port), timeout=5)
            secure = client_context().wrap_socket(plain, server_hostname="localhost")
            secure.sendall(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc")
            secure.close()  # without a goodbye
        return exchange_bytes(port, b"GET / HTTP/1.0\r\n\r\n")[0]

    assert b"200 OK" in with_port(act)


def test_the_certificate_is_renewed_before_its_end_and_not_sooner():
    authority = Authority(*MADE)
    assert authority.renew(NOW)
    assert not authority.renew(NOW + LIFE - RENEW - timedelta(seconds=1))
    assert authority.renew(NOW + LIFE - RENEW)


def test_an_authority_is_kept_until_its_end_is_near(files):
    found = open_authority(files, NOW)
    assert found is not None
    assert open_authority(files, found.ends - LIFE) is None
    for file in files:
        file.unlink()
    assert open_authority(files, NOW) is None


def test_the_authority_says_that_it_is_one():
    read = x509.load_pem_x509_certificate(MADE[0])
    assert read.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value.ca


@pytest.mark.parametrize(
    ("which", "content", "words"),
    [
        (0, b"garbage", "cannot be read"),
        (1, b"garbage", "cannot be read"),
        (1, Authority.made()[1], "do not belong together"),
        (1, None, "cannot be read"),
    ],
)
def test_damaged_files_are_one_sentence_with_the_way_out(files, which, content, words):
    if content is None:
        files[which].unlink()
    else:
        files[which].write_bytes(content)
    with pytest.raises(ConfigError, match=f"{words}.*delete both"):
        open_authority(files, NOW)
