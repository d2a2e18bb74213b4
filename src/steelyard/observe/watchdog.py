"""The watchdog's rules: what was seen of a bot, and what is to be told or done about it.

It runs outside the bot's process, because what ends a bot ends its alarms too. The rules are pure:
who looks says what was seen and when. The invariant: a trouble is told when it has lasted as long
as the policy allows, again now and then while it lasts, and once when it is over; and a bot is
killed by policy at most once per trouble. A bot that was stopped in order is no trouble, nor is one
that was killed.
"""

from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.messages import MINUTE_NS, SECOND_NS

AGAIN_NS = 15 * MINUTE_NS  # a trouble that lasts is told again


class Kind(StrEnum):
    """What may be wrong."""

    CRASHED = "crashed"  # its process is gone, and it did not say why
    FAILED = "failed"  # it ended by itself, with an error
    SILENT = "silent"  # its process is there and does not answer
    STUCK = "stuck"  # it answers, and its strategy is not called
    GATED = "gated"  # it may not trade
    BROKEN = "broken"  # its strategy has raised an error


class Told(StrEnum):
    """What an alert says."""

    TROUBLE = "trouble"
    OVER = "over"
    KILL = "kill"


class Policy(NamedTuple):
    """How long what may last before it is told; kill_ns, after which a bot is killed, or None."""

    silence_ns: int = 10 * SECOND_NS
    progress_ns: int = 5 * MINUTE_NS
    gated_ns: int = 5 * MINUTE_NS
    kill_ns: int | None = None


class Sight(NamedTuple):
    """What was seen of a bot in one look.

    status is what it says of itself, None where it did not answer; called_ns is when its strategy
    was last called. ended is its last word, None where it left none; code the exit code with it.
    """

    now_ns: int
    is_there: bool
    status: str | None = None
    reason: str | None = None
    called_ns: int | None = None
    failure: str | None = None
    ended: str | None = None
    code: int = 0


class Alert(NamedTuple):
    """Something to be told; a KILL is to be done."""

    bot: str
    told: Told
    kind: Kind
    text: str
    since_ns: int
    now_ns: int


_DEADLY = frozenset({Kind.CRASHED, Kind.SILENT, Kind.STUCK})


class Watchdog:
    """What is known of one bot."""

    def __init__(self, bot: str, policy: Policy, now_ns: int) -> None:
        self._bot = bot
        self._policy = policy
        self._kind: Kind | None = None
        self._since_ns = now_ns
        self._told_ns: int | None = None
        self._is_killed = False
        self._begun_ns = now_ns

    @property
    def trouble(self) -> Kind | None:
        """What is wrong, and has been told."""
        return self._kind if self._told_ns is not None else None

    def see(self, sight: Sight) -> list[Alert]:
        """Take a look, and return what is to be told or done."""
        kind, text, allowed_ns, since_ns = self._judge(sight)
        alerts: list[Alert] = []
        if kind is not self._kind:
            if self._told_ns is not None:
                over = text if kind is not None else "it is well again"
                alerts.append(self._alert(Told.OVER, self._kind or Kind.SILENT, over, sight))
            self._kind, self._since_ns = kind, since_ns
            self._told_ns, self._is_killed = None, False
        if kind is None:
            return alerts
        lasted_ns = sight.now_ns - self._since_ns
        is_due = self._told_ns is None or sight.now_ns - self._told_ns >= AGAIN_NS
        if lasted_ns >= allowed_ns and is_due:
            self._told_ns = sight.now_ns
            alerts.append(self._alert(Told.TROUBLE, kind, text, sight))
        kill_ns = self._policy.kill_ns
        if (
            kill_ns is not None
            and kind in _DEADLY
            and not self._is_killed
            and lasted_ns >= max(kill_ns, allowed_ns)
        ):
            self._is_killed = True
            alerts.append(self._alert(Told.KILL, kind, text, sight))
        return alerts

    def _judge(self, sight: Sight) -> tuple[Kind | None, str, int, int]:
        """Return what is wrong, in words, how long that may last, and since when it is so."""
        policy, now_ns = self._policy, sight.now_ns
        if not sight.is_there:
            if sight.status == "killed":
                return None, "", 0, now_ns
            if sight.ended is None:
                text = "its process is gone, and it did not say why: its orders may be open"
                return Kind.CRASHED, text, 0, now_ns
            if sight.code:
                return Kind.FAILED, f"it has ended: {sight.ended}", 0, now_ns
            return None, "", 0, now_ns
        if sight.status is None:
            text = "its process is there and does not answer: nobody knows what it does"
            return Kind.SILENT, text, policy.silence_ns, now_ns
        if sight.failure is not None:
            return Kind.BROKEN, f"its strategy raised an error: {sight.failure}", 0, now_ns
        if sight.status in ("killed", "stopping"):
            return None, "", 0, now_ns
        if sight.status != "running":
            text = f"it is {sight.status}: {sight.reason or 'it does not say why'}"
            return Kind.GATED, text, policy.gated_ns, now_ns
        called_ns = self._begun_ns if sight.called_ns is None else sight.called_ns
        if now_ns - called_ns >= policy.progress_ns:
            seconds = (now_ns - called_ns) // SECOND_NS
            text = f"its strategy has not been called for {seconds} s, though nothing gates it"
            return Kind.STUCK, text, 0, called_ns
        return None, "", 0, now_ns

    def _alert(self, told: Told, kind: Kind, text: str, sight: Sight) -> Alert:
        return Alert(self._bot, told, kind, text, self._since_ns, sight.now_ns)
