"""What a browser may do with our answers: keep them, frame them, run what is in them.

Whatever is not a file of the built page is private: kept nowhere, loaded by no other page, and
nothing in it runs. `x-content-type-options` is on every answer of every port (`net`).
"""

from steelyard.wire.http import Response

NOT_KEPT = {"cache-control": "no-store"}

_OURS = {
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

PRIVATE_HEADERS = {
    **NOT_KEPT,
    **_OURS,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}

PAGE_HEADERS = {
    **_OURS,
    # The page talks to this exchange and to the bots' own ports, all on loopback; its components
    # set styles as they draw.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self' ws://127.0.0.1:* "
        "ws://localhost:*; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


def private(response: Response) -> Response:
    """Return a response as a private one; its own headers win."""
    return response._replace(headers={**PRIVATE_HEADERS, **response.headers})
