"""Google Cloud Secret Manager, over REST. The project comes with the name or the environment.

A bot's service account needs `secretmanager.versions.access` on its own secret; who rotates needs
`secretmanager.versions.add`, and `secrets.create` the first time. Older versions stay there until
somebody disables them.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud import secretmanager_v1 as api
from google.cloud.secretmanager_v1.services.secret_manager_service import transports
from google.protobuf.json_format import ParseError

from steelyard.domain.errors import ConfigError, ConnectFailed
from steelyard.domain.hosts import is_loopback

TIMEOUT_S = 10.0
PROJECT_VARIABLE = "GOOGLE_CLOUD_PROJECT"
EMULATOR_VARIABLE = "SECRET_MANAGER_EMULATOR"  # http://127.0.0.1:PORT


class GcpSecrets:
    """The secrets of a project."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: There are no credentials, or the emulator is not on this machine.
        """
        self._project = environment.get(PROJECT_VARIABLE, "")
        emulator = environment.get(EMULATOR_VARIABLE)
        transport = "rest" if emulator is None else _emulated(emulator)
        self._client = _asked(lambda: api.SecretManagerServiceClient(transport=transport))

    def read(self, name: str) -> bytes | None:
        """Return the newest version of the document under a name; None: there is none."""
        version = f"{self._place(name)}/versions/latest"
        found = _asked(
            lambda: self._client.access_secret_version(name=version, timeout=TIMEOUT_S, retry=None)
        )
        return None if found is None else found.payload.data

    def write(self, name: str, document: bytes) -> None:
        """Keep a document under a name, as its newest version."""
        if self._add(name, document) is None:
            project, _, own = self._place(name).partition("/secrets/")
            secret = api.Secret(replication={"automatic": {}})
            _asked(
                lambda: self._client.create_secret(
                    parent=project, secret_id=own, secret=secret, timeout=TIMEOUT_S, retry=None
                )
            )
            if self._add(name, document) is None:
                raise ConfigError(f"gcp-sm:{name}: nothing was kept: there is no such project")

    def remove(self, name: str) -> None:
        """Delete a name with all its versions."""
        place = self._place(name)
        _asked(
            lambda: (
                self._client.delete_secret(request={"name": place}, timeout=TIMEOUT_S, retry=None)
                or True
            )
        )

    def _add(self, name: str, document: bytes) -> Any:
        place, payload = self._place(name), api.SecretPayload(data=document)
        return _asked(
            lambda: self._client.add_secret_version(
                parent=place, payload=payload, timeout=TIMEOUT_S, retry=None
            )
        )

    def _place(self, name: str) -> str:
        project, slash, own = name.rpartition("/")
        project = project if slash else self._project
        if not project or "/" in project:
            raise ConfigError(
                f"gcp-sm:{name}: write gcp-sm:PROJECT/NAME, or set {PROJECT_VARIABLE}"
            )
        return f"projects/{project}/secrets/{own}"


def _emulated(address: str) -> Any:
    """Return what talks with a stand-in of the service on this machine, without credentials."""
    parts = urlsplit(address)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{EMULATOR_VARIABLE} is {address!r}; it should be of this machine: http://127.0.0.1:PORT"
        )
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return transports.SecretManagerServiceRestTransport(
        host=parts.netloc, credentials=credentials, url_scheme="http"
    )


def _asked(call: Callable[[], Any]) -> Any:
    """Return what Google answers; None where it has no such secret."""
    try:
        return call()
    except exceptions.NotFound:
        return None
    except (
        exceptions.ServerError,
        exceptions.TooManyRequests,
        exceptions.RetryError,
        TransportError,
    ) as error:
        raise ConnectFailed(
            f"Google Cloud Secret Manager cannot be reached: {type(error).__name__}"
        ) from None
    except exceptions.GoogleAPICallError as error:
        raise ConfigError(
            f"Google Cloud Secret Manager refuses: {error.code} {type(error).__name__}"
        ) from None
    except ParseError:  # its words may be what was parsed
        raise ConfigError(
            "what answers is no Google Cloud Secret Manager, or a proxy before it"
        ) from None
    except DefaultCredentialsError:
        raise ConfigError(
            "Google Cloud Secret Manager has no credentials: gcloud auth application-default "
            "login, or GOOGLE_APPLICATION_CREDENTIALS"
        ) from None
    except GoogleAuthError as error:
        raise ConfigError(
            f"Google Cloud Secret Manager refuses the credentials: {type(error).__name__}"
        ) from None
    except OSError as error:  # what the library of requests raises is one
        raise ConnectFailed(
            f"Google Cloud Secret Manager cannot be reached: {type(error).__name__}"
        ) from None
