from steelyard.dashboard.headers import NOT_KEPT, PAGE_HEADERS, PRIVATE_HEADERS, private
from steelyard.wire.http import Response


def directives(headers):
    """Return a policy as a table."""
    found = {}
    for directive in headers["content-security-policy"].split(";"):
        name, *sources = directive.split()
        assert name not in found, "a browser heeds the first one only"
        found[name] = set(sources)
    return found


def test_a_private_answer_is_kept_nowhere_and_nothing_in_it_runs():
    answer = private(Response(200, {"content-type": "text/html"}, b"<script>"))
    assert answer.headers == {**PRIVATE_HEADERS, "content-type": "text/html"}
    assert answer.headers["cache-control"] == "no-store"
    policy = directives(answer.headers)
    assert policy == {"default-src": {"'none'"}, "frame-ancestors": {"'none'"}}


def test_what_an_answer_says_itself_wins():
    page = Response(200, {"cache-control": "no-cache", **PAGE_HEADERS}, b"")
    assert private(page).headers == page.headers
    assert not NOT_KEPT.items() <= private(page).headers.items()


def test_the_page_runs_its_own_files_only():
    """No script that stands in the page, comes from elsewhere or is made of text."""
    policy = directives(PAGE_HEADERS)
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["script-src"] == {"'self'"}
    assert policy["style-src"] == {"'self'", "'unsafe-inline'"}
    assert policy["img-src"] == {"'self'", "data:"}
    assert policy["connect-src"] == {"'self'", "ws://127.0.0.1:*", "ws://localhost:*"}


def test_other_pages_learn_nothing_of_us():
    for headers in (PAGE_HEADERS, PRIVATE_HEADERS):
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
