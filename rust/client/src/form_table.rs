//! What orders of one kind look like as a request: texts with holes, and how holes are filled.

use crate::hmac::{Encoding, Hash};

/// A piece of a form: a text as it is, or a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The same in every order.
    Text(String),
    /// The word for the side.
    Side,
    /// The price.
    Price,
    /// The size, without zeros at its end.
    Size,
    /// The client order id; what is not a letter, a digit or one of `-._~` stands as %XX.
    ClientOrderId,
    /// The time, as the form has it.
    Time,
    /// The signature.
    Signature,
    /// What was signed.
    Signed,
    /// The body.
    Body,
    /// How many bytes the body has.
    BodyLength,
    /// The client order id inside a text of JSON.
    JsonId,
    /// The 32 bytes of the SHA-256 of what is digested.
    Digest,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// As a number of the form's unit since 1970.
    Count,
    /// In seconds since 1970, with decimals down to the form's unit.
    Seconds,
    /// As `2024-03-11T20:48:46.622Z`, likewise.
    Iso,
}

impl Clock {
    /// Returns the clock of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Count),
            2 => Some(Self::Seconds),
            3 => Some(Self::Iso),
            _ => None,
        }
    }
}

/// What orders of one kind and instrument look like as a request.
#[derive(Clone, Debug)]
pub struct FormTable {
    /// What the signature covers.
    pub signed: Vec<Part>,
    /// The request up to its body.
    pub head: Vec<Part>,
    /// The body.
    pub body: Vec<Part>,
    /// The word for buying.
    pub buy: String,
    /// The word for selling.
    pub sell: String,
    /// What is hashed by itself, and then signed; none: nothing.
    pub digested: Vec<Part>,
    /// How the signature is hashed and spelled.
    pub hash: Hash,
    /// See `hash`.
    pub encoding: Encoding,
    /// How the time is written.
    pub clock: Clock,
    /// What the time counts, in nanoseconds.
    pub time_unit_ns: i64,
    /// The time is a nonce and goes up with every request: one that is not above the last, but not
    /// so much below it either, is one above it. 0: it is a time.
    pub rises_within_ns: i64,
    /// Digits behind the point in which the price step is told.
    pub decimals: u32,
    /// The same for the size step.
    pub size_decimals: u32,
    /// Whether a price has all these decimals; else no zeros are at its end.
    pub is_padded: bool,
    /// What a client order id looks like: x is a hexadecimal digit in lower case, y one of 8, 9, a
    /// and b, all else is itself. Empty: anything.
    pub id_form: String,
    /// The price step, in units of the last decimal.
    pub tick: i64,
    /// The size step, likewise.
    pub lot: i64,
    /// The largest price.
    pub price_max_ticks: i64,
    /// The smallest size.
    pub size_min_lots: i64,
    /// The largest size.
    pub size_max_lots: i64,
}

impl Part {
    pub(crate) fn is_id(&self) -> bool {
        matches!(self, Self::ClientOrderId | Self::JsonId)
    }
}

/// Says what is wrong with where the holes of a form are.
pub(crate) fn check_parts(table: &FormTable) -> Result<(), String> {
    let has = |parts: &[Part], part: &Part| parts.contains(part);
    let FormTable { signed, head, body, digested, .. } = table;
    let is_body_last = has(body, &Part::Signature) || has(body, &Part::Signed);
    for parts in [signed, digested] {
        if has(parts, &Part::Signature) || has(parts, &Part::Signed) {
            return Err("what is signed cannot hold its own signature".to_owned());
        }
        if is_body_last && has(parts, &Part::Body) {
            return Err("what is signed and the body cannot hold each other".to_owned());
        }
    }
    for parts in [signed, digested, body] {
        if has(parts, &Part::BodyLength) {
            return Err("the length of the body belongs into the head".to_owned());
        }
    }
    if has(body, &Part::Body) || has(head, &Part::Body) {
        return Err("the body follows the head by itself".to_owned());
    }
    if [head, body, digested].iter().any(|parts| has(parts, &Part::Digest)) {
        return Err("a digest is signed and stands nowhere else".to_owned());
    }
    if has(signed, &Part::Digest) == digested.is_empty() || is_body_last && !digested.is_empty() {
        return Err("what is digested is signed, and holds the body or nothing".to_owned());
    }
    Ok(())
}

/// Returns how many digits of a second a unit of time tells.
pub(crate) fn decimals_of(unit_ns: i64, clock: Clock) -> Result<u32, String> {
    if unit_ns <= 0 {
        return Err("a unit of time is at least a nanosecond".to_owned());
    }
    let found =
        (0..=9_u32).find(|it| 10_i64.checked_pow(9_u32.saturating_sub(*it)) == Some(unit_ns));
    match (found, clock) {
        (Some(decimals), _) => Ok(decimals),
        (None, Clock::Count) => Ok(0),
        (None, _) => Err("a time with decimals counts a power of ten of nanoseconds".to_owned()),
    }
}
