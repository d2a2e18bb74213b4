//! Levels of a book as a message has them: lists or objects, of one side or saying theirs.

use crate::book::Delta;
use crate::decimal::{Scale, Steps};
use crate::depth::Digits;
use crate::json::Cursor;
use crate::levels::{Level, OddLevel, Side, TICKS_MAX};
use crate::malformed::{Flaw, Malformed, Read};
use crate::table::{Column, LevelTable};

/// So many levels a side of one message may have.
pub const LEVELS_MAX: usize = 100_000;

/// So many values a level may have.
const COLUMNS_MAX: usize = 8;

/// How an instrument's prices and sizes are counted.
#[derive(Debug)]
pub(crate) struct Scales {
    pub(crate) tick: Scale,
    pub(crate) lot: Scale,
    /// The tick in units of the last decimal, and those units, for prices off the tick.
    pub(crate) tick_units: i64,
    pub(crate) units: Scale,
}

/// What is the same of all levels of a stream.
#[derive(Clone, Debug)]
pub(crate) struct RowSpelling {
    pub(crate) has_quotes: bool,
    pub(crate) bid: Box<[u8]>,
    pub(crate) ask: Box<[u8]>,
    pub(crate) takes_odd: bool,
    pub(crate) has_fillers: bool,
    /// Whether their digits are kept for a checksum.
    pub(crate) is_checked: bool,
}

/// A value of a level.
#[derive(Clone, Debug)]
struct Value {
    column: Column,
    /// Its name, and that in quotes with a colon, as it mostly stands there.
    name: Box<[u8]>,
    label: Box<[u8]>,
}

/// What levels are made of.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    spelling: RowSpelling,
    values: Box<[Value]>,
    is_object: bool,
    /// Elements behind price and size, of a list that has nothing else; None of another.
    plain_rest: Option<usize>,
}

/// One level as it was read.
#[derive(Clone, Copy)]
struct Row {
    side: Option<Side>,
    price: Steps,
    size_lots: i64,
    /// From where to where price and size stand.
    price_at: (usize, usize),
    size_at: (usize, usize),
}

const NOTHING: Row = Row {
    side: None,
    price: Steps { count: 0, is_exact: true },
    size_lots: 0,
    price_at: (0, 0),
    size_at: (0, 0),
};

impl Rows {
    /// Makes levels ready to be read; `is_sided` where they say their side themselves.
    pub(crate) fn new(
        table: &LevelTable,
        spelling: RowSpelling,
        is_sided: bool,
    ) -> Result<Self, String> {
        let LevelTable { columns, names } = table;
        let count = |column| columns.iter().filter(|it| **it == column).count();
        if count(Column::Price) != 1 || count(Column::Size) != 1 {
            return Err("a level has at least a price and a size, and one of each".to_owned());
        }
        if count(Column::Side) != usize::from(is_sided) {
            return Err("levels say their side exactly if they stand among changes".to_owned());
        }
        if columns.len() > COLUMNS_MAX {
            return Err(format!("a level has at most {COLUMNS_MAX} values"));
        }
        if !names.is_empty() && names.len() != columns.len() {
            return Err("of a level that is an object every value has a name".to_owned());
        }
        let is_object = !names.is_empty();
        let value = |(place, column): (usize, &Column)| {
            let name = names.get(place).map_or("", String::as_str);
            let label = format!("\"{name}\":").into_bytes().into();
            Value { column: *column, name: name.as_bytes().into(), label }
        };
        let is_plain = !is_object && !spelling.is_checked && !spelling.has_fillers;
        let plain_rest = match columns.as_slice() {
            [Column::Price, Column::Size, rest @ ..] if is_plain && !is_sided => Some(rest.len()),
            _ => None,
        };
        let values = columns.iter().enumerate().map(value).collect();
        Ok(Self { spelling, values, is_object, plain_rest })
    }

