"""`steelyard faults`: have a running exchange misbehave on purpose, and see what that did.

What breaks in real life, lost answers, silent streams, storms of 429, is rehearsed with the client
that will meet it. The exchange's own books stay right whatever happens to bytes.
"""

from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.administration import administer, running_ports
from steelyard.cli.options import Common, parse_duration_ns, parse_rate_e8, parse_skew_ns
from steelyard.domain.errors import UsageError
from steelyard.domain.units import EXACT, parse_decimal
from steelyard.exchange.misbehavior import ClearFaults, ListFaults, MisbehaviorCall, SetFault
from steelyard.wire.faults import CERTAIN_E6, Fault, Trouble

_EVERYONE = Common()
ALL = "all"
E8_PER_E6 = 100


def set_faults(
    trouble: Trouble,
    /,
    *,
    dialect: str = "",
    where: str = "",
    account: str = "",
    chance: str = "100%",
    after: int = 0,
    times: int = 0,
    delay: str = "1s",
    status: int = 503,
    retry_after: str = "1s",
    parts: str = "",
    skew: Annotated[str, Parameter(allow_leading_hyphen=True)] = "0s",
    seed: int | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Put a fault in force on a running exchange, until it is cleared or the exchange stops.

    A page, administration and /metrics are never touched. Faults are looked at in the order in
    which they were set; the first that strikes is what happens.

    Examples: steelyard faults set lost-answer --where "POST /api/v3/order" --times 1 |
    steelyard faults set refused --status 429 --dialect binance --chance 20% |
    steelyard faults set slow-frame --where book --delay 200ms..2s |
    steelyard faults set silent-stream --account alice --times 1 |
    steelyard faults set partial-fills --parts 0.5,0.3,0.2 --account alice --times 1 |
    steelyard faults set clock-skew --dialect binance --skew 3s

    Parameters
    ----------
    trouble
        What happens. To requests: lost-request, lost-answer, slow-request, slow-answer,
        repeated-request, reset-request, reset-answer, refused, failed, maintenance, half-open;
        those with "answer", and failed, strike when the request has been carried out. To what
        WebSockets say: lost-frame, slow-frame, repeated-frame, swapped-frame, reset-stream,
        silent-stream. To a new order: partial-fills. To a clock, all the time: clock-skew.
    dialect
        Only on this API.
    where
        Only here: a path, a method and a path, or websocket for what clients say on one; of frames
        what they carry: book, trades, touch, ticker, candles, orders, balances; of orders a
        symbol.
    account
        Only to this account's requests (by the key they name) and streams.
    chance
        How likely it strikes what fits.
    after
        So many that fit are let go first.
    times
        It strikes so often and is over; 0: until it is cleared.
    delay
        How long a slow one takes, or pass between an order's parts: 500ms, or a span: 200ms..2s.
    status
        What refused and failed answer: 418, 429, 500, 502, 503 or 504.
    retry_after
        For how long refused, failed and maintenance say to wait.
    parts
        Into which an order fills, as parts of its size: 0.5,0.3,0.2. What is left stays open.
    skew
        By how much a clock is ahead, or behind: 3s, -2h.
    seed
        Chances and delays of all faults are drawn from it from here on: the same requests in the
        same order meet the same again.
    """
    shortest, _, longest = delay.partition("..")
    fault = Fault(
        trouble,
        dialect,
        where,
        account,
        parse_rate_e8(chance) // E8_PER_E6,
        after,
        times,
        parse_duration_ns(shortest),
        parse_duration_ns(longest or shortest),
        status,
        parse_duration_ns(retry_after),
        _parts_e6(parts),
        parse_skew_ns(skew),
    )
    result = _ask(SetFault(fault, seed), common)
    common.show(result, line(result))
    return 0


def clear_faults(number: str = ALL, /, *, common: Common = _EVERYONE) -> int:
    """Take a fault out of force, or all of them.

    What has been lost stays lost, and a stream that has fallen silent stays silent.

    Parameters
    ----------
    number
        As `faults list` shows it; default: all.
    """
    if number != ALL and not number.isdecimal():
        raise UsageError(f"{number!r} is no fault; write a number of `steelyard faults list`")
    result = _ask(ClearFaults(None if number == ALL else int(number)), common)
    common.show(result, f"{result['cleared']} cleared")
    return 0


def list_faults(*, common: Common = _EVERYONE) -> int:
    """Show every fault in force: whom it befalls, how often it was met and has struck."""
    result = _ask(ListFaults(), common)
    common.show(result, "\n".join(map(line, result["faults"])) or "no faults are in force")
    return 0


def line(fault: dict[str, Any]) -> str:
    """Return a fault in one line for people."""
    of = " ".join(fault[name] for name in ("dialect", "where", "account") if fault[name])
    chance = f" · {fault['chance_e6'] / 10_000:g} %" if fault["chance_e6"] < 10**6 else ""
    times = f" of {fault['times']}" if fault["times"] else ""
    status = f" {fault['status']}" if "status" in fault else ""
    delay = ""
    if "delay_ms" in fault:
        least, most = fault["delay_ms"]
        delay = f" by {least} ms" if least == most else f" by {least} to {most} ms"
    more = ""
    if fault.get("parts_e6"):
        more = " in " + ", ".join(f"{part / 10**6:g}" for part in fault["parts_e6"])
    elif "skew_ms" in fault:
        more = f" of {fault['skew_ms']:+} ms"
    elif "retry_after_ms" in fault:
        more = f", again in {fault['retry_after_ms']} ms"
    over = " · [dim]over[/]" if fault["over"] else ""
    after = f" · after {fault['after']}" if fault["after"] else ""
    what = f"[yellow]{fault['fault']}[/]{status}{delay}{more}"
    return (
        f"{fault['number']:>3}  {what}  {of or 'anything'}"
        f"{chance}{after} · met {fault['met']}, struck {fault['struck']}{times}{over}"
    )


def _parts_e6(text: str) -> tuple[int, ...]:
    """Return parts of one, `0.5,0.3,0.2`, in millionths."""
    if not text:
        return ()
    parts = []
    for part in text.split(","):
        millionths = EXACT.multiply(parse_decimal(part.strip()), CERTAIN_E6)
        if millionths != millionths.to_integral_value():
            raise UsageError(f"--parts {part.strip()!r} is finer than a millionth")
        parts.append(int(millionths))
    return tuple(parts)


def _ask(call: MisbehaviorCall, common: Common) -> dict[str, Any]:
    if not running_ports(common.directory):
        raise UsageError(
            "no exchange runs here, and faults last no longer than one does; start it with "
            "`steelyard exchange`"
        )
    return administer(common.directory, call)
