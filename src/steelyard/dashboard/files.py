"""The built page as responses: read once, known by name, never a path from a request."""

from mimetypes import guess_type
from pathlib import Path

from steelyard.dashboard.headers import NOT_KEPT, PAGE_HEADERS
from steelyard.wire.http import Response

PAGE = Path(__file__).parent / "page"

_MISSING = (
    b"<!doctype html><title>steelyard</title>"
    b"<h1>The page has not been built</h1><p>Run <code>make page</code>, then start the exchange "
    b"again: it reads the page once. "
    b"The API works without it: <a href='/docs'>/docs</a>."
)


class Files:
    """Every file of the built page, by its path on the server."""

    def __init__(self, directory: Path = PAGE) -> None:
        self._files: dict[str, Response] = {}
        if directory.is_dir():
            for file in sorted(directory.rglob("*")):
                if file.is_file():
                    path = "/" + file.relative_to(directory).as_posix()
                    self._files[path] = _response(file)
        kind = {"content-type": "text/html; charset=utf-8", **NOT_KEPT, **PAGE_HEADERS}
        index = Response(503, kind, _MISSING)
        self._files["/"] = self._files.get("/index.html", index)

    def find(self, path: str) -> Response | None:
        """Return the file at a path."""
        return self._files.get(path)


def _response(file: Path) -> Response:
    kind = guess_type(file.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    # Vite puts a hash of the content into the names under assets.
    age = "max-age=31536000, immutable" if file.parent.name == "assets" else "no-cache"
    headers = {"content-type": kind, "cache-control": age, **PAGE_HEADERS}
    return Response(200, headers, file.read_bytes())
