"""Paper trading on another steelyard exchange: three venues' APIs followed over real sockets."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bot_process import Bot, config_text, open_account
from free_ports import free_base
from nights import at_night

from steelyard.cli.replay import records_of
from steelyard.testing import LocalExchange
from steelyard.trading.evidence import gather

pytestmark = pytest.mark.slow

FOLLOWED = {"binance": "BTC-USDT", "kraken": "ETH-USD", "coinbase-exchange": "BTC-USD"}
WAIT_S = 30.0


class Venues:
    """A crowd's exchange, and one that follows three of its APIs."""

    def __init__(self, source: LocalExchange, paper: LocalExchange) -> None:
        self.source = source
        self.paper = paper

    def ask(self, exchange: LocalExchange, path: str) -> Any:
        page = exchange.ready["page"]
        with urllib.request.urlopen(f"{page}api/v1/{path}", timeout=5) as answer:
            return json.load(answer)

    def book(self, exchange: LocalExchange, symbol: str) -> tuple[Any, Any]:
        book = self.ask(exchange, f"book?symbol={symbol}&depth=1000")
        return book["bids"], book["asks"]

    def trades(self, exchange: LocalExchange, symbol: str) -> list[tuple[str, str, str]]:
        found = self.ask(exchange, f"trades?symbol={symbol}&limit=1000")["trades"]
        return [(trade["taker_side"], trade["price"], trade["size"]) for trade in found]

    @property
    def notice(self) -> str:
        notice: str = self.ask(self.paper, "status")["notice"]
        return notice

    def is_followed(self) -> bool:
        return self.notice == "" and all(
            self.book(self.source, symbol) == self.book(self.paper, symbol)
            for symbol in FOLLOWED.values()
        )


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, and fail if it does not become so."""
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "waited long enough"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    home = tmp_path_factory.mktemp("paper")
    base = ("--port-base", str(free_base()), "--limits", "off")
    with LocalExchange(home / "source", "--crowd", "3", *base) as source:
        urls = [f"{name}={source.url(name, 'ws')}" for name in FOLLOWED]
        live = ",".join(f"{name}:{symbol}" for name, symbol in FOLLOWED.items())
        options = [option for url in urls for option in ("--live-url", url)]
        with LocalExchange(home / "paper", "--live", live, *options) as paper:
            found = Venues(source, paper)
            until(lambda: found.notice == "")
            yield found


def test_after_quiet_the_books_and_the_trades_are_the_sources(venues):
    """Every level, and each trade once, in order, from the first that was heard on."""
    until(lambda: len(venues.trades(venues.paper, "BTC-USDT")) >= 20)
    venues.source.steelyard("clock", "freeze")
    try:
        until(venues.is_followed)
        for symbol in FOLLOWED.values():
            ours, theirs = (
                venues.trades(exchange, symbol) for exchange in (venues.paper, venues.source)
            )
            assert theirs[len(theirs) - len(ours) :] == ours
    finally:
        venues.source.steelyard("clock", "resume")


def test_a_venues_past_is_there(venues):
    path = "candles?symbol=BTC-USDT&interval=1m&limit=60"
    ours, theirs = (
        {c["open_time"]: c["close"] for c in venues.ask(e, path)["candles"] if c["closed"]}
        for e in (venues.paper, venues.source)
    )
    common = sorted({*ours} & {*theirs})
    assert len(common) > 50
    assert [ours[at] for at in common[:-1]] == [theirs[at] for at in common[:-1]]


def test_a_bot_trades_on_paper(venues, tmp_path):
    """Its environment says so, and its journal whose market it met."""
    key = open_account(venues.paper, "paper-bot")
    config = config_text(venues.paper, "paper-bot").replace('"sandbox"', '"paper"')
    with Bot(tmp_path, config, key, "paper-bot") as bot:
        state = bot.wait(lambda state: state["fills"])
        assert state["bot"]["environment"] == "paper"
        bot.stop()
    found = gather(records_of(tmp_path, "paper-bot"))
    assert found.markets == (f"live binance {venues.source.url('binance', 'ws')}",)


def test_the_page_says_that_it_is_paper(venues):
    token = (venues.paper.data / "exchange" / "admin.token").read_text().strip()
    request = urllib.request.Request(
        f"{venues.paper.ready['page']}page/session", headers={"x-steelyard-token": token}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        session = json.load(answer)
    assert (session["environment"], session["market"]) == ("paper", "live")


@pytest.mark.parametrize("trouble", ["lost-frame", *at_night("swapped-frame")])
def test_a_gap_in_the_stream_is_seen_and_mended(venues, trouble):
    """Within some milliseconds here; afterwards every level is the source's again."""
    said = venues.paper.data.parent / "paper.stderr"
    gap = f"live binance {FOLLOWED['binance']}: after sequence"
    before = said.read_text().count(gap)
    # A frame may change places with one that is not of the book, and then nothing is missing.
    fault = ("--dialect", "binance", "--where", "book", "--times", "20")
    venues.source.steelyard("faults", "set", trouble, *fault)
    until(lambda: said.read_text().count(gap) > before)
    venues.source.steelyard("faults", "clear")
    until(lambda: venues.notice == "")
    venues.source.steelyard("clock", "freeze")
    try:
        until(venues.is_followed)
    finally:
        venues.source.steelyard("clock", "resume")


def test_a_source_that_is_killed_is_lost_and_followed_again_when_it_is_back(venues):
    venues.source.kill()
    until(lambda: all(symbol in venues.notice for symbol in FOLLOWED.values()))
    assert venues.paper.steelyard("status")["exchange"]["notice"] == venues.notice
    for symbol in FOLLOWED.values():
        assert venues.book(venues.paper, symbol) == ([], [])
    before = venues.trades(venues.paper, "BTC-USDT")
    venues.source.start()
    until(lambda: venues.notice == "")
    venues.source.steelyard("clock", "freeze")
    until(venues.is_followed)
    after = venues.trades(venues.paper, "BTC-USDT")
    assert after[: len(before)] == before


def test_paper_that_is_killed_goes_on_with_what_was_acknowledged(venues):
    """Its journal has what was heard; the accounts are as they were."""
    held = venues.paper.steelyard("account", "balance", "paper-bot")
    venues.paper.kill()
    venues.paper.start()
    until(venues.is_followed)
    assert venues.paper.steelyard("account", "balance", "paper-bot") == held
