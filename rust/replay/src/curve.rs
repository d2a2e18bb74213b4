//! What an account was worth over time: a bounded number of points, and the deepest fall of all.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "for reading, not for booking: nothing that is paid comes from here"
)]

use std::ops::Range;

use crate::account::{Account, Held};
use crate::columns::Prices;
use crate::rows::Point;

const DAY_NS: i64 = 86_400_000_000_000;
/// More points than this are thinned out to half.
pub(crate) const POINTS_MAX: usize = 20_000;

/// The closes of so many points are read together.
const AHEAD: usize = 32;

/// A fall that is less than so much of another is less, however floats are rounded.
const CLEARLY: f64 = 1.0 - 1e-12;

/// Bars on which nothing has happened to an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub(crate) bars: Range<usize>,
    pub(crate) held: Held,
}

/// A curve that is drawn apart from what trades, which may be in another thread.
#[derive(Debug)]
pub struct Drawn {
    pub(crate) curve: Curve,
    pub(crate) interval_ns: i64,
}

impl Drawn {
    /// Marks the account in one stretch of bars after the other, in their order.
    pub fn mark(&mut self, bars: &(impl Prices + ?Sized), stretches: &[Stretch]) {
        let Self { curve, interval_ns } = self;
        for Stretch { bars: span, held } in stretches {
            curve.pass_bars(bars, span.clone(), *interval_ns, *held);
        }
        curve.catch_up(bars, *interval_ns);
    }
}

/// Closes of bars that lie equally far apart, read together: memory is slow for one at a time.
#[derive(Clone, Debug, Default)]
struct Closes {
    /// Where the next one is expected, and how many have been read for nobody yet.
    next: usize,
    left: usize,
    closes: [i64; AHEAD],
}

impl Closes {
    /// Returns the close of a bar; the next one that is asked for lies so far behind it.
    #[inline]
    fn at(&mut self, bars: &(impl Prices + ?Sized), at: usize, apart: usize) -> i64 {
        if self.left == 0 || at != self.next {
            for (place, close) in (at..).step_by(apart.max(1)).zip(self.closes.iter_mut().rev()) {
                *close = bars.close(place);
            }
            self.left = AHEAD;
        }
        self.left -= 1;
        self.next = at.saturating_add(apart);
        self.closes.get(self.left).copied().unwrap_or(0)
    }
}

/// A curve that grows with the run and not with its length.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    price_unit: f64,
    every_ns: i64,
    next_ns: i64,
    day_ends_ns: i64,
    last: Point,
    /// Where the last bar is that was passed since, and with what: `last` is behind it.
    passed: Option<(usize, Held)>,
    points: Vec<Point>,
    peak: f64,
    drawdown: f64,
    /// A fall from the peak by so much is clearly no deeper one.
    shallow: f64,
    /// The first bar that does not begin before some time: the next point's.
    reach: (i64, usize),
    /// Of the bars at which there are points.
    closes: Closes,
}

/// Returns when the day ends that a moment belongs to.
fn end_of_day(time_ns: i64) -> i64 {
    ((time_ns - 1).div_euclid(DAY_NS) + 1) * DAY_NS
}

impl Curve {
    /// Makes an empty curve.
    ///
    /// One tick is `price_unit` of quote. Points are `every_ns` apart or more, but for the last of
    /// each day (UTC), which stay.
    #[must_use]
    pub fn new(price_unit: f64, every_ns: i64) -> Self {
        Self {
            price_unit,
            every_ns: every_ns.max(1),
            next_ns: i64::MIN,
            day_ends_ns: i64::MIN,
            last: Point::default(),
            passed: None,
            points: Vec::with_capacity(POINTS_MAX + 1),
            peak: f64::NEG_INFINITY,
            drawdown: 0.0,
            shallow: 0.0,
            reach: (i64::MIN, 0),
            closes: Closes::default(),
        }
    }

    /// Notes what the account is worth before anything happens, at the first price that is known,
    /// in half ticks. It belongs to the day that begins, also where that is at this moment.
    pub fn begin(&mut self, now_ns: i64, half_ticks: i64, account: &Account) {
        let price = half_ticks as f64 * 0.5 * self.price_unit;
        let Held { cash, base: position } = account.held();
        let equity = cash + position * price;
        let time_ns = now_ns + i64::from(now_ns.rem_euclid(DAY_NS) == 0);
        self.peak = equity;
        self.day_ends_ns = end_of_day(time_ns);
        self.last = Point { time_ns, cash, position, price, equity };
        self.points.push(self.last);
    }

