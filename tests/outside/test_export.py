"""A bot's journal in SQL: SQLite beside it, and PostgreSQL as a real server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pytest
from bot_process import Bot, config_text, open_account
from exchange_here import ExchangeHere
from postgres_server import PostgresServer

from steelyard.cli.following import Following, bring_up
from steelyard.cli.main import run
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.store.tables import ask_sqlite
from steelyard.trading.records import FillSeen, OrderPending, StrategyNoted, codec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LONG = [pytest.mark.night, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with ExchangeHere(tmp_path_factory.mktemp("venue") / "data", "--crowd", "1") as running:
        yield running


@pytest.fixture(scope="module")
def postgres():
    pytest.importorskip("asyncpg", reason="asyncpg is not installed: steelyard[postgres]")
    with PostgresServer() as running:
        yield running


@pytest.fixture
def bot(venue, tmp_path, request):
    name = request.node.name.replace("_", "-")[:30].strip("-")
    with Bot(tmp_path, config_text(venue, name), open_account(venue, name), name) as running:
        running.wait(lambda s: s["fills"])
        yield running


def asked(bot: Bot, capsys, *sql: str) -> list[dict]:
    assert run(["query", bot.name, *sql, "--data", str(bot.data), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["rows"]


def test_questions_are_answered_while_the_bot_trades(bot, capsys):
    """Its trades, and everything that its journal has; a question holds nobody up."""
    trades = asked(bot, capsys)
    assert trades
    assert {trade["side"] for trade in trades} == {"buy"}
    assert all(Decimal(trade["size"]) == Decimal("0.001") for trade in trades)
    counted = "SELECT COUNT(*) AS n, MAX(sequence) AS last FROM events"
    before = asked(bot, capsys, counted)[0]
    assert before["n"] == before["last"]
    known = len(bot.state()["fills"])
    bot.wait(lambda s: len(s["fills"]) > known)
    assert bot.stop() == 0
    journal = bot.journal()
    assert asked(bot, capsys, counted)[0]["n"] == len(journal)
    for kind, table in ((FillSeen, "fills"), (OrderPending, "orders")):
        wanted = sum(isinstance(message, kind) for _, message in journal)
        assert asked(bot, capsys, f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] == wanted
    rows = asked(bot, capsys, "SELECT * FROM orders ORDER BY client_order_id")
    assert run(["query", bot.name, "--rebuild", "--tables", "--data", str(bot.data)]) == 0
    capsys.readouterr()
    assert asked(bot, capsys, "SELECT * FROM orders ORDER BY client_order_id") == rows


def in_postgres(server: PostgresServer, question: str) -> list:
    import asyncpg

    async def act():
        connection = await asyncpg.connect(server.url)
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()

    return asyncio.run(act())


def test_postgres_has_the_same_rows_and_follows(bot, capsys, postgres, monkeypatch):
    """A real server: brought up, followed, gone on with after it was away, and exact."""
    monkeypatch.setenv("DATABASE_URL", postgres.url)
    arguments = ["export", bot.name, "--data", str(bot.data)]
    assert run(arguments) == 0
    capsys.readouterr()
    ours = f"WHERE bot = '{bot.name}'"
    first = in_postgres(postgres, f"SELECT COUNT(*) FROM fills {ours}")[0][0]
    assert first >= 1
    following = subprocess.Popen(
        [sys.executable, "-m", "steelyard.cli.main", *arguments, "--follow"],
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    try:
        wait_for(lambda: in_postgres(postgres, f"SELECT COUNT(*) FROM fills {ours}")[0][0] > first)
        postgres.stop()
        assert b"again in 1 s" in following.stdout.readline()
        known = len(bot.state()["fills"])
        bot.wait(lambda s: len(s["fills"]) > known)
        postgres.start()
        count = f"SELECT COUNT(*) FROM fills {ours}"
        wait_for(lambda: in_postgres(postgres, count)[0][0] > known)
        assert bot.stop() == 0
        last = len(bot.journal())
        newest = f"SELECT MAX(sequence) FROM events {ours}"
        wait_for(lambda: in_postgres(postgres, newest) == [(last,)])
        following.send_signal(signal.SIGTERM)
        assert following.wait(20) == 0
    finally:
        following.kill()
        following.stdout.close()
    columns = "client_order_id, state, price, size, filled, quote, created, sequence"
    there = in_postgres(postgres, f"SELECT {columns} FROM orders {ours} ORDER BY client_order_id")
    here = asked(bot, capsys, f"SELECT {columns} FROM orders ORDER BY client_order_id")
    assert len(there) == len(here)
    for row, wanted in zip(there, here, strict=True):
        for value, said in zip(row, wanted.values(), strict=True):
            assert value == (Decimal(said) if isinstance(value, Decimal) else said)
    total = in_postgres(postgres, f"SELECT SUM(size) FROM trades {ours}")[0][0]
    sizes = asked(bot, capsys, "SELECT size FROM fills")
    assert total == sum(Decimal(row["size"]) for row in sizes)
    assert run([*arguments, "--rebuild"]) == 0
    assert in_postgres(postgres, newest) == [(last,)]


def wait_for(is_so, seconds: float = 40) -> None:
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.2)


@pytest.mark.parametrize("records", [30_000, pytest.param(1_000_000, marks=LONG)])
def test_readers_never_block_the_writer(tmp_path, records):
    """While the journal is read, projected and asked all the time, no write waits for a reader.

    The slowest write beside readers is held against the slowest without: both wait for the disk.
    """
    directory = tmp_path / "bots" / "busy"
    Directory(directory).close()
    form = codec()

    def payload_of(number: int) -> bytes:
        return form.encode(StrategyNoted(f"note {number}"), number)

    journal = Journal(directory / "journal")
    over, asked = threading.Event(), []

    def read() -> None:
        while not over.is_set():
            following = Following(tmp_path, "busy")
            bring_up(following)
            answer = ask_sqlite(following.file, "SELECT COUNT(*), MAX(sequence) FROM events")
            assert answer.rows[0][0] == answer.rows[0][1]
            asked.append(answer.rows[0][0])

    def write(first: int, last: int) -> float:
        slowest = 0.0
        for number in range(first, last, 100):
            journal.append_all([payload_of(n) for n in range(number, number + 100)])
            begun = time.monotonic()
            journal.commit()
            slowest = max(slowest, time.monotonic() - begun)
        return slowest

    write(0, 100)
    reader = threading.Thread(target=read)
    reader.start()
    slowest = write(100, records)
    over.set()
    reader.join(200)
    assert not reader.is_alive()
    journal.close()
    assert len(asked) >= 1
    assert slowest < 1.0  # a commit is a sync, and a reader takes seconds
    bring_up(following := Following(tmp_path, "busy"))
    assert ask_sqlite(following.file, "SELECT COUNT(*) FROM events").rows == [(records,)]
