"""TLS for ports on this machine: an authority of one's own, and what a port shows clients.

The authority's key and certificate are two files that belong together and are made once; the
certificate of the ports is made anew from them at each start and whenever it nears its end, and
is never on disk. It is good for loopback only. What a port serves is not known here.
"""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from steelyard.domain.errors import ConfigError

NAMES = ("localhost", "127.0.0.1", "::1")
LIFE = timedelta(days=90)  # of a port's certificate
RENEW = timedelta(days=30)  # before its end
CERTIFICATE, KEY = "ca.pem", "ca.key"


class Authority:
    """Makes the certificates of one directory's ports."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """Take an authority's certificate and key, as `made` returned them.

        Raises:
            ConfigError: They cannot be read, or do not belong together.
        """
        # Nobody without --tls pays for these.
        import trustme  # noqa: PLC0415
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )

        try:
            read = x509.load_pem_x509_certificate(certificate)
            is_pair = load_pem_private_key(key, None).public_key() == read.public_key()
        except (ValueError, TypeError) as error:
            raise ConfigError(_damaged(f"cannot be read: {error}")) from error
        if not is_pair:
            raise ConfigError(_damaged("do not belong together"))
        self.ends = read.not_valid_after_utc
        self._authority = trustme.CA.from_pem(certificate, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._renew_at = datetime.fromtimestamp(0, UTC)

    @staticmethod
    def made() -> tuple[bytes, bytes]:
        """Return a new authority's certificate and key, in PEM."""
        import trustme  # noqa: PLC0415

        made = trustme.CA(
            organization_name="steelyard", organization_unit_name="a sandbox on this machine"
        )
        return made.cert_pem.bytes(), made.private_key_pem.bytes()

    def renew(self, now: datetime) -> bool:
        """Show new clients a new certificate, if the one they see nears its end."""
        if now < self._renew_at:
            return False
        leaf = self._authority.issue_cert(
            *NAMES, not_before=now - timedelta(days=1), not_after=min(now + LIFE, self.ends)
        )
        leaf.configure_cert(self.context)
        self._renew_at = now + LIFE - RENEW
        return True


def open_authority(files: tuple[Path, Path], now: datetime) -> Authority | None:
    """Return the authority in its two files; None where there is none, or its end is near.

    Raises:
        ConfigError: They cannot be read.
    """
    certificate, key = files
    if not certificate.exists() and not key.exists():
        return None
    try:
        found = Authority(certificate.read_bytes(), key.read_bytes())
    except OSError as error:
        raise ConfigError(_damaged(f"cannot be read: {error.strerror}")) from error
    return found if found.ends > now + LIFE else None


def _damaged(what: str) -> str:
    return (
        f"the files of the local authority, {CERTIFICATE} and {KEY} in the exchange's tls "
        f"directory, {what}; delete both to have new ones made, and give clients the new "
        f"{CERTIFICATE}"
    )
