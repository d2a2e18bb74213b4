"""HashiCorp Vault: version 2 of its key/value store, by a token or an AppRole.

VAULT_ADDR says where, VAULT_TOKEN or VAULT_ROLE_ID and VAULT_SECRET_ID who, VAULT_NAMESPACE and
VAULT_KV_MOUNT (`secret`) which part of it. A bot's policy should read its own path alone. Versions
before the newest stay there as long as that store keeps them.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import hvac
import msgspec
from hvac.exceptions import (
    BadGateway,
    Forbidden,
    InternalServerError,
    InvalidPath,
    RateLimitExceeded,
    UnexpectedError,
    VaultDown,
    VaultError,
)
from requests import RequestException

from steelyard.domain.errors import ConfigError, ConnectFailed
from steelyard.domain.hosts import is_loopback

TIMEOUT_S = 10
MOUNT = "secret"


class HashicorpVault:
    """One key/value store of a server."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Sign in.

        Raises:
            ConfigError: The address is missing or in the clear, or nobody may sign in so.
            ConnectFailed: It cannot be reached.
        """
        address = environment.get("VAULT_ADDR", "")
        if not _is_safe(address):
            raise ConfigError(
                f"hashicorp: VAULT_ADDR is {address!r}; write https://HOST:8200 "
                "(http on this machine only)"
            )
        self._mount = environment.get("VAULT_KV_MOUNT", MOUNT)
        self._client = hvac.Client(
            url=address,
            token=environment.get("VAULT_TOKEN"),
            namespace=environment.get("VAULT_NAMESPACE"),
            timeout=TIMEOUT_S,
        )
        role, secret = environment.get("VAULT_ROLE_ID"), environment.get("VAULT_SECRET_ID")
        if not self._client.token:
            if not (role and secret):
                raise ConfigError(
                    "hashicorp: set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID"
                )
            _asked(lambda: self._client.auth.approle.login(role_id=role, secret_id=secret))

    def read(self, name: str) -> bytes | None:
        """Return the document under a path; None: there is none."""
        found = _asked(
            lambda: self._client.secrets.kv.v2.read_secret_version(
                path=name, mount_point=self._mount, raise_on_deleted_version=True
            )
        )
        if found is None:
            return None
        try:
            return msgspec.json.encode({**found["data"]["data"]})
        except _NO_ANSWER:
            raise _strange() from None

    def write(self, name: str, document: bytes) -> None:
        """Keep a document under a path, as its newest version."""
        fields = msgspec.json.decode(document)
        kept = _asked(
            lambda: self._client.secrets.kv.v2.create_or_update_secret(
                path=name, secret=fields, mount_point=self._mount
            )
        )
        if kept is None:
            raise ConfigError(
                f"hashicorp: nothing was kept: there is no key/value store {self._mount!r} of "
                "version 2; VAULT_KV_MOUNT says which"
            )

    def remove(self, name: str) -> None:
        """Forget a path with all its versions."""
        _asked(
            lambda: self._client.secrets.kv.v2.delete_metadata_and_all_versions(
                path=name, mount_point=self._mount
            )
        )


def _is_safe(address: str) -> bool:
    """Whether an address is encrypted, or of this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host)
        return parts.scheme == "http" and is_loopback(host)
    except ValueError:
        return False


_AWAY = (VaultDown, BadGateway, InternalServerError, RateLimitExceeded, UnexpectedError)
# What libraries raise where something else answers, a proxy's page for one; its words stay there.
_NO_ANSWER = (AttributeError, KeyError, TypeError, ValueError)


def _strange() -> ConfigError:
    return ConfigError("hashicorp: what answers at VAULT_ADDR is no Vault, or a proxy before it")


def _asked(call: Callable[[], Any]) -> Any:
    """Return what the server answers; None where there is nothing."""
    try:
        return call()
    except InvalidPath:
        return None
    except Forbidden:
        raise ConfigError("hashicorp: the server refuses this token or its policy") from None
    except (RequestException, *_AWAY) as error:
        raise ConnectFailed(f"hashicorp: it cannot be reached: {type(error).__name__}") from None
    except VaultError as error:
        raise ConfigError(f"hashicorp: the server refuses: {type(error).__name__}") from None
    except _NO_ANSWER:
        raise _strange() from None
