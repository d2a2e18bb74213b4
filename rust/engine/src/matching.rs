//! How an order meets the book: what it would fill, and what it fills.
//!
//! Best price first; at a price the shown queue, then the hidden one. A trade happens at the resting
//! order's price (`settlement.rs`). Matching is written once for both sides, and every number comes
//! out as in the reference.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: prices, sizes and amounts are bounded by the refusals, and overflow checks are on \
              in every profile"
)]

use std::collections::VecDeque;

use crate::command::{CancelCause, FeeAsset, GroupKind, OrderType, SelfTrade, Side, TimeInForce};
use crate::ladder::{Level, NOBODY};
use crate::market::{Market, Turn};
use crate::order::Order;
use crate::units::{fee_atoms, notional_atoms, times};

/// A plan while it is made.
struct Walk {
    left: i64,
    atoms: Option<i128>,
    plan: Plan,
    /// Orders that would have ended on the way.
    gone: Vec<u64>,
}

/// What an order would fill as the book is.
pub(crate) struct Plan {
    /// What its fills cost, with the taker's fee where that is in quote.
    cost_atoms: i128,
    lots: i64,
    /// Nothing of the order would be left.
    pub(crate) is_whole: bool,
}

impl Market {
    /// Returns the price at which a post-only order takes nothing, if there is one.
    pub(crate) fn maker_price(&self, order: &Order, slide: bool) -> Option<i64> {
        let best = self.book.of(order.side.opposite()).best();
        if best == 0 || !order.side.reaches(order.price_ticks, best) {
            return Some(order.price_ticks);
        }
        let slid = best - i64::from(order.side.number());
        let may = slide && (1..=self.instrument.price_max_ticks).contains(&slid);
        may.then_some(slid)
    }

    /// Returns how many lots an order wants at a price; 0 when it is done.
    #[inline(always)]
    fn wanted_lots(&self, price_ticks: i64, left: i64, filled: i64, atoms: Option<i128>) -> i64 {
        let Some(atoms) = atoms else { return left };
        let per_lot = notional_atoms(price_ticks, 1, self.instrument.tick_lot_atoms);
        let affordable = i64::try_from(atoms / per_lot).unwrap_or(i64::MAX);
        affordable.min(self.instrument.size_max_lots - filled).max(0)
    }
}

