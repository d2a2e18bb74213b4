"""One strategy's configuration runs on every venue by changing one line, and by bridges to some.

One exchange serves all of them, and all bots run at the same time. What became of the orders is
asked for in another language, and compared with the account's balances.
"""

from contextlib import ExitStack
from decimal import Decimal

import pytest
from bot_process import Bot
from native_client import Client

from steelyard import dialects

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BRIDGED = {
    "ccxt:" + name.replace("-", ""): name for name in ("binance", "coinbase-exchange", "kraken")
}
VENUES = {name: name for name in dialects.names()} | BRIDGED  # by what a line says
USDT = Decimal(50_000)
WAIT_S = 120

CONFIG = """\
[bot]
name = "rounds"
environment = "sandbox"
on_stop = "cancel"

[venue]
main = { dialect = "", rest = "", ws = "", key = "" }

[strategy]
class = "rounds:Rounds"
symbol = "BTC-USDT"
params = { first = "0.003", second = "0.002", back = "0.001", bid = "30000" }

[risk]
max_order_notional = "1000"
max_position = "1"
max_open_orders = 5
price_collar = "60%"
"""

STRATEGY = '''
from decimal import Decimal

from steelyard.trading.strategy import Strategy


class Rounds(Strategy):
    """Buys twice, sells some of it, and leaves a bid far below the market."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        first: Decimal
        second: Decimal
        back: Decimal
        bid: Decimal

    def on_start(self):
        plan = self.params
        self.steps = [(self.buy, plan.first), (self.buy, plan.second), (self.sell, plan.back)]
        self.owed = self.filled = Decimal(0)
        self.every("1s")

    def on_timer(self, timer):
        if self.filled < self.owed or self.open_orders:
            return
        if self.steps:
            act, size = self.steps.pop(0)
            self.owed += size
            act(size)
        elif self.owed:
            self.owed = Decimal(0)
            self.buy(self.params.back, self.params.bid)

    def on_fill(self, fill):
        self.filled += self.instrument.size(fill.size_lots)
'''


def line_of(exchange, dialect: str) -> str:
    """Return the one line of a configuration that says which venue it is."""
    venue = VENUES[dialect]
    rest, ws = exchange.url(venue), exchange.url(venue, "ws")
    return f'main = {{ dialect = "{dialect}", rest = "{rest}", ws = "{ws}", key = "env:BOT" }}'


def changed(text: str, line: str) -> str:
    """Return a configuration with its venue's line changed, and no other."""
    lines = text.splitlines()
    found = [number for number, each in enumerate(lines) if each.startswith("main = ")]
    assert len(found) == 1
    lines[found[0]] = line
    return "\n".join(lines) + "\n"


def has_bid(state: dict) -> bool:
    """Whether the last of the orders rests, the only one with a price."""
    return any(order["price"] and order["state"] == "working" for order in state["orders"])


@pytest.fixture(scope="module")
def bots(exchange, tmp_path_factory):
    """Run a bot on each line until it has done what it does, all of them at once; stop them."""
    with ExitStack() as started:
        bots = {}
        for dialect, venue in VENUES.items():
            account = "rounds-" + dialect.replace(":", "-")
            home = tmp_path_factory.mktemp(account)
            (home / "rounds.py").write_text(STRATEGY)
            key = exchange.trader(account, {"USDT": str(USDT)}, dialect=venue)
            text = changed(CONFIG, line_of(exchange, dialect))
            bots[account] = bot = Bot(home, text, key, "rounds")
            started.callback(bot.end)
            bot.launch()
        for bot in bots.values():
            bot.listen()
        for bot in bots.values():
            bot.wait(has_bid, WAIT_S)
        for bot in bots.values():
            assert bot.stop() == 0
        yield bots


@pytest.mark.parametrize("dialect", VENUES)
def test_a_strategy_does_the_same_wherever_its_line_leads(exchange, bots, dialect):
    """Three orders filled and one canceled; the ledger has them, their fills and their fees."""
    account = "rounds-" + dialect.replace(":", "-")
    bot = bots[account]
    key = exchange.steelyard("key", "create", account, "--dialect", "native", "--scopes", "read")
    client = Client(exchange.url("native"), key)
    try:
        orders = client.ask("GET", "/api/v1/orders?symbol=BTC-USDT&limit=1000")["orders"]
        fills = client.ask("GET", "/api/v1/fills?symbol=BTC-USDT&limit=1000")["fills"]
        balances = client.ask("GET", "/api/v1/account")["balances"]
    finally:
        client.close()
    orders.sort(key=lambda order: order["created"])
    done = [(o["side"], o["type"], Decimal(o["size"]), o["state"]) for o in orders]
    assert done == [
        ("buy", "market", Decimal("0.003"), "filled"),
        ("buy", "market", Decimal("0.002"), "filled"),
        ("sell", "market", Decimal("0.001"), "filled"),
        ("buy", "limit", Decimal("0.001"), "canceled"),
    ]
    held = {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in balances}
    moved = {"BTC": Decimal(0), "USDT": Decimal(0)}
    for fill in fills:
        sign = 1 if fill["side"] == "buy" else -1
        size, price = Decimal(fill["size"]), Decimal(fill["price"])
        moved["BTC"] += sign * size
        moved["USDT"] -= sign * size * price
        moved[fill["fee_asset"]] -= Decimal(fill["fee"])
    assert moved["BTC"] == held["BTC"]
    assert USDT + moved["USDT"] == held["USDT"]
    own = [m.fill for _, m in bot.journal() if hasattr(m, "fill")]
    told = sum(f.size_lots * (1 if f.side.name == "BUY" else -1) for f in own)
    assert told * Decimal("0.00001") == Decimal("0.004")
    assert len({f.trade_id for f in own}) == len(own) == len(fills)


def test_nothing_but_the_venues_line_differs(exchange):
    texts = [changed(CONFIG, line_of(exchange, dialect)).splitlines() for dialect in VENUES]
    differ = {n for n, lines in enumerate(zip(*texts, strict=True)) if len(set(lines)) > 1}
    assert [texts[0][n].partition(" ")[0] for n in differ] == ["main"]
