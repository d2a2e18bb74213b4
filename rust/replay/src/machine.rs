//! One backtest as a machine: it plays until somebody has to be called, and says who.
//!
//! Time belongs to the market; what is on its way (orders to the exchange, news to the strategy,
//! timers, closures of the market) has a time at which it is due, and is carried out before the
//! market plays beyond it. At one moment closures come first, then news, then orders, then timers.
//! What a strategy knows is what it has been told: with a delay on answers its position and its
//! orders are those of a moment ago.
//!
//! It calls nobody: `advance` returns, and whoever drives it asks what is new, hands in wishes, and
//! calls `advance` again.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: prices, sizes and times are in range, and overflow checks are on in every profile"
)]

mod exchange;
mod room;
mod targets;
mod words;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use steelyard_engine::{Command, MarketState, Told, Transfer};

use crate::account::Account;
use crate::curve::Curve;
use crate::latency::Dice;
use crate::market::{Market, Played};
use crate::rows::{Bar, FillRow, OrderRow};

pub use room::Room;
pub use targets::Aim;
use words::{Carried, Errand, Flight, Letter, RATE_SCALE, ROOM, Timer};
pub use words::{Closure, News, Pause, Settings, USER, Wish, state};

/// One backtest.
pub struct Machine<M> {
    /// The market.
    pub market: M,
    settings: Settings,
    /// What the user has.
    pub account: Account,
    /// What the user had before anything.
    opening: Account,
    /// What it was worth.
    pub curve: Curve,
    dice: Dice,
    orders: Vec<OrderRow>,
    fills: Vec<FillRow>,
    by_engine: Vec<usize>,
    /// Room for the changes of a target, which whoever finds them takes.
    aims_room: Vec<Aim>,
    flights: BinaryHeap<Reverse<Flight>>,
    flown: u64,
    letters: VecDeque<Letter>,
    told: Vec<News>,
    /// Room for what is heard at once.
    heard: Vec<Told>,
    timers: Vec<Timer>,
    closures_done: usize,
    is_closed: bool,
    /// What is on its way to the market: bought less sold.
    coming_lots: i64,
    /// What the strategy believes to hold.
    told_lots: i64,
    told_fills: usize,
    /// No order before this one is open, as far as the strategy knows.
    first_open: usize,
    events: u64,
    /// A bar that has closed, while what comes before it is told.
    held_back: Option<Bar>,
    /// When the account is marked to the middle next.
    marks_at_ns: i64,
    /// The market has asked for a block and not played it yet.
    is_fed: bool,
    /// The position that was aimed for last.
    aimed_lots: i64,
    /// Orders before this one are over, and nothing more is sent because of them.
    settled: usize,
}

impl<M: Market> Machine<M> {
    /// Makes the machine around a market whose engine has the account.
    pub fn new(market: M, settings: Settings, account: Account, curve: Curve) -> Self {
        let dice = Dice::new(settings.seed);
        Self {
            market,
            settings,
            opening: account.clone(),
            account,
            curve,
            dice,
            orders: Vec::with_capacity(ROOM),
            fills: Vec::with_capacity(ROOM),
            by_engine: vec![usize::MAX],
            aims_room: Vec::new(),
            flights: BinaryHeap::new(),
            flown: 0,
            letters: VecDeque::new(),
            told: Vec::new(),
            heard: Vec::new(),
            timers: Vec::new(),
            closures_done: 0,
            is_closed: false,
            coming_lots: 0,
            told_lots: 0,
            told_fills: 0,
            first_open: 0,
            events: 0,
            held_back: None,
            marks_at_ns: 0,
            is_fed: false,
            aimed_lots: 0,
            settled: 0,
        }
    }

    // -- what the strategy may know -------------------------------------------------------------

    /// Returns the time.
    pub fn now_ns(&self) -> i64 {
        self.market.now_ns()
    }

    /// Returns every order, in the order of wishes.
    pub fn orders(&self) -> &[OrderRow] {
        &self.orders
    }

