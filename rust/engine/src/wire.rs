//! The fixed layout of every record, as the table in `domain/layout.py` has it.
//!
//! A record is little-endian: u16 tag, u16 size of the whole record, u32 the first field where that
//! is one, in a command i64 now_ns, then the other fields, then zeros up to a multiple of eight
//! bytes. `tests/engine/golden` holds a sample of each, which both languages read. Decoding checks
//! everything that an enum or a text can get wrong; numbers are the engine's business.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "positions inside one record: sums of constants below its size"
)]

use std::fmt;

use crate::command::{
    Amend, AssignFees, Cancel, CancelAll, CancelCause, Command, Direction, FeeAsset, GroupKind,
    HouseFact, Instrument, MarketState, OpenAccount, OrderType, Place, PlaceGroup, SelfTrade,
    SetFeeTier, SetFeeToken, Side, Terms, TimeInForce, Transfer, TriggerBy,
};
use crate::units::Rates;

const HEAD: usize = 8;
const COMMAND_HEAD: usize = 16;
const ABSENT: i64 = -1;
const TEXT_MAX: usize = 40;
const GROUP_MAX: usize = 20;

/// A limit or market order whose text fits in its last word; its side is in the middle of the word
/// before.
const SHORT: usize = 48;
const SHORT_PLACE: u64 = tag::PLAIN_PLACE as u64 | (SHORT as u64) << 16;
const SHORT_CANCEL: u64 = tag::CANCEL as u64 | (size::CANCEL as u64) << 16;

/// What stands behind the side of a limit order that rests until canceled and is not post-only.
const LIMIT: u32 = OrderType::Limit as u32 | (TimeInForce::Gtc as u32) << 8;

/// The highest bit of each byte.
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// Tags of the records; commands are below 100.
pub(crate) mod tag {
    pub(crate) const LIST_INSTRUMENT: u16 = 1;
    pub(crate) const OPEN_ACCOUNT: u16 = 2;
    pub(crate) const DEPOSIT: u16 = 3;
    pub(crate) const WITHDRAW: u16 = 4;
    pub(crate) const PLAIN_PLACE: u16 = 5;
    pub(crate) const AMEND: u16 = 6;
    pub(crate) const CANCEL: u16 = 7;
    pub(crate) const CANCEL_ALL: u16 = 8;
    pub(crate) const HOUSE_LEVEL: u16 = 9;
    pub(crate) const HOUSE_TRADE: u16 = 10;
    pub(crate) const PLACE: u16 = 11;
    pub(crate) const PLACE_GROUP: u16 = 12;
    pub(crate) const ADVANCE_TIME: u16 = 13;
    pub(crate) const SET_MARKET_STATE: u16 = 14;
    pub(crate) const SET_PRICE: u16 = 15;
    pub(crate) const ASSIGN_FEES: u16 = 16;
    pub(crate) const SET_FEE_TIER: u16 = 17;
    pub(crate) const SET_FEE_TOKEN: u16 = 18;
    pub(crate) const OPEN_TRANSFER: u16 = 19;
    pub(crate) const CLOSE_TRANSFER: u16 = 20;
    pub(crate) const DIRECTED_PLACE: u16 = 21;
    pub(crate) const REJECTED: u16 = 101;
    pub(crate) const ACCEPTED: u16 = 102;
    pub(crate) const TRADED: u16 = 103;
    pub(crate) const FILLED: u16 = 104;
    pub(crate) const CANCELED: u16 = 105;
    pub(crate) const AMENDED: u16 = 106;
    pub(crate) const LEVEL_CHANGED: u16 = 107;
    pub(crate) const TRANSFERRED: u16 = 108;
    pub(crate) const TRIGGERED: u16 = 109;
    pub(crate) const TRANSFER_CHANGED: u16 = 110;
    pub(crate) const MARKET_STATE_CHANGED: u16 = 111;
    pub(crate) const INSTRUMENT_STATE: u16 = 201;
    pub(crate) const ACCOUNT_STATE: u16 = 202;
    pub(crate) const BALANCE_STATE: u16 = 203;
    pub(crate) const NODE_STATE: u16 = 204;
    pub(crate) const COUNTER_STATE: u16 = 205;
    pub(crate) const FEE_TIER_STATE: u16 = 206;
    pub(crate) const FEE_TOKEN_STATE: u16 = 207;
    pub(crate) const VOLUME_STATE: u16 = 208;
    pub(crate) const PENDING_TRANSFER: u16 = 209;
    pub(crate) const TERMS_STATE: u16 = 210;
    pub(crate) const WAITING_STATE: u16 = 211;
    pub(crate) const GROUP_STATE: u16 = 212;
    pub(crate) const DIRECTED_WAITING_STATE: u16 = 213;
}

