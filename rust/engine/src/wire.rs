//! The fixed layout of every record, as the table in `domain/layout.py` has it.
//!
//! A record is little-endian: u16 tag, u16 size of the whole record, u32 zero, i64 now_ns, then
//! the fields, then zeros up to a multiple of eight bytes. `tests/engine/golden` holds a sample of
//! each, which both languages read. Decoding checks everything that an enum or a text can get
//! wrong; numbers are the engine's business.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "positions inside one record: sums of constants below its size"
)]

use std::fmt;

use crate::command::{
    Amend, Cancel, CancelAll, CancelCause, Command, FeeAsset, HouseFact, Instrument, OpenAccount,
    OrderType, Place, SelfTrade, Side, TimeInForce, Transfer,
};
use crate::units::Rates;

const HEADER: usize = 16;
const ABSENT: i64 = -1;

/// Tags of the records.
pub(crate) mod tag {
    pub(crate) const LIST_INSTRUMENT: u16 = 1;
    pub(crate) const OPEN_ACCOUNT: u16 = 2;
    pub(crate) const DEPOSIT: u16 = 3;
    pub(crate) const WITHDRAW: u16 = 4;
    pub(crate) const PLACE: u16 = 5;
    pub(crate) const AMEND: u16 = 6;
    pub(crate) const CANCEL: u16 = 7;
    pub(crate) const CANCEL_ALL: u16 = 8;
    pub(crate) const HOUSE_LEVEL: u16 = 9;
    pub(crate) const HOUSE_TRADE: u16 = 10;
    pub(crate) const REJECTED: u16 = 101;
    pub(crate) const ACCEPTED: u16 = 102;
    pub(crate) const TRADED: u16 = 103;
    pub(crate) const FILLED: u16 = 104;
    pub(crate) const CANCELED: u16 = 105;
    pub(crate) const AMENDED: u16 = 106;
    pub(crate) const LEVEL_CHANGED: u16 = 107;
    pub(crate) const TRANSFERRED: u16 = 108;
    pub(crate) const INSTRUMENT_STATE: u16 = 201;
    pub(crate) const ACCOUNT_STATE: u16 = 202;
    pub(crate) const BALANCE_STATE: u16 = 203;
    pub(crate) const NODE_STATE: u16 = 204;
    pub(crate) const COUNTER_STATE: u16 = 205;
}

/// Sizes of whole records in bytes, by tag.
pub(crate) mod size {
    pub(crate) const LIST_INSTRUMENT: usize = 136;
    pub(crate) const OPEN_ACCOUNT: usize = 32;
    pub(crate) const DEPOSIT: usize = 40;
    pub(crate) const WITHDRAW: usize = 40;
    pub(crate) const PLACE: usize = 88;
    pub(crate) const AMEND: usize = 48;
    pub(crate) const CANCEL: usize = 32;
    pub(crate) const CANCEL_ALL: usize = 32;
    pub(crate) const HOUSE_LEVEL: usize = 40;
    pub(crate) const REJECTED: usize = 32;
    pub(crate) const ACCEPTED: usize = 32;
    pub(crate) const TRADED: usize = 64;
    pub(crate) const FILLED: usize = 88;
    pub(crate) const CANCELED: usize = 48;
    pub(crate) const AMENDED: usize = 56;
    pub(crate) const LEVEL_CHANGED: usize = 40;
    pub(crate) const TRANSFERRED: usize = 40;
    pub(crate) const INSTRUMENT_STATE: usize = 32;
    pub(crate) const ACCOUNT_STATE: usize = 32;
    pub(crate) const BALANCE_STATE: usize = 56;
    pub(crate) const NODE_STATE: usize = 80;
    pub(crate) const COUNTER_STATE: usize = 32;
}

