//! The fields of one message, by the plan of its kind.

use crate::decimal::Steps;
use crate::json::Cursor;
use crate::levels::Side;
use crate::malformed::{Flaw, Malformed, Read};
use crate::message::{Message, NOTHING, Touch, Trade};
use crate::plan::{KIND_BIT, Plan, Then, VARIANT_BIT};
use crate::rows::{Rows, Scales, price, size};
use crate::table::{Kind, Slot, TimeForm};
use crate::time::read_iso;

/// An instrument, as the venue spells and counts it.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) symbol: Box<[u8]>,
    pub(crate) scales: Scales,
}

/// How values are written.
#[derive(Debug)]
pub(crate) struct Spelling {
    pub(crate) kind_after: Box<[u8]>,
    pub(crate) has_quotes: bool,
    pub(crate) takes_odd: bool,
    pub(crate) levels: Rows,
    /// Levels that say their side; None: there are no such.
    pub(crate) changes: Option<Rows>,
    pub(crate) sold: Box<[u8]>,
    pub(crate) bought: Box<[u8]>,
    pub(crate) time_form: TimeForm,
    pub(crate) time_unit_ns: i64,
    pub(crate) fine_from: i64,
    pub(crate) fine_unit_ns: i64,
}

/// One message being read.
pub(crate) struct Reader<'a> {
    spelling: &'a Spelling,
    followed: &'a [Followed],
    by_symbol: &'a [usize],
    message: &'a mut Message,
    pub(crate) listed: Option<&'a Followed>,
    /// The time of a message that tells none.
    pub(crate) time_ns: i64,
    /// Whether the trade's price was rounded down to its tick.
    is_off_tick: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        spelling: &'a Spelling,
        followed: &'a [Followed],
        by_symbol: &'a [usize],
        message: &'a mut Message,
        time_ns: i64,
    ) -> Self {
        let (listed, is_off_tick) = (None, false);
        Self { spelling, followed, by_symbol, message, listed, time_ns, is_off_tick }
    }

    /// Reads a payload, and returns how many messages are in it.
    #[inline(always)]
    pub(crate) fn all(&mut self, cursor: &mut Cursor<'_>, plan: &Plan) -> Read<usize> {
        self.message.trades.clear();
        if !plan.is_list {
            self.one(cursor, plan)?;
            return Ok(1);
        }
        let (beside, mut count) = (self.listed, 0_usize);
        let mut goes_on = cursor.open(b'[', b']')?;
        while goes_on {
            if count > 0 && plan.kind != Kind::Trade {
                return cursor.wrong(Flaw::Several);
            }
            (self.listed, self.is_off_tick) = (beside, false);
            self.one(cursor, plan)?;
            count = count.saturating_add(1);
            goes_on = cursor.next(b']')?;
        }
        Ok(count)
    }

    /// Reads one message.
    #[inline(always)]
    pub(crate) fn one(&mut self, cursor: &mut Cursor<'_>, plan: &Plan) -> Read<()> {
        let (message, time_ns) = (&mut *self.message, self.time_ns);
        match plan.kind {
            Kind::Snapshot | Kind::Delta => {
                message.delta.reset();
                message.delta.time_ns = time_ns;
            }
            Kind::Trade => message.trade = Trade { time_ns, joined: 1, ..Trade::default() },
            Kind::Touch => {
                message.touch = Touch { sequence: 0, bid: NOTHING, ask: NOTHING, time_ns }
            }
        }
        let start = *cursor;
        let mut seen = 0;
        self.object(cursor, plan, 0, &start, &mut seen)?;
        if seen & plan.required != plan.required {
            return cursor.wrong(Flaw::Missing);
        }
        if !plan.has_first {
            self.message.delta.first = self.message.delta.last;
        }
        if plan.kind == Kind::Trade {
            let trade = &mut self.message.trade;
            if self.is_off_tick && !trade.is_sold {
                trade.price_ticks = trade.price_ticks.saturating_add(1);
            }
            if trade.joined != 1 && (trade.joined < 1 || trade.joined > trade.trade_id) {
                return cursor.wrong(Flaw::Type);
            }
            trade.instrument = self.message.instrument;
            self.message.trades.push(*trade);
        }
        Ok(())
    }

    fn object(
        &mut self,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        object: usize,
        start: &Cursor<'_>,
        seen: &mut u64,
    ) -> Read<()> {
        let mut hint = 0;
        let mut goes_on = cursor.open(b'{', b'}')?;
        while goes_on {
            match plan.objects.find(object, cursor, &mut hint)? {
                Some(Then::Value(Slot::Symbol, bit)) => {
                    if *seen & bit != 0 {
                        return cursor.wrong(Flaw::Twice);
                    }
                    *seen |= bit;
                    self.symbol(cursor)?;
                }
                Some(Then::Value(slot, bit)) => {
                    *seen |= bit;
                    self.value(cursor, plan, slot, start)?;
                }
                Some(Then::Quoted(slot, bit)) => {
                    *seen |= bit;
                    if slot == Slot::Time {
                        let time_ns = self.time(cursor, true)?;
                        self.set_time(plan.kind, time_ns);
                    } else {
                        let number = quoted(cursor)?;
                        self.number(plan.kind, slot, number);
                    }
                }
                Some(Then::Object(inner)) => self.object(cursor, plan, inner, start, seen)?,
                Some(Then::Kind) => once(cursor, seen, KIND_BIT)?,
                Some(Then::Variant) => once(cursor, seen, VARIANT_BIT)?,
                Some(Then::Payload) | None => cursor.skip()?,
            }
            goes_on = cursor.next(b'}')?;
        }
        Ok(())
    }

    #[inline(always)]
    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        slot: Slot,
        start: &Cursor<'_>,
    ) -> Read<()> {
        match slot {
            Slot::Symbol => self.symbol(cursor)?,
            Slot::First
            | Slot::Last
            | Slot::Previous
            | Slot::TradeId
            | Slot::Integer
            | Slot::Joined
            | Slot::Checksum => {
                let number = cursor.integer()?;
                self.number(plan.kind, slot, number);
            }
            Slot::Time => {
                let time_ns = self.time(cursor, false)?;
                self.set_time(plan.kind, time_ns);
            }
            Slot::TakerSide => {
                let at = cursor.at;
                cursor.skip()?;
                let value = cursor.since(at);
                self.message.trade.is_sold = if *value == *self.spelling.sold {
                    true
                } else if *value == *self.spelling.bought {
                    false
                } else {
                    return Err(Malformed { flaw: Flaw::Type, at });
                };
            }
            Slot::Text => {
                cursor.utf8()?;
            }
            Slot::Flag => {
                cursor.flag()?;
            }
            Slot::Price
            | Slot::Size
            | Slot::Bids
            | Slot::Asks
            | Slot::Changes
            | Slot::BidPrice
            | Slot::BidSize
            | Slot::AskPrice
            | Slot::AskSize => self.amount(cursor, plan, slot, start)?,
        }
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, kind: Kind, slot: Slot, number: i64) {
        let Message { delta, trade, touch, .. } = &mut *self.message;
        match slot {
            Slot::First => delta.first = number,
            Slot::Last if kind == Kind::Touch => touch.sequence = number,
            Slot::Last => delta.last = number,
            Slot::Previous => delta.previous = number,
            Slot::TradeId => trade.trade_id = number,
            Slot::Joined => trade.joined = number,
            Slot::Checksum => delta.checksum = number,
            Slot::Symbol
            | Slot::Time
            | Slot::Price
            | Slot::Size
            | Slot::TakerSide
            | Slot::Bids
            | Slot::Asks
            | Slot::Changes
            | Slot::BidPrice
            | Slot::BidSize
            | Slot::AskPrice
            | Slot::AskSize
            | Slot::Text
            | Slot::Integer
            | Slot::Flag => {}
        }
    }

    #[inline(always)]
    fn set_time(&mut self, kind: Kind, time_ns: i64) {
        match kind {
            Kind::Snapshot | Kind::Delta => self.message.delta.time_ns = time_ns,
            Kind::Trade => self.message.trade.time_ns = time_ns,
            Kind::Touch => self.message.touch.time_ns = time_ns,
        }
    }

    /// Reads what is counted in the instrument's steps.
    #[inline(always)]
    fn amount(
        &mut self,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        slot: Slot,
        start: &Cursor<'_>,
    ) -> Read<()> {
        let listed = match self.listed {
            Some(listed) => listed,
            None => self.look_ahead(plan, start)?,
        };
        let (scales, spelling) = (&listed.scales, self.spelling);
        let quoted = spelling.has_quotes;
        let Message { delta, trade, touch, .. } = &mut *self.message;
        match slot {
            Slot::Price => {
                let steps = on_tick(cursor, scales, spelling)?;
                (trade.price_ticks, self.is_off_tick) = (steps.count, !steps.is_exact);
            }
            Slot::Size => trade.size_lots = size(cursor, &scales.lot, quoted)?,
            Slot::BidPrice => touch.bid.price_ticks = on_tick(cursor, scales, spelling)?.count,
            Slot::BidSize => touch.bid.size_lots = size(cursor, &scales.lot, quoted)?,
            Slot::AskPrice => {
                let steps = on_tick(cursor, scales, spelling)?;
                touch.ask.price_ticks = steps.count.saturating_add(i64::from(!steps.is_exact));
            }
            Slot::AskSize => touch.ask.size_lots = size(cursor, &scales.lot, quoted)?,
            Slot::Bids => spelling.levels.read(cursor, scales, Some(Side::Bids), delta)?,
            Slot::Asks => spelling.levels.read(cursor, scales, Some(Side::Asks), delta)?,
            Slot::Changes => match &spelling.changes {
                Some(rows) => rows.read(cursor, scales, None, delta)?,
                None => return cursor.wrong(Flaw::Type),
            },
            Slot::Symbol
            | Slot::First
            | Slot::Last
            | Slot::Previous
            | Slot::Time
            | Slot::TradeId
            | Slot::TakerSide
            | Slot::Joined
            | Slot::Checksum
            | Slot::Text
            | Slot::Integer
            | Slot::Flag => {}
        }
        Ok(())
    }

    /// Reads the symbol, and finds the instrument.
    #[inline(always)]
    pub(crate) fn symbol(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let at = cursor.at;
        let symbol = cursor.text()?;
        let last = self.followed.get(self.message.instrument);
        if let Some(listed) = last.filter(|it| *it.symbol == *symbol) {
            self.listed = Some(listed);
            return Ok(());
        }
        let of = |place: &usize| self.followed.get(*place);
        let found = self
            .by_symbol
            .binary_search_by(|place| of(place).map(|it| &*it.symbol).cmp(&Some(symbol)));
        let place = found.ok().and_then(|at| self.by_symbol.get(at));
        let (Some(place), Some(listed)) = (place, place.and_then(of)) else {
            return Err(Malformed { flaw: Flaw::Unlisted, at });
        };
        self.message.instrument = *place;
        self.listed = Some(listed);
        Ok(())
    }

    /// Finds the symbol of a message in which it stands behind what it is needed for.
    #[cold]
    fn look_ahead(&mut self, plan: &Plan, start: &Cursor<'_>) -> Read<&'a Followed> {
        let mut cursor = *start;
        self.seek_symbol(&mut cursor, plan, 0)?;
        self.listed.map_or_else(|| cursor.wrong(Flaw::Missing), Ok)
    }

    fn seek_symbol(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, object: usize) -> Read<()> {
        let mut hint = 0;
        let mut goes_on = cursor.open(b'{', b'}')?;
        while goes_on {
            match plan.objects.find(object, cursor, &mut hint)? {
                Some(Then::Value(Slot::Symbol, _)) => return self.symbol(cursor),
                Some(Then::Object(inner)) => self.seek_symbol(cursor, plan, inner)?,
                Some(
                    Then::Value(..) | Then::Quoted(..) | Then::Kind | Then::Variant | Then::Payload,
                )
                | None => cursor.skip()?,
            }
            goes_on = cursor.next(b'}')?;
        }
        Ok(())
    }

    /// Reads a time.
    #[inline(always)]
    pub(crate) fn time(&self, cursor: &mut Cursor<'_>, is_quoted: bool) -> Read<i64> {
        if self.spelling.time_form == TimeForm::Iso {
            return read_iso(cursor);
        }
        let at = cursor.at;
        let time = if is_quoted { quoted(cursor)? } else { cursor.integer()? };
        let is_fine = time >= self.spelling.fine_from;
        let unit_ns = if is_fine { self.spelling.fine_unit_ns } else { self.spelling.time_unit_ns };
        time.checked_mul(unit_ns).ok_or(Malformed { flaw: Flaw::Large, at })
    }
}

/// Passes over a text that decides how others are read, and must not be told twice.
fn once(cursor: &mut Cursor<'_>, seen: &mut u64, bit: u64) -> Read<()> {
    if *seen & bit != 0 {
        return cursor.wrong(Flaw::Twice);
    }
    *seen |= bit;
    cursor.skip()
}

/// Reads a whole number in quotes.
#[inline(always)]
fn quoted(cursor: &mut Cursor<'_>) -> Read<i64> {
    if cursor.here() != b'"' {
        return cursor.wrong(Flaw::Type);
    }
    cursor.at = cursor.at.saturating_add(1);
    let number = cursor.integer()?;
    cursor.tight(b'"')?;
    Ok(number)
}

/// Reads a price, and refuses one off the tick where the table does.
#[inline(always)]
fn on_tick(cursor: &mut Cursor<'_>, scales: &Scales, spelling: &Spelling) -> Read<Steps> {
    let start = *cursor;
    let steps = price(cursor, &scales.tick, spelling.has_quotes)?;
    if !steps.is_exact && !spelling.takes_odd {
        return start.wrong(Flaw::OffTick);
    }
    Ok(steps)
}
