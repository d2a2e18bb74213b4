//! Decimal text as whole steps, exactly, and back.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "hot: at most 18 digits are taken in, which an i64 holds, and shifts are below 65"
)]

use crate::json::Cursor;
use crate::malformed::{Flaw, Read};

/// So many digits fit an `i64`, whatever they are.
const DIGITS_MAX: usize = 18;

/// No number that means something has more characters.
pub(crate) const TEXT_MAX: usize = 48;

/// The most decimals that a scale may have.
pub const DECIMALS_MAX: u32 = 17;

/// Characters that are read at once.
const CHUNK: usize = 8;

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Room for the digits of an `i64`, or for as many decimals and a point.
const ROOM: usize = 20;

const TENS: [i64; CHUNK + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// How an instrument's prices or sizes are counted: in steps of `step` times 10^-`decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Digits behind the point that matter to the step.
    decimals: usize,
    /// The step in units of the last of them.
    step: i64,
    /// Digits behind the point that a venue may write; more may only be zeros.
    decimals_max: usize,
    /// One, in units of the last decimal.
    unit: i64,
}

/// A number as it was read: whole steps, and whether something was left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) count: i64,
    pub(crate) is_exact: bool,
}

impl Scale {
    /// Returns the scale of steps of `step` times 10^-`decimals`, None where that is none.
    #[must_use]
    pub fn new(step: i64, decimals: u32) -> Option<Self> {
        if step <= 0 || decimals > DECIMALS_MAX {
            return None;
        }
        let decimals_max = usize::try_from(decimals).ok()?;
        let (mut step, mut decimals) = (step, decimals_max);
        while decimals > 0 && step % 10 == 0 {
            step /= 10;
            decimals -= 1;
        }
        let unit = 10_i64.pow(decimals as u32);
        Some(Self { decimals, step, decimals_max, unit })
    }

    /// Returns the same scale for numbers that are to be rounded: any further decimals are taken.
    #[must_use]
    pub fn rounding(step: i64, decimals: u32) -> Option<Self> {
        Self::new(step, decimals).map(|scale| Self { decimals_max: TEXT_MAX, ..scale })
    }

    /// Reads a number that stands in quotes, or where `is_quoted` is false one of JSON.
    #[inline(always)]
    pub(crate) fn read(&self, cursor: &mut Cursor<'_>, is_quoted: bool) -> Read<Steps> {
        if !is_quoted {
            let start = *cursor;
            let steps = self.number(cursor)?;
            return if is_json(cursor.since(start.at)) {
                Ok(steps)
            } else {
                start.wrong(Flaw::Number)
            };
        }
        if cursor.here() != b'"' {
            return cursor.wrong(Flaw::Type);
        }
        cursor.at += 1;
        let steps = self.number(cursor)?;
        if cursor.here() != b'"' {
            return cursor.wrong(Flaw::Number);
        }
        cursor.at += 1;
        Ok(steps)
    }

    /// Reads a number as it stands there.
    #[inline(always)]
    pub(crate) fn number(&self, cursor: &mut Cursor<'_>) -> Read<Steps> {
        match self.short(cursor) {
            Some(steps) => Ok(steps),
            None => self.long(cursor),
        }
    }

    /// Reads up to seven digits, a point and up to eight digits, all at once; None and nothing is
    /// read where it is not that.
    #[inline(always)]
    fn short(&self, cursor: &mut Cursor<'_>) -> Option<Steps> {
        let window = cursor.window::<{ 2 * CHUNK + 1 }>()?;
        let all = u128::from_le_bytes(*window.first_chunk()?);
        let chunk = all as u64;
        let whole = digits_in(chunk);
        if whole == 0 || whole == CHUNK || chunk >> (8 * whole) & 0xff != u64::from(b'.') {
            return None;
        }
        let rest = (all >> (8 * whole + 8)) as u64;
        let behind = digits_in(rest);
        let length = whole.wrapping_add(1).wrapping_add(behind);
        let is_longer = window.get(length).is_none_or(u8::is_ascii_digit);
        if is_longer || behind > self.decimals_max || self.decimals > CHUNK {
            return None;
        }
        let used = behind.min(self.decimals);
        let padding = *TENS.get(self.decimals - used)?;
        let front = first_digits(chunk, whole).wrapping_mul(self.unit);
        let back = first_digits(rest, used).wrapping_mul(padding);
        // Whatever is left of the digits behind those that matter.
        let unused = (rest ^ ZEROS).checked_shr(8 * used as u32).unwrap_or(0);
        let is_exact = unused.checked_shl(64 - 8 * (behind - used) as u32).unwrap_or(0) == 0;
        cursor.at = cursor.at.wrapping_add(length);
        Some(self.steps(front.wrapping_add(back), is_exact))
    }

