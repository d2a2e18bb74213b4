//! Why a request is refused. Reasons are found in the order of `RejectReason`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: places come from the engine's own tables; numbers are bounded by the refusals \
              before, and overflow checks are on in every profile"
)]

use crate::command::{
    GroupKind, Instrument, MarketState, OrderType, Place, RejectReason, SelfTrade, Terms,
    TimeInForce, TriggerBy,
};
use crate::engine::Engine;
use crate::market::{Market, Turn};
use crate::order::Order;
use crate::room::Room;
use crate::units::{RATE_SCALE, notional_atoms};

/// An iceberg's size is at most so many times what it shows.
const SLICES_MAX: i64 = 100;

pub(crate) type Refusal = Result<(), RejectReason>;

impl Engine {
    /// Returns the places of a request's account and market, if there are such and it goes together.
    #[inline(always)]
    pub(crate) fn places_of(&self, place: &Place) -> Result<(u32, u32), RejectReason> {
        if !is_offered(place) {
            return Err(RejectReason::Unsupported);
        }
        let account = self.shared.ledger.account(place.account_id);
        let account = account.ok_or(RejectReason::UnknownAccount)?;
        let market = self.market(place.instrument_id).ok_or(RejectReason::UnknownInstrument)?;
        Ok((account, market))
    }
}

impl Turn<'_> {
    /// Returns what is wrong with a request in itself, in this market.
    #[inline(always)]
    pub(crate) fn check_place(&self, place: &Place) -> Refusal {
        let (now_ns, count) = (self.shared.rare.now_ns, self.shared.nodes.most());
        self.market.refusal_of(place, now_ns, count)
    }

    /// Takes what an order holds, or returns why the books have no place for it; a post_only one
    /// slides here.
    #[inline(always)]
    pub(crate) fn enter_books(&mut self, order: &mut Order) -> Refusal {
        if self.market.room.is_some() {
            let order = *order;
            self.apart().check_room(std::slice::from_ref(&order), None)?;
        }
        if order.order_type.waits() && self.apart().is_there(&{ *order }) {
            return Err(RejectReason::WouldTrigger);
        }
        if order.post_only && order.order_type == OrderType::Limit {
            *order = self.apart().make(*order)?;
        }
        let hold = order.hold_atoms();
        let needed = match self.pays_as_it_fills(order) {
            true => self.apart().cost(&{ *order }),
            false => hold,
        };
        match self.shared.ledger.try_hold(order.pays_from(), needed, hold) {
            true => Ok(()),
            false => Err(RejectReason::InsufficientBalance),
        }
    }

    /// Returns a post-only order where it takes nothing, or refuses it.
    #[inline(never)]
    fn make(&self, mut order: Order) -> Result<Order, RejectReason> {
        let price = self.market.maker_price(&order, self.extra(&order).slide);
        let price = price.ok_or(RejectReason::PostOnlyWouldTake)?;
        if price != order.price_ticks {
            order.price_ticks = price;
            order.hold_per_lot = self.hold_per_lot(&order);
        }
        Ok(order)
    }

    /// Returns whether an account would have too many orders in a market; a group counts whole.
    #[inline(always)]
    pub(crate) fn check_room(&self, orders: &[Order], kind: Option<GroupKind>) -> Refusal {
        match &self.market.room {
            None => Ok(()),
            Some(room) => self.count_room(room, orders, kind),
        }
    }

    #[inline(never)]
    fn count_room(&self, room: &Room, orders: &[Order], kind: Option<GroupKind>) -> Refusal {
        let Some(order) = orders.last() else { return Ok(()) };
        let Instrument { orders_max, triggers_max, .. } = self.market.instrument;
        let waits = order.order_type.waits();
        let rests = order.order_type == OrderType::Limit && order.time_in_force.rests();
        if kind.is_none() && !rests && !waits {
            return Ok(());
        }
        let mut open = room.of(order.account_id);
        for each in orders.iter().filter(|it| it.market == self.at) {
            open.orders += 1;
            open.triggers += u64::from(each.order_type.waits());
        }
        if orders_max != 0 && open.orders > u64::from(orders_max) {
            return Err(RejectReason::TooManyOrders);
        }
        if waits && triggers_max != 0 && open.triggers > u64::from(triggers_max) {
            return Err(RejectReason::TooManyTriggers);
        }
        Ok(())
    }
}

impl Market {
    /// Returns why a market lets nothing pass, or nothing that might take.
    #[inline(always)]
    pub(crate) fn refusal_of_state(&self, adds_only: bool) -> Refusal {
        if self.state == MarketState::Open {
            return Ok(());
        }
        self.refusal_of_closed(adds_only)
    }

    #[cold]
    fn refusal_of_closed(&self, adds_only: bool) -> Refusal {
        match self.state {
            MarketState::Open => Ok(()),
            MarketState::PostOnly if adds_only => Ok(()),
            MarketState::PostOnly => Err(RejectReason::MarketPostOnly),
            MarketState::CancelOnly => Err(RejectReason::MarketCancelOnly),
            MarketState::Halted => Err(RejectReason::MarketHalted),
            MarketState::Maintenance => Err(RejectReason::MarketMaintenance),
        }
    }

