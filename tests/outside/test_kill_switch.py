"""The kill switch against real processes: frozen, cut off, before a venue that is down.

The switch is run as a user runs it, in a process of its own; what the venue has is asked of the
exchange's administration, not of the switch.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bot_process import Bot, config_text, open_account
from exchange_here import ExchangeHere
from native_client import Client

from steelyard.net.clock import Clock
from steelyard.store.journal import Journal
from steelyard.store.latch import Latch
from steelyard.trading.records import (
    ClosingNoted,
    Killed,
    OrderAdopted,
    OrderPending,
    Resumed,
    codec,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EYES: dict[str, Client] = {}

# Rests two orders, buys a little, and would place another one whenever it is called.
RESTS = """
from steelyard.trading.strategy import Strategy

class Rests(Strategy):
    def on_start(self):
        self.buy("0.001", "30000")
        self.buy("0.002", "30001")
        self.buy("0.0003")
        self.every("100ms")

    def on_timer(self, timer):
        if len(self.open_orders) < 4:
            self.buy("0.001", "29999")
"""


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """An exchange that misbehaves for these tests alone."""
    with ExchangeHere(tmp_path_factory.mktemp("venue") / "data", "--crowd", "1") as running:
        yield running


@pytest.fixture
def start(venue, tmp_path):
    """Start a bot with an account of its own, in a directory without an exchange."""
    bots = []
    (tmp_path / "kill_strategy.py").write_text(RESTS)

    def start(name: str, dialect: str = "binance", more: str = "", *, runs: bool = True) -> Bot:
        text = config_text(venue, name, dialect, more, strategy="kill_strategy:Rests", params="{ }")
        bot = Bot(tmp_path, text, open_account(venue, name, dialect=dialect), name)
        bots.append(bot)
        if runs:
            bot.start()
            bot.wait(lambda s: len(s["orders"]) >= 3 and s["fills"])
        return bot

    yield start
    venue.steelyard("faults", "clear")
    while EYES:
        EYES.popitem()[1].close()
    for bot in bots:
        if bot.process is not None:
            bot.end()


def kill(bot: Bot, *options: str, who: str | None = None, **environment: str):
    """Run `steelyard kill` in a process of its own; return its exit code and its word."""
    command = [sys.executable, "-m", "steelyard.cli.main", "kill", who or bot.name, *options]
    done = subprocess.run(
        [*command, "--data", str(bot.data), "--json"],
        capture_output=True,
        env={**bot._environment, **environment},
        timeout=200,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    document = json.loads(done.stdout)
    return done.returncode, document.get(bot.name, document)


def open_orders(venue, bot: Bot) -> int:
    """Count them by another API, with another key."""
    if bot.name not in EYES:
        key = venue.steelyard("key", "create", bot.name, "--dialect", "native", "--scopes", "read")
        EYES[bot.name] = Client(venue.url("native"), key)
    return len(EYES[bot.name].ask("GET", "/api/v1/orders?open=true")["orders"])


def wait_for(is_so, seconds: float = 60) -> None:
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.2)


def test_a_bot_that_was_stopped_by_sigstop_is_killed_at_the_venue(venue, start):
    """And when it goes on it places nothing, though it was in the middle of placing."""
    bot = start("frozen")
    bot.send_signal(signal.SIGSTOP)
    code, killed = kill(bot)
    assert code == 0, killed
    assert (killed["verified"], killed["open_orders"], killed["bot_answered"]) == (True, 0, False)
    assert killed["canceled"] >= 3
    assert open_orders(venue, bot) == 0
    bot.send_signal(signal.SIGCONT)
    bot.wait(lambda s: s["status"] == "killed" and not s["orders"])
    assert open_orders(venue, bot) == 0
    assert bot.stop() == 0
    messages = [message for _, message in bot.journal()]
    (at,) = [n for n, message in enumerate(messages) if isinstance(message, Killed)]
    assert not any(isinstance(message, OrderPending) for message in messages[at:])
    assert "steelyard kill" in messages[at].why


@pytest.mark.parametrize(
    ("dialect", "hangs"), [("native", True), ("kraken", True), ("coinbase-exchange", False)]
)
def test_bots_of_every_dialect_are_killed(venue, start, dialect, hangs):
    """One that answers need not be waited for; one that hangs, until nothing can arrive late."""
    bot = start(f"on-{dialect}", dialect)
    if hangs:
        bot.send_signal(signal.SIGSTOP)
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (0, True), killed
    assert killed["bot_answered"] is not hangs
    assert open_orders(venue, bot) == 0


@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=pytest.mark.night)])
def test_a_venue_that_answers_503_is_outlasted(venue, start, seconds):
    """Every request, for so long; then it is done at once. In virtual time: test_killing.py."""
    bot = start(f"outage-{seconds}")
    bot.send_signal(signal.SIGSTOP)
    more = ("--dialect", "binance", "--status", "503")
    venue.steelyard("faults", "set", "refused", *more)
    begun = time.monotonic()
    switch = subprocess.Popen(
        [sys.executable, "-m", "steelyard.cli.main", "kill", bot.name, "--data", str(bot.data)],
        env=bot._environment,
        stdout=subprocess.DEVNULL,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        switch.wait(seconds)
    assert open_orders(venue, bot) >= 3
    venue.steelyard("faults", "clear")
    assert switch.wait(30) == 0
    assert seconds <= time.monotonic() - begun < seconds + 15
    assert open_orders(venue, bot) == 0


def test_a_partitioned_venue_is_not_called_clear(venue, start):
    """Nobody answers: exit code 3, and nothing is claimed; once it is mended, it is done."""
    bot = start("partitioned")
    venue.steelyard("faults", "set", "lost-request", "--dialect", "binance")
    code, killed = kill(bot, "--within", "8s")
    assert (code, killed["verified"], killed["open_orders"]) == (3, False, None), killed
    assert "NOT DONE" in killed["steps"][-1]
    assert Latch(bot.data, bot.name).is_set
    assert open_orders(venue, bot) >= 3
    venue.steelyard("faults", "clear")
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (0, True), killed
    assert open_orders(venue, bot) == 0


def test_429_is_waited_out(venue, start):
    """The venue says for how long; nothing is sent meanwhile."""
    bot = start("limited")
    bot.send_signal(signal.SIGSTOP)
    limited = ("--status", "429", "--retry-after", "3s", "--dialect", "binance", "--times", "1")
    venue.steelyard("faults", "set", "refused", *limited)
    begun = time.monotonic()
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (0, True), killed
    assert time.monotonic() - begun >= 3


def test_a_bot_that_crashed_stays_killed_until_a_person_lifts_it(venue, start):
    """SIGKILL, kill, start: it trades nothing; lifted, it does."""
    bot = start("crashed")
    bot.process.kill()
    bot.join()
    assert kill(bot, "--why", "it lost its mind")[0] == 0
    bot.start()
    state = bot.wait(lambda s: s["status"] == "killed")
    assert "it lost its mind" in state["reason"]
    assert open_orders(venue, bot) == 0
    assert kill(bot, "--lift")[0] == 0
    bot.wait(lambda s: s["status"] == "running" and s["orders"])
    assert bot.stop() == 0
    kinds = [type(m) for _, m in bot.journal() if isinstance(m, Killed | Resumed)]
    assert kinds == [Killed, Resumed]


def test_a_bot_that_was_never_started_is_killed_by_its_configuration(venue, start):
    """Its account has an order by hand; then it starts, and does nothing."""
    bot = start("unborn", runs=False)
    code, killed = kill(bot, who=str(bot.file))
    assert (code, killed["verified"], killed["open_orders"]) == (0, True, 0), killed
    bot.start()
    bot.wait(lambda s: s["status"] == "killed")
    assert open_orders(venue, bot) == 0


def test_a_mistake_in_the_limits_is_no_reason_not_to_stop(venue, start):
    bot = start("mistaken")
    text = bot.file.read_text()
    bot.file.write_text(text.replace('max_position = "1"', 'max_positon = "1"'))
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (0, True), killed
    bot.file.write_text(text)


def test_its_position_is_closed_and_the_bot_knows_of_it(venue, start):
    """Flat at the venue, and flat in the journal of the bot when it comes back."""
    bot = start("flattened")
    bot.send_signal(signal.SIGSTOP)
    code, killed = kill(bot, "--flatten")
    assert code == 0, killed
    assert killed["position"]["is_flat"], killed
    assert killed["position"]["before"] == "0.00029"  # whole lots: a fee was taken in the base
    balances = venue.steelyard("account", "balance", bot.name)["balances"]
    assert float(balances["BTC"]["free"]) < 0.00001
    bot.send_signal(signal.SIGCONT)
    state = bot.wait(lambda s: s["status"] == "killed" and s["position"]["side"] == "flat")
    assert state["position"]["size"] == "0"
    freed = "its part of max_gross_exposure is free for the others"
    assert freed not in killed["steps"], "it runs, and tells its part itself"
    assert bot.stop() == 0
    code, killed = kill(bot, "--flatten")
    assert (code, freed in killed["steps"]) == (0, True), killed
    kinds = {type(message) for _, message in bot.journal()}
    assert {ClosingNoted, OrderAdopted} <= kinds
    assert "journal.lost" not in bot.log()


def test_two_who_press_it_at_once_close_the_position_once(venue, start):
    """The account holds a coin besides, which is somebody's."""
    bot = start("pressed-twice")
    venue.steelyard("account", "deposit", bot.name, "BTC=1")
    bot.send_signal(signal.SIGSTOP)
    command = [sys.executable, "-m", "steelyard.cli.main", "kill", bot.name, "--flatten"]
    switches = [
        subprocess.Popen([*command, "--data", str(bot.data)], env=bot._environment)
        for _ in range(2)
    ]
    assert [switch.wait(60) for switch in switches] == [0, 0]
    balances = venue.steelyard("account", "balance", bot.name)["balances"]
    assert 1 <= float(balances["BTC"]["free"]) < 1.00001


