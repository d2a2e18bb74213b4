//! Trading to targets: a position for each bar's close, given beforehand, instead of a strategy.
//!
//! Where a target changes something is wanted; and at a bar's close at which it stays, if an order
//! has fallen short: filled in part, or refused because the market took none. Then what is missing
//! is ordered again, once everything sent is over. What was refused for any other reason is not
//! tried again before the target changes, and what a whole fill has paid as a fee is not missing.
//!
//! Between two such closes, while nothing is on its way and no order open, bars are passed in one
//! go, and a market order that arrives at once is carried out at once. Where that cannot be the
//! machine plays as it always does; fills, orders, fees, balances and the curve are the same.

use steelyard_engine::{OrderType, Place, RejectReason, SelfTrade, Side, Taken, TimeInForce, Took};

use super::{Machine, Pause, USER, Wish, state};
use crate::any::AnyMarket;
use crate::bars::BarMarket;
use crate::columns::{Bars, Prices};
use crate::curve::{Drawn, Stretch};
use crate::latency::Latency;
use crate::market::Market;
use crate::outline::Outline;
use crate::rows::{FillRow, OrderRow};

/// So many bars are fed at once where they are played one by one, and at first.
const BLOCK: usize = 4_096;
const BLOCK_FIRST: usize = 64;

/// So many opens are read ahead.
const AHEAD: usize = 32;

/// Why a market takes no order now, and may take the same one later.
const SHUT: [RejectReason; 4] = [
    RejectReason::MarketMaintenance,
    RejectReason::MarketHalted,
    RejectReason::MarketCancelOnly,
    RejectReason::MarketPostOnly,
];

/// A change of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The place of the bar whose close leads to it.
    pub bar: usize,
    /// The position from then on.
    pub lots: i64,
}

/// The opens after some changes, read together: they are far apart, and memory is slow for one.
#[derive(Default)]
struct Opens {
    /// Of the change with this place, and of those after it.
    first: usize,
    count: usize,
    opens: [i64; AHEAD],
}

impl Opens {
    /// Returns the open of the bar after a change.
    fn after(&mut self, bars: &(impl Prices + ?Sized), aims: &[Aim], at: usize) -> i64 {
        if at.wrapping_sub(self.first) >= self.count {
            let ahead = aims.get(at..).unwrap_or_default().iter().zip(&mut self.opens);
            (self.first, self.count) = (at, 0);
            for (aim, open) in ahead {
                *open = bars.open(aim.bar.saturating_add(1));
                self.count = self.count.saturating_add(1);
            }
        }
        self.opens.get(at.wrapping_sub(self.first)).copied().unwrap_or(0)
    }
}

fn is_told_over(row: &OrderRow) -> bool {
    row.told_state >= state::FILLED
}

/// Returns a market order for what is missing.
#[inline]
fn market_order(lots: i64) -> Wish {
    Wish {
        side: if lots > 0 { Side::Buy } else { Side::Sell },
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Ioc,
        post_only: false,
        price_ticks: 0,
        trigger_ticks: 0,
        size_lots: lots.saturating_abs(),
    }
}

/// Returns whether an order is over without having traded whole, for a reason that may be gone by
/// the next bar.
fn has_fallen_short(row: &OrderRow) -> bool {
    row.told_state == state::EXPIRED
        || (row.told_state == state::REJECTED
            && SHUT.iter().any(|it| it.number() == row.reject_reason))
}

impl Machine<AnyMarket> {
    /// Makes room for what so many orders will leave behind.
    pub fn expect_orders(&mut self, count: usize) {
        self.orders.reserve(count);
        self.fills.reserve(count);
        self.by_engine.reserve(count);
    }

