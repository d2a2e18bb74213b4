import gc
import re
import secrets
from decimal import Decimal

import pytest

from steelyard.cli.market_source import CrowdSource
from steelyard.cli.opening import OpenExchange
from steelyard.domain.commands import FIRST_USER, Cancel, Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import CandlesQuery, OrdersQuery, Scope
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.exchange.admin import Admin
from steelyard.exchange.records import MarketStep, codec
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

NOW_NS = 1_795_000_000_000_000_000
STEP_NS = 50_000_000


@pytest.fixture(autouse=True)
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write(opened):
    encode = codec().encode
    for time_ns, message in opened.exchange.drain().records:
        opened.journal.append(encode(message, time_ns))
    opened.journal.commit()


def live(opened, steps=30):
    """Let a market and a user do something, and journal it."""
    now_ns = opened.exchange.now_ns
    if not opened.exchange.keys.people.names:
        Admin(opened.exchange, opened.seal, lambda n: b"x" * n).create_account(
            "ann", {"USDT": Decimal(1000)}, now_ns
        )
    for step in range(1, steps + 1):
        opened.exchange.step(now_ns + step * STEP_NS)
    write(opened)


def opened_with_a_key(data):
    opened = OpenExchange(data, CrowdSource(5), NOW_NS)
    admin = Admin(opened.exchange, opened.seal, secrets.token_bytes)
    admin.create_account("ann", {}, NOW_NS)
    made = admin.create_key("ann", dialect="native", scopes=[Scope.READ], now_ns=NOW_NS)
    write(opened)
    return opened, made.key


@pytest.mark.slow
def test_a_directory_with_another_seal_key_does_not_start(tmp_path, monkeypatch):
    """The sentence names the key's place and both ways out; the directory is free again."""
    opened, key = opened_with_a_key(tmp_path / "a")
    opened.check_seal(NOW_NS)
    opened.close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    place = re.escape(str(tmp_path / "other" / "steelyard" / "seal.key"))
    with pytest.raises(
        ConfigError,
        match=rf"has 1 API key sealed by another seal key than {place}, .*forget-sealed",
    ):
        again.check_seal(NOW_NS)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    back = OpenExchange(tmp_path / "a", None, NOW_NS)
    back.check_seal(NOW_NS)
    assert back.exchange.keys.find(key) is not None
    back.close()


@pytest.mark.slow
def test_what_another_seal_key_has_sealed_is_forgotten_for_good(tmp_path, monkeypatch):
    opened, key = opened_with_a_key(tmp_path / "a")
    opened.close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    again.check_seal(NOW_NS, forgets=True)
    assert again.repairs == ["forgot 1 API key, which another seal key had sealed"]
    write(again)
    again.close()
    last = OpenExchange(tmp_path / "a", None, NOW_NS)
    last.check_seal(NOW_NS)
    assert last.repairs == []
    assert last.exchange.keys.find(key) is None
    last.close()


@pytest.mark.slow
def test_a_directory_without_anything_sealed_starts_anywhere(tmp_path, monkeypatch):
    OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS).close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    again.check_seal(NOW_NS)
    again.close()


@pytest.mark.slow
def test_a_new_directory_begins_when_it_is_told_and_its_time_goes_on(tmp_path):
    """Also after a restart, and from a snapshot; what has begun does not begin again."""
    hour_ns, begins_ns = 3_600 * 10**9, NOW_NS - 10**16
    opened = OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS, begins_ns=begins_ns)
    assert opened.exchange.time_at(NOW_NS) == begins_ns
    opened.exchange.step(NOW_NS + STEP_NS)
    assert opened.exchange.now_ns == begins_ns + STEP_NS
    candles = opened.exchange.ask(CandlesQuery(0, hour_ns, 24), begins_ns + STEP_NS).candles
    assert len(candles) == 24
    assert candles[-1].open_ns <= begins_ns < candles[-1].open_ns + hour_ns
    write(opened)
    opened.close()
    for is_snapshot in (False, True):
        again = OpenExchange(tmp_path / "a", None, NOW_NS + hour_ns)
        assert again.exchange.time_at(NOW_NS + hour_ns) == begins_ns + hour_ns
        if not is_snapshot:
            again.save_snapshot(again.exchange.snapshot())
        again.close()
    with pytest.raises(ConfigError, match="--begin is for a new directory"):
        OpenExchange(tmp_path / "a", None, NOW_NS, begins_ns=begins_ns)


