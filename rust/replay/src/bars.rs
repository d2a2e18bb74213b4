//! Bars as a market: a path of prices, on which the house stands only while an order acts.
//!
//! A bar tells four prices and not their order, so the path between them is an assumption: the open,
//! one extreme, the other, the close. It is chosen when the price leaves the open, so that what is
//! bought there counts. Orders that arrive between two bars meet the next open; cancels, and changes
//! that need nobody to trade with, are done before it. What a taker pays is the price of the path,
//! moved against it by half a spread, a share of the price, and by how much of the bar's volume it
//! wants. A resting order fills at its own price when the path goes through it, or touches it, as the
//! rules say; triggers go off on the way, at their price, and at the open where that has jumped over
//! them. What a bar's volume leaves of a limit order rests at its limit, and fills there.
//!
//! While the market is not open nothing of the path happens to an order; when it opens again, what
//! the price has passed meanwhile is met at the price of then.
//!
//! Where two opposite orders go off at one price, or one goes off where another rests, the house can
//! stand on one side of it only: the buyer then pays one tick more, or the seller gets one less.
//!
//! Where no order is open and none arrives a bar costs nothing but its close.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: prices and sizes are in range, a leg is between two of four points, and overflow \
              checks are on in every profile"
)]

mod direct;

use steelyard_engine::{
    Amend, Cancel, Command, Effects, Engine, HouseFact, MarketState, Place, Side, Taken, Told,
};

use crate::market::{Market, Played};
use crate::rows::Bar;

const LIMIT_MAX: i64 = 1 << 53;
const RATE_SCALE: i128 = 100_000_000;
const LEGS: i64 = 3;

/// In which order a bar's extremes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// First the one that is worse for what is on its way, else for the position; without either,
    /// the one that lets orders enter before it turns against them.
    Pessimistic,
    /// The high first.
    HighFirst,
    /// The low first.
    LowFirst,
    /// The extreme that is nearer to the open first.
    Nearest,
}

/// What is assumed of bars.
#[derive(Clone, Copy, Debug)]
pub struct BarRules {
    /// The order of the extremes.
    pub path: Path,
    /// Whether a resting order fills where the price only touches it.
    pub fills_by_touch: bool,
    /// What a taker pays more than the path's price, in ticks.
    pub half_spread_ticks: i64,
    /// The same, as a rate of the price.
    pub slippage_e8: i64,
    /// The same for taking a whole bar's volume, and in proportion for less.
    pub impact_e8: i64,
    /// How much of a bar's volume the user may trade; 0 is any amount.
    pub volume_share_e8: i64,
    /// Whether orders meet the close of the bar that led to them instead of the next open.
    pub at_close: bool,
}

/// The market of one instrument's bars.
pub struct BarMarket {
    engine: Engine,
    effects: Effects,
    instrument_id: u32,
    /// Those of the data that were fed last, and how many came before them.
    bars: Vec<Bar>,
    before: usize,
    is_all: bool,
    interval_ns: i64,
    rules: BarRules,
    /// The next bar of those, or the one that is open.
    at: usize,
    is_open: bool,
    now_ns: i64,
    price: i64,
    /// The path of the open bar, whether its extremes are in order yet, and on which leg it is.
    points: [i64; 4],
    is_path_known: bool,
    leg: usize,
    is_closed: bool,
    /// What the user may still trade in the open bar.
    left_lots: i64,
    volume: i64,
    position_lots: i64,
    coming_lots: i64,
    /// Every order is placed, for comparing.
    #[cfg(test)]
    pub(crate) goes_the_long_way: bool,
}

