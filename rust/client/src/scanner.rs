//! A venue's bytes as messages in whole numbers, by a table.
//!
//! A message comes out whole or as one [`Malformed`]; whatever the bytes are, nothing else happens.
//! What the table does not speak of is passed over, and must be JSON all the same.

use crate::book::{Continuity, Delta};
use crate::decimal::{Scale, Steps};
use crate::json::Cursor;
use crate::levels::{Level, OddLevel, Side, TICKS_MAX};
use crate::malformed::{Flaw, Malformed, Read};
use crate::plan::{Objects, Plan, Then, envelope};
use crate::table::{Kind, Listing, Slot, StreamTable};

/// So many levels a side of one message may have.
pub const LEVELS_MAX: usize = 100_000;

/// A trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trade {
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
    /// When, by the venue's clock; 0 where the venue does not say.
    pub time_ns: i64,
}

const NOTHING: Level = Level { price_ticks: 0, size_lots: 0 };

/// The last message that was read.
#[derive(Clone, Debug)]
pub struct Message {
    /// Which of the instruments.
    pub instrument: usize,
    /// The delta or snapshot, if it was one.
    pub delta: Delta,
    /// The trade, if it was one.
    pub trade: Trade,
    /// The touch, if it was one.
    pub touch: Touch,
}

#[derive(Debug)]
struct Followed {
    symbol: Box<[u8]>,
    tick: Scale,
    lot: Scale,
    /// The tick in units of the last decimal, and those units, for prices off the tick.
    tick_units: i64,
    units: Scale,
}

/// How values are written.
#[derive(Debug)]
struct Spelling {
    kind_after: Box<[u8]>,
    has_quotes: bool,
    /// Elements of a level behind price and size.
    level_rest: usize,
    sold: Box<[u8]>,
    bought: Box<[u8]>,
    time_unit_ns: i64,
    fine_from: i64,
    fine_unit_ns: i64,
}

/// Reads the messages of one stream.
#[derive(Debug)]
pub struct Scanner {
    envelope: Objects,
    has_payload: bool,
    plans: Vec<Plan>,
    snapshot: Plan,
    spelling: Spelling,
    followed: Vec<Followed>,
    /// Places in `followed`, by symbol.
    by_symbol: Vec<usize>,
    message: Message,
}

/// What an envelope says of its message.
#[derive(Clone, Copy, Default)]
struct Found {
    /// The plan of the kind; the inner None: of none.
    plan: Option<Option<usize>>,
    payload_at: Option<usize>,
    is_read: bool,
}

impl Scanner {
    /// Returns a scanner of these instruments, or what is wrong with the table.
    ///
    /// # Errors
    /// A path of the table leads nowhere or twice, a kind lacks what it is made of, or a step or
    /// symbol is none; the text says which.
    pub fn new(table: &StreamTable, listings: &[Listing]) -> Result<Self, String> {
        let is_numbered = table.continuity != Continuity::Unnumbered;
        let plans = table.messages.iter().map(|it| Plan::new(it, true, is_numbered));
        let scale = |symbol: &str, step: i64| {
            let found = Scale::new(step, table.decimals);
            found.ok_or_else(|| {
                format!("{symbol}: {step} at {} decimals is no step", table.decimals)
            })
        };
        let mut followed = Vec::new();
        for Listing { symbol, tick: step, lot } in listings {
            let (tick, step) = (step, *step);
            let (tick, lot) = (scale(symbol, *tick)?, scale(symbol, *lot)?);
            let (units, symbol) = (scale(symbol, 1)?, symbol.as_bytes().into());
            followed.push(Followed { symbol, tick, lot, tick_units: step, units });
        }
        let mut by_symbol: Vec<usize> = (0..followed.len()).collect();
        let symbol = |place: &usize| followed.get(*place).map(|it| &it.symbol);
        by_symbol.sort_by(|one, other| symbol(one).cmp(&symbol(other)));
        if by_symbol.windows(2).any(|it| it.first().and_then(symbol) == it.last().and_then(symbol))
        {
            return Err("a symbol is listed twice".to_owned());
        }
        let Some(level_rest) = table.level_length.checked_sub(2) else {
            return Err("a level has at least a price and a size".to_owned());
        };
        if table.time_unit_ns <= 0 || table.fine_unit_ns <= 0 {
            return Err("a unit of time is at least a nanosecond".to_owned());
        }
        Ok(Self {
            envelope: envelope(table)?,
            has_payload: !table.payload_path.is_empty(),
            plans: plans.collect::<Result<_, _>>()?,
            snapshot: Plan::new(&table.snapshot, false, is_numbered)?,
            spelling: Spelling {
                kind_after: table.kind_after.as_bytes().into(),
                has_quotes: table.has_quotes,
                level_rest,
                sold: table.sold.as_bytes().into(),
                bought: table.bought.as_bytes().into(),
                time_unit_ns: table.time_unit_ns,
                fine_from: table.fine_from,
                fine_unit_ns: table.fine_unit_ns,
            },
            followed,
            by_symbol,
            message: Message {
                instrument: 0,
                delta: Delta::default(),
                trade: Trade::default(),
                touch: Touch { sequence: 0, bid: NOTHING, ask: NOTHING, time_ns: 0 },
            },
        })
    }

