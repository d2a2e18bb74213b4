import base64
import time

import pytest

from steelyard.vault.leaks import Known, fingerprint, leaks

NOBODY = Known([])
SECRET = "q7Zp2LmX9vR4tY8wB1nK6sD3fG5hJ0aC"


def kinds(text: str, known: Known = NOBODY) -> list[str]:
    return [leak.kind for leak in leaks(text.encode(), known)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN EC PRIVATE" + " KEY-----", "private key"),
        ("aws = AKI" + "A1234567890ABCDEF", "AWS key"),
        ("ghp" + "_0123456789abcdefghijABCDEFGHIJ012345", "GitHub token"),
        ("https://hooks.slack.com/services/T0" + "1/B02/abc", "Slack address"),
        ("xox" + "b-0123456789-abc", "Slack token"),
        ("AIz" + "a" + "Sy0123456789-abcdefghijABCDEFGHIJ01", "Google key"),
        ("postgresql://me:hunter22@db/x", "address with a password"),
        (f'"secretKey": "{SECRET}"', "secret that is assigned"),
        (f"BINANCE_API_SECRET={SECRET}", "secret that is assigned"),
        (f"    api_key: '{SECRET}'", "secret that is assigned"),
        ("secret = " + "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "secret that is assigned"),
        (f'api_secret = b"{SECRET}"', "secret that is assigned"),
        (f'api_secret: str = "{SECRET}"', "secret that is assigned"),
        (f'secret = """{SECRET}"""', "secret that is assigned"),
        (f'os.environ["ME_SECRET"] = "{SECRET}"', "secret that is assigned"),
        (f'client.set_secret("{SECRET}")', "secret that is assigned"),
        (f"const apiSecret = `{SECRET}`;", "secret that is assigned"),
        (f'"{{\\"secret\\": \\"{SECRET}\\"}}"', "secret that is assigned"),
        (f"<secret>{SECRET}</secret>", "secret that is assigned"),
        (f"bot --api-secret {SECRET} --quick", "secret that is assigned"),
        (f"export TOKEN={SECRET}", "secret that is assigned"),
    ],
)
def test_what_looks_like_a_key_is_found(text, kind):
    assert kinds(f"fine\n{text}\nfine") == [kind]
    assert leaks(f"fine\n{text}\nfine".encode(), NOBODY)[0].line == 2


@pytest.mark.parametrize(
    "text",
    [
        "secret = resolve('vault:binance/dip')",
        'api_secret = "your-api-secret-here-0123456789"',
        "AKIAIOSFODNN7 is an example",
        "password = os.environ['DATABASE_PASSWORD']",
        "secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
        "https://example.com/a/b",
        "http://127.0.0.1:8601/api",
        f"api_secret = '{SECRET}'  # steelyard: no secret",
        f"checksum = {SECRET}",
        f"a secret {SECRET}",
        '"ChangeToken": "abcd12f2-46da-4fdb-b8d5-fbd4c466928f"',
        "token=test_what_looks_like_a_key_2",
        "secret: keys.the_secret_of_key_12",
    ],
)
def test_ordinary_lines_are_fine(text):
    assert kinds(text) == []


def test_a_known_secret_is_found_in_any_of_its_forms_and_named():
    known = Known([("vault:dip", "canary-secret-1"), ("vault:x", "short")])
    forms = [
        "canary-secret-1",
        base64.b64encode(b"canary-secret-1").decode(),
        b"canary-secret-1".hex(),
    ]
    for form in forms:
        assert kinds(f"a {form} b", known) == ["the secret of vault:dip"], form
    assert kinds("short canary-secret", known) == []
    assert "canary" not in repr(known)


@pytest.mark.parametrize("ahead", ["", "k:", "ke:", "key:"])
def test_a_known_secret_is_found_in_base64_of_more_than_itself(ahead):
    """As the authorization of a request has it, wherever its three letters begin."""
    known = Known([("vault:dip", SECRET)])
    for behind in ("", "x", "xy"):
        whole = f"{ahead}{SECRET}{behind}".encode()
        for coded in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
            assert kinds(f"Basic {coded.decode()}", known) == ["the secret of vault:dip"]


def test_a_known_secret_is_found_escaped_and_in_capital_hex():
    secret = "Zk+9/ab/Qw==Lm"
    for form in ("Zk%2B9%2Fab%2FQw%3D%3DLm", r"Zk+9\/ab\/Qw==Lm", secret.encode().hex().upper()):
        assert kinds(form, Known([("x", secret)])) == ["the secret of x"], form


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_read(order):
    """As PowerShell writes what it is told to."""
    text = f"\ufefffine\r\n$secret = '{SECRET}'\r\n".encode(order)
    (leak,) = leaks(text, NOBODY)
    assert (leak.line, leak.kind) == (2, "secret that is assigned")


def test_a_secret_on_the_line_below_is_found():
    assert kinds(f"secret: |\n  {SECRET}\n") == ["secret that is assigned"]


def test_a_known_private_key_is_found_by_a_line_of_it():
    pem = "-----BEGIN PRIVATE" + " KEY-----\nMC4CAQAwBQYDK2VwBCIEIFAKE\n-----END PRIVATE KEY-----\n"
    assert kinds("x = MC4CAQAwBQYDK2VwBCIEIFAKE", Known([("k", pem)])) == ["the secret of k"]


def test_what_is_found_is_told_by_a_fingerprint_and_not_shown():
    (leak,) = leaks(f"secret={SECRET}".encode(), NOBODY)
    assert leak.fingerprint == fingerprint(SECRET.encode())
    assert SECRET not in str(leak)


def test_a_secret_is_told_once_a_line():
    assert kinds(f"secret={SECRET} secret={SECRET}") == ["secret that is assigned"]


def test_a_megabyte_of_one_word_takes_no_longer_than_any_other_text():
    """No pattern goes back and forth: text is somebody else's."""
    began = time.perf_counter()
    for text in (b"a" * 10**6, b"secret" * 10**5, b"eyJ" * 10**5, b"a://" * 10**5):
        assert leaks(text, NOBODY) == []
    assert time.perf_counter() - began < 5
