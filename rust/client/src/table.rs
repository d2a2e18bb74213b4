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
    /// The checksum of the book as it is with the message in it.
    Checksum,
    /// Levels that say their side themselves.
    Changes,
    /// Of how many trades one is, of which `TradeId` is the last.
    Joined,
}

impl Slot {
    const ALL: [Self; 21] = [
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
        Self::Checksum,
        Self::Changes,
        Self::Joined,
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
    /// Whether it is a whole number in quotes.
    pub is_quoted: bool,
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
    /// What the variant then is; none: it may be any, or there is none.
    pub variants: Vec<String>,
    /// Whether the payload is a list of such messages.
    pub is_list: bool,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What stands in a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its price.
    Price,
    /// Its size.
    Size,
    /// The word for its side.
    Side,
    /// Something that is passed over.
    Other,
}

impl Column {
    /// Returns the column of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Price),
            2 => Some(Self::Size),
            3 => Some(Self::Side),
            4 => Some(Self::Other),
            _ => None,
        }
    }
}

/// What a level is made of.
#[derive(Clone, Debug, Default)]
pub struct LevelTable {
    /// Its values, in their order.
    pub columns: Vec<Column>,
    /// Their names where a level is an object, else none: it is a list.
    pub names: Vec<String>,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// As a number since 1970.
    Count,
    /// As a text, `2024-03-11T20:48:46.622052Z`.
    Iso,
}

impl TimeForm {
    /// Returns the form of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Count),
            2 => Some(Self::Iso),
            _ => None,
        }
    }
}

/// The messages of a stream, and how their values are written.
#[derive(Clone, Debug)]
pub struct StreamTable {
    /// The names that lead to the text that says of which kind a message is.
    pub kind_path: Vec<String>,
    /// The kind begins behind the first of this in that text; empty: it is the whole text.
    pub kind_after: String,
    /// The names that lead to a second text, which tells variants of a kind apart; none: there is
    /// no such.
    pub variant_path: Vec<String>,
    /// The names that lead to the payload; none: the message is its own payload.
    pub payload_path: Vec<String>,
    /// Symbol and time, where they stand beside the payload: the names that lead to them from the
    /// message on.
    pub beside: Vec<Field>,
    /// The kinds; messages of others are passed over.
    pub messages: Vec<MessageTable>,
    /// A whole book that was asked for, which does not say of what.
    pub snapshot: MessageTable,
    /// Digits behind the point that prices may have.
    pub decimals: u32,
    /// Digits behind the point that sizes may have.
    pub size_decimals: u32,
    /// Whether prices and sizes stand in quotes.
    pub has_quotes: bool,
    /// The levels of a side.
    pub levels: LevelTable,
    /// Levels that say their side.
    pub changes: LevelTable,
    /// The words for sides of levels, as they stand in the message.
    pub bid: String,
    /// See `bid`.
    pub ask: String,
    /// Whether levels off the tick are taken, and shown at the next tick; else they are malformed.
    pub takes_odd: bool,
    /// Whether a level at price 0 is none, and only fills a place.
    pub has_fillers: bool,
    /// The taker sold: this value, as it stands in the message.
    pub sold: String,
    /// The taker bought.
    pub bought: String,
    /// How times are written.
    pub time_form: TimeForm,
    /// What a venue's time counts, in nanoseconds.
    pub time_unit_ns: i64,
    /// Times from here on count `fine_unit_ns`.
    pub fine_from: i64,
    /// See `fine_from`.
    pub fine_unit_ns: i64,
    /// How deltas join.
    pub continuity: Continuity,
    /// How many levels of a side the stream tells of, the best; 0: all.
    pub depth: usize,
    /// So many best levels of each side the checksum is made of; 0: there is none.
    pub checked_levels: usize,
}

/// One instrument to be followed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// As the venue spells it.
    pub symbol: String,
    /// The price step, in units of the last decimal that the venue may write of a price.
    pub tick: i64,
    /// The size step, likewise.
    pub lot: i64,
}