    /// Feeds a market of bars those that come next, and says where there are none after them; before
    /// anything is played it has to be fed, because the first bar says what time it is.
    pub fn feed_bars(&mut self, bars: &(impl Bars + ?Sized)) {
        let Some(market) = self.market.bars() else { return };
        let from = market.bars_played();
        let block = if from == 0 { BLOCK_FIRST } else { BLOCK };
        let to = bars.count().min(from.saturating_add(block));
        market.feed((from..to).map(|at| bars.bar(at)));
        if from == 0 && to != 0 && self.curve.points().is_empty() {
            let first = bars.bar(0);
            self.curve.begin(first.open_ns, first.open.saturating_mul(2), &self.account);
        }
        if to == bars.count() {
            market.finish();
        }
    }

    /// Plays to targets, whose changes come by bars, for at most so many steps: a change, a bar or
    /// what comes between two; returns whether it is over. `done` counts the changes made.
    pub fn aim(
        &mut self,
        bars: &(impl Bars + ?Sized),
        aims: &[Aim],
        done: &mut usize,
        steps: usize,
    ) -> bool {
        let mut opens = Opens::default();
        for _ in 0..steps {
            let next = aims.get(*done);
            let change = next.map_or(bars.count(), |it| it.bar.saturating_add(1));
            let played = self.bars_played();
            let is_watched = self.settled < self.orders.len();
            let end = if is_watched { change.min(played.saturating_add(1)) } else { change };
            let mut is_there = self.glide(bars, end, |at| bars.volume(at));
            let is_over = played == bars.count() || (next.is_none() && !is_watched);
            if !is_there || is_over {
                is_there = match self.advance() {
                    Pause::Bar(_) => self.bars_played() == end,
                    Pause::Starved => {
                        self.feed_bars(bars);
                        false
                    }
                    Pause::End => return true,
                    Pause::News | Pause::Timer(..) | Pause::Book | Pause::Trade { .. } => false,
                };
            }
            if !is_there {
                continue;
            }
            if let Some(aim) = next
                && end == change
            {
                let open = opens.after(bars, aims, *done);
                *done = done.saturating_add(1);
                self.aimed_lots = aim.lots;
                self.forget_ended();
                let volume = |at| bars.volume(at);
                self.want(bars, aim.lots, open, volume);
            } else if is_watched && self.falls_short() {
                let open = if end < bars.count() { bars.open(end) } else { 0 };
                self.want(bars, self.aimed_lots, open, |at| bars.volume(at));
            }
        }
        false
    }

    /// Plays the bars before a place on which nothing can happen, and calls nobody; returns whether
    /// it is there.
    #[inline]
    fn glide(
        &mut self,
        bars: &(impl Prices + ?Sized),
        end: usize,
        volume: impl FnOnce(usize) -> i64,
    ) -> bool {
        let Some(passed) = self.pass_by(bars, end, volume) else { return false };
        let interval_ns = self.market.bars().map_or(0, |it| it.interval_ns());
        self.curve.mark_bars(bars, passed.bars, interval_ns, passed.held);
        true
    }

    /// The same, but the bars are yet to be marked in the curve; None where it is not there.
    #[inline]
    fn pass_by(
        &mut self,
        bars: &(impl Prices + ?Sized),
        end: usize,
        volume: impl FnOnce(usize) -> i64,
    ) -> Option<Stretch> {
        if !self.is_quiet() {
            return None;
        }
        let market = self.market.bars().filter(|it| it.is_idle())?;
        let from = market.bars_played();
        if from < end {
            self.is_fed = false; // it plays on
            market.skip(bars, end, volume);
            let count = u64::try_from(end.saturating_sub(from)).unwrap_or(0);
            self.events = self.events.saturating_add(count);
        }
        Some(Stretch { bars: from..end, held: self.account.held() })
    }

    /// Lends the curve: what is passed is marked in it elsewhere, and it is to be given back before
    /// anything else is played.
    pub fn lend_curve(&mut self) -> Drawn {
        let interval_ns = self.market.bars().map_or(0, |it| it.interval_ns());
        Drawn { curve: std::mem::take(&mut self.curve), interval_ns }
    }

    /// Takes the curve back.
    pub fn take_curve(&mut self, drawn: Drawn) {
        self.curve = drawn.curve;
    }

