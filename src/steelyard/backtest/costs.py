"""What trading has cost: fees, slippage in its parts, turnover, and the cost that leaves nothing.

All sums are exact (quote atoms, or halves of them where a middle is between two ticks) and become
decimals at the end. The slippage of a fill, positive where it cost something:

    delay       from the middle when the strategy decided to the middle when the order arrived
    taking      from the middle on arrival to the fill's price, of takers: half a spread, impact
    resting     the same of makers: below zero where the limit was better than the middle

A fill without a known middle is in no sum, and counted. Slippage is inside the fills' prices, so
the profit has it already; fees come on top.
"""

from decimal import Decimal

import numpy as np
from msgspec import Struct

from steelyard.backtest.result import Records
from steelyard.backtest.trips import Books
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, plain

FEE_FACTORS = (0, 0.5, 1, 1.5, 2, 3)  # of the table of what other fees would have left


class Slippage(Struct, frozen=True, kw_only=True):
    """Where the money went between decision and fill, in quote; positive is a cost."""

    delay_quote: Decimal
    taking_quote: Decimal
    resting_quote: Decimal
    known_fills: int  # both middles are known
    taker_fills: int
    maker_fills: int


class Costs(Struct, frozen=True, kw_only=True):
    """What a run's trading cost. Money in quote; rates as fractions of what was traded."""

    volume_quote: Decimal  # bought and sold, together
    fees_quote: Decimal  # paid less rebates
    fees_paid_quote: Decimal
    rebates_quote: Decimal  # positive: received
    maker_fees_quote: Decimal
    taker_fees_quote: Decimal
    maker_volume_quote: Decimal
    taker_volume_quote: Decimal
    slippage: Slippage
    gross_profit_quote: Decimal  # of the fills, before fees, with what is open at the last mark
    net_profit_quote: Decimal
    breakeven_fee_rate: float | None  # of all that was traded, at which the profit is zero
    fee_rate: float | None  # what was paid in fact
    tick_quote: Decimal  # one tick worse in every taker's fill
    net_at_fees: tuple[tuple[float, Decimal], ...]  # (factor on the fees, profit)
    turnover_per_year: float | None  # times the mean equity
    absent: dict[str, str]


def measure(
    fills: Records, books: Books, instrument: Instrument, mark: float, equity: float, years: float
) -> Costs:
    """Return the costs of fills.

    mark is the last price of the curve, equity its mean, years the length of the run.
    """
    absent: dict[str, str] = {}
    half_ticks = round(2 * Decimal(mark) / instrument.tick_size)
    net = books.profit_atoms(half_ticks, instrument)
    gross = net + books.fees_atoms
    maker = fills["is_maker"].astype(bool).tolist()
    worths, fees = books.quote_atoms, books.fee_values
    maker_fees = sum(fee for fee, is_maker in zip(fees, maker, strict=True) if is_maker)
    maker_volume = sum(worth for worth, is_maker in zip(worths, maker, strict=True) if is_maker)
    paid = sum(fee for fee in fees if fee > 0)
    taken_lots = sum(fills["size_lots"][~fills["is_maker"].astype(bool)].tolist())
    turnover = None
    if not books.volume_atoms:
        absent |= dict.fromkeys(("breakeven_fee_rate", "fee_rate"), "nothing was traded")
    if equity <= 0 or years <= 0:
        absent["turnover_per_year"] = "there was no equity, or no time, to turn over"
    else:
        turnover = float(_quote(books.volume_atoms)) / equity / years
    return Costs(
        volume_quote=_quote(books.volume_atoms),
        fees_quote=_quote(books.fees_atoms),
        fees_paid_quote=_quote(paid),
        rebates_quote=_quote(paid - books.fees_atoms),
        maker_fees_quote=_quote(maker_fees),
        taker_fees_quote=_quote(books.fees_atoms - maker_fees),
        maker_volume_quote=_quote(maker_volume),
        taker_volume_quote=_quote(books.volume_atoms - maker_volume),
        slippage=_slippage(fills, instrument),
        gross_profit_quote=_quote(gross),
        net_profit_quote=_quote(net),
        breakeven_fee_rate=gross / books.volume_atoms if books.volume_atoms else None,
        fee_rate=books.fees_atoms / books.volume_atoms if books.volume_atoms else None,
        tick_quote=_quote(taken_lots * instrument.tick_lot_atoms),
        net_at_fees=tuple(
            (factor, _quote(2 * gross - int(2 * factor) * books.fees_atoms, halves=True))
            for factor in FEE_FACTORS
        ),
        turnover_per_year=turnover,
        absent=absent,
    )


def slippage_half_atoms(fills: Records, instrument: Instrument) -> tuple[list[int], list[int]]:
    """Return what delay and price cost each fill, in halves of quote atoms; 0 where not known."""
    unit = instrument.tick_lot_atoms
    rows = list(
        zip(
            fills["side"].tolist(),
            fills["size_lots"].tolist(),
            fills["price_ticks"].tolist(),
            fills["decided_half_ticks"].tolist(),
            fills["arrived_half_ticks"].tolist(),
            strict=True,
        )
    )
    delays = [
        side * (arrived - decided) * size * unit if decided and arrived else 0
        for side, size, _, decided, arrived in rows
    ]
    prices = [
        side * (2 * price - arrived) * size * unit if decided and arrived else 0
        for side, size, price, decided, arrived in rows
    ]
    return delays, prices


def _slippage(fills: Records, instrument: Instrument) -> Slippage:
    delays, prices = slippage_half_atoms(fills, instrument)
    maker = fills["is_maker"].astype(bool)
    known = (fills["decided_half_ticks"] != 0) & (fills["arrived_half_ticks"] != 0)
    resting = sum(cost for cost, is_maker in zip(prices, maker.tolist(), strict=True) if is_maker)
    return Slippage(
        delay_quote=_quote(sum(delays), halves=True),
        taking_quote=_quote(sum(prices) - resting, halves=True),
        resting_quote=_quote(resting, halves=True),
        known_fills=int(np.count_nonzero(known)),
        taker_fills=int(np.count_nonzero(~maker)),
        maker_fills=int(np.count_nonzero(maker)),
    )


def _quote(atoms: int, *, halves: bool = False) -> Decimal:
    """Return an amount of atoms, or of halves of them, as an exact decimal number of quote."""
    return plain(EXACT.divide(Decimal(atoms), Decimal((2 if halves else 1) * ATOMS_PER_UNIT)))