/// Sizes of whole records in bytes, by tag; a place's without its text.
pub(crate) mod size {
    pub(crate) const LIST_INSTRUMENT: usize = 168;
    pub(crate) const OPEN_ACCOUNT: usize = 24;
    pub(crate) const DEPOSIT: usize = 40;
    pub(crate) const PLAIN_PLACE: usize = 42;
    pub(crate) const PLACE: usize = 109;
    pub(crate) const DIRECTED_PLACE: usize = 110;
    pub(crate) const PLACE_GROUP: usize = 24;
    pub(crate) const AMEND: usize = 48;
    pub(crate) const CANCEL: usize = 24;
    pub(crate) const CANCEL_ALL: usize = 32;
    pub(crate) const HOUSE_LEVEL: usize = 40;
    pub(crate) const ADVANCE_TIME: usize = 16;
    pub(crate) const SET_MARKET_STATE: usize = 24;
    pub(crate) const SET_PRICE: usize = 32;
    pub(crate) const ASSIGN_FEES: usize = 24;
    pub(crate) const SET_FEE_TIER: usize = 48;
    pub(crate) const SET_FEE_TOKEN: usize = 32;
    pub(crate) const CLOSE_TRANSFER: usize = 32;
    pub(crate) const TRANSFERRED: usize = 32;
    pub(crate) const TRANSFER_CHANGED: usize = 40;
    pub(crate) const INSTRUMENT_STATE: usize = 48;
    pub(crate) const ACCOUNT_STATE: usize = 24;
    pub(crate) const BALANCE_STATE: usize = 48;
    pub(crate) const NODE_STATE: usize = 64;
    pub(crate) const COUNTER_STATE: usize = 32;
    pub(crate) const FEE_TIER_STATE: usize = 40;
    pub(crate) const FEE_TOKEN_STATE: usize = 24;
    pub(crate) const VOLUME_STATE: usize = 32;
    pub(crate) const PENDING_TRANSFER: usize = 40;
    pub(crate) const TERMS_STATE: usize = 56;
    pub(crate) const WAITING_STATE: usize = 144;
    pub(crate) const GROUP_STATE: usize = 48;
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

/// What a command's record begins with, of one that has been looked at before.
pub(crate) struct Front {
    pub(crate) tag: u16,
    pub(crate) size: usize,
    pub(crate) now_ns: i64,
}

impl Front {
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.first_chunk::<COMMAND_HEAD>()?);
        let (tag, size, _) = (fields.u16(), usize::from(fields.u16()), fields.u32());
        Some(Self { tag, size, now_ns: fields.i64() })
    }
}

