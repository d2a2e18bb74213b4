//! Exact money: ticks, lots and atoms, and the one rule by which something is rounded.
//!
//! A price is a whole number of ticks and a size a whole number of lots (both `i64`), a balance a
//! whole number of atoms (`i128`). The limits below keep every product inside its type; overflow
//! checks are on in every profile, so what slips past them stops the engine and never wraps.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "overflow checks are on in every profile: a sum that leaves its type unwinds"
)]

/// A rate of this many is 100 %: `rate_e8` is the rate times 1e8.
pub(crate) const RATE_SCALE: u32 = 100_000_000;

/// The largest price in ticks and the largest size in lots: exact in JSON and in JavaScript.
pub(crate) const LIMIT_MAX: i64 = 1 << 53;

/// The largest total size at one price: one more house size on top still fits an `i64`.
pub(crate) const LEVEL_MAX_LOTS: i64 = 1 << 62;

/// The largest order in quote or base atoms: times a rate it still fits an `i128`.
pub(crate) const NOTIONAL_MAX_ATOMS: i128 = 1 << 98;

/// The largest weight: times the largest order in micros it still fits an `i128`.
pub(crate) const VOLUME_WEIGHT_MAX_E8: u64 = 1 << 48;

/// The most of an asset that may come from outside: sums of many such still fit an `i128`.
pub(crate) const AMOUNT_MAX_ATOMS: i128 = 10_i128.pow(34);

/// What an account pays for trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// For adding liquidity; a negative one is a rebate.
    pub maker_e8: i32,
    /// For taking it.
    pub taker_e8: i32,
}

impl Rates {
    /// The larger of the two, or nothing: what a hold has to cover.
    #[must_use]
    #[inline]
    pub fn larger_e8(self) -> i32 {
        self.maker_e8.max(self.taker_e8).max(0)
    }

    /// Whether they may be charged: only a maker may have a rebate.
    #[must_use]
    pub fn may_be_charged(self) -> bool {
        let scale = i64::from(RATE_SCALE);
        let (maker, taker) = (i64::from(self.maker_e8), i64::from(self.taker_e8));
        (1 - scale..=scale).contains(&maker) && (0..=scale).contains(&taker)
    }
}

/// Returns the fee on an amount, rounded up once: against the payer, and a rebate against its
/// receiver.
///
/// The amount is at most [`NOTIONAL_MAX_ATOMS`] and the rate at most [`RATE_SCALE`].
#[must_use]
#[inline]
pub(crate) fn fee_atoms(amount_atoms: i128, rate_e8: i32) -> i128 {
    match u64::try_from(amount_atoms).ok().and_then(|it| small_fee_atoms(it, rate_e8)) {
        Some(fee) => i128::from(fee),
        None => large_fee_atoms(amount_atoms, rate_e8),
    }
}

#[inline(always)]
fn small_fee_atoms(amount_atoms: u64, rate_e8: i32) -> Option<u64> {
    let scale = u64::from(RATE_SCALE);
    let exact = amount_atoms.checked_mul(u64::try_from(rate_e8).ok()?)?;
    Some(exact.checked_add(scale - 1)? / scale)
}

#[inline(never)]
fn large_fee_atoms(amount_atoms: i128, rate_e8: i32) -> i128 {
    let scale = u64::from(RATE_SCALE);
    match (u64::try_from(amount_atoms), u64::try_from(rate_e8)) {
        // Whole multiples of the scale pay an exact fee; only the rest can leave a fraction.
        (Ok(amount), Ok(rate)) if rate <= scale => {
            i128::from((amount / scale) * rate + ((amount % scale) * rate).div_ceil(scale))
        }
        _ => share_up(amount_atoms, i128::from(rate_e8)),
    }
}

/// Returns a small amount with the fee on it, if 64 bits can say all of that.
#[inline(always)]
pub(crate) fn with_fee(amount_atoms: u64, rate_e8: i32) -> Option<u64> {
    amount_atoms.checked_add(small_fee_atoms(amount_atoms, rate_e8)?)
}

/// Returns an amount times a rate, rounded up; the product fits an `i128`.
#[must_use]
pub(crate) fn share_up(amount_atoms: i128, rate_e8: i128) -> i128 {
    let exact = amount_atoms * rate_e8;
    let scale = i128::from(RATE_SCALE);
    exact.div_euclid(scale) + i128::from(exact.rem_euclid(scale) != 0)
}

/// Returns an amount for every lot of a size; neither is negative.
#[must_use]
#[inline]
pub(crate) fn times(per_lot_atoms: i128, size_lots: i64) -> i128 {
    // Nearly always both fit 64 bits, and then the product cannot leave its type.
    match (u64::try_from(per_lot_atoms), u64::try_from(size_lots)) {
        (Ok(per_lot), Ok(lots)) => (u128::from(per_lot) * u128::from(lots)).cast_signed(),
        _ => times_wide(per_lot_atoms, size_lots),
    }
}

