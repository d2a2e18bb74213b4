"""`steelyard env`: what to paste so that an unmodified client trades here."""

from collections.abc import Callable
from typing import Any

from steelyard import dialects
from steelyard.cli.administration import running_ports, running_tls
from steelyard.cli.options import PORT_BASE, Common
from steelyard.domain.errors import Unsupported, UsageError

_EVERYONE = Common()
Environment = Callable[[str, str, str], dict[str, Any]]


# What tells a client library to trust the local authority; others heed these variables.
_TRUST = {"ccxt": ("validateServerSsl", "cafile")}
_TRUST_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def env(
    dialect: str,
    /,
    *,
    client: str = "ccxt",
    tls: bool | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Print the settings that point a client library at this exchange.

    With --json it is a document to load: for ccxt, the part of the constructor's dictionary
    that goes beside apiKey and secret.

    Example: steelyard env binance --client ccxt --json

    Parameters
    ----------
    dialect
        The venue whose API the client speaks.
    client
        The client library.
    tls
        Print https and wss addresses, and what makes the client trust the local authority.
        Default: if the exchange runs with --tls, and the client can be told whom to trust.
    """
    if dialect not in dialects.names():
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    found = dialects.find(dialect)
    ports = running_ports(common.directory)
    secure = running_tls(common.directory)
    if tls and secure is None:
        raise UsageError("no exchange runs here with --tls; start it so: steelyard exchange --tls")
    if secure is not None and tls is not False:
        try:
            settings = _secure(found.environment, client, secure, dialect)
        except Unsupported:  # what the client is for plain ports is said below
            if tls:
                raise
        else:
            common.show(settings)
            return 0
    port = ports.get(dialect, PORT_BASE + found.port_offset)
    settings = found.environment(client, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
    common.show(settings)
    return 0


def _secure(
    environment: Environment, client: str, secure: dict[str, Any], dialect: str
) -> dict[str, Any]:
    addresses = secure["dialects"][dialect]
    settings = environment(client, addresses["rest"], addresses["ws"])
    trust = _TRUST.get(client, _TRUST_VARIABLES)
    return {**settings, **dict.fromkeys(trust, secure["ca"])}
