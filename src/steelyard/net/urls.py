"""What a base URL may be, apart from the clients that open it: they are slow to import."""

from urllib.parse import urlsplit

from steelyard.domain.errors import ConfigError
from steelyard.domain.hosts import is_loopback


def checked_url(url: str, schemes: tuple[str, ...], *, loopback_only: bool) -> str:
    """Return a base URL without a trailing slash.

    Raises:
        ConfigError: Another scheme, no host, no such port, more than a base, or a host that is
            not loopback where it must be.
    """
    wanted = f"should be {schemes[0]}://HOST:PORT"
    if not all("!" <= letter <= "~" for letter in url) or "\\" in url:
        raise ConfigError(f"{url!r} {wanted}, in printable ASCII without backslashes")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} {wanted}: {error}") from error
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(f"{url!r} {wanted}")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"the URL for {parts.hostname} {wanted}, without a user or password")
    if "?" in url or "#" in url:
        raise ConfigError(f"{url!r} {wanted}, without a query or fragment")
    if loopback_only and not is_loopback(parts.hostname):
        raise ConfigError(
            f"{url} is not on this machine: only a live environment may reach a real venue"
        )
    return url.rstrip("/")
