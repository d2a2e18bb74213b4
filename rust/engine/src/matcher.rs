//! Price-time matching and nothing else: no accounts, no fees, no clock.
//!
//! For those who keep their own books: orders are numbers of the caller's, steps go in as records of
//! a fixed form, trades come out as such. It is the book of the engine (`book.rs`, `ladder.rs`).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "hot: prices and sizes are in range, and overflow checks are on in every profile"
)]

use std::hint::select_unpredictable;

use crate::book::{Book, Nodes, Resting};
use crate::command::Side;
use crate::table::Table;
use crate::units::LIMIT_MAX;

/// Bytes of a step: u64 order_id, i64 price_ticks, i64 size_lots, i64 side.
pub const STEP_SIZE: usize = 32;

/// Bytes of a trade: u64 taker_id, u64 maker_id, i64 price_ticks, i64 size_lots.
pub const TRADE_SIZE: usize = 32;

/// A step that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misstep {
    /// The bytes are no multiple of a step's.
    CutShort,
    /// The side is not 1 (buy), -1 (sell) or 0 (cancel).
    Side(usize),
    /// A price is not from 1 to 2^53.
    Price(usize),
    /// A size is not from 1 to 2^53.
    Size(usize),
}

/// A trade of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Whose step.
    pub taker_id: u64,
    /// Whom it met.
    pub maker_id: u64,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
}

/// An order of the caller's: a third of the engine's, and always shown.
#[derive(Clone, Copy)]
struct Plain {
    order_id: u64,
    price_ticks: i64,
    remaining_lots: i64,
    side: Side,
}

impl Resting for Plain {
    const NOBODY: Self = Self { order_id: 0, price_ticks: 0, remaining_lots: 0, side: Side::Buy };
    const IS_HASHED: bool = false;

    #[inline(always)]
    fn price_ticks(&self) -> i64 {
        self.price_ticks
    }

    #[inline(always)]
    fn remaining_lots(&self) -> i64 {
        self.remaining_lots
    }

    #[inline(always)]
    fn remaining_lots_mut(&mut self) -> &mut i64 {
        &mut self.remaining_lots
    }

    #[inline(always)]
    fn below_lots(&self) -> i64 {
        0
    }

    #[inline(always)]
    fn is_hidden(&self) -> bool {
        false
    }

    #[inline(always)]
    fn is_house(&self) -> bool {
        false
    }
}

/// One limit order book.
pub struct Matcher {
    book: Book,
    nodes: Nodes<Plain>,
    orders: Table,
}

impl Default for Matcher {
    fn default() -> Self {
        Self { book: Book::new(), nodes: Nodes::new(), orders: Table::default() }
    }
}

impl Matcher {
    /// Carries out steps, appends their trades and the places of the steps that were refused.
    ///
    /// # Errors
    ///
    /// One of them is no step; then none has been carried out.
    pub fn apply(
        &mut self,
        steps: &[u8],
        trades: &mut Vec<[u8; TRADE_SIZE]>,
        refused: &mut Vec<usize>,
    ) -> Result<(), Misstep> {
        let (steps, rest) = steps.as_chunks::<STEP_SIZE>();
        if !rest.is_empty() {
            return Err(Misstep::CutShort);
        }
        check(steps)?;
        let mut told = |it: Match| {
            let words = [it.taker_id, it.maker_id].map(u64::to_le_bytes);
            let numbers = [it.price_ticks, it.size_lots].map(i64::to_le_bytes);
            let mut record = [0; TRADE_SIZE];
            for (place, word) in
                record.as_chunks_mut::<8>().0.iter_mut().zip(words.into_iter().chain(numbers))
            {
                *place = word;
            }
            trades.push(record);
        };
        for (at, step) in steps.iter().enumerate() {
            let [order_id, price_ticks, size_lots, side] = words(step);
            let is_done = match side {
                0 => self.cancel(order_id.cast_unsigned()).is_some(),
                _ => {
                    let side = select_unpredictable(side > 0, Side::Buy, Side::Sell);
                    self.place(order_id.cast_unsigned(), side, price_ticks, size_lots, &mut told)
                }
            };
            if !is_done {
                refused.push(at);
            }
        }
        Ok(())
    }