/// The front of a record, and all bytes from there on.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) tag: u16,
    pub(crate) size: u16,
    /// The first field, where that is a u32.
    pub(crate) subject: u32,
    bytes: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads the front of the next record.
    #[inline(always)]
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut front = Fields(bytes.first_chunk::<HEAD>().ok_or(Fault::CutShort)?);
        let (tag, size, subject) = (front.u16(), front.u16(), front.u32());
        Ok(Self { tag, size, subject, bytes })
    }

    /// Returns the time of a command that is whole.
    #[inline(always)]
    pub(crate) fn now_ns(&self) -> i64 {
        let mut fields = Fields(self.bytes.get(HEAD..).unwrap_or_default());
        fields.i64()
    }

    /// Returns the fields behind the subject and what follows the record, if it has this size.
    #[inline(always)]
    pub(crate) fn fields<const SIZE: usize>(&self) -> Result<(Fields<'a>, &'a [u8]), Fault> {
        if usize::from(self.size) != SIZE {
            return Err(self.unknown());
        }
        // An array's length is a constant, so the compiler drops every check behind this one.
        let (record, rest) = self.bytes.split_first_chunk::<SIZE>().ok_or(Fault::CutShort)?;
        let (_, fields) = record.split_first_chunk::<HEAD>().ok_or(Fault::CutShort)?;
        Ok((Fields(fields), rest))
    }

    /// Returns the fields of a command behind its time, and what follows the record.
    #[inline(always)]
    pub(crate) fn command<const SIZE: usize>(&self) -> Result<(Fields<'a>, &'a [u8]), Fault> {
        let (mut fields, rest) = self.fields::<SIZE>()?;
        fields.i64();
        Ok((fields, rest))
    }

    /// Returns the fields of a command that ends in a text, which is not looked at, and what
    /// follows the record.
    #[inline(always)]
    fn before_text<const SIZE: usize>(&self) -> Result<(Fields<'a>, &'a [u8]), Fault> {
        let size = usize::from(self.size);
        if size % 8 != 0 || size < SIZE || size > SIZE + TEXT_MAX + 7 {
            return Err(self.unknown());
        }
        let (record, rest) = self.bytes.split_at_checked(size).ok_or(Fault::CutShort)?;
        let front = record.first_chunk::<SIZE>().ok_or(Fault::CutShort)?;
        let (_, fields) = front.split_first_chunk::<COMMAND_HEAD>().ok_or(Fault::CutShort)?;
        Ok((Fields(fields), rest))
    }

    /// Refuses a text that is not one: ASCII, with no more room than it needs.
    #[inline(always)]
    fn check_text<const SIZE: usize>(&self) -> Result<(), Fault> {
        // The first word of the text has other fields in front; a text of full length ends so.
        let before = SIZE % 8;
        let text = self.bytes.get(SIZE - before..usize::from(self.size)).ok_or(Fault::CutShort)?;
        let (first, others) = text.as_chunks::<8>().0.split_first().ok_or(Fault::CutShort)?;
        let mut last = u64::from_le_bytes(*first) >> (8 * before);
        let mut bits = last;
        for &word in others {
            last = u64::from_le_bytes(word);
            bits |= last;
        }
        let is_tight = others.is_empty() || last != 0;
        let is_too_long = others.len() * 8 > TEXT_MAX - 8 && last >> (8 * before) != 0;
        match bits & NOT_ASCII == 0 && is_tight && !is_too_long {
            true => Ok(()),
            false => Err(self.fault("client_order_id")),
        }
    }

    /// Refuses a record that has a subject although its row has none.
    fn without_subject(&self) -> Result<(), Fault> {
        match self.subject {
            0 => Ok(()),
            _ => Err(self.fault("head")),
        }
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
    readers! { i8 u8 u16 i32 u32 i64 u64 i128 }

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
pub(crate) fn present(value: i64) -> Option<i64> {
    (value != ABSENT).then_some(value)
}

/// Returns the size of the next command, if that is one of the layout: looks at it field by field.
#[inline(never)]
pub(crate) fn look(bytes: &[u8]) -> Result<usize, Fault> {
    let head = Head::read(bytes)?;
    match head.tag {
        tag::PLAIN_PLACE => plain_place(&head)?.1,
        tag::CANCEL => cancel(&head)?.1,
        tag::HOUSE_LEVEL => house_level(&head)?.1,
        _ => decode(&head)?.1,
    };
    Ok(usize::from(head.size))
}

/// Returns the size of the next command if it is one that streams are made of and all is well with
/// it; a None says nothing.
#[inline(always)]
pub(crate) fn glance(bytes: &[u8]) -> Option<usize> {
    let record = bytes.first_chunk::<SHORT>()?;
    let [front, _, _, _, before_side, last] = *record.as_chunks::<8>().0 else { return None };
    let (before_side, last) = (u64::from_le_bytes(before_side), u64::from_le_bytes(last));
    let form = u64::from_le_bytes(front) & 0xffff_ffff;
    let choices = before_side >> 32 | last << 32;
    let sides = choices.wrapping_add(1) & 0xfd;
    // Each from its lowest to its highest, all at once: nothing may reach a highest bit.
    let from_lowest = (choices >> 8).wrapping_sub(0x00_00_00_01_01);
    let to_highest = from_lowest.wrapping_add(0x7d_7b_7e_7c_78);
    let wrong = (from_lowest | to_highest | last) & NOT_ASCII | sides;
    // Nobody can foresee which of the two comes next: no branch between them.
    let miss = (form ^ SHORT_PLACE | wrong).min(form ^ SHORT_CANCEL);
    if miss == 0 { usize::try_from(form >> 16).ok() } else { None }
}

/// Reads a limit or market order, and returns what follows it.
#[inline(always)]
pub(crate) fn plain_place<'a>(head: &Head<'a>) -> Result<(Place, &'a [u8]), Fault> {
    let (mut fields, rest) = head.before_text::<{ size::PLAIN_PLACE }>()?;
    head.check_text::<{ size::PLAIN_PLACE }>()?;
    Ok((common(head, &mut fields)?, rest))
}

