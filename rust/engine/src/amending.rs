//! Changes of open orders: a new price, size or trigger, and cancels.
//!
//! A smaller size at the same price keeps the priority of a resting order; all else gives it a new
//! time, and it may trade. A waiting order keeps its place among equals. Orders of a group cannot be
//! amended.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "places come from the engine's own tables; numbers are bounded by the refusals, and \
              overflow checks are on in every profile"
)]

use crate::command::{Amend, Cancel, CancelAll, CancelCause, MarketState, RejectReason};
use crate::engine::Engine;
use crate::event::Effects;
use crate::matching::{OUTSIDE, Turn};
use crate::order::Order;
use crate::placing::are_too_many_slices;
use crate::units::LEVEL_MAX_LOTS;

impl Engine {
    #[inline]
    pub(crate) fn cancel(&mut self, cancel: &Cancel, effects: &mut Effects) {
        let Cancel { account_id, order_id } = *cancel;
        let Some(at) = self.orders.get(order_id) else {
            return effects.rejected(order_id, account_id, RejectReason::UnknownOrder);
        };
        let (owner, market, is_plain) = match at & OUTSIDE {
            0 => {
                let node = self.nodes.get(at);
                (node.account_id, node.market, node.extra == 0)
            }
            _ => match self.rare.outside.get(at & !OUTSIDE) {
                Some(order) => (order.node.account_id, order.node.market, false),
                None => (0, 0, false),
            },
        };
        if owner != account_id {
            return effects.rejected(order_id, account_id, RejectReason::UnknownOrder);
        }
        if self.markets[market as usize].state == MarketState::Maintenance {
            return effects.rejected(order_id, account_id, RejectReason::MarketMaintenance);
        }
        let mut turn = self.turn(market, effects);
        if is_plain {
            turn.cancel_plain(at, CancelCause::User);
        } else {
            turn.cancel(order_id, CancelCause::User);
        }
    }

    pub(crate) fn cancel_all(&mut self, cancel: &CancelAll, effects: &mut Effects) {
        let account_id = cancel.account_id;
        if self.ledger.account(account_id).is_none() {
            return effects.rejected(0, account_id, RejectReason::UnknownAccount);
        }
        let is_admin = cancel.cause == CancelCause::Admin;
        let is_closed = |market: u32| {
            !is_admin && self.markets[market as usize].state == MarketState::Maintenance
        };
        let mut only = None;
        if let Some(instrument_id) = cancel.instrument_id {
            only = u32::try_from(instrument_id).ok().and_then(|it| self.market(it));
            let Some(market) = only else {
                return effects.rejected(0, account_id, RejectReason::UnknownInstrument);
            };
            if is_closed(market) {
                return effects.rejected(0, account_id, RejectReason::MarketMaintenance);
            }
        }
        let outside = self.rare.outside.iter().map(|it| &it.node);
        let mut found: Vec<(u64, u32)> = (self.nodes.iter().map(|it| it.1).chain(outside))
            .filter(|node| {
                node.account_id == account_id
                    && only.is_none_or(|it| it == node.market)
                    && !is_closed(node.market)
            })
            .map(|node| (node.order_id, node.market))
            .collect();
        found.sort_unstable();
        for (order_id, market) in found {
            self.turn(market, effects).cancel(order_id, cancel.cause);
        }
    }

    pub(crate) fn amend(&mut self, amend: &Amend, effects: &mut Effects) {
        let market = self.market_of_order(amend.order_id);
        let result = match market {
            None => Err(RejectReason::UnknownOrder),
            Some(market) => self.turn(market, effects).amend(amend),
        };
        if let Err(reason) = result {
            effects.rejected(amend.order_id, amend.account_id, reason);
        }
    }
}

