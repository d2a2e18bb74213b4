"""Stream tokens: texts that open an account's events for an hour, for clients that do not sign.

Kept in memory by who may follow: a key has one token at a time. It is worth what the key is, so a
key that is revoked or has expired takes its token along; that is the gate's to look up. Times are
the sandbox's.
"""

from collections import OrderedDict

from msgspec import Struct

from steelyard.domain.messages import MINUTE_NS
from steelyard.domain.stream_tokens import (
    CloseStreamToken,
    OpenStreamToken,
    StreamToken,
    StreamTokenMessage,
)
from steelyard.wire.dialect import Entropy, new_token

GOOD_NS = 60 * MINUTE_NS
TOKENS_MAX = 10_000  # beyond it the one that was kept longest ago is dropped


class _Kept(Struct):
    account_id: int
    key: str
    until_ns: int


class StreamTokens:
    """The tokens of one dialect."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._by_key: dict[str, str] = {}

    def carry_out(self, message: StreamTokenMessage, now_ns: int) -> StreamToken:
        """Do what a key asks."""
        if isinstance(message, OpenStreamToken):
            return StreamToken(self._open(message, now_ns))
        owner = self.owner(message.token, now_ns)
        if owner is None or owner[0] != message.account_id:
            return StreamToken(message.token, is_known=False)
        if isinstance(message, CloseStreamToken):
            self._drop(message.token)
        else:
            self._keep(message.token, now_ns)
        return StreamToken(message.token)

    def owner(self, token: str, now_ns: int) -> tuple[int, str] | None:
        """Return account and key of a token that is good; None where it is not."""
        kept = self._kept.get(token)
        if kept is None:
            return None
        if kept.until_ns <= now_ns:
            self._drop(token)
            return None
        return kept.account_id, kept.key

    def _open(self, message: OpenStreamToken, now_ns: int) -> str:
        token = self._by_key.get(message.key, "")
        if self.owner(token, now_ns) is None:
            token = new_token(self._entropy)
            self._kept[token] = _Kept(message.account_id, message.key, 0)
            self._by_key[message.key] = token
            if len(self._kept) > TOKENS_MAX:
                self._drop(next(iter(self._kept)))
        self._keep(token, now_ns)
        return token

    def _keep(self, token: str, now_ns: int) -> None:
        self._kept[token].until_ns = now_ns + GOOD_NS
        self._kept.move_to_end(token)

    def _drop(self, token: str) -> None:
        kept = self._kept.pop(token)
        if self._by_key.get(kept.key) == token:
            del self._by_key[kept.key]
