"""`GET /metrics` of a whole exchange over a real socket."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

from steelyard.cli.exchange_metrics import FAMILIES, resident_bytes
from steelyard.testing import LocalExchange

SAMPLE = re.compile(r"([a-z_]+)(\{[^}]*\})? (\S+)")


def get(url: str, path: str, **headers: str) -> tuple[int, str]:
    host, port = urlsplit(url).netloc.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def scrape(url: str) -> dict[str, float]:
    status, text = get(url, "/metrics")
    assert status == 200
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            found[name + (labels or "")] = float(value)
    return found


def test_memory_is_what_the_system_says():
    assert 1 << 20 < resident_bytes() < 1 << 34


@pytest.mark.slow
def test_an_exchange_tells_its_numbers(tmp_path):
    """Design decision 7. What is done shows, nothing else grows, and labels stay few."""
    with LocalExchange(tmp_path / "data") as exchange:
        native, binance = exchange.url("native"), exchange.url("binance")
        before = scrape(native)
        exchange.trader("ann", {"USDT": "1000"}, dialect="binance")
        for number in range(3):
            assert get(native, f"/nothing/{number}")[0] == 404
        assert get(binance, "/api/v3/ping")[0] == 200
        assert get(binance, "/api/v3/account")[0] == 401
        assert get(binance, "/metrics")[0] == 404
        foreign = get(native, "/metrics", host="evil.example:8600")
        after = scrape(native)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert (foreign[0], json.loads(foreign[1])["error"]["code"]) == (403, "HOST")
    assert grown('steelyard_requests_total{dialect="native",outcome="UNKNOWN_ENDPOINT"}') == 3
    assert grown('steelyard_requests_total{dialect="binance",outcome="OK"}') == 1
    assert grown('steelyard_requests_total{dialect="binance",outcome="MISSING_KEY"}') == 1
    route = 'dialect="binance",method="GET",route="/api/v3/{}",outcome="{}"'
    for path, outcome in (("ping", "OK"), ("account", "MISSING_KEY")):
        told = "{" + route.format(path, outcome) + "}"
        assert grown(f"steelyard_http_requests_total{told}") == 1
    assert grown("steelyard_http_request_seconds_count") == 6  # unknown paths too
    assert grown('steelyard_records_total{type="OpenAccount"}') == 1
    assert grown('steelyard_records_total{type="KeyCreated"}') == 1
    assert grown("steelyard_journal_bytes_total") > 100
    assert grown("steelyard_journal_sync_seconds_count") >= 1
    assert grown("steelyard_trades_total") >= 0
    assert after["steelyard_uptime_seconds"] > before["steelyard_uptime_seconds"]
    assert after['steelyard_websockets{dialect="binance"}'] == 0
    assert after['steelyard_slow_consumers_dropped_total{dialect="native"}'] == 0
    assert after["steelyard_orders_total"] == 0
    names = {re.sub(r"_(bucket|sum|count)$", "", name.partition("{")[0]) for name in after}
    assert names - {family.name for family in FAMILIES} == set()
    assert not any("nothing" in name for name in after)
