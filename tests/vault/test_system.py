import pytest

from steelyard.domain.errors import ConfigError
from steelyard.vault.kept import Kept, Secret
from steelyard.vault.places import Vault

keyring = pytest.importorskip("keyring", reason="keyring is not installed: steelyard[keyring]")
from keyring.backends import fail, null  # noqa: E402 the library must be there
from keyring.errors import KeyringLocked, PasswordDeleteError  # noqa: E402


class InMemory(keyring.backend.KeyringBackend):
    """What a system's keyring does, and keeps nothing."""

    priority = 1

    def __init__(self):
        self.kept = {}
        super().__init__()

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


class Locked(InMemory):
    def get_password(self, service, username):
        raise KeyringLocked("canary")


@pytest.fixture
def use():
    """Return what makes a backend this process's keyring."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_key_goes_into_the_keyring_and_comes_back(use):
    use(backend := InMemory())
    kept = Kept(Secret("k", "s"))
    vault = Vault({})
    with pytest.raises(ConfigError, match="keyring:lemon/dip is not there; put it there"):
        vault.open("keyring:lemon/dip")
    vault.put("keyring:lemon/dip", kept, new=True)
    assert vault.open("keyring:lemon/dip") == kept
    assert list(backend.kept) == [("steelyard", "lemon/dip")]
    vault.remove("keyring:lemon/dip")
    assert backend.kept == {}


def test_a_system_without_one_is_said(use):
    use(fail.Keyring())
    with pytest.raises(ConfigError, match="this system has none; use the sealed file"):
        Vault({}).open("keyring:x")


def test_a_backend_that_is_no_keyring_is_refused(use):
    use(null.Keyring())
    with pytest.raises(ConfigError, match="keeps plain text or asks on standard input"):
        Vault({}).open("keyring:x")


def test_a_locked_one_is_said_without_its_words(use):
    use(Locked())
    with pytest.raises(ConfigError, match=r"it refuses \(KeyringLocked\)") as caught:
        Vault({}).open("keyring:x")
    assert "canary" not in str(caught.value)
