//! A venue's bytes as messages in whole numbers, by a table.
//!
//! A message comes out whole or as one [`Malformed`](crate::Malformed); whatever the bytes are,
//! nothing else happens. What the table does not speak of is passed over, and must be JSON all the
//! same.

use crate::book::{Continuity, Delta, Manner};
use crate::decimal::Scale;
use crate::fields::{Followed, Reader, Spelling};
use crate::json::Cursor;
use crate::malformed::{Flaw, Read};
use crate::message::{Message, NOTHING, Touch, Trade};
use crate::plan::{Objects, Plan, Then, envelope};
use crate::rows::{RowSpelling, Rows, Scales};
use crate::table::{Kind, Listing, Slot, StreamTable};

/// Reads the messages of one stream.
#[derive(Debug)]
pub struct Scanner {
    envelope: Objects,
    has_variants: bool,
    has_payload: bool,
    beside: Beside,
    plans: Vec<Plan>,
    snapshot: Plan,
    spelling: Spelling,
    followed: Vec<Followed>,
    /// Places in `followed`, by symbol.
    by_symbol: Vec<usize>,
    message: Message,
    manner: Manner,
    /// What the last message was, also where it was refused after that was clear.
    kind: Option<Kind>,
}

/// What stands beside the payload.
#[derive(Clone, Copy, Debug)]
struct Beside {
    has_symbol: bool,
    has_time: bool,
}

/// What an envelope says of its message.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    kind: Option<&'a [u8]>,
    variant: Option<&'a [u8]>,
    payload_at: Option<usize>,
    symbol_at: Option<usize>,
    time_at: Option<(usize, bool)>,
    /// The kind that was read where it stood, with how many messages it had.
    read: Option<(Kind, usize)>,
}

impl Scanner {
    /// Returns a scanner of these instruments, or what is wrong with the table.
    ///
    /// # Errors
    /// A path of the table leads nowhere or twice, a kind lacks what it is made of, or a step or
    /// symbol is none; the text says which.
    pub fn new(table: &StreamTable, listings: &[Listing]) -> Result<Self, String> {
        let scale = |symbol: &str, step: i64, decimals: u32| {
            let found = Scale::new(step, decimals);
            found.ok_or_else(|| format!("{symbol}: {step} at {decimals} decimals is no step"))
        };
        let mut followed = Vec::new();
        for Listing { symbol, tick, lot } in listings {
            let scales = Scales {
                tick: scale(symbol, *tick, table.decimals)?,
                lot: scale(symbol, *lot, table.size_decimals)?,
                tick_units: *tick,
                units: scale(symbol, 1, table.decimals)?,
            };
            followed.push(Followed { symbol: symbol.as_bytes().into(), scales });
        }
        let mut by_symbol: Vec<usize> = (0..followed.len()).collect();
        let symbol = |place: &usize| followed.get(*place).map(|it| &it.symbol);
        by_symbol.sort_by(|one, other| symbol(one).cmp(&symbol(other)));
        if by_symbol.windows(2).any(|it| it.first().and_then(symbol) == it.last().and_then(symbol))
        {
            return Err("a symbol is listed twice".to_owned());
        }
        if table.time_unit_ns <= 0 || table.fine_unit_ns <= 0 {
            return Err("a unit of time is at least a nanosecond".to_owned());
        }
        let StreamTable { continuity, depth, checked_levels, .. } = *table;
        if checked_levels > depth {
            return Err("a checksum is made of levels that the stream tells of".to_owned());
        }
        if depth > 0 && continuity != Continuity::Unnumbered {
            return Err("a book of limited depth is one without numbers".to_owned());
        }
        let plans = table.messages.iter().map(|it| Plan::new(it, table, false));
        let is_beside = |slot| table.beside.iter().any(|it| it.slot == slot);
        Ok(Self {
            envelope: envelope(table)?,
            has_variants: !table.variant_path.is_empty(),
            has_payload: !table.payload_path.is_empty(),
            beside: Beside { has_symbol: is_beside(Slot::Symbol), has_time: is_beside(Slot::Time) },
            plans: plans.collect::<Result<_, _>>()?,
            snapshot: Plan::new(&table.snapshot, table, true)?,
            spelling: spelling(table)?,
            followed,
            by_symbol,
            message: Message {
                instrument: 0,
                delta: Delta::default(),
                trade: Trade::default(),
                trades: Vec::new(),
                touch: Touch { sequence: 0, bid: NOTHING, ask: NOTHING, time_ns: 0 },
            },
            manner: Manner { continuity, depth, checked_levels },
            kind: None,
        })
    }

