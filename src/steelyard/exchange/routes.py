"""A dialect's routes: which endpoint a method and a path mean."""

from steelyard.wire.dialect import AccessReason, Dialect, Endpoint, Refusal
from steelyard.wire.http import Request


class Routes:
    """Endpoints by method and path; `{name}` segments capture."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._plain: dict[str, dict[str, Endpoint]] = {}
        self._captures: list[tuple[list[str], dict[str, Endpoint]]] = []
        for endpoint in endpoints:
            self._methods(endpoint.path)[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | Refusal:
        """Return the endpoint and what its path captured."""
        captured: dict[str, str] = {}
        methods = self._plain.get(path)
        if methods is None:
            for segments, candidates in self._captures:
                found = _capture(segments, path)
                if found is not None:
                    methods, captured = candidates, found
                    break
        if methods is None:
            return Refusal(AccessReason.UNKNOWN_ENDPOINT, f"there is no {path[:200]} here")
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            return Refusal(AccessReason.METHOD_NOT_ALLOWED, f"{path} takes {allowed}", allowed)
        return endpoint, captured

    def _methods(self, path: str) -> dict[str, Endpoint]:
        if "{" not in path:
            return self._plain.setdefault(path, {})
        segments = path.split("/")
        for known, methods in self._captures:
            if known == segments:
                return methods
        methods = {}
        self._captures.append((segments, methods))
        return methods


def _capture(segments: list[str], path: str) -> dict[str, str] | None:
    parts = path.split("/")
    if len(parts) != len(segments):
        return None
    captured = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            captured[segment[1:-1]] = part
        elif segment != part:
            return None
    return captured


def of_stream(dialect: Dialect, request: Request) -> Refusal | None:
    """Return what to say to a plain request for a WebSocket's path; None where it is none."""
    if not dialect.has_stream(request.target):
        return None
    path = request.path[:200]
    if request.method not in ("GET", "HEAD"):
        return Refusal(AccessReason.METHOD_NOT_ALLOWED, f"{path} takes GET", "GET")
    return Refusal(
        AccessReason.UPGRADE_REQUIRED,
        f"{path} is a WebSocket; connect to it with a WebSocket client, at ws:// or wss://",
    )
