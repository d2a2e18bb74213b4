"""Requests and responses as bytes: what was signed is kept, what is read is decoded."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.wire.http import (
    BODY_MAX_BYTES,
    HEADERS_MAX_BYTES,
    TARGET_MAX_BYTES,
    Request,
    json_response,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def get(target: str) -> Request:
    return Request("GET", target, {}, b"")


@pytest.mark.parametrize(
    ("target", "path", "query", "pairs"),
    [
        ("/", "/", "", []),
        ("/a/b?", "/a/b", "", []),
        ("/a?x=1&y=2", "/a", "x=1&y=2", [("x", "1"), ("y", "2")]),
        ("/a?y=2&x=1", "/a", "y=2&x=1", [("y", "2"), ("x", "1")]),
        ("/a?x=1&x=2", "/a", "x=1&x=2", [("x", "1"), ("x", "2")]),
        ("/a?x=&y", "/a", "x=&y", [("x", ""), ("y", "")]),
        ("/a?x=1?2", "/a", "x=1?2", [("x", "1?2")]),
        ("/a?x=1=2", "/a", "x=1=2", [("x", "1=2")]),
        ("/a?x=%5B%22B%22%5D", "/a", "x=%5B%22B%22%5D", [("x", '["B"]')]),
        ("/a?x=1+2%2B3", "/a", "x=1+2%2B3", [("x", "1 2+3")]),
        ("/a?x=1;y=2", "/a", "x=1;y=2", [("x", "1;y=2")]),
        ("/a%20b+c?x=1", "/a b+c", "x=1", [("x", "1")]),
        ("/a%3Fb?x=1", "/a?b", "x=1", [("x", "1")]),
    ],
)
def test_a_target_is_a_path_and_a_raw_query(target, path, query, pairs):
    """The first question mark parts them; order, repetition and blanks are kept."""
    request = get(target)
    assert (request.path, request.query, request.pairs()) == (path, query, pairs)


@given(TEXT, st.lists(st.tuples(TEXT.filter(bool), TEXT)))
def test_what_was_encoded_is_decoded(path, pairs):
    """Any path and any parameters come back as they were."""
    request = get(f"/{quote(path, safe='/')}?{urlencode(pairs)}")
    assert request.path == f"/{path}"
    assert request.pairs() == pairs


@given(st.text(st.characters(max_codepoint=255)))
def test_any_target_can_be_read(target):
    """Signatures cover the target as sent, so nothing of it is lost, and no byte is an error."""
    request = get(target)
    assert target.endswith(request.query)
    assert isinstance(request.path, str)
    assert all(isinstance(part, str) for pair in request.pairs() for part in pair)


def test_bytes_that_are_not_utf_8_are_no_path_of_ours():
    """They become a character that no route has, and not an exception."""
    assert get("/%ff").path == "/\ufffd"
    assert get("/?x=%ff").pairs() == [("x", "\ufffd")]


def test_a_json_response_says_that_it_is_json():
    """The body goes out as it is."""
    response = json_response(418, b"{}")
    assert response == (418, {"content-type": "application/json"}, b"{}")


def test_headers_are_added_and_win_and_stay_the_callers():
    """What a dialect says of its own response counts; its table is not written to."""
    headers = {"retry-after": "3", "content-type": "application/problem+json"}
    response = json_response(429, b"{}", headers)
    assert response.headers == headers
    response.headers["date"] = "now"
    assert "date" not in headers
    assert "date" not in json_response(429, b"{}").headers


def test_the_bounds_are_those_that_the_documents_name():
    """1 MiB of body, 16 KiB of target, 32 KiB of headers: any of them fits into memory."""
    assert (BODY_MAX_BYTES, TARGET_MAX_BYTES, HEADERS_MAX_BYTES) == (1_048_576, 16_384, 32_768)