    /// Takes room for points, before there are any.
    pub(crate) fn move_into(&mut self, points: Vec<Point>) {
        self.points = points;
    }

    /// Leaves the room of its points.
    pub(crate) fn move_out(&mut self) -> Vec<Point> {
        std::mem::take(&mut self.points)
    }

    /// Sets points as far apart as they would be in the end over so much time, thinned out on the way.
    #[must_use]
    pub fn over(mut self, span_ns: i64) -> Self {
        let days = span_ns / DAY_NS;
        let most = i64::try_from(POINTS_MAX).unwrap_or(i64::MAX) - 3;
        while span_ns / self.every_ns > most - days.min(most / 2) {
            self.every_ns *= 2;
        }
        self
    }

    /// Marks the account to a price of now.
    #[inline]
    pub fn mark(&mut self, now_ns: i64, price_ticks: i64, account: &Account) {
        self.mark_at(now_ns, price_ticks as f64 * self.price_unit, account.held());
    }

    /// Marks the account to a middle of now, in half ticks.
    pub fn mark_mid(&mut self, now_ns: i64, half_ticks: i64, account: &Account) {
        self.mark_at(now_ns, half_ticks as f64 * 0.5 * self.price_unit, account.held());
    }

    #[inline]
    fn mark_at(&mut self, now_ns: i64, price: f64, held: Held) {
        let Held { cash, base: position } = held;
        let equity = cash + position * price;
        self.weigh(equity);
        // A moment that ends a day belongs to that day.
        if now_ns > self.day_ends_ns {
            self.end_day();
            self.day_ends_ns = end_of_day(now_ns);
        }
        self.last = Point { time_ns: now_ns, cash, position, price, equity };
        self.passed = None;
        if now_ns >= self.next_ns {
            self.points.push(self.last);
            self.next_ns = now_ns + self.every_ns;
            if self.points.len() > POINTS_MAX {
                self.thin_out();
            }
        }
    }

    /// Marks the account, on which nothing happens, to the close of one bar after the other.
    pub(crate) fn mark_bars(
        &mut self,
        bars: &(impl Prices + ?Sized),
        span: Range<usize>,
        interval_ns: i64,
        held: Held,
    ) {
        self.pass_bars(bars, span, interval_ns, held);
        self.catch_up(bars, interval_ns);
    }

    /// The same, but that `last` may stay behind: memory is slow for one close far from the others.
    fn pass_bars(
        &mut self,
        bars: &(impl Prices + ?Sized),
        span: Range<usize>,
        interval_ns: i64,
        held: Held,
    ) {
        let mut at = span.start;
        // From one point to the next, in between only the peak and the deepest fall can move.
        while at < span.end {
            let point_ns = self.next_ns.min(self.day_ends_ns.saturating_add(1));
            let stop_ns = point_ns.saturating_sub(interval_ns);
            // Many spans may come before it.
            if self.reach.0 != stop_ns {
                self.reach = (stop_ns, bars.first_from(at..bars.count(), stop_ns));
            }
            let stop = self.reach.1.clamp(at, span.end);
            if stop == at {
                let now_ns = bars.open_ns(at) + interval_ns;
                let close = if now_ns < self.next_ns {
                    bars.close(at)
                } else {
                    let apart = (self.every_ns + interval_ns - 1) / interval_ns.max(1);
                    self.closes.at(bars, at, usize::try_from(apart).unwrap_or(1))
                };
                if now_ns > self.day_ends_ns {
                    self.catch_up(bars, interval_ns);
                }
                self.mark_at(now_ns, close as f64 * self.price_unit, held);
                at += 1;
                continue;
            }
            self.pass(bars, at..stop, held);
            self.passed = Some((stop - 1, held));
            at = stop;
        }
    }

    /// Makes `last` the last bar that was passed.
    fn catch_up(&mut self, bars: &(impl Prices + ?Sized), interval_ns: i64) {
        if let Some((at, Held { cash, base: position })) = self.passed.take() {
            let price = bars.close(at) as f64 * self.price_unit;
            let time_ns = bars.open_ns(at) + interval_ns;
            self.last = Point { time_ns, cash, position, price, equity: cash + position * price };
        }
    }

