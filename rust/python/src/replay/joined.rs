//! The bars that a strategy wants: joined from those of the data, or counted from a tape's trades.

use steelyard_replay::Bar;

use super::PyReplay;

impl PyReplay {
    /// Counts a trade of a tape in the bar of its time.
    pub(super) fn count(&mut self, price: i64, lots: i64) {
        let now_ns = self.machine.now_ns();
        let open_ns = now_ns.saturating_sub(now_ns.rem_euclid(self.interval_ns));
        let [this, next] = &mut self.counted;
        // A trade at the very moment of a close comes before the timer that closes.
        let bar = if this.is_some_and(|it| it.open_ns != open_ns) { next } else { this };
        let found = bar.get_or_insert(Bar {
            open_ns,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
        });
        found.high = found.high.max(price);
        found.low = found.low.min(price);
        found.close = price;
        found.volume = found.volume.saturating_add(lots);
    }

    /// Closes the bar that ends now; without trades it repeats the last price, if there was one.
    pub(super) fn close_bar(&mut self, due_ns: i64) -> Option<Bar> {
        let open_ns = due_ns.saturating_sub(self.interval_ns);
        let [this, next] = self.counted;
        let closed = this.filter(|it| it.open_ns == open_ns);
        if closed.is_some() || this.is_none() {
            self.counted = [next, None];
        }
        let last = self.last;
        let flat = Bar { open_ns, open: last, high: last, low: last, close: last, volume: 0 };
        let bar = closed.or((last != 0).then_some(flat))?;
        self.last = bar.close;
        Some(bar)
    }

    /// Joins a bar to those before it; returns the longer bars that are closed by then, each with
    /// whether something of it is missing: one that a gap has cut short, and its own.
    pub(super) fn join(&mut self, bar: Bar) -> [Option<(Bar, bool)>; 2] {
        if self.interval_ns == self.data_interval_ns {
            return [None, Some((bar, false))];
        }
        let interval_ns = self.interval_ns;
        let open_ns = bar.open_ns.div_euclid(interval_ns).wrapping_mul(interval_ns);
        let before = self.joined.take();
        let (whole, count) = match before {
            Some((it, count)) if it.open_ns == open_ns => {
                let whole = Bar {
                    high: it.high.max(bar.high),
                    low: it.low.min(bar.low),
                    close: bar.close,
                    volume: it.volume.saturating_add(bar.volume),
                    ..it
                };
                (whole, count.saturating_add(1))
            }
            _ => (Bar { open_ns, ..bar }, 1),
        };
        // What a gap has cut short closes when the next one has begun.
        let cut_short = before.filter(|it| it.0.open_ns != open_ns).map(|it| (it.0, true));
        let ends = bar.open_ns.saturating_add(self.data_interval_ns);
        if ends == open_ns.saturating_add(interval_ns) {
            let is_gapped = count.saturating_mul(self.data_interval_ns) != interval_ns;
            return [cut_short, Some((whole, is_gapped))];
        }
        self.joined = Some((whole, count));
        [cut_short, None]
    }
}
