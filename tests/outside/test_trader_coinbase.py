"""The trader on coinbase-exchange: fills, a book without numbers, and what goes wrong."""

from decimal import Decimal

import pytest
from bot_process import ALWAYS, Bot, config_text, open_account
from exchange_here import ExchangeHere
from free_ports import free_base

from steelyard.trading.records import OrderAbsent, OrderPending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DIALECT = "coinbase-exchange"
SIZE = Decimal("0.001")
LOT = Decimal("0.00001")
SOON_S = 90


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


def test_a_bot_trades_here_and_outlives_a_restart_of_either_side(own_exchange, start):
    """Its own, also by kill -9; and the exchange's. The ledger has what its journal has."""
    with start(own_exchange, "turns") as bot:
        known = len(bot.wait(more_fills(2))["fills"])
        assert bot.stop() == 0
        bot.start()
        known = len(bot.wait(more_fills(known))["fills"])
        bot.process.kill()
        bot.join()
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


@pytest.mark.parametrize("trouble", ["reset-stream", "silent-stream"])
def test_a_book_without_numbers_is_told_anew_where_its_stream_ends(own_exchange, start, trouble):
    """Also where it stays open and says no more: a book that is asked for is another by then."""
    with start(own_exchange, "cut") as bot:
        state = bot.wait(more_fills(0))
        assert state["book"]["state"] == "live"
        snapshots = state["book"]["snapshots"]
        own_exchange.steelyard(
            *("faults", "set", trouble, "--dialect", DIALECT, "--where", "book", "--times", "1")
        )
        state = bot.wait(lambda s: is_running(s) and s["book"]["snapshots"] > snapshots, SOON_S)
        bot.wait(more_fills(len(state["fills"])), SOON_S)
        assert bot.stop() == 0
    assert ("book.behind" in bot.log()) == (trouble == "silent-stream")
    check_books(bot, own_exchange)


def test_a_fill_that_the_stream_did_not_tell_is_found_in_the_lists(own_exchange, start):
    """What `user` tells has no numbers of its own, so nobody notices what is missing."""
    with start(own_exchange, "gaps") as bot:
        bot.wait(more_fills(0))
        own_exchange.steelyard(
            "faults", "set", "lost-frame", "--dialect", DIALECT, "--where", "orders", "--times", "2"
        )
        known = len(bot.state()["fills"])
        bot.wait(more_fills(known + 3), SOON_S)
        assert bot.stop() == 0
    check_books(bot, own_exchange)


@pytest.mark.night
def test_an_order_whose_answer_was_lost_is_neither_sent_again_nor_forgotten(own_exchange, start):
    """The feed tells of it, or the venue is asked for it by its id."""
    with start(own_exchange, "lost") as bot:
        bot.wait(more_fills(0))
        own_exchange.steelyard(
            "faults",
            *("set", "lost-answer", "--dialect", DIALECT, "--where", "POST /orders"),
            *("--times", "1"),
        )
        known = len(bot.state()["fills"])
        bot.wait(more_fills(known + 15), SOON_S)  # for longer than an answer is waited for
        assert bot.stop() == 0
        (fault,) = own_exchange.steelyard("faults", "list")["faults"]
        assert fault["struck"] == 1
    check_books(bot, own_exchange)
