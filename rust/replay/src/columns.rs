//! Bars that somebody else keeps, read by their places.

use std::ops::Range;

use crate::rows::Bar;

/// What is read of bars that are passed: oldest first. Places beyond them are nobody's business;
/// there 0 is read.
pub trait Prices {
    /// Returns how many there are.
    fn count(&self) -> usize;

    /// Returns when one begins.
    fn open_ns(&self, at: usize) -> i64;

    /// Returns at what price one begins.
    fn open(&self, at: usize) -> i64;

    /// Returns at what price one ends.
    fn close(&self, at: usize) -> i64;

    /// Returns at what prices some end.
    fn closes(&self, span: Range<usize>) -> impl Iterator<Item = i64>;

    /// Returns the lowest and the highest of some closes.
    fn extremes(&self, span: Range<usize>) -> Option<(i64, i64)> {
        let mut closes = self.closes(span);
        let first = closes.next()?;
        Some(closes.fold((first, first), |(low, high), it| (low.min(it), high.max(it))))
    }

    /// Returns two prices between which some closes are, where that is known without a look at each.
    fn around(&self, span: Range<usize>) -> Option<(i64, i64)> {
        self.extremes(span)
    }

    /// Returns the first of some that does not begin before a time; their end, if all do.
    fn first_from(&self, span: Range<usize>, time_ns: i64) -> usize {
        first_not(span, |at| self.open_ns(at) < time_ns)
    }
}

/// Bars as they are played.
pub trait Bars: Prices {
    /// Returns one of them.
    fn bar(&self, at: usize) -> Bar;

    /// Returns how much was traded in one.
    fn volume(&self, at: usize) -> i64;
}

/// Returns the first place of a span at which something is not so, where it is so at all before;
/// the nearer it is the sooner it is found.
pub fn first_not(span: Range<usize>, is_so: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, end: last } = span;
    let (mut end, mut step) = (start, 1_usize);
    while end < last && is_so(end) {
        start = end.saturating_add(1);
        end = end.saturating_add(step).min(last);
        step = step.saturating_mul(2);
    }
    while start < end {
        let middle = start.midpoint(end);
        if is_so(middle) {
            start = middle.saturating_add(1);
        } else {
            end = middle;
        }
    }
    start
}

/// Returns the same of bars that follow each other without a gap, by the place that a time says.
#[inline]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    reason = "a guess, which is put right"
)]
pub fn first_regular(
    span: Range<usize>,
    time_ns: i64,
    step_ns: i64,
    open_ns: impl Fn(usize) -> i64,
) -> usize {
    let Range { start, end } = span;
    if start >= end || open_ns(start) >= time_ns {
        return start;
    }
    if open_ns(end.saturating_sub(1)) < time_ns {
        return end;
    }
    let off_ns = time_ns.saturating_sub(open_ns(start));
    let mut at = start.saturating_add((off_ns as f64 / step_ns as f64) as usize);
    while at > start && open_ns(at.saturating_sub(1)) >= time_ns {
        at = at.saturating_sub(1);
    }
    while at < end && open_ns(at) < time_ns {
        at = at.saturating_add(1);
    }
    at
}

impl Prices for [Bar] {
    fn count(&self) -> usize {
        self.len()
    }

    fn open_ns(&self, at: usize) -> i64 {
        self.get(at).map_or(0, |it| it.open_ns)
    }

    fn open(&self, at: usize) -> i64 {
        self.get(at).map_or(0, |it| it.open)
    }

    fn close(&self, at: usize) -> i64 {
        self.get(at).map_or(0, |it| it.close)
    }

    fn closes(&self, span: Range<usize>) -> impl Iterator<Item = i64> {
        self.get(span).unwrap_or_default().iter().map(|it| it.close)
    }
}

impl Bars for [Bar] {
    fn bar(&self, at: usize) -> Bar {
        self.get(at).copied().unwrap_or_default()
    }

    fn volume(&self, at: usize) -> i64 {
        self.get(at).map_or(0, |it| it.volume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_not_so_is_found_wherever_it_is() {
        for end in 0..40 {
            for start in 0..=end {
                for first in 0..45 {
                    let expected = first.clamp(start, end);
                    assert_eq!(first_not(start..end, |at| at < first), expected);
                }
            }
        }
    }
}
