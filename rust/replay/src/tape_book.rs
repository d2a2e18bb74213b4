//! The house's book of a tape: both sides, and what can be read of them.
//!
//! The invariant at rest: nothing stands crossed. A level that crosses is the newer fact, so what it
//! reaches on the far side is gone. It has the house's sizes and marks where users stand; users'
//! orders are the engine's.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hot: ticks are 32 bits, and sizes are bounded where events come in"
)]

use steelyard_engine::Side;

use crate::levels::{Levels, USERS};
use crate::rows::{Event, kind};

/// Marks a level that is in the engine for the time of one command.
pub(crate) const STAGED: u64 = 1 << 62;

const LOTS: u64 = STAGED - 1;

/// The best prices and their sizes; 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// The best bid.
    pub bid_ticks: i64,
    /// How much stands there.
    pub bid_lots: i64,
    /// The best ask.
    pub ask_ticks: i64,
    /// How much stands there.
    pub ask_lots: i64,
}

/// What a taker of some size would meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// How much of it there is.
    pub lots: i64,
    /// The sum of price times size, in ticks times lots.
    pub tick_lots: i128,
    /// The last price; 0 where there is nothing.
    pub last_ticks: i64,
}

/// Both sides.
pub struct TapeBook {
    pub(crate) bids: Levels<true>,
    pub(crate) asks: Levels<false>,
    tick_max: u32,
}

impl TapeBook {
    /// Makes an empty book for prices of 1 to `tick_max`.
    #[must_use]
    pub fn new(tick_max: u32) -> Self {
        Self { bids: Levels::new(tick_max), asks: Levels::new(tick_max), tick_max }
    }

    /// Returns the largest price.
    #[must_use]
    pub fn tick_max(&self) -> u32 {
        self.tick_max
    }

    /// Sets the house's size at a price, where no users stand; what it crosses is gone.
    pub fn set(&mut self, side: Side, tick: u32, lots: i64) {
        if !(1..=self.tick_max).contains(&tick) || lots < 0 {
            return;
        }
        let far = side.opposite();
        while lots != 0
            && let Some(price) = self.best(far)
            && side.reaches(i64::from(tick), i64::from(price))
        {
            self.write(far, price, 0);
        }
        self.write(side, tick, lots as u64);
    }

    /// Returns the house's size at a price.
    #[must_use]
    pub fn lots(&self, side: Side, tick: u32) -> i64 {
        if (1..=self.tick_max).contains(&tick) { lots_of(self.slot(side, tick)) } else { 0 }
    }

    /// Returns the house's best prices.
    #[must_use]
    pub fn touch(&self) -> Touch {
        let (bid_ticks, bid_lots) = self.best_of_house(Side::Buy);
        let (ask_ticks, ask_lots) = self.best_of_house(Side::Sell);
        Touch { bid_ticks, bid_lots, ask_ticks, ask_lots }
    }

    /// Returns the house's best price of a side and its size; 0 where there is none.
    fn best_of_house(&self, side: Side) -> (i64, i64) {
        let mut next = self.best(side);
        while let Some(tick) = next {
            let lots = lots_of(self.slot(side, tick));
            if lots != 0 {
                return (i64::from(tick), lots);
            }
            next = self.after(side, tick);
        }
        (0, 0)
    }

