"""One small request to one of our own processes on this machine, blocking and bounded.

For the command line and the kill switch, which must work with nothing but the standard
library and a few seconds. Never leaves loopback.
"""

import http.client
from typing import Any

import msgspec

from steelyard.domain.errors import ConnectFailed, ConnectionLost, DecodeError

HOST = "127.0.0.1"
ANSWER_MAX_BYTES = 64 << 20


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
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    headers = {"x-steelyard-token": token, "content-type": "application/json"}
    try:
        try:
            connection.connect()
        except OSError as error:
            raise ConnectFailed(f"nobody listens on port {port}: {error}") from error
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            data = response.read(ANSWER_MAX_BYTES)
            if response.length:  # read with a size tells nobody that the rest is missing
                raise ConnectionLost(f"port {port} broke off {response.length} bytes too early")
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"port {port} did not answer: {error}") from error
    finally:
        connection.close()
    try:
        return response.status, msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"port {port} answered something that is not JSON: {error}") from error
