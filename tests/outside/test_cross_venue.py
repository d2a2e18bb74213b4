"""A bot that trades on two venues at once, against one exchange process with books apart."""

from decimal import Decimal

import pytest
from bot_process import Bot, journal_of
from exchange_here import ExchangeHere

from steelyard.cli.administration import administer
from steelyard.domain.messages import Scope
from steelyard.domain.order import Side
from steelyard.exchange.admin import BalanceOf, CreateAccount
from steelyard.exchange.issuing import CreateKey
from steelyard.trading.records import FillSeen, OrderUnknown

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LEGS = {"one": "bybit", "other": "okx"}
FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
SOON_S = 90
PAIRS = 3  # of orders, at least
LOT, FEE = Decimal("0.00001"), Decimal("0.001")
PRICE_MAX = 100_000  # more than a coin costs

VENUE = """\
[venue.{leg}]
dialect = "{dialect}"
rest = "{rest}"
ws = "{ws}"
key = "env:{name}"
[legs.{leg}]
venue = "{leg}"
symbol = "BTC-USDT"
"""
CONFIG = """\
[bot]
name = "cross"
environment = "sandbox"
on_stop = "cancel"
{venues}
[strategy]
class = "steelyard.strategies:CrossVenueArbitrage"
params = {{ edge = "0.01", fees = "0.2", size = "0.01", inventory_max = "1", pause = "500ms" }}
[risk]
max_order_notional = "5000"
max_position = "2"
max_open_orders = 5
price_collar = "5%"
"""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    data = tmp_path_factory.mktemp("apart") / "data"
    with ExchangeHere(data, "--books", "per-dialect", "--crowd", "1") as running:
        yield running


@pytest.fixture
def bot(exchange, tmp_path):
    """A bot with an account on either venue, of which neither knows the other."""
    environment, venues = {}, ""
    for leg, dialect in LEGS.items():
        data = exchange.data / dialect
        administer(data, CreateAccount("cross", dict(FUNDS)))
        key = administer(data, CreateKey("cross", dialect, frozenset({Scope.READ, Scope.TRADE})))
        for part in ("key", "secret", "passphrase"):
            environment[f"{leg}_{part}".upper()] = key.get(part) or ""
        urls = {"rest": exchange.url(dialect), "ws": exchange.url(dialect, "ws")}
        venues += VENUE.format(leg=leg, name=leg.upper(), dialect=dialect, **urls)
    bot = Bot(tmp_path, CONFIG.format(venues=venues), {}, "cross", environment)
    yield bot
    bot.end()


def test_what_is_cheap_on_one_venue_is_sold_on_the_other(exchange, bot):
    """Bought on the one and sold on the other, as both ledgers have it, with more money in sum."""
    bot.start()
    for leg in LEGS:
        bot.name = f"cross-{leg}"
        bot.wait(lambda state: len(state["fills"]) >= PAIRS, SOON_S)
    assert bot.stop() == 0
    sizes, balances = {}, {}
    for leg, dialect in LEGS.items():
        told = [message for _, message in journal_of(bot.data, f"cross-{leg}")]
        assert not [message for message in told if isinstance(message, OrderUnknown)]
        fills = [message.fill for message in told if isinstance(message, FillSeen)]
        lots = sum(f.size_lots * (1 if f.side is Side.BUY else -1) for f in fills)
        sizes[dialect] = lots * LOT
        shown = administer(exchange.data / dialect, BalanceOf("cross"))["balances"]
        balances[dialect] = {asset: Decimal(there["free"]) for asset, there in shown.items()}
    assert sum(sizes.values()) == 0
    assert {size > 0 for size in sizes.values()} == {True, False}
    for dialect, size in sizes.items():
        moved = balances[dialect]["BTC"] - FUNDS["BTC"]
        assert (
            size * (1 - FEE if size > 0 else 1) <= moved <= size
        )  # a fee may be in what is bought
    whole = {asset: sum(each[asset] for each in balances.values()) for asset in FUNDS}
    fees = (2 * FUNDS["BTC"] - whole["BTC"]) * PRICE_MAX
    assert whole["USDT"] - fees > 2 * FUNDS["USDT"]
