"""What must never be written down, and bytes without it.

A strategy may note anything, a venue may say anything: what of it is the secret of the key that
this process holds is replaced before it is written, as it is and as JSON writes it; so is what else
it was handed and nobody is to read. Names and ids of keys are no secrets.
"""

import msgspec

from steelyard.wire.dialect import ApiKey

HIDDEN = b"***"
LENGTH_MIN = 6  # what is shorter may be a word of any sentence


class Secrets:
    """The secret and the passphrase of one key, and more that is no less secret."""

    def __init__(self, key: ApiKey, more: tuple[str, ...] = ()) -> None:
        found: set[bytes] = set()
        texts = (text.encode(errors="surrogateescape") for text in (key.passphrase, *more))
        for secret in (key.secret, *texts):
            if len(secret) < LENGTH_MIN:
                continue
            found.add(secret)
            text = secret.decode(errors="replace")
            found.add(msgspec.json.encode(text)[1:-1])
        self._secrets = tuple(sorted(found, key=len, reverse=True))

    def __repr__(self) -> str:
        return "Secrets(***)"

    def hidden(self, data: bytes) -> bytes:
        """Return the same bytes without any secret."""
        for secret in self._secrets:
            if secret in data:
                data = data.replace(secret, HIDDEN)
        return data