/// Bytes that are not what the layout says, and where they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The offset of the record.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the record does.
    CutShort,
    /// There is no record of this tag and size, or it does not belong here.
    UnknownForm {
        /// Its tag.
        tag: u16,
        /// Its size.
        size: u16,
    },
    /// A field has a value that does not exist.
    Value {
        /// The record's tag.
        tag: u16,
        /// The field's name.
        field: &'static str,
    },
    /// Each record is well formed and together they are no state.
    Inconsistent(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.fault {
            Fault::CutShort => write!(f, "record at {offset} is cut short"),
            Fault::UnknownForm { tag, size } => {
                write!(f, "record at {offset} has unknown tag {tag} of size {size}")
            }
            Fault::Value { tag, field } => {
                write!(f, "record at {offset}, tag {tag}: {field} has a value that does not exist")
            }
            Fault::Inconsistent(what) => write!(f, "snapshot at {offset}: {what}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// The front of a record, and all bytes from there on.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) tag: u16,
    pub(crate) size: u16,
    pub(crate) now_ns: i64,
    bytes: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads the front of the next record.
    #[inline(always)]
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut front = Fields(bytes.first_chunk::<HEADER>().ok_or(Fault::CutShort)?);
        let (tag, size, _, now_ns) = (front.u16(), front.u16(), front.u32(), front.i64());
        Ok(Self { tag, size, now_ns, bytes })
    }

    /// Returns the fields and what follows the record, if it has the size of its tag.
    #[inline(always)]
    pub(crate) fn fields<const SIZE: usize>(&self) -> Result<(Fields<'a>, &'a [u8]), Fault> {
        if usize::from(self.size) != SIZE {
            return Err(self.unknown());
        }
        // An array's length is a constant, so the compiler drops every check behind this one.
        let (record, rest) = self.bytes.split_first_chunk::<SIZE>().ok_or(Fault::CutShort)?;
        let (_, fields) = record.split_first_chunk::<HEADER>().ok_or(Fault::CutShort)?;
        Ok((Fields(fields), rest))
    }

    pub(crate) fn fault(&self, field: &'static str) -> Fault {
        Fault::Value { tag: self.tag, field }
    }

    pub(crate) fn unknown(&self) -> Fault {
        Fault::UnknownForm { tag: self.tag, size: self.size }
    }
}

/// Reads fields one after the other; past the end it reads zeros.
pub(crate) struct Fields<'a>(&'a [u8]);

macro_rules! readers {
    ($($name:ident)+) => { $(
        #[inline(always)]
        pub(crate) fn $name(&mut self) -> $name {
            $name::from_le_bytes(self.bytes())
        }
    )+ };
}

impl Fields<'_> {
    readers! { i8 u8 u16 u32 i64 u64 i128 }

    #[inline(always)]
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.0 = rest;
                *bytes
            }
            None => [0; N],
        }
    }
}

/// Returns the truth of a number that is 0 or 1.
#[inline]
pub(crate) fn flag(value: u8) -> Option<bool> {
    match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// Returns the number, or None where it is absent.
#[inline]
fn present(value: i64) -> Option<i64> {
    (value != ABSENT).then_some(value)
}

/// Returns what follows the next command, if that is one of the layout.
#[inline(always)]
pub(crate) fn check(bytes: &[u8]) -> Result<&[u8], Fault> {
    let head = Head::read(bytes)?;
    Ok(match head.tag {
        tag::PLACE => place(&head)?.1,
        tag::CANCEL => cancel(&head)?.1,
        tag::HOUSE_LEVEL => house_level(&head)?.1,
        _ => decode(&head)?.1,
    })
}

#[inline(always)]
pub(crate) fn place<'a>(head: &Head<'a>) -> Result<(Place, &'a [u8]), Fault> {
    let (mut fields, rest) = head.fields::<{ size::PLACE }>()?;
    let (account_id, instrument_id) = (fields.u32(), fields.u32());
    let (price_ticks, size_lots) = (present(fields.i64()), fields.i64());
    let place = Place {
        account_id,
        instrument_id,
        price_ticks,
        size_lots,
        side: Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?,
        order_type: OrderType::of(fields.u8()).ok_or_else(|| head.fault("order_type"))?,
        time_in_force: TimeInForce::of(fields.u8()).ok_or_else(|| head.fault("time_in_force"))?,
        post_only: flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?,
        self_trade: SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?,
        fee_asset: FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?,
    };
    // The client's own id stays above, but what is not ASCII is not a record.
    let text = fields.u64() | fields.u64() | fields.u64() | fields.u64() | fields.u64();
    match text & 0x8080_8080_8080_8080 {
        0 => Ok((place, rest)),
        _ => Err(head.fault("client_order_id")),
    }
}

