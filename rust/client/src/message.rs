//! What a venue says, in whole numbers.

use crate::book::Delta;
use crate::levels::Level;

/// A trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trade {
    /// Of which of the instruments.
    pub instrument: usize,
    /// The venue's number of it.
    pub trade_id: i64,
    /// At what price; one off the tick is shown where the maker's level was.
    pub price_ticks: i64,
    /// How much, rounded down to whole lots.
    pub size_lots: i64,
    /// Whether the taker sold.
    pub is_sold: bool,
    /// When, by the venue's clock.
    pub time_ns: i64,
    /// Of how many trades it is, of which `trade_id` is the last.
    pub joined: i64,
}

/// The best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The update after which they were the best.
    pub sequence: i64,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
    /// When, by the venue's clock.
    pub time_ns: i64,
}

pub(crate) const NOTHING: Level = Level { price_ticks: 0, size_lots: 0 };

/// The last message that was read. A time that the venue does not say is the one that the message
/// was read at.
#[derive(Clone, Debug)]
pub struct Message {
    /// Which of the instruments.
    pub instrument: usize,
    /// The delta or snapshot, if it was one.
    pub delta: Delta,
    /// The last trade, if it was one.
    pub trade: Trade,
    /// All trades that were in it.
    pub trades: Vec<Trade>,
    /// The touch, if it was one.
    pub touch: Touch,
}
