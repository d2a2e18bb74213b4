"""Who may press a button: Host, Origin and token of a request to the page or administration.

A page from elsewhere that is open in the same browser can send requests to loopback; it must
not be able to press the kill button. So the Host must be one of ours (a foreign name that was
rebound to 127.0.0.1 is not), the Origin, where the browser sends one, must be ours too, so
must be the page that embeds us, and the token, which other pages cannot read, must fit.
"""

import hmac

from steelyard.wire.http import Request, Response, json_response

TOKEN_HEADER = "x-steelyard-token"  # noqa: S105 a header's name


class Guard:
    """The check for one port."""

    def __init__(self, port: int, token: str, tls_port: int | None = None) -> None:
        """`tls_port` is the port's twin that speaks TLS, where it has one."""
        self._hosts = set()
        self._origins = set()
        for scheme, at in (("http", port), ("https", tls_port)):
            if at is not None:
                hosts = {f"{name}:{at}" for name in ("127.0.0.1", "localhost", "[::1]")}
                self._hosts |= hosts
                self._origins |= {f"{scheme}://{host}" for host in hosts}
        self._token = token

    def refusal(self, request: Request, *, needs_token: bool = True) -> Response | None:
        """Return the response to a request that is not let in, or None."""
        host = request.headers.get("host", "").lower()
        if host not in self._hosts:
            return _refused(403, "HOST", f"the host {host[:80]!r} is not this exchange's own")
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            return _refused(403, "ORIGIN", "a page from elsewhere may not ask this")
        if _is_embedded_elsewhere(request):
            return _refused(403, "ORIGIN", "a page from elsewhere may not load this")
        if not needs_token:
            return None
        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _refused(
                401,
                "TOKEN",
                f"send the token of the data directory in {TOKEN_HEADER}; the link that the "
                "terminal printed carries it",
            )
        return None


def _is_embedded_elsewhere(request: Request) -> bool:
    """Whether a browser says that a page of another port or site loads this, say as an image.

    A page on another port of this machine sends our cookies along, and such requests have no
    Origin. Opening us from a link is nothing of the kind; other clients do not say.
    """
    site = request.headers.get("sec-fetch-site", "none").lower()
    mode = request.headers.get("sec-fetch-mode", "").lower()
    return site not in ("none", "same-origin") and mode != "navigate"


def _refused(status: int, code: str, message: str) -> Response:
    body = b'{"error":{"code":"%s","message":"%s"}}' % (
        code.encode(),
        message.replace('"', "'").encode(),
    )
    return json_response(status, body)
