"""One small request to one of our own processes on this machine, blocking and bounded.

For the command line and the kill switch, which must work with nothing but the standard
library and a few seconds. Never leaves loopback, and never takes half an answer for one.
"""

import http.client
from contextlib import closing
from typing import Any

import msgspec

from steelyard.domain.errors import ConnectFailed, ConnectionLost, DecodeError

HOST = "127.0.0.1"
ANSWER_MAX_BYTES = 64 << 20
PORT_MAX = 65_535


def ask(
    port: int,
    method: str,
    path: str,
    *,
    token: str,
    body: bytes = b"",
    timeout_s: float = 5.0,
) -> tuple[int, dict[str, Any]]:
    """Send a request with a token; return the status and the JSON document of the answer.

    Raises:
        ConnectFailed: Nobody listens there.
        ConnectionLost: No whole answer within the time.
        DecodeError: The answer is not a JSON document.
    """
    headers = {"x-steelyard-token": token, "content-type": "application/json"}
    with closing(http.client.HTTPConnection(HOST, port, timeout=timeout_s)) as connection:
        try:
            connection.connect()
        except OSError as error:
            raise ConnectFailed(f"nobody listens on port {port}: {error}") from error
        try:
            connection.request(method, path, body=body, headers=headers)
            with connection.getresponse() as response:
                data = _read(response, port)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"port {port} did not answer: {error}") from error
    try:
        return response.status, msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise DecodeError(f"port {port} answered something that is not JSON: {error}") from error


def ask_process(
    document: dict[str, Any], method: str, path: str, *, body: bytes = b"", timeout_s: float = 5.0
) -> tuple[int, dict[str, Any]]:
    """Ask the process that a port file tells of, as `ask` does.

    Raises:
        ConnectFailed: Nobody listens there, or the file does not say where.
        ConnectionLost: No whole answer within the time.
        DecodeError: The answer is not a JSON document.
    """
    port, token = document.get("port"), document.get("token")
    is_port = isinstance(port, int) and 0 < port <= PORT_MAX
    is_token = isinstance(token, str) and token.isascii() and token.isprintable()
    if not (is_port and is_token):
        raise ConnectFailed("its port file is damaged: it has no port and token to ask with")
    assert isinstance(port, int), "the line above"
    assert isinstance(token, str), "the line above"
    return ask(port, method, path, token=token, body=body, timeout_s=timeout_s)


def _read(response: http.client.HTTPResponse, port: int) -> bytes:
    # The library takes headers that break off for all there are, and a read of so many bytes
    # for whole however few come. Our own processes always say how long an answer is.
    if response.length is None and not response.chunked:
        raise ConnectionLost(f"port {port} broke off before the body of its answer")
    data = response.read(ANSWER_MAX_BYTES)
    if response.length:
        raise ConnectionLost(f"port {port} broke off {response.length} bytes too early")
    return data
