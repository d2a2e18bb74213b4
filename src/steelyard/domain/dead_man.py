"""A dead man's switch: cancel everything unless told otherwise in time.

Some venues have one, under names of their own, for programs that may lose their connection. It is
one per account, for all its orders; arming it again sets it anew.
"""

from msgspec import Struct


class ArmDeadMan(Struct, frozen=True, tag=True):
    """Cancel all of an account's orders after a time, unless this is asked again; 0 disarms."""

    account_id: int
    after_ns: int


class DeadMan(Struct, frozen=True, tag=True):
    """Answers it: when all is canceled, None where nothing is armed; now_ns is the same clock's."""

    now_ns: int
    due_ns: int | None
