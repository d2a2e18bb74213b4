"""`steelyard exchange --tls`: the twins of the ports, and the authority that is kept."""

import asyncio
import http.client
import itertools
import json
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

import ccxt
import ccxt.pro
import pytest
from exchange_here import ExchangeHere
from websockets.sync.client import connect

from steelyard.cli.main import run
from steelyard.store.datadir import read_token

pytestmark = pytest.mark.slow
names = (f"secure-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    data = tmp_path_factory.mktemp("tls") / "data"
    with ExchangeHere(data, "--crowd", "1", "--limits", "off", "--tls") as running:
        yield running


def trusting(venue):
    return ssl.create_default_context(cafile=venue.ready["tls"]["ca"])


def ask(venue, method, path, body=None, **headers):
    url = urlsplit(venue.ready["tls"]["page"])
    connection = http.client.HTTPSConnection(
        url.hostname, url.port, timeout=10, context=trusting(venue)
    )
    connection.request(method, path, body, {n.replace("_", "-"): v for n, v in headers.items()})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


def test_the_ready_document_names_the_twins_and_the_authority(venue):
    secure = venue.ready["tls"]
    assert set(secure["dialects"]) == set(venue.ready["dialects"])
    for name, addresses in secure["dialects"].items():
        plain = venue.ready["dialects"][name]
        assert addresses["rest"].startswith("https://127.0.0.1:")
        assert addresses["ws"].startswith("wss://127.0.0.1:")
        assert urlsplit(addresses["rest"]).port != urlsplit(plain["rest"]).port
    certificate = Path(secure["ca"])
    assert certificate.is_relative_to(venue.data)
    key = certificate.with_name("ca.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_unmodified_ccxt_trades_over_https(venue):
    key = venue.trader(next(names), {"USDT": "100000"}, dialect="binance")
    settings = venue.env("binance", client="ccxt")
    assert settings["urls"]["api"]["public"].startswith("https://")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
    assert client.create_order("BTC/USDT", "market", "buy", 0.01)["status"] == "closed"
    trustless = {name: value for name, value in settings.items() if name == "urls"}
    with pytest.raises(ccxt.NetworkError):
        ccxt.binance(trustless).fetch_time()


def test_unmodified_ccxt_pro_watches_over_wss(venue):
    key = venue.trader(next(names), {"USDT": "100000"}, dialect="binance")
    settings = venue.env("binance", client="ccxt")

    async def main():
        client = ccxt.pro.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
        try:
            book = await asyncio.wait_for(client.watch_order_book("BTC/USDT"), 20)
            order = await client.create_order_ws("BTC/USDT", "market", "buy", 0.01)
            return book, order
        finally:
            await client.close()

    book, order = asyncio.run(main())
    assert book["bids"][0][0] < book["asks"][0][0]
    assert order["status"] == "closed"


def test_a_websocket_is_opened_and_closed_in_order(venue):
    url = venue.ready["tls"]["dialects"]["native"]["ws"] + "/ws/v1"
    with connect(url, ssl=trusting(venue), proxy=None) as client:
        client.send('{"op":"subscribe","channels":[{"name":"trades","symbol":"BTC-USDT"}]}')
        assert json.loads(client.recv(timeout=10))
        client.close()
        assert client.close_code == 1000


def test_the_page_and_administration_are_there_too_and_guarded(venue):
    token = read_token(venue.data / "exchange")
    port = urlsplit(venue.ready["tls"]["page"]).port
    plain_port = urlsplit(venue.ready["page"]).port
    status, headers, _ = ask(venue, "GET", "/")
    assert status == 200
    assert not any(name.lower() == "strict-transport-security" for name in headers)
    asked = {"x_steelyard_token": token}
    for origin, expected in (
        (f"https://127.0.0.1:{port}", 200),
        (f"http://127.0.0.1:{plain_port}", 200),
        (f"http://127.0.0.1:{port}", 403),
        ("https://evil.example", 403),
    ):
        assert ask(venue, "GET", "/page/session", **asked, origin=origin)[0] == expected
    assert ask(venue, "POST", "/admin", b'{"type":"ListAccounts"}')[0] == 401
    assert ask(venue, "POST", "/admin", b'{"type":"ListAccounts"}', **asked)[0] == 200
    assert ask(venue, "GET", "/page/session", **asked, host="evil.example")[0] == 403


def test_env_says_https_where_there_is_tls_and_http_on_demand(venue, capsys):
    at = ["--data", str(venue.data), "--json"]
    assert run(["env", "native", "--client", "python", *at]) == 0
    secure = json.loads(capsys.readouterr().out)
    assert secure["STEELYARD_URL"].startswith("https://")
    assert secure["SSL_CERT_FILE"] == venue.ready["tls"]["ca"]
    assert run(["env", "native", "--client", "python", "--no-tls", *at]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["STEELYARD_URL"].startswith("http://")
    assert "SSL_CERT_FILE" not in plain


@pytest.mark.parametrize(
    ("dialect", "client"), [("bybit", "pybit"), ("kucoin", "kucoin-universal-sdk")]
)
def test_who_cannot_be_told_whom_to_trust_is_sent_to_the_plain_ports(
    venue, capsys, dialect, client
):
    """Over https every request of theirs would fail."""
    at = ("--data", str(venue.data), "--json")
    assert run(["env", dialect, "--client", client, *at]) == 0
    said = capsys.readouterr().out
    assert venue.ready["dialects"][dialect]["rest"] in said
    assert "https" not in said
    assert run(["env", dialect, "--client", client, "--tls", *at]) != 0
    assert "leave --tls out" in capsys.readouterr().err


def test_without_tls_there_is_none_and_env_says_how_to_have_it(tmp_path, capsys):
    assert run(["env", "binance", "--tls", "--data", str(tmp_path)]) == 2
    assert "steelyard exchange --tls" in capsys.readouterr().err


def test_the_authority_is_the_same_after_a_restart_and_damage_is_told(tmp_path):
    exchange = ExchangeHere(tmp_path / "data", "--crowd", "1", "--tls")
    with exchange:
        certificate = Path(exchange.ready["tls"]["ca"])
        made = certificate.read_bytes()
    with exchange:
        assert certificate.read_bytes() == made
        assert ask(exchange, "GET", "/")[0] == 200
    certificate.with_name("ca.key").write_text("garbage")
    with pytest.raises(RuntimeError, match="delete both to have new ones made"):
        exchange.start()
    certificate.unlink()
    certificate.with_name("ca.key").unlink()
    with exchange:
        assert certificate.read_bytes() != made


def test_an_address_that_is_handed_out_over_tls_is_one_over_tls(venue):
    """Who asks at the twin opens the twin; who asks at the plain port, that one."""
    for addresses, context in (
        (venue.ready["tls"]["dialects"]["kucoin"], trusting(venue)),
        (venue.ready["dialects"]["kucoin"], None),
    ):
        url = urlsplit(addresses["rest"])
        kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
        options = {"context": context} if context else {}
        connection = kind(url.hostname, url.port, timeout=10, **options)
        connection.request("POST", "/api/v1/bullet-public")
        handed = json.loads(connection.getresponse().read())["data"]
        connection.close()
        (server,) = handed["instanceServers"]
        assert server["endpoint"] == addresses["ws"] + "/"
        target = f"{server['endpoint']}?token={handed['token']}"
        with connect(target, ssl=context, proxy=None) as client:
            assert json.loads(client.recv(timeout=10))["type"] == "welcome"
