"""Alerts to Slack, mail and some 170 more, by apprise: each target has a label and an address.

An address holds a token or a password. The invariant: no word of it leaves this module; who is told
that something was not delivered hears the label, and a reason without the parts of the address.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.observe.alerts import Grade, Notice

TIMEOUT_S = 20
SCHEMES = "slack, mailto, tgram, discord, json and many more: the wiki of apprise has them all"
_ORDER = (Grade.OVER, Grade.INFO, Grade.WARNING, Grade.ERROR)
HIDDEN, PART_MIN, WHY_MAX = "***", 4, 300


class Delivery:
    """The targets by label; each is sent to apart, so one that fails keeps none from another."""

    def __init__(self, targets: dict[str, str]) -> None:
        """Read the addresses.

        Raises:
            ConfigError: apprise is not installed, or does not know an address; the label is named.
        """
        try:
            import apprise  # noqa: PLC0415 an extra, and slow to load
        except ImportError as error:
            raise ConfigError("alerts need apprise: pip install 'steelyard[alerts]'") from error
        quiet = logging.getLogger("apprise")  # its lines may hold addresses
        quiet.propagate = False
        quiet.handlers[:] = [logging.NullHandler()]
        self._types = {
            Grade.INFO: apprise.NotifyType.INFO,
            Grade.OVER: apprise.NotifyType.SUCCESS,
            Grade.WARNING: apprise.NotifyType.WARNING,
            Grade.ERROR: apprise.NotifyType.FAILURE,
        }
        self._format = apprise.NotifyFormat.TEXT
        self._targets: dict[str, tuple[Any, tuple[str, ...]]] = {}
        for label, address in targets.items():
            target = apprise.Apprise()
            if not target.add(address.strip()):
                raise ConfigError(
                    f"{label} is no address that alerts go to; write one of apprise's: {SCHEMES}"
                )
            self._targets[label] = target, _parts(address)

    @property
    def labels(self) -> tuple[str, ...]:
        """Who can be told."""
        return tuple(self._targets)

    def send(self, notices: list[Notice], label: str) -> str | None:
        """Tell one target, in one message, and return why not; None: it was delivered.

        What a target takes in a while is apprise's to know: it waits before it sends too soon.
        """
        target, parts = self._targets[label]
        worst = max(notices, key=lambda notice: _ORDER.index(notice.grade))
        result = target.notify(
            body=body(notices[0]) if len(notices) == 1 else listed(notices),
            title=title(notices[0]) if len(notices) == 1 else f"steelyard: {len(notices)} alerts",
            notify_type=self._types[worst.grade],
            body_format=self._format,
            timeout=TIMEOUT_S,
        )
        if result:
            return None
        said = [str(entry.message) for entry in result.logs()]
        return _hidden(said[-1] if said else "no reason was told", parts)


def listed(notices: list[Notice]) -> str:
    """Return the text of several alerts in one message."""
    return "\n\n".join(f"{title(notice)}\n{body(notice)}" for notice in notices)


def title(notice: Notice) -> str:
    """Return the line that stands above an alert."""
    mark = {Grade.ERROR: "ERROR ", Grade.WARNING: "", Grade.OVER: "over: ", Grade.INFO: ""}
    return f"steelyard {notice.bot}: {mark[notice.grade]}{notice.kind}"


def body(notice: Notice) -> str:
    """Return the text of an alert; what a terminal or a mail would obey is shown as a space."""
    moment = datetime.fromtimestamp(notice.time_ns // SECOND_NS, UTC)
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in notice.text)
    return f"{text}\n{moment:%Y-%m-%d %H:%M:%S} UTC"


def _parts(address: str) -> tuple[str, ...]:
    """Return the words of an address that no message may hold, longest first."""
    _, _, rest = address.partition("://")
    words = {word for word in re.split(r"[/:@?&=#,;\s]+", rest) if len(word) >= PART_MIN}
    words |= {unquote(word) for word in words}
    return tuple(sorted(words, key=len, reverse=True))


def _hidden(text: str, parts: tuple[str, ...]) -> str:
    for part in parts:
        text = text.replace(part, HIDDEN)
    return "".join(each if each.isprintable() else " " for each in text)[:WHY_MAX]
