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
use crate::market::Turn;
use crate::order::Order;
use crate::refusals::are_too_many_slices;
use crate::standing::OUTSIDE;
use crate::units::LEVEL_MAX_LOTS;

impl Engine {
    #[inline(always)]
    pub(crate) fn cancel(&mut self, cancel: &Cancel, effects: &mut Effects) {
        let Cancel { account_id, order_id } = *cancel;
        let Some((at, slot)) = self.shared.orders.find(order_id) else {
            return effects.rejected(order_id, account_id, RejectReason::UnknownOrder);
        };
        let (owner, market, is_plain) = match at & OUTSIDE {
            0 => {
                let order = self.shared.nodes.get(at);
                (order.account_id, order.market, order.extra == 0)
            }
            _ => match self.shared.rare.outside.get(at & !OUTSIDE) {
                Some(order) => (order.account_id, order.market, false),
                None => (0, 0, false),
            },
        };
        if owner != account_id {
            return effects.rejected(order_id, account_id, RejectReason::UnknownOrder);
        }
        if self.markets[market as usize].state == MarketState::Maintenance {
            return effects.rejected(order_id, account_id, RejectReason::MarketMaintenance);
        }
        // Two turns: the one that nobody else sees stays in registers.
        if is_plain {
            self.turn(market, effects).cancel_plain(at, slot, CancelCause::User);
        } else {
            self.turn(market, effects).cancel(order_id, CancelCause::User);
        }
    }

    pub(crate) fn cancel_all(&mut self, cancel: &CancelAll, effects: &mut Effects) {
        let account_id = cancel.account_id;
        if self.shared.ledger.account(account_id).is_none() {
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
        let mut found: Vec<(u64, u32)> =
            (self.shared.nodes.iter().chain(self.shared.rare.outside.iter()))
                .filter(|order| {
                    order.account_id == account_id
                        && only.is_none_or(|it| it == order.market)
                        && !is_closed(order.market)
                })
                .map(|order| (order.order_id, order.market))
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
        let order = order.filter(|it| it.account_id == amend.account_id);
        let order = order.ok_or(RejectReason::UnknownOrder)?;
        let mut changed = self.changed(&order, amend);
        self.check_amend(&order, &mut changed, amend)?;
        let Some(at) = self.shared.orders.get(amend.order_id) else { return Ok(()) };
        if order.order_type.waits() {
            let more = changed.hold_atoms() - order.hold_atoms();
            self.shared.ledger.add(order.pays_from(), -more, more);
            if let Some(place) = self.shared.rare.outside.get_mut(at & !OUTSIDE) {
                *place = changed;
            }
            if let Some(extra) = self.shared.rare.extras.of_mut(&changed) {
                self.market.waiting.remove(&order, extra);
                extra.trigger_ticks = amend.trigger_ticks.or(extra.trigger_ticks);
                self.market.waiting.add(&changed, extra);
            }
            self.tell_amended(&changed, true);
            return Ok(());
        }
        let is_same_price = changed.price_ticks == order.price_ticks;
        if is_same_price && changed.size_lots <= order.size_lots {
            self.change_resting(at, &changed);
            self.tell_amended(&changed, true);
            if !order.is_hidden() {
                self.touch(order.side, order.price_ticks, self.shared.nodes.level_of(at));
            }
            return Ok(());
        }
        self.take(amend.order_id);
        let more = changed.hold_atoms() - order.hold_atoms();
        self.shared.ledger.add(order.pays_from(), -more, more);
        self.tell_amended(&changed, false);
        self.go_to_market(&mut changed, false);
        Ok(())
    }

    /// Returns what an order would become.
    fn changed(&self, order: &Order, amend: &Amend) -> Order {
        let mut changed = *order;
        if let Some(price) = amend.price_ticks {
            changed.price_ticks = price;
        }
        if let Some(size) = amend.size_lots {
            let shown = if order.is_hidden() { 0 } else { order.shown_lots() };
            changed.size_lots = size;
            // What comes out of range is refused before anything is done with it.
            let grown = size.saturating_sub(order.size_lots);
            changed.remaining_lots = order.remaining_lots.saturating_add(grown);
            let is_split = self.extra(order).display_lots.is_some();
            let all = changed.remaining_lots;
            let shown = if is_split { shown.min(all.max(0)) } else { all };
            changed.covered_lots = all.saturating_sub(shown);
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
        let extra = self.extra(order);
        let has_limit = order.price_ticks != 0;
        if extra.group_id != 0
            || (amend.price_ticks.is_some() && !has_limit)
            || (amend.trigger_ticks.is_some() && extra.trigger_ticks.is_none())
        {
            return Err(RejectReason::Unsupported);
        }
        let waits = order.order_type.waits();
        let price = if waits { None } else { self.market.maker_price(changed, extra.slide) };
        self.market.refusal_of_state(waits || price.is_some())?;
        let limit = has_limit.then_some(changed.price_ticks);
        let trigger = amend.trigger_ticks.or(extra.trigger_ticks);
        if ![limit, trigger].into_iter().flatten().all(|it| self.market.is_price(it)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        self.market.refusal_of_size(limit, changed.size_lots)?;
        if let Some(price) = limit {
            let rests_there = !waits && price == order.price_ticks;
            let own = if rests_there { order.remaining_lots } else { 0 };
            let near = self.market.book.of(order.side);
            if near.all_lots_at(price) + changed.size_lots - own > LEVEL_MAX_LOTS {
                return Err(RejectReason::AmountTooLarge);
            }
        }
        if extra.display_lots.is_some_and(|it| are_too_many_slices(it, changed.size_lots)) {
            return Err(RejectReason::DisplayOutOfRange);
        }
        self.market.refusal_of_band(amend.price_ticks)?;
        if changed.remaining_lots <= 0 {
            return Err(RejectReason::SizeBelowFilled);
        }
        if amend.trigger_ticks.is_some_and(|it| self.has_come(order, it)) {
            return Err(RejectReason::WouldTrigger);
        }
        if order.post_only && !waits {
            changed.price_ticks = price.ok_or(RejectReason::PostOnlyWouldTake)?;
        }
        changed.hold_per_lot = self.hold_per_lot(changed);
        let needed = changed.hold_atoms() - self.held_atoms(order);
        match needed > self.shared.ledger.free_atoms(order.pays_from()) {
            true => Err(RejectReason::InsufficientBalance),
            false => Ok(()),
        }
    }
}