    fn bars_played(&mut self) -> usize {
        self.market.bars().map_or(0, |it| it.bars_played())
    }

    /// Lets a market order go for what is missing to a position; `open` is that of the next bar.
    fn want(
        &mut self,
        bars: &(impl Prices + ?Sized),
        target: i64,
        open: i64,
        volume: impl FnOnce(usize) -> i64,
    ) {
        let lots = target.saturating_sub(self.expected_lots());
        if lots == 0 {
            return;
        }
        let has_arrived =
            self.is_at_once() && self.carry_out(bars, &market_order(lots), open, volume);
        self.look_after(lots, has_arrived);
    }

    /// Sends an order on its way where it has not arrived at once; looks at what has come of it
    /// where it has.
    #[inline]
    fn look_after(&mut self, lots: i64, has_arrived: bool) {
        if !has_arrived {
            self.place(&market_order(lots));
        } else if !self.orders.last().is_some_and(has_fallen_short) {
            self.settled = self.orders.len();
        }
    }

    /// Leaves the first orders behind that are over: another target says what is missing now.
    fn forget_ended(&mut self) {
        let ended = self.orders.iter().skip(self.settled).take_while(|it| is_told_over(it));
        self.settled = self.settled.saturating_add(ended.count());
    }

    /// Returns whether what was sent is over and has not led to the target, so that more is to be
    /// sent; only once of the same orders.
    fn falls_short(&mut self) -> bool {
        let sent = self.orders.get(self.settled..).unwrap_or_default();
        if !sent.iter().all(is_told_over) {
            return false;
        }
        let is_refused =
            sent.last().is_some_and(|it| it.told_state == state::REJECTED && !has_fallen_short(it));
        let is_short = !is_refused && sent.iter().any(has_fallen_short);
        self.settled = self.orders.len();
        is_short
    }

    /// Returns whether an order arrives at once, and nothing else is on its way.
    fn is_at_once(&self) -> bool {
        let settings = &self.settings;
        settings.order_latency == Latency::Constant(0)
            && settings.answer_latency == Latency::Constant(0)
            && settings.reject_e8 == 0
            && !settings.wants_news
            && self.is_quiet()
    }

    /// Plays to targets as `aim` does, as far as an outline of the bars is enough for it: up to the
    /// last of the changes that are known, while every order is over when the next one comes. What is
    /// left, `aim` plays; `done` counts the changes made. The curve is left as it is: `passed` gets
    /// the bars that are to be marked in it first.
    pub fn follow(
        &mut self,
        bars: &Outline,
        aims: &[Aim],
        done: &mut usize,
        passed: &mut Vec<Stretch>,
    ) {
        let is_plain = |it: &BarMarket| it.is_idle() && !it.counts_volume();
        if !self.is_at_once() || !self.market.bars().is_some_and(|it| is_plain(it)) {
            return;
        }
        let mut opens = Opens::default();
        while let Some(aim) = aims.get(*done)
            && aim.bar.saturating_add(1) < bars.count()
            && self.settled == self.orders.len()
            && let Some(stretch) = self.pass_by(bars, aim.bar.saturating_add(1), |_| 0)
        {
            passed.push(stretch);
            let open = opens.after(bars, aims, *done);
            *done = done.saturating_add(1);
            self.aimed_lots = aim.lots;
            // Every order is over, so what is held is what the strategy has been told.
            let lots = aim.lots.saturating_sub(self.told_lots);
            if lots != 0 {
                let has_arrived = self.carry_out(bars, &market_order(lots), open, |_| 0);
                self.look_after(lots, has_arrived);
            }
        }
    }

