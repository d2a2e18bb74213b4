"""What a trader tells people at once: its log's warnings, and the records that they asked for."""

from collections.abc import Callable
from contextlib import suppress

from steelyard.cli.alerting import Alerting, Say
from steelyard.domain.instrument import Instrument
from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.messenger import Targets
from steelyard.trading.actions import Level
from steelyard.trading.alerting import AlertsTable, Topic, told
from steelyard.trading.records import TraderRecord

OWN = "alerts."  # what begins so is of alerts that were not told, and told by no alert
BREAKER = "breaker.tripped"
_GRADES = {Level.WARNING: Grade.WARNING, Level.ERROR: Grade.ERROR}
_BAD = frozenset({"run.killed", "order.refused"})


class TraderAlerts:
    """One bot's alerts; none where its configuration names nobody."""

    def __init__(
        self,
        bot: str,
        table: AlertsTable,
        addresses: dict[str, str],
        say: Say,
        hide: Callable[[bytes], bytes],
    ) -> None:
        """`hide` takes secrets out: a venue may repeat them in what it says of an order."""
        self._bot = bot
        self._hide = hide
        self._topics = frozenset(table.on) if addresses else frozenset[Topic]()
        self._alerting: Alerting | None = None
        if addresses:
            targets = Targets(addresses, table.again_ns, table.per_hour)
            self._alerting = Alerting(targets, say)

    def start(self) -> None:
        """Begin to tell."""
        if self._alerting is not None:
            self._alerting.start()

    def line(self, level: Level, name: str, text: str, now_ns: int) -> None:
        """Hear a line of the log, without secrets by now."""
        grade = _GRADES.get(level)
        if grade is not None and Topic.TROUBLE in self._topics and not name.startswith(OWN):
            if name == BREAKER:  # one that trips is not another that has
                name = f"{name}.{text.partition(' ')[0].rstrip(':')}"
            self._tell(Notice(self._bot, name, text, grade, now_ns))

    def record(self, message: TraderRecord, instrument: Instrument | None, now_ns: int) -> None:
        """Hear a record."""
        if self._alerting is None:
            return
        found = told(message, instrument)
        if found is None or found.topic not in self._topics:
            return
        grade = Grade.WARNING if found.kind in _BAD else Grade.INFO
        text = self._hide(found.text.encode(errors="replace")).decode(errors="replace")
        notice = Notice(self._bot, found.kind, text, grade, now_ns, one_by_one=True)
        self._tell(notice)

    async def close(self) -> None:
        """Tell what is left."""
        if self._alerting is not None:
            await self._alerting.close()

    def _tell(self, notice: Notice) -> None:
        if self._alerting is not None:
            with suppress(OSError):
                self._alerting.tell(notice)
