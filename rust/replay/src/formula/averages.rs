//! Averages: of the last values, and over all of them with a weight that fades.
//!
//! One addition waits for the one before, so four are taken together: what they add among themselves
//! does not wait. Which four is a matter of their places alone, so a value depends on nothing that
//! comes after it, and not on how many values there are.

use std::ops::Range;

use super::{BLOCK, Fours};

/// The mean of the last values. Its sum is kept as differences from a value nearby, and made anew
/// every so often, so that what rounding leaves behind does not add up.
pub(super) struct Mean {
    period: usize,
    /// So many values share one base.
    grid: usize,
    /// The place of the first number.
    begun: Option<usize>,
    base: f64,
    sum: f64,
    /// How many of the last values are missing.
    missing: usize,
}

impl Mean {
    pub(super) fn new(period: usize) -> Self {
        let grid = (4 * period).max(BLOCK).next_power_of_two();
        Self { period, grid, begun: None, base: 0.0, sum: 0.0, missing: 0 }
    }

    /// Works a block out; `values` has a period of values before it.
    pub(super) fn run(&mut self, from: usize, values: &[f64], out: &mut [f64]) {
        let period = self.period;
        let fresh = &values[period..];
        if self.begun.is_none() {
            self.begun = fresh.iter().position(|it| it.is_finite()).map(|at| from + at);
        }
        let first = self.begun.map_or(usize::MAX, |it| it + period - 1);
        if first >= from + out.len() {
            out.fill(f64::NAN);
            return;
        }
        let mut next = 0;
        if first >= from || from.is_multiple_of(self.grid) {
            let at = first.max(from) - from;
            out[..at].fill(f64::NAN);
            self.begin(&values[at + 1..=at + period]);
            out[at] = self.value();
            next = at + 1;
        }
        let sum = self.sum;
        if self.missing == 0 {
            self.pass(next, values, out);
            if self.sum.is_finite() {
                return;
            }
        }
        self.sum = sum;
        self.pass_missing(next, values, out);
    }

    fn value(&self) -> f64 {
        if self.missing == 0 { self.base + self.sum * (1.0 / self.period as f64) } else { f64::NAN }
    }

    /// Adds the values of a window up anew.
    fn begin(&mut self, window: &[f64]) {
        let is_there = |it: &&f64| it.is_finite();
        self.base = window.iter().rev().find(is_there).copied().unwrap_or(0.0);
        self.sum = window.iter().filter(is_there).map(|it| it - self.base).sum();
        self.missing = window.iter().filter(|it| !it.is_finite()).count();
    }

    /// Goes on where no value is missing.
    #[inline]
    fn pass(&mut self, next: usize, values: &[f64], out: &mut [f64]) {
        let (base, share) = (self.base, 1.0 / self.period as f64);
        let (old, new) = (&values[..out.len()], &values[self.period..]);
        let begin = next - next % 4;
        let whole = begin + (out.len() - begin) / 4 * 4;
        if !next.is_multiple_of(4) {
            self.pass_some(next..whole.min(begin + 4).max(next), values, out);
        }
        let from = next.next_multiple_of(4).min(whole);
        let (fours, _) = out[from..].as_chunks_mut::<4>();
        let ways = new[from..].as_chunks::<4>().0.iter().zip(old[from..].as_chunks::<4>().0);
        let mut sum = self.sum;
        for (out, (new, old)) in fours.iter_mut().zip(ways) {
            let sums = summed(sum, moves(new, old));
            *out = sums.map(|it| base + it * share);
            sum = sums[3];
        }
        self.sum = sum;
        self.pass_some(whole.max(next)..out.len(), values, out);
    }

    /// The same of a part of four.
    fn pass_some(&mut self, span: Range<usize>, values: &[f64], out: &mut [f64]) {
        let (base, share) = (self.base, 1.0 / self.period as f64);
        let mut moved = [0.0; 4];
        for at in span.clone() {
            moved[at % 4] = values[at + self.period] - values[at];
        }
        let sums = summed(self.sum, moved);
        for at in span {
            out[at] = base + sums[at % 4] * share;
        }
        self.sum = sums[3];
    }