@pytest.mark.slow
def test_records_and_snapshots_lead_to_the_same_exchange(tmp_path):
    opened = OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS)
    live(opened)
    opened.save_snapshot(opened.exchange.snapshot())
    live(opened)
    state = opened.exchange.engine.state_hash()
    opened.close()

    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    assert again.exchange.engine.state_hash() == state
    assert again.exchange.keys.account_id("ann")
    again.close()
    for file in (tmp_path / "a" / "exchange" / "snapshots").iterdir():
        file.write_bytes(b"damaged")
    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    assert again.exchange.engine.state_hash() == state
    again.close()


@pytest.mark.slow
def test_a_journal_leads_to_the_same_exchange_to_the_last_order(tmp_path):
    """Whether somebody listened or not: nothing that is kept differs after a replay."""
    opened = OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS)
    exchange = opened.exchange
    exchange.feed.speak("native", lambda *_: b"frame")
    channels = [Channel(ChannelKind.TRADES, 0), Channel(ChannelKind.BALANCES, 0, FIRST_USER)]
    for channel in channels:
        exchange.feed.subscribe(1, Subscription("native", channel, "form"), NOW_NS)
    live(opened)
    asked = [
        (OrderType.MARKET, TimeInForce.IOC, None, 1_000),
        (OrderType.LIMIT, TimeInForce.GTC, 5_000_000, 500),
        (OrderType.LIMIT, TimeInForce.GTC, 10**9, 1_000),  # refused
    ]
    for number, (order_type, time_in_force, price_ticks, size_lots) in enumerate(asked, 1):
        place = Place(
            FIRST_USER,
            0,
            Side.BUY,
            order_type,
            time_in_force,
            post_only=False,
            price_ticks=price_ticks,
            size_lots=size_lots,
            client_order_id=f"a{number}",
        )
        exchange.perform(place, exchange.now_ns)
    exchange.perform(Cancel(FIRST_USER, 2), exchange.now_ns)
    live(opened)
    opened.close()

    again = OpenExchange(tmp_path / "a", None, NOW_NS)
    assert gc.isenabled()
    assert again.exchange.snapshot() == exchange.snapshot()
    orders = again.exchange.history.orders(OrdersQuery(FIRST_USER, limit=9))
    assert [order.state.name for order in orders] == ["FILLED", "CANCELED", "REJECTED"]
    again.close()


@pytest.mark.slow
def test_another_market_than_the_founders_is_refused(tmp_path):
    OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS).close()
    # Nothing was committed: it was never founded. Now it is.
    opened = OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS)
    write(opened)
    opened.close()
    with pytest.raises(ConfigError, match="trades with crowd seed 5, not crowd seed 6"):
        OpenExchange(tmp_path / "a", CrowdSource(6), NOW_NS)
    OpenExchange(tmp_path / "a", None, NOW_NS).close()


def test_a_directory_in_use_is_refused_and_named(tmp_path):
    opened = OpenExchange(tmp_path / "a", None, NOW_NS)
    with pytest.raises(ConfigError, match=f"in use by process {opened.pid}"):
        OpenExchange(tmp_path / "a", None, NOW_NS)
    opened.close()


def test_records_of_another_version_of_the_market_are_refused_and_not_misread(tmp_path):
    opened = OpenExchange(tmp_path / "a", CrowdSource(5), NOW_NS)
    live(opened)
    number = opened.journal.append(codec().encode(MarketStep(state_hash=1), NOW_NS + 10**12))
    opened.journal.commit()
    opened.close()
    with pytest.raises(ConfigError, match=f"record {number} replays to another state"):
        OpenExchange(tmp_path / "a", None, NOW_NS)


def test_what_failed_to_open_leaves_no_lock_behind(tmp_path):
    (tmp_path / "a" / "exchange" / "journal").mkdir(parents=True)
    (tmp_path / "a" / "exchange" / "format").write_text("1\n")
    (tmp_path / "a" / "exchange" / "journal" / f"{1:020d}.log").write_bytes(b"something else")
    for _ in range(2):
        with pytest.raises(ConfigError, match="not a steelyard journal"):
            OpenExchange(tmp_path / "a", None, NOW_NS)
