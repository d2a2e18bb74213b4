//! Orders, and what only few of them have.
//!
//! An order is the same value on its way, resting, or waiting outside the book; the house's size in
//! a queue is one without a number. What only few orders have stands apart (`Extra`) and moves with
//! them by its number, so that a plain order is two lines of the cache. Groups name their orders by
//! number; nothing but its number ties an order to its group.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from this file's own lists, what is hidden of an order is a part of \
              it, and overflow checks are on in every profile"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::select_unpredictable;

use crate::command::{
    Direction, FeeAsset, GroupKind, OrderType, SelfTrade, SetFeeToken, Side, Terms, TimeInForce,
    Transfer, TriggerBy,
};
use crate::table::Table;
use crate::units::{Rates, times};

/// An order, or (number 0) the house's size between orders. Its price is 0 where it has no limit.
///
/// The order of the fields counts: a cancel waits for the first line of the cache, and needs no
/// other.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Order {
    /// What one lot of it holds, in the asset that it pays with.
    pub(crate) hold_per_lot: i128,
    pub(crate) order_id: u64,
    pub(crate) price_ticks: i64,
    pub(crate) remaining_lots: i64,
    pub(crate) account_id: u32,
    /// Its instrument's place in the engine's list.
    pub(crate) market: u32,
    /// The place of what only few orders have, or 0.
    pub(crate) extra: u32,
    /// The places of its balances in the ledger.
    pub(crate) base: u32,
    pub(crate) quote: u32,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) fee_asset: FeeAsset,
    pub(crate) self_trade: SelfTrade,
    // -- the second line --
    pub(crate) rates: Rates,
    pub(crate) priority: u64,
    pub(crate) size_lots: i64,
    /// What the book does not show of one with an `extra`.
    pub(crate) covered_lots: i64,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) post_only: bool,
}

/// Nobody's order.
pub(crate) const NO_ORDER: Order = Order {
    hold_per_lot: 0,
    order_id: 0,
    priority: 0,
    price_ticks: 0,
    size_lots: 0,
    remaining_lots: 0,
    covered_lots: 0,
    market: 0,
    account_id: 0,
    extra: 0,
    base: 0,
    quote: 0,
    rates: Rates { maker_e8: 0, taker_e8: 0 },
    side: Side::Buy,
    order_type: OrderType::Limit,
    time_in_force: TimeInForce::Gtc,
    post_only: false,
    self_trade: SelfTrade::None,
    fee_asset: FeeAsset::Quote,
};

impl Order {
    /// Returns whether this is the house's size and nobody's order.
    #[inline]
    pub(crate) fn is_house(&self) -> bool {
        self.order_id == 0
    }

    /// Returns what the book does not show of it: all, or what an iceberg has below its slice.
    #[inline(always)]
    pub(crate) fn below_lots(&self) -> i64 {
        if self.extra == 0 { 0 } else { self.covered_lots }
    }

    /// Returns what the book shows of it.
    #[inline(always)]
    pub(crate) fn shown_lots(&self) -> i64 {
        self.remaining_lots - self.below_lots()
    }

    /// Returns whether the book shows nothing of it.
    #[inline(always)]
    pub(crate) fn is_hidden(&self) -> bool {
        self.extra != 0 && self.covered_lots == self.remaining_lots
    }

    /// Returns how much may trade before others at its price have their turn.
    #[inline]
    pub(crate) fn slice_lots(&self) -> i64 {
        if self.is_hidden() { self.remaining_lots } else { self.shown_lots() }
    }

    /// Begins a new slice of an iceberg, or hides all.
    #[inline]
    pub(crate) fn show(&mut self, display_lots: Option<i64>) {
        let shown = display_lots.unwrap_or(i64::MAX).min(self.remaining_lots);
        self.covered_lots = self.remaining_lots - shown;
    }

    /// Returns what it holds.
    #[inline]
    pub(crate) fn hold_atoms(&self) -> i128 {
        times(self.hold_per_lot, self.remaining_lots)
    }

    /// Returns the place of the balance that it pays from.
    #[inline]
    pub(crate) fn pays_from(&self) -> u32 {
        // Nobody can foresee the side: no branch.
        select_unpredictable(self.side == Side::Buy, self.quote, self.base)
    }

    /// Returns whether it is a buy at whatever there is, which holds nothing.
    #[inline]
    pub(crate) fn is_market_buy(&self) -> bool {
        self.order_type == OrderType::Market && self.side == Side::Buy
    }
}

