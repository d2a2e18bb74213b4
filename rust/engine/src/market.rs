//! A market, and what may change while a command is carried out there.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from the engine's own tables; prices, sizes and amounts are bounded by \
              the refusals, and overflow checks are on in every profile"
)]

use std::hint::select_unpredictable;

use crate::book::{Book, Nodes};
use crate::command::{FeeAsset, Instrument, MarketState, Side};
use crate::event::Effects;
use crate::fees::Schedules;
use crate::ledger::Ledger;
use crate::order::{Extra, Order, Rare};
use crate::places::Places;
use crate::plain::Limits;
use crate::room::Room;
use crate::units::{RATE_SCALE, Rates, fee_atoms, notional_atoms, product, with_fee};
use crate::waiting::Waiting;

/// A market: its listing, its book and where its money goes.
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) next_trade_id: u64,
    pub(crate) state: MarketState,
    /// The last, mark and index price; 0 is not known yet.
    pub(crate) prices: [i64; 3],
    pub(crate) book: Book,
    /// The orders that wait for a price here.
    pub(crate) waiting: Waiting,
    /// What is open here, if it has a limit.
    pub(crate) room: Option<Box<Room>>,
    /// What follows from all that for plain orders.
    pub(crate) limits: Limits,
    /// Places in the ledger.
    pub(crate) house_base: u32,
    pub(crate) house_quote: u32,
    pub(crate) fees_base: u32,
    pub(crate) fees_quote: u32,
}

/// A level whose size has changed.
#[derive(Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) market: u32,
    pub(crate) side: Side,
    pub(crate) price_ticks: i64,
    /// Where the level was.
    pub(crate) level: u32,
}

/// What all markets share.
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) nodes: Nodes,
    /// Places of open orders: a node's number, or marked by `OUTSIDE`.
    pub(crate) orders: Places,
    pub(crate) rare: Rare,
    pub(crate) schedules: Schedules,
    pub(crate) next_priority: u64,
    pub(crate) touched: Vec<Touch>,
}

/// One market while one command is carried out there.
pub(crate) struct Turn<'a> {
    pub(crate) at: u32,
    pub(crate) market: &'a mut Market,
    pub(crate) shared: &'a mut Shared,
    pub(crate) effects: &'a mut Effects,
}

impl Market {
    /// Returns what one lot of an order holds of the asset that it pays with; a price of 0 is none.
    #[inline(always)]
    pub(crate) fn hold_per_lot(
        &self,
        side: Side,
        price_ticks: i64,
        fee_asset: FeeAsset,
        rates: Rates,
    ) -> i128 {
        let is_in_quote = fee_asset == FeeAsset::Quote;
        let rate_e8 = if is_in_quote { rates.larger_e8() } else { 0 };
        let Instrument { lot_atoms, tick_lot_atoms, .. } = self.instrument;
        match product(price_ticks, tick_lot_atoms).and_then(|it| with_fee(it, rate_e8)) {
            // Nobody can foresee the side: no branch.
            Some(buys) => {
                let sells = lot_atoms.cast_unsigned();
                i128::from(select_unpredictable(side == Side::Buy, buys, sells))
            }
            None => self.large_hold_per_lot(side, price_ticks, rate_e8),
        }
    }

    /// Returns the same where 64 bits are not enough.
    #[cold]
    fn large_hold_per_lot(&self, side: Side, price_ticks: i64, rate_e8: i32) -> i128 {
        let per_lot = notional_atoms(price_ticks, 1, self.instrument.tick_lot_atoms);
        match side {
            Side::Buy => per_lot + fee_atoms(per_lot, rate_e8),
            Side::Sell => i128::from(self.instrument.lot_atoms),
        }
    }

    /// Returns the lowest and the highest price around the reference, if there is a band.
    #[inline(never)]
    pub(crate) fn band(&self) -> Option<(i64, i64)> {
        if self.instrument.band_rate_e8 == 0 {
            return None;
        }
        let [last, mark, _] = self.prices;
        let reference = if mark == 0 { last } else { mark };
        if reference == 0 {
            return None;
        }
        let rate = i128::from(self.instrument.band_rate_e8);
        let width = i128::from(reference) * rate / i128::from(RATE_SCALE);
        let width = width as i64;
        Some((reference - width, reference + width))
    }

