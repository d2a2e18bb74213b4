//! What the engine tells: each effect becomes a record the moment it happens.
//!
//! There is no list of effect values: a caller gets the bytes of the layout, which is what
//! crosses the border and stands in the journal. `domain/commands.py` says what each one means.
//! The fields of what is told often never straddle a word of eight bytes, so those records are put
//! together from words.

use std::hint::select_unpredictable;

use crate::command::{
    Cancel, CancelCause, Liquidity, MarketState, RejectReason, Side, Transfer, TransferState,
};
use crate::order::Order;
use crate::wire::{Record, size, tag};

/// The effects of a run of commands, in the order in which they happened.
#[derive(Default)]
pub struct Effects {
    /// Room beyond `count` holds what was told before.
    words: Vec<[u8; 8]>,
    count: usize,
}

/// How many words of room there are at first: a batch of a few commands.
const ROOM_MIN: usize = 1 << 8;

/// A trade as everybody sees it.
#[derive(Clone, Copy)]
pub(crate) struct Trade {
    pub(crate) instrument_id: u32,
    pub(crate) trade_id: u64,
    pub(crate) price_ticks: i64,
    pub(crate) size_lots: i64,
    pub(crate) taker_order_id: u64,
    pub(crate) maker_order_id: u64,
    pub(crate) taker_side: Side,
}

/// What a fill cost its owner.
#[derive(Clone, Copy)]
pub(crate) struct Fee {
    pub(crate) asset_id: u32,
    pub(crate) atoms: i128,
}

impl Fee {
    /// Returns one of two where nobody can foresee which: no branch.
    #[inline(always)]
    pub(crate) fn either(is_first: bool, first: Self, second: Self) -> Self {
        Self {
            asset_id: select_unpredictable(is_first, first.asset_id, second.asset_id),
            atoms: select_unpredictable(is_first, first.atoms, second.atoms),
        }
    }
}

/// Returns the first word of a record: its tag, its size and the field in its head.
#[inline(always)]
fn head(tag: u16, words: u16, subject: u32) -> u64 {
    u64::from(tag) | u64::from(words) << 19 | u64::from(subject) << 32
}

/// Returns a word of two halves.
#[inline(always)]
fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Returns a sign in the lowest byte of a word.
#[inline(always)]
fn sign(side: Side) -> u64 {
    u64::from(side.number().cast_unsigned())
}

/// Returns the low and the high word of an amount.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of 128 bits are what is wanted")]
fn halves(atoms: i128) -> [u64; 2] {
    let bits = atoms.cast_unsigned();
    [bits as u64, (bits >> 64) as u64]
}

/// Returns the record of an order's part in a trade, of which so much remains.
#[inline(always)]
fn fill(
    (order, remaining_lots): (&Order, i64),
    trade: &Trade,
    liquidity: Liquidity,
    fee: Fee,
) -> [u64; 10] {
    let [low, high] = halves(fee.atoms);
    [
        head(tag::FILLED, 10, order.account_id),
        order.order_id,
        trade.trade_id,
        trade.price_ticks.cast_unsigned(),
        trade.size_lots.cast_unsigned(),
        remaining_lots.cast_unsigned(),
        low,
        high,
        pair(trade.instrument_id, fee.asset_id),
        sign(order.side) | u64::from(liquidity.number()) << 8,
    ]
}

