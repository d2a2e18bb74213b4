"""What a bot measures, scraped from its port as Prometheus does, against the exchange's books."""

import http.client
import re
from decimal import Decimal

import pytest
from bot_process import Bot, config_text, open_account

from steelyard.trading.records import FillMarked, FillSeen, OrderPending

STEPS = ("decided", "wire", "ack", "fill")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STRATEGY = """
from steelyard.trading.strategy import Strategy


class Trades(Strategy):
    # Buys three times at the market, rests once, asks once for what the venue refuses.
    def on_start(self):
        self.every("300ms")
        self.acts = [lambda: self.buy("0.001")] * 3
        self.acts += [lambda: self.buy("0.002", "30000"), lambda: self.buy("0.00001", "30000")]

    def on_timer(self, timer):
        if self.acts:
            self.acts.pop(0)()
"""


def scrape(port: int) -> dict[tuple[str, str], float]:
    """Return the samples of a page by name and last label."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or "_bucket{" in line:
            continue
        matched = SAMPLE.fullmatch(line)
        assert matched, line
        labels = [value for name, value in LABEL.findall(matched[2]) if name not in OF_ALL]
        found[matched[1], labels[0] if labels else ""] = float(matched[3])
    return found


SAMPLE = re.compile(r"([a-z_0-9]+)\{(.*)\} (\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
OF_ALL = ("bot", "symbol")


def test_a_scrape_tells_what_the_exchange_has(exchange, tmp_path):
    """Orders, fills, refusals and what they cost, by the prices that the exchange made."""
    (tmp_path / "metrics_strategy.py").write_text(STRATEGY)
    config = config_text(exchange, "measured", strategy="metrics_strategy:Trades", params="{}")
    with Bot(tmp_path, config, open_account(exchange, "measured"), "measured") as bot:
        bot.wait(lambda s: s["measures"]["orders"] == 5 and s["measures"]["refusals"])
        bot.wait(lambda s: s["measures"]["adverse"]["1s"] is not None)
        state = bot.state()
        found = {
            (name.removeprefix("steelyard_bot_"), label): value
            for (name, label), value in scrape(bot.ready["port"]).items()
        }
        assert bot.stop() == 0
    assert found["orders_total", ""] == 5
    assert found["fill_ratio", ""] == pytest.approx(0.003 / 0.00501)
    assert found["reject_ratio", ""] == pytest.approx(0.2)
    (reason,) = [label for name, label in found if name == "rejects_total"]
    assert reason in ("NOTIONAL_TOO_SMALL", "SIZE_TOO_SMALL")
    # The journal has the fills of the exchange, and the middle of each decision.
    journal = [message for _, message in bot.journal()]
    mids = {m.place.client_order_id: m.mid_half_ticks for m in journal if type(m) is OrderPending}
    fills = [m for m in journal if type(m) is FillSeen]
    cost = sum((2 * m.fill.price_ticks - mids[m.client_order_id]) * m.fill.size_lots for m in fills)
    worth = sum(mids[m.client_order_id] * m.fill.size_lots for m in fills)
    assert found["slippage_ratio", ""] == pytest.approx(cost / worth, rel=1e-6)
    assert cost != 0, "where the middle moves meanwhile a fill may cost less than it"
    fees = Decimal(state["pnl"]["fees"])
    assert fees > 0
    assert found["pnl_realized_quote", ""] == pytest.approx(-float(fees), abs=1e-6)
    counted = [found["latency_seconds_count", step] for step in ("decided", "wire", "ack", "fill")]
    assert counted == [5, 5, 5, 3]  # a refusal is an answer too
    # Of three orders both are told; the wire may have been slow for the two that were refused.
    assert found["latency_seconds_sum", "wire"] > 0
    assert found["latency_seconds_sum", "fill"] > 0
    assert found["spread_quote", ""] > 0
    assert found["depth_base", "bid"] > 0
    assert found["queue_ahead_base", "buy"] >= 0
    assert found["limit_used", "request weight per 1 MINUTE"] > 0
    assert found["breaker_tripped", "rejects"] == 0
    assert ("adverse_selection_ratio", "30s") in found
    assert not [m for m in journal if type(m) is FillMarked], "thirty seconds have not passed"
