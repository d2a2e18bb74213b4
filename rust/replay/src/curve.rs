//! What an account was worth over time: a bounded number of points, and the deepest fall of all.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "for reading, not for booking: nothing that is paid comes from here"
)]

use crate::account::Account;
use crate::rows::{Bar, Point};

const DAY_NS: i64 = 86_400_000_000_000;
/// More points than this are thinned out to half.
const POINTS_MAX: usize = 20_000;

/// A curve that grows with the run and not with its length.
#[derive(Clone, Debug)]
pub struct Curve {
    price_unit: f64,
    every_ns: i64,
    next_ns: i64,
    day_ends_ns: i64,
    last: Point,
    points: Vec<Point>,
    peak: f64,
    drawdown: f64,
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
            points: Vec::new(),
            peak: f64::NEG_INFINITY,
            drawdown: 0.0,
        }
    }

    /// Notes what the account is worth before anything happens, at the first price that is known,
    /// in half ticks. It belongs to the day that begins, also where that is at this moment.
    pub fn begin(&mut self, now_ns: i64, half_ticks: i64, account: &Account) {
        let price = half_ticks as f64 * 0.5 * self.price_unit;
        let (cash, position) = (account.cash, account.base);
        let equity = cash + position * price;
        let time_ns = now_ns + i64::from(now_ns.rem_euclid(DAY_NS) == 0);
        self.peak = equity;
        self.day_ends_ns = ((time_ns - 1).div_euclid(DAY_NS) + 1) * DAY_NS;
        self.last = Point { time_ns, cash, position, price, equity };
        self.points.push(self.last);
    }

    /// Marks the account to a price of now.
    #[inline]
    pub fn mark(&mut self, now_ns: i64, price_ticks: i64, account: &Account) {
        self.mark_at(now_ns, price_ticks as f64 * self.price_unit, account);
    }

    /// Marks the account to a middle of now, in half ticks.
    pub fn mark_mid(&mut self, now_ns: i64, half_ticks: i64, account: &Account) {
        self.mark_at(now_ns, half_ticks as f64 * 0.5 * self.price_unit, account);
    }

    #[inline]
    fn mark_at(&mut self, now_ns: i64, price: f64, account: &Account) {
        let (cash, position) = (account.cash, account.base);
        let equity = cash + position * price;
        if equity > self.peak {
            self.peak = equity;
        } else if self.peak - equity > self.drawdown * self.peak {
            self.drawdown = (self.peak - equity) / self.peak;
        }
        // A moment that ends a day belongs to that day.
        if now_ns > self.day_ends_ns {
            self.end_day();
            self.day_ends_ns = ((now_ns - 1).div_euclid(DAY_NS) + 1) * DAY_NS;
        }
        self.last = Point { time_ns: now_ns, cash, position, price, equity };
        if now_ns >= self.next_ns {
            self.points.push(self.last);
            self.next_ns = now_ns + self.every_ns;
            if self.points.len() > POINTS_MAX {
                self.thin_out();
            }
        }
    }

    /// Marks the account, on which nothing happens, to the close of one bar after the other.
    pub fn mark_bars(&mut self, bars: &[Bar], interval_ns: i64, account: &Account) {
        let (cash, position, unit) = (account.cash, account.base, self.price_unit);
        let mut before: Option<&Bar> = None;
        let mut rest = bars;
        // From one point to the next, in between only the peak and the deepest fall can move.
        while let Some(first) = rest.first() {
            let point_ns = self.next_ns.min(self.day_ends_ns.saturating_add(1));
            let stop_ns = point_ns.saturating_sub(interval_ns);
            if first.open_ns >= stop_ns {
                self.stood(before, interval_ns, account);
                self.mark(first.open_ns + interval_ns, first.close, account);
                before = Some(first);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (between, after) = rest.split_at(rest.partition_point(|it| it.open_ns < stop_ns));
            // Without a position they all are worth the same.
            let counted =
                if position == 0.0 { between.get(..1).unwrap_or_default() } else { between };
            let (mut peak, mut drawdown) = (self.peak, self.drawdown);
            let mut bound = drawdown * peak;
            for bar in counted {
                let equity = cash + position * (bar.close as f64 * unit);
                if equity > peak {
                    peak = equity;
                    bound = drawdown * peak;
                } else if peak - equity > bound {
                    drawdown = (peak - equity) / peak;
                    bound = drawdown * peak;
                }
            }
            (self.peak, self.drawdown) = (peak, drawdown);
            before = between.last();
            rest = after;
        }
        self.stood(before, interval_ns, account);
    }

    /// Notes a bar that made no point as the last one.
    fn stood(&mut self, bar: Option<&Bar>, interval_ns: i64, account: &Account) {
        let Some(bar) = bar else { return };
        let price = bar.close as f64 * self.price_unit;
        self.last = Point {
            time_ns: bar.open_ns + interval_ns,
            cash: account.cash,
            position: account.base,
            price,
            equity: account.cash + account.base * price,
        };
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
        let day = |it: &Point| (it.time_ns - 1).div_euclid(DAY_NS);
        let points = std::mem::take(&mut self.points);
        let kept = points.iter().enumerate().filter(|(at, point)| {
            let ends_day = points.get(at + 1).is_none_or(|next| day(next) != day(point));
            at % 2 == 0 || ends_day
        });
        self.points = kept.map(|(_, point)| *point).collect();
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
