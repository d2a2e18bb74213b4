//! New orders, alone or as a group that is accepted or refused as one.
//!
//! First every order is checked against the state as it is and what the ones before it in the group
//! need; then all are accepted and hold; then each acts in its turn. Reasons are found in the order of
//! `RejectReason`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: places come from the engine's own tables; numbers are bounded by the refusals, \
              and overflow checks are on in every profile"
)]

use std::cmp::Reverse;

use crate::book::Node;
use crate::command::{
    GroupKind, Instrument, MarketState, OrderType, Place, PlaceGroup, RejectReason, SelfTrade,
    Side, TimeInForce, TriggerBy,
};
use crate::engine::{Engine, Market};
use crate::event::Effects;
use crate::fees;
use crate::order::{Extra, Group, Order};
use crate::units::{LEVEL_MAX_LOTS, RATE_SCALE, notional_atoms};

/// An iceberg's size is at most so many times what it shows.
const SLICES_MAX: i64 = 100;

type Refusal = Result<(), RejectReason>;

impl Engine {
    #[inline]
    pub(crate) fn place(&mut self, place: &Place, effects: &mut Effects) {
        let order_id = self.next_order_id;
        self.next_order_id += 1;
        let reason = match self.refusal_of_place(place) {
            Err(reason) => reason,
            Ok((account, market)) => {
                let mut order = self.draft(order_id, place, account, market);
                match self.refusal_of_books(&mut order, market, effects) {
                    Err(reason) => reason,
                    Ok(()) => {
                        self.accept(&order, place, account, effects);
                        let pays_from = order.node.pays_from();
                        self.ledger.hold(pays_from, order.node.hold_atoms());
                        return self.turn(market, effects).act(&mut order);
                    }
                }
            }
        };
        effects.rejected(order_id, place.account_id, reason);
    }

    pub(crate) fn place_group(&mut self, group: &PlaceGroup, effects: &mut Effects) {
        let PlaceGroup { kind, ref places } = *group;
        let first_id = self.next_order_id;
        self.next_order_id += places.len() as u64;
        let mut orders: Vec<Order> = Vec::with_capacity(places.len());
        for at in 0..places.len() {
            if let Err(reason) = self.check_in_group(kind, places, first_id, &mut orders, effects) {
                for (number, each) in (first_id..).zip(places) {
                    let is_first = number == first_id + at as u64;
                    let why = if is_first { reason } else { RejectReason::GroupRefused };
                    effects.rejected(number, each.account_id, why);
                }
                return;
            }
        }
        for (order, place) in orders.iter().zip(places) {
            if let Some(account) = self.ledger.account(place.account_id) {
                self.accept(order, place, account, effects);
            }
        }
        self.join(kind, first_id, orders, effects);
    }

    /// Checks the next order of a group and adds it to those that are checked.
    fn check_in_group(
        &mut self,
        kind: GroupKind,
        places: &[Place],
        first_id: u64,
        orders: &mut Vec<Order>,
        effects: &mut Effects,
    ) -> Refusal {
        let at = orders.len();
        let place = &places[at];
        if !goes_with_group(kind, places, at) {
            return Err(RejectReason::Unsupported);
        }
        let (account, market) = self.refusal_of_place(place)?;
        let order = self.draft(first_id + at as u64, place, account, market);
        orders.push(order);
        self.check_room(orders, Some(kind), market)?;
        if has_entry(kind) && at > 0 {
            return Ok(());
        }
        let meets_another = kind == GroupKind::Basket && meets_another(places, at);
        let order = &mut orders[at];
        let turn = self.turn(market, effects);
        if order.extra.order_type.waits() && turn.market.is_there(order) {
            return Err(RejectReason::WouldTrigger);
        }
        let is_maker = order.node.post_only || kind == GroupKind::Oco;
        if order.extra.order_type == OrderType::Limit && is_maker {
            let price = turn.market.maker_price(&order.node, order.extra.slide);
            let price = price.filter(|_| !meets_another);
            order.node.price_ticks = price.ok_or(RejectReason::PostOnlyWouldTake)?;
            order.node.hold_per_lot = turn.hold_per_lot_of(order);
        }
        let pays_from = order.node.pays_from();
        let mut total: i128 = 0;
        for each in orders.iter().filter(|it| it.node.pays_from() == pays_from) {
            let needed = self.turn(each.node.market, effects).needed_atoms(each);
            total = if kind == GroupKind::Oco { total.max(needed) } else { total + needed };
        }
        match total > self.ledger.free_atoms(pays_from) {
            true => Err(RejectReason::InsufficientBalance),
            false => Ok(()),
        }
    }