/// Reads a limit or market order that has been looked at before.
#[inline(always)]
pub(crate) fn checked_place(record: &[u8]) -> Option<Place> {
    let mut fields = Fields(record.first_chunk::<{ size::PLAIN_PLACE }>()?);
    let (_, _, account_id, _) = (fields.u16(), fields.u16(), fields.u32(), fields.i64());
    Some(Place {
        account_id,
        price_ticks: present(fields.i64()),
        size_lots: fields.i64(),
        instrument_id: fields.u32(),
        side: if fields.i8() < 0 { Side::Sell } else { Side::Buy },
        order_type: OrderType::of(fields.u8())?,
        time_in_force: TimeInForce::of(fields.u8())?,
        post_only: flag(fields.u8())?,
        self_trade: SelfTrade::of(fields.u8())?,
        fee_asset: FeeAsset::of(fields.u8())?,
        terms: None,
    })
}

/// Reads a limit order that may take, and rests until it is canceled, of a record that has been
/// looked at before. Streams are made of these: what is the same for all of them is known when
/// this is compiled, and what follows from it.
#[inline(always)]
pub(crate) fn checked_limit(record: &[u8]) -> Option<Place> {
    let mut fields = Fields(record.first_chunk::<{ size::PLAIN_PLACE }>()?);
    let (_, account_id, _) = (fields.u32(), fields.u32(), fields.i64());
    let (price_ticks, size_lots, instrument_id) = (fields.i64(), fields.i64(), fields.u32());
    let (choices, last) = (fields.u32(), fields.u16());
    if choices >> 8 != LIMIT || price_ticks == ABSENT {
        return None;
    }
    let [self_trade, fee_asset] = last.to_le_bytes();
    Some(Place {
        account_id,
        price_ticks: Some(price_ticks),
        size_lots,
        instrument_id,
        side: if choices & 0x80 != 0 { Side::Sell } else { Side::Buy },
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        self_trade: SelfTrade::of(self_trade)?,
        fee_asset: FeeAsset::of(fee_asset)?,
        terms: None,
    })
}

/// Reads what both forms of a place begin with.
#[inline(always)]
fn common(head: &Head<'_>, fields: &mut Fields<'_>) -> Result<Place, Fault> {
    Ok(Place {
        account_id: head.subject,
        price_ticks: present(fields.i64()),
        size_lots: fields.i64(),
        instrument_id: fields.u32(),
        side: Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?,
        order_type: OrderType::of(fields.u8()).ok_or_else(|| head.fault("order_type"))?,
        time_in_force: TimeInForce::of(fields.u8()).ok_or_else(|| head.fault("time_in_force"))?,
        post_only: flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?,
        self_trade: SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?,
        fee_asset: FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?,
        terms: None,
    })
}

/// Reads an order with all of its terms, of the form that has this size.
fn place<'a, const SIZE: usize>(head: &Head<'a>) -> Result<(Place, &'a [u8]), Fault> {
    let (mut fields, rest) = head.before_text::<SIZE>()?;
    head.check_text::<SIZE>()?;
    let mut place = common(head, &mut fields)?;
    place.terms = Some(Box::new(Terms {
        slide: flag(fields.u8()).ok_or_else(|| head.fault("slide"))?,
        reduce_only: flag(fields.u8()).ok_or_else(|| head.fault("reduce_only"))?,
        trigger_by: TriggerBy::of(fields.u8()).ok_or_else(|| head.fault("trigger_by"))?,
        quote_atoms: present_atoms(fields.i128()),
        display_lots: present(fields.i64()),
        trigger_ticks: present(fields.i64()),
        trail_ticks: present(fields.i64()),
        trail_rate_e8: present(fields.i64()),
        activation_ticks: present(fields.i64()),
        expire_ns: present(fields.i64()),
        activation_direction: match head.tag {
            tag::DIRECTED_PLACE => Some(direction(head, &mut fields)?),
            _ => None,
        },
    }));
    Ok((place, rest))
}

pub(crate) fn direction(head: &Head<'_>, fields: &mut Fields<'_>) -> Result<Direction, Fault> {
    Direction::of(fields.u8()).ok_or_else(|| head.fault("activation_direction"))
}