    /// Returns the house's levels, best first, as price and size.
    pub fn depth(&self, side: Side) -> Box<dyn Iterator<Item = (i64, i64)> + '_> {
        let level = move |tick| (i64::from(tick), lots_of(self.slot(side, tick)));
        let stands = |it: &(i64, i64)| it.1 != 0;
        match side {
            Side::Buy => Box::new(self.bids.prices().map(level).filter(stands)),
            Side::Sell => Box::new(self.asks.prices().map(level).filter(stands)),
        }
    }

    /// Returns what a taker would meet of the house.
    #[must_use]
    pub fn walk(&self, taker: Side, size_lots: i64) -> Walked {
        let mut walked = Walked::default();
        for (price, lots) in self.depth(taker.opposite()) {
            let lots = lots.min(size_lots - walked.lots);
            if lots <= 0 {
                break;
            }
            walked.lots += lots;
            walked.tick_lots += i128::from(price) * i128::from(lots);
            walked.last_ticks = price;
        }
        walked
    }

    /// Plays one event where no users stand.
    pub fn tell(&mut self, event: &Event) {
        let Event { tick, lots, .. } = *event;
        match event.kind {
            kind::BID_LEVEL => self.set(Side::Buy, tick, lots),
            kind::ASK_LEVEL => self.set(Side::Sell, tick, lots),
            kind::BUY_TRADE => {
                self.set(Side::Sell, tick, (self.lots(Side::Sell, tick) - lots).max(0))
            }
            kind::SELL_TRADE => {
                self.set(Side::Buy, tick, (self.lots(Side::Buy, tick) - lots).max(0))
            }
            kind::BEST_BID | kind::BEST_ASK => {
                let side = if event.kind == kind::BEST_BID { Side::Buy } else { Side::Sell };
                while lots != 0
                    && let Some(better) = self.best(side)
                    && better != tick
                    && side.reaches(better.into(), tick.into())
                {
                    self.write(side, better, 0);
                }
                if lots != 0 {
                    self.set(side, tick, lots);
                }
            }
            _ => *self = Self::new(self.tick_max),
        }
    }

    /// Returns the house's sizes as a book of their own.
    pub(crate) fn clone_of_house(&self) -> Self {
        let mut book = Self::new(self.tick_max);
        for side in [Side::Buy, Side::Sell] {
            for (price, lots) in self.depth(side) {
                book.write(side, price as u32, lots as u64);
            }
        }
        book
    }

    #[inline]
    pub(crate) fn slot(&self, side: Side, tick: u32) -> u64 {
        match side {
            Side::Buy => self.bids.slot(tick),
            Side::Sell => self.asks.slot(tick),
        }
    }

    pub(crate) fn write(&mut self, side: Side, tick: u32, slot: u64) {
        match side {
            Side::Buy => self.bids.write(tick, slot),
            Side::Sell => self.asks.write(tick, slot),
        }
    }

    /// Returns the best price of a side, users' included, or none.
    pub(crate) fn best(&self, side: Side) -> Option<u32> {
        let price = match side {
            Side::Buy => self.bids.best(),
            Side::Sell => self.asks.best(),
        };
        u32::try_from(price).ok().filter(|&it| it != 0)
    }

    pub(crate) fn after(&self, side: Side, tick: u32) -> Option<u32> {
        let next = match side {
            Side::Buy => self.bids.after(i64::from(tick)),
            Side::Sell => self.asks.after(i64::from(tick)),
        };
        u32::try_from(next).ok().filter(|&it| it != 0)
    }
}

/// Returns the house's size in a slot.
#[inline]
pub(crate) fn lots_of(slot: u64) -> i64 {
    (slot & LOTS).cast_signed()
}

/// Returns whether users stand in a slot.
#[inline]
pub(crate) fn has_users(slot: u64) -> bool {
    slot & USERS != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> TapeBook {
        let mut book = TapeBook::new(1_000);
        for (tick, lots) in [(99, 5), (98, 7), (90, 1)] {
            assert!(book.bids.put(tick, lots), "no users");
        }
        for (tick, lots) in [(101, 2), (105, 8)] {
            assert!(book.asks.put(tick, lots), "no users");
        }
        book
    }

    #[test]
    fn a_touch_passes_over_levels_of_users_alone() {
        let mut book = book();
        book.write(Side::Buy, 100, USERS);
        let touch = book.touch();
        assert_eq!(touch, Touch { bid_ticks: 99, bid_lots: 5, ask_ticks: 101, ask_lots: 2 });
        assert_eq!(book.best(Side::Buy), Some(100));
        assert_eq!(TapeBook::new(5).touch(), Touch::default());
    }

    #[test]
    fn a_level_that_crosses_is_the_newer_fact() {
        let mut book = book();
        book.set(Side::Buy, 104, 3);
        let touch = book.touch();
        assert_eq!(touch, Touch { bid_ticks: 104, bid_lots: 3, ask_ticks: 105, ask_lots: 8 });
        book.set(Side::Buy, 2_000, 1);
        book.set(Side::Buy, 0, 1);
        assert_eq!(book.touch(), touch, "no prices of this book");
    }

    #[test]
    fn a_walk_ends_with_its_size_or_with_the_book() {
        let book = book();
        let walked = book.walk(Side::Buy, 3);
        assert_eq!(walked, Walked { lots: 3, tick_lots: 2 * 101 + 105, last_ticks: 105 });
        assert_eq!(book.walk(Side::Sell, 100).lots, 13);
        assert_eq!(book.walk(Side::Sell, 0), Walked::default());
    }
}
