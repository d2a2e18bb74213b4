"""What an operator does to markets and fees: states, prices, rules, schedules, tokens.

Each act is one or more of the engine's own commands, so it is journaled and replayed like any
other. The invariant: a call is checked whole before its first command, and one that cannot be
done leaves no record. What is shown comes from the engine's snapshot, never from a copy here.
"""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import (
    AdminCommand,
    AssignFees,
    ListInstrument,
    OpenAccount,
    Rejected,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
)
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.layout import (
    AccountState,
    FeeTierState,
    FeeTokenState,
    InstrumentState,
    VolumeState,
)
from steelyard.domain.order import MarketState, TriggerBy
from steelyard.domain.units import EXACT, RATE_SCALE, from_atoms, in_full, plain, to_atoms
from steelyard.exchange.engine_state import records_of
from steelyard.exchange.exchange import Exchange

COUNT_MAX = 2**32 - 1
TIERS_MAX = 16
SCHEDULE_MAX = 2**32 - 1
MICROS = 10**6
VOLUME_MAX_MICROS = 2**120
TOKEN_RATE_MAX_E8 = 2**60
DAY_NS = 86_400 * 10**9
WINDOW_DAYS = 30


def state_text(state: MarketState) -> str:
    """Return a market's state as people write it: `post-only`."""
    return state.name.lower().replace("_", "-")


STATES = {state_text(state): state for state in MarketState}