impl Turn<'_> {
    fn amend(&mut self, amend: &Amend) -> Result<(), RejectReason> {
        let order = self.find(amend.order_id);
        let order = order.filter(|it| it.node.account_id == amend.account_id);
        let order = order.ok_or(RejectReason::UnknownOrder)?;
        let mut changed = self.changed(&order, amend);
        self.check_amend(&order, &mut changed, amend)?;
        changed.node.hold_per_lot = self.hold_per_lot_of(&changed);
        let Some(at) = self.orders.get(amend.order_id) else { return Ok(()) };
        if order.extra.order_type.waits() {
            let more = changed.node.hold_atoms() - order.node.hold_atoms();
            self.ledger.add(order.node.pays_from(), -more, more);
            if let Some(place) = self.rare.outside.get_mut(at & !OUTSIDE) {
                *place = changed;
            }
            self.tell_amended(&changed.node, true);
            return Ok(());
        }
        let is_same_price = changed.node.price_ticks == order.node.price_ticks;
        if is_same_price && changed.node.size_lots <= order.node.size_lots {
            self.change_resting(at, &changed.node);
            self.tell_amended(&changed.node, true);
            if !order.node.is_hidden() {
                self.touch(order.node.side, order.node.price_ticks);
            }
            return Ok(());
        }
        self.take(amend.order_id);
        let more = changed.node.hold_atoms() - order.node.hold_atoms();
        self.ledger.add(order.node.pays_from(), -more, more);
        changed.node.extra = 0;
        self.tell_amended(&changed.node, false);
        self.go_to_market(&mut changed);
        Ok(())
    }

    /// Returns what an order would become.
    fn changed(&self, order: &Order, amend: &Amend) -> Order {
        let mut changed = *order;
        let node = &mut changed.node;
        if let Some(price) = amend.price_ticks {
            node.price_ticks = price;
        }
        if let Some(size) = amend.size_lots {
            let shown = if order.node.is_hidden() { 0 } else { order.node.shown_lots() };
            node.size_lots = size;
            // What comes out of range is refused before anything is done with it.
            let grown = size.saturating_sub(order.node.size_lots);
            node.remaining_lots = node.remaining_lots.saturating_add(grown);
            let is_split = order.extra.display_lots.is_some();
            let shown =
                if is_split { shown.min(node.remaining_lots.max(0)) } else { node.remaining_lots };
            node.below_lots = node.remaining_lots.saturating_sub(shown);
        }
        if amend.trigger_ticks.is_some() {
            changed.extra.trigger_ticks = amend.trigger_ticks;
        }
        changed
    }

    /// Returns why an order cannot become what is asked; a post_only one slides here.
    fn check_amend(
        &self,
        order: &Order,
        changed: &mut Order,
        amend: &Amend,
    ) -> Result<(), RejectReason> {
        let has_limit = order.node.price_ticks != 0;
        if order.extra.group_id != 0
            || (amend.price_ticks.is_some() && !has_limit)
            || (amend.trigger_ticks.is_some() && order.extra.trigger_ticks.is_none())
        {
            return Err(RejectReason::Unsupported);
        }
        let waits = order.extra.order_type.waits();
        let price = match waits {
            true => None,
            false => self.market.maker_price(&changed.node, order.extra.slide),
        };
        self.market.refusal_of_state(waits || price.is_some())?;
        let limit = has_limit.then_some(changed.node.price_ticks);
        let prices = [limit, changed.extra.trigger_ticks];
        if !prices.into_iter().flatten().all(|it| self.market.is_price(it)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        self.market.refusal_of_size(limit, changed.node.size_lots)?;
        if let Some(price) = limit {
            let rests_there = !waits && price == order.node.price_ticks;
            let own = if rests_there { order.node.remaining_lots } else { 0 };
            let near = self.market.book.of(order.node.side);
            if near.all_lots_at(price) + changed.node.size_lots - own > LEVEL_MAX_LOTS {
                return Err(RejectReason::AmountTooLarge);
            }
        }
        let display = order.extra.display_lots;
        if display.is_some_and(|it| are_too_many_slices(it, changed.node.size_lots)) {
            return Err(RejectReason::DisplayOutOfRange);
        }
        self.market.refusal_of_band(amend.price_ticks)?;
        if changed.node.remaining_lots <= 0 {
            return Err(RejectReason::SizeBelowFilled);
        }
        if amend.trigger_ticks.is_some() && self.market.is_there(changed) {
            return Err(RejectReason::WouldTrigger);
        }
        if order.node.post_only && !waits {
            changed.node.price_ticks = price.ok_or(RejectReason::PostOnlyWouldTake)?;
        }
        changed.node.hold_per_lot = self.hold_per_lot_of(changed);
        let needed = changed.node.hold_atoms() - self.held_atoms(order);
        match needed > self.ledger.free_atoms(order.node.pays_from()) {
            true => Err(RejectReason::InsufficientBalance),
            false => Ok(()),
        }
    }
}