impl Effects {
    /// Returns the records so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.words().as_flattened()
    }

    /// Returns the records word by word.
    pub(crate) fn words(&self) -> &[[u8; 8]] {
        self.words.get(..self.count).unwrap_or_default()
    }

    /// Forgets what was told, keeping the room.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Gives room back after an unusually long answer.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.count = 0;
        self.words.truncate(bytes / 8);
        self.words.shrink_to_fit();
    }

    /// Tells one record of whole words, the first of which is its head.
    ///
    /// Into room that is there: what appends a slice to a `Vec` is not always put in place, and then
    /// copies by a call what has just been written.
    #[inline(always)]
    fn tell<const WORDS: usize>(&mut self, words: [u64; WORDS]) {
        let end = self.count.saturating_add(WORDS);
        if end > self.words.len() {
            self.make_room();
        }
        if let Some(room) = self.words.get_mut(..end).and_then(|it| it.last_chunk_mut()) {
            *room = words.map(u64::to_le_bytes);
        }
        self.count = end;
    }

    /// Tells a record that is seldom told.
    fn tell_bytes(&mut self, record: &[u8]) {
        for word in record.as_chunks().0 {
            self.tell([u64::from_le_bytes(*word)]);
        }
    }

    /// Doubles the room.
    #[cold]
    fn make_room(&mut self) {
        let room = self.words.len().saturating_mul(2).max(ROOM_MIN);
        self.words.resize(room, [0; 8]);
    }

    #[inline]
    pub(crate) fn rejected(&mut self, order_id: u64, account_id: u32, reason: RejectReason) {
        let why = u64::from(reason.number());
        self.tell([head(tag::REJECTED, 3, account_id), order_id, why]);
    }

    #[inline(always)]
    pub(crate) fn accepted(&mut self, order_id: u64, account_id: u32, instrument_id: u32) {
        let market = u64::from(instrument_id);
        self.tell([head(tag::ACCEPTED, 3, account_id), order_id, market]);
    }

    #[inline(always)]
    pub(crate) fn traded(&mut self, trade: &Trade) {
        self.tell([
            head(tag::TRADED, 7, trade.instrument_id),
            trade.trade_id,
            trade.price_ticks.cast_unsigned(),
            trade.size_lots.cast_unsigned(),
            trade.taker_order_id,
            trade.maker_order_id,
            sign(trade.taker_side),
        ]);
    }

    /// Tells an order's owner of its part in a trade, and what remains after it.
    #[inline(always)]
    pub(crate) fn filled(
        &mut self,
        order: &Order,
        remaining_lots: i64,
        trade: &Trade,
        liquidity: Liquidity,
        fee: Fee,
    ) {
        self.tell(fill((order, remaining_lots), trade, liquidity, fee));
    }

    /// Tells both owners of their parts in a trade, the taker's first; each with what remains.
    #[inline(always)]
    pub(crate) fn filled_both(
        &mut self,
        taker: (&Order, i64),
        maker: (&Order, i64),
        trade: &Trade,
        (taken, made): (Fee, Fee),
    ) {
        let [a, b, c, d, e, f, g, h, i, j] = fill(taker, trade, Liquidity::Taker, taken);
        let [k, l, m, n, o, p, q, r, s, t] = fill(maker, trade, Liquidity::Maker, made);
        self.tell([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]);
    }

    #[inline(always)]
    pub(crate) fn canceled(&mut self, order: &Order, instrument_id: u32, cause: CancelCause) {
        let why = pair(instrument_id, u32::from(cause.number()));
        let left = order.remaining_lots.cast_unsigned();
        self.tell([head(tag::CANCELED, 4, order.account_id), order.order_id, left, why]);
    }

    /// Tells that an order is accepted, and what its level shows when it rests there.
    #[inline(always)]
    pub(crate) fn accepted_at_level(&mut self, order: &Order, instrument_id: u32, lots: i64) {
        self.tell([
            head(tag::ACCEPTED, 3, order.account_id),
            order.order_id,
            u64::from(instrument_id),
            head(tag::LEVEL_CHANGED, 4, instrument_id),
            order.price_ticks.cast_unsigned(),
            lots.cast_unsigned(),
            sign(order.side),
        ]);
    }

    /// Tells that an order is canceled with so much left, and what its level shows without it.
    #[inline(always)]
    pub(crate) fn canceled_at_level(
        &mut self,
        (canceled, left): (&Cancel, i64),
        cause: CancelCause,
        instrument_id: u32,
        (side, price_ticks, lots): (Side, i64, i64),
    ) {
        self.tell([
            head(tag::CANCELED, 4, canceled.account_id),
            canceled.order_id,
            left.cast_unsigned(),
            pair(instrument_id, u32::from(cause.number())),
            head(tag::LEVEL_CHANGED, 4, instrument_id),
            price_ticks.cast_unsigned(),
            lots.cast_unsigned(),
            sign(side),
        ]);
    }

    /// Tells of an order's new price and size; `order` is what it has become.
    pub(crate) fn amended(&mut self, order: &Order, instrument_id: u32, kept_priority: bool) {
        self.tell([
            head(tag::AMENDED, 5, order.account_id),
            order.order_id,
            order.price_ticks.cast_unsigned(),
            order.size_lots.cast_unsigned(),
            pair(instrument_id, u32::from(kept_priority)),
        ]);
    }

    pub(crate) fn triggered(&mut self, order: &Order, instrument_id: u32, price_ticks: i64) {
        let (price, market) = (price_ticks.cast_unsigned(), u64::from(instrument_id));
        self.tell([head(tag::TRIGGERED, 4, order.account_id), order.order_id, price, market]);
    }

    #[inline(always)]
    pub(crate) fn level_changed(
        &mut self,
        instrument_id: u32,
        side: Side,
        price_ticks: i64,
        size_lots: i64,
    ) {
        let (price, size) = (price_ticks.cast_unsigned(), size_lots.cast_unsigned());
        self.tell([head(tag::LEVEL_CHANGED, 4, instrument_id), price, size, sign(side)]);
    }

    pub(crate) fn transferred(&mut self, account_id: u32, asset_id: u32, amount_atoms: i128) {
        let mut record = Record::<{ size::TRANSFERRED }>::new(tag::TRANSFERRED, account_id);
        record.u32(asset_id).i128(amount_atoms);
        self.tell_bytes(record.bytes());
    }

    pub(crate) fn transfer_changed(
        &mut self,
        transfer_id: u64,
        transfer: &Transfer,
        state: TransferState,
    ) {
        let tag = tag::TRANSFER_CHANGED;
        let mut record = Record::<{ size::TRANSFER_CHANGED }>::new(tag, transfer.account_id);
        record
            .u32(transfer.asset_id)
            .u64(transfer_id)
            .i128(transfer.amount_atoms)
            .u8(state.number());
        self.tell_bytes(record.bytes());
    }

    pub(crate) fn market_state_changed(&mut self, instrument_id: u32, state: MarketState) {
        let state = u64::from(state.number());
        self.tell([head(tag::MARKET_STATE_CHANGED, 2, instrument_id), state]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::NO_ORDER;

    #[test]
    fn two_parts_told_at_once_are_those_told_one_by_one() {
        let trade = Trade {
            instrument_id: 3,
            trade_id: 11,
            price_ticks: 9,
            size_lots: 2,
            taker_order_id: 8,
            maker_order_id: 7,
            taker_side: Side::Sell,
        };
        let taker = Order { order_id: 8, account_id: 101, side: Side::Sell, ..NO_ORDER };
        let maker = Order { order_id: 7, account_id: 100, ..NO_ORDER };
        let taken = Fee { asset_id: 2, atoms: 1 << 70 };
        let made = Fee { asset_id: 1, atoms: -5 };
        let (mut both, mut apart) = (Effects::default(), Effects::default());
        both.filled_both((&taker, 4), (&maker, 6), &trade, (taken, made));
        apart.filled(&taker, 4, &trade, Liquidity::Taker, taken);
        apart.filled(&maker, 6, &trade, Liquidity::Maker, made);
        assert_eq!(both.bytes(), apart.bytes());
    }

    #[test]
    fn nothing_is_lost_while_the_room_grows_or_is_used_again() {
        let mut effects = Effects::default();
        for count in [1, 2_000, 3, 5_000] {
            let mut expected = Vec::new();
            for order_id in 0..count {
                effects.rejected(order_id, 7, RejectReason::UnknownOrder);
                for word in [head(tag::REJECTED, 3, 7), order_id, 30] {
                    expected.extend_from_slice(&word.to_le_bytes());
                }
            }
            assert_eq!(effects.bytes(), expected);
            match count {
                2_000 => effects.shrink_to(16),
                _ => effects.clear(),
            }
            assert!(effects.bytes().is_empty());
        }
    }
}