    #[inline(never)]
    fn long(&self, cursor: &mut Cursor<'_>) -> Read<Steps> {
        let start = cursor.at;
        let is_negative = cursor.here() == b'-';
        if is_negative {
            cursor.at += 1;
        }
        let mut value = 0;
        let whole = take(cursor, &mut value, DIGITS_MAX - self.decimals);
        let mut missing = self.decimals;
        let mut rest = 0;
        match cursor.here() {
            _ if whole == 0 => return cursor.wrong(Flaw::Number),
            b'.' => {
                cursor.at += 1;
                missing -= take(cursor, &mut value, missing);
                if missing == 0 {
                    rest = self.rest(cursor)?;
                }
            }
            b'0'..=b'9' => return cursor.wrong(Flaw::Large),
            _ => {}
        }
        for _ in 0..missing {
            value *= 10;
        }
        if cursor.at - start > TEXT_MAX {
            return cursor.wrong(Flaw::Number);
        }
        let steps = self.steps(value, rest == 0);
        if is_negative && (value != 0 || rest != 0) {
            return cursor.wrong(Flaw::Negative);
        }
        Ok(steps)
    }

    #[inline(always)]
    fn steps(&self, value: i64, is_exact: bool) -> Steps {
        if self.step == 1 {
            return Steps { count: value, is_exact };
        }
        Steps { count: value / self.step, is_exact: is_exact && value % self.step == 0 }
    }

    /// Passes over the digits behind those that matter, and returns a number that is 0 if all are.
    #[inline(always)]
    fn rest(&self, cursor: &mut Cursor<'_>) -> Read<u8> {
        let mut rest = 0;
        let mut left = self.decimals_max - self.decimals;
        loop {
            let digit = cursor.here().wrapping_sub(b'0');
            if digit > 9 {
                return Ok(rest);
            }
            if left > 0 {
                left -= 1;
                rest |= digit;
            } else if digit != 0 {
                return cursor.wrong(Flaw::Number);
            }
            cursor.at += 1;
        }
    }
}

/// Whether a number, of which digits and points are known to be right, may stand without quotes:
/// none of its zeros stands before another digit, and digits are behind its point.
#[inline(always)]
fn is_json(text: &[u8]) -> bool {
    let digits = match text {
        [b'-', digits @ ..] => digits,
        _ => text,
    };
    !matches!(digits, [b'0', b'0'..=b'9', ..] | [.., b'.'])
}

/// Writes a whole number that is not negative.
#[inline]
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    write_decimal(out, value, 0);
}

