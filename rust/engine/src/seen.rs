//! What whoever plays a market of their own has to know of one user's orders in it.

use crate::command::{Side, TriggerBy};
use crate::engine::Engine;
use crate::triggers::{begins_at, trips_at};
use crate::waiting::waits_for_rise;

/// A price that an order waits for, and what it becomes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The price.
    pub price_ticks: i64,
    /// Whether it comes there from below.
    pub rises: bool,
    /// What the order does then.
    pub side: Side,
    /// How much.
    pub size_lots: i64,
}

impl Engine {
    /// Returns the best price of a side in a market; 0 where nothing rests.
    #[must_use]
    #[inline]
    pub fn best_ticks(&self, instrument_id: u32, side: Side) -> i64 {
        let market = self.market(instrument_id).and_then(|at| self.markets.get(at as usize));
        market.map_or(0, |it| it.book.of(side).best())
    }

    /// Returns how many of the users' orders are open, waiting ones too.
    #[must_use]
    #[inline]
    pub fn open_orders(&self) -> usize {
        self.shared.orders.len()
    }

    /// Returns whether no order waits for a price in a market.
    #[must_use]
    #[inline]
    pub fn is_nobody_waiting(&self, instrument_id: u32) -> bool {
        let market = self.market(instrument_id).and_then(|at| self.markets.get(at as usize));
        market.is_none_or(|it| it.waiting.is_empty())
    }

    /// Returns the prices of the last trade that orders wait for in a market, in no order.
    #[must_use]
    pub fn awaited(&self, instrument_id: u32) -> Vec<Awaited> {
        let Some(at) = self.market(instrument_id) else { return Vec::new() };
        let waiting = self.shared.rare.outside.iter().filter(|it| it.market == at);
        let awaited = waiting.filter_map(|order| {
            let extra = self.shared.rare.extras.of(order);
            if extra.trigger_by != TriggerBy::Last || extra.is_child || extra.is_heard {
                return None;
            }
            let (side, size_lots) = (order.side, order.remaining_lots);
            Some(match extra.trigger_ticks {
                Some(price_ticks) => {
                    Awaited { price_ticks, rises: waits_for_rise(order), side, size_lots }
                }
                None if extra.best_ticks == 0 => {
                    let (price_ticks, rises) = begins_at(side, extra)?;
                    Awaited { price_ticks, rises, side, size_lots }
                }
                None => {
                    let price_ticks = trips_at(side, extra);
                    Awaited { price_ticks, rises: side == Side::Buy, side, size_lots }
                }
            })
        });
        awaited.collect()
    }
}
