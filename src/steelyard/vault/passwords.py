"""Password hashes: argon2id, with the parameters in the text (PHC), so that they can grow.

A hash takes some 50 ms and 46 MiB on purpose; whoever calls does so in a thread of its own.
"""

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's Password Storage Cheat Sheet, first choice of argon2id, read 2026-11-21.
MEMORY_KIB = 47_104
PASSES = 1
LANES = 1


class Passwords:
    """Makes and verifies hashes."""

    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(PASSES, memory_kib, LANES, type=Type.ID)

    def hash(self, password: str) -> str:
        """Return a new hash, salted."""
        return self._hasher.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        """Return whether a hash is of this password; what is no hash is of none."""
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
