"""The system's own keyring: Secret Service, KWallet, the Keychain of macOS, Windows' locker.

It is open while its user is signed in, so it suits a desk and not a server. Backends of others that
keep plain text, or ask for a password on standard input, are refused: a bot would wait there.
"""

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, NoKeyringError, PasswordDeleteError

from steelyard.domain.errors import ConfigError

SERVICE = "steelyard"
_REFUSED = ("keyrings.alt", "keyrings.cryptfile", "keyring.backends.null")


class SystemKeyring:
    """The keyring of this user."""

    def __init__(self) -> None:
        """Look which backend there is.

        Raises:
            ConfigError: None, or one that is no keyring.
        """
        for backend in _parts(keyring.get_keyring()):
            module = type(backend).__module__
            if module.startswith(_REFUSED):
                raise ConfigError(
                    f"keyring: the backend {module} keeps plain text or asks on standard input; "
                    "uninstall it, or use the sealed file: vault:NAME"
                )

    def read(self, name: str) -> bytes | None:
        """Return the document under a name; None: there is none."""
        try:
            found = keyring.get_password(SERVICE, name)
        except KeyringError as error:
            raise _refused(error) from None
        return None if found is None else found.encode()

    def write(self, name: str, document: bytes) -> None:
        """Keep a document under a name."""
        try:
            keyring.set_password(SERVICE, name, document.decode())
        except KeyringError as error:
            raise _refused(error) from None

    def remove(self, name: str) -> None:
        """Forget a name."""
        try:
            keyring.delete_password(SERVICE, name)
        except PasswordDeleteError:
            raise ConfigError(f"keyring:{name} is not there") from None
        except KeyringError as error:
            raise _refused(error) from None


def _parts(backend: KeyringBackend) -> list[KeyringBackend]:
    return [backend, *getattr(backend, "backends", ())]


def _refused(error: KeyringError) -> ConfigError:
    if isinstance(error, NoKeyringError):
        return ConfigError("keyring: this system has none; use the sealed file: vault:NAME")
    # Its text may name what was being kept.
    return ConfigError(f"keyring: it refuses ({type(error).__name__}); is it locked?")
