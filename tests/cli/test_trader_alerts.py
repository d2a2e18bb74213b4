from steelyard.cli.trader_alerts import TraderAlerts
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Level
from steelyard.trading.alerting import AlertsTable, Topic
from steelyard.trading.records import Killed, OrderRefused, RunStopped


def hide(text: bytes) -> bytes:
    return text.replace(b"canary", b"***")


class Hearing(TraderAlerts):
    """What is told is kept: nobody is there who delivers."""

    def __init__(self, *topics: Topic, to: tuple[str, ...] = ("env:A",)) -> None:
        table = AlertsTable(to=to, on=topics)
        super().__init__("dip", table, dict.fromkeys(to, "json://x"), print, hide)
        self.told = []

    def _tell(self, notice) -> None:
        self.told.append((notice.kind, notice.text, notice.grade.value, notice.one_by_one))


def test_a_warning_and_an_error_are_trouble_and_a_word_is_not():
    alerts = Hearing(Topic.TROUBLE)
    alerts.line(Level.INFO, "stream.up", "fine", 1)
    alerts.line(Level.WARNING, "stream.down", "bad", 1)
    alerts.line(Level.ERROR, "disk.failed", "worse", 1)
    assert alerts.told == [
        ("stream.down", "bad", "warning", False),
        ("disk.failed", "worse", "error", False),
    ]


def test_that_an_alert_was_not_told_is_told_by_no_alert():
    """Otherwise a mail server that is away would be told of itself for ever."""
    alerts = Hearing(Topic.TROUBLE)
    alerts.line(Level.WARNING, "alerts.undelivered", "x", 1)
    assert alerts.told == []


def test_records_are_told_by_their_topic():
    alerts = Hearing(Topic.RUNS)
    alerts.record(RunStopped("done"), None, 1)
    alerts.record(Killed("panic"), None, 1)
    alerts.line(Level.ERROR, "disk.failed", "worse", 1)
    assert alerts.told == [
        ("run.stopped", "done", "info", True),
        ("run.killed", "panic", "warning", True),
    ]


def test_where_nobody_is_named_nothing_is_started_or_told():
    alerts = Hearing(*Topic, to=())
    alerts.start()
    alerts.line(Level.ERROR, "disk.failed", "worse", 1)
    alerts.record(Killed("panic"), None, 1)
    assert alerts.told == []


def test_what_a_venue_says_of_an_order_is_told_without_secrets():
    """It may repeat what it was sent."""
    alerts = Hearing(Topic.ORDERS)
    refused = OrderRefused("a1", RejectReason.UNSUPPORTED, "bad signature by canary")
    alerts.record(refused, None, 1)
    assert [text for _, text, _, _ in alerts.told] == ["a1: UNSUPPORTED: bad signature by ***"]


def test_each_breaker_is_trouble_of_its_own():
    """Otherwise the first that trips would keep the next one from being heard of."""
    alerts = Hearing(Topic.TROUBLE)
    alerts.line(Level.ERROR, "breaker.tripped", "heartbeats: 5 were missed", 1)
    alerts.line(Level.WARNING, "breaker.tripped", "heartbeats is still: 5 were missed", 2)
    alerts.line(Level.ERROR, "breaker.tripped", "slippage: too much", 3)
    kinds = [kind for kind, *_ in alerts.told]
    assert kinds == ["breaker.tripped.heartbeats"] * 2 + ["breaker.tripped.slippage"]
