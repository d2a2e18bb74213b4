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

use std::hint::select_unpredictable;

use crate::command::{QueueModel, Side};
use crate::ladder::{Ladder, NOBODY};
use crate::order::{NO_ORDER, Order};
use crate::units::share_lots;

/// What stands in a queue, and what its ladder asks it.
pub(crate) trait Resting: Copy {
    /// In front of every first and behind every last.
    const NOBODY: Self;
    /// Whether somebody asks for the hash of all.
    const IS_HASHED: bool;

    fn price_ticks(&self) -> i64;
    fn remaining_lots(&self) -> i64;
    fn remaining_lots_mut(&mut self) -> &mut i64;
    /// Returns what the book does not show of it.
    fn below_lots(&self) -> i64;
    /// Returns whether the book shows nothing of it.
    fn is_hidden(&self) -> bool;
    /// Returns whether it is the house's size and nobody's order.
    fn is_house(&self) -> bool;
}

impl Resting for Order {
    const NOBODY: Self = NO_ORDER;
    const IS_HASHED: bool = true;

    #[inline(always)]
    fn price_ticks(&self) -> i64 {
        self.price_ticks
    }

    #[inline(always)]
    fn remaining_lots(&self) -> i64 {
        self.remaining_lots
    }

    #[inline(always)]
    fn remaining_lots_mut(&mut self) -> &mut i64 {
        &mut self.remaining_lots
    }

    #[inline(always)]
    fn below_lots(&self) -> i64 {
        debug_assert!(self.extra != 0 || self.covered_lots == 0, "a plain order is shown");
        self.below_lots()
    }

    #[inline(always)]
    fn is_hidden(&self) -> bool {
        self.is_hidden()
    }

    #[inline(always)]
    fn is_house(&self) -> bool {
        self.is_house()
    }
}

/// One place in a level's queue, in whole lines of the cache: two with an order of the engine's.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Node<R> {
    order: R,
    /// What it adds to the hash, where that is known.
    hashed: u64,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Links {
    front: u32,
    back: u32,
    /// Its level's place in the ladder.
    level: u32,
    /// Whether it is in the list of stale nodes, and out of the hash.
    is_stale: bool,
}

/// The nodes of all books; the first is nobody's.
pub(crate) struct Nodes<R = Order> {
    nodes: Vec<Node<R>>,
    /// Apart from the nodes: a removal reads its neighbours' links and nothing else of them, and its
    /// own node's second line only if that adds to the hash.
    links: Vec<Links>,
    free: Vec<u32>,
    /// Nodes to be hashed again, some of them gone since.
    stale: Vec<u32>,
    /// The sum of what the others add to the hash.
    hashed: u64,
}

const UNLINKED: Links = Links { front: NOBODY, back: NOBODY, level: 0, is_stale: false };

