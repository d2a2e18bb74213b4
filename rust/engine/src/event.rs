//! What the engine tells: each effect becomes a record the moment it happens.
//!
//! There is no list of effect values: a caller gets the bytes of the layout, which is what
//! crosses the border and stands in the journal. `domain/commands.py` says what each one means.

use crate::book::Node;
use crate::command::{
    CancelCause, Liquidity, MarketState, RejectReason, Side, Transfer, TransferState,
};
use crate::wire::{Record, size, tag};

/// The effects of a run of commands, in the order in which they happened.
#[derive(Default)]
pub struct Effects {
    bytes: Vec<u8>,
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

    #[inline]
    pub(crate) fn rejected(&mut self, order_id: u64, account_id: u32, reason: RejectReason) {
        let mut record = Record::<{ size::REJECTED }>::new(tag::REJECTED, account_id);
        record.u64(order_id).u8(reason.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn accepted(&mut self, order_id: u64, account_id: u32, instrument_id: u32) {
        let mut record = Record::<{ size::ACCEPTED }>::new(tag::ACCEPTED, account_id);
        record.u64(order_id).u32(instrument_id);
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn traded(&mut self, trade: &Trade) {
        let mut record = Record::<{ size::TRADED }>::new(tag::TRADED, trade.instrument_id);
        record
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
        let mut record = Record::<{ size::FILLED }>::new(tag::FILLED, order.account_id);
        record
            .u64(order.order_id)
            .u64(trade.trade_id)
            .i64(trade.price_ticks)
            .i64(trade.size_lots)
            .i64(remaining_lots)
            .i128(fee.atoms)
            .u32(trade.instrument_id)
            .u32(fee.asset_id)
            .i8(order.side.number())
            .u8(liquidity.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    #[inline]
    pub(crate) fn canceled(&mut self, order: &Node, instrument_id: u32, cause: CancelCause) {
        let mut record = Record::<{ size::CANCELED }>::new(tag::CANCELED, order.account_id);
        record.u64(order.order_id).i64(order.remaining_lots).u32(instrument_id).u8(cause.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    /// Tells of an order's new price and size; `order` is what it has become.
    pub(crate) fn amended(&mut self, order: &Node, instrument_id: u32, kept_priority: bool) {
        let mut record = Record::<{ size::AMENDED }>::new(tag::AMENDED, order.account_id);
        record
            .u64(order.order_id)
            .i64(order.price_ticks)
            .i64(order.size_lots)
            .u32(instrument_id)
            .u8(u8::from(kept_priority));
        self.bytes.extend_from_slice(record.bytes());
    }

    pub(crate) fn triggered(&mut self, order: &Node, instrument_id: u32, price_ticks: i64) {
        let mut record = Record::<{ size::TRIGGERED }>::new(tag::TRIGGERED, order.account_id);
        record.u64(order.order_id).i64(price_ticks).u32(instrument_id);
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
        let mut record = Record::<{ size::LEVEL_CHANGED }>::new(tag::LEVEL_CHANGED, instrument_id);
        record.i64(price_ticks).i64(size_lots).i8(side.number());
        self.bytes.extend_from_slice(record.bytes());
    }

    pub(crate) fn transferred(&mut self, account_id: u32, asset_id: u32, amount_atoms: i128) {
        let mut record = Record::<{ size::TRANSFERRED }>::new(tag::TRANSFERRED, account_id);
        record.u32(asset_id).i128(amount_atoms);
        self.bytes.extend_from_slice(record.bytes());
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
        self.bytes.extend_from_slice(record.bytes());
    }

    pub(crate) fn market_state_changed(&mut self, instrument_id: u32, state: MarketState) {
        let tag = tag::MARKET_STATE_CHANGED;
        let mut record = Record::<{ size::MARKET_STATE_CHANGED }>::new(tag, instrument_id);
        self.bytes.extend_from_slice(record.u8(state.number()).bytes());
    }
}