#[inline(always)]
pub(crate) fn cancel<'a>(head: &Head<'a>) -> Result<(Cancel, &'a [u8]), Fault> {
    let (mut fields, rest) = head.fields::<{ size::CANCEL }>()?;
    Ok((Cancel { account_id: fields.u32(), order_id: fields.u64() }, rest))
}

#[inline(always)]
pub(crate) fn house_level<'a>(head: &Head<'a>) -> Result<(HouseFact, &'a [u8]), Fault> {
    let (mut fields, rest) = head.fields::<{ size::HOUSE_LEVEL }>()?;
    let (instrument_id, price_ticks, size_lots) = (fields.u32(), fields.i64(), fields.i64());
    let side = Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?;
    Ok((HouseFact { instrument_id, side, price_ticks, size_lots }, rest))
}

/// Reads a command, and returns what follows it.
///
/// # Errors
///
/// The bytes are not a command of the layout.
#[inline(never)]
pub(crate) fn decode<'a>(head: &Head<'a>) -> Result<(Command, &'a [u8]), Fault> {
    Ok(match head.tag {
        tag::LIST_INSTRUMENT => {
            let (mut fields, rest) = head.fields::<{ size::LIST_INSTRUMENT }>()?;
            (Command::ListInstrument(Box::new(instrument(head, &mut fields)?)), rest)
        }
        tag::OPEN_ACCOUNT => {
            let (mut fields, rest) = head.fields::<{ size::OPEN_ACCOUNT }>()?;
            (Command::OpenAccount(open_account(&mut fields)), rest)
        }
        tag::DEPOSIT => {
            let (mut fields, rest) = head.fields::<{ size::DEPOSIT }>()?;
            (Command::Deposit(transfer(&mut fields)), rest)
        }
        tag::WITHDRAW => {
            let (mut fields, rest) = head.fields::<{ size::WITHDRAW }>()?;
            (Command::Withdraw(transfer(&mut fields)), rest)
        }
        tag::PLACE => {
            let (place, rest) = place(head)?;
            (Command::Place(place), rest)
        }
        tag::AMEND => {
            let (mut fields, rest) = head.fields::<{ size::AMEND }>()?;
            let (account_id, order_id) = (fields.u32(), fields.u64());
            let (price_ticks, size_lots) = (present(fields.i64()), present(fields.i64()));
            (Command::Amend(Amend { account_id, order_id, price_ticks, size_lots }), rest)
        }
        tag::CANCEL => {
            let (cancel, rest) = cancel(head)?;
            (Command::Cancel(cancel), rest)
        }
        tag::CANCEL_ALL => {
            let (mut fields, rest) = head.fields::<{ size::CANCEL_ALL }>()?;
            let (account_id, instrument_id) = (fields.u32(), present(fields.i64()));
            let cause = CancelCause::of(fields.u8()).ok_or_else(|| head.fault("cause"))?;
            (Command::CancelAll(CancelAll { account_id, instrument_id, cause }), rest)
        }
        tag::HOUSE_LEVEL => {
            let (level, rest) = house_level(head)?;
            (Command::HouseLevel(level), rest)
        }
        tag::HOUSE_TRADE => {
            // The same fields in the same order, so the same size.
            let (trade, rest) = house_level(head)?;
            (Command::HouseTrade(trade), rest)
        }
        _ => return Err(head.unknown()),
    })
}

pub(crate) fn open_account(fields: &mut Fields<'_>) -> OpenAccount {
    let account_id = fields.u32();
    OpenAccount { account_id, rates: Rates { maker_e8: fields.u32(), taker_e8: fields.u32() } }
}