    /// Binds accepted orders together, takes what they hold, and lets those act that may.
    fn join(
        &mut self,
        kind: GroupKind,
        group_id: u64,
        mut orders: Vec<Order>,
        effects: &mut Effects,
    ) {
        let entry = usize::from(has_entry(kind));
        if kind != GroupKind::Basket {
            let mut group = Group { group_id, kind, entry: 0, pair: [0; 2], holds: [0; 2] };
            if entry == 1 {
                group.entry = orders[0].node.order_id;
            }
            for (at, order) in orders[entry..].iter().enumerate() {
                group.pair[at] = order.node.order_id;
                group.holds[at] = order.node.hold_atoms();
            }
            self.rare.add_group(group);
            if kind == GroupKind::Oco {
                self.ledger.hold(orders[0].node.pays_from(), group.hold_atoms());
            }
        }
        for (at, order) in orders.iter_mut().enumerate() {
            let is_child = entry == 1 && at > 0;
            order.extra.group_id = if kind == GroupKind::Basket { 0 } else { group_id };
            (order.extra.is_child, order.extra.is_next) = (is_child, !is_child);
            if !is_child && kind != GroupKind::Oco {
                self.ledger.hold(order.node.pays_from(), order.node.hold_atoms());
            }
            self.turn(order.node.market, effects).put_outside(order);
        }
        for order in orders.iter().take(if entry == 1 { 1 } else { orders.len() }) {
            self.turn(order.node.market, effects).act_in_turn(order.node.order_id);
        }
    }

    /// Tells that an order is accepted, and of a post_only one where it has slid to.
    #[inline(always)]
    fn accept(&mut self, order: &Order, place: &Place, account: u32, effects: &mut Effects) {
        if self.ledger.scheduled != 0 {
            fees::drop_old_days(self.ledger.account_mut(account), self.rare.now_ns);
        }
        effects.accepted(order.node.order_id, place.account_id, place.instrument_id);
        if order.node.price_ticks != place.price_ticks.unwrap_or(0) {
            effects.amended(&order.node, place.instrument_id, false);
        }
        if let Some(expire_ns) = order.extra.expire_ns {
            self.rare.expiries.push(Reverse((expire_ns, order.node.order_id)));
        }
    }

    /// Returns the order that a request would become.
    #[inline(always)]
    fn draft(&mut self, order_id: u64, place: &Place, account: u32, at: u32) -> Order {
        let market = &self.markets[at as usize];
        let found = self.ledger.account_at(account);
        let rates = fees::rates(&self.schedules, found, self.rare.now_ns);
        let (base, quote) = self.ledger.balances_in(account, at, &market.instrument);
        let price_ticks = place.price_ticks.unwrap_or(0);
        let no_hold = place.terms.quote_atoms.is_some()
            || (place.side == Side::Buy && place.price_ticks.is_none());
        let hold_per_lot = match no_hold {
            true => 0,
            false => market.hold_per_lot(place.side, price_ticks, place.fee_asset, rates),
        };
        let node = Node {
            hold_per_lot,
            order_id,
            priority: 0,
            price_ticks,
            size_lots: place.size_lots,
            remaining_lots: place.size_lots,
            below_lots: 0,
            hashed: 0,
            market: at,
            account_id: place.account_id,
            level: 0,
            extra: 0,
            base,
            quote,
            rates,
            side: place.side,
            post_only: place.post_only,
            self_trade: place.self_trade,
            fee_asset: place.fee_asset,
        };
        Order { node, extra: Extra::of(order_id, place) }
    }

    // -- refusals ---------------------------------------------------------------------------

