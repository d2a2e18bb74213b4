"""The table [lease]: where the hosts of a bot agree on which of them trades it.

Without it a lock of the host is all there is, which is enough for one host. The address is a
reference or has no password in it; where the lease is kept is `store/leases.py`.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.domain.lease import TTL_MAX_NS, TTL_MIN_NS
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.duration import Duration

SCHEMES = ("postgresql", "postgres")


class LeaseTable(Struct, frozen=True, kw_only=True):
    """The table [lease]; url is where it is kept, ttl how long it is good without a renewal."""

    url: str = ""
    ttl: str = "15s"

    @property
    def ttl_ns(self) -> int:
        """How long the lease is good without a renewal."""
        return Duration(self.ttl).ns

    def check(self) -> None:
        """Refuse what is no table.

        Raises:
            ConfigError: The message names the key.
        """
        try:
            ttl_ns = self.ttl_ns
        except ConfigError as error:
            raise ConfigError(f"[lease] ttl: {error}") from error
        if not TTL_MIN_NS <= ttl_ns <= TTL_MAX_NS:
            low, high = TTL_MIN_NS // SECOND_NS, TTL_MAX_NS // SECOND_NS
            raise ConfigError(f'[lease] ttl is "{self.ttl}"; write {low}s to {high // 60}m')
        if not self.url:
            return
        try:
            parts = urlsplit(self.url)
            password = parts.password
        except ValueError:
            raise ConfigError("[lease] url is no address; write postgresql://HOST/NAME") from None
        if password:
            # Not repeated: it has a password in it.
            raise ConfigError(
                "[lease] url has a password in it; leave it out and put it into ~/.pgpass or "
                'PGPASSWORD, or write a reference to the whole address: "vault:lease" or "env:NAME"'
            )
        if parts.scheme not in SCHEMES and not self.is_reference:
            raise ConfigError(
                f"[lease] url is {self.url!r}; write postgresql://HOST/NAME, or a reference to "
                'such an address: "vault:lease" or "env:NAME"'
            )

    @property
    def is_reference(self) -> bool:
        """Whether the address is kept elsewhere."""
        place, colon, name = self.url.partition(":")
        return bool(colon and name) and "//" not in name and place.replace("-", "").isalnum()


def usable(table: Any) -> dict[str, Any]:
    """Return a table if a bot can have run by it, else an empty one: the kill switch goes on."""
    try:
        found = msgspec.convert({} if table is None else table, LeaseTable)
        found.check()
    except (msgspec.ValidationError, ConfigError):
        return {}
    return msgspec.structs.asdict(found)