    /// The last message that was read, in the part that its kind has.
    #[must_use]
    #[inline]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Reads a message of the stream; returns its kind, None for one that is none of the table's.
    ///
    /// # Errors
    /// The bytes do not have the table's form.
    #[inline]
    pub fn read(&mut self, bytes: &[u8]) -> Read<Option<Kind>> {
        let Self { envelope, has_payload, plans, spelling, followed, by_symbol, message, .. } =
            self;
        let mut cursor = Cursor::new(bytes);
        cursor.space();
        let start = cursor.at;
        let mut reader =
            Reader { spelling, followed, by_symbol, message, listed: None, is_off_tick: false };
        let mut found = Found::default();
        reader.envelope(&mut cursor, envelope, 0, plans, &mut found)?;
        cursor.end()?;
        let Some(plan) = found.plan else { return cursor.wrong(Flaw::Missing) };
        let payload_at = if *has_payload { found.payload_at } else { Some(start) };
        let Some(payload_at) = payload_at else { return cursor.wrong(Flaw::Missing) };
        let Some(plan) = plan.and_then(|plan| plans.get(plan)) else { return Ok(None) };
        if !found.is_read {
            cursor.at = payload_at;
            reader.payload(&mut cursor, plan)?;
        }
        Ok(Some(plan.kind))
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
        let listed = Some(listed);
        let is_off_tick = false;
        let mut reader = Reader { spelling, followed, by_symbol, message, listed, is_off_tick };
        reader.payload(&mut cursor, snapshot)?;
        cursor.end()
    }
}

/// One message being read.
struct Reader<'a> {
    spelling: &'a Spelling,
    followed: &'a [Followed],
    by_symbol: &'a [usize],
    message: &'a mut Message,
    listed: Option<&'a Followed>,
    /// Whether the trade's price was rounded down to its tick.
    is_off_tick: bool,
}

impl<'a> Reader<'a> {
    fn envelope(
        &mut self,
        cursor: &mut Cursor<'_>,
        objects: &Objects,
        object: usize,
        plans: &[Plan],
        found: &mut Found,
    ) -> Read<()> {
        let mut hint = 0;
        let mut goes_on = cursor.open(b'{', b'}')?;
        while goes_on {
            match objects.find(object, cursor.name()?, &mut hint) {
                Some(Then::Kind) => {
                    if found.plan.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    let text = utf8(cursor)?;
                    found.plan = Some(self.plan_of(text, plans));
                }
                Some(Then::Payload) => {
                    if found.payload_at.is_some() {
                        return cursor.wrong(Flaw::Twice);
                    }
                    found.payload_at = Some(cursor.at);
                    match found.plan.flatten().and_then(|plan| plans.get(plan)) {
                        Some(plan) => {
                            self.payload(cursor, plan)?;
                            found.is_read = true;
                        }
                        None => cursor.skip()?,
                    }
                }
                Some(Then::Object(inner)) => self.envelope(cursor, objects, inner, plans, found)?,
                Some(Then::Value(..)) | None => cursor.skip()?,
            }
            goes_on = cursor.next(b'}')?;
        }
        Ok(())
    }