    /// Moves the peak and the deepest fall on.
    #[inline]
    fn weigh(&mut self, equity: f64) {
        if equity <= self.peak && self.peak - equity <= self.shallow {
            return;
        }
        if equity > self.peak {
            self.peak = equity;
        }
        let fall = (self.peak - equity) / self.peak;
        if fall > self.drawdown {
            self.drawdown = fall;
        }
        self.shallow = self.drawdown * self.peak * CLEARLY;
    }

    /// Moves them on over closes that make no point.
    #[inline]
    fn pass(&mut self, bars: &(impl Prices + ?Sized), span: Range<usize>, held: Held) {
        let (Held { cash, base: position }, unit) = (held, self.price_unit);
        let worth = |close: i64| cash + position * (close as f64 * unit);
        // An equity rises or falls with the close, so the extremes of one are those of the other.
        let both = |(lowest, highest): (i64, i64)| {
            let (one, other) = (worth(lowest), worth(highest));
            if one < other { (one, other) } else { (other, one) }
        };
        let is_within = bars
            .around(span.clone())
            .map(both)
            .is_some_and(|(least, most)| most <= self.peak && self.peak - least <= self.shallow);
        if !is_within {
            self.pass_moving(bars, span, both, worth);
        }
    }

    /// The same where the peak or the deepest fall may move.
    #[inline(never)]
    fn pass_moving(
        &mut self,
        bars: &(impl Prices + ?Sized),
        span: Range<usize>,
        both: impl Fn((i64, i64)) -> (f64, f64),
        worth: impl Fn(i64) -> f64,
    ) {
        let Some((least, most)) = bars.extremes(span.clone()).map(both) else { return };
        if most <= self.peak {
            self.weigh(least);
        } else if (most - least) <= self.drawdown * self.peak * CLEARLY {
            self.weigh(most);
        } else {
            bars.closes(span).for_each(|close| self.weigh(worth(close)));
        }
    }

    fn end_day(&mut self) {
        if self.last.time_ns != 0
            && self.points.last().is_some_and(|it| it.time_ns < self.last.time_ns)
        {
            self.points.push(self.last);
        }
    }

    /// Leaves out every other point that does not end a day.
    fn thin_out(&mut self) {
        self.every_ns *= 2;
        let mut day_ends_ns = i64::MIN;
        let mut kept = 0;
        for at in 0..self.points.len() {
            let Some(&point) = self.points.get(at) else { break };
            if point.time_ns > day_ends_ns {
                day_ends_ns = end_of_day(point.time_ns);
            }
            let ends_day = self.points.get(at + 1).is_none_or(|it| it.time_ns > day_ends_ns);
            if at % 2 == 0 || ends_day {
                if let Some(place) = self.points.get_mut(kept) {
                    *place = point;
                }
                kept += 1;
            }
        }
        self.points.truncate(kept);
    }

    /// Notes the last point.
    pub(crate) fn end(&mut self, now_ns: i64, price_ticks: i64, account: &Account) {
        if price_ticks != 0 && now_ns > self.last.time_ns {
            self.mark(now_ns, price_ticks, account);
        }
        self.end_day();
    }

    /// Returns the points so far.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Returns the deepest fall from a peak, as a fraction of the peak.
    #[must_use]
    pub fn drawdown(&self) -> f64 {
        self.drawdown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::listing;

    #[test]
    fn thinned_out_a_curve_keeps_every_other_point_and_the_ends_of_days() {
        let account = Account::new(&listing(), 1_000, 1_000);
        let step_ns = DAY_NS / 7 + 11;
        let mut curve = Curve::new(1.0, 1);
        let count = i64::try_from(POINTS_MAX).unwrap_or(0);
        for at in 0..=count {
            curve.mark(at * step_ns, 5, &account);
        }
        let day = |at: i64| (at * step_ns - 1).div_euclid(DAY_NS);
        let stays = |at: &i64| at % 2 == 0 || *at == count || day(at + 1) != day(*at);
        let expected: Vec<i64> = (0..=count).filter(stays).map(|at| at * step_ns).collect();
        let found: Vec<i64> = curve.points().iter().map(|it| it.time_ns).collect();
        assert_eq!(found, expected);
        assert!((11_000..15_000).contains(&found.len()), "{} points are left", found.len());
    }
}
