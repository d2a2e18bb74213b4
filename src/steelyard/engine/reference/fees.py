"""Which rates an account has: its own, or those of the tier that its volume reaches.

The volume that counts is that of the 30 whole days (UTC) before today, so an account's rates do
not change within a day unless an administrator changes them. Days are kept as long as they may
count, and only for accounts with a schedule.
"""

from steelyard.domain.instrument import Instrument
from steelyard.domain.units import RATE_SCALE
from steelyard.engine.reference.state import Account, State, Tier

TIERS_MAX = 16
WINDOW_DAYS = 30
DAY_NS = 86_400 * 10**9
ATOMS_PER_MICRO = 10**6
VOLUME_MAX_MICROS = 2**120  # 30 such days still fit an i128


def today(now_ns: int) -> int:
    """Return the day (UTC), counted from 1970; what is before is that day."""
    return max(0, now_ns // DAY_NS)


def rates(state: State, account: Account, now_ns: int) -> tuple[int, int]:
    """Return the maker's and the taker's rate of an order that is placed now."""
    tiers = state.schedules.get(account.schedule_id)
    if tiers is None:
        return account.maker_rate_e8, account.taker_rate_e8
    end = today(now_ns)
    volume = sum(v for day, v in account.volumes.items() if end - WINDOW_DAYS <= day < end)
    reached = max((tier for tier in tiers if tier.volume_micros <= volume), key=_by_volume)
    return reached.maker_rate_e8, reached.taker_rate_e8


def _by_volume(tier: Tier) -> int:
    return tier.volume_micros


def drop_old_days(account: Account, now_ns: int) -> None:
    """Forget the days that cannot count any more."""
    if not account.volumes:
        return
    first = today(now_ns) - WINDOW_DAYS
    for day in [day for day in account.volumes if day < first]:
        del account.volumes[day]


def count_volume(
    state: State, account_id: int, instrument: Instrument, price_ticks: int, lots: int
) -> None:
    """Add a fill to its account's day, if that has a schedule."""
    account = state.accounts[account_id]
    if not account.schedule_id:
        return
    drop_old_days(account, state.now_ns)
    micros = instrument.notional_atoms(price_ticks, lots) // ATOMS_PER_MICRO
    volume = micros * instrument.volume_weight_e8 // RATE_SCALE
    if volume:
        day = today(state.now_ns)
        account.volumes[day] = min(VOLUME_MAX_MICROS, account.volumes.get(day, 0) + volume)


def is_rates(maker_rate_e8: int, taker_rate_e8: int) -> bool:
    """Return whether rates are such as may be charged: only a maker may have a rebate."""
    return -RATE_SCALE < maker_rate_e8 <= RATE_SCALE and 0 <= taker_rate_e8 <= RATE_SCALE