impl BarMarket {
    /// Makes the market from an engine in which the one instrument is listed; it is fed its bars.
    #[must_use]
    pub fn new(engine: Engine, instrument_id: u32, interval_ns: i64, rules: BarRules) -> Self {
        Self {
            engine,
            effects: Effects::default(),
            instrument_id,
            now_ns: 0,
            bars: Vec::new(),
            before: 0,
            is_all: false,
            interval_ns,
            rules,
            at: 0,
            is_open: false,
            price: 0,
            points: [0; 4],
            is_path_known: false,
            leg: 0,
            is_closed: false,
            left_lots: LIMIT_MAX,
            volume: 0,
            position_lots: 0,
            coming_lots: 0,
            #[cfg(test)]
            goes_the_long_way: false,
        }
    }

    /// Takes the bars that come after those that were played; nothing is played before that.
    pub fn feed(&mut self, bars: impl IntoIterator<Item = Bar>) {
        let is_first = self.bars_played() == 0;
        self.before += self.at;
        self.bars.drain(..self.at);
        self.at = 0;
        self.bars.extend(bars);
        if is_first && let Some(first) = self.bars.first() {
            self.now_ns = first.open_ns;
        }
    }

    /// Says that no bars come after those that were fed.
    pub fn finish(&mut self) {
        self.is_all = true;
    }

    /// Returns how many bars were played: the place of the next one, or of the one that is open.
    #[must_use]
    pub fn bars_played(&self) -> usize {
        self.before + self.at
    }

    /// Leaves a bar on which no order was open behind.
    fn pass(&mut self, bar: &Bar) {
        self.now_ns = bar.open_ns + self.interval_ns;
        self.price = bar.close;
        if self.rules.at_close {
            self.enter(bar.volume);
        }
    }

    // -- the path -----------------------------------------------------------------------------

    fn begin(&mut self, bar: &Bar) {
        self.is_open = true;
        self.now_ns = self.now_ns.max(bar.open_ns);
        self.leg = 0;
        self.is_path_known = false;
        self.points = [bar.open, bar.open, bar.open, bar.close];
        self.enter(bar.volume);
        let before = std::mem::replace(&mut self.price, bar.open);
        if before != 0 && !self.is_closed {
            self.jump();
        }
    }

    /// Takes a bar's volume as what may be traded from now on.
    fn enter(&mut self, volume: i64) {
        self.volume = volume;
        self.left_lots = match self.rules.volume_share_e8 {
            0 => LIMIT_MAX,
            share => {
                let lots = i128::from(volume) * i128::from(share) / RATE_SCALE;
                i64::try_from(lots).unwrap_or(LIMIT_MAX).min(LIMIT_MAX)
            }
        };
    }

    /// Lets what the price has jumped over meet it.
    fn jump(&mut self) {
        if self.engine.open_orders() > 0 && self.price != 0 {
            self.reach(self.price, Side::Buy);
            self.reach(self.price, Side::Sell);
        }
    }

    /// Chooses the order of the extremes when the price leaves the open.
    fn choose_path(&mut self, bar: &Bar) {
        let high_first = match self.rules.path {
            Path::HighFirst => true,
            Path::LowFirst => false,
            Path::Nearest => bar.high - bar.open <= bar.open - bar.low,
            Path::Pessimistic => self.is_high_worse_first(bar),
        };
        let (first, second) = if high_first { (bar.high, bar.low) } else { (bar.low, bar.high) };
        self.points = [bar.open, first, second, bar.close];
        self.is_path_known = true;
    }