/// What only few orders have; its default is what all others have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    /// Whose this is; 0 where the place is free.
    pub(crate) order_id: u64,
    pub(crate) group_id: u64,
    pub(crate) quote_atoms: Option<i128>,
    pub(crate) display_lots: Option<i64>,
    pub(crate) expire_ns: Option<i64>,
    pub(crate) trigger_ticks: Option<i64>,
    pub(crate) trail_ticks: Option<i64>,
    pub(crate) trail_rate_e8: Option<i64>,
    pub(crate) activation_ticks: Option<i64>,
    pub(crate) activation_direction: Option<Direction>,
    /// Of a trailing stop: the best price since its activation, 0 before.
    pub(crate) best_ticks: i64,
    pub(crate) trigger_by: TriggerBy,
    pub(crate) slide: bool,
    /// It waits for its entry to fill, and holds nothing.
    pub(crate) is_child: bool,
    /// It has heard its price, and its turn comes within this command.
    pub(crate) is_heard: bool,
    /// It is accepted, and its turn has not come.
    pub(crate) is_next: bool,
}

impl Extra {
    /// What an order without any terms has.
    pub(crate) const NONE: Self = Self {
        order_id: 0,
        group_id: 0,
        quote_atoms: None,
        display_lots: None,
        expire_ns: None,
        trigger_ticks: None,
        trail_ticks: None,
        trail_rate_e8: None,
        activation_ticks: None,
        activation_direction: None,
        best_ticks: 0,
        trigger_by: TriggerBy::Last,
        slide: false,
        is_child: false,
        is_heard: false,
        is_next: false,
    };

    /// Returns what a request says.
    pub(crate) fn of(order_id: u64, terms: &Terms) -> Self {
        Self {
            order_id,
            quote_atoms: terms.quote_atoms,
            display_lots: terms.display_lots,
            expire_ns: terms.expire_ns,
            trigger_ticks: terms.trigger_ticks,
            trail_ticks: terms.trail_ticks,
            trail_rate_e8: terms.trail_rate_e8,
            activation_ticks: terms.activation_ticks,
            activation_direction: terms.activation_direction,
            trigger_by: terms.trigger_by,
            slide: terms.slide,
            ..Self::NONE
        }
    }

    /// Returns whether a resting order still needs it.
    pub(crate) fn has_terms(&self) -> bool {
        self.display_lots.is_some() || self.expire_ns.is_some() || self.group_id != 0 || self.slide
    }
}

/// What few orders have, by the number that these carry; the first is that of all others.
pub(crate) struct Extras {
    places: Vec<Extra>,
    free: Vec<u32>,
}

impl Extras {
    fn new() -> Self {
        Self { places: vec![Extra::NONE], free: Vec::new() }
    }

    #[inline]
    pub(crate) fn of(&self, order: &Order) -> &Extra {
        &self.places[order.extra as usize]
    }

    /// Returns what an order has left to spend, if an amount of quote says how much it trades.
    #[inline(always)]
    pub(crate) fn quote_atoms(&mut self, order: &Order) -> Option<&mut i128> {
        match order.extra {
            0 => None,
            at => self.places[at as usize].quote_atoms.as_mut(),
        }
    }

    /// Returns what an order has apart, to be changed, making room where it has nothing.
    #[cold]
    pub(crate) fn change(&mut self, order: &mut Order) -> &mut Extra {
        if order.extra == 0 {
            order.extra = self.add(Extra { order_id: order.order_id, ..Extra::NONE });
        }
        &mut self.places[order.extra as usize]
    }

    /// Returns what an order has apart, if it has something, to be changed.
    pub(crate) fn of_mut(&mut self, order: &Order) -> Option<&mut Extra> {
        match order.extra {
            0 => None,
            at => self.places.get_mut(at as usize),
        }
    }

    #[cold]
    pub(crate) fn add(&mut self, extra: Extra) -> u32 {
        if let Some(at) = self.free.pop() {
            self.places[at as usize] = extra;
            return at;
        }
        self.places.push(extra);
        self.places.len() as u32 - 1
    }

    /// Forgets what an order had apart.
    #[inline]
    pub(crate) fn drop_of(&mut self, order: &mut Order) {
        if order.extra != 0 {
            self.places[order.extra as usize] = Extra::NONE;
            self.free.push(order.extra);
            order.extra = 0;
        }
    }

