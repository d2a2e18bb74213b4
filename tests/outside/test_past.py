"""A real bot's past, read beside it: replay, why, SQL; and no secret of its key in any file."""

import json
import time
from pathlib import Path

import pytest
from bot_process import Bot, config_text, open_account
from exchange_here import ExchangeHere

from steelyard.cli.main import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# It trades, is refused, and says its own secret.
TALKS = """
import os
from steelyard.trading.strategy import Strategy

class Talks(Strategy):
    def on_start(self):
        self.every("200ms")
        self.buy("0.001", "30000")

    def on_timer(self, timer):
        self.log("my secret is " + os.environ["BOT_SECRET"])
        self.buy("0.0002")
        self.buy("100", "30000")
"""


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("venue") / "data", "--crowd", "1") as running:
        yield running


@pytest.fixture(scope="module")
def bot(venue, tmp_path_factory):
    data = tmp_path_factory.mktemp("past")
    (data / "talks.py").write_text(TALKS)
    text = config_text(venue, "past", strategy="talks:Talks", params="{ }")
    with Bot(data, text, open_account(venue, "past"), "past") as running:
        running.wait(lambda s: len(s["fills"]) > 5)
        yield running


def said(bot: Bot, capsys, *command: str):
    assert run([*command, "--data", str(bot.data), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_the_bot_reported_is_what_its_journal_says_of_that_moment(bot, capsys):
    """Fifteen samples while it trades; each compared with the journal's word on that millisecond.

    A report is of a moment within a millisecond, so what was written in it is allowed for.
    """
    samples = []
    for _ in range(15):
        samples.append(bot.state())
        for order in samples[-1]["orders"]:
            del order["ahead"]  # the market tells it, and no journal
        time.sleep(0.07)
    for state in samples:
        before = said(bot, capsys, "replay", "past", "--at", iso(state["time"] - 1))
        past = said(bot, capsys, "replay", "past", "--at", iso(state["time"]))
        found = [
            all((document[name] == state[name]) for name in ("orders", "fills", "position"))
            and document["pnl"]["realized"] == state["pnl"]["realized"]
            for document in (before, past)
        ]
        assert any(found), (state["time"], before["sequence"], past["sequence"])
        assert past["bot"] == state["bot"]


def iso(time_ms: int) -> str:
    seconds, ms = divmod(time_ms, 1_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"


def test_why_names_the_limit_and_the_wish(bot, capsys):
    answer = said(bot, capsys, "why", "past", "--lines", "2000")
    assert answer["answer"].startswith("orders could leave; the last wish")
    texts = [line["text"] for line in answer["lines"]]
    assert any("was stopped by max_order_notional" in text for text in texts)
    assert run(["why", "past", "--data", str(bot.data)]) == 0
    assert "passes" in capsys.readouterr().out


def test_no_file_of_the_bot_has_its_secret(bot):
    """A canary that the strategy itself sings: in the journal there is nothing of it."""
    secret = bot._environment["BOT_SECRET"].encode()
    bot.wait(lambda s: len(s["fills"]) > 12)
    segments = [*(bot.data / "bots" / "past" / "journal").iterdir()]
    assert segments
    content = b"".join(Path(segment).read_bytes() for segment in segments)
    assert b"my secret is ***" in content
    assert secret not in content
    assert secret.decode() not in bot.log()
    assert "my secret is ***" in bot.log()
    assert secret.decode() not in json.dumps(bot.state())


def test_who_asks_for_what_is_not_there_is_told(bot, capsys, tmp_path):
    assert run(["replay", "past", "--at", "1h", "--sequence", "3", "--data", str(bot.data)]) == 2
    assert "--at or by --sequence" in capsys.readouterr().err
    assert run(["why", "nobody", "--data", str(tmp_path)]) == 2
    assert "no bot 'nobody'" in capsys.readouterr().err
    assert run(["replay", "past", "--at", "1970-01-01", "--data", str(bot.data)]) == 0
    assert "nothing was written by then" in capsys.readouterr().out
