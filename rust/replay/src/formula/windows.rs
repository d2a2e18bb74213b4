//! What the last values have been beside their mean: their highest, their lowest, how far they spread.

use super::higher;

/// The highest or the lowest of the last values; missing while one of them is.
///
/// Of each stretch as long as the period it is known, for each place, what it is from there to the
/// stretch's end; a window is such an end and what has come since.
pub(super) struct Extreme {
    period: usize,
    sign: f64,
    /// For each place of the stretch before, and one that is beyond nothing.
    ends: Vec<f64>,
    since: f64,
}

impl Extreme {
    pub(super) fn new(period: usize, is_highest: bool) -> Self {
        let sign = if is_highest { 1.0 } else { -1.0 };
        Self { period, sign, ends: vec![f64::NEG_INFINITY; period + 1], since: 0.0 }
    }

    /// Works a block out; `values` has a period of values before it.
    pub(super) fn run(&mut self, from: usize, values: &[f64], out: &mut [f64]) {
        let Self { period, sign, ref mut ends, ref mut since } = *self;
        let mut next = 0;
        while next < out.len() {
            let at = (from + next) % period;
            if at == 0 {
                *since = f64::NEG_INFINITY;
                let mut best = f64::NEG_INFINITY;
                for (end, value) in ends.iter_mut().zip(&values[next..next + period]).rev() {
                    best = higher(best, value * sign);
                    *end = best;
                }
            }
            let stop = out.len().min(next + period - at);
            let fresh = &values[next + period..stop + period];
            for ((end, value), out) in ends[at + 1..].iter().zip(fresh).zip(&mut out[next..stop]) {
                *since = higher(*since, value * sign);
                *out = higher(*end, *since) * sign;
            }
            next = stop;
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