    /// Returns whether the high first is the worse order of the extremes: for what is on its way;
    /// else for what is held, if a stop of it would go off; else for what would enter, which comes
    /// last, so that the bar cannot make good what it has just bought or sold; else for what is held.
    fn is_high_worse_first(&self, bar: &Bar) -> bool {
        if self.coming_lots != 0 {
            return self.coming_lots > 0;
        }
        let (held, instrument_id) = (self.position_lots, self.instrument_id);
        let touch = i64::from(!self.rules.fills_by_touch);
        let [best_buy, best_sell] =
            [Side::Buy, Side::Sell].map(|it| self.engine.best_ticks(instrument_id, it));
        let mut buys = best_buy != 0 && bar.low <= best_buy - touch;
        let mut sells = best_sell != 0 && bar.high >= best_sell + touch;
        let (mut awaits_to_buy, mut stops) = (false, false);
        if !self.engine.is_nobody_waiting(instrument_id) {
            for it in self.engine.awaited(instrument_id) {
                let is_buy = it.side == Side::Buy;
                awaits_to_buy |= is_buy;
                if (bar.low..=bar.high).contains(&it.price_ticks) {
                    buys |= is_buy;
                    sells |= !is_buy;
                    // It closes, and where the price has gone against what is held.
                    stops |= held != 0 && is_buy == (held < 0) && it.rises == (held < 0);
                }
            }
        }
        match held {
            0 if buys || sells => buys,
            0 => best_buy != 0 || awaits_to_buy,
            _ if stops => held < 0,
            1.. if buys => true,
            ..0 if sells => false,
            _ => held < 0,
        }
    }

    /// Returns when the path comes to the end of a leg.
    fn time_of(&self, bar: &Bar, leg: usize) -> i64 {
        let part = (self.interval_ns - 1) / LEGS;
        bar.open_ns + i64::try_from(leg).unwrap_or(LEGS) * part
    }

    /// Walks on, until the time, the end of the bar, or something that concerns the user.
    fn walk(&mut self, bar: &Bar, until_ns: i64) {
        if !self.is_path_known && self.now_ns < until_ns {
            self.choose_path(bar);
        }
        while self.leg < self.points.len() - 1 && self.now_ns < until_ns {
            let (from, to) = (self.points[self.leg], self.points[self.leg + 1]);
            let (begins, ends) = (self.time_of(bar, self.leg), self.time_of(bar, self.leg + 1));
            let goal = if until_ns >= ends {
                to
            } else {
                from + scaled(to - from, until_ns - begins, ends - begins)
            };
            let rises = goal >= self.price;
            if self.engine.open_orders() > 0
                && !self.is_closed
                && let Some(price) = self.next_stop(goal, rises)
            {
                self.now_ns = self
                    .now_ns
                    .max(begins + scaled(ends - begins, (price - from).abs(), (to - from).abs()));
                self.price = price;
                self.reach(price, if rises { Side::Buy } else { Side::Sell });
                if self.has_told() {
                    return;
                }
                continue;
            }
            self.price = goal;
            self.now_ns = until_ns.min(ends);
            if until_ns >= ends {
                self.leg += 1;
                if !self.is_closed && !self.engine.is_nobody_waiting(self.instrument_id) {
                    self.print(goal);
                    if self.has_told() {
                        return;
                    }
                }
            }
        }
    }

    /// Returns the next price on the way to a goal at which something happens to an order.
    fn next_stop(&self, goal: i64, rises: bool) -> Option<i64> {
        if goal == self.price {
            return None;
        }
        let way = if rises { 1 } else { -1 };
        let far = if rises { Side::Sell } else { Side::Buy };
        let beyond = i64::from(!self.rules.fills_by_touch);
        let mut found: Option<i64> = None;
        let mut consider = |price: i64| {
            // Nothing happens twice at one price.
            let price = if (price - self.price) * way <= 0 { self.price + way } else { price };
            if (goal - price) * way >= 0 && found.is_none_or(|it| (it - price) * way > 0) {
                found = Some(price);
            }
        };
        let best = self.engine.best_ticks(self.instrument_id, far);
        if best != 0 && self.left_lots > 0 {
            consider(best + way * beyond);
        }
        if !self.engine.is_nobody_waiting(self.instrument_id) {
            for awaited in self.engine.awaited(self.instrument_id) {
                if awaited.rises == rises {
                    consider(awaited.price_ticks);
                }
            }
        }
        found
    }

