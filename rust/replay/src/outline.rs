//! Bars as they are passed, in a third of their room: when they begin, opens and closes.
//!
//! It is made once, while the bars are at hand, and shared: by every run over them and by any thread.
//! The extremes of closes are kept by the few, because a stretch of bars seldom moves what an account
//! was worth beyond what it has been; then none of its closes is read. It knows no highs, lows and
//! volumes: where those count the bars themselves are played.
#![allow(
    clippy::cast_possible_truncation,
    reason = "a number that 31 bits cannot say makes no outline"
)]

use std::ops::Range;

use crate::columns::{Prices, first_not, first_regular};

/// So many closes have their extremes in common.
const FEW: usize = 64;

/// Bars with more gaps have no outline.
const GAPS_MAX: usize = 1_024;

/// The outline of bars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    step_ns: i64,
    /// Where bars begin to follow each other without a gap, and when.
    stretches: Vec<(usize, i64)>,
    /// Opens and closes: an order is met at one when the other has led to it.
    prices: Vec<[i32; 2]>,
    lows: Vec<i32>,
    highs: Vec<i32>,
    /// What of any number 31 bits cannot say.
    beyond: i64,
}

impl Outline {
    /// Makes an outline of no bars with room for some.
    #[must_use]
    pub fn with_room(count: usize) -> Self {
        Self { prices: Vec::with_capacity(count), ..Self::default() }
    }

    /// Adds opens and closes.
    #[inline]
    pub fn add(&mut self, prices: impl ExactSizeIterator<Item = [i64; 2]>) {
        let mut beyond = 0;
        let mut narrow = |[open, close]: [i64; 2]| {
            beyond |= (open | close) >> 31;
            [open as i32, close as i32]
        };
        self.prices.extend(prices.map(&mut narrow));
        self.beyond |= beyond;
    }

    /// Finishes it by when the bars begin: they rise, and are a whole number of steps apart. None
    /// where there are too many gaps, or a price does not fit.
    #[must_use]
    pub fn timed(mut self, times: impl Iterator<Item = i64>, step_ns: i64) -> Option<Self> {
        let mut next_ns = None;
        for (at, time_ns) in times.enumerate() {
            if next_ns != Some(time_ns) {
                if self.stretches.len() > GAPS_MAX {
                    return None;
                }
                self.stretches.push((at, time_ns));
            }
            next_ns = Some(time_ns.saturating_add(step_ns));
        }
        self.rounded_off(step_ns)
    }

    /// The same of bars without a gap.
    #[must_use]
    pub fn regular(mut self, first_ns: i64, step_ns: i64) -> Option<Self> {
        self.stretches.push((0, first_ns));
        self.rounded_off(step_ns)
    }

    fn rounded_off(mut self, step_ns: i64) -> Option<Self> {
        if self.beyond != 0 || step_ns < 1 {
            return None;
        }
        self.step_ns = step_ns;
        let few = || self.prices.chunks(FEW);
        self.lows = few().map(|it| it.iter().fold(i32::MAX, |low, it| low.min(it[1]))).collect();
        self.highs = few().map(|it| it.iter().fold(i32::MIN, |high, it| high.max(it[1]))).collect();
        Some(self)
    }

    fn is_regular(&self) -> bool {
        self.stretches.len() < 2
    }
}

impl Prices for Outline {
    #[inline]
    fn count(&self) -> usize {
        self.prices.len()
    }

    #[inline]
    fn open_ns(&self, at: usize) -> i64 {
        let stretches = self.stretches.as_slice();
        let of = if self.is_regular() { 1 } else { stretches.partition_point(|it| it.0 <= at) };
        let Some(&(first, first_ns)) = stretches.get(of.wrapping_sub(1)) else { return 0 };
        let steps = i64::try_from(at.wrapping_sub(first)).unwrap_or(0);
        first_ns.wrapping_add(self.step_ns.wrapping_mul(steps))
    }

    #[inline]
    fn open(&self, at: usize) -> i64 {
        self.prices.get(at).map_or(0, |it| i64::from(it[0]))
    }

    #[inline]
    fn close(&self, at: usize) -> i64 {
        self.prices.get(at).map_or(0, |it| i64::from(it[1]))
    }

    #[inline]
    fn closes(&self, span: Range<usize>) -> impl Iterator<Item = i64> {
        self.prices.get(span).unwrap_or_default().iter().map(|it| i64::from(it[1]))
    }

    #[inline]
    fn around(&self, span: Range<usize>) -> Option<(i64, i64)> {
        let few = span.start / FEW..span.end.div_ceil(FEW);
        let (lows, highs) = (self.lows.get(few.clone())?, self.highs.get(few)?);
        let low = lows.iter().fold(i32::MAX, |it, &other| it.min(other));
        let high = highs.iter().fold(i32::MIN, |it, &other| it.max(other));
        Some((i64::from(low), i64::from(high)))
    }

    #[inline]
    fn first_from(&self, span: Range<usize>, time_ns: i64) -> usize {
        if self.is_regular() {
            first_regular(span, time_ns, self.step_ns, |at| self.open_ns(at))
        } else {
            first_not(span, |at| self.open_ns(at) < time_ns)
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_wrap,
    reason = "small numbers, and a test may fall over"
)]
pub(crate) mod tests {
    use super::*;
    use crate::latency::Dice;
    use crate::machine::tests::walk;
    use crate::rows::Bar;

    /// Returns the outline of bars of a minute.
    pub(crate) fn of(bars: &[Bar]) -> Option<Outline> {
        let mut outline = Outline::with_room(bars.len());
        outline.add(bars.iter().map(|it| [it.open, it.close]));
        outline.timed(bars.iter().map(|it| it.open_ns), 60_000_000_000)
    }

    #[test]
    fn an_outline_says_what_the_bars_say() {
        let mut dice = Dice::new(5);
        for (seed, count) in [(0, 1), (1, 63), (2, 64), (3, 900)] {
            let bars = walk(seed, count);
            let outline = of(&bars).unwrap_or_default();
            let bars = bars.as_slice();
            assert_eq!(outline.count(), bars.count());
            let mut place = |bound: usize| {
                usize::try_from(dice.below(u64::try_from(bound).unwrap_or(1))).unwrap_or(0)
            };
            for at in 0..bars.len() {
                assert_eq!(
                    (outline.open_ns(at), outline.open(at)),
                    (bars.open_ns(at), bars.open(at))
                );
                assert_eq!(outline.close(at), bars.close(at));
                let span =
                    at..at.saturating_add(1).saturating_add(place(bars.len().saturating_sub(at)));
                assert!(outline.closes(span.clone()).eq(bars.closes(span.clone())));
                let found = bars.extremes(span.clone()).zip(outline.around(span.clone()));
                assert!(
                    found.is_some_and(|((low, high), (least, most))| least <= low && high <= most)
                );
                let time_ns = bars.open_ns(place(bars.len())).saturating_add(at as i64 % 3 - 1);
                assert_eq!(
                    outline.first_from(span.clone(), time_ns),
                    bars.first_from(span, time_ns)
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_has_no_outline() {
        let wide = Bar { close: 1 << 31, ..Bar::default() };
        assert_eq!(of(&[wide]), None);
        assert!(of(&[Bar { close: (1 << 31) - 1, ..wide }]).is_some());
        let gapped = |count: i64| -> Vec<Bar> {
            (0..count).map(|at| Bar { open_ns: at * 120_000_000_000, ..Bar::default() }).collect()
        };
        assert!(of(&gapped(1_000)).is_some());
        assert_eq!(of(&gapped(1_200)), None, "nearly every bar is a stretch of its own");
    }
}
