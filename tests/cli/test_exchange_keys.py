"""The life of keys over real sockets: lines that end with them, and secrets that nothing shows."""

import base64
import contextlib
import http.client
import json
import os
import select
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from exchange_here import ExchangeHere
from key_pairs import PAIRS, private_pem, public_pem
from native_client import CLOCK
from person_client import Browser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from steelyard.dialects.binance import auth as binance_auth
from steelyard.dialects.native import auth as native_auth
from steelyard.domain.messages import KeyKind
from steelyard.store.datadir import read_token
from steelyard.store.snapshots import Snapshots
from steelyard.testing import START_S
from steelyard.vault.key_pairs import PRIVATE, signer
from steelyard.wire.dialect import ApiKey

WAIT_S = 20


def api_key(made):
    """Return what signs, of what `key create --json` printed."""
    secret = made["secret"].encode()
    if PRIVATE in secret:
        return ApiKey(made["key"], b"", "", signer(secret))
    return ApiKey(made["key"], secret)


@contextlib.contextmanager
def logged_in(exchange, made):
    with connect(exchange.url("native", "ws") + "/ws/v1", proxy=None) as line:
        login = native_auth.login_to_wire(api_key(made), CLOCK.now_ns())
        line.send(msgspec.json.encode(login).decode())
        assert json.loads(line.recv(WAIT_S)).get("error") is None
        yield line


