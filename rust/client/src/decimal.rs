//! Decimal text as whole steps, exactly, and back.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: at most 18 digits are taken in, which an i64 holds"
)]

use crate::json::Cursor;
use crate::malformed::{Flaw, Read};

/// So many digits fit an `i64`, whatever they are.
const DIGITS_MAX: usize = 18;

/// No number that means something has more characters.
pub(crate) const TEXT_MAX: usize = 48;

/// The most decimals that a scale may have.
pub const DECIMALS_MAX: u32 = 17;

/// How an instrument's prices or sizes are counted: in steps of `step` times 10^-`decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Digits behind the point that matter to the step.
    decimals: usize,
    /// The step in units of the last of them.
    step: i64,
    /// Digits behind the point that a venue may write; more may only be zeros.
    decimals_max: usize,
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
        Some(Self { decimals, step, decimals_max })
    }

    /// Reads a number that stands in quotes, or where `is_quoted` is false without them.
    #[inline(always)]
    pub(crate) fn read(&self, cursor: &mut Cursor<'_>, is_quoted: bool) -> Read<Steps> {
        if is_quoted {
            if cursor.here() != b'"' {
                return cursor.wrong(Flaw::Type);
            }
            cursor.at += 1;
        }
        let start = cursor.at;
        let is_negative = cursor.here() == b'-';
        if is_negative {
            cursor.at += 1;
        }
        let steps = self.digits(cursor)?;
        if is_quoted {
            cursor.tight(b'"').or_else(|_| cursor.wrong(Flaw::Number))?;
        }
        if cursor.at - start > TEXT_MAX {
            return cursor.wrong(Flaw::Number);
        }
        if is_negative && (steps.count != 0 || !steps.is_exact) {
            return cursor.wrong(Flaw::Negative);
        }
        Ok(steps)
    }

    #[inline(always)]
    fn digits(&self, cursor: &mut Cursor<'_>) -> Read<Steps> {
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
        if self.step == 1 {
            return Ok(Steps { count: value, is_exact: rest == 0 });
        }
        Ok(Steps { count: value / self.step, is_exact: rest == 0 && value % self.step == 0 })
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
    fn a_scale_has_a_step_and_few_decimals() {
        assert_eq!(Scale::new(0, 8), None);
        assert_eq!(Scale::new(-1, 8), None);
        assert_eq!(Scale::new(1, DECIMALS_MAX + 1), None);
    }
}