    #[inline(always)]
    fn plan_of(&self, text: &[u8], plans: &[Plan]) -> Option<usize> {
        let after = &*self.spelling.kind_after;
        let name = match after {
            [] => text,
            _ => {
                let at = text.windows(after.len()).position(|window| window == after)?;
                text.get(at.checked_add(after.len())?..)?
            }
        };
        plans.iter().position(|plan| plan.is_named(name))
    }

    #[inline(always)]
    fn payload(&mut self, cursor: &mut Cursor<'_>, plan: &Plan) -> Read<()> {
        let message = &mut *self.message;
        match plan.kind {
            Kind::Snapshot | Kind::Delta => {
                let (mut bids, mut asks) = (
                    std::mem::take(&mut message.delta.bids),
                    std::mem::take(&mut message.delta.asks),
                );
                bids.clear();
                asks.clear();
                message.delta = Delta { bids, asks, ..Delta::default() };
            }
            Kind::Trade => message.trade = Trade::default(),
            Kind::Touch => {
                message.touch = Touch { sequence: 0, bid: NOTHING, ask: NOTHING, time_ns: 0 };
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
        if self.is_off_tick && plan.kind == Kind::Trade && !self.message.trade.is_sold {
            self.message.trade.price_ticks = self.message.trade.price_ticks.saturating_add(1);
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
            match plan.objects.find(object, cursor.name()?, &mut hint) {
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
                Some(Then::Object(inner)) => self.object(cursor, plan, inner, start, seen)?,
                Some(Then::Kind | Then::Payload) | None => cursor.skip()?,
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
            Slot::First => self.message.delta.first = cursor.integer()?,
            Slot::Last => {
                let last = cursor.integer()?;
                match plan.kind {
                    Kind::Touch => self.message.touch.sequence = last,
                    Kind::Snapshot | Kind::Delta | Kind::Trade => self.message.delta.last = last,
                }
            }
            Slot::Previous => self.message.delta.previous = cursor.integer()?,
            Slot::Time => {
                let time_ns = self.time_ns(cursor)?;
                match plan.kind {
                    Kind::Snapshot | Kind::Delta => self.message.delta.time_ns = time_ns,
                    Kind::Trade => self.message.trade.time_ns = time_ns,
                    Kind::Touch => self.message.touch.time_ns = time_ns,
                }
            }
            Slot::TradeId => self.message.trade.trade_id = cursor.integer()?,
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
                utf8(cursor)?;
            }
            Slot::Integer => {
                cursor.integer()?;
            }
            Slot::Flag => {
                cursor.flag()?;
            }
            Slot::Price
            | Slot::Size
            | Slot::Bids
            | Slot::Asks
            | Slot::BidPrice
            | Slot::BidSize
            | Slot::AskPrice
            | Slot::AskSize => self.amount(cursor, plan, slot, start)?,
        }
        Ok(())
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
        let spelling = self.spelling;
        let quoted = spelling.has_quotes;
        let Message { delta, trade, touch, .. } = &mut *self.message;
        match slot {
            Slot::Price => {
                let steps = price(cursor, &listed.tick, quoted)?;
                (trade.price_ticks, self.is_off_tick) = (steps.count, !steps.is_exact);
            }
            Slot::Size => trade.size_lots = size(cursor, &listed.lot, quoted)?,
            Slot::BidPrice => {
                touch.bid.price_ticks = price(cursor, &listed.tick, quoted)?.count;
            }
            Slot::BidSize => touch.bid.size_lots = size(cursor, &listed.lot, quoted)?,
            Slot::AskPrice => {
                let steps = price(cursor, &listed.tick, quoted)?;
                touch.ask.price_ticks = steps.count.saturating_add(i64::from(!steps.is_exact));
            }
            Slot::AskSize => touch.ask.size_lots = size(cursor, &listed.lot, quoted)?,
            Slot::Bids => {
                let Delta { bids, odd_bids, .. } = delta;
                levels(cursor, listed, spelling, Side::Bids, bids, odd_bids)?;
            }
            Slot::Asks => {
                let Delta { asks, odd_asks, .. } = delta;
                levels(cursor, listed, spelling, Side::Asks, asks, odd_asks)?;
            }
            Slot::Symbol
            | Slot::First
            | Slot::Last
            | Slot::Previous
            | Slot::Time
            | Slot::TradeId
            | Slot::TakerSide
            | Slot::Text
            | Slot::Integer
            | Slot::Flag => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn symbol(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
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
            match plan.objects.find(object, cursor.name()?, &mut hint) {
                Some(Then::Value(Slot::Symbol, _)) => return self.symbol(cursor),
                Some(Then::Object(inner)) => self.seek_symbol(cursor, plan, inner)?,
                Some(Then::Value(..) | Then::Kind | Then::Payload) | None => cursor.skip()?,
            }
            goes_on = cursor.next(b'}')?;
        }
        Ok(())
    }

    #[inline(always)]
    fn time_ns(&self, cursor: &mut Cursor<'_>) -> Read<i64> {
        let at = cursor.at;
        let time = cursor.integer()?;
        let is_fine = time >= self.spelling.fine_from;
        let unit_ns = if is_fine { self.spelling.fine_unit_ns } else { self.spelling.time_unit_ns };
        time.checked_mul(unit_ns).ok_or(Malformed { flaw: Flaw::Large, at })
    }
}

/// Returns a text that has no escapes and is UTF-8.
#[inline(always)]
fn utf8<'a>(cursor: &mut Cursor<'a>) -> Read<&'a [u8]> {
    let text = cursor.text()?;
    if str::from_utf8(text).is_err() { cursor.wrong(Flaw::Syntax) } else { Ok(text) }
}

/// Reads a price, rounded down where it is off the tick.
#[inline(always)]
fn price(cursor: &mut Cursor<'_>, tick: &Scale, is_quoted: bool) -> Read<Steps> {
    let at = cursor.at;
    let steps = tick.read(cursor, is_quoted)?;
    if steps.count > TICKS_MAX {
        return Err(Malformed { flaw: Flaw::Large, at });
    }
    Ok(steps)
}

/// Reads a size, rounded down: real books hold dust from before a change of the lot.
#[inline(always)]
fn size(cursor: &mut Cursor<'_>, lot: &Scale, is_quoted: bool) -> Read<i64> {
    lot.read(cursor, is_quoted).map(|steps| steps.count)
}

#[inline(always)]
fn levels(
    cursor: &mut Cursor<'_>,
    listed: &Followed,
    spelling: &Spelling,
    side: Side,
    levels: &mut Vec<Level>,
    odd: &mut Vec<OddLevel>,
) -> Read<()> {
    levels.clear();
    odd.clear();
    let is_quoted = spelling.has_quotes;
    let mut goes_on = cursor.open(b'[', b']')?;
    while goes_on {
        if levels.len().saturating_add(odd.len()) >= LEVELS_MAX {
            return cursor.wrong(Flaw::Levels);
        }
        if !cursor.open(b'[', b']')? {
            return cursor.wrong(Flaw::Type);
        }
        let start = *cursor;
        let steps = price(cursor, &listed.tick, is_quoted)?;
        if !cursor.next(b']')? {
            return cursor.wrong(Flaw::Type);
        }
        let size_lots = size(cursor, &listed.lot, is_quoted)?;
        if steps.is_exact {
            levels.push(Level { price_ticks: steps.count, size_lots });
        } else {
            odd.push(odd_level(start, listed, is_quoted, side, size_lots)?);
        }
        for _ in 0..spelling.level_rest {
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

/// Returns a level whose price, at the cursor, is off the tick.
#[cold]
fn odd_level(
    mut cursor: Cursor<'_>,
    listed: &Followed,
    is_quoted: bool,
    side: Side,
    size_lots: i64,
) -> Read<OddLevel> {
    let price = listed.units.read(&mut cursor, is_quoted)?.count;
    let below = price.checked_div(listed.tick_units).unwrap_or_default();
    let price_ticks = match side {
        Side::Bids => below,
        Side::Asks => below.saturating_add(1),
    };
    if price_ticks > TICKS_MAX {
        return cursor.wrong(Flaw::Large);
    }
    Ok(OddLevel { price, price_ticks, size_lots })
}