    /// Returns the places of a request's account and market, or what is wrong with it in itself.
    #[inline(always)]
    fn refusal_of_place(&self, place: &Place) -> Result<(u32, u32), RejectReason> {
        if !is_offered(place) {
            return Err(RejectReason::Unsupported);
        }
        let account = self.ledger.account(place.account_id);
        let account = account.ok_or(RejectReason::UnknownAccount)?;
        let at = self.market(place.instrument_id).ok_or(RejectReason::UnknownInstrument)?;
        self.markets[at as usize].refusal_of(place, self.rare.now_ns)?;
        Ok((account, at))
    }

    /// Returns why the books have no place for an order; a post_only one slides here.
    #[inline(always)]
    fn refusal_of_books(&mut self, order: &mut Order, at: u32, effects: &mut Effects) -> Refusal {
        let instrument = &self.markets[at as usize].instrument;
        if instrument.orders_max != 0 || instrument.triggers_max != 0 {
            self.check_room(std::slice::from_ref(order), None, at)?;
        }
        let turn = self.turn(at, effects);
        if order.extra.order_type.waits() && turn.market.is_there(order) {
            return Err(RejectReason::WouldTrigger);
        }
        if order.extra.order_type == OrderType::Limit && order.node.post_only {
            let price = turn.market.maker_price(&order.node, order.extra.slide);
            let price = price.ok_or(RejectReason::PostOnlyWouldTake)?;
            if price != order.node.price_ticks {
                order.node.price_ticks = price;
                order.node.hold_per_lot = turn.hold_per_lot_of(order);
            }
        }
        match turn.needed_atoms(order) > turn.ledger.free_atoms(order.node.pays_from()) {
            true => Err(RejectReason::InsufficientBalance),
            false => Ok(()),
        }
    }

    /// Returns whether an account would have too many orders in a market; a group counts whole.
    fn check_room(&self, orders: &[Order], kind: Option<GroupKind>, at: u32) -> Refusal {
        let Some(order) = orders.last() else { return Ok(()) };
        let Instrument { orders_max, triggers_max, .. } = self.markets[at as usize].instrument;
        if orders_max == 0 && triggers_max == 0 {
            return Ok(());
        }
        let waits = order.extra.order_type.waits();
        let rests = order.extra.order_type == OrderType::Limit && order.extra.time_in_force.rests();
        if kind.is_none() && !rests && !waits {
            return Ok(());
        }
        let is_counted =
            |node: &Node| node.account_id == order.node.account_id && node.market == at;
        let outside = self.rare.outside.iter().chain(orders).filter(|it| is_counted(&it.node));
        let (mut count, mut triggers) = (0_u64, 0_u64);
        for each in outside {
            count += 1;
            triggers += u64::from(each.extra.order_type.waits());
        }
        count += self.nodes.iter().filter(|(_, node)| is_counted(node)).count() as u64;
        if orders_max != 0 && count > u64::from(orders_max) {
            return Err(RejectReason::TooManyOrders);
        }
        if waits && triggers_max != 0 && triggers > u64::from(triggers_max) {
            return Err(RejectReason::TooManyTriggers);
        }
        Ok(())
    }
}

impl Market {
    /// Returns why a market lets nothing pass, or nothing that might take.
    #[inline(always)]
    pub(crate) fn refusal_of_state(&self, adds_only: bool) -> Refusal {
        match self.state {
            MarketState::Open => Ok(()),
            MarketState::PostOnly if adds_only => Ok(()),
            MarketState::PostOnly => Err(RejectReason::MarketPostOnly),
            MarketState::CancelOnly => Err(RejectReason::MarketCancelOnly),
            MarketState::Halted => Err(RejectReason::MarketHalted),
            MarketState::Maintenance => Err(RejectReason::MarketMaintenance),
        }
    }