    /// The last message that was read, in the part that its kind has.
    #[must_use]
    #[inline]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The same, to be counted.
    #[must_use]
    #[inline]
    pub fn message_mut(&mut self) -> &mut Message {
        &mut self.message
    }

    /// What the stream's books are.
    #[must_use]
    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// What the last message was, also where it was refused after that had become clear.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Reads a message of the stream; returns its kind, None for one that is none of the table's.
    /// now_ns is the time of a message that tells none.
    ///
    /// # Errors
    /// The bytes do not have the table's form.
    #[inline]
    pub fn read(&mut self, bytes: &[u8], now_ns: i64) -> Read<Option<Kind>> {
        self.kind = None;
        let mut cursor = Cursor::new(bytes);
        cursor.space();
        let start = cursor;
        let mut found = Found::default();
        let is_through = self.envelope(&mut cursor, 0, now_ns, &mut found)?;
        if is_through {
            cursor.end()?;
        }
        if let Some((kind, count)) = found.read {
            return Ok((count > 0).then_some(kind));
        }
        let Some(kind) = found.kind else { return cursor.wrong(Flaw::Missing) };
        let plan = self.plan_of(kind, found.variant.unwrap_or_default());
        let payload_at = if self.has_payload { found.payload_at } else { Some(start.at) };
        let (Some(plan), Some(payload_at)) = (plan, payload_at) else {
            // A kind that is passed over, or one of ours without what it is about.
            if plan.is_some() {
                return cursor.wrong(Flaw::Missing);
            }
            if !is_through {
                cursor.at = start.at;
                cursor.skip()?;
                cursor.end()?;
            }
            return Ok(None);
        };
        cursor.at = payload_at;
        let (kind, count) = self.payload(&mut cursor, plan, now_ns, &found)?;
        if !is_through {
            cursor.end()?;
        }
        Ok((count > 0).then_some(kind))
    }

    /// Reads a book that was asked for, of an instrument.
    ///
    /// # Errors
    /// The bytes do not have the table's form, or the instrument is not one of these.
    pub fn read_snapshot(&mut self, instrument: usize, bytes: &[u8]) -> Read<()> {
        let Self { snapshot, spelling, followed, by_symbol, message, .. } = self;
        let mut cursor = Cursor::new(bytes);
        cursor.space();
        let Some(listed) = followed.get(instrument) else { return cursor.wrong(Flaw::Unlisted) };
        message.instrument = instrument;
        let mut reader = Reader::new(spelling, followed, by_symbol, message, 0);
        reader.listed = Some(listed);
        reader.one(&mut cursor, snapshot)?;
        cursor.end()
    }