    /// Matches a limit order and lets the rest of it rest; false where its number is in use, or its
    /// level is full. The price and the size are from 1 to 2^53.
    #[inline(always)]
    pub fn place(
        &mut self,
        order_id: u64,
        side: Side,
        price_ticks: i64,
        size_lots: i64,
        told: &mut impl FnMut(Match),
    ) -> bool {
        let room = self.book.of(side).has_room(price_ticks, size_lots, self.nodes.most());
        if !room || self.find(order_id).is_some() {
            return false;
        }
        let mut left = size_lots;
        let far = self.book.of_mut(side.opposite());
        while left > 0 && far.best() != 0 && side.reaches(price_ticks, far.best()) {
            let best = far.best_level();
            let at = far.level(best).head;
            let Plain { order_id: maker_id, price_ticks, remaining_lots, .. } = *self.nodes.get(at);
            let lots = left.min(remaining_lots);
            left -= lots;
            told(Match { taker_id: order_id, maker_id, price_ticks, size_lots: lots });
            if lots == remaining_lots {
                far.remove(&mut self.nodes, at);
                self.orders.remove(maker_id);
            } else {
                self.nodes.change(at).remaining_lots -= lots;
                far.reduce(best, lots, false);
            }
        }
        if left > 0 {
            let order = Plain { order_id, price_ticks, remaining_lots: left, side };
            let (at, ..) = self.book.of_mut(side).add(&mut self.nodes, &order);
            self.orders.insert(order_id, at);
        }
        true
    }

    /// Takes an order off the book, and returns how much of it was left.
    #[inline(always)]
    pub fn cancel(&mut self, order_id: u64) -> Option<i64> {
        let (slot, at) = self.orders.find(order_id)?;
        let Plain { side, remaining_lots, .. } = *self.nodes.get(at);
        self.book.of_mut(side).remove(&mut self.nodes, at);
        self.orders.clear(slot);
        Some(remaining_lots)
    }

    #[inline(always)]
    fn find(&self, order_id: u64) -> Option<u32> {
        self.orders.get(order_id)
    }

    /// Returns up to `depth` levels of a side, best first, as price and size.
    #[must_use]
    pub fn levels(&self, side: Side, depth: usize) -> Vec<(i64, i64)> {
        self.book.of(side).levels().take(depth).collect()
    }
}

/// Returns what a step is made of.
#[inline(always)]
fn words(step: &[u8; STEP_SIZE]) -> [i64; 4] {
    let mut found = [0; 4];
    for (place, word) in found.iter_mut().zip(step.as_chunks::<8>().0) {
        *place = i64::from_le_bytes(*word);
    }
    found
}

/// Refuses steps that are none, all of them before the first is carried out.
fn check(steps: &[[u8; STEP_SIZE]]) -> Result<(), Misstep> {
    // Nobody can foresee which step is a cancel: no branch, and blame only where there is some.
    let is_wrong = steps.iter().fold(false, |found, step| {
        let [_, price, size, side] = words(step);
        let unless_cancel = -i64::from(side != 0);
        let is_limit = |it: i64| it.wrapping_sub(1).cast_unsigned() < LIMIT_MAX.cast_unsigned();
        let is_price = is_limit((price & unless_cancel) | i64::from(side == 0));
        let is_size = is_limit((size & unless_cancel) | i64::from(side == 0));
        found | !(is_price & is_size & (side.wrapping_add(1).cast_unsigned() <= 2))
    });
    let blame = || steps.iter().enumerate().find_map(|(at, step)| misstep(step, at));
    is_wrong.then(blame).flatten().map_or(Ok(()), Err)
}

fn misstep(step: &[u8; STEP_SIZE], at: usize) -> Option<Misstep> {
    let [_, price, size, side] = words(step);
    let limits = 1..=LIMIT_MAX;
    match side {
        0 => None,
        -1 | 1 if !limits.contains(&price) => Some(Misstep::Price(at)),
        -1 | 1 if !limits.contains(&size) => Some(Misstep::Size(at)),
        -1 | 1 => None,
        _ => Some(Misstep::Side(at)),
    }
}
