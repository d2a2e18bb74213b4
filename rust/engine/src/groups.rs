//! Several orders of one request, accepted or refused as one.
//!
//! First every order is checked against the state as it is and what the ones before it in the group
//! need; then all are accepted and hold; then each acts in its turn.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a group has at most twenty orders; numbers are bounded by the refusals, and overflow \
              checks are on in every profile"
)]

use crate::command::{GroupKind, OrderType, Place, PlaceGroup, RejectReason, Side};
use crate::engine::Engine;
use crate::event::Effects;
use crate::order::{Group, Order};
use crate::refusals::Refusal;

impl Engine {
    pub(crate) fn place_group(&mut self, group: &PlaceGroup, effects: &mut Effects) {
        let PlaceGroup { kind, ref places } = *group;
        let first_id = self.next_order_id;
        self.next_order_id += places.len() as u64;
        let mut orders: Vec<Order> = Vec::with_capacity(places.len());
        for at in 0..places.len() {
            if let Err(reason) = self.check_in_group(kind, places, first_id, &mut orders, effects) {
                for order in &mut orders {
                    self.shared.rare.extras.drop_of(order);
                }
                for (number, each) in (first_id..).zip(places) {
                    let is_first = number == first_id + at as u64;
                    let why = if is_first { reason } else { RejectReason::GroupRefused };
                    effects.rejected(number, each.account_id, why);
                }
                return;
            }
        }
        for (order, place) in orders.iter().zip(places) {
            if let Some(account) = self.shared.ledger.account(place.account_id) {
                self.turn(order.market, effects).accept(order, place, account);
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
        let (account, market) = self.places_of(place)?;
        let mut turn = self.turn(market, effects);
        turn.check_place(place)?;
        let order = turn.draft(first_id + at as u64, place, account);
        orders.push(order);
        turn.check_room(orders, Some(kind))?;
        if has_entry(kind) && at > 0 {
            return Ok(());
        }
        let meets_another = kind == GroupKind::Basket && meets_another(places, at);
        let order = &mut orders[at];
        if order.order_type.waits() && turn.is_there(order) {
            return Err(RejectReason::WouldTrigger);
        }
        let is_maker = order.post_only || kind == GroupKind::Oco;
        if order.order_type == OrderType::Limit && is_maker {
            let price = turn.market.maker_price(order, turn.extra(order).slide);
            let price = price.filter(|_| !meets_another);
            order.price_ticks = price.ok_or(RejectReason::PostOnlyWouldTake)?;
            order.hold_per_lot = turn.hold_per_lot(order);
        }
        let pays_from = order.pays_from();
        let mut total: i128 = 0;
        for each in orders.iter().filter(|it| it.pays_from() == pays_from) {
            let needed = self.turn(each.market, effects).needed_atoms(each, each.hold_atoms());
            total = if kind == GroupKind::Oco { total.max(needed) } else { total + needed };
        }
        match total > self.shared.ledger.free_atoms(pays_from) {
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
                group.entry = orders[0].order_id;
            }
            for (at, order) in orders[entry..].iter().enumerate() {
                group.pair[at] = order.order_id;
                group.holds[at] = order.hold_atoms();
            }
            self.shared.rare.add_group(group);
            if kind == GroupKind::Oco {
                self.shared.ledger.hold(orders[0].pays_from(), group.hold_atoms());
            }
        }
        for (at, order) in orders.iter_mut().enumerate() {
            let is_child = entry == 1 && at > 0;
            let extra = self.shared.rare.extras.change(order);
            extra.group_id = if kind == GroupKind::Basket { 0 } else { group_id };
            (extra.is_child, extra.is_next) = (is_child, !is_child);
            if !is_child && kind != GroupKind::Oco {
                self.shared.ledger.hold(order.pays_from(), order.hold_atoms());
            }
            self.turn(order.market, effects).put_outside(order);
        }
        for order in orders.iter().take(if entry == 1 { 1 } else { orders.len() }) {
            self.turn(order.market, effects).act_in_turn(order.order_id);
        }
    }
}

fn has_entry(kind: GroupKind) -> bool {
    matches!(kind, GroupKind::Oto | GroupKind::Bracket)
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
    let is_by_amount = asked.is_by_amount();
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
