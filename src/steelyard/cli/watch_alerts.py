"""Whom the watchdog tells: for each bot those of its own configuration, and those of `--alert`.

A bot's configuration is read when it is first told of, and again when the file has changed. What of
it cannot be had (the vault is locked, the file is gone) is said once, and the others are told.
"""

import os
import sys
from pathlib import Path
from typing import Any

from steelyard.cli.alerting import Alerting, addresses
from steelyard.domain.errors import SteelyardError
from steelyard.domain.messages import MINUTE_NS
from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.messenger import Targets
from steelyard.store import datadir
from steelyard.trading.alerting import AlertsTable
from steelyard.trading.config import parse_for_kill
from steelyard.vault.phrase import Ask

MS_NS = 1_000_000
AGAIN_NS = 10 * MINUTE_NS  # the watchdog itself repeats no sooner than that
PER_HOUR = 120
_GRADES = {"over": Grade.OVER, "reminder": Grade.WARNING, "killed": Grade.WARNING}


class Telling:
    """Alerts of all bots, by one messenger; none is started where nobody is named."""

    def __init__(self, data: Path, everybody: dict[str, str]) -> None:
        self._data = data
        self._everybody = everybody
        self._known = dict(everybody)
        self._own: dict[str, tuple[tuple[str, int] | None, tuple[str, ...]]] = {}
        self._said: set[str] = set()
        self._alerting: Alerting | None = None

    def learn(self, bots: list[str], ask: Ask | None) -> None:
        """Read whom bots name, as long as a person can be asked for a passphrase."""
        for bot in bots:
            self._bots_own(bot, ask)

    def start(self) -> None:
        """Begin to tell, if there is anybody by now."""
        if self._known and self._alerting is None:
            self._alerting = Alerting(Targets(self._known, AGAIN_NS, PER_HOUR), self._say)
            self._alerting.start()

    def tell(self, document: dict[str, Any]) -> None:
        """Tell an alert as `watch` prints it to those whom it concerns."""
        bot = document["bot"]
        to = tuple(dict.fromkeys((*self._everybody, *self._bots_own(bot))))
        if not to:
            return
        self.start()
        if self._alerting is None:
            return
        grade = _GRADES.get(document["alert"], Grade.ERROR)
        kind = document["kind"] if "." in document["kind"] else f"watch.{document['kind']}"
        what = "" if document["alert"] in ("trouble", "reminder") else f"{document['alert']}: "
        time_ns = document["time"] * MS_NS
        text = f"{what}{document['text']}"
        # One that is acted upon is told beside the trouble that it is about.
        is_single = document["alert"] in ("kill", "killed", "kill-failed", "reminder")
        self._alerting.tell(Notice(bot or "vault", kind, text, grade, time_ns, is_single, to))

    async def close(self) -> None:
        """Tell what is left."""
        if self._alerting is not None:
            await self._alerting.close()

    def _bots_own(self, bot: str, ask: Ask | None = None) -> tuple[str, ...]:
        """Return the labels of a bot's own configuration; its addresses are known from here on."""
        if not bot:
            return ()
        try:
            file = self._file(bot)
            if file is None:
                return ()
            changed = file.stat().st_mtime_ns
            mark, labels = self._own.get(bot, (None, ()))
            if mark == (str(file), changed):
                return labels
            config = parse_for_kill(file.read_text(encoding="utf-8"))
            table: AlertsTable = config.alerts
            new = tuple(label for label in table.to if label not in self._known)
            found = addresses(new, os.environ, ask)
        except (SteelyardError, OSError, UnicodeDecodeError) as error:
            self._say(f"alerts.{bot}", f"its own [alerts] are not told: {error}")
            return self._own.get(bot, (None, ()))[1]
        self._own[bot] = (str(file), changed), table.to
        if found:
            self._known |= found
            if self._alerting is not None:
                self._alerting.aim(Targets(found, AGAIN_NS, PER_HOUR))
        return table.to

    def _file(self, bot: str) -> Path | None:
        about = datadir.read_document(datadir.about_file(self._data / "bots" / bot), missing={})
        return Path(str(about["config"])) if about.get("config") else None

    def _say(self, name: str, text: str) -> None:
        line = f"{name}: {text}"
        if line not in self._said:
            self._said.add(line)
            print(line, file=sys.stderr, flush=True)
