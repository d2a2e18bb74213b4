"""What may be asked of a stream token: a text that opens an account's events for an hour.

Some venues have one, under names of their own, so that whoever follows an account need not sign.
It opens nothing but events, ends with the key that asked for it, and is forgotten in a restart.
"""

from msgspec import Struct


class OpenStreamToken(Struct, frozen=True, tag=True):
    """Get a token; who has one already gets the same, good for as long as a new one."""

    account_id: int
    key: str


class KeepStreamToken(Struct, frozen=True, tag=True):
    """Let a token be good for as long as a new one."""

    account_id: int
    token: str


class CloseStreamToken(Struct, frozen=True, tag=True):
    """Let a token be worth nothing."""

    account_id: int
    token: str


StreamTokenMessage = OpenStreamToken | KeepStreamToken | CloseStreamToken


class StreamToken(Struct, frozen=True, tag=True):
    """Answers all of them; is_known is False where the account has no such token (any more)."""

    token: str
    is_known: bool = True