def test_a_drill_changes_nothing(venue, start):
    """It says what it would do, and how long the venue took; the bot trades on."""
    bot = start("drilled")
    before = open_orders(venue, bot)
    code, drilled = kill(bot, "--drill", "--flatten")
    assert code == 0, drilled
    assert (drilled["killed"], drilled["drill"], drilled["canceled"]) == (False, True, 0)
    assert drilled["open_orders"] >= 3
    assert drilled["answer_ms"]["count"] >= 4
    said = "\n".join(drilled["steps"])
    assert "would be sent: cancel all orders of BTC-USDT" in said
    assert "would be sent: sell 0.00029 BTC" in said
    assert "the key may trade, and so cancel" in said
    assert not Latch(bot.data, bot.name).is_set
    assert open_orders(venue, bot) >= before
    assert bot.state()["status"] == "running"


def test_a_drill_with_a_key_that_cannot_cancel_fails(venue, start):
    bot = start("toothless", runs=False)
    key = venue.steelyard("key", "create", "toothless", "--dialect", "binance", "--scopes", "read")
    environment = {"WEAK_KEY": key["key"], "WEAK_SECRET": key["secret"]}
    options = ("--drill", "--key", "env:WEAK")
    code, drilled = kill(bot, *options, who=str(bot.file), **environment)
    assert code == 1, drilled
    assert "the key may not trade" in "\n".join(drilled["steps"])


