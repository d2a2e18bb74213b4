//! What the engine tells: each effect becomes a record the moment it happens.
//!
//! There is no list of effect values: a caller gets the bytes of the layout, which is what
//! crosses the border and stands in the journal. `domain/commands.py` says what each one means.
//! The fields of what is told often never straddle a word of eight bytes, so those records are put
//! together from words.

use crate::command::{
    CancelCause, Liquidity, MarketState, RejectReason, Side, Transfer, TransferState,
};
use crate::order::Order;
use crate::wire::{Record, size, tag};

/// The effects of a run of commands, in the order in which they happened.
#[derive(Default)]
pub struct Effects {
    words: Vec<[u8; 8]>,
}

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

impl Effects {
    /// Returns the records so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.words.as_flattened()
    }

    /// Forgets what was told, keeping the room.
    pub fn clear(&mut self) {
        self.words.clear();
    }

    /// Gives room back after an unusually long answer.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.words.clear();
        self.words.shrink_to(bytes / 8);
    }

    /// Tells one record: its tag, the field in its head, and whole words.
    #[inline(always)]
    fn tell<const WORDS: usize>(&mut self, tag: u16, subject: u32, words: [u64; WORDS]) {
        let size = (8 + 8 * WORDS) as u64;
        let head = u64::from(tag) | size << 16 | u64::from(subject) << 32;
        self.words.reserve(1 + WORDS);
        self.words.push(head.to_le_bytes());
        self.words.extend_from_slice(&words.map(u64::to_le_bytes));
    }

    #[inline]
    pub(crate) fn rejected(&mut self, order_id: u64, account_id: u32, reason: RejectReason) {
        self.tell(tag::REJECTED, account_id, [order_id, u64::from(reason.number())]);
    }

    #[inline(always)]
    pub(crate) fn accepted(&mut self, order_id: u64, account_id: u32, instrument_id: u32) {
        self.tell(tag::ACCEPTED, account_id, [order_id, u64::from(instrument_id)]);
    }

    #[inline(always)]
    pub(crate) fn traded(&mut self, trade: &Trade) {
        let words = [
            trade.trade_id,
            trade.price_ticks.cast_unsigned(),
            trade.size_lots.cast_unsigned(),
            trade.taker_order_id,
            trade.maker_order_id,
            sign(trade.taker_side),
        ];
        self.tell(tag::TRADED, trade.instrument_id, words);
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
        let [low, high] = halves(fee.atoms);
        let words = [
            order.order_id,
            trade.trade_id,
            trade.price_ticks.cast_unsigned(),
            trade.size_lots.cast_unsigned(),
            remaining_lots.cast_unsigned(),
            low,
            high,
            pair(trade.instrument_id, fee.asset_id),
            sign(order.side) | u64::from(liquidity.number()) << 8,
        ];
        self.tell(tag::FILLED, order.account_id, words);
    }

    #[inline(always)]
    pub(crate) fn canceled(&mut self, order: &Order, instrument_id: u32, cause: CancelCause) {
        let why = pair(instrument_id, u32::from(cause.number()));
        let words = [order.order_id, order.remaining_lots.cast_unsigned(), why];
        self.tell(tag::CANCELED, order.account_id, words);
    }

    /// Tells of an order's new price and size; `order` is what it has become.
    pub(crate) fn amended(&mut self, order: &Order, instrument_id: u32, kept_priority: bool) {
        let words = [
            order.order_id,
            order.price_ticks.cast_unsigned(),
            order.size_lots.cast_unsigned(),
            pair(instrument_id, u32::from(kept_priority)),
        ];
        self.tell(tag::AMENDED, order.account_id, words);
    }

    pub(crate) fn triggered(&mut self, order: &Order, instrument_id: u32, price_ticks: i64) {
        let words = [order.order_id, price_ticks.cast_unsigned(), u64::from(instrument_id)];
        self.tell(tag::TRIGGERED, order.account_id, words);
    }

    #[inline(always)]
    pub(crate) fn level_changed(
        &mut self,
        instrument_id: u32,
        side: Side,
        price_ticks: i64,
        size_lots: i64,
    ) {
        let words = [price_ticks.cast_unsigned(), size_lots.cast_unsigned(), sign(side)];
        self.tell(tag::LEVEL_CHANGED, instrument_id, words);
    }

    pub(crate) fn transferred(&mut self, account_id: u32, asset_id: u32, amount_atoms: i128) {
        let mut record = Record::<{ size::TRANSFERRED }>::new(tag::TRANSFERRED, account_id);
        record.u32(asset_id).i128(amount_atoms);
        self.words.extend_from_slice(record.bytes().as_chunks().0);
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
        self.words.extend_from_slice(record.bytes().as_chunks().0);
    }

    pub(crate) fn market_state_changed(&mut self, instrument_id: u32, state: MarketState) {
        self.tell(tag::MARKET_STATE_CHANGED, instrument_id, [u64::from(state.number())]);
    }
}
