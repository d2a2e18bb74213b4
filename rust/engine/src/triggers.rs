//! Orders that wait for a price, and what a command has set off.
//!
//! A price is heard the moment it is told, so a trailing stop follows every trade of a sweep; who has
//! heard enough only joins the queue of consequences. Each has its turn after the command's own
//! matching, first in first out, and then acts as if it came now; what would have been a refusal
//! cancels it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "prices and sizes are bounded by the refusals, and overflow checks are on in every \
              profile"
)]

use crate::command::{
    CancelCause, Direction, GroupKind, MarketState, OrderType, Side, TimeInForce, TriggerBy,
};
use crate::engine::Engine;
use crate::event::Effects;
use crate::market::{Market, Turn};
use crate::order::{Extra, Group, Heard, Order};
use crate::standing::OUTSIDE;
use crate::units::RATE_SCALE;
use crate::waiting::waits_for_rise;

fn has_come(order: &Order, trigger_ticks: i64, price_ticks: i64) -> bool {
    match waits_for_rise(order) {
        true => price_ticks >= trigger_ticks,
        false => price_ticks <= trigger_ticks,
    }
}

/// Returns whether a trailing stop begins to follow at a price; by itself a sell by a rise.
pub(crate) fn is_activated(side: Side, extra: &Extra, price_ticks: i64) -> bool {
    let by_itself = match side {
        Side::Sell => Direction::Rise,
        Side::Buy => Direction::Fall,
    };
    extra.activation_ticks.is_none_or(|it| match extra.activation_direction.unwrap_or(by_itself) {
        Direction::Rise => price_ticks >= it,
        Direction::Fall => price_ticks <= it,
    })
}

/// Returns where a trailing stop that is not active yet begins to follow, and whether by a rise.
pub(crate) fn begins_at(side: Side, extra: &Extra) -> Option<(i64, bool)> {
    let by_itself = match side {
        Side::Sell => Direction::Rise,
        Side::Buy => Direction::Fall,
    };
    let direction = extra.activation_direction.unwrap_or(by_itself);
    extra.activation_ticks.map(|it| (it, direction == Direction::Rise))
}

/// Returns how far a trailing stop lets the price go back.
fn distance(extra: &Extra) -> i128 {
    extra.trail_ticks.map_or_else(
        || {
            let rate = i128::from(extra.trail_rate_e8.unwrap_or(0));
            (i128::from(extra.best_ticks) * rate / i128::from(RATE_SCALE)).max(1)
        },
        i128::from,
    )
}

/// Returns the price that triggers an active trailing stop if the best price stays what it is.
pub(crate) fn trips_at(side: Side, extra: &Extra) -> i64 {
    let away = i64::try_from(distance(extra)).unwrap_or(i64::MAX);
    extra.best_ticks.saturating_add(away.saturating_mul(i64::from(side.number())))
}

/// Returns whether a price triggers a trailing stop that has been active before it.
pub(crate) fn is_far_enough(side: Side, extra: &Extra, price_ticks: i64) -> bool {
    let sign = -i128::from(side.number());
    (i128::from(extra.best_ticks) - i128::from(price_ticks)) * sign >= distance(extra)
}

/// Lets a trailing stop hear a price; returns whether that triggers it.
fn follow(side: Side, extra: &mut Extra, price_ticks: i64) -> bool {
    let best = extra.best_ticks;
    if best == 0 {
        extra.best_ticks = if is_activated(side, extra, price_ticks) { price_ticks } else { 0 };
        return false;
    }
    extra.best_ticks = match side {
        Side::Sell => best.max(price_ticks),
        Side::Buy => best.min(price_ticks),
    };
    is_far_enough(side, extra, price_ticks)
}

impl Market {
    /// Returns the price that somebody listens to, 0 where it is not known.
    pub(crate) fn price_by(&self, trigger_by: TriggerBy) -> i64 {
        self.prices[usize::from(trigger_by.number()) - 1]
    }

    /// Returns whether the price that an order waits for is known and there already.
    pub(crate) fn is_there(&self, order: &Order, extra: &Extra) -> bool {
        extra.trigger_ticks.is_some_and(|it| self.has_come(order, extra.trigger_by, it))
    }

    /// Returns whether a price is known and has come to a trigger.
    pub(crate) fn has_come(&self, order: &Order, trigger_by: TriggerBy, trigger: i64) -> bool {
        let price = self.price_by(trigger_by);
        price != 0 && has_come(order, trigger, price)
    }
}

