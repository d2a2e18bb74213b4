import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from steelyard.domain.errors import ConnectFailed, ConnectionLost, DecodeError, TransportError
from steelyard.net.loopback import ask, ask_process
from steelyard.wire.http import json_response
from tests.net.port import HOST, Recorder, run, serving


def asked_with(answer: bytes, *, timeout_s: float = 5.0) -> type[Exception]:
    """Ask somebody who says just this and closes; return the class of the error."""
    with socket.create_server((HOST, 0)) as listening:

        def say() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                if answer:
                    connection.sendall(answer)
                else:
                    connection.recv(1)  # says nothing until the other side has enough of it

        thread = Thread(target=say)
        thread.start()
        port = listening.getsockname()[1]
        try:
            with pytest.raises((TransportError, DecodeError), match=f"port {port} ") as caught:
                ask(port, "POST", "/kill", token="t", timeout_s=timeout_s)
        finally:
            thread.join()
    return caught.type


def test_a_question_is_answered():
    """Method, path, token and body arrive; status and document come back."""

    async def main() -> None:
        site = Recorder()
        site.answer = lambda _, reply: reply(json_response(409, b'{"a": [1]}'))
        async with serving(site) as server:
            with ThreadPoolExecutor() as pool:
                asking = pool.submit(
                    ask, server.port, "POST", "/admin?x", token="secret", body=b'{"b": 2}'
                )
                status, document = await asyncio.wrap_future(asking)
        assert (status, document) == (409, {"a": [1]})
        (request,) = site.requests
        assert (request.method, request.target) == ("POST", "/admin?x")
        assert request.headers["x-steelyard-token"] == "secret"
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.body) == {"b": 2}

    assert run(main()) == []


def test_nobody_listens():
    """A port without a listener: nothing left us."""
    with socket.create_server((HOST, 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ConnectFailed, match=f"port {port}"):
        ask(port, "GET", "/status", token="t")


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ],
)
def test_half_an_answer_is_none(answer: bytes):
    """Whoever breaks off may have done what was asked."""
    assert asked_with(answer) is ConnectionLost


def test_no_answer_in_time():
    """It is bounded: who says nothing is not waited for."""
    assert asked_with(b"", timeout_s=0.05) is ConnectionLost


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'"text"', b'{"a": ', b"\xff"])
def test_an_answer_that_is_no_document(body: bytes):
    """Whoever listens there is not one of ours."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert asked_with(head + body) is DecodeError


@pytest.mark.parametrize(
    "document",
    [{}, {"port": 1}, {"port": "1", "token": "t"}, {"port": 0, "token": "t"},
     {"port": 65_536, "token": "t"}, {"port": 1, "token": "a\r\nb"}, {"port": 1, "token": "é"}],
)  # fmt: skip
def test_a_port_file_that_says_nowhere_is_said(document):
    with pytest.raises(ConnectFailed, match="its port file is damaged"):
        ask_process(document, "GET", "/status")
