//! The market of a tape: a recording trades as the house, around the orders of one user.
//!
//! The house is in a light book; the engine has what concerns the user, and every rule is the
//! engine's (decision 0060). The invariant: the user's orders fare as they would if the engine had
//! every level and every trade of the recording in it. An event enters the engine only where a user
//! stands, where it crosses or reaches one, or where somebody hears its price; how the engine gets
//! the levels that an acting order may reach is in `stage.rs`.
//!
//! What the recording says of a level that a user took from holds until its next word on that level.
//! Its touch is followed: what is better than it is stale. A gap in the recording keeps the sizes
//! at which users stand until the snapshot behind it has told them anew, so that no place in a queue
//! is won by a gap.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hot: sizes and ticks are checked when a block is fed, positions are this file's own"
)]

use std::ops::RangeInclusive;

use steelyard_engine::{
    Amend, Cancel, Command, Effects, Engine, HouseFact, Instrument, MarketState, Open, Place,
    QueueModel, Side,
};

use crate::levels::Levels;
use crate::market::{Market, Played};
use crate::rows::{Event, kind};
use crate::tape_book::{TapeBook, Touch, has_users, lots_of};

/// The market of one instrument's tape.
pub struct TapeMarket {
    pub(crate) book: TapeBook,
    pub(crate) engine: Engine,
    pub(crate) instrument: Instrument,
    pub(crate) effects: Effects,
    /// Whether something was told since `play` looked.
    pub(crate) has_told: bool,
    /// Where the engine tells what nobody needs.
    pub(crate) scratch: Effects,
    pub(crate) now_ns: i64,
    pub(crate) last_ticks: i64,
    /// The last price that the engine knows.
    pub(crate) last_known: i64,
    /// The best prices at which users stand, as `NO_PRICE` says where they do not.
    pub(crate) users_bid: i64,
    pub(crate) users_ask: i64,
    /// The prices of trades that nobody hears.
    pub(crate) silence: RangeInclusive<i64>,
    /// When the next order expires, or sizes from before a gap are over.
    pub(crate) due_ns: i64,
    /// Where users stand.
    pub(crate) attended: Vec<(Side, u32)>,
    /// What is in the engine for the command under way.
    pub(crate) staged: Vec<(Side, u32)>,
    pub(crate) dormant: Vec<Open>,
    /// Where users stand with sizes from before a gap, and when it was.
    doubtful: Vec<(Side, u32)>,
    clear_ns: i64,
    pub(crate) block: Vec<Event>,
    pub(crate) at: usize,
    pub(crate) is_over: bool,
    wants_book: bool,
    pub(crate) wants_trades: bool,
    has_moved: bool,
    trade: Option<Played>,
    pub(crate) passed_over: u64,
    /// How many events were played of blocks that are dropped.
    pub(crate) dropped: u64,
    /// The recorded book while the market is closed and nothing of it passes.
    behind: Option<Box<TapeBook>>,
}

