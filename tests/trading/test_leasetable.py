"""The table [lease]."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.leasetable import LeaseTable, usable


@pytest.mark.parametrize("url", ["", "postgresql://db/bots", "vault:lease", "env:LEASE"])
def test_an_address_has_no_password_or_is_kept_elsewhere(url):
    table = LeaseTable(url=url)
    table.check()
    assert table.ttl_ns == 15 * SECOND_NS
    assert table.is_reference is url.startswith(("vault", "env"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (LeaseTable(url="postgresql://u:hunter2@db/bots"), "has a password in it; .*pgpass"),
        (LeaseTable(url="mysql://db/bots"), "write postgresql://HOST/NAME, or a reference"),
        (LeaseTable(url="postgresql://[db/bots"), "url is no address"),
        (LeaseTable(ttl="1s"), r'\[lease\] ttl is "1s"; write 2s to 10m'),
        (LeaseTable(ttl="soon"), r"\[lease\] ttl: "),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(table, said):
    with pytest.raises(ConfigError, match=said) as refused:
        table.check()
    assert "hunter2" not in str(refused.value)


def test_the_kill_switch_is_told_where_the_lease_is_or_nothing():
    table = {"url": "postgresql://db/bots", "ttl": "9s"}
    assert usable(table) == table
    for wrong in ({"url": "mysql://db/bots"}, {"url": 5}, {"ttl": "soon"}, "x", None):
        assert usable(wrong) in ({}, {"url": "", "ttl": "15s"})
