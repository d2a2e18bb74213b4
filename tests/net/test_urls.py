import pytest

from steelyard.domain.errors import ConfigError
from steelyard.net.urls import checked_url


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8601", "http://127.0.0.1:8601"),
        ("http://127.0.0.1:8601/", "http://127.0.0.1:8601"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:1/api/", "http://[::1]:1/api"),
        ("http://127.9.9.9:1", "http://127.9.9.9:1"),
    ],
)
def test_a_base_url_is_taken(url: str, base: str):
    """A base URL is a scheme, a host of this machine, perhaps a port and a path."""
    assert checked_url(url, ("http", "https"), loopback_only=True) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:1",
        "ftp://127.0.0.1:1",
        "http://",
        "http://:1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "http://user:pass@127.0.0.1:1",
        "http://@127.0.0.1:1",
        "http://127.0.0.1:1/?x",
        "http://127.0.0.1:1?",
        "http://127.0.0.1:1/#y",
        "http://127.0.0.1:1\\@evil.example",
        "http://127.0.0.1:1/ a",
        "http://127.0.0.1:1\n",
        "http://ünïcode",
    ],
)
def test_a_url_that_is_no_base_is_refused(url: str):
    """Each mistake is a ConfigError that does not repeat a password."""
    with pytest.raises(ConfigError) as caught:
        checked_url(url, ("http", "https"), loopback_only=True)
    assert "pass" not in str(caught.value).replace("password", "")