impl TapeMarket {
    /// Makes a market in which nothing stands; accounts and money are the engine's business.
    ///
    /// # Errors
    ///
    /// The listing is not sound, or its largest price leaves the 32 bits of an event's tick.
    pub fn new(instrument: &Instrument, queue_model: QueueModel) -> Result<Self, &'static str> {
        let mut engine = Engine::new(queue_model);
        let listing = Command::ListInstrument(Box::new(instrument.clone()));
        engine.apply(&listing, 0, &mut Effects::default());
        Self::over(engine, instrument)
    }

    /// Makes a market over an engine that lists the instrument already, and has nothing in its book.
    ///
    /// # Errors
    ///
    /// As of `new`.
    pub fn over(engine: Engine, instrument: &Instrument) -> Result<Self, &'static str> {
        let tick_max = u32::try_from(instrument.price_max_ticks)
            .map_err(|_| "the largest price is above 2^32 - 1 ticks: list a larger tick size")?;
        if !instrument.is_sound() {
            return Err("the listing's amounts leave the range of the books: list smaller limits");
        }
        Ok(Self {
            book: TapeBook::new(tick_max),
            engine,
            instrument: instrument.clone(),
            effects: Effects::default(),
            has_told: false,
            scratch: Effects::default(),
            now_ns: 0,
            last_ticks: 0,
            last_known: 0,
            users_bid: Levels::<true>::NO_PRICE,
            users_ask: Levels::<false>::NO_PRICE,
            silence: i64::MIN..=i64::MAX,
            due_ns: i64::MAX,
            attended: Vec::new(),
            staged: Vec::new(),
            dormant: Vec::new(),
            doubtful: Vec::new(),
            clear_ns: i64::MAX,
            block: Vec::new(),
            at: 0,
            is_over: false,
            wants_book: false,
            wants_trades: false,
            has_moved: false,
            trade: None,
            passed_over: 0,
            dropped: 0,
            behind: None,
        })
    }

    /// Says what `play` stops at besides effects.
    pub fn want(&mut self, book: bool, trades: bool) {
        (self.wants_book, self.wants_trades) = (book, trades);
    }

    /// Says whether the book's changes are wanted, and nothing of trades.
    pub fn want_book(&mut self, book: bool) {
        self.wants_book = book;
    }

    // -- time -------------------------------------------------------------------------------

    /// Plays on; see [`Market::play`].
    fn play_on(&mut self, until_ns: i64) -> Played {
        if let Some(trade) = self.trade.take() {
            return trade;
        }
        // Out of the way, so that the place in it stays in registers.
        let block = std::mem::take(&mut self.block);
        let mut at = self.at;
        let mut stop_ns = self.stop_ns(until_ns);
        let played = loop {
            let Some(event) = block.get(at) else {
                if !self.is_over {
                    break Played::Starved;
                }
                break if self.takes_move() { Played::Book } else { Played::Over };
            };
            if event.time_ns >= stop_ns {
                if self.settle(until_ns.min(event.time_ns)) {
                    break Played::Effects;
                }
                if event.time_ns > until_ns {
                    if self.takes_move() {
                        break Played::Book;
                    }
                    self.now_ns = self.now_ns.max(until_ns);
                    break Played::Until;
                }
                stop_ns = self.stop_ns(until_ns);
            }
            if self.has_moved && event.time_ns > self.now_ns {
                self.has_moved = false;
                break Played::Book;
            }
            at += 1;
            self.now_ns = event.time_ns;
            if self.tell(event) {
                continue;
            }
            if std::mem::take(&mut self.has_told) {
                break Played::Effects;
            }
            if let Some(trade) = self.trade.take() {
                break trade;
            }
            stop_ns = self.stop_ns(until_ns);
        };
        (self.block, self.at) = (block, at);
        played
    }

    /// Returns from which time on an event is not simply played.
    fn stop_ns(&self, until_ns: i64) -> i64 {
        self.due_ns.min(until_ns.saturating_add(1))
    }

    /// Returns whether a changed book is to be told now.
    #[inline]
    fn takes_move(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Does what is due up to a time; true where that told something.
    fn settle(&mut self, until_ns: i64) -> bool {
        while self.due_ns <= until_ns {
            self.now_ns = self.now_ns.max(self.due_ns);
            self.act_when_due();
            if std::mem::take(&mut self.has_told) {
                return true;
            }
        }
        false
    }

    /// Does what is due now.
    pub(crate) fn act_when_due(&mut self) {
        if self.now_ns > self.clear_ns {
            self.end_doubts();
        }
        if self.now_ns >= self.engine.next_expiry_ns() {
            self.carry_out(&Command::AdvanceTime, true);
        }
        self.reckon();
    }

    /// Reckons when something is due next.
    pub(crate) fn reckon(&mut self) {
        self.due_ns = self.engine.next_expiry_ns().min(self.clear_ns.saturating_add(1));
    }

    // -- events -----------------------------------------------------------------------------

    /// Plays one event now; its time is not looked at. True where nothing came of it but that.
    #[inline(always)]
    fn tell(&mut self, event: &Event) -> bool {
        let Event { lots, tick, .. } = *event;
        if self.behind.is_some() {
            return self.tell_closed(event);
        }
        match event.kind {
            kind::BID_LEVEL => self.bid_level(tick, lots),
            kind::ASK_LEVEL => self.ask_level(tick, lots),
            kind::BUY_TRADE => self.trade(Side::Buy, tick, lots),
            kind::SELL_TRADE => self.trade(Side::Sell, tick, lots),
            kind::BEST_BID => self.best_bid(tick, lots),
            kind::BEST_ASK => self.best_ask(tick, lots),
            _ => self.clear(),
        }
    }

    #[inline(always)]
    fn bid_level(&mut self, tick: u32, lots: i64) -> bool {
        self.has_moved = self.wants_book;
        if (lots != 0) & (i64::from(tick) >= self.book.asks.best()) {
            return self.cross(Side::Buy, tick, lots);
        }
        self.book.bids.put(tick, lots as u64) || self.attend(Side::Buy, tick, lots)
    }

    #[inline(always)]
    fn ask_level(&mut self, tick: u32, lots: i64) -> bool {
        self.has_moved = self.wants_book;
        if (lots != 0) & (i64::from(tick) <= self.book.bids.best()) {
            return self.cross(Side::Sell, tick, lots);
        }
        self.book.asks.put(tick, lots as u64) || self.attend(Side::Sell, tick, lots)
    }

    #[inline(always)]
    fn best_bid(&mut self, tick: u32, lots: i64) -> bool {
        if lots == 0 {
            return true;
        }
        if self.book.bids.best() > i64::from(tick) {
            self.drop_better(Side::Buy, tick);
        }
        self.bid_level(tick, lots)
    }

    #[inline(always)]
    fn best_ask(&mut self, tick: u32, lots: i64) -> bool {
        if lots == 0 {
            return true;
        }
        if self.book.asks.best() < i64::from(tick) {
            self.drop_better(Side::Sell, tick);
        }
        self.ask_level(tick, lots)
    }

    #[inline(always)]
    fn trade(&mut self, taker: Side, tick: u32, lots: i64) -> bool {
        let price = i64::from(tick);
        if lots == 0 {
            return true;
        }
        if self.wants_trades {
            let side = i64::from(taker.number());
            self.trade = Some(Played::Trade { price_ticks: price, size_lots: lots, side });
        }
        let reaches = match taker {
            Side::Buy => self.users_ask <= price,
            Side::Sell => self.users_bid >= price,
        };
        if reaches || !self.silence.contains(&price) {
            return self.trade_heard(taker, tick, lots, reaches);
        }
        self.last_ticks = price;
        let was_taken = match taker {
            Side::Buy => self.book.asks.take(tick, lots as u64),
            Side::Sell => self.book.bids.take(tick, lots as u64),
        };
        debug_assert!(was_taken, "users stand at {tick}, which was not reached");
        !self.wants_trades
    }

    /// Plays one event past a market that is closed.
    #[cold]
    fn tell_closed(&mut self, event: &Event) -> bool {
        if let Some(book) = &mut self.behind {
            book.tell(event);
        }
        true
    }

    /// Opens or restricts the market. While it is not open the recording goes on and nothing of it
    /// passes; when it opens, its book is stated anew, and what is in its way fills.
    fn change_state(&mut self, state: MarketState) {
        self.set_engine_state(state);
        let is_open = state == MarketState::Open;
        if !is_open && self.behind.is_none() {
            self.behind = Some(Box::new(self.book.clone_of_house()));
        }
        let Some(behind) = self.behind.take_if(|_| is_open) else { return };
        for side in [Side::Buy, Side::Sell] {
            let gone: Vec<_> = self.book.depth(side).map(|it| it.0).collect();
            for tick in gone.into_iter().filter_map(|it| u32::try_from(it).ok()) {
                if behind.lots(side, tick) == 0 {
                    self.level(side, tick, 0);
                }
            }
        }
        for side in [Side::Buy, Side::Sell] {
            for (price, lots) in behind.depth(side) {
                self.level(side, u32::try_from(price).unwrap_or(0), lots);
            }
        }
        self.has_told = false; // who asks reads the effects anyway
    }

    fn level(&mut self, side: Side, tick: u32, lots: i64) {
        match side {
            Side::Buy => self.bid_level(tick, lots),
            Side::Sell => self.ask_level(tick, lots),
        };
    }

    /// Drops the house's sizes that are better than its recorded touch.
    #[cold]
    fn drop_better(&mut self, side: Side, tick: u32) {
        let mut next = self.book.best(side);
        while let Some(better) =
            next.filter(|&it| it != tick && side.reaches(it.into(), tick.into()))
        {
            next = self.book.after(side, better);
            let slot = self.book.slot(side, better);
            if has_users(slot) {
                if lots_of(slot) != 0 {
                    self.restate(side, better, 0);
                    self.is_no_longer_doubtful(side, better);
                }
            } else {
                self.book.write(side, better, 0);
            }
        }
    }

    /// Forgets whatever stands, but for what is in doubt.
    #[cold]
    fn clear(&mut self) -> bool {
        self.has_moved = self.wants_book;
        if self.clear_ns != i64::MAX {
            self.end_doubts();
        }
        for side in [Side::Buy, Side::Sell] {
            let mut next = self.book.best(side);
            while let Some(tick) = next {
                next = self.book.after(side, tick);
                if has_users(self.book.slot(side, tick)) {
                    self.doubtful.push((side, tick));
                } else {
                    self.book.write(side, tick, 0);
                }
            }
        }
        self.clear_ns = self.now_ns;
        self.reckon();
        false
    }

    /// Drops the sizes from before a gap that the snapshot behind it did not tell anew.
    #[cold]
    fn end_doubts(&mut self) {
        let doubtful = std::mem::take(&mut self.doubtful);
        // As of then: what expires now is told by its own command.
        let now_ns = std::mem::replace(&mut self.now_ns, self.clear_ns);
        for &(side, tick) in &doubtful {
            let slot = self.book.slot(side, tick);
            if lots_of(slot) != 0 {
                self.restate(side, tick, 0);
            }
        }
        (self.now_ns, self.clear_ns) = (now_ns, i64::MAX);
    }

    /// Sets the house's size at a level where users stand; nothing crosses there.
    #[cold]
    fn attend(&mut self, side: Side, tick: u32, lots: i64) -> bool {
        self.restate(side, tick, lots);
        self.is_no_longer_doubtful(side, tick);
        true
    }

    /// Takes a level out of those in doubt; returns whether it was one.
    pub(crate) fn is_no_longer_doubtful(&mut self, side: Side, tick: u32) -> bool {
        let before = self.doubtful.len();
        self.doubtful.retain(|&it| it != (side, tick));
        self.doubtful.len() != before
    }

    /// Returns a fact of the house, as the engine is told it.
    pub(crate) fn fact(&self, side: Side, tick: u32, size_lots: i64) -> HouseFact {
        let instrument_id = self.instrument.instrument_id;
        HouseFact { instrument_id, side, price_ticks: i64::from(tick), size_lots }
    }

    // -- what can be read -------------------------------------------------------------------

    /// Returns the house's book.
    #[must_use]
    pub fn book(&self) -> &TapeBook {
        &self.book
    }

    /// Returns the best prices, with the user's own orders or without.
    #[must_use]
    pub fn touch(&self, with_own: bool) -> Touch {
        if !with_own {
            return self.book.touch();
        }
        let (bid_ticks, bid_lots) = self.shown(Side::Buy);
        let (ask_ticks, ask_lots) = self.shown(Side::Sell);
        Touch { bid_ticks, bid_lots, ask_ticks, ask_lots }
    }

    /// Returns the best price of a side with the user's own orders; 0 where there is none.
    #[must_use]
    pub fn best_shown(&self, side: Side) -> i64 {
        match self.book.best(side) {
            None => 0,
            // What the house has there is shown, whoever stands beside it.
            Some(tick) if lots_of(self.book.slot(side, tick)) != 0 => i64::from(tick),
            Some(_) => self.shown(side).0,
        }
    }

    fn shown(&self, side: Side) -> (i64, i64) {
        let mut next = self.book.best(side);
        while let Some(tick) = next {
            let slot = self.book.slot(side, tick);
            let price = i64::from(tick);
            let lots = match has_users(slot) {
                true => self.engine.standing(self.instrument.instrument_id, side, price).shown_lots,
                false => lots_of(slot),
            };
            if lots != 0 {
                return (price, lots);
            }
            next = self.book.after(side, tick);
        }
        (0, 0)
    }
}

