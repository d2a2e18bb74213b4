//! Which states commands could have led to: what a snapshot must be before an engine goes on.
//!
//! First each order by itself, while it is read; then what only the whole state can show.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use crate::command::{FeeAsset, GroupKind, HOUSE, MarketState, Place, SelfTrade, Side, Terms};
use crate::engine::Engine;
use crate::fees::VOLUME_MAX_MICROS;
use crate::ladder::NOBODY;
use crate::order::{Extra, Group, Order};
use crate::refusals::is_offered;
use crate::triggers::{is_activated, is_far_enough};
use crate::units::{
    AMOUNT_MAX_ATOMS, LEVEL_MAX_LOTS, LIMIT_MAX, NOTIONAL_MAX_ATOMS, RATE_SCALE, Rates,
};
use crate::wire::Fault;

/// What is held, by account and asset.
type Held = ((u32, u32), i128);

const UNBALANCED: Fault = Fault::Inconsistent("an asset does not sum to zero");
const MISHELD: Fault = Fault::Inconsistent("a balance does not hold what it must");
const BEHIND: Fault = Fault::Inconsistent("a counter is behind what it counts");
const UNGROUPED: Fault = Fault::Inconsistent("a group is not one that hangs together");

impl Engine {
    /// Returns whether an order, or the house's size, can stand at the end of its queue.
    pub(crate) fn may_rest(&self, order: &Order, extra: &Extra, shown_lots: i64) -> bool {
        let market = &self.markets[order.market as usize];
        let ladder = market.book.of(order.side);
        if !market.is_price(order.price_ticks)
            || order.priority == 0
            || !(1..=LIMIT_MAX).contains(&order.remaining_lots)
        {
            return false;
        }
        let standing = ladder.all_lots_at(order.price_ticks);
        let total = standing.saturating_add(order.remaining_lots);
        if order.is_house() {
            let last = ladder
                .find(order.price_ticks)
                .map_or(NOBODY, |level| ladder.last_shown(&self.shared.nodes, level));
            let is_plain = order.account_id == HOUSE
                && order.size_lots == 0
                && !order.post_only
                && order.self_trade == SelfTrade::None
                && order.fee_asset == FeeAsset::Quote
                && order.rates == Rates::default();
            let follows_house = last != NOBODY && self.shared.nodes.get(last).is_house();
            return is_plain && !follows_house && total <= LEVEL_MAX_LOTS.saturating_add(LIMIT_MAX);
        }
        let is_shown = match extra.display_lots {
            None | Some(0) => shown_lots == 0,
            Some(display) => (1..=display.min(order.remaining_lots)).contains(&shown_lots),
        };
        self.is_order(order)
            && self.is_sized(order, extra)
            && order.remaining_lots <= order.size_lots
            && is_shown
            && (order.post_only || !extra.slide)
            && total <= LEVEL_MAX_LOTS
    }

    /// Returns whether an order can wait: for its price, or as a child for its entry.
    pub(crate) fn may_wait(&self, order: &Order, extra: &Extra) -> bool {
        let market = &self.markets[order.market as usize];
        let place = Place {
            account_id: order.account_id,
            instrument_id: market.instrument.instrument_id,
            price_ticks: (order.price_ticks != 0).then_some(order.price_ticks),
            size_lots: order.size_lots,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            self_trade: order.self_trade,
            fee_asset: order.fee_asset,
            terms: Some(Box::new(Terms {
                slide: extra.slide,
                reduce_only: false,
                trigger_by: extra.trigger_by,
                quote_atoms: extra.quote_atoms,
                display_lots: extra.display_lots,
                trigger_ticks: extra.trigger_ticks,
                trail_ticks: extra.trail_ticks,
                trail_rate_e8: extra.trail_rate_e8,
                activation_ticks: extra.activation_ticks,
                activation_direction: extra.activation_direction,
                expire_ns: extra.expire_ns,
            })),
        };
        let prices =
            [place.price_ticks, extra.trigger_ticks, extra.activation_ticks, extra.trail_ticks];
        let rates = 1..i64::from(RATE_SCALE);
        let is_trailing = order.order_type.trails() && !extra.is_child;
        let bests = if is_trailing { 0..=market.instrument.price_max_ticks } else { 0..=0 };
        self.is_order(order)
            && is_offered(&place)
            && self.is_sized(order, extra)
            && market.instrument.may_trade_anywhere(order.size_lots)
            && prices.into_iter().flatten().all(|it| market.is_price(it))
            && extra.trail_rate_e8.is_none_or(|it| rates.contains(&it))
            && (extra.is_child || order.order_type.waits())
            && extra.is_child == (order.priority == 0)
            && (extra.group_id != 0 || !extra.is_child)
            && bests.contains(&extra.best_ticks)
            && !self.should_have_heard(order, extra)
    }