    /// Returns every fill, whether told or not.
    pub fn fills(&self) -> &[FillRow] {
        &self.fills
    }

    /// Returns what the strategy holds as far as it has been told.
    pub fn told_lots(&self) -> i64 {
        self.told_lots
    }

    /// Returns what the strategy will hold once its open orders have filled.
    pub fn expected_lots(&mut self) -> i64 {
        let is_over = |it: &OrderRow| it.told_state >= state::FILLED;
        let open = self.orders.iter().skip(self.first_open);
        self.first_open += open.take_while(|it| is_over(it)).count();
        let open = self.orders.iter().skip(self.first_open).filter(|it| !is_over(it));
        let lots = open.map(|it| i64::from(it.side) * (it.size_lots - it.told_lots));
        self.told_lots + lots.sum::<i64>()
    }

    /// Returns how many fills the strategy has been told of.
    pub fn told_fills(&self) -> usize {
        self.told_fills
    }

    /// Says whether news is wanted; without, it is taken as told and nobody is called.
    pub fn want_news(&mut self, wants_news: bool) {
        self.settings.wants_news = wants_news;
    }

    /// Returns how many bars, or events, have been played.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Puts the news since this was last asked into an empty room.
    pub fn take_news(&mut self, room: &mut Vec<News>) {
        std::mem::swap(&mut self.told, room);
    }

    // -- what it may do ---------------------------------------------------------------------------

    /// Sends an order off and returns its place in the list.
    pub fn place(&mut self, wish: &Wish) -> usize {
        let order = self.note(wish);
        self.coming_lots += i64::from(wish.side.number()) * wish.size_lots;
        self.market.set_coming(self.coming_lots);
        self.send(order, Errand::Place);
        order
    }

    /// Notes an order in the list and returns its place there.
    fn note(&mut self, wish: &Wish) -> usize {
        let order = self.orders.len();
        let now_ns = self.now_ns();
        self.orders.push(OrderRow {
            wanted_ns: now_ns,
            price_ticks: wish.price_ticks,
            trigger_ticks: wish.trigger_ticks,
            size_lots: wish.size_lots,
            side: wish.side.number(),
            order_type: wish.order_type.number(),
            time_in_force: wish.time_in_force.number(),
            post_only: wish.post_only,
            state: state::PENDING,
            told_state: state::PENDING,
            decided_half_ticks: self.market.mid_half_ticks(),
            ..OrderRow::default()
        });
        order
    }

    /// Sends a cancel off; of an order that is over it does nothing.
    pub fn cancel(&mut self, order: usize) {
        if self.orders.get(order).is_some_and(|it| it.told_state < state::FILLED) {
            self.send(order, Errand::Cancel);
        }
    }

    /// Sends a change off; 0 leaves a term as it is.
    pub fn amend(&mut self, order: usize, price_ticks: i64, size_lots: i64, trigger_ticks: i64) {
        if self.orders.get(order).is_some_and(|it| it.told_state < state::FILLED) {
            self.send(order, Errand::Amend { price_ticks, size_lots, trigger_ticks });
        }
    }

    /// Begins to call at each multiple of an interval; returns the timer's number.
    pub fn every(&mut self, every_ns: i64) -> usize {
        self.every_from(every_ns, self.now_ns().max(0))
    }

    /// The same, from the first multiple after a time on.
    pub fn every_from(&mut self, every_ns: i64, from_ns: i64) -> usize {
        let every_ns = every_ns.max(1);
        let due_ns = (from_ns.div_euclid(every_ns) + 1) * every_ns;
        self.timers.push(Timer { every_ns, due_ns });
        self.timers.len() - 1
    }

    fn send(&mut self, order: usize, errand: Errand) {
        let now_ns = self.now_ns();
        let delay_ns = self.settings.order_latency.of(now_ns, &mut self.dice);
        self.flown += 1;
        let flight = Flight { arrives_ns: now_ns + delay_ns, number: self.flown, order, errand };
        self.flights.push(Reverse(flight));
    }

