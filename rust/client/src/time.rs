//! Times as texts: ISO 8601 in UTC, to nanoseconds since 1970 and back.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hot: years have four digits, and what is counted of them fits an i64 many times"
)]

use crate::json::Cursor;
use crate::malformed::{Flaw, Read};

/// The last year all of whose nanoseconds an `i64` counts from 1970 on.
const YEAR_MAX: i64 = 2_261;

const DAY_S: i64 = 86_400;
const SECOND_NS: i64 = 1_000_000_000;

/// Digits behind the second that a nanosecond has.
const FRACTION_MAX: usize = 9;

/// Reads a text like `2024-03-11T20:48:46.622052Z`, with up to nine digits behind the second.
#[inline]
pub(crate) fn read_iso(cursor: &mut Cursor<'_>) -> Read<i64> {
    if cursor.here() != b'"' {
        return cursor.wrong(Flaw::Type);
    }
    let Some(seconds) = cursor.window().and_then(seconds) else { return cursor.wrong(Flaw::Time) };
    cursor.at += 20;
    let mut rest_ns = 0;
    if cursor.here() == b'.' {
        cursor.at += 1;
        let mut count = 0;
        while cursor.here().is_ascii_digit() && count < FRACTION_MAX {
            rest_ns = rest_ns * 10 + i64::from(cursor.here() - b'0');
            (cursor.at, count) = (cursor.at + 1, count + 1);
        }
        if count == 0 {
            return cursor.wrong(Flaw::Time);
        }
        for _ in count..FRACTION_MAX {
            rest_ns *= 10;
        }
    }
    if cursor.here() != b'Z' {
        return cursor.wrong(Flaw::Time);
    }
    cursor.at += 1;
    cursor.tight(b'"')?;
    Ok(seconds * SECOND_NS + rest_ns)
}

/// Returns the seconds since 1970 of a time behind its quote, None where it is none.
#[inline(always)]
fn seconds(text: &[u8; 20]) -> Option<i64> {
    let &[_, y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] =
        text
    else {
        return None;
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(n0, n1)?, two(s0, s1)?);
    let is_time = hour < 24 && minute < 60 && second < 60 && (1_970..=YEAR_MAX).contains(&year);
    if !is_time || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    Some(days_since_1970(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second)
}

#[inline(always)]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts days in years that begin in March, so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// Writes a time that is not before 1970, with so many digits behind the second, up to nine.
pub(crate) fn write_iso(out: &mut Vec<u8>, time_ns: i64, decimals: u32) {
    let (seconds, rest_ns) = (time_ns / SECOND_NS, time_ns % SECOND_NS);
    let (days, second) = (seconds / DAY_S, seconds % DAY_S);
    // The year by its average length, which is at most one too many.
    let mut year = 1_970 + days / 365;
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while days_since_1970(year, month, 1) > days {
        month -= 1;
    }
    let day = days - days_since_1970(year, month, 1) + 1;
    for (value, width, before) in [
        (year, 4, None),
        (month, 2, Some(b'-')),
        (day, 2, Some(b'-')),
        (second / 3_600, 2, Some(b'T')),
        (second / 60 % 60, 2, Some(b':')),
        (second % 60, 2, Some(b':')),
    ] {
        out.extend(before);
        write_digits(out, value, width);
    }
    if decimals > 0 {
        out.push(b'.');
        write_digits(out, rest_ns / 10_i64.pow(9 - decimals), decimals);
    }
    out.push(b'Z');
}

/// Writes the last so many digits of a number.
pub(crate) fn write_digits(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_i64.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<i64, Flaw> {
        let quoted = format!("\"{text}\"");
        let mut cursor = Cursor::new(quoted.as_bytes());
        let time_ns = read_iso(&mut cursor).map_err(|it| it.flaw)?;
        assert_eq!(cursor.at, quoted.len());
        Ok(time_ns)
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        for (text, time_ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("2000-02-29T23:59:59.9Z", 951_868_799_900_000_000),
            ("2001-03-01T00:00:00.25Z", 983_404_800_250_000_000),
            ("2024-03-11T20:48:46.622052Z", 1_710_190_126_622_052_000),
            ("2100-02-28T12:00:00Z", 4_107_499_200_000_000_000),
            ("2261-12-31T23:59:59.999999999Z", 9_214_646_399_999_999_999),
        ] {
            assert_eq!(read(text), Ok(time_ns), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_time_is_refused() {
        for text in [
            "",
            "2024-03-11",
            "2024-03-11 20:48:46Z",
            "2024-03-11T20:48:46",
            "2024-03-11T20:48:46.Z",
            "2024-03-11T20:48:46.1234567890Z",
            "2024-03-11T20:48:46+00:00",
            "2024-13-11T20:48:46Z",
            "2024-00-11T20:48:46Z",
            "2023-02-29T20:48:46Z",
            "2024-04-31T20:48:46Z",
            "2024-04-00T20:48:46Z",
            "2024-03-11T24:00:00Z",
            "2024-03-11T20:60:46Z",
            "2024-03-11T20:48:60Z",
            "1969-12-31T23:59:59Z",
            "2262-01-01T00:00:00Z",
            "20x4-03-11T20:48:46Z",
        ] {
            assert_eq!(read(text), Err(Flaw::Time), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut time_ns = 0;
        while time_ns < 9_000_000_000_000_000_000 {
            let mut out = Vec::new();
            write_iso(&mut out, time_ns, 9);
            assert_eq!(read(str::from_utf8(&out).unwrap()), Ok(time_ns));
            time_ns += 86_399_123_456_789;
        }
        let mut out = Vec::new();
        write_iso(&mut out, 1_700_000_000_123_999_999, 3);
        assert_eq!(out, b"2023-11-14T22:13:20.123Z");
        out.clear();
        write_iso(&mut out, 1_700_000_000_123_999_999, 0);
        assert_eq!(out, b"2023-11-14T22:13:20Z");
    }
}
