import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.exchange import totp

SECRET = b"12345678901234567890"
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("time_s", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(time_s, code):
    """RFC 6238, appendix B, SHA-1; the last six of its eight digits."""
    assert totp.code_at(SECRET, time_s // 30) == code[-6:]


@given(st.integers(2, 2**40), st.integers(-4, 4))
def test_a_code_is_good_for_its_step_and_one_on_each_side(step, off):
    code = totp.code_at(SECRET, step + off) if step + off >= 0 else "none"
    found = totp.accepted_step(SECRET, code, step * totp.STEP_NS, -1)
    if abs(off) <= 1:
        assert found is not None
        assert totp.code_at(SECRET, found) == code
    else:
        assert found is None or totp.code_at(SECRET, found) == code  # by chance the same


@given(st.integers(2, 2**40), st.integers(-1, 1))
def test_a_code_is_good_once(step, off):
    code = totp.code_at(SECRET, step + off)
    used = totp.accepted_step(SECRET, code, step * totp.STEP_NS, -1)
    again = totp.accepted_step(SECRET, code, step * totp.STEP_NS, used)
    assert again is None or again > used


@pytest.mark.parametrize("code", ["", "12345", "1234567", "٠١٢٣٤٥", "abcdef", "-00001"])
def test_what_is_no_code_is_none(code):
    assert totp.accepted_step(SECRET, code, 59 * SECOND_NS, -1) is None


def test_the_uri_says_all_that_an_authenticator_needs():
    uri = urlsplit(totp.uri(SECRET, "al ice"))
    fields = {name: value for name, (value,) in parse_qs(uri.query).items()}
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/steelyard:al ice")
    assert base64.b32decode(fields["secret"]) == SECRET
    assert (fields["issuer"], fields["digits"], fields["period"]) == ("steelyard", "6", "30")