    /// Reads a list of levels into the side where they belong; None: each says where.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor<'_>,
        scales: &Scales,
        side: Option<Side>,
        delta: &mut Delta,
    ) -> Read<()> {
        match side {
            Some(side) => delta.clear(side),
            None => {
                delta.clear(Side::Bids);
                delta.clear(Side::Asks);
            }
        }
        if let (Some(rest), Some(side)) = (self.plain_rest, side) {
            return self.plain(cursor, scales, side, rest, delta);
        }
        let mut count = 0_usize;
        let mut goes_on = cursor.open(b'[', b']')?;
        while goes_on {
            if count >= LEVELS_MAX {
                return cursor.wrong(Flaw::Levels);
            }
            count = count.saturating_add(1);
            let start = *cursor;
            let row = if self.is_object {
                self.object(cursor, scales)?
            } else {
                self.list(cursor, scales)?
            };
            let Some(side) = side.or(row.side) else { return cursor.wrong(Flaw::Missing) };
            self.keep(start, cursor, scales, side, &row, delta)?;
            goes_on = cursor.next(b']')?;
        }
        Ok(())
    }

    /// Reads lists of price and size, behind which so many values are passed over.
    #[inline(always)]
    fn plain(
        &self,
        cursor: &mut Cursor<'_>,
        scales: &Scales,
        side: Side,
        rest: usize,
        delta: &mut Delta,
    ) -> Read<()> {
        let RowSpelling { has_quotes, takes_odd, .. } = self.spelling;
        let (levels, odd) = match side {
            Side::Bids => (&mut delta.bids, &mut delta.odd_bids),
            Side::Asks => (&mut delta.asks, &mut delta.odd_asks),
        };
        let mut goes_on = cursor.open(b'[', b']')?;
        while goes_on {
            if levels.len().saturating_add(odd.len()) >= LEVELS_MAX {
                return cursor.wrong(Flaw::Levels);
            }
            if !cursor.open(b'[', b']')? {
                return cursor.wrong(Flaw::Type);
            }
            let start = *cursor;
            let steps = price(cursor, &scales.tick, has_quotes)?;
            if !cursor.next(b']')? {
                return cursor.wrong(Flaw::Type);
            }
            let size_lots = size(cursor, &scales.lot, has_quotes)?;
            if steps.is_exact {
                levels.push(Level { price_ticks: steps.count, size_lots });
            } else if takes_odd {
                odd.push(odd_level(start, scales, has_quotes, side, size_lots)?);
            } else {
                return start.wrong(Flaw::OffTick);
            }
            for _ in 0..rest {
                if !cursor.next(b']')? {
                    return cursor.wrong(Flaw::Type);
                }
                cursor.skip()?;
            }
            if cursor.next(b']')? {
                return cursor.wrong(Flaw::Type);
            }
            goes_on = cursor.next(b']')?;
        }
        Ok(())
    }

    #[inline(always)]
    fn list(&self, cursor: &mut Cursor<'_>, scales: &Scales) -> Read<Row> {
        let mut row = NOTHING;
        let mut goes_on = cursor.open(b'[', b']')?;
        for value in &self.values {
            if !goes_on {
                return cursor.wrong(Flaw::Type);
            }
            self.value(cursor, scales, value.column, &mut row)?;
            goes_on = cursor.next(b']')?;
        }
        if goes_on { cursor.wrong(Flaw::Type) } else { Ok(row) }
    }

    #[inline(always)]
    fn object(&self, cursor: &mut Cursor<'_>, scales: &Scales) -> Read<Row> {
        let mut row = NOTHING;
        let (mut seen, mut hint) = (0_u32, 0_usize);
        let mut goes_on = cursor.open(b'{', b'}')?;
        while goes_on {
            let found = match self.values.get(hint).filter(|it| cursor.passes(&it.label)) {
                Some(value) => {
                    cursor.space();
                    Some((hint, value))
                }
                None => {
                    let name = cursor.name()?;
                    self.values.iter().enumerate().find(|(_, value)| *value.name == *name)
                }
            };
            match found {
                Some((place, value)) => {
                    seen |= 1_u32.checked_shl(u32::try_from(place).unwrap_or(0)).unwrap_or(0);
                    self.value(cursor, scales, value.column, &mut row)?;
                    hint = place.saturating_add(1);
                }
                None => cursor.skip()?,
            }
            goes_on = cursor.next(b'}')?;
        }
        if usize::try_from(seen.count_ones()) == Ok(self.values.len()) {
            Ok(row)
        } else {
            cursor.wrong(Flaw::Missing)
        }
    }

    #[inline(always)]
    fn value(
        &self,
        cursor: &mut Cursor<'_>,
        scales: &Scales,
        column: Column,
        row: &mut Row,
    ) -> Read<()> {
        let spelling = &self.spelling;
        let at = cursor.at;
        match column {
            Column::Price => {
                row.price = price(cursor, &scales.tick, spelling.has_quotes)?;
                row.price_at = (at, cursor.at);
            }
            Column::Size => {
                row.size_lots = size(cursor, &scales.lot, spelling.has_quotes)?;
                row.size_at = (at, cursor.at);
            }
            Column::Side => {
                row.side = Some(if cursor.passes(&spelling.bid) {
                    Side::Bids
                } else if cursor.passes(&spelling.ask) {
                    Side::Asks
                } else {
                    return Err(Malformed { flaw: Flaw::Type, at });
                });
            }
            Column::Other => cursor.skip()?,
        }
        Ok(())
    }

    /// Puts a level where it belongs.
    #[inline(always)]
    fn keep(
        &self,
        start: Cursor<'_>,
        cursor: &Cursor<'_>,
        scales: &Scales,
        side: Side,
        row: &Row,
        delta: &mut Delta,
    ) -> Read<()> {
        let RowSpelling { has_quotes, takes_odd, has_fillers, is_checked, .. } = self.spelling;
        let Row { price, size_lots, .. } = *row;
        if has_fillers && price.count == 0 && price.is_exact {
            return Ok(());
        }
        let (levels, odd, digits) = match side {
            Side::Bids => (&mut delta.bids, &mut delta.odd_bids, &mut delta.bid_digits),
            Side::Asks => (&mut delta.asks, &mut delta.odd_asks, &mut delta.ask_digits),
        };
        if !price.is_exact {
            let mut start = start;
            start.at = row.price_at.0;
            if !takes_odd {
                return start.wrong(Flaw::OffTick);
            }
            odd.push(odd_level(start, scales, has_quotes, side, size_lots)?);
            return Ok(());
        }
        levels.push(Level { price_ticks: price.count, size_lots });
        if is_checked {
            let text = |(from, to)| cursor.between(from, to);
            let (price, size) = (strip(text(row.price_at)), strip(text(row.size_at)));
            let Some(found) = Digits::of(price, size) else {
                return Err(Malformed { flaw: Flaw::Number, at: row.price_at.0 });
            };
            digits.push(found);
        }
        Ok(())
    }
}

