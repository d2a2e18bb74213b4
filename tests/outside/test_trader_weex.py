"""The trader on WEEX: a stream opened by headers, a book that chains, fills without a price."""

from decimal import Decimal

import pytest
from bot_process import ALWAYS, Bot, config_text, open_account
from exchange_here import ExchangeHere
from free_ports import free_base

from steelyard.trading.records import OrderAbsent, OrderPending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DIALECT = "weex"
SOON_S = 60
SIZE = Decimal("0.001")
FEE = Decimal("0.001")  # of what is received


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

    def start(at: ExchangeHere, name: str) -> Bot:
        urls = {"rest": at.url(DIALECT), "ws": at.url(DIALECT, "ws")}
        text = config_text(at, name, params=ALWAYS, **urls)
        text = text.replace('dialect = "binance"', f'dialect = "{DIALECT}"')
        bot = Bot(tmp_path, text, open_account(at, name, dialect=DIALECT), name)
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
    """Compare a stopped bot's journal with the exchange: each order once, none unknown."""
    messages = [message for _, message in bot.journal()]
    intents = [m.place.client_order_id for m in messages if isinstance(m, OrderPending)]
    absent = {m.client_order_id for m in messages if isinstance(m, OrderAbsent)}
    assert len(intents) == len(set(intents))
    balances = exchange.steelyard("account", "balance", bot.name)["balances"]
    bought = Decimal(balances["BTC"]["free"]) + Decimal(balances["BTC"]["held"])
    sent = SIZE * (len(intents) - len(absent))
    assert bought == sent - sent * FEE, "every order that was sent has filled"


def test_a_bot_trades_here_and_outlives_a_restart_of_either_side(own_exchange, start):
    """Its own restart: it reads what was. The exchange's: new headers, a new snapshot."""
    with start(own_exchange, "turns") as bot:
        known = len(bot.wait(more_fills(1), SOON_S)["fills"])
        assert bot.stop() == 0
        bot.start()
        bot.wait(more_fills(known), SOON_S)
        for end in (own_exchange.stop, own_exchange.kill):
            end()
            bot.wait(lambda s: s["status"] == "gated", SOON_S)
            own_exchange.start()
            known = len(bot.wait(is_running, SOON_S)["fills"])
            bot.wait(more_fills(known), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)


def test_a_lost_change_of_the_book_is_noticed_and_the_book_asked_for_anew(own_exchange, start):
    """By the number of the one before, which each change says."""
    with start(own_exchange, "holes") as bot:
        bot.wait(more_fills(0), SOON_S)
        own_exchange.steelyard(
            "faults", "set", "lost-frame", "--dialect", DIALECT, "--where", "depth", "--times", "1"
        )
        bot.wait(lambda _: "book.gap" in bot.log(), SOON_S)
        known = len(bot.wait(is_running, SOON_S)["fills"])
        bot.wait(more_fills(known), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)


def struck(exchange) -> int:
    """Return how often the fault in force has struck."""
    (fault,) = exchange.steelyard("faults", "list")["faults"]
    return fault["struck"]


def test_an_order_whose_answer_was_lost_is_neither_sent_again_nor_forgotten(own_exchange, start):
    """Nothing that adds risk is sent until the account's stream or lists have told of it."""
    with start(own_exchange, "lost") as bot:
        bot.wait(more_fills(0), SOON_S)
        route = "POST /api/v3/order"
        own_exchange.steelyard(
            "faults", "set", "lost-answer", "--dialect", DIALECT, "--where", route, "--times", "1"
        )
        # The stream may tell of it before anybody misses the answer.
        bot.wait(lambda _: struck(own_exchange) == 1, SOON_S)
        known = len(bot.state()["fills"])
        bot.wait(more_fills(known + 1), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)