def test_the_switch_has_its_own_key(venue, start):
    """[venue.main] kill_key: the bot's own is revoked, and it is killed all the same."""
    bot = start("own-key", more='kill_key = "env:SWITCH"')
    key = venue.steelyard(
        "key", "create", bot.name, "--dialect", "binance", "--scopes", "read,trade"
    )
    bot.send_signal(signal.SIGSTOP)
    venue.steelyard("key", "revoke", bot.ready["key"])
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (2, False)
    assert "SWITCH_KEY" in killed["error"]
    code, killed = kill(bot, SWITCH_KEY=key["key"], SWITCH_SECRET=key["secret"])
    assert (code, killed["verified"]) == (0, True), killed
    assert open_orders(venue, bot) == 0


def test_a_bot_that_was_frozen_while_it_held_the_limits_does_not_hold_up_the_switch(venue, start):
    """Its lock on what the host's traders share is passed by."""
    bot = start("locked")
    bot.send_signal(signal.SIGSTOP)
    held = []
    for path in (Path(os.environ["STEELYARD_STATE"]) / "pace").glob("*.ip.*"):
        held.append(path.open("r+b"))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
    assert held
    try:
        code, killed = kill(bot)
    finally:
        for file in held:
            file.close()
    assert (code, killed["verified"]) == (0, True), killed
    assert open_orders(venue, bot) == 0


