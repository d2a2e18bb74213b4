//! What goes in and comes out, row by row: bars and events; fills, orders and points of a curve.
//!
//! `backtest/columns.py` and `backtest/result.py` have the same forms.

/// One bar; prices in ticks, volume in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// When it begins.
    pub open_ns: i64,
    /// The first price.
    pub open: i64,
    /// The highest.
    pub high: i64,
    /// The lowest.
    pub low: i64,
    /// The last.
    pub close: i64,
    /// What was traded.
    pub volume: i64,
}

/// One event of a tape, in 24 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time_ns: i64,
    /// How much.
    pub lots: i64,
    /// At what price.
    pub tick: u32,
    /// What; the numbers of `kind`.
    pub kind: u32,
}

/// The kinds of events.
pub mod kind {
    /// A level of the bids has this size.
    pub const BID_LEVEL: u32 = 0;
    /// A level of the asks.
    pub const ASK_LEVEL: u32 = 1;
    /// A taker bought.
    pub const BUY_TRADE: u32 = 2;
    /// A taker sold.
    pub const SELL_TRADE: u32 = 3;
    /// The best bid: what is better is stale.
    pub const BEST_BID: u32 = 4;
    /// The best ask.
    pub const BEST_ASK: u32 = 5;
    /// Whatever stood is gone.
    pub const CLEAR: u32 = 6;
}

/// One execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillRow {
    /// When.
    pub time_ns: i64,
    /// Of which order; orders are counted from 1.
    pub order: u64,
    /// In which trade.
    pub trade_id: u64,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
    /// What it cost.
    pub fee_atoms: i128,
    /// In which asset.
    pub fee_asset_id: u32,
    /// 1 buy, -1 sell.
    pub side: i8,
    /// Whether the order rested.
    pub is_maker: bool,
    /// What is held after it.
    pub position_lots: i64,
    /// Twice the middle when it was wanted.
    pub decided_half_ticks: i64,
    /// Twice the middle when the order arrived.
    pub arrived_half_ticks: i64,
}

/// One order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderRow {
    /// The engine's number; 0 until it has arrived.
    pub engine_id: u64,
    /// When the strategy wanted it.
    pub wanted_ns: i64,
    /// When it reached the exchange; 0 until then.
    pub arrived_ns: i64,
    /// When it ended; 0 while it is open.
    pub ended_ns: i64,
    /// Its limit; 0 for none.
    pub price_ticks: i64,
    /// What it waits for; 0 for nothing.
    pub trigger_ticks: i64,
    /// Its size.
    pub size_lots: i64,
    /// What of it has filled.
    pub filled_lots: i64,
    /// 1 buy, -1 sell.
    pub side: i8,
    /// Numbers of the enums in Python.
    pub order_type: u8,
    /// How long.
    pub time_in_force: u8,
    /// Whether it must not take.
    pub post_only: bool,
    /// `domain.lifecycle.OrderState`.
    pub state: u8,
    /// Why it was refused; 0 for not at all.
    pub reject_reason: u8,
    /// Why it ended; 0 for not at all.
    pub cancel_cause: u8,
    /// What the strategy has been told of its state.
    pub told_state: u8,
    /// What the strategy has been told of what has filled.
    pub told_lots: i64,
    /// Twice the middle when it was wanted.
    pub decided_half_ticks: i64,
    /// Twice the middle when it arrived.
    pub arrived_half_ticks: i64,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// When.
    pub time_ns: i64,
    /// In quote.
    pub cash: f64,
    /// In base.
    pub position: f64,
    /// The mark.
    pub price: f64,
    /// Cash and position at the mark.
    pub equity: f64,
}