/// Returns the amount, or None where it is absent.
pub(crate) fn present_atoms(value: i128) -> Option<i128> {
    (value != i128::from(ABSENT)).then_some(value)
}

fn place_group<'a>(head: &Head<'a>) -> Result<(PlaceGroup, &'a [u8]), Fault> {
    let size = usize::from(head.size);
    if size <= size::PLACE_GROUP || size % 8 != 0 {
        return Err(head.unknown());
    }
    let (record, rest) = head.bytes.split_at_checked(size).ok_or(Fault::CutShort)?;
    let (front, mut records) = record.split_at_checked(size::PLACE_GROUP).ok_or(Fault::CutShort)?;
    let mut fields = Fields(front.get(COMMAND_HEAD..).unwrap_or_default());
    let kind = GroupKind::of(fields.u8()).ok_or_else(|| head.fault("kind"))?;
    let mut places = Vec::new();
    while !records.is_empty() {
        let each = Head::read(records).map_err(|_| head.fault("places"))?;
        let (place, after) = match each.tag {
            tag::PLAIN_PLACE => plain_place(&each),
            tag::PLACE => place::<{ size::PLACE }>(&each),
            tag::DIRECTED_PLACE => place::<{ size::DIRECTED_PLACE }>(&each),
            _ => return Err(head.fault("places")),
        }
        .map_err(|_| head.fault("places"))?;
        if place.account_id != head.subject || each.now_ns() != head.now_ns() {
            return Err(head.fault("places"));
        }
        places.push(place);
        records = after;
    }
    match places.len() {
        1..=GROUP_MAX => Ok((PlaceGroup { kind, places }, rest)),
        _ => Err(head.fault("places")),
    }
}

#[inline(always)]
pub(crate) fn cancel<'a>(head: &Head<'a>) -> Result<(Cancel, &'a [u8]), Fault> {
    let (mut fields, rest) = head.command::<{ size::CANCEL }>()?;
    Ok((Cancel { account_id: head.subject, order_id: fields.u64() }, rest))
}

/// Reads a cancel that has been looked at before.
#[inline(always)]
pub(crate) fn checked_cancel(record: &[u8]) -> Option<Cancel> {
    let mut fields = Fields(record.first_chunk::<{ size::CANCEL }>()?);
    let (_, account_id, _) = (fields.u32(), fields.u32(), fields.i64());
    Some(Cancel { account_id, order_id: fields.u64() })
}

#[inline(always)]
pub(crate) fn house_level<'a>(head: &Head<'a>) -> Result<(HouseFact, &'a [u8]), Fault> {
    let (mut fields, rest) = head.command::<{ size::HOUSE_LEVEL }>()?;
    let (price_ticks, size_lots) = (fields.i64(), fields.i64());
    let side = Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?;
    Ok((HouseFact { instrument_id: head.subject, side, price_ticks, size_lots }, rest))
}

