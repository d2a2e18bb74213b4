//! Which states commands could have led to: what a snapshot must be before an engine goes on.
//!
//! First each order by itself, while it is read; then what only the whole state can show.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use crate::book::Node;
use crate::command::{
    FeeAsset, GroupKind, HOUSE, MarketState, OrderType, Place, SelfTrade, Side, Terms,
};
use crate::engine::Engine;
use crate::fees::VOLUME_MAX_MICROS;
use crate::ladder::NOBODY;
use crate::order::{Group, Order};
use crate::placing::is_offered;
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
    pub(crate) fn may_rest(&self, order: &Order, shown_lots: i64) -> bool {
        let Order { node, extra } = order;
        let market = &self.markets[node.market as usize];
        let ladder = market.book.of(node.side);
        if !market.is_price(node.price_ticks)
            || node.priority == 0
            || !(1..=LIMIT_MAX).contains(&node.remaining_lots)
        {
            return false;
        }
        let standing = ladder.all_lots_at(node.price_ticks);
        let total = standing.saturating_add(node.remaining_lots);
        if node.is_house() {
            let last = ladder
                .find(node.price_ticks)
                .map_or(NOBODY, |level| ladder.last_shown(&self.nodes, level));
            let is_plain = node.account_id == HOUSE
                && node.size_lots == 0
                && !node.post_only
                && node.self_trade == SelfTrade::None
                && node.fee_asset == FeeAsset::Quote
                && node.rates == Rates::default();
            let follows_house = last != NOBODY && self.nodes.get(last).is_house();
            return is_plain && !follows_house && total <= LEVEL_MAX_LOTS.saturating_add(LIMIT_MAX);
        }
        let is_shown = match extra.display_lots {
            None | Some(0) => shown_lots == 0,
            Some(display) => (1..=display.min(node.remaining_lots)).contains(&shown_lots),
        };
        self.is_order(node)
            && self.is_sized(order)
            && node.remaining_lots <= node.size_lots
            && is_shown
            && (node.post_only || !extra.slide)
            && total <= LEVEL_MAX_LOTS
    }

    /// Returns whether an order can wait: for its price, or as a child for its entry.
    pub(crate) fn may_wait(&self, order: &Order) -> bool {
        let Order { node, extra } = order;
        let market = &self.markets[node.market as usize];
        let place = Place {
            account_id: node.account_id,
            instrument_id: market.instrument.instrument_id,
            price_ticks: (node.price_ticks != 0).then_some(node.price_ticks),
            size_lots: node.size_lots,
            side: node.side,
            order_type: extra.order_type,
            time_in_force: extra.time_in_force,
            post_only: node.post_only,
            self_trade: node.self_trade,
            fee_asset: node.fee_asset,
            terms: Terms {
                slide: extra.slide,
                reduce_only: false,
                trigger_by: extra.trigger_by,
                quote_atoms: extra.quote_atoms,
                display_lots: extra.display_lots,
                trigger_ticks: extra.trigger_ticks,
                trail_ticks: extra.trail_ticks,
                trail_rate_e8: extra.trail_rate_e8,
                activation_ticks: extra.activation_ticks,
                expire_ns: extra.expire_ns,
            },
        };
        let prices =
            [place.price_ticks, extra.trigger_ticks, extra.activation_ticks, extra.trail_ticks];
        let rates = 1..i64::from(RATE_SCALE);
        let is_trailing = extra.order_type == OrderType::TrailingStop && !extra.is_child;
        let bests = if is_trailing { 0..=market.instrument.price_max_ticks } else { 0..=0 };
        self.is_order(node)
            && is_offered(&place)
            && self.is_sized(order)
            && market.instrument.may_trade_anywhere(node.size_lots)
            && prices.into_iter().flatten().all(|it| market.is_price(it))
            && extra.trail_rate_e8.is_none_or(|it| rates.contains(&it))
            && (extra.is_child || extra.order_type.waits())
            && extra.is_child == (node.priority == 0)
            && (extra.group_id != 0 || !extra.is_child)
            && bests.contains(&extra.best_ticks)
            && !self.should_have_heard(order)
    }

    /// Returns whether its owner, number and rates can be an order's.
    fn is_order(&self, node: &Node) -> bool {
        node.order_id != 0
            && self.orders.get(node.order_id).is_none()
            && self.ledger.account(node.account_id).is_some()
            && node.rates.may_be_charged()
    }

    /// Returns whether its amounts stay in the range of the books.
    fn is_sized(&self, order: &Order) -> bool {
        let Order { node, extra } = order;
        if let Some(atoms) = extra.quote_atoms {
            return atoms >= 1;
        }
        let instrument = &self.markets[node.market as usize].instrument;
        let lots = i128::from(node.size_lots);
        let per_lot = [
            Some(i128::from(instrument.lot_atoms)),
            i128::from(node.price_ticks).checked_mul(i128::from(instrument.tick_lot_atoms)),
        ];
        let mut amounts = per_lot.iter().map(|it| it.and_then(|atoms| atoms.checked_mul(lots)));
        (1..=LIMIT_MAX).contains(&node.size_lots)
            && amounts.all(|it| it.is_some_and(|atoms| atoms <= NOTIONAL_MAX_ATOMS))
            && extra.display_lots.is_none_or(|it| (0..=LIMIT_MAX).contains(&it))
    }

    /// Returns whether the price that an order waits for is there, in a market that is open.
    fn should_have_heard(&self, order: &Order) -> bool {
        let Order { node, extra } = order;
        let market = &self.markets[node.market as usize];
        let price = market.price_by(extra.trigger_by);
        if extra.is_child || market.state != MarketState::Open || price == 0 {
            return false;
        }
        if extra.trigger_ticks.is_some() {
            return market.is_there(order);
        }
        if extra.best_ticks == 0 {
            return is_activated(order, price);
        }
        let is_behind = match node.side {
            Side::Sell => extra.best_ticks < price,
            Side::Buy => extra.best_ticks > price,
        };
        is_behind || is_far_enough(order, price)
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
        let outside = self.rare.outside.iter();
        let mut times: Vec<u64> = self.nodes.iter().map(|it| it.1.priority).collect();
        times.extend(outside.filter(|it| !it.extra.is_child).map(|it| it.node.priority));
        times.sort_unstable();
        if times.windows(2).any(|it| it[0] == it[1]) {
            return Err(Fault::Inconsistent("two have the same priority"));
        }
        let outside = self.rare.outside.iter().map(|it| it.node.order_id);
        let orders = self.nodes.iter().map(|it| it.1.order_id).chain(outside).max().unwrap_or(0);
        let transfers = self.rare.transfers.iter().map(|it| it.0);
        let is_ahead = self.next_priority > times.last().copied().unwrap_or(0)
            && self.next_order_id > orders
            && self.rare.next_transfer_id > transfers.clone().max().unwrap_or(0)
            && transfers.clone().all(|it| it != 0);
        if is_ahead { Ok(()) } else { Err(BEHIND) }
    }

    fn check_groups(&self) -> Result<(), Fault> {
        let mut named: Vec<(u64, u64)> = Vec::new();
        for group in self.rare.groups() {
            named.extend(group.members().map(|it| (it, group.group_id)));
        }
        let resting = self.rare.extras.iter().map(|it| (it.order_id, it.group_id));
        let outside = self.rare.outside.iter().map(|it| (it.node.order_id, it.extra.group_id));
        let mut told: Vec<(u64, u64)> = resting.chain(outside).filter(|it| it.1 != 0).collect();
        named.sort_unstable();
        told.sort_unstable();
        if named != told || !self.rare.groups().all(|group| self.is_group(group)) {
            return Err(UNGROUPED);
        }
        Ok(())
    }

    /// Returns whether the orders of a group can be what is left of one request.
    fn is_group(&self, group: &Group) -> bool {
        let orders: Vec<Order> = group.members().filter_map(|it| self.order_of(it)).collect();
        let count = match group.kind {
            GroupKind::Oco | GroupKind::Oto => 2,
            GroupKind::Bracket => 3,
            GroupKind::Basket => return false,
        };
        let Some(first) = orders.first().filter(|_| orders.len() == count) else { return false };
        let start = first.node.order_id;
        // The first order of an OCO that was a bracket's exits comes behind the entry's number.
        let is_oco = group.kind == GroupKind::Oco;
        let is_start =
            start == group.group_id || is_oco && group.group_id.checked_add(1) == Some(start);
        let follow = (start..).zip(&orders).all(|(number, it)| {
            it.node.order_id == number
                && it.node.account_id == first.node.account_id
                && it.node.market == first.node.market
        });
        let pair = &orders[usize::from(group.entry != 0)..];
        let Some(head) = pair.first() else { return false };
        let are_exits = pair.iter().all(|it| {
            it.node.side == head.node.side
                && it.extra.time_in_force.rests()
                && it.node.remaining_lots == it.node.size_lots
        });
        let are_children = pair.iter().all(|it| it.extra.is_child == (group.entry != 0));
        let is_entry =
            group.entry == 0 || !(first.extra.is_child || first.extra.order_type.waits());
        let is_one_size = pair.iter().all(|it| it.node.size_lots == head.node.size_lots);
        let fits = match group.kind {
            GroupKind::Oto => is_entry,
            GroupKind::Bracket => {
                let is_way_out = head.node.side == first.node.side.opposite();
                is_entry && are_exits && is_way_out && is_one_size
            }
            GroupKind::Oco | GroupKind::Basket => are_exits,
        };
        is_start && follow && are_children && fits
    }

    fn check_money(&self) -> Result<(), Fault> {
        let mut sum: i128 = 0;
        let mut of_asset = None;
        let mut balances: Vec<_> = self.ledger.iter().collect();
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
        if self.holds()? != self.ledger.held_by() {
            return Err(MISHELD);
        }
        for account in self.ledger.accounts() {
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
        let resting = self.nodes.iter().map(|it| it.1).filter(|it| !it.is_house());
        let resting = resting.filter_map(|it| self.order_of(it.order_id));
        for order in resting.chain(self.rare.outside.iter().copied()) {
            let group = self.rare.group(order.extra.group_id);
            let oco = group.filter(|it| it.kind == GroupKind::Oco);
            let atoms = match oco {
                _ if order.extra.is_child => 0,
                Some(group) if group.pair[1] == order.node.order_id => 0,
                Some(group) => group.hold_atoms(),
                None => order.node.hold_atoms(),
            };
            let instrument = &self.markets[order.node.market as usize].instrument;
            let asset_id = match order.node.side {
                Side::Buy => instrument.quote_asset_id,
                Side::Sell => instrument.base_asset_id,
            };
            holds.push(((order.node.account_id, asset_id), atoms));
        }
        for (_, transfer) in &self.rare.transfers {
            let amount = transfer.amount_atoms;
            let is_amount = amount != 0 && (-AMOUNT_MAX_ATOMS..=AMOUNT_MAX_ATOMS).contains(&amount);
            if !is_amount || self.ledger.account(transfer.account_id).is_none() {
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
