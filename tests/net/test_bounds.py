import json

import pytest

from steelyard.net.bounds import Bounds, explain, plain_refusal


@pytest.mark.parametrize(
    ("status", "bound", "shown"),
    [
        (408, Bounds(head_s=2.5), "2.5 s"),
        (408, Bounds(body_s=7.0), "7 s"),
        (413, Bounds(body_max_bytes=12_345), "12345 bytes"),
        (414, Bounds(target_max_bytes=12_345), "12345 bytes"),
        (431, Bounds(headers_max_bytes=12_345), "12345 bytes"),
        (431, Bounds(headers_max=77), "77"),
    ],
)
def test_a_refusal_names_the_bound(status: int, bound: Bounds, shown: str):
    """Whoever goes beyond a bound is told what it is, as it was set."""
    assert shown in explain(status, bound)


def test_a_plain_refusal_is_json_whatever_it_says():
    """A message with quotes and line breaks in it is still one JSON text."""
    response = plain_refusal(400, 'not "this"\r\n\\')
    assert response.status == 400
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {
        "error": {"code": "HTTP_400", "message": 'not "this"\r\n\\'}
    }
