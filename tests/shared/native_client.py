"""A plain client of the native API, as its docs describe it: standard library only."""

import hashlib
import hmac
import http.client
import itertools
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from steelyard.net.clock import Clock

CLOCK = Clock()


class Refused(Exception):
    def __init__(self, status: int, error: dict[str, Any], headers: dict[str, str]) -> None:
        super().__init__(f"{status} {error.get('code')}: {error.get('message')}")
        self.status, self.error, self.headers = status, error, headers


class Client:
    """One kept connection, one key."""

    def __init__(self, url: str, key: dict[str, Any] | None = None, timeout_s: float = 10) -> None:
        parts = urlsplit(url)
        self.key = key
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self._nonces = (f"{secrets.token_hex(6)}-{n}" for n in itertools.count())

    def close(self) -> None:
        self._connection.close()

    def headers(self, method: str, target: str, body: bytes, **changes: str) -> dict[str, str]:
        stamp = changes.get("timestamp") or str(CLOCK.now_ns() // 1_000_000)
        nonce = changes.get("nonce") or next(self._nonces)
        signed = f"{stamp}{nonce}{method}{target}".encode() + body
        signature = hmac.new(self.key["secret"].encode(), signed, hashlib.sha256).hexdigest()
        return {
            "STEELYARD-KEY": self.key["key"],
            "STEELYARD-TIMESTAMP": stamp,
            "STEELYARD-NONCE": nonce,
            "STEELYARD-SIGNATURE": changes.get("signature") or signature,
        }

    def ask(self, method: str, target: str, body: Any = None, **changes: str) -> Any:
        """Send a request and return the JSON answer; a refusal raises."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if data else {}
        if self.key is not None:
            headers |= self.headers(method, target, data, **changes)
        self._connection.request(method, target, body=data, headers=headers)
        response = self._connection.getresponse()
        document = json.loads(response.read())
        if response.status >= 400:
            raise Refused(response.status, document["error"], dict(response.getheaders()))
        return document

    def place(self, side: str, size: str, price: str | None = None, **fields: Any) -> Any:
        order = {"symbol": "BTC-USDT", "side": side, "size": size, **fields}
        order |= {"type": "market"} if price is None else {"type": "limit", "price": price}
        return self.ask("POST", "/api/v1/orders", order)