    /// Carries out an order that arrives at once, if there is a bar that it meets.
    #[inline]
    fn carry_out(
        &mut self,
        bars: &(impl Prices + ?Sized),
        wish: &Wish,
        open: i64,
        volume: impl FnOnce(usize) -> i64,
    ) -> bool {
        let settings = &self.settings;
        let Some(market) = self.market.bars().filter(|it| it.is_idle()) else {
            return false;
        };
        let next = (!market.meets_close()).then(|| market.bars_played());
        if next.is_some_and(|it| it >= bars.count()) {
            return false; // it never arrives
        }
        let (wanted_ns, decided_half_ticks) = (market.now_ns(), market.mid_half_ticks());
        if let Some(next) = next {
            market.look_at_open(bars.open_ns(next), open, || volume(next));
        }
        let order = self.orders.len();
        let engine_id = u64::try_from(self.by_engine.len()).unwrap_or(u64::MAX);
        let row = OrderRow {
            engine_id,
            wanted_ns,
            arrived_ns: market.now_ns(),
            arrived_half_ticks: market.mid_half_ticks(),
            size_lots: wish.size_lots,
            side: wish.side.number(),
            order_type: wish.order_type.number(),
            time_in_force: wish.time_in_force.number(),
            state: state::PENDING,
            told_state: state::PENDING,
            decided_half_ticks,
            ..OrderRow::default()
        };
        let place = Place {
            account_id: USER,
            instrument_id: self.account.instrument_id(),
            price_ticks: None,
            size_lots: wish.size_lots,
            side: wish.side,
            order_type: wish.order_type,
            time_in_force: wish.time_in_force,
            post_only: false,
            self_trade: SelfTrade::CancelOldest,
            fee_asset: settings.fee_asset,
            terms: None,
        };
        self.by_engine.push(order);
        match market.take(&place) {
            Some(taken) => self.note_whole(row, wish.side, &taken),
            None => {
                self.orders.push(row);
                market.set_position(self.account.position_lots());
                market.place(&place);
                self.hear();
            }
        }
        true
    }

    /// Notes an order whose life has been one moment, and that nobody waits to hear of.
    #[inline]
    fn note_whole(&mut self, mut row: OrderRow, side: Side, taken: &Taken) {
        row.ended_ns = row.arrived_ns;
        row.state = match (taken.refusal, taken.ended) {
            (Some(reason), _) => {
                row.reject_reason = reason.number();
                state::REJECTED
            }
            (None, Some(cause)) => {
                row.cancel_cause = cause.number();
                state::EXPIRED
            }
            (None, None) => state::FILLED,
        };
        row.told_state = row.state;
        if let Some(took) = &taken.fill {
            row.filled_lots = took.size_lots;
            row.told_lots = took.size_lots;
            self.account.book(row.arrived_ns, side, took);
            let position_lots = self.account.position_lots();
            self.fills.push(FillRow {
                order: u64::try_from(self.orders.len().saturating_add(1)).unwrap_or(0),
                position_lots,
                decided_half_ticks: row.decided_half_ticks,
                arrived_half_ticks: row.arrived_half_ticks,
                ..fill_row(took, row.arrived_ns, side)
            });
            (self.told_lots, self.told_fills) = (position_lots, self.fills.len());
        }
        self.orders.push(row);
        self.market.set_position(self.account.position_lots());
    }
}

/// Returns a fill as far as the exchange knows it.
#[inline]
fn fill_row(took: &Took, time_ns: i64, side: Side) -> FillRow {
    FillRow {
        time_ns,
        order: 0,
        trade_id: took.trade_id,
        price_ticks: took.price_ticks,
        size_lots: took.size_lots,
        fee_atoms: took.fee_atoms,
        fee_asset_id: took.fee_asset_id,
        side: side.number(),
        is_maker: false,
        position_lots: 0,
        decided_half_ticks: 0,
        arrived_half_ticks: 0,
    }
}