def end_of(line):
    """Return the code and reason with which the exchange closes a line."""
    while True:
        try:
            line.recv(WAIT_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


@pytest.mark.slow
def test_the_lines_of_a_key_end_with_it(exchange):
    """B15, B17, B18: revoked, changed, expired, replaced; those of other keys stay open."""
    exchange.steelyard("account", "create", "lines", "--deposit", "USDT=10")

    def new(*options):
        return exchange.steelyard("key", "create", "lines", "--dialect", "native", *options)

    other, brief = new(), new("--expires", "4s")
    revoked, changed, rotated = new(), new(), new()
    with contextlib.ExitStack() as stack:
        lines = {
            made["key"]: stack.enter_context(logged_in(exchange, made))
            for made in (other, brief, revoked, changed, rotated)
        }
        exchange.steelyard("key", "revoke", revoked["key"])
        exchange.steelyard("key", "change", changed["key"], "--scopes", "read")
        exchange.steelyard("key", "rotate", rotated["key"], "--overlap", "1s")
        for made, why in (
            (revoked, "the key has been revoked"),
            (changed, "the key has been changed; connect again"),
            (rotated, "the key has been replaced"),
            (brief, "the key has expired"),
        ):
            assert end_of(lines[made["key"]]) == (1008, why)
        stack.enter_context(logged_in(exchange, changed))
        still = lines[other["key"]]
        still.send('{"op":"ping","id":"alive"}')
        assert "alive" in still.recv(WAIT_S)


def test_a_line_of_binance_ends_with_its_key_too(exchange):
    key = exchange.trader("lines-b", {"USDT": "10"}, dialect="binance")
    with connect(exchange.url("binance", "ws") + "/ws-api/v3", proxy=None) as line:
        params = binance_auth.signed_params({}, api_key(key), CLOCK.now_ns())
        line.send(json.dumps({"id": "1", "method": "session.logon", "params": params}))
        assert json.loads(line.recv(WAIT_S))["status"] == 200
        exchange.steelyard("key", "revoke", key["key"])
        assert end_of(line) == (1008, "the key has been revoked")


# -- no secret in anything that is written ------------------------------------------------------


class Recorded(ExchangeHere):
    """An exchange all of whose output is kept in two files."""

    def start(self):
        folder = self.data.parent
        command = [sys.executable, "-m", "steelyard.cli.main", "exchange", "--crowd", "1"]
        command += ["--data", str(self.data), "--port-base", "0"]
        with (folder / "stderr").open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
        is_there, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if is_there else b""
        with (folder / "stdout").open("ab") as out:
            out.write(line)
        self.ready = json.loads(line)
        os.set_blocking(self._process.stdout.fileno(), False)
        return self.ready

    def keep_output(self):
        with (self.data.parent / "stdout").open("ab") as out:
            out.write(self._process.stdout.read() or b"")


class Talker:
    """Sends good and bad requests, and keeps everything that comes back."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.heard = []

    def raw(self, dialect, method, target, headers=None, body=b""):
        url = urlsplit(self.exchange.url(dialect))
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=WAIT_S)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            text = response.read() + repr(response.getheaders()).encode()
        finally:
            connection.close()
        self.heard.append(text)
        return response.status

    def signed(self, made, method, target, body=b""):
        key = api_key(made)
        if made["dialect"] == "native":
            headers = native_auth.signed_headers(key, method, target, body, CLOCK.now_ns())
            return self.raw("native", method, target, headers, body)
        form = binance_auth.signed_form(body.decode(), key, CLOCK.now_ns())
        headers = {binance_auth.KEY_HEADER: made["key"]}
        return self.raw("binance", method, f"{target}?{form}", headers)

    def good(self, made):
        target = "/api/v1/account" if made["dialect"] == "native" else "/api/v3/account"
        assert self.signed(made, "GET", target) == 200
        if made["dialect"] == "native":
            assert self.signed(made, "GET", "/api/v1/key") == 200
            with logged_in(self.exchange, made) as line:
                line.send("{nonsense")
                self.heard.append(line.recv(WAIT_S).encode())
        else:
            assert self.signed(made, "GET", "/sapi/v1/account/apiRestrictions") == 200

    def bad(self, made):
        """Mistakes with which a secret goes where it does not belong, and other trouble."""
        secret = made["secret"].replace("\n", " ")
        stamp = str(CLOCK.now_ns() // 1_000_000)
        names = native_auth.HEADERS
        for wrong in range(len(names)):
            values = [made["key"], stamp, "n-1", "00"]
            values[wrong] = secret
            headers = dict(zip(names, values, strict=True))
            assert self.raw("native", "GET", "/api/v1/account", headers) in (400, 401)
        header = binance_auth.KEY_HEADER
        query = f"timestamp={stamp}&signature={'0' * 64}"
        assert self.raw("binance", "GET", f"/api/v3/account?{query}", {header: secret}) == 401
        headers = {header: made["key"]}
        for text in (query, f"timestamp={stamp}&signature={secret.split()[-1][:64]}"):
            assert self.raw("binance", "GET", f"/api/v3/account?{text}", headers) in (400, 401)
        garbage = {"body": b"\xff{" * 100}
        assert self.raw("native", "POST", "/api/v1/orders", **garbage) in (400, 401)
        assert self.raw("native", "POST", "/admin", **garbage) in (400, 401, 403)
        assert self.raw("native", "GET", "/metrics") == 200


def new_pair(kind):
    """Return the PEMs of a pair that nobody has seen, private half first."""
    made = {
        KeyKind.ED25519: Ed25519PrivateKey.generate,
        KeyKind.RSA: lambda: rsa.generate_private_key(65537, 2048),
        KeyKind.ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
    }[kind]()
    return private_pem(made), public_pem(made)


def forms(secret):
    """Return the spellings of a secret to look for: a third of it is too much already."""
    if PRIVATE not in secret.encode():
        raw = secret.encode()
        part = len(raw) // 3
        return {raw[:part], base64.b64encode(raw)[:part], raw.hex().encode()[:part], raw[-part:]}
    key = load_pem_private_key(secret.encode(), None)
    if isinstance(key, Ed25519PrivateKey):
        number = key.private_bytes_raw()
    else:
        numbers = key.private_numbers()
        number = getattr(numbers, "private_value", None) or numbers.d
        number = number.to_bytes(256, "big").lstrip(b"\0")
    # In PEM a number may begin at any of three places of a group of four letters.
    spelled = {base64.b64encode(bytes(shift) + number)[8:40] for shift in range(3)}
    return {number[:16], number.hex().encode()[:32], *spelled}


def seen_if_it_were_there(made):
    """Yield a spelling that the search has for each PEM, and the PEM without its line ends."""
    for key in made:
        if PRIVATE in key["secret"].encode():
            whole = "".join(key["secret"].splitlines())
            (found,) = {form for form in forms(key["secret"]) if form in whole.encode()}
            yield found, whole


@pytest.mark.slow
def test_no_secret_is_in_anything_that_an_exchange_writes(tmp_path, monkeypatch):
    """B5, B25: output, journal, snapshots, metrics, answers and errors; also after a crash."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "run").mkdir()
    with Recorded(tmp_path / "run" / "data") as exchange:
        talker = Talker(exchange)
        made = []
        for dialect in ("native", "binance"):
            made.append(exchange.trader(dialect, {"USDT": "1000"}, dialect=dialect))
            for kind in PAIRS:
                if dialect == "binance" and kind is KeyKind.ES256:
                    continue
                private, public = new_pair(kind)
                file = tmp_path / "public.pem"
                file.write_text(public)
                options = ["--kind", kind, "--public-key", str(file)]
                key = exchange.steelyard("key", "create", dialect, "--dialect", dialect, *options)
                made.append(key | {"secret": private})
        es256 = ("--dialect", "native", "--kind", "es256")
        made.append(exchange.steelyard("key", "create", "native", *es256))
        for key in made:
            talker.good(key)
            talker.bad(key)
        made.append(exchange.steelyard("key", "rotate", made[0]["key"]))
        exchange.steelyard("key", "change", made[-1]["key"], "--label", "changed")
        with contextlib.suppress(RuntimeError):
            exchange.steelyard("key", "rotate", "nobody")
        exchange.steelyard("key", "revoke", made[1]["key"])
        shown = [exchange.steelyard("key", what) for what in ("list", "history")]
        exchange.keep_output()
        exchange.kill()
        newest = max((exchange.data / "exchange").rglob("*.log"))
        with newest.open("ab") as torn:
            torn.write(b"\x01\x02\x03")
        exchange.start()
        talker.good(made[-1])
        token = read_token(exchange.data / "exchange")
        exchange.keep_output()
    written = {
        str(path): path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()
    }
    snapshot = Snapshots(exchange.data / "exchange" / "snapshots").latest()
    written["the snapshot"] = snapshot.data
    written["answers"] = b"\n".join(talker.heard)
    written["key list and history"] = json.dumps(shown).encode()
    for name in ("stdout", "stderr"):
        assert str(tmp_path / "run" / name) in written
    for name in ("the snapshot", str(newest), "key list and history"):
        assert made[0]["key"].encode() in written[name], "what is no secret would be found"
    assert all(form in pem.encode() for form, pem in seen_if_it_were_there(made))
    secrets = {key["key"]: forms(key["secret"]) for key in made}
    (seal,) = (p for p in (tmp_path / "config").rglob("*") if p.is_file())
    secrets["the seal's key"] = {seal.read_bytes()}
    found = [
        (key, place)
        for key, spellings in secrets.items()
        for place, content in written.items()
        if any(spelling in content for spelling in spellings)
    ]
    assert found == []
    holders = [place for place, content in written.items() if token.encode() in content]
    assert [os.path.basename(place) for place in holders] == ["admin.token"]  # noqa: PTH119


@pytest.mark.slow
def test_a_copy_without_its_seal_key_does_not_start_until_what_is_sealed_is_forgotten(
    tmp_path, monkeypatch
):
    """Moved to another machine: one sentence, then no key of before, and nothing else is lost."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "here"))
    with ExchangeHere(tmp_path / "data", "--crowd", "1") as first:
        key = first.trader("mover", {"USDT": "5"}, dialect="native")
        browser = Browser(first)
        browser.sign_up("anna")
        browser.enrol()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "there"))
    with pytest.raises(RuntimeError, match="1 API key and 1 second factor sealed by another") as no:
        ExchangeHere(tmp_path / "copy").start()
    assert "Traceback" not in str(no.value)
    with ExchangeHere(tmp_path / "copy", "--forget-sealed") as second:
        headers = native_auth.signed_headers(
            api_key(key), "GET", "/api/v1/account", b"", CLOCK.now_ns()
        )
        url = urlsplit(second.url("native"))
        client = http.client.HTTPConnection(url.hostname, url.port, timeout=WAIT_S)
        client.request("GET", "/api/v1/account", headers=headers)
        assert client.getresponse().status == 401
        client.close()
        browser = Browser(second)
        assert browser.sign_in("anna")["person"]["totp"] is False
        mails = browser.ask("GET", "outbox")["mails"]
        assert "Second factor removed" in [mail["subject"] for mail in mails]
        shown = second.steelyard("account", "balance", "mover")
        assert shown["balances"]["USDT"]["free"] == "5"
        assert "forgot 1 API key and 1 second factor" in str(second.steelyard("status"))
    with ExchangeHere(tmp_path / "copy") as third:
        assert third.steelyard("key", "list", "mover")["keys"][0]["revoked"]
