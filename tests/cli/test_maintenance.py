import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli.main import run
from steelyard.testing import LocalExchange


def ask(url: str) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and what is said."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            text = response.read()
            status, headers = response.status, dict(response.headers)
    except urllib.error.HTTPError as refused:
        text, status, headers = refused.read(), refused.code, dict(refused.headers)
    lower = {name.lower(): value for name, value in headers.items()}
    is_json = lower["content-type"].startswith("application/json")
    return status, lower, json.loads(text) if is_json else text


def maintain(capsys: pytest.CaptureFixture[str], data: Path, *words: str) -> Any:
    """Run the command and return its document."""
    capsys.readouterr()
    code = run(["exchange", "maintenance", *words, "--data", str(data), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_maintenance_turns_requests_away_until_it_is_over(tmp_path, capsys):
    """503 with Retry-After on each port, but for clock, status and documents; also on restart."""
    data = tmp_path / "data"
    with LocalExchange(data, "--crowd", "1") as exchange:
        native, binance = exchange.url("native"), exchange.url("binance")
        assert ask(f"{native}/status")[2]["maintenance"] is False
        expected = {"maintenance": True, "retry_after_s": 30}
        assert maintain(capsys, data, "on", "--retry-after", "30s") == (0, expected)
        for path in ("/api/v1/ticker", "/api/v1/account", "/api/v1/limits"):
            status, headers, answer = ask(native + path)
            assert (status, headers["retry-after"]) == (503, "30")
            assert answer["error"]["code"] == "MAINTENANCE"
        for path in ("/status", "/api/v1/status"):
            status, _, answer = ask(native + path)
            assert (status, answer["trading"], answer["retry_after"]) == (200, False, 30)
        for path in ("/api/v1/time", "/docs", "/openapi.json", "/asyncapi.json"):
            assert ask(native + path)[0] == 200
        status, headers, _ = ask(f"{binance}/api/v3/depth?symbol=BTCUSDT")
        assert (status, headers["retry-after"]) == (503, "30")
        status, _, answer = ask(f"{binance}/sapi/v1/system/status")
        assert (status, answer) == (200, {"status": 1, "msg": "system_maintenance"})
    with LocalExchange(data) as exchange:
        assert ask(f"{exchange.url('native')}/api/v1/ticker")[0] == 503
    expected = {"maintenance": False, "retry_after_s": None}
    assert maintain(capsys, data, "off") == (0, expected)
    with LocalExchange(data) as exchange:
        assert ask(f"{exchange.url('native')}/api/v1/ticker")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["0s", "25h", "soon"])
def test_a_wait_out_of_range_is_refused(tmp_path, capsys, wait):
    """The message says what there is."""
    data = str(tmp_path)
    assert run(["account", "create", "ann", "--data", data]) == 0
    assert run(["exchange", "maintenance", "on", "--retry-after", wait, "--data", data]) == 2
    assert "24h" in (said := capsys.readouterr().err) or "is not a duration" in said