/// Reads a command, and returns what follows it.
///
/// # Errors
///
/// The bytes are not a command of the layout.
#[inline(never)]
pub(crate) fn decode<'a>(head: &Head<'a>) -> Result<(Command, &'a [u8]), Fault> {
    let subject = head.subject;
    Ok(match head.tag {
        tag::LIST_INSTRUMENT => {
            let (mut fields, rest) = head.command::<{ size::LIST_INSTRUMENT }>()?;
            (Command::ListInstrument(Box::new(instrument(head, &mut fields)?)), rest)
        }
        tag::OPEN_ACCOUNT => {
            let (mut fields, rest) = head.command::<{ size::OPEN_ACCOUNT }>()?;
            let open = OpenAccount { account_id: subject, rates: rates(&mut fields) };
            (Command::OpenAccount(open), rest)
        }
        tag::DEPOSIT | tag::WITHDRAW | tag::OPEN_TRANSFER => {
            let (mut fields, rest) = head.command::<{ size::DEPOSIT }>()?;
            let (asset_id, amount_atoms) = (fields.u32(), fields.i128());
            let transfer = Transfer { account_id: subject, asset_id, amount_atoms };
            let command = match head.tag {
                tag::DEPOSIT => Command::Deposit(transfer),
                tag::WITHDRAW => Command::Withdraw(transfer),
                _ => Command::OpenTransfer(transfer),
            };
            (command, rest)
        }
        tag::CLOSE_TRANSFER => {
            let (mut fields, rest) = head.command::<{ size::CLOSE_TRANSFER }>()?;
            head.without_subject()?;
            let transfer_id = fields.u64();
            let done = flag(fields.u8()).ok_or_else(|| head.fault("done"))?;
            (Command::CloseTransfer { transfer_id, done }, rest)
        }
        tag::PLAIN_PLACE => {
            let (place, rest) = plain_place(head)?;
            (Command::Place(place), rest)
        }
        tag::PLACE => {
            let (place, rest) = place::<{ size::PLACE }>(head)?;
            (Command::Place(place), rest)
        }
        tag::DIRECTED_PLACE => {
            let (place, rest) = place::<{ size::DIRECTED_PLACE }>(head)?;
            (Command::Place(place), rest)
        }
        tag::PLACE_GROUP => {
            let (group, rest) = place_group(head)?;
            (Command::PlaceGroup(group), rest)
        }
        tag::AMEND => {
            let (mut fields, rest) = head.command::<{ size::AMEND }>()?;
            let amend = Amend {
                account_id: subject,
                order_id: fields.u64(),
                price_ticks: present(fields.i64()),
                size_lots: present(fields.i64()),
                trigger_ticks: present(fields.i64()),
            };
            (Command::Amend(amend), rest)
        }
        tag::CANCEL => {
            let (cancel, rest) = cancel(head)?;
            (Command::Cancel(cancel), rest)
        }
        tag::CANCEL_ALL => {
            let (mut fields, rest) = head.command::<{ size::CANCEL_ALL }>()?;
            let instrument_id = present(fields.i64());
            let cause = CancelCause::of(fields.u8()).ok_or_else(|| head.fault("cause"))?;
            (Command::CancelAll(CancelAll { account_id: subject, instrument_id, cause }), rest)
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
        _ => return decode_administration(head),
    })
}

fn decode_administration<'a>(head: &Head<'a>) -> Result<(Command, &'a [u8]), Fault> {
    let subject = head.subject;
    Ok(match head.tag {
        tag::ADVANCE_TIME => {
            let (_, rest) = head.command::<{ size::ADVANCE_TIME }>()?;
            head.without_subject()?;
            (Command::AdvanceTime, rest)
        }
        tag::SET_MARKET_STATE => {
            let (mut fields, rest) = head.command::<{ size::SET_MARKET_STATE }>()?;
            let state = MarketState::of(fields.u8()).ok_or_else(|| head.fault("state"))?;
            (Command::SetMarketState { instrument_id: subject, state }, rest)
        }
        tag::SET_PRICE => {
            let (mut fields, rest) = head.command::<{ size::SET_PRICE }>()?;
            let trigger_by = TriggerBy::of(fields.u8()).ok_or_else(|| head.fault("trigger_by"))?;
            let price_ticks = fields.i64();
            (Command::SetPrice { instrument_id: subject, trigger_by, price_ticks }, rest)
        }
        tag::ASSIGN_FEES => {
            let (mut fields, rest) = head.command::<{ size::ASSIGN_FEES }>()?;
            let assign = AssignFees { account_id: subject, schedule_id: fields.u32() };
            (Command::AssignFees(assign), rest)
        }
        tag::SET_FEE_TIER => {
            let (mut fields, rest) = head.command::<{ size::SET_FEE_TIER }>()?;
            (Command::SetFeeTier(fee_tier(subject, &mut fields)), rest)
        }
        tag::SET_FEE_TOKEN => {
            let (mut fields, rest) = head.command::<{ size::SET_FEE_TOKEN }>()?;
            (Command::SetFeeToken(fee_token(subject, &mut fields)), rest)
        }
        _ => return Err(head.unknown()),
    })
}

pub(crate) fn rates(fields: &mut Fields<'_>) -> Rates {
    Rates { maker_e8: fields.i32(), taker_e8: fields.i32() }
}

pub(crate) fn fee_tier(schedule_id: u32, fields: &mut Fields<'_>) -> SetFeeTier {
    let (tier, volume_micros) = (fields.u32(), fields.i128());
    SetFeeTier { schedule_id, tier, volume_micros, rates: rates(fields) }
}

pub(crate) fn fee_token(quote_asset_id: u32, fields: &mut Fields<'_>) -> SetFeeToken {
    SetFeeToken {
        quote_asset_id,
        token_asset_id: fields.u32(),
        rate_e8: fields.u64(),
        discount_e8: fields.u32(),
    }
}

