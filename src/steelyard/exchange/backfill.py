"""Candles of a market that nobody watched: the day before an opening, or a pause.

A path of worths is drawn with the same laws by which the crowd lives (`fair`), by minutes and
at its end by seconds, and bent so that it ends (after a pause: begins and ends) at the right
prices. Candles hang on it: highs and lows are drawn as the extremes of a diffusion between
open and close, trades and volumes follow the hour, the weather and the move.

The invariant: candles join, open to close, and the last close is the price at the end; minutes
that have seconds are made of them. There are no trades behind any of it, so no trade ids.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isqrt
from random import Random
from typing import NamedTuple

from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Candle
from steelyard.exchange.chance import ONE_E16, Chance, log2_e16, mixed
from steelyard.exchange.fair import (
    E9,
    STEPS_PER_SECOND,
    Weather,
    basis_step,
    pace_e2,
    quoted,
    times,
)
from steelyard.exchange.listings import Listing
from steelyard.exchange.quotes import MILLI
from steelyard.exchange.takers import EXCITED_E2

SECONDS_NS = 15 * MINUTE_NS  # the end of a history has candles of seconds too

# The push at the end of a history: ten sixteenths over minutes, the rest over seconds.
_DRIFT_NS = 160 * SECOND_NS
_SLIDE_NS = 9 * SECOND_NS
_DRIFT_E4 = 10

_NOISE_E9 = 90_000  # how far a price strays from its worth
_WITHIN_E9 = {SECOND_NS: 60_000, MINUTE_NS: 330_000}  # what candles span besides their move
_TWO = 2 * MILLI
_LN2_E16 = 45_426
_MEAN_MEDIANS_E2 = 270  # the mean size of a taker in medians, in percent

# Random factors to pick from, times 65536, with a mean of about 1.
_TABLE_MASK = 1023
_EXPONENTIAL = tuple(
    (10 * ONE_E16 - log2_e16(i + 1)) * _LN2_E16 >> 16 for i in range(_TABLE_MASK + 1)
)
_NARROW, _WIDE = (
    tuple(chance.lognormal(median_e16, spread_e10) for _ in range(_TABLE_MASK + 1))
    for chance, median_e16, spread_e10 in (
        (Chance(1), 62_000, 500),
        (Chance(2), 40_000, 1_400),
    )
)


class Worths(NamedTuple):
    """Prices at one end of a history, times 1e9, and what the takers' push adds to them."""

    btc_e9: int
    eth_e9: int
    sol_e9: int
    basis_e9: int


class _Drawn(NamedTuple):
    """A path as it was drawn, at the end of one interval."""

    end_ns: int
    worths: Worths
    strength_e16: int  # of the weather, with the hour of the day


class _Point(NamedTuple):
    """The path as it was, at the end of one interval."""

    end_ns: int
    worths_e9: tuple[int, ...]  # by listing
    strength_e16: int


