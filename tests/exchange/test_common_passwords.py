from steelyard.exchange.common_passwords import COMMON_PASSWORDS, SIZE_MIN
from steelyard.exchange.personal import PASSWORD_MIN, normal_password

COMMON_AT_LEAST = 3_000  # OWASP ASVS 5.0.0, 6.2.4


def test_the_list_is_in_the_form_that_is_compared():
    assert SIZE_MIN == PASSWORD_MIN
    for password in COMMON_PASSWORDS:
        assert password == normal_password(password).casefold()
        assert len(password) >= PASSWORD_MIN


def test_the_list_is_long_and_has_what_everybody_tries():
    assert len(COMMON_PASSWORDS) >= COMMON_AT_LEAST
    assert {
        "1234567890", "password123", "password1234", "qwerty12345", "iloveyou123", "letmein1234",
        "administrator", "p@ssw0rd123", "welcome2024", "bitcoin2021", "1q2w3e4r5t", "zxcvbnm123",
    } <= COMMON_PASSWORDS  # fmt: skip
    assert "four random words do well" not in COMMON_PASSWORDS
