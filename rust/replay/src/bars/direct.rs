//! What needs no path: bars on which nothing can happen to an order, and takers without a level.
//!
//! Both are short cuts. What they leave behind is what the long way leaves behind, and where that
//! could differ they do nothing.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: prices and sizes are in range, and overflow checks are on in every profile"
)]

use steelyard_engine::{Place, Taken};

use super::BarMarket;
use crate::columns::Prices;

impl BarMarket {
    /// Returns whether it is between two bars, and no order is open on which they could act.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_open && self.engine.open_orders() == 0
    }

    /// Goes past bars while it is idle: those before a place, of which there is one. `volume` says
    /// how much was traded in one, where that counts.
    #[inline]
    pub(crate) fn skip(
        &mut self,
        bars: &(impl Prices + ?Sized),
        end: usize,
        volume: impl FnOnce(usize) -> i64,
    ) {
        let at = end - self.before;
        if at <= self.bars.len() {
            self.at = at;
        } else {
            self.bars.clear();
            (self.before, self.at) = (end, 0);
        }
        self.now_ns = bars.open_ns(end - 1) + self.interval_ns;
        self.price = bars.close(end - 1);
        if self.rules.at_close && self.counts_volume() {
            self.enter(volume(end - 1));
        }
    }

    /// Returns whether it makes a difference how much was traded.
    pub(crate) fn counts_volume(&self) -> bool {
        self.rules.volume_share_e8 != 0 || self.rules.impact_e8 != 0
    }

    /// Returns whether orders meet the close of the bar that led to them.
    pub(crate) fn meets_close(&self) -> bool {
        self.rules.at_close
    }

    /// Goes to the open of the next bar while it is idle, as if the bar began; it is passed later.
    #[inline]
    pub(crate) fn look_at_open(&mut self, open_ns: i64, open: i64, volume: impl FnOnce() -> i64) {
        self.now_ns = self.now_ns.max(open_ns);
        self.price = open;
        if self.counts_volume() {
            self.enter(volume());
        }
    }

    /// Lets an order take what it can get at the price of now, with nobody else in the books.
    #[inline]
    pub(super) fn meet(&mut self, place: &Place) -> Option<Taken> {
        #[cfg(test)]
        if self.goes_the_long_way {
            return None;
        }
        if self.left_lots == 0 || self.price == 0 {
            return None;
        }
        let price = self.price_of(place.side, place.size_lots, self.price);
        let house = self.fact(place.side.opposite(), price.max(1), self.left_lots);
        let taken = self.engine.take(place, &house, self.now_ns)?;
        if self.rules.volume_share_e8 != 0 {
            self.left_lots = (self.left_lots - taken.fill.map_or(0, |it| it.size_lots)).max(0);
        }
        Some(taken)
    }

    /// Returns how long a bar is.
    pub(crate) fn interval_ns(&self) -> i64 {
        self.interval_ns
    }
}
