"""The trader on coinbase-advanced: fills that are asked for, numbered messages, key pairs."""

from decimal import Decimal

import pytest
from bot_process import ALWAYS, Bot, config_text, open_account
from exchange_here import ExchangeHere
from free_ports import free_base

from steelyard.trading.records import OrderAbsent, OrderPending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DIALECT = "coinbase-advanced"
SIZE = Decimal("0.001")
LOT = Decimal("0.00001")
SOON_S = 90
# A venue that is down for long gates a bot for another minute: that is not what is tried here.
PATIENT = '\n[breakers]\nheartbeats = "off"\n'


@pytest.fixture
def own_exchange(tmp_path):
    """An exchange that may be stopped and misbehaves; it comes back on the same ports."""
    options = ("--crowd", "1", "--port-base", str(free_base()))
    with ExchangeHere(tmp_path / "exchange", *options) as running:
        yield running


@pytest.fixture
def start(tmp_path):
    """Start a bot with an account of its own."""
    bots = []

    def start(at: ExchangeHere, name: str, *, is_pair: bool = False) -> Bot:
        urls = {"rest": at.url(DIALECT), "ws": at.url(DIALECT, "ws")}
        text = config_text(at, name, params=ALWAYS, **urls)
        text = text.replace('dialect = "binance"', f'dialect = "{DIALECT}"') + PATIENT
        key = open_account(at, name, dialect=DIALECT)
        if is_pair:
            key = at.steelyard(
                *("key", "create", name, "--dialect", DIALECT, "--scopes", "read,trade"),
                *("--kind", "es256"),
            )
        bot = Bot(tmp_path, text, key, name)
        bots.append(bot)
        return bot

    yield start
    for bot in bots:
        bot.end()


def is_running(state) -> bool:
    return state["status"] == "running"


def more_fills(known: int):
    return lambda state: len(state["fills"]) > known


def check_books(bot: Bot, exchange: ExchangeHere) -> None:
    """Compare a stopped bot's journal with the exchange: each order and each fill once."""
    messages = [message for _, message in bot.journal()]
    intents = [m.place.client_order_id for m in messages if isinstance(m, OrderPending)]
    absent = {m.client_order_id for m in messages if isinstance(m, OrderAbsent)}
    assert len(intents) == len(set(intents))
    balances = exchange.steelyard("account", "balance", bot.name)["balances"]
    bought = Decimal(balances["BTC"]["free"]) + Decimal(balances["BTC"]["held"])
    assert bought == SIZE * (len(intents) - len(absent)), "every order that was sent has filled"
    fills = [m.fill for m in messages if hasattr(m, "fill")]
    assert len({fill.trade_id for fill in fills}) == len(fills)
    assert sum(fill.size_lots for fill in fills) * LOT == bought
    spent = sum(fill.quote_atoms + fill.fee_atoms for fill in fills)
    assert Decimal(balances["USDT"]["free"]) == 50_000 - Decimal(spent).scaleb(-12)


def test_a_bot_with_a_key_pair_trades_and_outlives_a_restart_of_either_side(own_exchange, start):
    """Its own by kill -9, and the exchange's. The ledger has what its journal has."""
    with start(own_exchange, "turns", is_pair=True) as bot:
        known = len(bot.wait(more_fills(2))["fills"])
        bot.process.kill()
        bot.join()
        bot.start()
        bot.wait(more_fills(known), SOON_S)
        own_exchange.kill()
        bot.wait(lambda s: s["status"] == "gated", SOON_S)
        own_exchange.start()
        known = len(bot.wait(is_running, SOON_S)["fills"])
        bot.wait(more_fills(known), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)


def test_what_is_lost_on_the_way_is_found(own_exchange, start):
    """A change of the book, what is told of an order, and the answer to one."""
    with start(own_exchange, "gaps") as bot:
        state = bot.wait(more_fills(0))
        snapshots = state["book"]["snapshots"]
        for where, fault in (("book", "lost-frame"), ("orders", "lost-frame")):
            own_exchange.steelyard(
                *("faults", "set", fault, "--dialect", DIALECT, "--where", where, "--times", "1")
            )
        bot.wait(lambda s: is_running(s) and s["book"]["snapshots"] > snapshots, SOON_S)
        own_exchange.steelyard(
            *("faults", "set", "lost-answer", "--dialect", DIALECT, "--times", "1"),
            *("--where", "POST /api/v3/brokerage/orders"),
        )
        known = len(bot.state()["fills"])
        bot.wait(more_fills(known + 10), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)
