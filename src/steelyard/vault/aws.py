"""AWS Secrets Manager. Region and credentials come the way that every AWS program has them.

A bot's role needs `secretsmanager:GetSecretValue` on its own secret; who rotates needs
`PutSecretValue`, and `CreateSecret` the first time. AWS keeps the version before as AWSPREVIOUS.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from steelyard.domain.errors import ConfigError, ConnectFailed

CONNECT_S, READ_S, TRIES = 5, 10, 3
RECOVERY_DAYS = 7  # a removed secret can be had back for so long


class AwsSecrets:
    """The secrets of an account in a region."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: No region is told.
        """
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
        )
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        self._client = _asked(
            lambda: boto3.client("secretsmanager", region_name=region, config=config)
        )

    def read(self, name: str) -> bytes | None:
        """Return the document under a name; None: there is none."""
        found = _asked(lambda: self._client.get_secret_value(SecretId=name))
        if found is None:
            return None
        try:
            text: str | None = found.get("SecretString")
            return bytes(found["SecretBinary"]) if text is None else text.encode()
        except _NO_ANSWER:
            raise _strange() from None

    def write(self, name: str, document: bytes) -> None:
        """Keep a document under a name, as its current version."""
        text = document.decode()
        put = _asked(lambda: self._client.put_secret_value(SecretId=name, SecretString=text))
        if put is None:
            put = _asked(lambda: self._client.create_secret(Name=name, SecretString=text))
        if not (isinstance(put, dict) and put.get("ARN")):  # a proxy's page is an empty answer
            raise _strange()

    def remove(self, name: str) -> None:
        """Have AWS delete it when its time to recover is over."""
        _asked(
            lambda: self._client.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        )


# What the library raises where something else answers, a proxy's page for one.
_NO_ANSWER = (AttributeError, KeyError, TypeError, ValueError)


def _strange() -> ConfigError:
    return ConfigError("what answers is no AWS Secrets Manager, or a proxy before it")


def _asked(call: Callable[[], Any]) -> Any:
    """Return what AWS answers; None where it has no such secret."""
    try:
        return call()
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code == "ResourceNotFoundException":
            return None
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ConnectFailed(f"AWS Secrets Manager has no answer now: {code}") from None
        raise ConfigError(f"AWS Secrets Manager refuses: {code}") from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise ConnectFailed(
            f"AWS Secrets Manager cannot be reached: {type(error).__name__}"
        ) from None
    except exceptions.BotoCoreError as error:
        raise ConfigError(
            f"AWS Secrets Manager is not set up: {type(error).__name__}; it needs a region "
            "(AWS_REGION) and credentials"
        ) from None
    except _NO_ANSWER:
        raise _strange() from None
