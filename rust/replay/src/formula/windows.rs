//! What the last values have been beside their mean: their highest, their lowest, how far they spread.

use std::collections::VecDeque;

/// The highest or the lowest of the last values; missing while one of them is.
pub(super) struct Extreme {
    period: usize,
    is_highest: bool,
    /// Those that may still become it, with their places; each is beyond all that came after it.
    kept: VecDeque<(usize, f64)>,
    /// From this place on none of the last values is missing.
    whole_from: usize,
}

impl Extreme {
    pub(super) fn new(period: usize, is_highest: bool) -> Self {
        Self { period, is_highest, kept: VecDeque::new(), whole_from: period - 1 }
    }

    pub(super) fn run(&mut self, from: usize, values: &[f64], out: &mut [f64]) {
        let sign = if self.is_highest { 1.0 } else { -1.0 };
        for ((at, value), out) in (from..).zip(values).zip(out) {
            let value = value * sign;
            if value.is_nan() {
                self.whole_from = at + self.period;
                self.kept.clear();
            } else {
                while self.kept.back().is_some_and(|it| it.1 <= value) {
                    self.kept.pop_back();
                }
                self.kept.push_back((at, value));
                if self.kept.front().is_some_and(|it| it.0 + self.period <= at) {
                    self.kept.pop_front();
                }
            }
            let best = self.kept.front().map_or(f64::NAN, |it| it.1 * sign);
            *out = if at < self.whole_from { f64::NAN } else { best };
        }
    }
}

/// How far the last values spread around their mean: the root of the mean square, divided by their
/// number. Sums are kept and made anew as those of a mean are.
pub(super) struct Deviation {
    period: usize,
    grid: usize,
    base: f64,
    sum: f64,
    squares: f64,
    whole_from: usize,
}

impl Deviation {
    pub(super) fn new(period: usize) -> Self {
        // Squares lose more than sums where values leave their base behind.
        let grid = (4 * period).next_power_of_two();
        Self { period, grid, base: 0.0, sum: 0.0, squares: 0.0, whole_from: period - 1 }
    }

    /// Works a block out; `values` has a period of values before it.
    pub(super) fn run(&mut self, from: usize, values: &[f64], out: &mut [f64]) {
        let count = self.period as f64;
        for (off, out) in out.iter_mut().enumerate() {
            let (at, new) = (from + off, values[off + self.period]);
            if !new.is_finite() {
                self.whole_from = at + self.period;
            }
            *out = f64::NAN;
            if at < self.whole_from {
                continue;
            }
            if at == self.whole_from || at.is_multiple_of(self.grid) {
                let window = &values[off + 1..=off + self.period];
                (self.base, self.sum, self.squares) = (new, 0.0, 0.0);
                for it in window.iter().map(|it| it - new) {
                    self.sum += it;
                    self.squares += it * it;
                }
            } else {
                let (old, new) = (values[off] - self.base, new - self.base);
                self.sum += new - old;
                self.squares += (new - old) * (new + old);
            }
            let mean = self.sum / count;
            *out = (self.squares / count - mean * mean).max(0.0).sqrt();
        }
    }
}