    /// Returns when the path comes to the next price at which something happens to an order, or to
    /// the end of its leg.
    fn next_stop_ns(&self, bar: &Bar) -> i64 {
        let Some(&[from, to]) = self.points.get(self.leg..self.leg + 2) else { return i64::MAX };
        let (begins, ends) = (self.time_of(bar, self.leg), self.time_of(bar, self.leg + 1));
        let Some(price) = self.next_stop(to, to >= self.price) else { return ends };
        // Rounded up, so that the path has come there by then.
        let way = i128::from((to - from).abs()).max(1);
        let part = i128::from(ends - begins) * i128::from((price - from).abs());
        begins + i64::try_from((part + way - 1) / way).unwrap_or(ends - begins)
    }

    /// Lets what waits for a price or rests there meet it; `taker` is the side that pushes.
    fn reach(&mut self, price: i64, taker: Side) {
        let before = self.traded_lots();
        let rises = taker == Side::Buy;
        let way = i64::from(taker.number());
        let limit = (price - i64::from(!self.rules.fills_by_touch) * way).max(1);
        let best = self.engine.best_ticks(self.instrument_id, taker.opposite());
        let fills = best != 0 && self.left_lots > 0 && taker.reaches(limit, best);
        let [mut buys, mut sells] = [0_i64; 2];
        if !self.engine.is_nobody_waiting(self.instrument_id) {
            for it in self.engine.awaited(self.instrument_id) {
                if it.rises == rises && (price - it.price_ticks) * way >= 0 {
                    let lots = if it.side == Side::Buy { &mut buys } else { &mut sells };
                    *lots = lots.saturating_add(it.size_lots);
                }
            }
        }
        if buys == 0 && sells == 0 {
            if fills {
                self.house(Command::HouseTrade(self.fact(taker, limit, self.left_lots)));
            }
        } else {
            // Those who rest are met first, with the house where those who go off will meet it.
            let left_lots = self.left_lots;
            if fills && self.rules.volume_share_e8 != 0 {
                self.left_lots = (left_lots - self.resting_lots(taker, limit)).max(0);
            }
            let touches = fills && self.rules.fills_by_touch;
            let bid = if sells > 0 {
                self.stand(Side::Sell, sells, price - i64::from(touches && !rises))
            } else {
                None
            };
            let bid = bid.or_else(|| self.stand_behind(Side::Sell, price));
            let bid_ticks = bid.map_or(0, |it| it.price_ticks);
            let least = (price + i64::from(touches && rises)).max(bid_ticks + 1);
            let ask = if buys > 0 { self.stand(Side::Buy, buys, least) } else { None };
            let ask = ask.or_else(|| self.stand_behind(Side::Buy, price));
            self.left_lots = left_lots;
            if fills {
                self.house(Command::HouseTrade(self.fact(taker, limit, self.left_lots)));
            }
            self.print(price);
            self.leave(bid);
            self.leave(ask);
        }
        self.spend(before);
    }

    /// Returns how much rests that a taker reaches; depth beyond what anybody has open is not read.
    fn resting_lots(&self, taker: Side, limit_ticks: i64) -> i64 {
        let depth = self.engine.open_orders();
        let Some((bids, asks)) = self.engine.book(self.instrument_id, depth) else { return 0 };
        let far = if taker == Side::Buy { asks } else { bids };
        far.iter().filter(|it| taker.reaches(limit_ticks, it.0)).map(|it| it.1).sum()
    }

    // -- the house ----------------------------------------------------------------------------

    fn fact(&self, side: Side, price_ticks: i64, size_lots: i64) -> HouseFact {
        HouseFact { instrument_id: self.instrument_id, side, price_ticks, size_lots }
    }

    fn house(&mut self, command: Command) {
        self.engine.apply(&command, self.now_ns, &mut self.effects);
    }

    /// Puts the house in the way of a taker of so many lots at a price of the path; returns where it
    /// stands.
    fn stand(&mut self, taker: Side, size_lots: i64, path_ticks: i64) -> Option<HouseFact> {
        if self.left_lots == 0 || path_ticks == 0 {
            return None;
        }
        let way = i64::from(taker.number());
        let mut price = self.price_of(taker, size_lots, path_ticks);
        // The house must not trade with the user's own resting orders by standing there.
        let own = self.engine.best_ticks(self.instrument_id, taker);
        if own != 0 && (price - own) * way <= 0 {
            price = own + way;
        }
        let fact = self.fact(taker.opposite(), price.max(1), self.left_lots);
        self.house(Command::HouseLevel(fact));
        Some(fact)
    }

