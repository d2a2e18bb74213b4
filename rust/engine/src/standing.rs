//! Where orders are: resting in a book, or waiting outside of all; how they come there and end.
//!
//! An order that ends takes along what hangs on it; whose entry has filled only joins the queue of
//! consequences, so no order acts in the middle of another's trade.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: sizes and amounts are bounded by the refusals, and overflow checks are on in every \
              profile"
)]

use crate::command::{CancelCause, GroupKind};
use crate::market::{Shared, Turn};
use crate::order::{Group, Heard, Order};

/// Marks a number of `orders` as a place outside the books.
pub(crate) const OUTSIDE: u32 = 1 << 31;

impl Turn<'_> {
    /// Puts what is left of an order at the back of its queue.
    #[inline(always)]
    pub(crate) fn rest(&mut self, order: &mut Order, is_last: bool) {
        let Order { side, price_ticks, remaining_lots, order_id, .. } = *order;
        let count = self.shared.nodes.most();
        // One that has come just now, and has not moved, has been asked that already.
        let is_asked = is_last && !order.post_only;
        if !is_asked && !self.market.book.of(side).has_room(price_ticks, remaining_lots, count) {
            let mut order = *order;
            return self.apart().end(&mut order, CancelCause::LevelFull);
        }
        order.priority = self.priority();
        order.covered_lots = 0;
        if order.extra != 0 {
            *order = self.apart().cover(*order);
        }
        let ladder = self.market.book.of_mut(side);
        let (at, level, lots) = ladder.add(&mut self.shared.nodes, order);
        self.shared.orders.insert(order_id, at);
        self.count_in(order);
        if is_last && !order.is_hidden() {
            self.tell_level(side, price_ticks, level, lots);
        } else if !order.is_hidden() {
            self.touch(side, price_ticks, level);
        }
    }

    /// Returns an order as it rests: some of it not shown, and without what it needs no more.
    #[cold]
    fn cover(&mut self, mut order: Order) -> Order {
        order.show(self.extra(&order).display_lots);
        if !self.extra(&order).has_terms() {
            self.shared.rare.extras.drop_of(&mut order);
        }
        order
    }

    /// Returns an open order, wherever it is.
    pub(crate) fn find(&self, order_id: u64) -> Option<Order> {
        self.shared.find(order_id)
    }

    /// Takes an order out of where it is; what it has apart goes with it.
    pub(crate) fn take(&mut self, order_id: u64) -> Option<Order> {
        let at = self.shared.orders.remove(order_id)?;
        if at & OUTSIDE != 0 {
            let order = self.shared.rare.outside.take(at & !OUTSIDE)?;
            self.count_out(&order);
            self.market.waiting.remove(&order, self.shared.rare.extras.of(&order));
            return Some(order);
        }
        let (order, level) = (*self.shared.nodes.get(at), self.shared.nodes.level_of(at));
        self.market.book.of_mut(order.side).remove(&mut self.shared.nodes, at);
        self.count_out(&order);
        if !order.is_hidden() {
            self.touch(order.side, order.price_ticks, level);
        }
        Some(order)
    }

    /// Puts an order where those are that are in no book.
    pub(crate) fn put_outside(&mut self, order: &Order) {
        let at = self.shared.rare.outside.add(*order);
        self.shared.orders.insert(order.order_id, at | OUTSIDE);
        self.count_in(order);
    }

    /// Cancels an open order, and what hangs on it.
    pub(crate) fn cancel(&mut self, order_id: u64, cause: CancelCause) {
        if let Some(mut order) = self.take(order_id) {
            self.end(&mut order, cause);
        }
    }

    /// Cancels a resting order that has nothing apart and has just been found in a slot, without
    /// taking a copy of it, as the last that a command does.
    #[inline(always)]
    pub(crate) fn cancel_plain(&mut self, at: u32, slot: usize, cause: CancelCause) {
        let Shared { nodes, ledger, orders, .. } = &mut *self.shared;
        let (order, level) = (nodes.get(at), nodes.level_of(at));
        let (order_id, side, price_ticks) = (order.order_id, order.side, order.price_ticks);
        self.effects.canceled(order, self.market.instrument.instrument_id, cause);
        ledger.release(order.pays_from(), order.hold_atoms());
        if let Some(room) = &mut self.market.room {
            room.remove(order);
        }
        let lots = self.market.book.of_mut(side).remove(nodes, at);
        orders.clear(order_id, slot);
        self.tell_level(side, price_ticks, level, lots);
    }

    /// Ends an order that is nowhere any more with something unfilled, and what hangs on it.
    #[inline(never)]
    pub(crate) fn end(&mut self, order: &mut Order, cause: CancelCause) {
        let order_id = order.order_id;
        let group = self.shared.rare.group(self.extra(order).group_id).copied();
        let mut atoms = self.held_atoms(order);
        if let Some(group) = group {
            if group.kind == GroupKind::Oco {
                atoms -= group.hanging_on(order_id).map(|it| group.hold_of(it)).sum::<i128>();
            }
            self.disband(&group);
        }
        self.shared.rare.extras.drop_of(order);
        self.shared.ledger.release(order.pays_from(), atoms);
        self.effects.canceled(order, self.instrument_id(), cause);
        if let Some(group) = group {
            let is_entry = group.entry == order_id;
            let follows = if is_entry { CancelCause::Parent } else { CancelCause::Sibling };
            for other in group.hanging_on(order_id) {
                self.cancel(other, follows);
            }
        }
    }

    /// Returns what is held for an order, or once for the two of an OCO.
    pub(crate) fn held_atoms(&self, order: &Order) -> i128 {
        let extra = self.extra(order);
        if extra.is_child {
            return 0;
        }
        match self.shared.rare.group(extra.group_id) {
            Some(group) if group.kind == GroupKind::Oco => group.hold_atoms(),
            _ => order.hold_atoms(),
        }
    }

    /// Cancels the other order of an OCO, because this one trades or is triggered.
    #[cold]
    pub(crate) fn leave_oco(&mut self, order: &Order) {
        let Some(&group) = self.shared.rare.group(self.extra(order).group_id) else { return };
        if group.kind != GroupKind::Oco {
            return;
        }
        let order_id = order.order_id;
        let given_back = group.hold_atoms() - group.hold_of(order_id);
        self.shared.ledger.release(order.pays_from(), given_back);
        self.disband(&group);
        if let Some(extra) = self.shared.rare.extras.of_mut(order) {
            extra.group_id = 0;
        }
        for sibling in group.hanging_on(order_id) {
            if let Some(mut other) = self.take(sibling) {
                self.effects.canceled(&other, self.instrument_id(), CancelCause::Sibling);
                self.shared.rare.extras.drop_of(&mut other);
            }
        }
    }

    /// Lets orders that hung together stand alone.
    pub(crate) fn disband(&mut self, group: &Group) {
        self.shared.rare.remove_group(group.group_id);
        for order_id in group.members() {
            if let Some(order) = self.find(order_id)
                && let Some(extra) = self.shared.rare.extras.of_mut(&order)
            {
                extra.group_id = 0;
            }
        }
    }

    /// Notes that an order has filled whole: what waited for it has its turn later.
    #[inline(always)]
    pub(crate) fn finish(&mut self, order: &mut Order) {
        if order.extra != 0 {
            self.finish_grouped(order);
        }
    }

    #[cold]
    fn finish_grouped(&mut self, order: &mut Order) {
        if let Some(&group) = self.shared.rare.group(self.extra(order).group_id) {
            self.shared.rare.heard.push_back(Heard::Filled { group, size_lots: order.size_lots });
        }
        self.shared.rare.extras.drop_of(order);
    }
}

impl Shared {
    /// Returns an open order, wherever it is.
    pub(crate) fn find(&self, order_id: u64) -> Option<Order> {
        let at = self.orders.get(order_id)?;
        match at & OUTSIDE {
            0 => Some(*self.nodes.get(at)),
            _ => self.rare.outside.get(at & !OUTSIDE).copied(),
        }
    }

    /// Returns an order that rests in a book.
    pub(crate) fn resting(&self, order_id: u64) -> Option<&Order> {
        let at = self.orders.get(order_id)?;
        (at & OUTSIDE == 0).then(|| self.nodes.get(at))
    }
}
