//! New orders: what a request becomes, and how it is accepted.
//!
//! Everything is checked against the state as it is (`refusals.rs`) before anything changes; then the
//! order is accepted, holds, and acts.
#![allow(clippy::indexing_slicing, reason = "hot: places come from the engine's own tables")]

use std::cmp::Reverse;

use crate::command::{Place, RejectReason, Side};
use crate::engine::Engine;
use crate::event::Effects;
use crate::fees;
use crate::market::Shared;
use crate::order::{Extra, Order};

impl Engine {
    #[inline(always)]
    pub(crate) fn place(&mut self, place: &Place, effects: &mut Effects) {
        let order_id = self.next_order_id;
        self.next_order_id = order_id.wrapping_add(1);
        if let Err(reason) = self.try_to_place(order_id, place, effects) {
            effects.rejected(order_id, place.account_id, reason);
        }
    }

    #[inline(always)]
    fn try_to_place(
        &mut self,
        order_id: u64,
        place: &Place,
        effects: &mut Effects,
    ) -> Result<(), RejectReason> {
        let (account, market) = self.check_place(place)?;
        let mut order = self.draft(order_id, place, account, market);
        if let Err(reason) = self.check_books(&mut order, market, effects) {
            self.shared.rare.extras.drop_of(&mut order);
            return Err(reason);
        }
        self.accept(&order, place, account, effects);
        self.shared.ledger.hold(order.pays_from(), order.hold_atoms());
        self.turn(market, effects).act(&mut order);
        Ok(())
    }

    /// Tells that an order is accepted, and of a post_only one where it has slid to.
    #[inline(always)]
    pub(crate) fn accept(
        &mut self,
        order: &Order,
        place: &Place,
        account: u32,
        effects: &mut Effects,
    ) {
        if self.shared.ledger.scheduled != 0 {
            let now_ns = self.shared.rare.now_ns;
            fees::drop_old_days(self.shared.ledger.account_mut(account), now_ns);
        }
        effects.accepted(order.order_id, place.account_id, place.instrument_id);
        if order.price_ticks != place.price_ticks.unwrap_or(0) {
            effects.amended(order, place.instrument_id, false);
        }
        if order.extra != 0
            && let Some(expire_ns) = self.shared.rare.extras.of(order).expire_ns
        {
            self.shared.rare.expiries.push(Reverse((expire_ns, order.order_id)));
        }
    }

    /// Returns the order that a request would become.
    #[inline(always)]
    pub(crate) fn draft(&mut self, order_id: u64, place: &Place, account: u32, at: u32) -> Order {
        let Shared { ledger, rare, .. } = &mut self.shared;
        let market = &self.markets[at as usize];
        let rates = fees::rates(&self.schedules, ledger.account_at(account), rare.now_ns);
        let (base, quote) = ledger.balances_in(account, at, &market.instrument);
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
        Order {
            hold_per_lot,
            order_id,
            priority: 0,
            price_ticks,
            size_lots: place.size_lots,
            remaining_lots: place.size_lots,
            below_lots: 0,
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