    /// Returns what a taker of so many lots pays, beyond a price of the path by what the rules say.
    fn price_of(&self, taker: Side, size_lots: i64, path_ticks: i64) -> i64 {
        let mut away = self.rules.half_spread_ticks;
        let mut rate = i128::from(self.rules.slippage_e8);
        if self.rules.impact_e8 != 0 {
            let volume = i128::from(self.volume.max(1));
            // Nobody takes more of a bar than there is of it.
            let lots = i128::from(size_lots).min(volume);
            rate += i128::from(self.rules.impact_e8) * lots / volume;
        }
        if rate != 0 {
            let more = (i128::from(path_ticks) * rate + RATE_SCALE - 1) / RATE_SCALE;
            away += i64::try_from(more).unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
        }
        path_ticks + i64::from(taker.number()) * away
    }

    /// Puts the house in the way of one order; where others wait for a price, which what it pays may
    /// be, on the other side as well.
    fn stand_for(&mut self, taker: Side, size_lots: i64) -> [Option<HouseFact>; 2] {
        let fact = self.stand(taker, size_lots, self.price);
        let is_heard = fact.is_some() && !self.engine.is_nobody_waiting(self.instrument_id);
        let other = if is_heard { self.stand_behind(taker.opposite(), self.price) } else { None };
        [fact, other]
    }

    /// Puts the house in the way of takers that others set off; nobody does where a taker pays the
    /// path's price.
    fn stand_behind(&mut self, taker: Side, path_ticks: i64) -> Option<HouseFact> {
        let rules = &self.rules;
        let is_beyond = rules.half_spread_ticks | rules.slippage_e8 | rules.impact_e8 != 0;
        // A tick at least: the house does not trade with itself.
        let behind = path_ticks
            + i64::from(taker.number())
                * i64::from(rules.half_spread_ticks == 0 && rules.slippage_e8 == 0);
        if is_beyond { self.stand(taker, 0, behind) } else { None }
    }

    fn leave(&mut self, fact: Option<HouseFact>) {
        if let Some(fact) = fact {
            self.house(Command::HouseLevel(HouseFact { size_lots: 0, ..fact }));
        }
    }

    /// Makes a price the last one, without meeting an order that rests.
    fn print(&mut self, price: i64) {
        let ask = self.engine.best_ticks(self.instrument_id, Side::Sell);
        let taker = if ask != 0 && ask <= price { Side::Sell } else { Side::Buy };
        self.house(Command::HouseTrade(self.fact(taker, price, 1)));
    }

    /// Returns how much the effects tell that the user has traded; 0 where nobody counts it.
    fn traded_lots(&self) -> i64 {
        if self.rules.volume_share_e8 == 0 {
            return 0;
        }
        let lots = |told| if let Told::Filled { size_lots, .. } = told { size_lots } else { 0 };
        self.effects.told().map(lots).sum()
    }

    /// Takes what was traded since the effects told of so much off what may be traded.
    fn spend(&mut self, before_lots: i64) {
        if self.rules.volume_share_e8 != 0 {
            self.left_lots = (self.left_lots - (self.traded_lots() - before_lots)).max(0);
        }
    }

    /// Returns whether something has happened to an order; if not, nothing has to be told.
    fn has_told(&mut self) -> bool {
        let concerns =
            |told: Told| !matches!(told, Told::Traded { .. } | Told::Rejected { order_id: 0, .. });
        let has_told = self.effects.told().any(concerns);
        if !has_told {
            self.effects.clear();
        }
        has_told
    }
}

