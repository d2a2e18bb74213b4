"""A small HTTP server on loopback that answers as a test says: a stand-in for a service."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, Any]  # status, and a document or bytes
# Takes method, path with its query, body, headers in lower case.
Answers = Callable[[str, str, bytes, dict[str, str]], Answer]


class Answering:
    """It runs within `with`; each request and its body stand in `heard`."""

    def __init__(self, answers: Answers) -> None:
        self.heard: list[tuple[str, str, bytes]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                heard.append((self.command, self.path, body))
                status, said = answers(self.command, self.path, body, headers)
                data = said if isinstance(said, bytes) else json.dumps(said).encode()
                kind = "text/plain" if isinstance(said, bytes) else "application/json"
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