    /// Reads the names of a message up to where it is clear how its payload is read, if that is the
    /// message itself, else to its end: returns whether it came to that.
    fn envelope<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        object: usize,
        now_ns: i64,
        found: &mut Found<'a>,
    ) -> Read<bool> {
        let mut hint = 0;
        let mut goes_on = cursor.open(b'{', b'}')?;
        while goes_on {
            match self.envelope.find(object, cursor, &mut hint)? {
                Some(Then::Kind) => {
                    if found.kind.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    found.kind = Some(cursor.utf8()?);
                }
                Some(Then::Variant) => {
                    if found.variant.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    found.variant = Some(cursor.utf8()?);
                }
                Some(Then::Payload) => {
                    if found.payload_at.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    found.payload_at = Some(cursor.at);
                    match self.plan_so_far(found) {
                        Some(plan) => {
                            found.read = Some(self.payload(cursor, plan, now_ns, found)?);
                        }
                        None => cursor.skip()?,
                    }
                }
                Some(Then::Object(inner)) => {
                    if !self.envelope(cursor, inner, now_ns, found)? {
                        return Ok(false);
                    }
                }
                Some(Then::Value(Slot::Symbol, _)) => {
                    if found.symbol_at.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    found.symbol_at = Some(cursor.at);
                    cursor.skip()?;
                }
                Some(Then::Value(Slot::Text, _)) => _ = cursor.utf8()?,
                Some(Then::Value(Slot::Integer, _)) => _ = cursor.integer()?,
                Some(Then::Value(_, _)) => {
                    found.time_at = Some((cursor.at, false));
                    cursor.skip()?;
                }
                Some(Then::Quoted(_, _)) => {
                    found.time_at = Some((cursor.at, true));
                    cursor.skip()?;
                }
                None => cursor.skip()?,
            }
            if !self.has_payload && found.is_named(self.has_variants) {
                return Ok(false);
            }
            goes_on = cursor.next(b'}')?;
        }
        Ok(true)
    }

    #[inline(always)]
    fn plan_of(&self, kind: &[u8], variant: &[u8]) -> Option<usize> {
        let after = &*self.spelling.kind_after;
        let name = match after {
            [] => kind,
            _ => {
                let at = kind.windows(after.len()).position(|window| window == after)?;
                kind.get(at.checked_add(after.len())?..)?
            }
        };
        self.plans.iter().position(|plan| plan.is_named(name, variant))
    }

    /// Returns how a payload is read, if all is told that decides it.
    #[inline(always)]
    fn plan_so_far(&self, found: &Found<'_>) -> Option<usize> {
        let is_told = found.is_named(self.has_variants)
            && (found.symbol_at.is_some() || !self.beside.has_symbol)
            && (found.time_at.is_some() || !self.beside.has_time);
        if !is_told {
            return None;
        }
        self.plan_of(found.kind?, found.variant.unwrap_or_default())
    }

    /// Reads a payload, and returns its kind and how many messages it had.
    #[inline(always)]
    fn payload(
        &mut self,
        cursor: &mut Cursor<'_>,
        plan: usize,
        now_ns: i64,
        found: &Found<'_>,
    ) -> Read<(Kind, usize)> {
        let Self { plans, spelling, followed, by_symbol, message, kind, beside, .. } = self;
        let Some(plan) = plans.get(plan) else { return cursor.wrong(Flaw::Missing) };
        *kind = Some(plan.kind);
        let mut reader = Reader::new(spelling, followed, by_symbol, message, now_ns);
        if beside.has_symbol {
            let Some(at) = found.symbol_at else { return cursor.wrong(Flaw::Missing) };
            reader.symbol(&mut cursor.moved(at))?;
        }
        if let Some((at, is_quoted)) = found.time_at {
            reader.time_ns = reader.time(&mut cursor.moved(at), is_quoted)?;
        }
        let count = reader.all(cursor, plan)?;
        Ok((plan.kind, count))
    }
}

impl Found<'_> {
    #[inline(always)]
    fn is_named(&self, has_variants: bool) -> bool {
        self.kind.is_some() && (self.variant.is_some() || !has_variants)
    }
}

/// Returns how values are written.
fn spelling(table: &StreamTable) -> Result<Spelling, String> {
    let text = |it: &str| it.as_bytes().into();
    let rows = RowSpelling {
        has_quotes: table.has_quotes,
        bid: text(&table.bid),
        ask: text(&table.ask),
        takes_odd: table.takes_odd,
        has_fillers: table.has_fillers,
        is_checked: table.checked_levels > 0,
    };
    let has_changes = !table.changes.columns.is_empty();
    let changes = has_changes.then(|| Rows::new(&table.changes, rows.clone(), true)).transpose()?;
    Ok(Spelling {
        kind_after: text(&table.kind_after),
        has_quotes: table.has_quotes,
        takes_odd: table.takes_odd,
        levels: Rows::new(&table.levels, rows, false)?,
        changes,
        sold: text(&table.sold),
        bought: text(&table.bought),
        time_form: table.time_form,
        time_unit_ns: table.time_unit_ns,
        fine_from: table.fine_from,
        fine_unit_ns: table.fine_unit_ns,
    })
}
