"""What looks like a key in a text, and what is one of ours.

Patterns are of what venues, clouds and services give out, and of assignments to names that say
secret. A secret that is known (it is in the vault) is found wherever it stands, plain, escaped, in
hex, or in base64 of itself or of more, as in an Authorization header. What is compressed is not
opened. The invariant: what is found is told by place, kind and a fingerprint, and never shown.
"""

import base64
import codecs
import math
import re
import string
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote_from_bytes

TEXT_MAX_BYTES = 5 << 20  # of one file; what is longer is told and not read
KNOWN_MIN = 8  # a shorter secret may be a word of any text
ENTROPY_MIN = 3.5  # bits a character, of what is assigned to a secret's name
NAME_MAX = 40  # letters of an option before the word that tells it
ALLOWED = b"steelyard: no secret"  # in a line that is known to hold none

# Words that a text has to have before its pattern is tried: few texts do. Each repetition is
# bounded, so that a line of a megabyte takes no longer than as many short ones.
_PATTERNS: dict[str, tuple[tuple[bytes, ...], re.Pattern[bytes]]] = {
    kind: (words, re.compile(pattern))
    for kind, words, pattern in (
        ("private key", (b"PRIVATE KEY-----",), rb"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----"),
        ("AWS key", (b"AKIA", b"ASIA"), rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        (
            "GitHub token",
            (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
            rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{30,100})",
        ),
        ("GitLab token", (b"glpat-",), rb"\bglpat-[\w-]{20}"),
        (
            "Slack address",
            (b"hooks.slack.com",),
            rb"hooks\.slack\.com/services/T\w{1,20}/B\w{1,20}/\w{1,50}",
        ),
        ("Slack token", (b"xox",), rb"\bxox[abeoprs]-[\w-]{10,200}"),
        ("Google key", (b"AIza",), rb"\bAIza[\w-]{35}\b"),
        ("Telegram bot", (b":AA",), rb"\b\d{8,10}:AA[\w-]{33}\b"),
        ("HashiCorp token", (b"hvs.",), rb"\bhvs\.[\w-]{24,200}"),
        ("Stripe key", (b"k_live_",), rb"\b[rs]k_live_[0-9A-Za-z]{20,200}"),
        (
            "JSON Web Token",
            (b"eyJ",),
            rb"\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}",
        ),
        (
            "address with a password",
            (b"://",),
            rb"://[^\s/:@'\"]{1,64}:[^\s/@'\"{}$<>]{6,100}@",
        ),
    )
}
# Most venues' secrets: letters and digits of hex or base64, given to a name that says so.
_NAMES = (b"secret", b"passphrase", b"password", b"passwd", b"api_key", b"api-key", b"apikey")
_MORE_NAMES = (b"access_key", b"access-key", b"accesskey", b"private_key", b"privatekey", b"token")
_VALUE = rb"([A-Za-z0-9+/_=-]{20,200})"
_QUOTE = rb"\\?[\"'`]"
_GIVEN = tuple(
    re.compile(rb"[\w-]{0,40}+" + pattern)
    for pattern in (
        # name = "...", "name": "...", env["NAME"] = '...', name: str = b"...", name: | and a line
        rb"(?:" + _QUOTE + rb"|[\])]){0,3}(?:\s?:\s?[\w.]{1,30}(?=\s{0,3}=))?"
        rb"\s{0,10}(?:=>|:=|[=:])\s{0,10}(?:[|>][+-]?\s{1,40})?"
        rb"(?:" + _QUOTE + rb"|[bBrRuUfF](?=[\"'])){0,4}" + _VALUE,
        rb"\(\s{0,10}[bru]?" + _QUOTE + _VALUE,  # set_secret("...")
        rb">\s{0,40}" + _VALUE + rb"\s{0,40}</",  # <secret>...</secret>
    )
)
_OPTION = re.compile(rb"[\w-]{0,40}+\s{1,5}[\"']?" + _VALUE)  # --api-secret ...
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # a token that tells requests
_WORDS = re.compile(rb"[A-Za-z]+(?:[_-][A-Za-z]+)+[_-]?\d{0,3}")  # a name of a program's
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ASSIGNED = "secret that is assigned"


class Leak(NamedTuple):
    """What was found: line counts from 1; fingerprint tells one secret from another."""

    line: int
    kind: str
    fingerprint: str


class Known:
    """Secrets that are recognized, by what they are called."""

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        """Take names and secrets; what is too short to be told from a word is left out."""
        forms: dict[bytes, tuple[str, str]] = {}
        for name, secret in secrets:
            plain = secret.strip().encode(errors="surrogateescape")
            if len(plain) < KNOWN_MIN:
                continue
            print_ = fingerprint(plain)
            # A private key is found by a line of it, however its lines are broken.
            lines = [part for part in plain.splitlines() if len(part) >= KNOWN_MIN]
            body = [part for part in lines if not part.startswith(b"-----")]
            texts = body[:1] if len(lines) > 1 else [plain]
            for text in texts:
                for form in _forms(text):
                    forms.setdefault(form, (name, print_))
        self._forms = forms

    def __repr__(self) -> str:
        return "Known(***)"

    def found(self, text: bytes) -> Iterator[tuple[int, str, str]]:
        """Yield place, name and fingerprint of each known secret in a text."""
        for form, (name, print_) in self._forms.items():
            for at in _places(text, form):
                yield at, name, print_


def _forms(text: bytes) -> Iterator[bytes]:
    """Yield how a secret is written: as it is, escaped, in hex, in base64 of more than itself."""
    yield text
    yield text.replace(b"/", rb"\/")
    yield quote_from_bytes(text, safe="").encode()
    yield text.hex().encode()
    yield text.hex().upper().encode()
    for ahead in range(3):
        code = base64.b64encode(bytes(ahead) + text).rstrip(b"=")
        # The letters at both ends also hold bits of what stands beside it.
        code = code[-(-4 * ahead // 3) : len(code) - bool((ahead + len(text)) % 3)]
        yield code
        yield code.translate(_URL_SAFE)


def leaks(text: bytes, known: Known) -> list[Leak]:
    """Return what is found in a text, each secret once a line."""
    text = _in_utf8(text)
    hits = [(at, f"the secret of {name}", print_) for at, name, print_ in known.found(text)]
    for kind, (words, pattern) in _PATTERNS.items():
        if any(word in text for word in words):
            found = pattern.finditer(text)
            hits += [(match.start(), kind, fingerprint(match[0])) for match in found]
    lower = text.lower()
    for name in (*_NAMES, *_MORE_NAMES):
        for at in _places(lower, name):
            match = _given(text, at, at + len(name))
            if match is None or (name == b"token" and _UUID.fullmatch(match[1])):
                continue
            if _is_random(match[1]):
                hits.append((match.start(1), _ASSIGNED, fingerprint(match[1])))
    if not hits:
        return []
    return _by_line(text, hits)


def _in_utf8(text: bytes) -> bytes:
    """Return what some systems write as UTF-16, PowerShell among them, as others do."""
    is_wide = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return text.decode("utf-16", errors="replace").encode() if is_wide else text


def _given(text: bytes, start: int, end: int) -> re.Match[bytes] | None:
    """Return what is given to the name between two places, if anything is."""
    for pattern in _GIVEN:
        if (match := pattern.match(text, end)) is not None:
            return match
    word = text[max(0, start - NAME_MAX) : start].split()[-1:]
    is_option = bool(word) and word[0].startswith(b"--") and not text[start - 1 : start].isspace()
    return _OPTION.match(text, end) if is_option else None


def _by_line(text: bytes, hits: list[tuple[int, str, str]]) -> list[Leak]:
    """Return hits with their lines; an assignment is told where nothing better is known of it."""
    starts = [0, *(at + 1 for at in _places(text, b"\n"))]
    by_line: dict[int, dict[str, str]] = {}
    for at, kind, print_ in hits:
        number = bisect_right(starts, at)
        by_line.setdefault(number, {}).setdefault(print_, kind)
    found = []
    for number, kinds in sorted(by_line.items()):
        end = starts[number] if number < len(starts) else len(text)
        if ALLOWED in text[starts[number - 1] : end]:
            continue
        better = {print_: kind for print_, kind in kinds.items() if kind != _ASSIGNED}
        found += [Leak(number, kind, print_) for print_, kind in (better or kinds).items()]
    return found


def _places(text: bytes, word: bytes) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def fingerprint(secret: bytes) -> str:
    """Return what tells a secret from others, and nothing of it."""
    return sha256(b"steelyard leak\0" + secret).hexdigest()[:12]


def _is_random(text: bytes) -> bool:
    """Whether it looks drawn by chance: words and examples repeat themselves, and have no digit."""
    lower = text.lower()
    if any(word in lower for word in (b"example", b"xxxx", b"your", b"changeme", b"placeholder")):
        return False
    if _WORDS.fullmatch(text):
        return False
    has_digit = any(each in string.digits.encode() for each in text)
    has_letter = any(each in string.ascii_letters.encode() for each in text)
    counts = Counter(text).values()
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    is_hex = re.fullmatch(rb"[0-9a-fA-F]+", text) is not None
    return has_digit and has_letter and entropy >= (3.0 if is_hex else ENTROPY_MIN)