    // -- time -----------------------------------------------------------------------------------

    /// Plays on until somebody has to be called.
    #[inline]
    pub fn advance(&mut self) -> Pause {
        // Nothing is beyond all time.
        self.advance_to(i64::MAX).unwrap_or(Pause::End)
    }

    /// Plays on until somebody has to be called, up to and with a moment; None where it has come
    /// there, or is beyond it.
    #[inline]
    pub fn advance_to(&mut self, limit_ns: i64) -> Option<Pause> {
        if self.market.now_ns() > limit_ns {
            return None;
        }
        let mut has_stalled = false;
        loop {
            let due_ns = if self.is_quiet() { i64::MAX } else { self.next_due_ns() };
            // What a block has begun of a moment the next one ends, before anything else of then.
            let is_fed = std::mem::take(&mut self.is_fed);
            if due_ns <= self.market.now_ns() && !is_fed {
                match self.carry_out_due() {
                    Some(Carried::On) => {
                        has_stalled = false;
                        continue;
                    }
                    Some(Carried::To(pause)) => return Some(pause),
                    None => {}
                }
            }
            let until_ns = due_ns.max(self.market.now_ns()).min(limit_ns);
            match self.market.play(until_ns) {
                Played::Bar(bar) => {
                    self.events += 1;
                    self.hear();
                    self.curve.mark(self.market.now_ns(), bar.close, &self.account);
                    if self.is_quiet() {
                        return Some(Pause::Bar(bar));
                    }
                    // What was told by then comes before the bar, and so does a timer.
                    self.held_back = Some(bar);
                }
                Played::Until => {
                    // A bar that has opened just now takes what is due; nothing else changes.
                    if until_ns == limit_ns && (due_ns > limit_ns || has_stalled) {
                        return None;
                    }
                    has_stalled = until_ns == limit_ns;
                }
                Played::Effects => self.hear(),
                Played::Book => return Some(Pause::Book),
                Played::Trade { price_ticks, size_lots, side } => {
                    return Some(Pause::Trade { price_ticks, size_lots, side });
                }
                Played::Starved => {
                    self.is_fed = true;
                    return Some(Pause::Starved);
                }
                Played::Over => return Some(Pause::End),
            }
        }
    }

    /// Returns when something happens here next, as far as nobody sends anything: up to and without
    /// that moment there is nothing to call anybody for.
    pub fn next_ns(&self) -> i64 {
        let market_ns = self.market.next_ns();
        if self.is_quiet() { market_ns } else { market_ns.min(self.next_due_ns()) }
    }

    // -- money that others have too -----------------------------------------------------------

    /// Returns whether it may need money by a moment that nothing has set aside: an order has come by
    /// then, or one waits for a price.
    pub fn needs_money(&mut self, by_ns: i64) -> bool {
        let instrument_id = self.account.instrument_id();
        self.flights.peek().is_some_and(|it| it.0.arrives_ns <= by_ns)
            || !self.market.engine().is_nobody_waiting(instrument_id)
    }

    /// Returns what is free of an asset.
    pub fn free_atoms(&mut self, asset_id: u32) -> i128 {
        self.market.engine().balance(USER, asset_id).free_atoms
    }

    /// Takes money in, or out where it is negative; it is nobody's profit.
    pub fn bring(&mut self, asset_id: u32, atoms: i128) {
        let amount_atoms = atoms.abs();
        let transfer = Transfer { account_id: USER, asset_id, amount_atoms };
        let is_in = atoms > 0;
        let command = if is_in { Command::Deposit(transfer) } else { Command::Withdraw(transfer) };
        self.administer(&command);
        self.account.bring(asset_id, atoms);
    }

