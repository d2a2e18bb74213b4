//! What the engine tells: each effect becomes a record the moment it happens.
//!
//! There is no list of effect values: a caller gets the bytes of the layout, which is what
//! crosses the border and stands in the journal. `domain/commands.py` says what each one means.

use crate::book::Node;
use crate::command::{CancelCause, Liquidity, RejectReason, Side};
use crate::wire::{Record, size, tag};

/// The effects of a run of commands, in the order in which they happened.
#[derive(Default)]
pub struct Effects {
    bytes: Vec<u8>,
    now_ns: i64,
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

impl Effects {
    /// Returns the records so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was told, keeping the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Gives room back after an unusually long answer.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(bytes);
    }

    /// Sets the time that the next effects carry: their command's.
    pub fn at(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }

    #[inline]
    pub(crate) fn rejected(&mut self, order_id: u64, account_id: u32, reason: RejectReason) {
        let mut record = Record::<{ size::REJECTED }>::new(tag::REJECTED, self.now_ns);
        record.u64(order_id).u32(account_id).u8(reason.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn accepted(&mut self, order_id: u64, account_id: u32, instrument_id: u32) {
        let mut record = Record::<{ size::ACCEPTED }>::new(tag::ACCEPTED, self.now_ns);
        record.u64(order_id).u32(account_id).u32(instrument_id);
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn traded(&mut self, trade: &Trade) {
        let mut record = Record::<{ size::TRADED }>::new(tag::TRADED, self.now_ns);
        record
            .u32(trade.instrument_id)
            .u64(trade.trade_id)
            .i64(trade.price_ticks)
            .i64(trade.size_lots)
            .u64(trade.taker_order_id)
            .u64(trade.maker_order_id)
            .i8(trade.taker_side.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    /// Tells an order's owner of its part in a trade, and what remains after it.
    #[inline]
    pub(crate) fn filled(
        &mut self,
        order: &Node,
        remaining_lots: i64,
        trade: &Trade,
        liquidity: Liquidity,
        fee: Fee,
    ) {
        let mut record = Record::<{ size::FILLED }>::new(tag::FILLED, self.now_ns);
        record
            .u64(order.order_id)
            .u32(order.account_id)
            .u32(trade.instrument_id)
            .u64(trade.trade_id)
            .i64(trade.price_ticks)
            .i64(trade.size_lots)
            .i64(remaining_lots)
            .u32(fee.asset_id)
            .i128(fee.atoms)
            .i8(order.side.number())
            .u8(liquidity.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn canceled(&mut self, order: &Node, instrument_id: u32, cause: CancelCause) {
        let mut record = Record::<{ size::CANCELED }>::new(tag::CANCELED, self.now_ns);
        record
            .u64(order.order_id)
            .u32(order.account_id)
            .u32(instrument_id)
            .i64(order.remaining_lots)
            .u8(cause.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    /// Tells of an order's new price and size; `order` is what it has become.
    pub(crate) fn amended(&mut self, order: &Node, instrument_id: u32, kept_priority: bool) {
        let mut record = Record::<{ size::AMENDED }>::new(tag::AMENDED, self.now_ns);
        record
            .u64(order.order_id)
            .u32(order.account_id)
            .u32(instrument_id)
            .i64(order.price_ticks)
            .i64(order.size_lots)
            .u8(u8::from(kept_priority));
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn level_changed(
        &mut self,
        instrument_id: u32,
        side: Side,
        price_ticks: i64,
        size_lots: i64,
    ) {
        let mut record = Record::<{ size::LEVEL_CHANGED }>::new(tag::LEVEL_CHANGED, self.now_ns);
        record.u32(instrument_id).i64(price_ticks).i64(size_lots).i8(side.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    pub(crate) fn transferred(&mut self, account_id: u32, asset_id: u32, amount_atoms: i128) {
        let mut record = Record::<{ size::TRANSFERRED }>::new(tag::TRANSFERRED, self.now_ns);
        record.u32(account_id).u32(asset_id).i128(amount_atoms);
        self.bytes.extend_from_slice(record.bytes());
    }
}
