//! Resting orders of one instrument: by price, then by time.
//!
//! A level is a queue of nodes linked through one slab that all instruments share. The house's
//! size stands in a queue as nodes without an order around the users' orders, never two in a row.
//! A node knows what it adds to the state hash, so that a change takes the old part out at once
//! and the new part goes in when somebody asks (`snapshot.rs`).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: node numbers come from this file's own lists; sums of sizes are checked when \
              an order comes, and overflow checks are on in every profile"
)]

use crate::command::{FeeAsset, QueueModel, SelfTrade, Side};
use crate::ladder::{Ladder, NOBODY};
use crate::units::{Rates, share_lots, times};

/// One place in a level's queue: a user's order, or (order 0) house size between orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// What one lot of it holds, in the asset that it pays with.
    pub(crate) hold_per_lot: i128,
    pub(crate) order_id: u64,
    pub(crate) priority: u64,
    pub(crate) price_ticks: i64,
    pub(crate) size_lots: i64,
    pub(crate) remaining_lots: i64,
    /// What it adds to the hash; 0 where it waits to be hashed again.
    pub(crate) hashed: u64,
    /// Its instrument's place in the engine's list.
    pub(crate) market: u32,
    pub(crate) account_id: u32,
    /// Its level's place in the ladder.
    pub(crate) level: u32,
    /// One more than the place of what only few orders have, or 0.
    pub(crate) extra: u32,
    /// What the book does not show of it: all, or what an iceberg has below its slice.
    pub(crate) below_lots: i64,
    /// The places of its balances in the ledger.
    pub(crate) base: u32,
    pub(crate) quote: u32,
    pub(crate) rates: Rates,
    pub(crate) side: Side,
    pub(crate) post_only: bool,
    pub(crate) self_trade: SelfTrade,
    pub(crate) fee_asset: FeeAsset,
}

impl Node {
    /// Returns whether this is the house's size and not an order.
    #[inline]
    pub(crate) fn is_house(&self) -> bool {
        self.order_id == 0
    }

    /// Returns what the book shows of it.
    #[inline]
    pub(crate) fn shown_lots(&self) -> i64 {
        self.remaining_lots - self.below_lots
    }

    /// Returns whether the book shows nothing of it.
    #[inline]
    pub(crate) fn is_hidden(&self) -> bool {
        self.below_lots == self.remaining_lots
    }

    /// Returns how much may trade before others at its price have their turn.
    #[inline]
    pub(crate) fn slice_lots(&self) -> i64 {
        if self.is_hidden() { self.remaining_lots } else { self.shown_lots() }
    }

    /// Returns what it holds.
    #[inline]
    pub(crate) fn hold_atoms(&self) -> i128 {
        times(self.hold_per_lot, self.remaining_lots)
    }

    /// Returns the place of the balance that it pays from.
    #[inline]
    pub(crate) fn pays_from(&self) -> u32 {
        match self.side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }
}

#[derive(Clone, Copy)]
struct Links {
    front: u32,
    back: u32,
}

/// The nodes of all books; the first is nobody's.
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    /// Apart from the nodes: a removal reads its neighbours' links and nothing else of them.
    links: Vec<Links>,
    free: Vec<u32>,
    /// Nodes to be hashed again, some of them gone since.
    stale: Vec<u32>,
    /// The sum of what the others add to the hash.
    hashed: u64,
}

/// What a free node that is not in the list of stale ones has for a hash.
const FRESH: u64 = 1;

/// Nobody's node: in front of every first one and behind every last.
pub(crate) const EMPTY: Node = Node {
    hold_per_lot: 0,
    order_id: 0,
    priority: 0,
    price_ticks: 0,
    size_lots: 0,
    remaining_lots: 0,
    hashed: FRESH,
    market: 0,
    account_id: 0,
    level: 0,
    extra: 0,
    below_lots: 0,
    base: 0,
    quote: 0,
    rates: Rates { maker_e8: 0, taker_e8: 0 },
    side: Side::Buy,
    post_only: false,
    self_trade: SelfTrade::None,
    fee_asset: FeeAsset::Quote,
};

