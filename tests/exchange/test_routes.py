import pytest

from steelyard import dialects
from steelyard.exchange.routes import Routes
from steelyard.wire.dialect import AccessReason, Refusal

ENDPOINTS = dialects.find("native").endpoints
ROUTES = Routes(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_every_endpoint_is_found_with_what_its_path_captures(endpoint):
    path = endpoint.path.replace("{", "its-").replace("}", "")
    found, captured = ROUTES.find(endpoint.method, path)
    assert found.method == endpoint.method
    assert found.path.count("/") == endpoint.path.count("/")
    assert all(value in path for value in captured.values())


def test_who_only_wants_the_head_gets_what_a_get_finds():
    assert ROUTES.find("HEAD", "/api/v1/time") == ROUTES.find("GET", "/api/v1/time")


@pytest.mark.parametrize(
    ("method", "path", "reason", "words"),
    [
        ("GET", "/api/v1/nothing", AccessReason.UNKNOWN_ENDPOINT, "there is no /api/v1/nothing"),
        ("GET", "/api/v1/orders/5/6", AccessReason.UNKNOWN_ENDPOINT, "there is no"),
        ("PUT", "/api/v1/time", AccessReason.METHOD_NOT_ALLOWED, "/api/v1/time takes GET"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(method, path, reason, words):
    refusal = ROUTES.find(method, path)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert words in refusal.message
