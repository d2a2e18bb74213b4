"""Time-based one-time passwords: RFC 6238 with SHA-1, 30 seconds and six digits, as phones do.

A code is accepted once: the caller keeps the step of the last one. Codes of the step before and
after are accepted too, because clocks differ. The time is the wire's, for phones know no other.
"""

import hashlib
import hmac
from base64 import b32encode
from urllib.parse import quote

STEP_NS = 30_000_000_000
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits
WINDOW = 1  # steps before and after
ISSUER = "steelyard"


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a step; source: RFC 4226, section 5.3."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def accepted_step(secret: bytes, code: str, wire_ns: int, last_step: int) -> int | None:
    """Return the step that a code is of, or None where it is of none that is still open."""
    now = wire_ns // STEP_NS
    found = None
    for step in range(now - WINDOW, now + WINDOW + 1):
        is_it = hmac.compare_digest(code_at(secret, step).encode(), code.encode())
        if is_it and step > last_step and found is None:
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it."""
    return b32encode(secret).decode()


def uri(secret: bytes, name: str) -> str:
    """Return what the QR code says, in the form that authenticator applications read."""
    label = quote(f"{ISSUER}:{name}")
    return (
        f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={ISSUER}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_NS // 1_000_000_000}"
    )