def test_the_watchdog_kills_a_frozen_bot_by_policy(venue, start):
    """It tells of the silence, kills after a while, and says that nothing is open."""
    bot = start("watched")
    command = ["watch", bot.name, "--every", "500ms", "--silence", "1s", "--kill-after", "3s"]
    watch = subprocess.Popen(
        [sys.executable, "-m", "steelyard.cli.main", *command, "--data", str(bot.data), "--json"],
        env=bot._environment,
        stdout=subprocess.PIPE,
    )
    try:
        assert json.loads(watch.stdout.readline()) == {"watching": [bot.name]}
        bot.send_signal(signal.SIGSTOP)
        alerts = [json.loads(watch.stdout.readline()) for _ in range(3)]
        assert [alert["alert"] for alert in alerts] == ["trouble", "kill", "killed"]
        assert alerts[0]["kind"] == "silent"
        assert open_orders(venue, bot) == 0
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(20) == 0
    finally:
        watch.kill()
        watch.stdout.close()


def test_the_venue_cancels_when_a_bot_with_a_dead_man_hangs(venue, start):
    """Armed by the bot, and not by one that is frozen; only one bot of an account may arm it."""
    bot = start("dead-man", "kraken", 'dead_man = "10s"\naccount = "a"')
    log = bot.data / "bots" / bot.name / "bot.log"
    wait_for(lambda: "armed" in log.read_text())
    text = bot.file.read_text().replace('name = "dead-man"', 'name = "rival"')
    key = {"key": bot._environment["BOT_KEY"], "secret": bot._environment["BOT_SECRET"]}
    rival = Bot(bot.data, text, key, "rival")
    rival.launch()
    assert rival.join() == 2
    assert "only one bot may arm it" in rival.errors.read_text()
    assert open_orders(venue, bot) >= 3
    bot.send_signal(signal.SIGSTOP)
    wait_for(lambda: open_orders(venue, bot) == 0)


@pytest.mark.night
def test_a_bot_behind_a_bridge_is_killed_by_a_bridge_of_its_own(venue, start):
    """Another process of the library, with a key of its own reading."""
    bot = start("bridged", runs=False)
    bot.file.write_text(bot.file.read_text().replace('"binance"', '"ccxt:binance"'))
    bot.start()
    bot.wait(lambda s: len(s["orders"]) >= 3)
    bot.send_signal(signal.SIGSTOP)
    code, killed = kill(bot)
    assert (code, killed["verified"]) == (0, True), killed
    assert open_orders(venue, bot) == 0


def test_a_venue_without_a_dead_man_says_so(start):
    bot = start("no-dead-man", "native", 'dead_man = "1m"', runs=False)
    bot.launch()
    assert bot.join() == 2
    assert "native cancels nothing by itself" in bot.errors.read_text()


def test_a_bot_that_was_killed_by_itself_is_lifted_while_it_is_down(venue, start):
    """Its journal alone latched it off, as a limit does; a person's word counts at the start."""
    bot = start("by-itself")
    assert bot.stop() == 0
    journal = Journal(bot.data / "bots" / bot.name / "journal")
    journal.append(codec().encode(Killed("the loss of the day"), Clock().now_ns()))
    journal.commit()
    journal.close()
    bot.start()
    bot.wait(lambda s: s["status"] == "killed")
    assert bot.stop() == 0
    assert kill(bot, "--lift", "--why", "looked at it")[0] == 0
    bot.start()
    bot.wait(lambda s: s["status"] == "running")
    assert bot.stop() == 0
    (resumed,) = [message for _, message in bot.journal() if isinstance(message, Resumed)]
    assert "looked at it" in resumed.why