    /// Returns the first reason to refuse these numbers.
    #[inline(always)]
    fn refusal_of(&self, place: &Place, now_ns: i64) -> Refusal {
        let terms = &place.terms;
        self.refusal_of_state(place.order_type == OrderType::Limit && place.post_only)?;
        let prices = [place.price_ticks, terms.trigger_ticks, terms.activation_ticks];
        if !prices.into_iter().flatten().all(|price| self.is_price(price)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        if let Some(atoms) = terms.quote_atoms {
            return self.refusal_of_notional(atoms);
        }
        self.refusal_of_size(place.price_ticks, place.size_lots)?;
        if let Some(price) = place.price_ticks
            && self.book.of(place.side).all_lots_at(price) + place.size_lots > LEVEL_MAX_LOTS
        {
            return Err(RejectReason::AmountTooLarge);
        }
        if let Some(display) = terms.display_lots {
            let may_show = self.instrument.size_min_lots..=place.size_lots;
            if display != 0 && !may_show.contains(&display)
                || are_too_many_slices(display, place.size_lots)
            {
                return Err(RejectReason::DisplayOutOfRange);
            }
        }
        let is_trail = terms.trail_ticks.is_none_or(|it| self.is_price(it))
            && terms.trail_rate_e8.is_none_or(|it| (1..i64::from(RATE_SCALE)).contains(&it));
        if !is_trail {
            return Err(RejectReason::TrailOutOfRange);
        }
        if terms.expire_ns.is_some_and(|it| it <= now_ns) {
            return Err(RejectReason::ExpiryNotAhead);
        }
        self.refusal_of_band(place.price_ticks)
    }

    /// Returns whether something can be a price here.
    #[inline(always)]
    pub(crate) fn is_price(&self, price_ticks: i64) -> bool {
        (1..=self.instrument.price_max_ticks).contains(&price_ticks)
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
        if atoms < notional_min_atoms.max(1) {
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

fn has_entry(kind: GroupKind) -> bool {
    matches!(kind, GroupKind::Oto | GroupKind::Bracket)
}

/// Returns whether an order has the fields that go with its type, and no others.
#[inline(always)]
pub(crate) fn is_offered(place: &Place) -> bool {
    let terms = &place.terms;
    let waits = place.order_type.waits();
    let rests = place.time_in_force.rests();
    let is_trailing = place.order_type == OrderType::TrailingStop;
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
        && (terms.activation_ticks.is_none() || is_trailing)
        && (place.post_only || !terms.slide)
        && terms.expire_ns.is_some() == (place.time_in_force == TimeInForce::Gtd)
        && (waits || terms.trigger_by == TriggerBy::Last)
        && !(is_by_amount && (place.size_lots != 0 || place.self_trade == SelfTrade::Decrement))
}

/// Returns whether one order goes with its group.
fn goes_with_group(kind: GroupKind, places: &[Place], at: usize) -> bool {
    let (asked, first) = (&places[at], &places[0]);
    let count = match kind {
        GroupKind::Basket => 2..=20,
        GroupKind::Oco | GroupKind::Oto => 2..=2,
        GroupKind::Bracket => 3..=3,
    };
    let may_rest = asked.time_in_force.rests();
    let is_same_market = asked.instrument_id == first.instrument_id;
    let is_market = asked.order_type == OrderType::Market;
    let is_by_amount = asked.terms.quote_atoms.is_some();
    let is_same_size = asked.size_lots == first.size_lots;
    let fits = match kind {
        GroupKind::Basket => !is_by_amount && (!is_market || asked.side == Side::Sell),
        GroupKind::Oto | GroupKind::Bracket if at == 0 => {
            !asked.order_type.waits() && !is_by_amount
        }
        GroupKind::Oto => is_same_market,
        GroupKind::Bracket => {
            is_same_market && may_rest && is_same_size && asked.side == first.side.opposite()
        }
        GroupKind::Oco => is_same_market && may_rest && is_same_size && asked.side == first.side,
    };
    count.contains(&places.len()) && asked.account_id == first.account_id && fits
}

/// Returns whether a limit would meet another limit of its basket.
fn meets_another(places: &[Place], at: usize) -> bool {
    let mine = &places[at];
    let price = mine.price_ticks.unwrap_or(0);
    places.iter().any(|other| {
        other.order_type == OrderType::Limit
            && other.side == mine.side.opposite()
            && other.instrument_id == mine.instrument_id
            && mine.side.reaches(price, other.price_ticks.unwrap_or(0))
    })
}