    /// Returns whether its owner, number and rates can be an order's.
    fn is_order(&self, order: &Order) -> bool {
        order.order_id != 0
            && self.shared.orders.get(order.order_id).is_none()
            && self.shared.ledger.account(order.account_id).is_some()
            && order.rates.may_be_charged()
    }

    /// Returns whether its amounts stay in the range of the books.
    fn is_sized(&self, order: &Order, extra: &Extra) -> bool {
        if let Some(atoms) = extra.quote_atoms {
            return atoms >= 1;
        }
        let instrument = &self.markets[order.market as usize].instrument;
        let lots = i128::from(order.size_lots);
        let per_lot = [
            Some(i128::from(instrument.lot_atoms)),
            i128::from(order.price_ticks).checked_mul(i128::from(instrument.tick_lot_atoms)),
        ];
        let mut amounts = per_lot.iter().map(|it| it.and_then(|atoms| atoms.checked_mul(lots)));
        (1..=LIMIT_MAX).contains(&order.size_lots)
            && amounts.all(|it| it.is_some_and(|atoms| atoms <= NOTIONAL_MAX_ATOMS))
            && extra.display_lots.is_none_or(|it| (0..=LIMIT_MAX).contains(&it))
    }

    /// Returns whether the price that an order waits for is there, in a market that is open.
    fn should_have_heard(&self, order: &Order, extra: &Extra) -> bool {
        let market = &self.markets[order.market as usize];
        let price = market.price_by(extra.trigger_by);
        if extra.is_child || market.state != MarketState::Open || price == 0 {
            return false;
        }
        if extra.trigger_ticks.is_some() {
            return market.is_there(order, extra);
        }
        if extra.best_ticks == 0 {
            return is_activated(order.side, extra, price);
        }
        let is_behind = match order.side {
            Side::Sell => extra.best_ticks < price,
            Side::Buy => extra.best_ticks > price,
        };
        is_behind || is_far_enough(order.side, extra, price)
    }

