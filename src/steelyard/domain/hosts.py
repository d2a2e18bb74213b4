"""Which hosts are this machine: nothing is looked up, so nothing can be pointed elsewhere."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host's name, without its port, is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
