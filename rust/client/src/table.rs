//! What a venue's messages look like, as a table: which names lead to what.
//!
//! Nothing of a venue is compiled in. A message is an object, its payload that object or one inside
//! it; a text beside it says which kind it is, and of each kind the table says where in the payload
//! its fields stand. Names that the table does not have are passed over.

use crate::book::Continuity;

/// What a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The instrument, as the venue spells it.
    Symbol,
    /// The first update that a delta holds.
    First,
    /// The last update that a delta holds, or up to which a snapshot or touch is.
    Last,
    /// The last update of the delta before.
    Previous,
    /// The venue's time.
    Time,
    /// The number of a trade.
    TradeId,
    /// The price of a trade.
    Price,
    /// The size of a trade.
    Size,
    /// Which side took.
    TakerSide,
    /// Levels of bids.
    Bids,
    /// Levels of asks.
    Asks,
    /// The best bid's price.
    BidPrice,
    /// The best bid's size.
    BidSize,
    /// The best ask's price.
    AskPrice,
    /// The best ask's size.
    AskSize,
    /// Nothing, but it must be a text.
    Text,
    /// Nothing, but it must be a whole number.
    Integer,
    /// Nothing, but it must be true or false.
    Flag,
}

impl Slot {
    const ALL: [Self; 18] = [
        Self::Symbol,
        Self::First,
        Self::Last,
        Self::Previous,
        Self::Time,
        Self::TradeId,
        Self::Price,
        Self::Size,
        Self::TakerSide,
        Self::Bids,
        Self::Asks,
        Self::BidPrice,
        Self::BidSize,
        Self::AskPrice,
        Self::AskSize,
        Self::Text,
        Self::Integer,
        Self::Flag,
    ];

    /// Returns the slot of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: usize) -> Option<Self> {
        Self::ALL.get(number.checked_sub(1)?).copied()
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole book.
    Snapshot,
    /// Levels of a book that changed.
    Delta,
    /// One trade.
    Trade,
    /// The best bid and ask.
    Touch,
}

/// One field of a message.
#[derive(Clone, Debug)]
pub struct Field {
    /// The names that lead to it, from the payload on.
    pub path: Vec<String>,
    /// What it means.
    pub slot: Slot,
    /// Whether a message without it is malformed.
    pub is_required: bool,
}

/// One kind of message.
#[derive(Clone, Debug)]
pub struct MessageTable {
    /// What it is.
    pub kind: Kind,
    /// The texts that name it.
    pub names: Vec<String>,
    /// What such a text may also begin with.
    pub prefixes: Vec<String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// The messages of a stream, and how their values are written.
#[derive(Clone, Debug)]
pub struct StreamTable {
    /// The names that lead to the text that says of which kind a message is.
    pub kind_path: Vec<String>,
    /// The kind begins behind the first of this in that text; empty: it is the whole text.
    pub kind_after: String,
    /// The names that lead to the payload; none: the message is its own payload.
    pub payload_path: Vec<String>,
    /// The kinds; messages of others are passed over.
    pub messages: Vec<MessageTable>,
    /// A whole book that was asked for, which does not say of what.
    pub snapshot: MessageTable,
    /// Digits behind the point that prices and sizes may have.
    pub decimals: u32,
    /// Whether prices and sizes stand in quotes.
    pub has_quotes: bool,
    /// How many elements a level has: price, size, and what is passed over.
    pub level_length: usize,
    /// The taker sold: this value, as it stands in the message.
    pub sold: String,
    /// The taker bought.
    pub bought: String,
    /// What a venue's time counts, in nanoseconds.
    pub time_unit_ns: i64,
    /// Times from here on count `fine_unit_ns`.
    pub fine_from: i64,
    /// See `fine_from`.
    pub fine_unit_ns: i64,
    /// How deltas join.
    pub continuity: Continuity,
}

/// One instrument to be followed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// As the venue spells it.
    pub symbol: String,
    /// The price step, in units of the last decimal that the venue may write.
    pub tick: i64,
    /// The size step, likewise.
    pub lot: i64,
}