    /// Returns the first reason to refuse these numbers; so many orders rest in all books.
    #[inline(always)]
    fn refusal_of(&self, place: &Place, now_ns: i64, count: i64) -> Refusal {
        self.refusal_of_state(place.order_type == OrderType::Limit && place.post_only)?;
        if place.price_ticks.is_some_and(|it| !self.is_price(it)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        if let Some(terms) = &place.terms {
            let prices = [terms.trigger_ticks, terms.activation_ticks];
            if !prices.into_iter().flatten().all(|it| self.is_price(it)) {
                return Err(RejectReason::PriceOutOfRange);
            }
            if let Some(atoms) = terms.quote_atoms {
                return match atoms >= 1 {
                    true => self.refusal_of_notional(atoms),
                    false => Err(RejectReason::NotionalTooSmall),
                };
            }
        }
        self.refusal_of_size(place.price_ticks, place.size_lots)?;
        if let Some(price) = place.price_ticks
            && !self.book.of(place.side).has_room(price, place.size_lots, count)
        {
            return Err(RejectReason::AmountTooLarge);
        }
        if let Some(terms) = &place.terms {
            self.refusal_of_terms(terms, place.size_lots, now_ns)?;
        }
        self.refusal_of_band(place.price_ticks)
    }

    /// Returns what is wrong with what only few orders say.
    #[cold]
    fn refusal_of_terms(&self, terms: &Terms, size_lots: i64, now_ns: i64) -> Refusal {
        if let Some(display) = terms.display_lots {
            let may_show = self.instrument.size_min_lots..=size_lots;
            if display != 0 && !may_show.contains(&display)
                || are_too_many_slices(display, size_lots)
            {
                return Err(RejectReason::DisplayOutOfRange);
            }
        }
        let is_trail = terms.trail_ticks.is_none_or(|it| self.is_price(it))
            && terms.trail_rate_e8.is_none_or(|it| (1..i64::from(RATE_SCALE)).contains(&it));
        if !is_trail {
            return Err(RejectReason::TrailOutOfRange);
        }
        match terms.expire_ns.is_some_and(|it| it <= now_ns) {
            true => Err(RejectReason::ExpiryNotAhead),
            false => Ok(()),
        }
    }

    /// Returns what is wrong with a size, and with what it is worth at a limit.
    #[inline(always)]
    pub(crate) fn refusal_of_size(&self, price_ticks: Option<i64>, size_lots: i64) -> Refusal {
        if size_lots < self.instrument.size_min_lots {
            return Err(RejectReason::SizeTooSmall);
        }
        if size_lots > self.instrument.size_max_lots {
            return Err(RejectReason::SizeTooLarge);
        }
        match price_ticks {
            None => Ok(()),
            Some(price) => {
                let per_tick = self.instrument.tick_lot_atoms;
                self.refusal_of_notional(notional_atoms(price, size_lots, per_tick))
            }
        }
    }

    #[inline(always)]
    fn refusal_of_notional(&self, atoms: i128) -> Refusal {
        let Instrument { notional_min_atoms, notional_max_atoms, .. } = self.instrument;
        if atoms < notional_min_atoms {
            return Err(RejectReason::NotionalTooSmall);
        }
        if notional_max_atoms != 0 && atoms > notional_max_atoms {
            return Err(RejectReason::NotionalTooLarge);
        }
        Ok(())
    }

    /// Returns whether a limit is too far from the reference.
    #[inline(always)]
    pub(crate) fn refusal_of_band(&self, price_ticks: Option<i64>) -> Refusal {
        if self.instrument.band_rate_e8 == 0 {
            return Ok(());
        }
        match (price_ticks, self.band()) {
            (Some(price), Some((lowest, highest))) if price < lowest || price > highest => {
                Err(RejectReason::PriceOutsideBand)
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether an iceberg would come back too often.
pub(crate) fn are_too_many_slices(display_lots: i64, size_lots: i64) -> bool {
    display_lots != 0 && size_lots > display_lots.saturating_mul(SLICES_MAX)
}

/// Returns whether an order has the fields that go with its type, and no others.
#[inline(always)]
pub(crate) fn is_offered(place: &Place) -> bool {
    match &place.terms {
        None => is_offered_with(place, &Terms::NONE),
        Some(terms) => is_offered_with(place, terms),
    }
}

#[inline(always)]
fn is_offered_with(place: &Place, terms: &Terms) -> bool {
    let waits = place.order_type.waits();
    let rests = place.time_in_force.rests();
    let is_trailing = place.order_type.trails();
    let has_limit = place.order_type.has_limit();
    let is_market = place.order_type == OrderType::Market;
    let is_in_time = has_limit || rests != is_market;
    let trails =
        usize::from(terms.trail_ticks.is_some()) + usize::from(terms.trail_rate_e8.is_some());
    let is_by_amount = terms.quote_atoms.is_some();
    let takes = is_by_amount && !is_market;
    let adds = place.post_only || terms.display_lots.is_some();
    !terms.reduce_only
        && is_in_time
        && place.price_ticks.is_some() == has_limit
        && !takes
        && (!adds || has_limit && rests)
        && terms.trigger_ticks.is_some() == (waits && !is_trailing)
        && trails == usize::from(is_trailing)
        && (terms.activation_ticks.is_none() && terms.activation_direction.is_none() || is_trailing)
        && (place.post_only || !terms.slide)
        && terms.expire_ns.is_some() == (place.time_in_force == TimeInForce::Gtd)
        && (waits || terms.trigger_by == TriggerBy::Last)
        && !(is_by_amount && (place.size_lots != 0 || place.self_trade == SelfTrade::Decrement))
}
