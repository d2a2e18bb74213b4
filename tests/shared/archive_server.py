"""A small archive over loopback that can misbehave as real ones do."""

import hashlib
import io
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


def zipped(name, text):
    """Return a zip archive of one table."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return out.getvalue()


class ArchiveServer:
    """Serves files by their path. `trouble` is what it does to the next requests, in order.

    429 and 503 are refused with `Retry-After: 7`; "cut" breaks off in the middle of a file.
    """

    def __init__(self):
        self.files = {}
        self.trouble = []
        self.asked = []  # (path, range)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, path, body, *, checksum=True):
        """Serve a file, and its checksum."""
        self.files[f"/{path}"] = body
        if checksum:
            digest = hashlib.sha256(body).hexdigest()
            line = f"{digest}  {path.rpartition('/')[2]}\n"
            self.files[f"/{path}.CHECKSUM"] = line.encode()

    def answer(self, request):
        ranged = request.headers.get("Range", "")
        self.asked.append((request.path, ranged))
        trouble = self.trouble.pop(0) if self.trouble else None
        body = self.files.get(request.path)
        if isinstance(trouble, int):
            self._send(request, trouble, b"", {"Retry-After": "7"})
        elif body is None:
            self._send(request, 404, b"")
        elif trouble == "cut":
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[: len(body) // 2])
            request.close_connection = True
        elif ranged:
            begin = int(ranged.removeprefix("bytes=").rstrip("-"))
            status = 206 if begin < len(body) else 416
            self._send(request, status, body[begin:])
        else:
            self._send(request, 200, body)

    def _send(self, request, status, body, headers=None):
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