impl Turn<'_> {
    /// Lets who waits for a price hear it, if the market is open.
    #[cold]
    pub(crate) fn tell_price(&mut self, trigger_by: TriggerBy, price_ticks: i64) {
        if self.market.state != MarketState::Open || price_ticks == 0 {
            return;
        }
        for order_id in self.market.waiting.reached(trigger_by, price_ticks) {
            if let Some(order) = self.find(order_id) {
                self.hear(&order, price_ticks);
            }
        }
        for order_id in self.market.waiting.trailing(trigger_by) {
            let Some(order) = self.find(order_id) else { continue };
            let Some(extra) = self.shared.rare.extras.of_mut(&order) else { continue };
            if follow(order.side, extra, price_ticks) {
                self.market.waiting.remove(&order, extra);
                self.hear(&order, price_ticks);
            }
        }
    }

    /// Notes that an order, which listens no more, has heard its price.
    fn hear(&mut self, order: &Order, price_ticks: i64) {
        if let Some(extra) = self.shared.rare.extras.of_mut(order) {
            extra.is_heard = true;
        }
        let order_id = order.order_id;
        self.shared.rare.heard.push_back(Heard::Price { order_id, price_ticks });
    }

    /// Returns whether the price that an order waits for is known and there already.
    #[cold]
    pub(crate) fn is_there(&self, order: &Order) -> bool {
        self.market.is_there(order, self.extra(order))
    }

    /// Returns whether the price that an order waits for has come to a trigger.
    pub(crate) fn has_come(&self, order: &Order, trigger_ticks: i64) -> bool {
        self.market.has_come(order, self.extra(order).trigger_by, trigger_ticks)
    }

    /// Begins to wait; one whose price is there already has heard it at once.
    #[cold]
    pub(crate) fn wait(&mut self, order: &mut Order) {
        order.priority = self.priority();
        let known = self.market.price_by(self.extra(order).trigger_by);
        let is_there = self.is_there(order);
        let side = order.side;
        let extra = self.shared.rare.extras.change(order);
        if known != 0 && extra.trigger_ticks.is_none() {
            follow(side, extra, known);
        }
        if is_there {
            self.hear(order, known);
        } else {
            self.market.waiting.add(order, extra);
        }
        self.put_outside(order);
    }

    /// Lets an accepted order, whose hold is taken, wait for its price or go to market.
    #[inline(always)]
    pub(crate) fn act(&mut self, order: &mut Order, is_last: bool) {
        if order.order_type.waits() {
            let mut order = *order;
            self.apart().wait(&mut order);
        } else {
            self.go_to_market(order, is_last);
        }
    }

    /// Lets one of a group act, if nothing has ended it before its turn.
    pub(crate) fn act_in_turn(&mut self, order_id: u64) {
        let is_next = self.find(order_id).is_some_and(|it| self.extra(&it).is_next);
        if let Some(mut order) = is_next.then(|| self.take(order_id)).flatten() {
            self.shared.rare.extras.change(&mut order).is_next = false;
            self.act(&mut order, false);
        }
    }

    /// Changes an order's price before it acts, and what it holds with it.
    fn slide(&mut self, order: &mut Order, price_ticks: i64) {
        let before = self.held_atoms(order);
        order.price_ticks = price_ticks;
        order.hold_per_lot = self.hold_per_lot(order);
        let more = self.held_atoms(order) - before;
        self.shared.ledger.add(order.pays_from(), -more, more);
    }

    /// Lets an order that has heard its price go to market, as a limit or as a market order.
    fn trigger(&mut self, order_id: u64, price_ticks: i64) {
        let Some(order) = self.find(order_id) else { return };
        if !self.extra(&order).is_heard {
            return;
        }
        self.leave_oco(&order);
        let Some(mut order) = self.take(order_id) else { return };
        let extra = self.shared.rare.extras.change(&mut order);
        extra.is_heard = false;
        extra.trigger_ticks = None;
        let slide = extra.slide;
        let instrument_id = self.instrument_id();
        self.effects.triggered(&order, instrument_id, price_ticks);
        if order.order_type.has_limit() {
            order.order_type = OrderType::Limit;
        } else {
            order.order_type = OrderType::Market;
            order.time_in_force = TimeInForce::Ioc;
        }
        if order.post_only {
            let Some(price) = self.market.maker_price(&order, slide) else {
                return self.end(&mut order, CancelCause::PostOnlyWouldTake);
            };
            if price != order.price_ticks {
                self.slide(&mut order, price);
                self.tell_amended(&order, false);
            }
        }
        if order.is_market_buy() && self.is_short(&[order]) {
            return self.end(&mut order, CancelCause::InsufficientBalance);
        }
        self.go_to_market(&mut order, false);
    }

    /// Returns whether the funds do not suffice for one of these, which hold once.
    fn is_short(&self, orders: &[Order]) -> bool {
        let needed =
            orders.iter().map(|it| self.needed_atoms(it, it.hold_atoms())).max().unwrap_or(0);
        let pays_from = orders.first().map(Order::pays_from);
        pays_from.is_some_and(|at| needed > self.shared.ledger.free_atoms(at))
    }

    /// Lets what waited for its entry act: one order, or two exits that become an OCO.
    fn place_children(&mut self, mut group: Group, entry_lots: i64) {
        let mut children: Vec<Order> =
            group.hanging_on(0).filter_map(|order_id| self.take(order_id)).collect();
        for child in &mut children {
            self.shared.rare.extras.change(child).is_child = false;
        }
        if group.kind == GroupKind::Bracket && !self.cut(&group, &mut children, entry_lots) {
            return;
        }
        let mut slid = Vec::new();
        for at in 0..children.len() {
            let child = &children[at];
            if !child.post_only || child.order_type != OrderType::Limit {
                continue;
            }
            let Some(price) = self.market.maker_price(child, self.extra(child).slide) else {
                children.swap(0, at);
                return self.give_up(&group, &mut children, CancelCause::PostOnlyWouldTake);
            };
            if price != child.price_ticks {
                children[at].price_ticks = price;
                children[at].hold_per_lot = self.hold_per_lot(&children[at]);
                slid.push(at);
            }
        }
        if self.is_short(&children) {
            return self.give_up(&group, &mut children, CancelCause::InsufficientBalance);
        }
        let Some(pays_from) = children.first().map(Order::pays_from) else { return };
        self.disband(&group);
        if group.kind == GroupKind::Bracket {
            (group.kind, group.entry) = (GroupKind::Oco, 0);
            for (hold, child) in group.holds.iter_mut().zip(&children) {
                *hold = child.hold_atoms();
            }
            self.shared.rare.add_group(group);
        }
        let mut needed = 0;
        for child in &mut children {
            let is_oco = group.kind == GroupKind::Oco;
            let extra = self.shared.rare.extras.change(child);
            extra.group_id = if is_oco { group.group_id } else { 0 };
            extra.is_next = true;
            needed = needed.max(child.hold_atoms());
            self.put_outside(child);
        }
        self.shared.ledger.hold(pays_from, needed);
        for at in slid {
            self.tell_amended(&children[at], false);
        }
        for child in children {
            self.act_in_turn(child.order_id);
        }
    }

    /// Makes both exits as small as the entry, or as what is free; false where they are given up.
    fn cut(&mut self, group: &Group, children: &mut [Order], entry_lots: i64) -> bool {
        let Some(exit) = children.first() else { return true };
        let mut size_lots = exit.size_lots.min(entry_lots);
        if exit.side == Side::Sell {
            let free = self.shared.ledger.free_atoms(exit.pays_from());
            let lots = free / i128::from(self.market.instrument.lot_atoms);
            size_lots = size_lots.min(i64::try_from(lots).unwrap_or(i64::MAX));
        }
        if size_lots == exit.size_lots {
            return true;
        }
        if size_lots < self.market.instrument.size_min_lots {
            self.give_up(group, children, CancelCause::InsufficientBalance);
            return false;
        }
        for child in children {
            (child.size_lots, child.remaining_lots) = (size_lots, size_lots);
            self.tell_amended(child, false);
        }
        true
    }

    /// Cancels all that waited for its entry; where one would take, the other is its sibling.
    fn give_up(&mut self, group: &Group, children: &mut [Order], cause: CancelCause) {
        self.disband(group);
        for (at, child) in children.iter_mut().enumerate() {
            self.shared.rare.extras.change(child).group_id = 0;
            // What they would have held was never taken.
            child.hold_per_lot = 0;
            let is_first = at == 0 || cause != CancelCause::PostOnlyWouldTake;
            self.end(child, if is_first { cause } else { CancelCause::Sibling });
        }
    }
}

impl Engine {
    /// Lets everything that was set off act; each may set off more.
    #[inline]
    pub(crate) fn work_off(&mut self, effects: &mut Effects) {
        while let Some(heard) = self.shared.rare.heard.pop_front() {
            match heard {
                Heard::Price { order_id, price_ticks } => {
                    if let Some(market) = self.market_of_order(order_id) {
                        self.turn(market, effects).trigger(order_id, price_ticks);
                    }
                }
                Heard::Filled { group, size_lots } => {
                    let [first, _] = group.pair;
                    if let Some(market) = self.market_of_order(first) {
                        self.turn(market, effects).place_children(group, size_lots);
                    }
                }
            }
        }
    }

    /// Returns the market of an open order.
    pub(crate) fn market_of_order(&self, order_id: u64) -> Option<u32> {
        let at = self.shared.orders.get(order_id)?;
        match at & OUTSIDE {
            0 => Some(self.shared.nodes.get(at).market),
            _ => self.shared.rare.outside.get(at & !OUTSIDE).map(|it| it.market),
        }
    }
}