class Market(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Change a market, or with nothing but its symbol show it.

    Prices are in quote per base. A band is a rate times 1e8; of the rules 0 is none.
    """

    symbol: str
    state: MarketState | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    band_rate_e8: int | None = None
    orders_max: int | None = None
    triggers_max: int | None = None
    notional_max: Decimal | None = None


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates from a volume on, in units of quote over 30 days."""

    volume: Decimal
    maker_rate_e8: int
    taker_rate_e8: int


class SetFees(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Write a schedule: its tiers, the first of which begins at 0."""

    schedule: int
    tiers: tuple[Tier, ...]


class SetToken(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Let fees in a quote asset be paid in a token, at its price in that asset; 0 takes it away."""

    token: str
    quote: str
    price: Decimal
    discount_e8: int = 0


class AssignTo(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Give an account a schedule (0 takes it away), or rates of its own."""

    account: str
    schedule: int = 0
    maker_rate_e8: int | None = None
    taker_rate_e8: int | None = None


class ListFees(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Every schedule, token and account with what it pays now."""


OperationCall = Market | SetFees | SetToken | AssignTo | ListFees


class Operation:
    """An operator's hand on the markets and fees of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def carry_out(self, call: OperationCall, now_ns: int) -> dict[str, Any]:
        """Carry out a call; return what is to be shown, ready for JSON.

        Raises:
            UsageError: It cannot be done; nothing has happened then.
        """
        match call:
            case Market():
                return self._market(call, now_ns)
            case SetFees():
                self._set_fees(call, now_ns)
            case SetToken():
                self._set_token(call, now_ns)
            case AssignTo():
                self._assign(call, now_ns)
            case ListFees():
                pass
        return self._fees(now_ns)

    # -- markets ----------------------------------------------------------------------------

    def _market(self, call: Market, now_ns: int) -> dict[str, Any]:
        instrument = self._exchange.listings.symbol(call.symbol)
        number = instrument.instrument_id
        commands: list[AdminCommand] = []
        ruled = _ruled(instrument, call)
        if ruled != instrument:
            commands.append(ListInstrument(ruled))
        for trigger_by, price in ((TriggerBy.MARK, call.mark), (TriggerBy.INDEX, call.index)):
            if price is not None:
                commands.append(SetPrice(number, trigger_by, instrument.price_ticks(price)))
        # Last: a market that is opened hears its new prices, not the old ones.
        if call.state is not None:
            commands.append(SetMarketState(number, call.state))
        self._do(commands, now_ns)
        return self._shown_market(self._exchange.listings[number])

    def _shown_market(self, instrument: Instrument) -> dict[str, Any]:
        state = next(
            state
            for state in records_of(self._exchange.engine.snapshot(), InstrumentState)
            if state.instrument_id == instrument.instrument_id
        )
        prices = {"last": state.last_ticks, "mark": state.mark_ticks, "index": state.index_ticks}
        return {
            "symbol": instrument.symbol,
            "state": state_text(state.state),
            **{what: in_full(instrument.price(t)) if t else None for what, t in prices.items()},
            "tick_size": in_full(instrument.tick_size),
            "lot_size": in_full(instrument.lot_size),
            "price_max": in_full(instrument.price(instrument.price_max_ticks)),
            "size_min": in_full(instrument.size(instrument.size_min_lots)),
            "size_max": in_full(instrument.size(instrument.size_max_lots)),
            "notional_min": in_full(from_atoms(instrument.notional_min_atoms)),
            "notional_max": in_full(from_atoms(instrument.notional_max_atoms))
            if instrument.notional_max_atoms
            else None,
            "band": rate_text(instrument.band_rate_e8) if instrument.band_rate_e8 else None,
            "orders_max": instrument.orders_max or None,
            "triggers_max": instrument.triggers_max or None,
        }

    # -- fees -------------------------------------------------------------------------------

    def _set_fees(self, call: SetFees, now_ns: int) -> None:
        _check_schedule(call.schedule)
        if not 1 <= len(call.tiers) <= TIERS_MAX:
            raise UsageError(f"a schedule has 1 to {TIERS_MAX} tiers, not {len(call.tiers)}")
        new = [self._tier(call.schedule, n, tier) for n, tier in enumerate(call.tiers)]
        volumes = [tier.volume_micros for tier in new]
        if volumes[0] != 0 or any(a >= b for a, b in pairwise(volumes)):
            raise UsageError("the first tier begins at volume 0, and each further one above that")
        old = [t.volume_micros for t in self._tiers().get(call.schedule, [])]
        if len(old) > len(new):
            raise UsageError(
                f"schedule {call.schedule} has {len(old)} tiers, and tiers cannot be taken away; "
                f"give {len(old)}, or write another schedule and assign that"
            )
        # Volumes rise at every moment: those that go up from the top down, then the others.
        changed = enumerate(old)
        rising = [n for n, volume in changed if volumes[n] > volume]
        others = [n for n in range(len(new)) if n not in rising]
        self._do([new[n] for n in (*reversed(rising), *others)], now_ns)

    def _tier(self, schedule: int, number: int, tier: Tier) -> SetFeeTier:
        _check_rates(tier.maker_rate_e8, tier.taker_rate_e8)
        micros = to_atoms(tier.volume) * MICROS
        whole, rest = divmod(micros, 10**12)
        if rest or not 0 <= whole <= VOLUME_MAX_MICROS:
            raise UsageError(
                f"volume {in_full(tier.volume)} must be 0 or more, in steps of 0.000001"
            )
        return SetFeeTier(schedule, number, whole, tier.maker_rate_e8, tier.taker_rate_e8)

    def _set_token(self, call: SetToken, now_ns: int) -> None:
        listings = self._exchange.listings
        token, quote = listings.asset_id(call.token), listings.asset_id(call.quote)
        if token == quote:
            raise UsageError(f"a fee in {call.quote} is paid in {call.quote} already")
        if not 0 <= call.discount_e8 <= RATE_SCALE:
            raise UsageError("a discount is from 0% to 100%")
        if call.price < 0:
            raise UsageError(
                f"price {in_full(call.price)} of the token must be positive, or 0 to end it"
            )
        # Rounded up once, against the payer, as a fee is.
        atoms = to_atoms(call.price)
        rate_e8 = -(-RATE_SCALE * 10**12 // atoms) if atoms else 0
        if rate_e8 > TOKEN_RATE_MAX_E8:
            raise UsageError(f"price {in_full(call.price)} of the token is too small")
        self._do([SetFeeToken(quote, token, rate_e8, call.discount_e8)], now_ns)

    def _assign(self, call: AssignTo, now_ns: int) -> None:
        account_id = self._exchange.keys.account_id(call.account)
        maker, taker = call.maker_rate_e8, call.taker_rate_e8
        if call.schedule:
            _check_schedule(call.schedule)
            if maker is not None or taker is not None:
                raise UsageError("give an account a schedule or rates of its own, not both")
            if call.schedule not in self._tiers():
                raise UsageError(
                    f"there is no schedule {call.schedule}; write it first: steelyard fees set"
                )
        commands: list[AdminCommand] = [AssignFees(account_id, call.schedule)]
        if maker is not None and taker is not None:
            _check_rates(maker, taker)
            commands.append(OpenAccount(account_id, maker, taker))
        elif maker is not None or taker is not None:
            raise UsageError("rates of its own are two: --maker and --taker")
        self._do(commands, now_ns)

    def _fees(self, now_ns: int) -> dict[str, Any]:
        exchange = self._exchange
        state, assets = exchange.engine.snapshot(), exchange.listings.assets()
        first_day = now_ns // DAY_NS - WINDOW_DAYS
        volumes: dict[int, int] = defaultdict(int)
        for volume in records_of(state, VolumeState):
            if first_day <= volume.day < now_ns // DAY_NS:
                volumes[volume.account_id] += volume.volume_micros
        schedules = {a.account_id: a.schedule_id for a in records_of(state, AccountState)}
        return {
            "schedules": [
                {"schedule": schedule, "tiers": [_shown_tier(tier) for tier in tiers]}
                for schedule, tiers in sorted(self._tiers(state).items())
            ],
            "tokens": [
                {
                    "quote": assets[token.quote_asset_id],
                    "token": assets[token.token_asset_id],
                    "token_per_quote": rate_text(token.rate_e8),
                    "discount": rate_text(token.discount_e8),
                }
                for token in records_of(state, FeeTokenState)
            ],
            "accounts": [
                {
                    "account": name,
                    "schedule": schedules.get(account_id) or None,
                    "volume": _micros_text(volumes[account_id]),
                    **_rates(*exchange.engine.rates(account_id, max(now_ns, exchange.now_ns))),
                }
                for name, account_id in exchange.keys.people.names.items()
            ],
        }

    def _tiers(self, state: bytes | None = None) -> dict[int, list[FeeTierState]]:
        """Return the tiers of each schedule, in their order."""
        tiers: dict[int, list[FeeTierState]] = defaultdict(list)
        for tier in records_of(state or self._exchange.engine.snapshot(), FeeTierState):
            tiers[tier.schedule_id].append(tier)
        return {
            schedule: sorted(each, key=lambda tier: tier.tier) for schedule, each in tiers.items()
        }

    def _do(self, commands: list[AdminCommand], now_ns: int) -> None:
        for command in commands:
            for effect in self._exchange.record(command, now_ns):
                if isinstance(effect, Rejected):
                    what = type(command).__name__
                    raise UsageError(f"the engine refuses {what}: {effect.reason.name}")


def rate_text(rate_e8: int) -> str:
    """Return a rate as a plain decimal number: 100_000 is 0.001."""
    return in_full(plain(EXACT.divide(Decimal(rate_e8), Decimal(RATE_SCALE))))


def _ruled(instrument: Instrument, call: Market) -> Instrument:
    """Return an instrument with the rules of a call.

    Raises:
        UsageError: A rule that is out of range.
    """
    ruled = instrument
    if call.band_rate_e8 is not None:
        ruled = replace(ruled, band_rate_e8=call.band_rate_e8)
    for name, count in (("orders_max", call.orders_max), ("triggers_max", call.triggers_max)):
        if count is not None:
            if not 0 <= count <= COUNT_MAX:
                raise UsageError(f"{name} {count} must be from 0 (any number) to {COUNT_MAX}")
            ruled = replace(ruled, **{name: count})
    if call.notional_max is not None:
        atoms = to_atoms(call.notional_max)
        if atoms and atoms < instrument.notional_min_atoms:
            least = from_atoms(instrument.notional_min_atoms)
            raise UsageError(
                f"notional_max {in_full(call.notional_max)} is below the smallest order, "
                f"{in_full(least)}; 0 is no limit"
            )
        ruled = replace(ruled, notional_max_atoms=int(atoms))
    if not ruled.is_sound:
        raise UsageError(
            "a band is from 0% (any price) to 100%, notional_max not negative (0: no limit)"
        )
    return ruled


def _check_schedule(schedule: int) -> None:
    if not 1 <= schedule <= SCHEDULE_MAX:
        raise UsageError(f"schedule {schedule} must be a number from 1 to {SCHEDULE_MAX}")


def _check_rates(maker_rate_e8: int, taker_rate_e8: int) -> None:
    if not (-RATE_SCALE < maker_rate_e8 <= RATE_SCALE and 0 <= taker_rate_e8 <= RATE_SCALE):
        raise UsageError(
            "a maker rate is above -100% (negative: a rebate), a taker rate from 0%; both up to "
            "100%"
        )


def _rates(maker_rate_e8: int, taker_rate_e8: int) -> dict[str, str]:
    return {"maker_rate": rate_text(maker_rate_e8), "taker_rate": rate_text(taker_rate_e8)}


def _shown_tier(tier: FeeTierState) -> dict[str, Any]:
    return {
        "volume": _micros_text(tier.volume_micros),
        **_rates(tier.maker_rate_e8, tier.taker_rate_e8),
    }


def _micros_text(micros: int) -> str:
    return in_full(plain(EXACT.divide(Decimal(micros), Decimal(MICROS))))