fn transfer(fields: &mut Fields<'_>) -> Transfer {
    let (account_id, asset_id) = (fields.u32(), fields.u32());
    Transfer { account_id, asset_id, amount_atoms: fields.i128() }
}

/// Reads a listing.
pub(crate) fn instrument(head: &Head<'_>, fields: &mut Fields<'_>) -> Result<Instrument, Fault> {
    let instrument = Instrument {
        instrument_id: fields.u32(),
        base_asset_id: fields.u32(),
        quote_asset_id: fields.u32(),
        lot_atoms: fields.i64(),
        tick_lot_atoms: fields.i64(),
        price_max_ticks: fields.i64(),
        size_min_lots: fields.i64(),
        size_max_lots: fields.i64(),
        notional_min_atoms: fields.i128(),
        symbol: fields.bytes(),
        base: fields.bytes(),
        quote: fields.bytes(),
    };
    let texts = [
        (&instrument.symbol[..], "symbol"),
        (&instrument.base, "base"),
        (&instrument.quote, "quote"),
    ];
    match texts.iter().find(|(text, _)| !text.is_ascii()) {
        None => Ok(instrument),
        Some((_, field)) => Err(head.fault(field)),
    }
}

/// Writes one record of a fixed size.
pub(crate) struct Record<const SIZE: usize> {
    bytes: [u8; SIZE],
    at: usize,
}

macro_rules! writers {
    ($($name:ident)+) => { $(
        #[inline]
        pub(crate) fn $name(&mut self, value: $name) -> &mut Self {
            self.put(value.to_le_bytes())
        }
    )+ };
}

impl<const SIZE: usize> Record<SIZE> {
    writers! { i8 u8 u32 i64 u64 i128 }

    #[inline]
    pub(crate) fn new(tag: u16, now_ns: i64) -> Self {
        let size = u16::try_from(SIZE).unwrap_or(u16::MAX);
        let mut record = Self { bytes: [0; SIZE], at: 0 };
        record.put(tag.to_le_bytes()).put(size.to_le_bytes()).u32(0).i64(now_ns);
        record
    }

    #[inline]
    pub(crate) fn put<const N: usize>(&mut self, value: [u8; N]) -> &mut Self {
        debug_assert!(self.at + N <= SIZE, "a record is as long as its fields");
        if let Some(place) = self.bytes.get_mut(self.at..self.at + N) {
            place.copy_from_slice(&value);
        }
        self.at += N;
        self
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8; SIZE] {
        debug_assert!(SIZE - self.at < 8, "a record is as long as its fields");
        &self.bytes
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        Record::<{ size::CANCEL }>::new(tag::CANCEL, 5).u32(100).u64(9).bytes().to_vec()
    }

    #[test]
    fn a_record_is_read_back() {
        let bytes = sample();
        let head = Head::read(&bytes).unwrap();
        let command = Command::Cancel(Cancel { account_id: 100, order_id: 9 });
        assert_eq!(head.now_ns, 5);
        assert_eq!(decode(&head), Ok((command, &[][..])));
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert_eq!(check(&bytes[..end]), Err(Fault::CutShort), "cut at {end}");
        }
    }

    #[test]
    fn a_wrong_size_is_an_unknown_form() {
        for wrong in [0_u16, 8, 16, 24, 40] {
            let mut bytes = sample();
            bytes.resize(64, 0);
            bytes[2..4].copy_from_slice(&wrong.to_le_bytes());
            assert_eq!(check(&bytes), Err(Fault::UnknownForm { tag: 7, size: wrong }));
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_fall_over() {
        let mut random = crate::seeded::Seeded::new(9);
        for _ in 0..200_000 {
            let tag = 1 + random.below(11) as u16;
            let sizes = [136, 32, 40, 40, 88, 48, 32, 32, 40, 40, 40];
            let mut bytes: Vec<u8> = (0..140).map(|_| random.next() as u8).collect();
            bytes[0..2].copy_from_slice(&tag.to_le_bytes());
            bytes[2..4].copy_from_slice(&(sizes[usize::from(tag) - 1] as u16).to_le_bytes());
            let _ = check(&bytes);
        }
    }
}
