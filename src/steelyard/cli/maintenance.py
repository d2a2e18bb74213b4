"""`steelyard exchange maintenance`: turn requests away for a while, or take them again."""

from typing import Annotated, Literal

from cyclopts import Parameter

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_duration_ns
from steelyard.exchange.admin import SetMaintenance

_EVERYONE = Common()


def maintenance_exchange(
    state: Literal["on", "off"],
    /,
    *,
    retry_after: Annotated[str, Parameter(name="--retry-after")] = "60s",
    common: Common = _EVERYONE,
) -> int:
    """Answer requests with 503 and Retry-After, but for clock, status and documents; or end that.

    Streams go on, and the status channel tells of it. Orders stay in their books, the market goes
    on and may fill them: to stop that too, `steelyard exchange market SYMBOL --state halted`. It
    lasts over a restart.

    Examples: steelyard exchange maintenance on --retry-after 30s |
    steelyard exchange maintenance off

    Parameters
    ----------
    state
        on or off.
    retry_after
        What clients are told to wait: 1s to 24h.
    """
    call = SetMaintenance(state == "on", parse_duration_ns(retry_after))
    result = administer(common.directory, call)
    wait = f" · clients are told to wait {result['retry_after_s']} s"
    text = f"[yellow]in maintenance[/]{wait}" if result["maintenance"] else "[green]open[/]"
    common.show(result, text)
    return 0