/// Writes a number that is not negative, `value` times 10^-`decimals`, without zeros at its end.
#[inline]
pub(crate) fn write_decimal(out: &mut Vec<u8>, value: i64, decimals: u32) {
    let mut text = [b'0'; 2 * ROOM];
    let mut at = text.len();
    let (mut rest, mut left) = (value.unsigned_abs(), decimals);
    while left > 0 && rest.is_multiple_of(10) {
        (rest, left) = (rest / 10, left - 1);
    }
    let mut has_point = left == 0;
    while rest > 0 || left > 0 || !has_point || at == text.len() {
        if !has_point && left == 0 {
            has_point = true;
            put(&mut text, &mut at, b'.');
            if rest == 0 {
                put(&mut text, &mut at, b'0');
            }
            continue;
        }
        put(&mut text, &mut at, b'0' + (rest % 10) as u8);
        (rest, left) = (rest / 10, left.saturating_sub(1));
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
}

/// Writes a number that is not negative, `value` times 10^-`decimals`, with all its decimals.
#[inline]
pub(crate) fn write_padded(out: &mut Vec<u8>, value: i64, decimals: u32) {
    let start = out.len();
    write_decimal(out, value, decimals);
    let point = out.iter().skip(start).position(|it| *it == b'.');
    let behind = match point {
        Some(point) => out.len() - start - point - 1,
        None if decimals == 0 => return,
        None => {
            out.push(b'.');
            0
        }
    };
    let wanted = decimals as usize;
    out.resize(out.len() + wanted.saturating_sub(behind), b'0');
}

#[inline(always)]
fn put(text: &mut [u8], at: &mut usize, byte: u8) {
    *at -= 1;
    if let Some(place) = text.get_mut(*at) {
        *place = byte;
    }
}

/// Returns with how many digits eight characters begin.
#[inline(always)]
fn digits_in(chunk: u64) -> usize {
    let low = chunk ^ ZEROS;
    // Of the first byte above 9 the upper bit is set; what a carry does behind it does not matter.
    let others = (low.wrapping_add(0x7676_7676_7676_7676) | low) & 0x8080_8080_8080_8080;
    others.trailing_zeros() as usize / 8
}

/// Returns the number that the first so many of eight characters are, all of them digits.
#[inline(always)]
fn first_digits(chunk: u64, count: usize) -> i64 {
    // Zeros in front: digits, then pairs, then fours of them are joined side by side.
    let digits = (chunk ^ ZEROS).checked_shl(64 - 8 * count as u32).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let odd = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let even = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (odd.wrapping_add(even) >> 32) as i64
}

/// Takes up to so many digits into a number, and returns how many there were.
#[inline(always)]
fn take(cursor: &mut Cursor<'_>, value: &mut i64, most: usize) -> usize {
    for taken in 0..most {
        let digit = cursor.here().wrapping_sub(b'0');
        if digit > 9 {
            return taken;
        }
        *value = *value * 10 + i64::from(digit);
        cursor.at += 1;
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn read(scale: Scale, text: &str) -> Result<(i64, bool), Flaw> {
        let quoted = format!("\"{text}\"");
        let mut cursor = Cursor::new(quoted.as_bytes());
        let steps = scale.read(&mut cursor, true).map_err(|it| it.flaw)?;
        assert_eq!(cursor.at, quoted.len());
        Ok((steps.count, steps.is_exact))
    }

    #[test]
    fn numbers_come_out_in_steps() {
        let cents = Scale::new(1_000_000, 8).unwrap();
        for (text, steps) in [
            ("61685.99000000", (6_168_599, true)),
            ("61685.99", (6_168_599, true)),
            ("61685.9", (6_168_590, true)),
            ("61685.", (6_168_500, true)),
            ("0", (0, true)),
            ("-0.00", (0, true)),
            ("0.01000001", (1, false)),
            ("0.010000000000", (1, true)),
            ("9999999999999999.99", (999_999_999_999_999_999, true)),
        ] {
            assert_eq!(read(cents, text), Ok(steps), "{text}");
        }
        let quarters = Scale::new(25, 2).unwrap();
        assert_eq!(read(quarters, "1.75"), Ok((7, true)));
        assert_eq!(read(quarters, "1.76"), Ok((7, false)));
        let tens = Scale::new(10, 0).unwrap();
        assert_eq!(read(tens, "70"), Ok((7, true)));
        assert_eq!(read(tens, "71"), Ok((7, false)));
        assert_eq!(read(Scale::new(1, 17).unwrap(), "0.00000000000000001"), Ok((1, true)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let cents = Scale::new(1_000_000, 8).unwrap();
        for (text, flaw) in [
            ("", Flaw::Number),
            ("-", Flaw::Number),
            (".5", Flaw::Number),
            ("1e5", Flaw::Number),
            ("+1", Flaw::Number),
            ("1,5", Flaw::Number),
            ("1.2.3", Flaw::Number),
            ("NaN", Flaw::Number),
            ("0.000000001", Flaw::Number),
            ("-0.01", Flaw::Negative),
            ("-0.00000001", Flaw::Negative),
            ("99999999999999999.99", Flaw::Large),
            (&"9".repeat(400), Flaw::Large),
            (&format!("1.{}", "0".repeat(TEXT_MAX)), Flaw::Number),
        ] {
            assert_eq!(read(cents, text), Err(flaw), "{text}");
        }
    }

    #[test]
    fn what_is_read_at_once_is_what_is_read_digit_by_digit() {
        let mut random = Seeded::new(7);
        let mut short = 0;
        for _ in 0..100_000 {
            let scale = Scale::new(1 + random.below(100) as i64, random.below(18) as u32).unwrap();
            let digits = |random: &mut Seeded, most| -> String {
                let count = random.below(most);
                let digit = |random: &mut Seeded| [0, 0, random.below(10)][random.below(3)];
                (0..count).map(|_| char::from(b'0' + digit(random) as u8)).collect()
            };
            let (whole, behind) = (digits(&mut random, 10), digits(&mut random, 11));
            let end = [r#""],["1.00000000","2.0000"]"#, "x", ""][random.below(3)];
            let text = format!("{whole}.{behind}{end}");
            let (mut one, mut other) = (Cursor::new(text.as_bytes()), Cursor::new(text.as_bytes()));
            let Some(steps) = scale.short(&mut one) else { continue };
            short += 1;
            assert_eq!(scale.long(&mut other), Ok(steps), "{text} {scale:?}");
            assert_eq!(one.at, other.at, "{text} {scale:?}");
        }
        assert!(short > 3_000, "only {short} were read at once");
    }

    #[test]
    fn numbers_are_written_without_idle_zeros() {
        for (value, decimals, expected) in [
            (0, 0, "0"),
            (0, 8, "0"),
            (7, 0, "7"),
            (70, 0, "70"),
            (70, 1, "7"),
            (700, 1, "70"),
            (1, 8, "0.00000001"),
            (6_168_599, 2, "61685.99"),
            (6_168_590, 2, "61685.9"),
            (6_000_000_000_000, 8, "60000"),
            (i64::MAX, 17, "92.23372036854775807"),
            (i64::MAX, 0, "9223372036854775807"),
        ] {
            let mut out = Vec::new();
            write_decimal(&mut out, value, decimals);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_scale_has_a_step_and_few_decimals() {
        assert_eq!(Scale::new(0, 8), None);
        assert_eq!(Scale::new(-1, 8), None);
        assert_eq!(Scale::new(1, DECIMALS_MAX + 1), None);
    }
}