const UNLINKED: Links = Links { front: NOBODY, back: NOBODY };

impl Nodes {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![EMPTY],
            links: vec![UNLINKED],
            free: Vec::new(),
            stale: Vec::new(),
            hashed: 0,
        }
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    /// Returns a node to be changed, and takes it out of the hash.
    #[inline(always)]
    pub(crate) fn change(&mut self, at: u32) -> &mut Node {
        let node = &mut self.nodes[at as usize];
        if node.hashed != 0 {
            self.hashed = self.hashed.wrapping_sub(node.hashed);
            node.hashed = 0;
            self.stale.push(at);
        }
        node
    }

    /// Returns the node behind one in its queue, or `NOBODY`.
    #[inline]
    pub(crate) fn back_of(&self, at: u32) -> u32 {
        self.links[at as usize].back
    }

    /// Returns the node before one in its queue, or `NOBODY`.
    #[inline]
    pub(crate) fn front_of(&self, at: u32) -> u32 {
        self.links[at as usize].front
    }

    #[inline(always)]
    fn add(&mut self, node: &Node, level: u32, links: Links) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| self.grow());
        let place = &mut self.nodes[at as usize];
        if place.hashed != 0 {
            self.stale.push(at);
        }
        *place = Node { level, hashed: 0, ..*node };
        self.links[at as usize] = links;
        at
    }

    /// Makes room for one more node.
    #[cold]
    fn grow(&mut self) -> u32 {
        let at = self.nodes.len() as u32;
        assert!(at < u32::MAX >> 1, "two thousand million orders rest");
        self.nodes.push(EMPTY);
        self.links.push(UNLINKED);
        at
    }

    #[inline(always)]
    fn remove(&mut self, at: u32) {
        let node = &mut self.nodes[at as usize];
        if node.hashed != 0 {
            self.hashed = self.hashed.wrapping_sub(node.hashed);
            node.hashed = FRESH;
        }
        node.remaining_lots = 0;
        self.free.push(at);
    }

    /// Returns the sum of the nodes' hashes, after hashing those that have changed.
    pub(crate) fn hash(&mut self, hash_of: impl Fn(&Node) -> u64) -> u64 {
        let mut stale = std::mem::take(&mut self.stale);
        stale.retain(|&at| {
            let node = &mut self.nodes[at as usize];
            if node.remaining_lots == 0 {
                node.hashed = FRESH;
                return false;
            }
            node.hashed = hash_of(node);
            self.hashed = self.hashed.wrapping_add(node.hashed);
            node.hashed == 0 // once in 2^64: it stays in the list
        });
        self.stale = stale;
        self.hashed
    }

    /// Returns every node in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Node)> {
        (0..).zip(&self.nodes).filter(|(_, node)| node.remaining_lots > 0)
    }
}