    /// The same where some are: each makes what it is part of missing, and adds nothing to the sum.
    fn pass_missing(&mut self, next: usize, values: &[f64], out: &mut [f64]) {
        let (base, share) = (self.base, 1.0 / self.period as f64);
        let there = |it: f64| if it.is_finite() { it } else { base };
        for begin in Fours::from(next, out.len()) {
            let mut moved = [0.0; 4];
            let span = begin.max(next)..(begin + 4).min(out.len());
            for at in span.clone() {
                moved[at - begin] = there(values[at + self.period]) - there(values[at]);
            }
            let sums = summed(self.sum, moved);
            for at in span {
                self.missing += usize::from(!values[at + self.period].is_finite());
                self.missing -= usize::from(!values[at].is_finite());
                let value = base + sums[at - begin] * share;
                out[at] = if self.missing == 0 { value } else { f64::NAN };
            }
            self.sum = sums[3];
        }
    }
}

#[inline]
fn moves(new: &[f64; 4], old: &[f64; 4]) -> [f64; 4] {
    [new[0] - old[0], new[1] - old[1], new[2] - old[2], new[3] - old[3]]
}

/// Returns a sum after each of four additions.
#[inline]
fn summed(sum: f64, [a, b, c, d]: [f64; 4]) -> [f64; 4] {
    let (two, rest) = (a + b, c + d);
    [sum + a, sum + two, sum + (two + c), sum + (two + rest)]
}

/// An average in which each value has a weight that fades: the first is the mean of the first
/// period. A value that is missing is missing in it too, and is passed over.
pub(super) struct Smooth {
    period: usize,
    weight: f64,
    /// How much of the average is left after one value, two, three and four.
    left: [f64; 4],
    seen: usize,
    sum: f64,
}

impl Smooth {
    pub(super) fn new(period: usize, weight: f64) -> Self {
        let left = 1.0 - weight;
        let left = [left, left * left, left * left * left, (left * left) * (left * left)];
        Self { period, weight, left, seen: 0, sum: 0.0 }
    }

    pub(super) fn run(&mut self, values: &[f64], out: &mut [f64]) {
        let mut next = 0;
        while self.seen < self.period && next < values.len() {
            out[next] = f64::NAN;
            if values[next].is_finite() {
                self.seen += 1;
                self.sum += values[next];
                if self.seen == self.period {
                    self.sum /= self.period as f64;
                    out[next] = self.sum;
                }
            }
            next += 1;
        }
        let whole = next.next_multiple_of(4).min(values.len());
        self.some(&values[next..whole], &mut out[next..whole]);
        let (fours, rest) = values[whole..].as_chunks::<4>();
        let (outs, last) = out[whole..].as_chunks_mut::<4>();
        for (values, out) in fours.iter().zip(outs) {
            self.four(values, out);
        }
        self.some(rest, last);
    }

    /// Takes four values.
    #[inline]
    fn four(&mut self, values: &[f64; 4], out: &mut [f64; 4]) {
        let ([w, left], sum, [a, b, c, d]) = ([self.weight, self.left[0]], self.sum, *values);
        let first = w * a;
        let second = left * first + w * b;
        let third = left * second + w * c;
        let fourth = left * third + w * d;
        let last = self.left[3] * sum + fourth;
        if last.is_finite() {
            *out =
                [left * sum + first, self.left[1] * sum + second, self.left[2] * sum + third, last];
            self.sum = last;
        } else {
            self.some(values, out);
        }
    }

    /// Takes a part of four, or four of which some are missing.
    fn some(&mut self, values: &[f64], out: &mut [f64]) {
        let [w, left] = [self.weight, self.left[0]];
        let (mut before, mut fresh, mut taken) = (self.sum, 0.0, 0);
        for (value, out) in values.iter().zip(out) {
            if value.is_finite() {
                fresh = left * fresh + w * value;
                self.sum = self.left[taken] * before + fresh;
                taken += 1;
                *out = self.sum;
            } else {
                (before, fresh, taken) = (self.sum, 0.0, 0);
                *out = f64::NAN;
            }
        }
    }
}