/// Reads a listing.
pub(crate) fn instrument(head: &Head<'_>, fields: &mut Fields<'_>) -> Result<Instrument, Fault> {
    let instrument = Instrument {
        instrument_id: head.subject,
        base_asset_id: fields.u32(),
        quote_asset_id: fields.u32(),
        lot_atoms: fields.i64(),
        tick_lot_atoms: fields.i64(),
        price_max_ticks: fields.i64(),
        size_min_lots: fields.i64(),
        size_max_lots: fields.i64(),
        notional_min_atoms: fields.i128(),
        notional_max_atoms: fields.i128(),
        band_rate_e8: fields.u32(),
        orders_max: fields.u32(),
        triggers_max: fields.u32(),
        volume_weight_e8: fields.u64(),
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
    writers! { i8 u8 i32 u32 i64 u64 i128 }

    #[inline]
    pub(crate) fn new(tag: u16, subject: u32) -> Self {
        let size = u16::try_from(SIZE).unwrap_or(u16::MAX);
        let mut record = Self { bytes: [0; SIZE], at: 0 };
        record.put(tag.to_le_bytes()).put(size.to_le_bytes()).u32(subject);
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
        Record::<{ size::CANCEL }>::new(tag::CANCEL, 100).i64(5).u64(9).bytes().to_vec()
    }

    #[test]
    fn a_record_is_read_back() {
        let bytes = sample();
        let head = Head::read(&bytes).unwrap();
        let command = Command::Cancel(Cancel { account_id: 100, order_id: 9 });
        assert_eq!(head.now_ns(), 5);
        assert_eq!(decode(&head), Ok((command, &[][..])));
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert_eq!(look(&bytes[..end]), Err(Fault::CutShort), "cut at {end}");
        }
    }

    #[test]
    fn a_wrong_size_is_an_unknown_form() {
        for wrong in [0_u16, 8, 16, 32, 40] {
            let mut bytes = sample();
            bytes.resize(64, 0);
            bytes[2..4].copy_from_slice(&wrong.to_le_bytes());
            assert_eq!(look(&bytes), Err(Fault::UnknownForm { tag: 7, size: wrong }));
        }
    }

    /// Places and cancels with any values of what has members, a few bits from right.
    #[test]
    fn a_glance_lets_nothing_pass_that_a_look_does_not() {
        let mut random = crate::seeded::Seeded::new(3);
        let (mut passed, mut failed) = (0, 0);
        for _ in 0..200_000 {
            let mut bytes = [0_u8; 56];
            let (tag, size) = [(tag::PLAIN_PLACE, 48_u16), (tag::CANCEL, 24)][random.below(2)];
            bytes[0..2].copy_from_slice(&tag.to_le_bytes());
            bytes[2..4].copy_from_slice(&size.to_le_bytes());
            bytes[36..42].copy_from_slice(&[1, 1, 1, 0, 0, 0]);
            for _ in 0..random.below(4) {
                bytes[36 + random.below(12)] = random.next() as u8 >> random.below(8);
                bytes[36] = [1, 0xff, bytes[36]][random.below(3)];
            }
            if random.below(10) == 0 {
                bytes[random.below(4)] ^= 1 << random.below(8);
            }
            let looked = look(&bytes);
            match glance(&bytes) {
                Some(size) => assert_eq!(looked, Ok(size), "{bytes:?}"),
                None => {
                    let is_seldom = looked.is_err() || looked != Ok(48) && looked != Ok(24);
                    assert!(is_seldom, "{bytes:?}");
                }
            }
            if looked.is_ok() { passed += 1 } else { failed += 1 }
        }
        assert!(passed > 50_000 && failed > 50_000, "{passed} {failed}");
    }

    #[test]
    fn no_bytes_at_all_make_it_fall_over() {
        let mut random = crate::seeded::Seeded::new(9);
        for _ in 0..200_000 {
            let tag = 1 + random.below(21) as u16;
            let sizes = [
                168, 24, 40, 40, 48, 48, 24, 32, 40, 40, 112, 72, 16, 24, 32, 24, 48, 32, 40, 32,
                112,
            ];
            let mut bytes: Vec<u8> = (0..200).map(|_| random.next() as u8).collect();
            bytes[0..2].copy_from_slice(&tag.to_le_bytes());
            bytes[2..4].copy_from_slice(&(sizes[usize::from(tag) - 1] as u16).to_le_bytes());
            let _ = look(&bytes);
        }
    }
}
