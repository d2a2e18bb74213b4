"""Hooks for schemathesis: sign each request by the recipe in the documentation, and no other way.

Loaded by schemathesis in a process of its own, with STEELYARD_KEY and STEELYARD_SECRET set.
"""

import hashlib
import hmac
import itertools
import os

import schemathesis
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.auths import RequestsAuth
from schemathesis.core.parameters import ParameterLocation

from steelyard.net.clock import Clock


class Signature(AuthBase):
    """Signs the bytes that are about to be sent."""

    def __init__(self, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret.encode()
        self._clock = Clock()
        self._numbers = itertools.count()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        timestamp = str(self._clock.now_ns() // 1_000_000)
        nonce = f"n{next(self._numbers)}"
        text = f"{timestamp}{nonce}{request.method}{request.path_url}".encode() + body
        signature = hmac.new(self._secret, text, hashlib.sha256).hexdigest()
        request.headers["STEELYARD-KEY"] = self._key
        request.headers["STEELYARD-TIMESTAMP"] = timestamp
        request.headers["STEELYARD-NONCE"] = nonce
        request.headers["STEELYARD-SIGNATURE"] = signature
        return request


SIGNATURE = Signature(os.environ["STEELYARD_KEY"], os.environ["STEELYARD_SECRET"])


@schemathesis.auth(refresh_interval=None)
class Signing:
    """Signs every request but those that are about wrong headers: those are sent without."""

    def get(self, case, context):
        return SIGNATURE

    def set(self, case, data, context):
        headers = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
        if headers is None or headers.mode.is_positive:
            RequestsAuth(data).set(case, data, context)
