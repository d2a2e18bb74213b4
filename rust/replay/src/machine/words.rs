//! The words of a backtest's machine: why it stops, what it assumes, what is wanted and told.

use steelyard_engine::{FeeAsset, MarketState, OrderType, Side, TimeInForce};

use crate::latency::Latency;
use crate::rows::Bar;

/// Numbers of `domain.lifecycle.OrderState`.
pub mod state {
    /// On its way.
    pub const PENDING: u8 = 1;
    /// In the books.
    pub const WORKING: u8 = 3;
    /// In part.
    pub const PARTIALLY_FILLED: u8 = 4;
    /// Whole.
    pub const FILLED: u8 = 5;
    /// Somebody has taken it back.
    pub const CANCELED: u8 = 6;
    /// Its rest has ended by itself.
    pub const EXPIRED: u8 = 7;
    /// Refused.
    pub const REJECTED: u8 = 8;
}

/// Room for so many orders and fills is asked for at once.
pub(super) const ROOM: usize = 1_024;

pub(super) const RATE_SCALE: u64 = 100_000_000;

/// The user's account in the engine.
pub const USER: u32 = 100;

/// Why the machine has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// A bar has closed.
    Bar(Bar),
    /// There is news of orders: `take_news`.
    News,
    /// A timer is due: its number, and when.
    Timer(usize, i64),
    /// The book has changed.
    Book,
    /// Somebody has traded.
    Trade {
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// 1: the taker bought, -1: it sold.
        side: i64,
    },
    /// The next block of data is to be fed.
    Starved,
    /// It is over.
    End,
}

/// A time in which the market is not as usual.
#[derive(Clone, Copy, Debug)]
pub struct Closure {
    /// From when on.
    pub from_ns: i64,
    /// Until when.
    pub to_ns: i64,
    /// What the market is then.
    pub state: MarketState,
}

/// What a run assumes of the way to the exchange and back, and what it is to keep.
pub struct Settings {
    /// From a wish to the exchange.
    pub order_latency: Latency,
    /// From the exchange to the strategy.
    pub answer_latency: Latency,
    /// When the market is closed; by time.
    pub closures: Vec<Closure>,
    /// How many orders of a hundred million are refused for no reason.
    pub reject_e8: u64,
    /// What the dice begin with.
    pub seed: u64,
    /// In what fees are paid.
    pub fee_asset: FeeAsset,
    /// Whether news is wanted; without, it is taken as told and nobody is called.
    pub wants_news: bool,
    /// How often the account is marked to the middle; 0: at each bar's close instead.
    pub mark_ns: i64,
}

/// A new order as a strategy wants it; 0 is an absent price.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Buy or sell.
    pub side: Side,
    /// How the price is chosen.
    pub order_type: OrderType,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Whether it must not take.
    pub post_only: bool,
    /// The limit.
    pub price_ticks: i64,
    /// What it waits for.
    pub trigger_ticks: i64,
    /// How much.
    pub size_lots: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    Place,
    Cancel,
    Amend { price_ticks: i64, size_lots: i64, trigger_ticks: i64 },
}

/// Something on its way to the exchange; in the order of arrival, then of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flight {
    pub(super) arrives_ns: i64,
    pub(super) number: u64,
    pub(super) order: usize,
    pub(super) errand: Errand,
}

/// Something on its way to the strategy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) told_ns: i64,
    pub(super) news: News,
}

/// What has become of an order, by its place in the list of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It has another state.
    Order {
        /// Which.
        order: usize,
        /// The state.
        state: u8,
    },
    /// It has filled: the place of the fill.
    Fill(usize),
    /// It has other terms.
    Amended {
        /// Which.
        order: usize,
    },
}

/// What became of something that was due.
pub(super) enum Carried {
    /// It is done, and there may be more.
    On,
    /// Somebody has to be called.
    To(Pause),
}

/// A repeating call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub(super) every_ns: i64,
    pub(super) due_ns: i64,
}