impl Turn<'_> {
    // -- before anything changes ------------------------------------------------------------

    /// Returns what an order would fill, with self-trade prevention and OCOs reckoned with.
    pub(crate) fn plan(&self, taker: &Order) -> Plan {
        let far = self.market.book.of(taker.side.opposite());
        let reach = self.market.reach(taker);
        let mut walk = Walk {
            left: taker.remaining_lots,
            atoms: self.extra(taker).quote_atoms,
            plan: Plan { cost_atoms: 0, lots: 0, is_whole: false },
            gone: Vec::new(),
        };
        let mut price = far.best();
        while price != 0 && taker.side.reaches(reach, price) {
            let number = far.best_level_or(price);
            let level = far.level(number);
            if level.below_lots == 0 {
                let mut at = level.head;
                while at != NOBODY {
                    let maker = self.shared.nodes.get(at);
                    at = self.shared.nodes.back_of(at);
                    if !self.meet(taker, &mut walk, maker, maker.remaining_lots) {
                        return walk.plan;
                    }
                }
            } else {
                for (at, lots) in self.slices(level) {
                    if !self.meet(taker, &mut walk, self.shared.nodes.get(at), lots) {
                        return walk.plan;
                    }
                }
            }
            price = far.after(price);
        }
        let size_max_lots = self.market.instrument.size_max_lots;
        walk.plan.is_whole = match walk.atoms {
            Some(atoms) => atoms == 0 || walk.plan.lots == size_max_lots,
            None => walk.plan.lots == taker.remaining_lots,
        };
        walk.plan
    }

    /// Lets a plan meet one maker; false where it ends there.
    #[inline(always)]
    fn meet(&self, taker: &Order, walk: &mut Walk, maker: &Order, slice_lots: i64) -> bool {
        if !walk.gone.is_empty() && walk.gone.contains(&maker.order_id) {
            return true;
        }
        let price = maker.price_ticks;
        let wanted = self.market.wanted_lots(price, walk.left, walk.plan.lots, walk.atoms);
        if wanted == 0 {
            walk.plan.is_whole = walk.atoms.is_some() || walk.plan.lots == taker.remaining_lots;
            return false;
        }
        if maker.extra != 0 {
            walk.gone.extend(self.sibling_of(maker));
        }
        if maker.account_id == taker.account_id {
            match taker.self_trade {
                SelfTrade::CancelNewest | SelfTrade::CancelBoth => return false,
                SelfTrade::CancelOldest => {
                    walk.gone.push(maker.order_id);
                    return true;
                }
                SelfTrade::Decrement => {
                    walk.left -= walk.left.min(maker.remaining_lots);
                    walk.gone.push(maker.order_id);
                    return true;
                }
                SelfTrade::None => {}
            }
        }
        let lots = wanted.min(slice_lots);
        let cost = notional_atoms(price, lots, self.market.instrument.tick_lot_atoms);
        walk.plan.lots += lots;
        walk.plan.cost_atoms += cost;
        if taker.fee_asset == FeeAsset::Quote {
            walk.plan.cost_atoms += fee_atoms(cost, taker.rates.taker_e8);
        }
        match &mut walk.atoms {
            Some(atoms) => *atoms -= cost,
            None => walk.left -= lots,
        }
        true
    }

    /// Returns what would trade at a level if all of it did: an iceberg comes again and again.
    fn slices(&self, level: &Level) -> Vec<(u32, i64)> {
        let mut found = Vec::new();
        let mut again: VecDeque<(u32, i64)> = VecDeque::new(); // icebergs and what they have left
        let mut at = level.head;
        while at != NOBODY && at != level.hidden {
            let node = self.shared.nodes.get(at);
            found.push((at, node.shown_lots()));
            if node.below_lots() > 0 {
                again.push_back((at, node.below_lots()));
            }
            at = self.shared.nodes.back_of(at);
        }
        while let Some((iceberg, left)) = again.pop_front() {
            let extra = self.extra(self.shared.nodes.get(iceberg));
            let lots = extra.display_lots.unwrap_or(left).min(left);
            found.push((iceberg, lots));
            if left > lots {
                again.push_back((iceberg, left - lots));
            }
        }
        while at != NOBODY {
            found.push((at, self.shared.nodes.get(at).remaining_lots));
            at = self.shared.nodes.back_of(at);
        }
        found
    }

    /// Returns what must be free for an order: what it will hold, or what its fills will cost.
    #[inline(always)]
    pub(crate) fn needed_atoms(&self, order: &Order, hold_atoms: i128) -> i128 {
        match self.pays_as_it_fills(order) {
            true => self.cost(&{ *order }),
            false => hold_atoms,
        }
    }

    /// Returns whether an order holds nothing beforehand that says what it will cost.
    #[inline(always)]
    pub(crate) fn pays_as_it_fills(&self, order: &Order) -> bool {
        order.is_market_buy() || self.is_by_amount(order)
    }

    #[inline(never)]
    pub(crate) fn cost(&self, order: &Order) -> i128 {
        let plan = self.plan(order);
        match order.side {
            Side::Buy => plan.cost_atoms,
            Side::Sell => times(i128::from(self.market.instrument.lot_atoms), plan.lots),
        }
    }

    /// Returns the other order of an OCO.
    fn sibling_of(&self, maker: &Order) -> Option<u64> {
        let group = self.shared.rare.group(self.extra(maker).group_id)?;
        match group.kind {
            GroupKind::Oco => group.hanging_on(maker.order_id).next(),
            GroupKind::Basket | GroupKind::Oto | GroupKind::Bracket => None,
        }
    }

    // -- on the way -------------------------------------------------------------------------

    /// Matches an order; what is left rests or is canceled. If that is the last that a command does,
    /// nothing else can come between and it costs less.
    #[inline(always)]
    pub(crate) fn go_to_market(&mut self, order: &mut Order, is_last: bool) {
        if order.time_in_force == TimeInForce::Fok && !self.apart().is_fillable(&{ *order }) {
            let mut order = *order;
            return self.apart().end(&mut order, CancelCause::FokUnfillable);
        }
        if self.crosses(order) {
            // A copy: what nobody else has seen the address of stays in registers.
            let mut taker = *order;
            return self.apart().meet_the_book(&mut taker);
        }
        self.stay(order, is_last);
    }

    /// Trades, and does with what is left of an order as it says.
    #[inline(never)]
    pub(crate) fn meet_the_book(&mut self, taker: &mut Order) {
        if !self.fill(taker) {
            self.stay(taker, false);
        }
    }

    /// Lets what is left of an order rest, or cancels it.
    #[inline(always)]
    fn stay(&mut self, order: &mut Order, is_last: bool) {
        if order.order_type == OrderType::Limit && order.time_in_force != TimeInForce::Ioc {
            self.rest(order, is_last);
        } else {
            let mut order = *order;
            self.apart().end_remainder(&mut order);
        }
    }

    #[cold]
    fn is_fillable(&self, order: &Order) -> bool {
        self.plan(order).is_whole
    }

    /// Cancels what is left of an order that may not rest.
    #[inline(never)]
    fn end_remainder(&mut self, order: &mut Order) {
        let cause = match order.order_type == OrderType::Market {
            true => self.end_of_book(order),
            false => CancelCause::IocRemainder,
        };
        self.end(order, cause);
    }

    /// Returns whether something is in an order's reach.
    #[inline(always)]
    fn crosses(&self, order: &Order) -> bool {
        let best = self.market.book.of(order.side.opposite()).best();
        best != 0 && order.side.reaches(self.market.reach(order), best)
    }

    /// Trades until the order is over (true) or nothing is in its reach.
    #[inline(always)]
    fn fill(&mut self, taker: &mut Order) -> bool {
        // As far as it may go when it comes: its own trades do not move the band.
        let (side, reach) = (taker.side, self.market.reach(taker));
        loop {
            let ladder = self.market.book.of(side.opposite());
            let best = ladder.best();
            if best == 0 || !side.reaches(reach, best) {
                return false;
            }
            // Whatever is met is taken out, or ends the taker: the next is at the front again.
            let at = ladder.level(ladder.best_level()).head;
            let maker = self.shared.nodes.get(at);
            let (owner, slice_lots) = (maker.account_id, maker.slice_lots());
            let mut wanted = taker.remaining_lots;
            if taker.extra != 0 {
                let atoms = self.extra(taker).quote_atoms;
                wanted = self.market.wanted_lots(best, wanted, taker.size_lots, atoms);
                if wanted == 0 {
                    self.end(taker, CancelCause::QuoteSpent);
                    return true;
                }
            }
            let is_own = owner == taker.account_id;
            if is_own && taker.self_trade != SelfTrade::None {
                if self.prevent(taker, at) {
                    return true;
                }
                continue;
            }
            self.trade(taker, at, wanted.min(slice_lots));
            if taker.remaining_lots == 0 && !self.is_by_amount(taker) {
                self.finish(taker);
                return true;
            }
        }
    }

    /// Returns whether an amount of quote says how much an order trades.
    #[inline(always)]
    pub(crate) fn is_by_amount(&self, order: &Order) -> bool {
        order.extra != 0 && self.extra(order).quote_atoms.is_some()
    }

    /// Does what the taker wants done when it meets its own account; true where it is over.
    #[cold]
    fn prevent(&mut self, taker: &mut Order, maker_at: u32) -> bool {
        let maker_id = self.shared.nodes.get(maker_at).order_id;
        let cause = CancelCause::SelfTrade;
        match taker.self_trade {
            SelfTrade::Decrement => return self.decrement(taker, maker_at),
            SelfTrade::CancelNewest | SelfTrade::None => {}
            SelfTrade::CancelOldest | SelfTrade::CancelBoth => self.cancel(maker_id, cause),
        }
        if taker.self_trade == SelfTrade::CancelOldest {
            return false;
        }
        self.end(taker, cause);
        true
    }

    /// Takes the smaller remaining size off both; true where the taker is over.
    fn decrement(&mut self, taker: &mut Order, maker_at: u32) -> bool {
        let maker = *self.shared.nodes.get(maker_at);
        let lots = taker.remaining_lots.min(maker.remaining_lots);
        if maker.remaining_lots == lots {
            self.cancel(maker.order_id, CancelCause::SelfTrade);
        } else {
            let mut changed = maker;
            changed.size_lots -= lots;
            changed.remaining_lots -= lots;
            let shown = maker.shown_lots().min(changed.remaining_lots);
            changed.covered_lots = if maker.is_hidden() {
                changed.remaining_lots
            } else {
                changed.remaining_lots - shown
            };
            self.change_resting(maker_at, &changed);
            self.tell_amended(&changed, true);
            if !maker.is_hidden() {
                let level = self.shared.nodes.level_of(maker_at);
                self.touch(maker.side, maker.price_ticks, level);
            }
        }
        if taker.remaining_lots == lots {
            self.end(taker, CancelCause::SelfTrade);
            return true;
        }
        let before = *taker;
        taker.size_lots -= lots;
        taker.remaining_lots -= lots;
        self.rehold(&before, taker);
        self.tell_amended(taker, true);
        false
    }

    /// Changes the sizes of a resting order where it stands, and what it holds.
    pub(crate) fn change_resting(&mut self, at: u32, changed: &Order) {
        let old = *self.shared.nodes.get(at);
        let number = self.shared.nodes.level_of(at);
        let level = self.market.book.of_mut(old.side).level_mut(number);
        level.lots += changed.shown_lots() - old.shown_lots();
        level.below_lots += changed.below_lots() - old.below_lots();
        let order = self.shared.nodes.change(at);
        order.size_lots = changed.size_lots;
        order.remaining_lots = changed.remaining_lots;
        order.covered_lots = changed.covered_lots;
        self.rehold(&old, changed);
    }

    /// Holds what an order needs after a change, or the OCO that it is in.
    fn rehold(&mut self, old: &Order, changed: &Order) {
        let new = changed.hold_atoms();
        let group_id = self.extra(old).group_id;
        let more = match self.shared.rare.group_mut(group_id) {
            Some(group) if group.kind == GroupKind::Oco => {
                let before = group.hold_atoms();
                let place = usize::from(group.pair[0] != old.order_id);
                group.holds[place] = new;
                group.hold_atoms() - before
            }
            _ => new - old.hold_atoms(),
        };
        self.shared.ledger.add(old.pays_from(), -more, more);
    }

    /// Returns why a market order stops that has come as far as it may.
    fn end_of_book(&self, order: &Order) -> CancelCause {
        let size_max_lots = self.market.instrument.size_max_lots;
        match self.extra(order).quote_atoms {
            Some(atoms) if atoms == 0 || order.size_lots == size_max_lots => {
                CancelCause::QuoteSpent
            }
            // Everything in reach is gone, so what still rests there is beyond the band.
            _ if self.market.book.of(order.side.opposite()).best() != 0 => CancelCause::PriceBand,
            _ => CancelCause::NoLiquidity,
        }
    }
}
