//! Orders that are not, or not only, nodes of a book: what few of them have, and where they wait.
//!
//! A resting order is a node; what only some of those have stands beside it (`Extra`). An order
//! on its way, or outside the book, is both in one (`Order`). Groups name their orders by number;
//! nothing but its number ties an order to its group.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::book::Node;
use crate::command::{GroupKind, OrderType, Place, SetFeeToken, TimeInForce, Transfer, TriggerBy};
use crate::table::Table;

/// What only few orders have; its default is what all others have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    pub(crate) order_id: u64,
    pub(crate) group_id: u64,
    pub(crate) quote_atoms: Option<i128>,
    pub(crate) display_lots: Option<i64>,
    pub(crate) expire_ns: Option<i64>,
    pub(crate) trigger_ticks: Option<i64>,
    pub(crate) trail_ticks: Option<i64>,
    pub(crate) trail_rate_e8: Option<i64>,
    pub(crate) activation_ticks: Option<i64>,
    /// Of a trailing stop: the best price since its activation, 0 before.
    pub(crate) best_ticks: i64,
    pub(crate) order_type: OrderType,
    pub(crate) time_in_force: TimeInForce,
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
    /// Returns what an order that rests without any terms has.
    pub(crate) fn plain(order_id: u64) -> Self {
        Self {
            order_id,
            group_id: 0,
            quote_atoms: None,
            display_lots: None,
            expire_ns: None,
            trigger_ticks: None,
            trail_ticks: None,
            trail_rate_e8: None,
            activation_ticks: None,
            best_ticks: 0,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            trigger_by: TriggerBy::Last,
            slide: false,
            is_child: false,
            is_heard: false,
            is_next: false,
        }
    }

    /// Returns what a request says.
    #[inline]
    pub(crate) fn of(order_id: u64, place: &Place) -> Self {
        let terms = &place.terms;
        Self {
            order_id,
            group_id: 0,
            quote_atoms: terms.quote_atoms,
            display_lots: terms.display_lots,
            expire_ns: terms.expire_ns,
            trigger_ticks: terms.trigger_ticks,
            trail_ticks: terms.trail_ticks,
            trail_rate_e8: terms.trail_rate_e8,
            activation_ticks: terms.activation_ticks,
            best_ticks: 0,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            trigger_by: terms.trigger_by,
            slide: terms.slide,
            is_child: false,
            is_heard: false,
            is_next: false,
        }
    }

    /// Returns whether a resting order has something beside its node.
    #[inline]
    pub(crate) fn has_terms(&self) -> bool {
        self.display_lots.is_some() || self.expire_ns.is_some() || self.group_id != 0 || self.slide
    }
}

/// An order on its way or outside the book. Its node's price is 0 where it has no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) node: Node,
    pub(crate) extra: Extra,
}

impl Order {
    /// Begins a new slice of an iceberg, or hides all.
    pub(crate) fn show(&mut self) {
        let shown = self
            .extra
            .display_lots
            .map_or(self.node.remaining_lots, |display| display.min(self.node.remaining_lots));
        self.node.below_lots = self.node.remaining_lots.saturating_sub(shown);
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
    /// Of resting orders, by `Node::extra` less one.
    pub(crate) extras: Slab<Extra>,
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
            extras: Slab::new(),
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

    /// Returns what stands beside a resting order's node, if anything does.
    #[inline]
    pub(crate) fn extra_of(&self, node: &Node) -> Option<&Extra> {
        self.extras.get(node.extra.checked_sub(1)?)
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
