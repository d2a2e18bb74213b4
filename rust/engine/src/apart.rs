//! What whoever keeps most of the house outside of the engine has to ask of it.
//!
//! Levels at which no user stands need not be in the engine, as long as they are there before an order
//! can meet them. Who does that has to know where users stand, which orders may act, and when.

use crate::command::{OrderType, Side};
use crate::engine::Engine;
use crate::market::Market;
use crate::order::Order;

/// What stands at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The house's size.
    pub house_lots: i64,
    /// What the book shows, the house's included.
    pub shown_lots: i64,
    /// Whether orders of users are there, hidden ones too.
    pub has_users: bool,
}

/// An open order: as much of it as says what it might meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub order_id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Its limit; 0 for none.
    pub price_ticks: i64,
    /// What is left of it; 0 where an amount of quote says it.
    pub remaining_lots: i64,
    /// That amount, or 0.
    pub quote_atoms: i128,
    /// Whether it moves away rather than take.
    pub slides: bool,
    /// Whether it rests in the book and nothing hangs on it.
    pub is_plain: bool,
}

impl Engine {
    fn at(&self, instrument_id: u32) -> Option<&Market> {
        self.market(instrument_id).and_then(|at| self.markets.get(at as usize))
    }

    /// Returns what stands at a price.
    #[must_use]
    pub fn standing(&self, instrument_id: u32, side: Side, price_ticks: i64) -> Standing {
        let Some(market) = self.at(instrument_id) else { return Standing::default() };
        let ladder = market.book.of(side);
        let Some(level) = ladder.find(price_ticks).map(|it| ladder.level(it)) else {
            return Standing::default();
        };
        Standing {
            house_lots: level.house_lots,
            shown_lots: level.lots,
            has_users: level.lots != level.house_lots || level.below_lots != 0,
        }
    }

    /// Returns the prices of a side at which something rests, hidden or not, best first.
    pub fn resting_prices(&self, instrument_id: u32, side: Side) -> impl Iterator<Item = i64> {
        let ladder = self.at(instrument_id).map(|it| it.book.of(side));
        let first = ladder.map(|it| it.best()).filter(|&it| it != 0);
        std::iter::successors(first, move |&price| {
            ladder.map(|it| it.after(price)).filter(|&it| it != 0)
        })
    }

    /// Returns the last price of a market; 0 before the first.
    #[must_use]
    pub fn last_ticks(&self, instrument_id: u32) -> i64 {
        self.at(instrument_id).map_or(0, |it| it.prices[0])
    }

    /// Notes a price at which others have traded, and nobody here who waits for it had to hear.
    pub fn note_last(&mut self, instrument_id: u32, price_ticks: i64) {
        if let Some(market) =
            self.market(instrument_id).and_then(|at| self.markets.get_mut(at as usize))
        {
            debug_assert!(market.waiting.silence().contains(&price_ticks), "somebody hears it");
            market.prices[0] = price_ticks;
        }
    }

    /// Returns the prices of trades that nobody in a market hears: those that trigger nothing and
    /// move no trailing stop.
    #[must_use]
    pub fn silence(&self, instrument_id: u32) -> std::ops::RangeInclusive<i64> {
        self.at(instrument_id).map_or(i64::MIN..=i64::MAX, |it| it.waiting.silence())
    }

    /// Returns when something expires next, or has and is over already; `i64::MAX` for never.
    #[must_use]
    pub fn next_expiry_ns(&self) -> i64 {
        self.shared.rare.expiries.peek().map_or(i64::MAX, |it| it.0.0)
    }

    /// Appends the orders of a market that are in no book and may come to it by what happens there.
    pub fn dormant(&self, instrument_id: u32, found: &mut Vec<Open>) {
        if self.shared.rare.outside.len() == 0 {
            return;
        }
        if let Some(at) = self.market(instrument_id) {
            let outside = self.shared.rare.outside.iter().filter(|it| it.market == at);
            found.extend(outside.map(|order| self.open(order, false)));
        }
    }

    /// Returns an open order.
    #[must_use]
    pub fn open_order(&self, order_id: u64) -> Option<Open> {
        match self.shared.resting(order_id) {
            Some(order) => Some(self.open(order, order.extra == 0)),
            None => self.shared.find(order_id).map(|order| self.open(&order, false)),
        }
    }

    fn open(&self, order: &Order, is_plain: bool) -> Open {
        let extra = self.shared.rare.extras.of(order);
        Open {
            order_id: order.order_id,
            side: order.side,
            price_ticks: order.price_ticks,
            remaining_lots: order.remaining_lots,
            quote_atoms: extra.quote_atoms.unwrap_or(0),
            slides: extra.slide,
            is_plain: is_plain && order.order_type == OrderType::Limit,
        }
    }
}