/// Both sides of one instrument.
pub(crate) struct Book {
    bids: Ladder,
    asks: Ladder,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self { bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell) }
    }

    #[inline]
    pub(crate) fn of(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    pub(crate) fn of_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Ladder {
    /// Puts a node at the back of its queue: the shown one, or the hidden one behind it.
    #[inline(always)]
    pub(crate) fn add(&mut self, nodes: &mut Nodes, node: &Node) -> u32 {
        let number = self.open(node.price_ticks);
        let level = self.level_mut(number);
        let is_hidden = node.is_hidden();
        // Nearly always nobody is hidden, and then it is the back of all.
        let back = if is_hidden { NOBODY } else { level.hidden };
        let front = match back {
            NOBODY => level.tail,
            back => nodes.links[back as usize].front,
        };
        let at = nodes.add(node, number, Links { front, back });
        nodes.links[front as usize].back = at;
        level.head = if front == NOBODY { at } else { level.head };
        if back == NOBODY {
            level.tail = at;
        } else {
            nodes.links[back as usize].front = at;
        }
        if is_hidden && level.hidden == NOBODY {
            level.hidden = at;
        }
        level.lots += node.shown_lots();
        level.below_lots += node.below_lots;
        if node.is_house() {
            level.house_lots += node.remaining_lots;
        }
        at
    }

    /// Takes size off a level, some of it the house's; of what is shown, or of what is not.
    #[inline(always)]
    pub(crate) fn reduce(&mut self, level: u32, lots: i64, is_house: bool) {
        let level = self.level_mut(level);
        level.lots -= lots;
        if is_house {
            level.house_lots -= lots;
        }
    }

    /// Returns the last of the shown queue.
    pub(crate) fn last_shown(&self, nodes: &Nodes, level: u32) -> u32 {
        let level = self.level(level);
        if level.hidden == NOBODY { level.tail } else { nodes.front_of(level.hidden) }
    }

    /// Adds to house size that stands in a queue.
    #[inline]
    pub(crate) fn grow(&mut self, nodes: &mut Nodes, at: u32, lots: i64) {
        let node = nodes.change(at);
        node.remaining_lots += lots;
        let level = self.level_mut(node.level);
        level.lots += lots;
        level.house_lots += lots;
    }

    /// Takes a node out, with what remains of it; house nodes that now touch become one.
    #[inline(always)]
    pub(crate) fn remove(&mut self, nodes: &mut Nodes, at: u32) {
        let node = nodes.get(at);
        let (price_ticks, level) = (node.price_ticks, node.level);
        self.reduce(level, node.shown_lots(), node.is_house());
        self.level_mut(level).below_lots -= node.below_lots;
        let Links { front, back } = self.unlink(nodes, at, level);
        if front == NOBODY && back == NOBODY {
            self.close(price_ticks, level);
        } else if front != NOBODY && back != NOBODY && self.level(level).house_lots != 0 {
            let behind = nodes.get(back);
            if behind.is_house() && nodes.get(front).is_house() {
                let lots = behind.remaining_lots;
                nodes.change(front).remaining_lots += lots;
                self.unlink(nodes, back, level);
            }
        }
    }

    #[inline(always)]
    fn unlink(&mut self, nodes: &mut Nodes, at: u32, level: u32) -> Links {
        let links = nodes.links[at as usize];
        let level = self.level_mut(level);
        // Nobody's links take what has nowhere else to go: no branch that nobody can foresee.
        nodes.links[links.front as usize].back = links.back;
        nodes.links[links.back as usize].front = links.front;
        level.head = if links.front == NOBODY { links.back } else { level.head };
        level.tail = if links.back == NOBODY { links.front } else { level.tail };
        level.hidden = if level.hidden == at { links.back } else { level.hidden };
        nodes.remove(at);
        links
    }

    /// Sets the house's size at a level to less than it is, the queue model saying where.
    pub(crate) fn shrink(&mut self, nodes: &mut Nodes, level: u32, lots: i64, model: QueueModel) {
        let old = self.level(level).house_lots;
        debug_assert!((0..old).contains(&lots), "a shrink does not grow");
        let (mut ahead, mut kept, mut gone) = (0, 0, old - lots);
        let is_from_back = model == QueueModel::Pessimistic;
        let mut at = match is_from_back {
            true => self.level(level).tail,
            false => self.level(level).head,
        };
        while at != NOBODY {
            let next = if is_from_back { nodes.front_of(at) } else { nodes.back_of(at) };
            let node = nodes.get(at);
            if node.is_house() {
                let left = match model {
                    QueueModel::Proportional => {
                        ahead += node.remaining_lots;
                        let now = share_lots(ahead, lots, old);
                        let left = now - kept;
                        kept = now;
                        left
                    }
                    QueueModel::Pessimistic | QueueModel::Optimistic => {
                        let part = gone.min(node.remaining_lots);
                        gone -= part;
                        node.remaining_lots - part
                    }
                };
                if left != node.remaining_lots {
                    self.reduce(level, node.remaining_lots - left, true);
                    nodes.change(at).remaining_lots = left;
                    if left == 0 {
                        self.remove(nodes, at);
                    }
                }
            }
            at = next;
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn node(order_id: u64, lots: i64) -> Node {
        Node { order_id, price_ticks: 5, size_lots: lots, remaining_lots: lots, ..EMPTY }
    }

    fn queue(ladder: &Ladder, nodes: &Nodes) -> Vec<(u64, i64)> {
        let mut found = Vec::new();
        let mut at = ladder.find(5).map_or(NOBODY, |level| ladder.level(level).head);
        while at != NOBODY {
            found.push((nodes.get(at).order_id, nodes.get(at).remaining_lots));
            at = nodes.back_of(at);
        }
        found
    }

    #[test]
    fn a_queue_agrees_with_a_list_on_random_operations() {
        for seed in 0..30 {
            let mut random = Seeded::new(seed);
            let (mut ladder, mut nodes) = (Ladder::new(Side::Buy), Nodes::new());
            let mut model: Vec<(u64, i64)> = Vec::new();
            let mut places: Vec<(u64, u32)> = Vec::new();
            for order_id in 1..1_500 {
                let lots = 1 + random.below(9) as i64;
                match random.below(5) {
                    0 | 1 => {
                        model.push((order_id, lots));
                        places.push((order_id, ladder.add(&mut nodes, &node(order_id, lots))));
                    }
                    2 if model.last().is_none_or(|it| it.0 != 0) => {
                        model.push((0, lots));
                        ladder.add(&mut nodes, &node(0, lots));
                    }
                    3 if !places.is_empty() => {
                        let (order_id, at) = places.swap_remove(random.below(places.len()));
                        ladder.remove(&mut nodes, at);
                        let at = model.iter().position(|it| it.0 == order_id).unwrap();
                        model.remove(at);
                        if at > 0 && at < model.len() && model[at - 1].0 == 0 && model[at].0 == 0 {
                            model[at - 1].1 += model.remove(at).1;
                        }
                    }
                    _ => {}
                }
                assert_eq!(queue(&ladder, &nodes), model);
                let total = model.iter().map(|it| it.1).sum::<i64>();
                let house = model.iter().filter(|it| it.0 == 0).map(|it| it.1).sum::<i64>();
                let level = ladder.find(5).map(|level| *ladder.level(level));
                assert_eq!(level.map_or(0, |level| level.lots), total);
                assert_eq!(level.map_or(0, |level| level.house_lots), house);
            }
        }
    }

    #[test]
    fn each_queue_model_takes_its_part() {
        for (model, expected) in [
            (QueueModel::Pessimistic, vec![(0, 10), (1, 1)]),
            (QueueModel::Proportional, vec![(0, 3), (1, 1), (0, 7)]),
            (QueueModel::Optimistic, vec![(1, 1), (0, 10)]),
        ] {
            let (mut ladder, mut nodes) = (Ladder::new(Side::Buy), Nodes::new());
            for (order_id, lots) in [(0, 10), (1, 1), (0, 20)] {
                ladder.add(&mut nodes, &node(order_id, lots));
            }
            let level = ladder.find(5).unwrap();
            ladder.shrink(&mut nodes, level, 10, model);
            assert_eq!(queue(&ladder, &nodes), expected, "{model:?}");
        }
    }

    #[test]
    fn the_hash_is_the_same_whenever_it_was_asked_for() {
        let hash_of = |node: &Node| node.order_id.wrapping_mul(31) ^ node.remaining_lots as u64;
        let mut random = Seeded::new(3);
        let (mut ladder, mut nodes) = (Ladder::new(Side::Buy), Nodes::new());
        let mut places = Vec::new();
        for order_id in 1..3_000 {
            match random.below(3) {
                0 => places.push(ladder.add(&mut nodes, &node(order_id, 9))),
                1 if !places.is_empty() => {
                    ladder.remove(&mut nodes, places.swap_remove(random.below(places.len())));
                }
                _ if !places.is_empty() => {
                    let at = places[random.below(places.len())];
                    let node = *nodes.get(at);
                    if node.remaining_lots > 1 {
                        ladder.reduce(node.level, 1, false);
                        nodes.change(at).remaining_lots -= 1;
                    }
                }
                _ => {}
            }
            if random.below(7) == 0 {
                let sum = nodes.iter().fold(0_u64, |sum, it| sum.wrapping_add(hash_of(it.1)));
                assert_eq!(nodes.hash(hash_of), sum);
            }
        }
    }
}