    /// Returns what is wrong with a state as a whole.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.check_counters()?;
        self.check_groups()?;
        self.check_money()?;
        for market in &self.markets {
            let prices = 0..=market.instrument.price_max_ticks;
            if !market.prices.iter().all(|it| prices.contains(it)) || market.next_trade_id == 0 {
                return Err(Fault::Inconsistent("a price or a number is out of range"));
            }
            let (bid, ask) = (market.book.of(Side::Buy).best(), market.book.of(Side::Sell).best());
            if bid != 0 && ask != 0 && bid >= ask {
                return Err(Fault::Inconsistent("a book is crossed"));
            }
        }
        Ok(())
    }

    fn check_counters(&self) -> Result<(), Fault> {
        let outside = self.shared.rare.outside.iter();
        let mut times: Vec<u64> = self.shared.nodes.iter().map(|it| it.priority).collect();
        let is_child = |it: &&Order| self.shared.rare.extras.of(it).is_child;
        times.extend(outside.filter(|it| !is_child(it)).map(|it| it.priority));
        times.sort_unstable();
        if times.windows(2).any(|it| it[0] == it[1]) {
            return Err(Fault::Inconsistent("two have the same priority"));
        }
        let all = self.shared.nodes.iter().chain(self.shared.rare.outside.iter());
        let orders = all.map(|it| it.order_id).max().unwrap_or(0);
        let transfers = self.shared.rare.transfers.iter().map(|it| it.0);
        let is_ahead = self.shared.next_priority > times.last().copied().unwrap_or(0)
            && self.next_order_id > orders
            && self.shared.rare.next_transfer_id > transfers.clone().max().unwrap_or(0)
            && transfers.clone().all(|it| it != 0);
        if is_ahead { Ok(()) } else { Err(BEHIND) }
    }

    fn check_groups(&self) -> Result<(), Fault> {
        let mut named: Vec<(u64, u64)> = Vec::new();
        for group in self.shared.rare.groups() {
            named.extend(group.members().map(|it| (it, group.group_id)));
        }
        let extras = self.shared.rare.extras.iter().filter(|it| it.group_id != 0);
        let mut told: Vec<(u64, u64)> = extras.map(|it| (it.order_id, it.group_id)).collect();
        named.sort_unstable();
        told.sort_unstable();
        if named != told || !self.shared.rare.groups().all(|group| self.is_group(group)) {
            return Err(UNGROUPED);
        }
        Ok(())
    }

    /// Returns whether the orders of a group can be what is left of one request.
    fn is_group(&self, group: &Group) -> bool {
        let orders: Vec<Order> = group.members().filter_map(|it| self.shared.find(it)).collect();
        let is_child = |it: &Order| self.shared.rare.extras.of(it).is_child;
        let count = match group.kind {
            GroupKind::Oco | GroupKind::Oto => 2,
            GroupKind::Bracket => 3,
            GroupKind::Basket => return false,
        };
        let Some(first) = orders.first().filter(|_| orders.len() == count) else { return false };
        let start = first.order_id;
        // The first order of an OCO that was a bracket's exits comes behind the entry's number.
        let is_oco = group.kind == GroupKind::Oco;
        let is_start =
            start == group.group_id || is_oco && group.group_id.checked_add(1) == Some(start);
        let follow = (start..).zip(&orders).all(|(number, it)| {
            it.order_id == number && it.account_id == first.account_id && it.market == first.market
        });
        let pair = &orders[usize::from(group.entry != 0)..];
        let Some(head) = pair.first() else { return false };
        let are_exits = pair.iter().all(|it| {
            it.side == head.side && it.time_in_force.rests() && it.remaining_lots == it.size_lots
        });
        let are_children = pair.iter().all(|it| is_child(it) == (group.entry != 0));
        let is_entry = group.entry == 0 || !(is_child(first) || first.order_type.waits());
        let is_one_size = pair.iter().all(|it| it.size_lots == head.size_lots);
        let fits = match group.kind {
            GroupKind::Oto => is_entry,
            GroupKind::Bracket => {
                let is_way_out = head.side == first.side.opposite();
                is_entry && are_exits && is_way_out && is_one_size
            }
            GroupKind::Oco | GroupKind::Basket => are_exits,
        };
        is_start && follow && are_children && fits
    }

    fn check_money(&self) -> Result<(), Fault> {
        let mut sum: i128 = 0;
        let mut of_asset = None;
        let mut balances: Vec<_> = self.shared.ledger.iter().collect();
        balances.sort_unstable_by_key(|it| (it.1, it.0));
        for (_, asset, balance) in balances {
            if of_asset != Some(asset) && sum != 0 {
                return Err(UNBALANCED);
            }
            of_asset = Some(asset);
            let amount = balance.free_atoms.checked_add(balance.held_atoms);
            sum = amount.and_then(|it| sum.checked_add(it)).ok_or(UNBALANCED)?;
        }
        if sum != 0 {
            return Err(UNBALANCED);
        }
        if self.holds()? != self.shared.ledger.held_by() {
            return Err(MISHELD);
        }
        for account in self.shared.ledger.accounts() {
            let is_volume = |it: &(u32, i128)| (1..=VOLUME_MAX_MICROS).contains(&it.1);
            let is_known = account.schedule_id != 0 || account.volumes.is_empty();
            if !is_known || !account.volumes.iter().all(is_volume) {
                return Err(Fault::Inconsistent("a volume is out of range"));
            }
        }
        Ok(())
    }

    /// Returns what must be held, by account and asset.
    fn holds(&self) -> Result<Vec<Held>, Fault> {
        let mut holds: Vec<Held> = Vec::new();
        let resting = self.shared.nodes.iter().filter(|it| !it.is_house());
        for order in resting.chain(self.shared.rare.outside.iter()) {
            let extra = self.shared.rare.extras.of(order);
            let group = self.shared.rare.group(extra.group_id);
            let oco = group.filter(|it| it.kind == GroupKind::Oco);
            let atoms = match oco {
                _ if extra.is_child => 0,
                Some(group) if group.pair[1] == order.order_id => 0,
                Some(group) => group.hold_atoms(),
                None => order.hold_atoms(),
            };
            let instrument = &self.markets[order.market as usize].instrument;
            let asset_id = match order.side {
                Side::Buy => instrument.quote_asset_id,
                Side::Sell => instrument.base_asset_id,
            };
            holds.push(((order.account_id, asset_id), atoms));
        }
        for (_, transfer) in &self.shared.rare.transfers {
            let amount = transfer.amount_atoms;
            let is_amount = amount != 0 && (-AMOUNT_MAX_ATOMS..=AMOUNT_MAX_ATOMS).contains(&amount);
            if !is_amount || self.shared.ledger.account(transfer.account_id).is_none() {
                return Err(Fault::Inconsistent("a transfer is none"));
            }
            if amount < 0 {
                let key = (transfer.account_id, transfer.asset_id);
                holds.push((key, amount.saturating_neg()));
            }
        }
        holds.sort_unstable_by_key(|it| it.0);
        let mut sums: Vec<Held> = Vec::new();
        for (key, atoms) in holds.into_iter().filter(|it| it.1 != 0) {
            match sums.last_mut() {
                Some(last) if last.0 == key => {
                    last.1 = last.1.checked_add(atoms).ok_or(MISHELD)?;
                }
                _ => sums.push((key, atoms)),
            }
        }
        Ok(sums)
    }
}