    /// Returns whether nothing is on its way, and no timer set.
    #[inline]
    fn is_quiet(&self) -> bool {
        self.flights.is_empty()
            && self.letters.is_empty()
            && self.timers.is_empty()
            && self.closures_done == self.settings.closures.len()
            && self.held_back.is_none()
            && self.settings.mark_ns == 0
    }

    /// Returns when the next thing is due.
    fn next_due_ns(&self) -> i64 {
        if self.held_back.is_some() {
            return i64::MIN;
        }
        let letter = self.letters.front().map_or(i64::MAX, |it| it.told_ns);
        let flight = self.flights.peek().map_or(i64::MAX, |it| {
            if !self.market.takes_orders() && self.market.takes_changes() {
                self.next_change_ns().min(it.0.arrives_ns.max(self.market.takes_from_ns()))
            } else {
                it.0.arrives_ns.max(self.market.takes_from_ns())
            }
        });
        let timer = self.timers.iter().map(|it| it.due_ns).min().unwrap_or(i64::MAX);
        let marks_at_ns = if self.settings.mark_ns == 0 { i64::MAX } else { self.marks_at_ns };
        letter.min(flight).min(timer).min(self.closure_ns()).min(marks_at_ns)
    }

    /// Returns whether something on its way can be done although no order is carried out: it takes
    /// back, or changes without a trade, an order that is there.
    fn is_change(&self, flight: &Flight) -> bool {
        let Some(row) = self.orders.get(flight.order).filter(|it| it.engine_id != 0) else {
            return false;
        };
        match flight.errand {
            Errand::Place => false,
            Errand::Cancel => true,
            Errand::Amend { price_ticks, trigger_ticks, .. } => {
                let last = self.market.last_ticks();
                let away = |ticks: i64| (last - ticks).signum() * i64::from(row.side);
                // A limit stays behind the price; a trigger is not moved to where the price is.
                last != 0
                    && (price_ticks == 0 || row.trigger_ticks != 0 || away(price_ticks) > 0)
                    && (trigger_ticks == 0 || away(trigger_ticks) * away(row.trigger_ticks) > 0)
            }
        }
    }

    fn next_change_ns(&self) -> i64 {
        let flights = self.flights.iter().filter(|it| self.is_change(&it.0));
        flights.map(|it| it.0.arrives_ns).min().unwrap_or(i64::MAX)
    }

    /// Carries out the changes that have arrived; what else is on its way stays there.
    fn carry_out_changes(&mut self, now_ns: i64) -> bool {
        let mut left = BinaryHeap::with_capacity(self.flights.len());
        let mut has_changed = false;
        while let Some(Reverse(flight)) = self.flights.pop() {
            if flight.arrives_ns <= now_ns && self.is_change(&flight) {
                self.arrive(&flight);
                has_changed = true;
            } else {
                left.push(Reverse(flight));
            }
        }
        self.flights = left;
        has_changed
    }

    fn closure_ns(&self) -> i64 {
        let closure = self.settings.closures.get(self.closures_done);
        closure.map_or(i64::MAX, |it| if self.is_closed { it.to_ns } else { it.from_ns })
    }

    /// Carries out one thing that is due; None where nothing is before the market has played on.
    fn carry_out_due(&mut self) -> Option<Carried> {
        let now_ns = self.market.now_ns();
        if self.closure_ns() <= now_ns {
            self.open_or_close();
            return Some(Carried::On);
        }
        if self.settings.mark_ns != 0 && self.marks_at_ns <= now_ns {
            self.mark();
            return Some(Carried::On);
        }
        if self.letters.front().is_some_and(|it| it.told_ns <= now_ns) {
            let is_told = self.told_by_now();
            return Some(if is_told { Carried::To(Pause::News) } else { Carried::On });
        }
        if self.held_back.is_none()
            && self.market.takes_orders()
            && self.flights.peek().is_some_and(|it| it.0.arrives_ns <= now_ns)
        {
            let Reverse(flight) = self.flights.pop()?;
            self.arrive(&flight);
            return Some(Carried::On);
        }
        if !self.flights.is_empty()
            && !self.market.takes_orders()
            && self.market.takes_changes()
            && self.next_change_ns() <= now_ns
            && self.carry_out_changes(now_ns)
        {
            return Some(Carried::On);
        }
        for (number, timer) in self.timers.iter_mut().enumerate() {
            if timer.due_ns <= now_ns {
                let due_ns = now_ns - now_ns % timer.every_ns;
                timer.due_ns = due_ns + timer.every_ns;
                return Some(Carried::To(Pause::Timer(number, due_ns)));
            }
        }
        self.held_back.take().map(|bar| Carried::To(Pause::Bar(bar)))
    }

