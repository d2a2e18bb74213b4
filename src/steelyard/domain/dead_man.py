"""A dead man's switch: cancel everything unless told otherwise in time.

Some venues have one, under names of their own, for programs that may lose their connection. It is
one per account, for all its orders; arming it again sets it anew.
"""

from msgspec import Struct


class ArmDeadMan(Struct, frozen=True, tag=True):
    """Cancel all of an account's orders after a time, unless this is asked again; 0 disarms."""

    account_id: int
    after_ns: int


class AskDeadMan(Struct, frozen=True, tag=True):
    """Tell when all of an account's orders are canceled, and change nothing."""

    account_id: int


class DeadMan(Struct, frozen=True, tag=True):
    """Answers both: when all is canceled, None where nothing is armed; now_ns is the same clock's.

    after_ns is what the switch was last set to; 0: nothing is armed, or the venue does not tell.
    """

    now_ns: int
    due_ns: int | None
    after_ns: int = 0


DeadManMessage = ArmDeadMan | AskDeadMan
