"""The kill switch and the other hosts of a bot: its mark, left where they keep the lease.

A kill mark is a file of one host. Where a lease is shared another host may trade the bot, or take
it over in a moment; so the mark is left in the lease's database too, where every holder looks
before each renewal and before it begins. The invariants: the venue is told to cancel without
waiting for the database; and where the mark could not be left, nobody calls the bot killed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from steelyard.cli.asking import asker
from steelyard.domain.errors import SteelyardError
from steelyard.domain.lease import MARGIN, Lease
from steelyard.trading.config import BotConfig

if TYPE_CHECKING:
    from steelyard.store.leases import PostgresLease


def is_shared(config: BotConfig | None) -> bool:
    """Whether another host may hold a bot's lease."""
    return config is not None and bool(config.lease.url)


def obeyed_ns(config: BotConfig) -> int:
    """Return how long after a mark is asked for a holder elsewhere may still place orders.

    The mark is left within an answer's time. A renewal that began before may let orders leave
    until the last part of the lease's time; each one after sees the mark.
    """
    from steelyard.store.leases import ANSWER_S  # noqa: PLC0415 most kills need none of it

    ttl_ns = config.lease.ttl_ns
    return ttl_ns - ttl_ns // MARGIN + int(ANSWER_S * 10**9)


async def leave_mark(config: BotConfig, why: str, who: str) -> str | None:
    """Leave a bot's kill mark for its other hosts; return why it could not be, None: it was."""
    return await _asked(config, lambda place, name: place.mark(name, why, who))


async def take_mark(config: BotConfig) -> str | None:
    """Take it away; return why that could not be, None: it was."""
    return await _asked(config, lambda place, name: place.unmark(name))


async def not_known_here(config: BotConfig, term: int) -> str | None:
    """Return why this host's journal does not tell a bot's position; None: it does.

    term is that of the last lease which the journal has had. Where another host has traded since,
    its fills are in a journal there, and what is here is less than the position, or another one.
    """
    from steelyard.trading.takeover import decode  # noqa: PLC0415

    bot, kind = config.bot.name, config.bot.environment.value
    whole, _, leg = bot.rpartition("-")
    found: list[Lease] = []

    async def look(place: "PostgresLease", _name: str) -> None:
        # The lease of a bot with legs is one for all of them.
        for name in (bot, whole):
            place.name = f"{name}.{kind}"
            lease = await place.look()
            if lease is not None and (name == bot or leg in decode(lease)):
                found.append(lease)
                return

    trouble = await _asked(config, look)
    if trouble is not None:
        return f"nobody knows whether another host has traded it since: {trouble}"
    if not found or found[0].term == term:
        return None
    return (
        f"{found[0].holder} has traded it since, so its position is in the journal there: press "
        f"steelyard kill {bot} --flatten on that host. If that one is gone, start the bot here "
        "with --standby: it takes over, stays killed, and learns its position; then press it again"
    )


async def _asked(config: BotConfig, act: Callable[..., Awaitable[None]]) -> str | None:
    from steelyard.cli.leasing import address_of, mark_name  # noqa: PLC0415
    from steelyard.store.leases import PostgresLease, check_library  # noqa: PLC0415

    try:
        check_library()
        name = mark_name(config)
        # It may read a vault, which takes longer than a cancel.
        address = await asyncio.to_thread(address_of, config, asker())
        place = PostgresLease(address, name, config.lease.ttl_ns, "")
        try:
            await act(place, name)
        finally:
            await place.close()
    except SteelyardError as error:
        return str(error)
    return None