    /// Begins the curve if the first price is known by now, and returns whether there is one.
    pub fn begin(&mut self) -> bool {
        let mid = self.market.mid_half_ticks();
        if self.curve.points().is_empty() && mid != 0 {
            self.curve.begin(self.market.now_ns(), mid, &self.opening);
        }
        !self.curve.points().is_empty()
    }

    /// Marks the account to the middle, where there is one, and says when to do it again.
    fn mark(&mut self) {
        let (now_ns, every_ns) = (self.market.now_ns(), self.settings.mark_ns);
        let mid = self.market.mid_half_ticks();
        if self.begin() && mid != 0 {
            self.curve.mark_mid(now_ns, mid, &self.account);
        }
        self.marks_at_ns = (now_ns.div_euclid(every_ns) + 1) * every_ns;
    }

    fn open_or_close(&mut self) {
        let Some(&closure) = self.settings.closures.get(self.closures_done) else { return };
        self.is_closed = !self.is_closed;
        let state = if self.is_closed { closure.state } else { MarketState::Open };
        self.closures_done += usize::from(!self.is_closed);
        self.market.set_state(state);
        self.hear();
    }

    /// Takes the letters that have come; returns whether somebody wants to hear of them.
    fn told_by_now(&mut self) -> bool {
        let now_ns = self.market.now_ns();
        while let Some(letter) = self.letters.front().filter(|it| it.told_ns <= now_ns).copied() {
            self.letters.pop_front();
            self.tell(letter.news);
        }
        self.settings.wants_news && !self.told.is_empty()
    }

    /// Lets the strategy's beliefs be what they have been told.
    fn tell(&mut self, news: News) {
        match news {
            News::Order { order, state } => {
                if let Some(row) = self.orders.get_mut(order) {
                    row.told_state = row.told_state.max(state);
                }
            }
            News::Fill(fill) => {
                let Some(found) = self.fills.get(fill) else { return };
                self.told_lots = found.position_lots;
                self.told_fills = fill + 1;
                let order = usize::try_from(found.order).unwrap_or(0).wrapping_sub(1);
                if let Some(row) = self.orders.get_mut(order) {
                    row.told_lots += found.size_lots;
                    let is_whole = row.told_lots == row.size_lots;
                    let state = if is_whole { state::FILLED } else { state::PARTIALLY_FILLED };
                    row.told_state = row.told_state.max(state);
                }
            }
            News::Amended { .. } => {}
        }
        if self.settings.wants_news {
            self.told.push(news);
        }
    }

    /// Ends the run: what is open is canceled by nobody, and the books are compared with the engine.
    ///
    /// # Panics
    ///
    /// The account here and in the engine differ, which is a bug in one of them.
    pub fn close(&mut self) {
        let now_ns = self.market.now_ns();
        let last = self.market.last_ticks();
        self.curve.end(now_ns, last, &self.account);
        let balances = self.market.engine().balances(USER);
        self.account.check(&balances);
    }

    /// Lets a command of the administrator happen now.
    pub fn administer(&mut self, command: &Command) {
        let now_ns = self.market.now_ns().max(0);
        let mut effects = steelyard_engine::Effects::default();
        self.market.engine().apply(command, now_ns, &mut effects);
    }
}

#[cfg(test)]
pub(crate) mod tests;