    /// Returns the last price at which an order may trade.
    #[inline(always)]
    pub(crate) fn reach(&self, order: &Order) -> i64 {
        match (order.price_ticks, order.side) {
            (0, Side::Buy) => self.band().map_or(i64::MAX, |it| it.1),
            (0, Side::Sell) => self.band().map_or(0, |it| it.0),
            (price, _) => price,
        }
    }

    /// Returns whether something can be a price here.
    #[inline(always)]
    pub(crate) fn is_price(&self, price_ticks: i64) -> bool {
        (1..=self.instrument.price_max_ticks).contains(&price_ticks)
    }
}

impl Turn<'_> {
    /// Returns the same turn for a call that is seldom made: what only its copy has the address of
    /// stays in registers.
    #[inline(always)]
    pub(crate) fn apart(&mut self) -> Turn<'_> {
        let Turn { at, ref mut market, ref mut shared, ref mut effects } = *self;
        Turn { at, market, shared, effects }
    }

    #[inline]
    pub(crate) fn instrument_id(&self) -> u32 {
        self.market.instrument.instrument_id
    }

    /// Returns what only few orders have of this one.
    #[inline(always)]
    pub(crate) fn extra(&self, order: &Order) -> &Extra {
        self.shared.rare.extras.of(order)
    }

    /// Returns what one lot of an order holds; market buys and orders by amount hold nothing.
    #[inline(always)]
    pub(crate) fn hold_per_lot(&self, order: &Order) -> i128 {
        let Order { side, price_ticks, fee_asset, rates, .. } = *order;
        if self.is_by_amount(order) || (side == Side::Buy && price_ticks == 0) {
            return 0;
        }
        self.market.hold_per_lot(side, price_ticks, fee_asset, rates)
    }

    /// Returns the next place in time.
    #[inline(always)]
    pub(crate) fn priority(&mut self) -> u64 {
        let priority = self.shared.next_priority;
        self.shared.next_priority += 1;
        priority
    }

    /// Counts an order that begins to rest or to wait.
    #[inline(always)]
    pub(crate) fn count_in(&mut self, order: &Order) {
        if let Some(room) = &mut self.market.room {
            room.add(&{ *order });
        }
    }

    /// Counts an order out that rests or waits no longer.
    #[inline(always)]
    pub(crate) fn count_out(&mut self, order: &Order) {
        if let Some(room) = &mut self.market.room {
            room.remove(&{ *order });
        }
    }

    /// Notes that a level's size has changed; where it is, if that is known.
    #[inline(always)]
    pub(crate) fn touch(&mut self, side: Side, price_ticks: i64, level: u32) {
        // Two in a row differ rarely in one of these alone: one branch.
        let is_same = |it: &Touch| {
            (it.price_ticks == price_ticks) & (it.side == side) & (it.market == self.at)
        };
        if !self.shared.touched.last().is_some_and(is_same) {
            self.shared.touched.push(Touch { market: self.at, side, price_ticks, level });
        }
    }

    /// Tells the size of a level that is the last to change within a command: at once, if no other
    /// has to be told before.
    #[inline(always)]
    pub(crate) fn tell_level(&mut self, side: Side, price_ticks: i64, level: u32, lots: i64) {
        if self.shared.touched.is_empty() && self.shared.rare.heard.is_empty() {
            self.effects.level_changed(
                self.market.instrument.instrument_id,
                side,
                price_ticks,
                lots,
            );
        } else {
            self.touch(side, price_ticks, level);
        }
    }

    /// Tells what an order has become.
    #[cold]
    pub(crate) fn tell_amended(&mut self, order: &Order, kept_priority: bool) {
        let instrument_id = self.instrument_id();
        self.effects.amended(order, instrument_id, kept_priority);
    }
}
