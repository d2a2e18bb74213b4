"""This machine has many names, and many names look like one of them."""

import pytest

from steelyard.domain.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_has_many_names(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "example.com", "10.0.0.1", "127.0.0.1.example.com", "0", "localhost.example.com"]
)
def test_others_are_others(host: str):
    assert not is_loopback(host)
