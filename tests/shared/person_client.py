"""A browser as the account site sees it: one cookie, one CSRF token, one authenticator."""

import base64
import http.client
import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from native_client import CLOCK, Refused

from steelyard.exchange import totp

PASSWORD = "correct horse battery"
SLOW_REQUESTS_NS = 3_000_000_000

_NUMBERS = itertools.count()


class Browser:
    """Asks the account site of an exchange, as one browser."""

    def __init__(self, exchange: Any) -> None:
        url = urlsplit(exchange.url("native"))
        self.host, self.port = url.hostname, url.port
        self.ip = f"127.0.9.{next(_NUMBERS) % 250 + 2}"  # so that one's tries lock nobody else
        self.cookie = ""
        self.set_cookie: str | None = None  # of the last answer
        self.csrf = ""
        self.secret = b""
        self.headers: dict[str, str] = {}
        self.status = 0
        self._step = -1
        self.skew_ns = 0  # of the exchange's clock

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Any:
        """Send just this, with the cookie and the token unless they are given."""
        named: dict[str, str | None] = {}
        if self.cookie:
            named["cookie"] = self.cookie
        if method != "GET":
            named["x-steelyard-csrf"] = self.csrf
        if body:
            named["content-type"] = "application/json"
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(
            self.host, self.port, timeout=20, source_address=(self.ip, 0)
        )
        try:
            sent = {name: value for name, value in named.items() if value is not None}
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self.status, self.headers = response.status, dict(response.getheaders())
        self.set_cookie = response.getheader("set-cookie")
        if self.set_cookie:
            self.cookie = self.set_cookie.partition(";")[0]
        document = json.loads(content)
        if response.status >= 400:
            raise Refused(response.status, document["error"], self.headers)
        if isinstance(document, dict) and "csrf" in document:
            self.csrf = document["csrf"]
        return document

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """Send a request below /account/; a refusal raises."""
        if not self.csrf:
            self.raw("GET", "/account/session")
        data = json.dumps(body).encode() if body else b""
        return self.raw(method, f"/account/{path}", data)

    def refused(self, method: str, path: str, **body: Any) -> tuple[int, str]:
        """Send a request that is refused; return the status and the code."""
        with pytest.raises(Refused) as raised:
            self.ask(method, path, **body)
        error = raised.value.error
        assert set(error) == {"code", "message", "field", "hint"}
        assert len(error["message"]) > 10
        return raised.value.status, error["code"]

    def sign_up(self, name: str, password: str = PASSWORD) -> Any:
        return self.ask(
            "POST", "sign-up", name=name, email=f"{name}@example.com", password=password
        )

    def sign_in(self, name: str, password: str = PASSWORD, code: str | None = None) -> Any:
        return self.ask("POST", "sign-in", name=name, password=password, code=code)

    def enrol(self, password: str = PASSWORD) -> list[str]:
        """Enrol a second factor; return the recovery codes."""
        begun = self.ask("POST", "totp/begin", password=password)
        self.secret = base64.b32decode(begun["secret"])
        # The code of the step before: two more are left before anybody has to wait.
        self._step = self._now() - 1
        confirmed = self.ask("POST", "totp/confirm", code=totp.code_at(self.secret, self._step))
        return confirmed["recovery_codes"]

    def code(self) -> str:
        """Return a code that has not been used."""
        self._step = max(self._step + 1, self._now())
        assert self._step <= self._now() + 1, "use a recovery code instead"
        return totp.code_at(self.secret, self._step)

    def _now(self) -> int:
        """Return the step, with enough of it left for a few requests."""
        while True:
            step, gone_ns = divmod(CLOCK.now_ns() + self.skew_ns, totp.STEP_NS)
            if gone_ns < totp.STEP_NS - SLOW_REQUESTS_NS:
                return step
            time.sleep(0.1)