def history(
    listings: Sequence[Listing],
    span_ns: tuple[int, int],
    seed: int,
    ends: tuple[Worths | None, Worths],
    push_e9: int,
) -> Iterator[Candle]:
    """Yield the candles of a span, by listing, interval and time.

    ends are the prices at its begin (None: free) and at its end; push_e9 is by how much, at the
    very end, prices have just been pushed away from there.
    """
    start_ns, now_ns = span_ns
    first_ns = start_ns // MINUTE_NS * MINUTE_NS
    seconds_ns = max(first_ns, (now_ns - SECONDS_NS) // MINUTE_NS * MINUTE_NS)
    stops = [
        *range(first_ns, seconds_ns, MINUTE_NS),
        *range(seconds_ns, now_ns, SECOND_NS),
        now_ns,
    ]
    if now_ns <= start_ns:
        return
    path = _bent(_drawn(stops, start_ns, seed, ends[1]), start_ns, ends, push_e9)
    count = (seconds_ns - first_ns) // MINUTE_NS
    for at, listing in enumerate(listings):
        dice = Random(mixed(seed, 2, at))
        close = path[0].worths_e9[at] // listing.tick_e9
        for candle in _candles(listing, at, path[: count + 1], (MINUTE_NS, close), now_ns, dice):
            close = candle.close_ticks
            yield candle
        seconds = list(_candles(listing, at, path[count:], (SECOND_NS, close), now_ns, dice))
        yield from _minutes(seconds, now_ns)
        yield from seconds


def _drawn(stops: list[int], start_ns: int, seed: int, end: Worths) -> list[_Drawn]:
    """Return a path that starts at `end`, to be bent later; nothing moves before start_ns."""
    chance, weather = Chance(mixed(seed, 3)), Weather()
    worths, path = end, []
    was_ns = start_ns
    for stop_ns in stops:
        pace = pace_e2(stop_ns)
        if stop_ns > was_ns:
            steps = max(1, (stop_ns - was_ns) * STEPS_PER_SECOND // SECOND_NS)
            weather.step(chance, steps)
            root_e6 = isqrt((stop_ns - was_ns) * 1_000_000_000_000 // SECOND_NS)
            btc, eth, sol = weather.moves(chance, pace, root_e6, steps).moves_e9
            worths = Worths(
                times(worths.btc_e9, btc),
                times(worths.eth_e9, eth),
                times(worths.sol_e9, sol),
                basis_step(worths.basis_e9, chance, steps),
            )
            was_ns = stop_ns
        path.append(_Drawn(stop_ns, worths, weather.strength_e16() * pace // 100))
    return path


def _bent(
    drawn: list[_Drawn], start_ns: int, ends: tuple[Worths | None, Worths], push_e9: int
) -> list[_Point]:
    """Return the path between the right prices, with the push at its end."""
    begin, end = ends
    first, last, now_ns = drawn[0].worths, drawn[-1].worths, drawn[-1].end_ns
    to_end = [(want - got) * E9 // got for want, got in zip(end[:3], last[:3], strict=True)]
    to_begin = to_end
    basis_end = end.basis_e9 - last.basis_e9
    basis_begin = basis_end
    if begin is not None:
        to_begin = [
            (want - got) * E9 // got for want, got in zip(begin[:3], first[:3], strict=True)
        ]
        basis_begin = begin.basis_e9 - first.basis_e9
    path = []
    for time_ns, worths, strength in drawn:
        done_e9 = max(0, time_ns - start_ns) * E9 // (now_ns - start_ns)
        slide = _pushed(push_e9, now_ns - time_ns)
        btc, eth, sol = (
            times(times(worth, left + (right - left) * done_e9 // E9), slide)
            for worth, left, right in zip(worths[:3], to_begin, to_end, strict=True)
        )
        basis = worths.basis_e9 + basis_begin + (basis_end - basis_begin) * done_e9 // E9
        path.append(_Point(time_ns, quoted(btc, eth, sol, basis), strength))
    return path


def _pushed(push_e9: int, left_ns: int) -> int:
    """Return how far the push at the end has come, so long before it."""
    slow_e9 = push_e9 * _DRIFT_E4 >> 4
    drift = slow_e9 * max(0, _DRIFT_NS - left_ns) // _DRIFT_NS
    return drift + (push_e9 - slow_e9) * max(0, _SLIDE_NS - left_ns) // _SLIDE_NS


def _candles(
    listing: Listing,
    at: int,
    path: Sequence[_Point],
    joining: tuple[int, int],
    now_ns: int,
    dice: Random,
) -> Iterator[Candle]:
    """Yield one candle for each stretch of a path; joining is their length and the first open.

    It is long because calls cost time here.
    """
    length_ns, close = joining
    instrument_id, tick_lot = listing.instrument.instrument_id, listing.instrument.tick_lot_atoms
    within, tick = _WITHIN_E9[length_ns], listing.tick_e9
    rate_e3 = listing.appetite.rate_e3 * EXCITED_E2 // 100
    size_lots = listing.appetite.median_lots * _MEAN_MEDIANS_E2 // 100
    counts, sizes = (_EXPONENTIAL, _WIDE) if length_ns == SECOND_NS else (_NARROW, _NARROW)
    was = path[0].worths_e9[at] * MILLI // tick
    noise = 0
    for before, (end_ns, worths, strength) in pairwise(path):
        bits = dice.getrandbits(80)
        open_ns, worth = before.end_ns, worths[at] * MILLI // tick
        noise = 0 if end_ns == now_ns else (noise + _noise(bits, worth)) // 2
        now = worth + noise
        mean_e3 = rate_e3 * (ONE_E16 + strength) // (2 * ONE_E16) * (end_ns - open_ns) // SECOND_NS
        count = mean_e3 * counts[bits >> 20 & _TABLE_MASK] // (1_000 * ONE_E16)
        if end_ns == now_ns and not count:
            count = int(now // MILLI != close)  # the last price is the market's: somebody made it
        opened, close = close, (now if count else was) // MILLI
        # The law of the maximum of a Brownian bridge: P(max > h) = exp(-2 (h - a)(h - b) / s^2).
        spread = 2 * (worth * within // E9 * strength >> 16) ** 2 if count else 0
        square = (now - was) ** 2
        up = isqrt(square + (spread * _EXPONENTIAL[bits >> 30 & _TABLE_MASK] >> 16))
        down = isqrt(square + (spread * _EXPONENTIAL[bits >> 40 & _TABLE_MASK] >> 16))
        high, low = opened, close
        if high < low:
            high, low = low, high
        if count > 1:  # a single trade has one price
            high, low = max(high, (was + now + up) // _TWO), min(low, (was + now - down) // _TWO)
        volume = max(count, count * size_lots * sizes[bits >> 50 & _TABLE_MASK] >> 16)
        lean_e8 = 96 + (bits >> 60 & 63) + (64 * (close - opened) // (high - low + 1))
        bought = volume * lean_e8 >> 8
        mean = (opened + close) * tick_lot
        if count:
            was = now
        yield Candle(
            instrument_id,
            length_ns,
            open_ns,
            opened,
            high,
            low,
            close,
            volume,
            volume * mean // 2,
            count,
            bought,
            bought * mean // 2,
            0,
            0,
            open_ns + length_ns <= now_ns,
        )


def _minutes(seconds: list[Candle], now_ns: int) -> Iterator[Candle]:
    """Yield the minutes that these seconds make."""
    at = 0
    while at < len(seconds):
        open_ns = seconds[at].open_ns
        part = seconds[at : at + MINUTE_NS // SECOND_NS]
        at += len(part)
        yield Candle(
            part[0].instrument_id,
            MINUTE_NS,
            open_ns,
            part[0].open_ticks,
            max(c.high_ticks for c in part),
            min(c.low_ticks for c in part),
            part[-1].close_ticks,
            sum(c.volume_lots for c in part),
            sum(c.quote_atoms for c in part),
            sum(c.trade_count for c in part),
            sum(c.taker_buy_lots for c in part),
            sum(c.taker_buy_quote_atoms for c in part),
            0,
            0,
            open_ns + MINUTE_NS <= now_ns,
        )


def _noise(bits: int, worth: int) -> int:
    """Return a centered number: how far a price is from its worth."""
    return ((bits & 1023) + (bits >> 10 & 1023) - 1023) * (worth * _NOISE_E9 // E9) * 5 >> 11