    /// Returns all that are somebody's.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Extra> {
        self.places.iter().filter(|it| it.order_id != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.len() - self.free.len() == 1
    }
}

/// Orders that hang together: an entry (0 for none) and who waits for it, or the two of an OCO.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) group_id: u64,
    pub(crate) kind: GroupKind,
    pub(crate) entry: u64,
    pub(crate) pair: [u64; 2],
    /// Of an OCO: what each of the two would hold alone.
    pub(crate) holds: [i128; 2],
}

impl Group {
    /// Returns every order of it.
    pub(crate) fn members(&self) -> impl Iterator<Item = u64> {
        [self.entry, self.pair[0], self.pair[1]].into_iter().filter(|&it| it != 0)
    }

    /// Returns the orders that end with this one.
    pub(crate) fn hanging_on(&self, order_id: u64) -> impl Iterator<Item = u64> {
        self.pair.into_iter().filter(move |&it| it != 0 && it != order_id)
    }

    /// Returns what an OCO holds.
    pub(crate) fn hold_atoms(&self) -> i128 {
        let [first, second] = self.holds;
        first.max(second)
    }

    /// Returns what one of an OCO would hold alone.
    pub(crate) fn hold_of(&self, order_id: u64) -> i128 {
        let [first, second] = self.holds;
        if self.pair[0] == order_id { first } else { second }
    }
}

/// What a command has set off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard {
    /// An order has heard its price.
    Price { order_id: u64, price_ticks: i64 },
    /// A group's entry of this size has filled.
    Filled { group: Group, size_lots: i64 },
}

/// Numbered places that are used again.
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn add(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(at) => {
                if let Some(place) = self.places.get_mut(at as usize) {
                    *place = Some(value);
                }
                at
            }
            None => {
                self.places.push(Some(value));
                u32::try_from(self.places.len()).unwrap_or(u32::MAX).saturating_sub(1)
            }
        }
    }

    pub(crate) fn take(&mut self, at: u32) -> Option<T> {
        let value = self.places.get_mut(at as usize)?.take()?;
        self.free.push(at);
        Some(value)
    }

    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        self.places.get(at as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.places.get_mut(at as usize)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free.len())
    }
}

/// Everything that few orders and few accounts need, apart from what all need.
pub(crate) struct Rare {
    /// The time of the command under way.
    pub(crate) now_ns: i64,
    pub(crate) extras: Extras,
    /// Waiting, children, or accepted ones whose turn has not come.
    pub(crate) outside: Slab<Order>,
    groups: Slab<Group>,
    group_places: Table,
    pub(crate) heard: VecDeque<Heard>,
    pub(crate) expiries: BinaryHeap<Reverse<(i64, u64)>>,
    /// By quote asset.
    pub(crate) tokens: Vec<SetFeeToken>,
    /// By number, rising.
    pub(crate) transfers: Vec<(u64, Transfer)>,
    pub(crate) next_transfer_id: u64,
}

impl Rare {
    pub(crate) fn new() -> Self {
        Self {
            now_ns: 0,
            extras: Extras::new(),
            outside: Slab::new(),
            groups: Slab::new(),
            group_places: Table::default(),
            heard: VecDeque::new(),
            expiries: BinaryHeap::new(),
            tokens: Vec::new(),
            transfers: Vec::new(),
            next_transfer_id: 1,
        }
    }

    /// Returns the group of a number.
    #[inline]
    pub(crate) fn group(&self, group_id: u64) -> Option<&Group> {
        if group_id == 0 {
            return None;
        }
        self.groups.get(self.group_places.get(group_id)?)
    }

    pub(crate) fn group_mut(&mut self, group_id: u64) -> Option<&mut Group> {
        self.groups.get_mut(self.group_places.get(group_id)?)
    }

    pub(crate) fn add_group(&mut self, group: Group) {
        let at = self.groups.add(group);
        self.group_places.insert(group.group_id, at);
    }

    pub(crate) fn remove_group(&mut self, group_id: u64) {
        if let Some(at) = self.group_places.remove(group_id) {
            self.groups.take(at);
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// Returns what a fee in a quote asset costs in the token, if it has a price.
    pub(crate) fn token(&self, quote_asset_id: u32) -> Option<&SetFeeToken> {
        self.tokens.iter().find(|it| it.quote_asset_id == quote_asset_id)
    }
}