#[cold]
fn times_wide(per_lot_atoms: i128, size_lots: i64) -> i128 {
    per_lot_atoms * i128::from(size_lots)
}

/// Returns a price times a size, in atoms, from what one lot costs at a price of one tick.
#[must_use]
#[inline]
pub(crate) fn notional_atoms(price_ticks: i64, size_lots: i64, tick_lot_atoms: i64) -> i128 {
    match product(price_ticks, tick_lot_atoms) {
        Some(per_lot) if size_lots >= 0 => {
            (u128::from(per_lot) * u128::from(size_lots.cast_unsigned())).cast_signed()
        }
        _ => notional_wide(price_ticks, size_lots, tick_lot_atoms),
    }
}

#[cold]
fn notional_wide(price_ticks: i64, size_lots: i64, tick_lot_atoms: i64) -> i128 {
    times_wide(i128::from(price_ticks) * i128::from(tick_lot_atoms), size_lots)
}

/// Returns the product of two numbers that are not negative, if that fits: nearly always.
#[inline(always)]
pub(crate) fn product(left: i64, right: i64) -> Option<u64> {
    match (u64::try_from(left), u64::try_from(right)) {
        (Ok(left), Ok(right)) => left.checked_mul(right),
        _ => None,
    }
}

/// Returns `whole * part / of`, rounded down: the house's share of a shrinking level.
///
/// All three are sizes, and `part <= of`.
#[must_use]
pub(crate) fn share_lots(whole: i64, part: i64, of: i64) -> i64 {
    let exact = i128::from(whole) * i128::from(part) / i128::from(of);
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// Mixes one 64-bit word into a record's hash, as `domain/layout.py` defines it.
#[must_use]
#[inline]
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}

/// Mixes a signed number: its two's complement.
#[must_use]
#[inline]
pub(crate) fn mix_signed(hash: u64, value: i64) -> u64 {
    mix(hash, value.cast_unsigned())
}

/// Mixes an amount: two words, low half first.
#[must_use]
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of 128 bits are what is wanted")]
pub(crate) fn mix_atoms(hash: u64, atoms: i128) -> u64 {
    let bits = atoms.cast_unsigned();
    mix(mix(hash, bits as u64), (bits >> 64) as u64)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_rounds_up_on_both_paths() {
        let scale = i128::from(RATE_SCALE);
        for rate in [0, 1, 99_999, 100_000, 12_345_678, 100_000_000] {
            let edge = i128::from(u64::MAX);
            for amount in [0, 1, 7, 999, scale - 1, scale, scale + 1, edge - 1, edge, edge + 1] {
                for amount in [amount, amount * 1_000_003] {
                    let exact = amount * i128::from(rate);
                    let rounded = exact / scale + i128::from(exact % scale != 0);
                    assert_eq!(fee_atoms(amount, rate), rounded, "{amount} at {rate}");
                }
            }
        }
    }

    #[test]
    fn an_amount_with_its_fee_is_their_sum_or_too_large() {
        for rate in [0, 1, 99_999, 100_000_000] {
            for amount in [0, 1, 999, 1 << 40, 1 << 62, u64::MAX] {
                let sum = i128::from(amount) + fee_atoms(i128::from(amount), rate);
                assert!(with_fee(amount, rate).is_none_or(|it| i128::from(it) == sum));
            }
        }
        assert_eq!(with_fee(1_000, 100_000), Some(1_001));
        assert_eq!(with_fee(1_000, -1), None, "a rebate is no fee");
    }

    #[test]
    fn the_largest_order_times_the_largest_rate_fits() {
        assert_eq!(fee_atoms(NOTIONAL_MAX_ATOMS, 100_000_000), NOTIONAL_MAX_ATOMS);
        assert_eq!(fee_atoms(15, -50_000_000), -7, "a rebate rounds against its receiver");
    }

    #[test]
    fn a_product_is_exact_on_both_paths() {
        let edge = i128::from(u64::MAX);
        for per_lot in [0, 1, 7, edge - 1, edge, edge + 1, 1 << 70] {
            for lots in [0, 1, 3, LIMIT_MAX] {
                assert_eq!(times(per_lot, lots), per_lot * i128::from(lots));
            }
        }
    }

    #[test]
    fn a_share_rounds_down() {
        assert_eq!(share_lots(10, 1, 3), 3);
        assert_eq!(share_lots(LIMIT_MAX, LIMIT_MAX - 1, LIMIT_MAX), LIMIT_MAX - 1);
    }

    #[test]
    fn a_negative_word_is_its_twos_complement() {
        assert_eq!(mix_signed(1, -1), mix(1, u64::MAX));
        assert_eq!(mix_atoms(1, -1), mix(mix(1, u64::MAX), u64::MAX));
    }
}