/// Returns a number without its quotes.
#[inline(always)]
fn strip(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] => inner,
        _ => text,
    }
}

/// Reads a price, rounded down where it is off the tick.
#[inline(always)]
pub(crate) fn price(cursor: &mut Cursor<'_>, tick: &Scale, is_quoted: bool) -> Read<Steps> {
    let at = cursor.at;
    let steps = tick.read(cursor, is_quoted)?;
    if steps.count > TICKS_MAX {
        return Err(Malformed { flaw: Flaw::Large, at });
    }
    Ok(steps)
}

/// Reads a size, rounded down: real books hold dust from before a change of the lot.
#[inline(always)]
pub(crate) fn size(cursor: &mut Cursor<'_>, lot: &Scale, is_quoted: bool) -> Read<i64> {
    lot.read(cursor, is_quoted).map(|steps| steps.count)
}

/// Returns a level whose price, at the cursor, is off the tick.
#[cold]
fn odd_level(
    mut cursor: Cursor<'_>,
    scales: &Scales,
    is_quoted: bool,
    side: Side,
    size_lots: i64,
) -> Read<OddLevel> {
    let price = scales.units.read(&mut cursor, is_quoted)?.count;
    let below = price.checked_div(scales.tick_units).unwrap_or_default();
    let price_ticks = match side {
        Side::Bids => below,
        Side::Asks => below.saturating_add(1),
    };
    if price_ticks > TICKS_MAX {
        return cursor.wrong(Flaw::Large);
    }
    Ok(OddLevel { price, price_ticks, size_lots })
}
