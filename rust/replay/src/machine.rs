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

mod targets;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use steelyard_engine::{
    Amend, Cancel, CancelCause, Command, FeeAsset, Liquidity, MarketState, OrderType, Place,
    SelfTrade, Side, Terms, TimeInForce, Told, Transfer,
};

use crate::account::Account;
use crate::curve::Curve;
use crate::latency::{Dice, Latency};
use crate::market::{Market, Played};
use crate::rows::{Bar, FillRow, OrderRow};

pub use targets::Aim;

/// Numbers of `domain.lifecycle.OrderState`.
pub mod state {
    /// On its way.
    pub const PENDING: u8 = 1;
    /// In the books.
    pub const WORKING: u8 = 3;
    /// In part.
    pub const PARTIALLY_FILLED: u8 = 4;
    /// Whole.
    pub const FILLED: u8 = 5;
    /// Somebody has taken it back.
    pub const CANCELED: u8 = 6;
    /// Its rest has ended by itself.
    pub const EXPIRED: u8 = 7;
    /// Refused.
    pub const REJECTED: u8 = 8;
}

/// Room for so many orders and fills is asked for at once.
const ROOM: usize = 1_024;

const RATE_SCALE: u64 = 100_000_000;

/// The user's account in the engine.
pub const USER: u32 = 100;

/// Why the machine has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// A bar has closed.
    Bar(Bar),
    /// There is news of orders: `take_news`.
    News,
    /// A timer is due: its number, and when.
    Timer(usize, i64),
    /// The book has changed.
    Book,
    /// Somebody has traded.
    Trade {
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// 1: the taker bought, -1: it sold.
        side: i64,
    },
    /// The next block of data is to be fed.
    Starved,
    /// It is over.
    End,
}

/// A time in which the market is not as usual.
#[derive(Clone, Copy, Debug)]
pub struct Closure {
    /// From when on.
    pub from_ns: i64,
    /// Until when.
    pub to_ns: i64,
    /// What the market is then.
    pub state: MarketState,
}

/// What a run assumes of the way to the exchange and back, and what it is to keep.
pub struct Settings {
    /// From a wish to the exchange.
    pub order_latency: Latency,
    /// From the exchange to the strategy.
    pub answer_latency: Latency,
    /// When the market is closed; by time.
    pub closures: Vec<Closure>,
    /// How many orders of a hundred million are refused for no reason.
    pub reject_e8: u64,
    /// What the dice begin with.
    pub seed: u64,
    /// In what fees are paid.
    pub fee_asset: FeeAsset,
    /// Whether news is wanted; without, it is taken as told and nobody is called.
    pub wants_news: bool,
    /// How often the account is marked to the middle; 0: at each bar's close instead.
    pub mark_ns: i64,
}

/// A new order as a strategy wants it; 0 is an absent price.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Buy or sell.
    pub side: Side,
    /// How the price is chosen.
    pub order_type: OrderType,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Whether it must not take.
    pub post_only: bool,
    /// The limit.
    pub price_ticks: i64,
    /// What it waits for.
    pub trigger_ticks: i64,
    /// How much.
    pub size_lots: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Errand {
    Place,
    Cancel,
    Amend { price_ticks: i64, size_lots: i64, trigger_ticks: i64 },
}

/// Something on its way to the exchange; in the order of arrival, then of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    arrives_ns: i64,
    number: u64,
    order: usize,
    errand: Errand,
}

/// Something on its way to the strategy.
#[derive(Clone, Copy, Debug)]
struct Letter {
    told_ns: i64,
    news: News,
}

/// What has become of an order, by its place in the list of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It has another state.
    Order {
        /// Which.
        order: usize,
        /// The state.
        state: u8,
    },
    /// It has filled: the place of the fill.
    Fill(usize),
    /// It has other terms.
    Amended {
        /// Which.
        order: usize,
    },
}

/// What became of something that was due.
enum Carried {
    /// It is done, and there may be more.
    On,
    /// Somebody has to be called.
    To(Pause),
}