/// Returns `whole * part / of`, towards zero; 0 of nothing.
fn scaled(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    let exact = i128::from(whole) * i128::from(part) / i128::from(of);
    i64::try_from(exact).unwrap_or(0)
}

impl Market for BarMarket {
    #[inline]
    fn play(&mut self, until_ns: i64) -> Played {
        let Some(&bar) = self.bars.get(self.at) else {
            return if self.is_all { Played::Over } else { Played::Starved };
        };
        let end_ns = bar.open_ns + self.interval_ns;
        if !self.is_open {
            if bar.open_ns > until_ns {
                self.now_ns = until_ns;
                return Played::Until;
            }
            if until_ns >= end_ns && self.engine.open_orders() == 0 {
                self.at += 1;
                self.pass(&bar);
                return Played::Bar(bar);
            }
            self.begin(&bar);
            if self.has_told() {
                return Played::Effects;
            }
        }
        self.walk(&bar, until_ns.min(end_ns - 1));
        if !self.effects.bytes().is_empty() && self.has_told() {
            return Played::Effects;
        }
        if until_ns < end_ns {
            self.now_ns = self.now_ns.max(until_ns);
            return Played::Until;
        }
        self.is_open = false;
        self.at += 1;
        self.now_ns = end_ns;
        self.price = bar.close;
        Played::Bar(bar)
    }

    fn now_ns(&self) -> i64 {
        self.now_ns
    }

    fn next_ns(&self) -> i64 {
        let Some(bar) = self.bars.get(self.at) else { return self.now_ns };
        let end_ns = bar.open_ns + self.interval_ns;
        if self.engine.open_orders() == 0 || (self.is_open && self.is_closed) {
            return end_ns;
        }
        if !self.is_open {
            return bar.open_ns.max(self.now_ns);
        }
        if !self.is_path_known {
            return self.now_ns + 1;
        }
        self.next_stop_ns(bar).min(end_ns)
    }

    fn takes_orders(&self) -> bool {
        self.is_open || (self.rules.at_close && self.price != 0)
    }

    fn takes_changes(&self) -> bool {
        true
    }

    fn takes_from_ns(&self) -> i64 {
        match self.bars.get(self.at) {
            _ if self.takes_orders() => self.now_ns,
            Some(bar) => bar.open_ns,
            None => i64::MAX,
        }
    }

    fn place(&mut self, place: &Place) {
        if place.order_type.waits() && self.price != 0 {
            self.print(self.price);
        }
        let before = self.traded_lots();
        let facts = self.stand_for(place.side, place.size_lots);
        self.house(Command::Place(place.clone()));
        for fact in facts {
            self.leave(fact);
        }
        self.spend(before);
    }

    #[inline]
    fn take(&mut self, place: &Place) -> Option<Taken> {
        self.meet(place)
    }

    fn cancel(&mut self, cancel: Cancel) {
        self.house(Command::Cancel(cancel));
    }

    fn amend(&mut self, amend: Amend, side: Side) {
        let before = self.traded_lots();
        // Between two bars there is nobody to trade with.
        let facts = if self.takes_orders() {
            self.stand_for(side, amend.size_lots.unwrap_or(0))
        } else {
            [None, None]
        };
        self.house(Command::Amend(amend));
        for fact in facts {
            self.leave(fact);
        }
        self.spend(before);
    }

    fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    #[inline]
    fn set_coming(&mut self, lots: i64) {
        self.coming_lots = lots;
    }

    fn set_position(&mut self, position_lots: i64) {
        self.position_lots = position_lots;
    }

    fn mid_half_ticks(&self) -> i64 {
        2 * self.price
    }

    fn last_ticks(&self) -> i64 {
        self.price
    }

    fn set_state(&mut self, state: MarketState) {
        let instrument_id = self.instrument_id;
        self.house(Command::SetMarketState { instrument_id, state });
        self.is_closed = state != MarketState::Open;
        if !self.is_closed && self.is_open {
            self.jump();
        }
    }

    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }
}