impl Market for TapeMarket {
    fn play(&mut self, until_ns: i64) -> Played {
        self.play_on(until_ns)
    }

    fn now_ns(&self) -> i64 {
        self.now_ns
    }

    fn next_ns(&self) -> i64 {
        if self.trade.is_some() {
            return self.now_ns;
        }
        let is_heard = self.wants_book || self.wants_trades || self.engine.open_orders() != 0;
        let next = self.block.get(self.at);
        // What nobody hears is played in one go.
        let next = if is_heard { next } else { next.and(self.block.last()) };
        next.map_or(self.now_ns, |it| it.time_ns.min(self.due_ns))
    }

    fn takes_orders(&self) -> bool {
        true
    }

    fn takes_from_ns(&self) -> i64 {
        self.now_ns
    }

    fn set_position(&mut self, _: i64) {}

    fn place(&mut self, place: &Place) {
        self.take_place(place);
    }

    fn cancel(&mut self, cancel: Cancel) {
        self.take_cancel(cancel);
    }

    fn amend(&mut self, amend: Amend, _: Side) {
        self.take_amend(amend);
    }

    fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    fn mid_half_ticks(&self) -> i64 {
        let Touch { bid_ticks, ask_ticks, .. } = self.book.touch();
        if bid_ticks == 0 || ask_ticks == 0 { 0 } else { bid_ticks + ask_ticks }
    }

    fn last_ticks(&self) -> i64 {
        self.last_ticks
    }

    fn set_state(&mut self, state: MarketState) {
        self.change_state(state);
    }

    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }
}
