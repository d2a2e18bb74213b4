//! Why bytes were not taken: one error for all of them.

use std::fmt;

/// What is wrong with a message, and at which of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was found wrong.
    pub flaw: Flaw,
    /// How many bytes in.
    pub at: usize,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Not JSON.
    Syntax,
    /// More lists and objects inside each other than [`crate::DEPTH_MAX`].
    Deep,
    /// A name, a symbol or a number is spelled with escapes, which no venue does.
    Escape,
    /// Another type of value than the table says.
    Type,
    /// Not a decimal number, or one with too many decimals.
    Number,
    /// A price or size below zero.
    Negative,
    /// A number beyond [`crate::TICKS_MAX`] or 18 digits.
    Large,
    /// A field that the table asks for is not there.
    Missing,
    /// A name that decides how others are read was told twice.
    Twice,
    /// A symbol that is not followed.
    Unlisted,
    /// More levels in one message than [`crate::LEVELS_MAX`].
    Levels,
    /// More than one book in one message.
    Several,
    /// A time that is not written as the table says.
    Time,
    /// A price that is no whole number of ticks, where the table does not take such.
    OffTick,
}

impl Flaw {
    /// Returns it in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Syntax => "this is not JSON",
            Self::Deep => "lists or objects are nested too deep",
            Self::Escape => "a name, symbol or number is spelled with escapes",
            Self::Type => "a value has another type than documented",
            Self::Number => "this is not a decimal number, or has too many decimals",
            Self::Negative => "a price or size is below zero",
            Self::Large => "a number is too large",
            Self::Missing => "a field is missing",
            Self::Twice => "a symbol or kind is told twice",
            Self::Unlisted => "the symbol is not one of those that are followed",
            Self::Levels => "there are too many levels",
            Self::Several => "there are several books in one message",
            Self::Time => "this is not a time of the form 2024-03-11T20:48:46.622052Z",
            Self::OffTick => "a price is off the tick",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.flaw.text(), self.at)
    }
}

impl std::error::Error for Malformed {}

/// What reading gives.
pub type Read<T> = Result<T, Malformed>;
