"""`steelyard env`: what to paste so that an unmodified client trades here."""

from steelyard import dialects
from steelyard.cli.administration import running_ports
from steelyard.cli.options import PORT_BASE, Common
from steelyard.domain.errors import UsageError

_EVERYONE = Common()


def env(dialect: str, /, *, client: str = "ccxt", common: Common = _EVERYONE) -> int:
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
    """
    if dialect not in dialects.names():
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    found = dialects.find(dialect)
    ports = running_ports(common.directory)
    port = ports.get(dialect, PORT_BASE + found.port_offset)
    settings = found.environment(client, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
    common.show(settings)
    return 0