/// A repeating call.
#[derive(Clone, Copy, Debug)]
struct Timer {
    every_ns: i64,
    due_ns: i64,
}

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

    // -- at the exchange ----------------------------------------------------------------------

    fn arrive(&mut self, flight: &Flight) {
        let now_ns = self.market.now_ns();
        let Some(row) = self.orders.get_mut(flight.order) else { return };
        let side = if row.side > 0 { Side::Buy } else { Side::Sell };
        match flight.errand {
            Errand::Place => {
                row.arrived_ns = now_ns;
                row.arrived_half_ticks = self.market.mid_half_ticks();
                let row = *row;
                self.coming_lots -= i64::from(row.side) * row.size_lots;
                self.market.set_coming(self.coming_lots);
                let is_refused = self.settings.reject_e8 != 0
                    && self.dice.below(RATE_SCALE) < self.settings.reject_e8;
                if is_refused {
                    let reason = steelyard_engine::RejectReason::MarketMaintenance.number();
                    self.reject(flight.order, reason);
                    return;
                }
                let Some(place) = self.request(&row, side) else { return };
                // The engine counts every order that it is asked for.
                let engine_id = u64::try_from(self.by_engine.len()).unwrap_or(u64::MAX);
                self.by_engine.push(flight.order);
                if let Some(row) = self.orders.get_mut(flight.order) {
                    row.engine_id = engine_id;
                }
                self.market.set_position(self.account.position_lots());
                match self.market.take(&place) {
                    Some(taken) => return self.settle(flight.order, side, &taken),
                    None => self.market.place(&place),
                }
            }
            Errand::Cancel => {
                let order_id = row.engine_id;
                self.market.cancel(Cancel { account_id: USER, order_id });
            }
            Errand::Amend { price_ticks, size_lots, trigger_ticks } => {
                let some = |it: i64| (it != 0).then_some(it);
                let amend = Amend {
                    account_id: USER,
                    order_id: row.engine_id,
                    price_ticks: some(price_ticks),
                    size_lots: some(size_lots),
                    trigger_ticks: some(trigger_ticks),
                };
                self.market.amend(amend, side);
            }
        }
        self.hear();
    }

    /// Returns an order as the engine wants it.
    fn request(&self, row: &OrderRow, side: Side) -> Option<Place> {
        let some = |it: i64| (it != 0).then_some(it);
        let terms = some(row.trigger_ticks)
            .map(|it| Box::new(Terms { trigger_ticks: Some(it), ..Terms::NONE }));
        Some(Place {
            account_id: USER,
            instrument_id: self.account.instrument_id(),
            price_ticks: some(row.price_ticks),
            size_lots: row.size_lots,
            side,
            order_type: OrderType::of(row.order_type)?,
            time_in_force: TimeInForce::of(row.time_in_force)?,
            post_only: row.post_only,
            self_trade: SelfTrade::CancelOldest,
            fee_asset: self.settings.fee_asset,
            terms,
        })
    }

    /// Takes what has happened to orders into the books, and writes to the strategy.
    fn hear(&mut self) {
        let effects = self.market.effects();
        if effects.bytes().is_empty() {
            return;
        }
        let mut heard = std::mem::take(&mut self.heard);
        heard.extend(effects.told());
        effects.clear();
        let now_ns = self.market.now_ns();
        for told in heard.drain(..) {
            match told {
                Told::Rejected { order_id, reason } => {
                    if let Some(order) = self.by_engine_id(order_id)
                        && self.orders.get(order).is_some_and(|it| it.state == state::PENDING)
                    {
                        self.reject(order, reason.number());
                    }
                }
                Told::Accepted { order_id } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        self.change(order, state::WORKING);
                    }
                }
                Told::Filled {
                    order_id,
                    trade_id,
                    price_ticks,
                    size_lots,
                    remaining_lots,
                    fee_atoms,
                    fee_asset_id,
                    side,
                    liquidity,
                } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        let row = FillRow {
                            time_ns: now_ns,
                            order: 0,
                            trade_id,
                            price_ticks,
                            size_lots,
                            fee_atoms,
                            fee_asset_id,
                            side: side.number(),
                            is_maker: liquidity == Liquidity::Maker,
                            position_lots: 0,
                            decided_half_ticks: 0,
                            arrived_half_ticks: 0,
                        };
                        self.fill(order, side, remaining_lots, row);
                    }
                }
                Told::Canceled { order_id, cause, .. } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        self.end(order, cause);
                    }
                }
                Told::Amended { order_id, price_ticks, size_lots } => {
                    if let Some(order) = self.by_engine_id(order_id)
                        && let Some(row) = self.orders.get_mut(order)
                    {
                        row.price_ticks = price_ticks;
                        row.size_lots = size_lots;
                        self.write(News::Amended { order });
                    }
                }
                Told::Traded { .. } | Told::Triggered { .. } => {}
            }
        }
        self.heard = heard;
        self.market.set_position(self.account.position_lots());
    }

    fn by_engine_id(&self, order_id: u64) -> Option<usize> {
        let at = usize::try_from(order_id).ok()?;
        self.by_engine.get(at).copied().filter(|&it| it != usize::MAX)
    }

    fn reject(&mut self, order: usize, reason: u8) {
        let now_ns = self.market.now_ns();
        if let Some(row) = self.orders.get_mut(order) {
            row.reject_reason = reason;
            row.ended_ns = now_ns;
        }
        self.change(order, state::REJECTED);
    }

    fn change(&mut self, order: usize, state: u8) {
        if let Some(row) = self.orders.get_mut(order) {
            row.state = state;
        }
        self.write(News::Order { order, state });
    }

    /// Notes that what is left of an order has ended.
    fn end(&mut self, order: usize, cause: CancelCause) {
        let now_ns = self.market.now_ns();
        if let Some(row) = self.orders.get_mut(order) {
            row.cancel_cause = cause.number();
            row.ended_ns = now_ns;
        }
        let is_own = matches!(cause, CancelCause::User | CancelCause::Admin | CancelCause::Sibling);
        self.change(order, if is_own { state::CANCELED } else { state::EXPIRED });
    }

    /// Books a fill, whose row lacks only what the machine knows.
    fn fill(&mut self, order: usize, side: Side, remaining_lots: i64, fill: FillRow) {
        let FillRow { time_ns, price_ticks, size_lots, fee_atoms, fee_asset_id, .. } = fill;
        self.account.fill(time_ns, side, price_ticks, size_lots, fee_atoms, fee_asset_id);
        let position_lots = self.account.position_lots();
        let Some(row) = self.orders.get_mut(order) else { return };
        row.filled_lots += size_lots;
        let before = row.state;
        let state = if remaining_lots == 0 { state::FILLED } else { state::PARTIALLY_FILLED };
        row.state = state;
        if remaining_lots == 0 {
            row.ended_ns = time_ns;
        }
        self.fills.push(FillRow {
            order: u64::try_from(order + 1).unwrap_or(0),
            position_lots,
            decided_half_ticks: row.decided_half_ticks,
            arrived_half_ticks: row.arrived_half_ticks,
            ..fill
        });
        self.write(News::Fill(self.fills.len() - 1));
        if state != before {
            self.write(News::Order { order, state });
        }
    }

    /// Sends news off to the strategy; what was sent later is not told earlier.
    fn write(&mut self, news: News) {
        let now_ns = self.market.now_ns();
        let delay_ns = self.settings.answer_latency.of(now_ns, &mut self.dice);
        if delay_ns == 0 && self.letters.is_empty() && !self.settings.wants_news {
            return self.tell(news);
        }
        let last_ns = self.letters.back().map_or(i64::MIN, |it| it.told_ns);
        let told_ns = (now_ns + delay_ns).max(last_ns);
        self.letters.push_back(Letter { told_ns, news });
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
pub(crate) mod tests {
    use steelyard_engine::{Effects, Engine, Instrument, OpenAccount, QueueModel, Rates, Transfer};

    use super::*;
    use crate::account::tests::listing;
    use crate::any::AnyMarket;
    use crate::bars::{BarMarket, BarRules, Path};

    const MINUTE_NS: i64 = 60_000_000_000;

    fn instrument() -> Instrument {
        Instrument {
            lot_atoms: 1_000,
            tick_lot_atoms: 10,
            price_max_ticks: 1_000_000,
            size_max_lots: 1_000_000,
            ..listing()
        }
    }

    /// Returns bars of a price that goes at random; now and then some are missing.
    pub(crate) fn walk(seed: u64, count: u64) -> Vec<Bar> {
        let mut dice = Dice::new(seed);
        let mut price = 1_000_i64;
        let mut step = |bound: u64| i64::try_from(dice.below(bound)).unwrap_or(0);
        let mut minute = -1;
        (0..count)
            .map(|_| {
                let open = price;
                price = (price + step(21) - 10).max(100);
                minute += if step(50) == 0 { step(2_000) + 1 } else { 1 };
                Bar {
                    open_ns: minute * MINUTE_NS,
                    open,
                    high: open.max(price) + step(5),
                    low: open.min(price) - step(5),
                    close: price,
                    volume: step(1_000),
                }
            })
            .collect()
    }

    fn machine(seed: u64, rules: BarRules, count: u64) -> Machine<AnyMarket> {
        let mut machine = hungry(seed, rules);
        if let AnyMarket::Bars(market) = &mut machine.market {
            market.feed(walk(seed, count));
            market.finish();
        }
        machine
    }

    /// Returns a machine that has not been fed.
    pub(super) fn hungry(seed: u64, rules: BarRules) -> Machine<AnyMarket> {
        let mut engine = Engine::new(QueueModel::Proportional);
        let mut effects = Effects::default();
        let listing = instrument();
        let (cash, base) = (1_000_000_000, 100_000_000);
        let rates = Rates { maker_e8: -5_000, taker_e8: 200_000 };
        let user = OpenAccount { account_id: USER, rates };
        for command in [
            Command::ListInstrument(Box::new(listing.clone())),
            Command::OpenAccount(user),
            Command::Deposit(Transfer { account_id: USER, asset_id: 1, amount_atoms: cash }),
            Command::Deposit(Transfer { account_id: USER, asset_id: 0, amount_atoms: base }),
        ] {
            engine.apply(&command, 0, &mut effects);
        }
        let account = Account::new(&listing, cash, base);
        let market = BarMarket::new(engine, 0, MINUTE_NS, rules);
        let market = AnyMarket::Bars(Box::new(market));
        let settings = Settings {
            order_latency: Latency::Samples(vec![0, 5_000_000_000, 70_000_000_000]),
            answer_latency: Latency::Constant(0),
            closures: Vec::new(),
            reject_e8: 1_000_000,
            seed,
            fee_asset: FeeAsset::Received,
            wants_news: false,
            mark_ns: 0,
        };
        Machine::new(market, settings, account, Curve::new(0.01, 1))
    }

    pub(super) fn rules(dice: &mut Dice) -> BarRules {
        let path = [Path::Pessimistic, Path::HighFirst, Path::LowFirst, Path::Nearest];
        let mut one_of = |bound: u64| usize::try_from(dice.below(bound)).unwrap_or(0);
        BarRules {
            path: path.get(one_of(4)).copied().unwrap_or(Path::Nearest),
            fills_by_touch: one_of(2) == 1,
            half_spread_ticks: [0, 3].get(one_of(2)).copied().unwrap_or(0),
            slippage_e8: [0, 100_000].get(one_of(2)).copied().unwrap_or(0),
            impact_e8: [0, 1_000_000].get(one_of(2)).copied().unwrap_or(0),
            volume_share_e8: [0, 10_000_000].get(one_of(2)).copied().unwrap_or(0),
            at_close: one_of(2) == 1,
        }
    }

    fn wish(dice: &mut Dice, last: i64) -> Wish {
        let kinds =
            [OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::TakeProfitLimit];
        let at = usize::try_from(dice.below(4)).unwrap_or(0);
        let order_type = kinds.get(at).copied().unwrap_or(OrderType::Market);
        let mut near = || last + i64::try_from(dice.below(21)).unwrap_or(0) - 10;
        let (price, trigger) = (near(), near());
        Wish {
            side: if dice.below(2) == 0 { Side::Buy } else { Side::Sell },
            order_type,
            time_in_force: if order_type.has_limit() || order_type.waits() {
                TimeInForce::Gtc
            } else {
                TimeInForce::Ioc
            },
            post_only: false,
            price_ticks: if order_type.has_limit() { price } else { 0 },
            trigger_ticks: if order_type.waits() { trigger } else { 0 },
            size_lots: i64::try_from(dice.below(500)).unwrap_or(0) + 1,
        }
    }

    #[test]
    fn the_engines_balances_are_the_accounts_at_every_bar() {
        let mut filled = 0;
        for seed in 0..60 {
            let mut dice = Dice::new(seed + 1_000);
            let rules = rules(&mut dice);
            let mut machine = machine(seed, rules, 300);
            loop {
                match machine.advance() {
                    Pause::Bar(_) => {
                        let balances = machine.market.engine().balances(USER);
                        machine.account.check(&balances);
                        let last = machine.market.last_ticks();
                        if dice.below(3) == 0 {
                            let wish = wish(&mut dice, last);
                            machine.place(&wish);
                        }
                        let orders = u64::try_from(machine.orders().len()).unwrap_or(0);
                        if orders > 0 && dice.below(5) == 0 {
                            let order = usize::try_from(dice.below(orders)).unwrap_or(0);
                            machine.cancel(order);
                        }
                    }
                    Pause::End => break,
                    Pause::News
                    | Pause::Timer(..)
                    | Pause::Book
                    | Pause::Trade { .. }
                    | Pause::Starved => {}
                }
            }
            machine.close();
            filled += machine.fills().len();
        }
        assert!(filled > 1_000, "{filled} fills are too few to tell");
    }
}