impl<R: Resting> Nodes<R> {
    /// In front of every first node and behind every last.
    const EMPTY: Node<R> = Node { order: R::NOBODY, hashed: 0 };

    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Self::EMPTY],
            links: vec![UNLINKED],
            free: Vec::new(),
            stale: Vec::new(),
            hashed: 0,
        }
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> &R {
        &self.nodes[at as usize].order
    }

    /// Returns the place of a node's level in its ladder.
    #[inline]
    pub(crate) fn level_of(&self, at: u32) -> u32 {
        self.links[at as usize].level
    }

    /// Returns how many nodes have been in use at once.
    #[inline(always)]
    pub(crate) fn most(&self) -> i64 {
        self.nodes.len() as i64
    }

    /// Returns what stands in a node, to be changed, and takes it out of the hash.
    #[inline(always)]
    pub(crate) fn change(&mut self, at: u32) -> &mut R {
        if R::IS_HASHED && !self.links[at as usize].is_stale {
            self.make_stale(at);
        }
        &mut self.nodes[at as usize].order
    }

    fn make_stale(&mut self, at: u32) {
        self.hashed = self.hashed.wrapping_sub(self.nodes[at as usize].hashed);
        self.links[at as usize].is_stale = true;
        self.stale.push(at);
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
    fn add(&mut self, order: &R, level: u32, front: u32, back: u32) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| self.grow());
        self.nodes[at as usize].order = *order;
        let links = &mut self.links[at as usize];
        if R::IS_HASHED && !links.is_stale {
            self.stale.push(at);
        }
        *links = Links { front, back, level, is_stale: R::IS_HASHED };
        at
    }

    /// Makes room for one more node.
    #[cold]
    fn grow(&mut self) -> u32 {
        let at = self.nodes.len() as u32;
        assert!(at < u32::MAX >> 1, "two thousand million orders rest");
        self.nodes.push(Self::EMPTY);
        self.links.push(UNLINKED);
        at
    }

    /// Frees a node, and returns what stood there until it is used again; its size is gone.
    #[inline(always)]
    fn remove(&mut self, at: u32, links: Links) -> (&R, i64) {
        let node = &mut self.nodes[at as usize];
        if R::IS_HASHED && !links.is_stale {
            self.hashed = self.hashed.wrapping_sub(node.hashed);
        }
        self.free.push(at);
        let remaining_lots = std::mem::take(node.order.remaining_lots_mut());
        (&node.order, remaining_lots)
    }

    /// Returns the sum of the nodes' hashes, after hashing those that have changed.
    pub(crate) fn hash(&mut self, hash_of: impl Fn(&R) -> u64) -> u64 {
        for at in self.stale.drain(..) {
            self.links[at as usize].is_stale = false;
            let node = &mut self.nodes[at as usize];
            if node.order.remaining_lots() != 0 {
                node.hashed = hash_of(&node.order);
                self.hashed = self.hashed.wrapping_add(node.hashed);
            }
        }
        self.hashed
    }

    /// Returns everything that rests, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.nodes.iter().map(|it| &it.order).filter(|it| it.remaining_lots() > 0)
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
    /// Puts an order at the back of its queue: the shown one, or the hidden one behind it; returns
    /// its node, its level and what that shows now.
    #[inline(always)]
    pub(crate) fn add<R: Resting>(&mut self, nodes: &mut Nodes<R>, order: &R) -> (u32, u32, i64) {
        self.note_size(order.remaining_lots());
        let (level, number) = self.open(order.price_ticks());
        let is_hidden = order.is_hidden();
        // Nearly always nobody is hidden, and then it is the back of all.
        let back = if is_hidden { NOBODY } else { level.hidden };
        let front = match back {
            NOBODY => level.tail,
            back => nodes.links[back as usize].front,
        };
        let at = nodes.add(order, number, front, back);
        nodes.links[front as usize].back = at;
        level.head = select_unpredictable(front == NOBODY, at, level.head);
        if back == NOBODY {
            level.tail = at;
        } else {
            nodes.links[back as usize].front = at;
        }
        if is_hidden && level.hidden == NOBODY {
            level.hidden = at;
        }
        level.lots += order.remaining_lots() - order.below_lots();
        level.below_lots += order.below_lots();
        if order.is_house() {
            level.house_lots += order.remaining_lots();
        }
        (at, number, level.lots)
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
    pub(crate) fn last_shown<R: Resting>(&self, nodes: &Nodes<R>, level: u32) -> u32 {
        let level = self.level(level);
        if level.hidden == NOBODY { level.tail } else { nodes.front_of(level.hidden) }
    }

    /// Adds to house size that stands in a queue.
    #[inline]
    pub(crate) fn grow<R: Resting>(&mut self, nodes: &mut Nodes<R>, at: u32, lots: i64) {
        let order = nodes.change(at);
        *order.remaining_lots_mut() += lots;
        self.note_size(order.remaining_lots());
        let level = self.level_mut(nodes.level_of(at));
        level.lots += lots;
        level.house_lots += lots;
    }

    /// Takes a node out, with what remains of it; house nodes that now touch become one. Returns
    /// what its level still shows.
    #[inline(always)]
    pub(crate) fn remove<R: Resting>(&mut self, nodes: &mut Nodes<R>, at: u32) -> i64 {
        let links = nodes.links[at as usize];
        // Nobody's links take what has nowhere else to go: no branch that nobody can foresee.
        nodes.links[links.front as usize].back = links.back;
        nodes.links[links.back as usize].front = links.front;
        let (order, remaining_lots) = nodes.remove(at, links);
        let (price_ticks, is_house, below_lots) =
            (order.price_ticks(), order.is_house(), order.below_lots());
        let shown_lots = remaining_lots - below_lots;
        let level = self.level_mut(links.level);
        level.lots -= shown_lots;
        level.below_lots -= below_lots;
        if is_house {
            level.house_lots -= shown_lots;
        }
        level.head = select_unpredictable(links.front == NOBODY, links.back, level.head);
        level.tail = select_unpredictable(links.back == NOBODY, links.front, level.tail);
        level.hidden = if level.hidden == at { links.back } else { level.hidden };
        let lots = level.lots;
        if level.head == NOBODY {
            self.close(price_ticks, links.level);
        } else if level.house_lots != 0 {
            self.join_house(nodes, links);
        }
        lots
    }

    /// Takes a plain order out of the shown queue, what remains of it and its price being known;
    /// house nodes that now touch become one. Returns what its level still shows.
    #[inline(always)]
    pub(crate) fn remove_plain<R: Resting>(
        &mut self,
        nodes: &mut Nodes<R>,
        at: u32,
        price_ticks: i64,
        remaining_lots: i64,
    ) -> i64 {
        let links = nodes.links[at as usize];
        nodes.links[links.front as usize].back = links.back;
        nodes.links[links.back as usize].front = links.front;
        nodes.remove(at, links);
        let level = self.level_mut(links.level);
        level.lots -= remaining_lots;
        level.head = select_unpredictable(links.front == NOBODY, links.back, level.head);
        // A hidden order behind it has the last as its front all the same.
        level.tail = select_unpredictable(links.back == NOBODY, links.front, level.tail);
        let lots = level.lots;
        if level.head == NOBODY {
            self.close(price_ticks, links.level);
        } else if level.house_lots != 0 {
            self.join_house(nodes, links);
        }
        lots
    }

    /// Makes one of two house nodes that now touch.
    fn join_house<R: Resting>(&mut self, nodes: &mut Nodes<R>, Links { front, back, .. }: Links) {
        if front == NOBODY || back == NOBODY {
            return;
        }
        let (behind, number) = (*nodes.get(back), nodes.level_of(back));
        if !behind.is_house() || !nodes.get(front).is_house() {
            return;
        }
        let merged = nodes.change(front);
        *merged.remaining_lots_mut() += behind.remaining_lots();
        self.note_size(merged.remaining_lots());
        let after = nodes.back_of(back);
        nodes.links[front as usize].back = after;
        nodes.links[after as usize].front = front;
        nodes.remove(back, nodes.links[back as usize]);
        let level = self.level_mut(number);
        level.tail = if level.tail == back { front } else { level.tail };
    }

    /// Sets the house's size at a level to less than it is, the queue model saying where.
    pub(crate) fn shrink<R: Resting>(
        &mut self,
        nodes: &mut Nodes<R>,
        level: u32,
        lots: i64,
        model: QueueModel,
    ) {
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
                        ahead += node.remaining_lots();
                        let now = share_lots(ahead, lots, old);
                        let left = now - kept;
                        kept = now;
                        left
                    }
                    QueueModel::Pessimistic | QueueModel::Optimistic => {
                        let part = gone.min(node.remaining_lots());
                        gone -= part;
                        node.remaining_lots() - part
                    }
                };
                if left != node.remaining_lots() {
                    self.reduce(level, node.remaining_lots() - left, true);
                    *nodes.change(at).remaining_lots_mut() = left;
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

    fn order(order_id: u64, lots: i64) -> Order {
        Order { order_id, price_ticks: 5, size_lots: lots, remaining_lots: lots, ..NO_ORDER }
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
                        places.push((order_id, ladder.add(&mut nodes, &order(order_id, lots)).0));
                    }
                    2 if model.last().is_none_or(|it| it.0 != 0) => {
                        model.push((0, lots));
                        ladder.add(&mut nodes, &order(0, lots));
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
                ladder.add(&mut nodes, &order(order_id, lots));
            }
            let level = ladder.find(5).unwrap();
            ladder.shrink(&mut nodes, level, 10, model);
            assert_eq!(queue(&ladder, &nodes), expected, "{model:?}");
        }
    }

    #[test]
    fn the_hash_is_the_same_whenever_it_was_asked_for() {
        let hash_of = |it: &Order| it.order_id.wrapping_mul(31) ^ it.remaining_lots as u64;
        let mut random = Seeded::new(3);
        let (mut ladder, mut nodes) = (Ladder::new(Side::Buy), Nodes::new());
        let mut places = Vec::new();
        for order_id in 1..3_000 {
            match random.below(3) {
                0 => places.push(ladder.add(&mut nodes, &order(order_id, 9)).0),
                1 if !places.is_empty() => {
                    ladder.remove(&mut nodes, places.swap_remove(random.below(places.len())));
                }
                _ if !places.is_empty() => {
                    let at = places[random.below(places.len())];
                    if nodes.get(at).remaining_lots > 1 {
                        ladder.reduce(nodes.level_of(at), 1, false);
                        nodes.change(at).remaining_lots -= 1;
                    }
                }
                _ => {}
            }
            if random.below(7) == 0 {
                let sum = nodes.iter().fold(0_u64, |sum, it| sum.wrapping_add(hash_of(it)));
                assert_eq!(nodes.hash(hash_of), sum);
            }
        }
    }
}
