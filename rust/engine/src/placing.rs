//! New orders: what a request becomes, and how it is accepted.
//!
//! Everything is checked against the state as it is (`refusals.rs`) before anything changes; then the
//! order is accepted, holds, and acts.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "overflow checks are on in every profile: the last order number stops the engine"
)]

use std::cmp::Reverse;

use crate::command::{Place, Side};
use crate::engine::Engine;
use crate::event::Effects;
use crate::fees;
use crate::market::{Shared, Turn};
use crate::order::{Extra, Order};
use crate::refusals::Refusal;

impl Engine {
    #[inline(always)]
    pub(crate) fn place(&mut self, place: &Place, effects: &mut Effects) {
        let order_id = self.next_order_id;
        self.next_order_id += 1;
        if let Err(reason) = self.try_to_place(order_id, place, effects) {
            effects.rejected(order_id, place.account_id, reason);
        }
    }

    #[inline(always)]
    fn try_to_place(&mut self, order_id: u64, place: &Place, effects: &mut Effects) -> Refusal {
        let (account, market) = self.places_of(place)?;
        let mut turn = self.turn(market, effects);
        turn.check_place(place)?;
        let mut order = turn.draft(order_id, place, account);
        if let Err(reason) = turn.enter_books(&mut order) {
            let mut order = order;
            turn.shared.rare.extras.drop_of(&mut order);
            return Err(reason);
        }
        turn.accept(&order, place, account);
        turn.act(&mut order, true);
        Ok(())
    }
}

impl Turn<'_> {
    /// Tells that an order is accepted, and of a post_only one where it has slid to.
    #[inline(always)]
    pub(crate) fn accept(&mut self, order: &Order, place: &Place, account: u32) {
        if self.shared.ledger.scheduled != 0 {
            self.apart().drop_old_days(account);
        }
        self.effects.accepted(order.order_id, place.account_id, place.instrument_id);
        if order.price_ticks != place.price_ticks.unwrap_or(0) {
            self.apart().tell_amended(&{ *order }, false);
        }
        if order.extra != 0 {
            self.apart().note_expiry(&{ *order });
        }
    }

    #[cold]
    fn drop_old_days(&mut self, account: u32) {
        let now_ns = self.shared.rare.now_ns;
        fees::drop_old_days(self.shared.ledger.account_mut(account), now_ns);
    }

    #[cold]
    fn note_expiry(&mut self, order: &Order) {
        if let Some(expire_ns) = self.extra(order).expire_ns {
            self.shared.rare.expiries.push(Reverse((expire_ns, order.order_id)));
        }
    }

    /// Returns the order that a request would become.
    #[inline(always)]
    pub(crate) fn draft(&mut self, order_id: u64, place: &Place, account: u32) -> Order {
        let Turn { at, ref market, ref mut shared, .. } = *self;
        let Shared { ledger, rare, schedules, .. } = &mut **shared;
        let known = ledger.account_at(account);
        let rates = fees::rates(schedules, known, rare.now_ns);
        let places = known.balances_in(at);
        let price_ticks = place.price_ticks.unwrap_or(0);
        let extra = match &place.terms {
            None => 0,
            Some(terms) => rare.extras.add(Extra::of(order_id, terms)),
        };
        let hold_per_lot =
            match place.is_by_amount() || (place.side == Side::Buy && price_ticks == 0) {
                true => 0,
                false => market.hold_per_lot(place.side, price_ticks, place.fee_asset, rates),
            };
        let (base, quote) =
            places.unwrap_or_else(|| ledger.find_balances_in(account, at, &market.instrument));
        Order {
            hold_per_lot,
            order_id,
            priority: 0,
            price_ticks,
            size_lots: place.size_lots,
            remaining_lots: place.size_lots,
            covered_lots: 0,
            market: at,
            account_id: place.account_id,
            extra,
            base,
            quote,
            rates,
            side: place.side,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            post_only: place.post_only,
            self_trade: place.self_trade,
            fee_asset: place.fee_asset,
        }
    }
}
