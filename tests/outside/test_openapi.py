"""A tool that we did not write reads /openapi.json and tries to break what it promises.

Schemathesis makes requests from the document, right ones and wrong ones, and holds each answer
against it: status, headers, body, and that wrong requests are refused.
"""

import hashlib
import hmac
import itertools
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from requests import PreparedRequest
from requests.auth import AuthBase

from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange

pytestmark = pytest.mark.slow

CLOCK = Clock()
NUMBERS = itertools.count()


class Signature(AuthBase):
    """Signs what requests is about to send, by the recipe in the documentation."""

    def __init__(self, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret.encode()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        timestamp, nonce = str(CLOCK.now_ns() // 1_000_000), f"n{next(NUMBERS)}"
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        text = f"{timestamp}{nonce}{request.method}{request.path_url}".encode() + body
        request.headers["STEELYARD-KEY"] = self._key
        request.headers["STEELYARD-TIMESTAMP"] = timestamp
        request.headers["STEELYARD-NONCE"] = nonce
        signature = hmac.new(self._secret, text, hashlib.sha256).hexdigest()
        request.headers["STEELYARD-SIGNATURE"] = signature
        return request


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory) -> Iterator[LocalExchange]:
    data = tmp_path_factory.mktemp("openapi") / "data"
    with LocalExchange(data, "--crowd", "1", "--limits", "off") as running:
        yield running


@pytest.fixture(scope="module")
def signature(unlimited: LocalExchange) -> Signature:
    deposits = {"USDT": "1000000000", "BTC": "1000", "ETH": "10000"}
    key = unlimited.trader("schemathesis", deposits, dialect="native")
    return Signature(key["key"], key["secret"])


@pytest.fixture(scope="module")
def document(unlimited: LocalExchange):
    return schemathesis.openapi.from_url(f"{unlimited.url('native')}/openapi.json")


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_the_exchange_does_what_its_document_says(case, signature: Signature):
    """Every route, with right and wrong input, holds all of schemathesis's checks."""
    case.call_and_validate(auth=signature)