impl<M: Market> Machine<M> {
    /// Takes what has become of an order that was carried out directly into the books.
    pub(super) fn settle(&mut self, order: usize, side: Side, taken: &Taken) {
        if let Some(reason) = taken.refusal {
            self.reject(order, reason.number());
        } else {
            self.change(order, state::WORKING);
            if let Some(took) = &taken.fill {
                let left = self
                    .orders
                    .get(order)
                    .map_or(0, |it| it.size_lots.saturating_sub(took.size_lots));
                self.fill(order, side, left, fill_row(took, self.market.now_ns(), side));
            }
            if let Some(cause) = taken.ended {
                self.end(order, cause);
            }
        }
        self.market.set_position(self.account.position_lots());
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use steelyard_engine::{Command, FeeAsset, MarketState};

    use super::super::Closure;
    use super::super::tests::{hungry, rules, walk};
    use super::*;
    use crate::bars::BarRules;
    use crate::curve::Curve;
    use crate::latency::Dice;
    use crate::rows::Bar;

    const HOUR_NS: i64 = 3_600_000_000_000;

    /// What differs from run to run, beside the rules.
    fn assume(machine: &mut Machine<AnyMarket>, dice: &mut Dice) {
        let one_in = |dice: &mut Dice, bound: u64| dice.below(bound) == 0;
        let settings = &mut machine.settings;
        settings.reject_e8 = if one_in(dice, 4) { 10_000_000 } else { 0 };
        settings.order_latency = match dice.below(4) {
            0 => Latency::Samples(vec![0, 5_000_000_000, 70_000_000_000]),
            1 => Latency::Constant(61_000_000_000),
            _ => Latency::Constant(0),
        };
        let answers = if one_in(dice, 4) { 100_000_000_000 } else { 0 };
        settings.answer_latency = Latency::Constant(answers);
        settings.fee_asset = if one_in(dice, 2) { FeeAsset::Received } else { FeeAsset::Quote };
        if one_in(dice, 3) {
            let closed = |from: i64, state| Closure {
                from_ns: from * HOUR_NS + 7,
                to_ns: (from + 2) * HOUR_NS + 90_000_000_000,
                state,
            };
            settings.closures =
                vec![closed(1, MarketState::Halted), closed(9, MarketState::PostOnly)];
        }
        if one_in(dice, 4) {
            settings.mark_ns = HOUR_NS;
        }
        let every_ns = [1, 600_000_000_000, 30 * HOUR_NS];
        let at = usize::try_from(dice.below(3)).unwrap_or(0);
        machine.curve = Curve::new(0.01, every_ns.get(at).copied().unwrap_or(1));
        if one_in(dice, 5) {
            // Little of both: some of what is wanted cannot be paid.
            for (asset_id, amount_atoms) in [(1, 990_000_000), (0, 99_980_000)] {
                let transfer =
                    steelyard_engine::Transfer { account_id: 100, asset_id, amount_atoms };
                machine.administer(&Command::Withdraw(transfer));
            }
            machine.account.cash_atoms -= 990_000_000;
            machine.account.base_atoms -= 99_980_000;
        }
    }

    fn aims(dice: &mut Dice, bars: usize) -> Vec<Aim> {
        let rare = 1 + dice.below(60);
        let mut found = Vec::new();
        for bar in 0..bars {
            if dice.below(rare) == 0 {
                found.push(Aim { bar, lots: i64::try_from(dice.below(900)).unwrap_or(0) - 300 });
            }
        }
        found
    }

    /// Plays bar by bar, with every order placed.
    fn the_long_way(machine: &mut Machine<AnyMarket>, bars: &[Bar], aims: &[Aim]) {
        if let Some(first) = bars.first() {
            machine.curve.begin(first.open_ns, first.open * 2, &machine.account);
        }
        if let AnyMarket::Bars(market) = &mut machine.market {
            market.goes_the_long_way = true;
            market.feed(bars.iter().copied());
            market.finish();
        }
        let mut rest = aims.iter().peekable();
        let (mut played, mut target, mut watched) = (0, 0, Vec::new());
        loop {
            match machine.advance() {
                Pause::Bar(_) => {
                    let told = |at: &usize| {
                        machine
                            .orders()
                            .get(*at)
                            .map_or((0, 0), |it| (it.told_state, it.reject_reason))
                    };
                    let is_open = |at: &usize| told(at).0 < state::FILLED;
                    let is_shut = |at: &usize| told(at).0 == 8 && (4..=7).contains(&told(at).1);
                    let is_short = |at: &usize| told(at).0 == 7 || is_shut(at);
                    let aim = rest.next_if(|it| it.bar == played);
                    let mut is_due = aim.is_some();
                    if let Some(aim) = aim {
                        target = aim.lots;
                        while watched.first().is_some_and(|at| !is_open(at)) {
                            watched.remove(0);
                        }
                    } else if !watched.iter().any(is_open) {
                        let last = watched.last();
                        is_due = watched.iter().any(is_short)
                            && !last.is_some_and(|at| told(at).0 == 8 && !is_shut(at));
                        watched.clear();
                    }
                    if is_due {
                        let lots = target - machine.expected_lots();
                        let wish = Wish {
                            side: if lots > 0 { Side::Buy } else { Side::Sell },
                            order_type: OrderType::Market,
                            time_in_force: TimeInForce::Ioc,
                            post_only: false,
                            price_ticks: 0,
                            trigger_ticks: 0,
                            size_lots: lots.abs(),
                        };
                        if lots != 0 {
                            watched.push(machine.place(&wish));
                        }
                    }
                    played += 1;
                }
                Pause::End => return,
                Pause::News
                | Pause::Timer(..)
                | Pause::Book
                | Pause::Trade { .. }
                | Pause::Starved => {}
            }
        }
    }

    #[test]
    fn aiming_is_placing_bar_by_bar() {
        let [mut fills, mut refused, mut at_once, mut again, mut followed] = [0; 5];
        for seed in 0..150 {
            let mut dice = Dice::new(seed + 77);
            let rules: BarRules = rules(&mut dice);
            let bars = walk(seed, 900);
            let (mut one, mut other) = (hungry(seed, rules), hungry(seed, rules));
            let assumed = dice.clone();
            assume(&mut one, &mut dice);
            assume(&mut other, &mut assumed.clone());
            let aims = aims(&mut dice, bars.len());
            let outline = crate::outline::tests::of(&bars).unwrap_or_default();
            the_long_way(&mut one, &bars, &aims);
            other.feed_bars(bars.as_slice());
            let mut done = 0;
            let mut known = if seed % 2 == 0 { 0 } else { aims.len() };
            while known < aims.len() {
                let more = usize::try_from(dice.below(9)).unwrap_or(0);
                known = aims.len().min(known + more);
                let mut passed = Vec::new();
                other.follow(&outline, &aims[..known], &mut done, &mut passed);
                let mut drawn = other.lend_curve();
                drawn.mark(&outline, &passed);
                other.take_curve(drawn);
            }
            followed += done;
            while !other.aim(bars.as_slice(), &aims, &mut done, 50) {}
            one.close();
            other.close();
            assert_eq!(one.orders(), other.orders(), "seed {seed}");
            assert_eq!(one.fills(), other.fills(), "seed {seed}");
            assert_eq!(one.curve.points(), other.curve.points());
            assert_eq!(one.curve.drawdown().to_bits(), other.curve.drawdown().to_bits());
            assert_eq!((one.events(), one.now_ns()), (other.events(), other.now_ns()));
            assert_eq!(one.account.fees, other.account.fees);
            let now_ns = one.now_ns();
            assert_eq!(one.account.exposed_ns(now_ns), other.account.exposed_ns(now_ns));
            let hashes = [&mut one, &mut other].map(|it| it.market.engine().state_hash());
            assert_eq!(hashes.first(), hashes.last());
            fills += other.fills().len();
            refused += other.orders().iter().filter(|it| it.reject_reason != 0).count();
            at_once += usize::from(other.flown == 0) * other.fills().len();
            again += other.orders().len().saturating_sub(aims.len());
        }
        let counts = [fills, refused, at_once, again, followed];
        assert!(counts.iter().all(|&it| it > 500), "{counts:?} are too few to tell");
    }
}
