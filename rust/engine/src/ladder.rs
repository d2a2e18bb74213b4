//! The prices of one side of a book that have something resting, best first.
//!
//! Sixty-four neighbouring ticks are a page: one word of bits and a level per tick, made when the
//! first of them opens and given back when the last one closes. Pages hang in a tree of words of
//! bits, six bits of the page number a step, which is as high as the largest price in use needs:
//! memory follows what rests and never the range of prices. The best price is kept; a page used
//! lately is found without the tree.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: positions come from this file's own lists, digits are six bits, prices positive"
)]

use std::hint::select_unpredictable;

use crate::command::Side;
use crate::units::{LEVEL_MAX_LOTS, LIMIT_MAX};

/// No such branch, page or level.
const NONE: u32 = u32::MAX;

/// The number of the node in front of the first and behind the last: an empty one, so that links
/// to it are written like all others.
pub(crate) const NOBODY: u32 = 0;

const PAGE_BITS: u32 = 6;
const DIGIT: u64 = 63;
const RECENT: usize = 64;

/// Pages of prices below 2^53 have 47 bits: eight digits.
const HEIGHT_MAX: usize = 8;

/// What rests at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// The price of which this is the level, 0 while it is closed.
    pub(crate) price_ticks: i64,
    /// What the book shows.
    pub(crate) lots: i64,
    /// The house's part of it.
    pub(crate) house_lots: i64,
    /// What it does not show: hidden orders and what icebergs have below.
    pub(crate) below_lots: i64,
    /// The front of the queue.
    pub(crate) head: u32,
    /// The back of the queue.
    pub(crate) tail: u32,
    /// The first of the hidden orders, which stand behind all others.
    pub(crate) hidden: u32,
}

const EMPTY: Level = Level {
    price_ticks: 0,
    lots: 0,
    house_lots: 0,
    below_lots: 0,
    head: NOBODY,
    tail: NOBODY,
    hidden: NOBODY,
};

#[derive(Clone, Copy)]
struct Branch {
    bits: u64,
    below: [u32; 64],
}

const BARE: Branch = Branch { bits: 0, below: [NONE; 64] };

#[derive(Clone, Copy)]
struct Seen {
    number: u64,
    page: u32,
}

const UNSEEN: Seen = Seen { number: u64::MAX, page: NONE };

/// The levels of one side.
pub(crate) struct Ladder {
    side: Side,
    /// The largest size that has come so far.
    largest_lots: i64,
    best: i64,
    best_level: u32,
    height: usize,
    root: u32,
    branches: Vec<Branch>,
    free_branches: Vec<u32>,
    page_bits: Vec<u64>,
    levels: Vec<Level>,
    free_pages: Vec<u32>,
    recent: [Seen; RECENT],
}

impl Ladder {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            largest_lots: 0,
            best: 0,
            best_level: NONE,
            height: 1,
            root: 0,
            branches: vec![BARE],
            free_branches: Vec::new(),
            page_bits: Vec::new(),
            levels: Vec::new(),
            free_pages: Vec::new(),
            recent: [UNSEEN; RECENT],
        }
    }

    /// Returns the best price, or 0 where nothing rests.
    #[inline]
    pub(crate) fn best(&self) -> i64 {
        self.best
    }

    /// Returns the level of the best price.
    #[inline]
    pub(crate) fn best_level(&self) -> u32 {
        self.best_level
    }

    /// Returns the level of a price at which something rests.
    #[inline]
    pub(crate) fn best_level_or(&self, price_ticks: i64) -> u32 {
        if price_ticks == self.best { self.best_level } else { self.find(price_ticks).unwrap_or(0) }
    }

    #[inline(always)]
    pub(crate) fn level(&self, level: u32) -> &Level {
        &self.levels[level as usize]
    }

    #[inline(always)]
    pub(crate) fn level_mut(&mut self, level: u32) -> &mut Level {
        &mut self.levels[level as usize]
    }

    /// Returns the open level of a price.
    #[inline(always)]
    pub(crate) fn find(&self, price_ticks: i64) -> Option<u32> {
        let (number, tick) = split(price_ticks);
        let seen = self.recent[(number & DIGIT) as usize];
        let page = if seen.number == number { seen.page } else { self.page(number)? };
        let is_open = self.page_bits[page as usize] >> tick & 1 == 1;
        is_open.then_some(page << PAGE_BITS | tick)
    }

    /// Returns the size that is shown at a price.
    #[inline(always)]
    pub(crate) fn lots_at(&self, price_ticks: i64) -> i64 {
        self.find(price_ticks).map_or(0, |level| self.level(level).lots)
    }

    /// Returns the size that is shown at a price whose level was this one lately.
    #[inline(always)]
    pub(crate) fn lots_of(&self, level: u32, price_ticks: i64) -> i64 {
        match self.levels.get(level as usize) {
            Some(level) if level.price_ticks == price_ticks => level.lots,
            _ => self.lots_at(price_ticks),
        }
    }

    /// Returns the total size at a price, hidden too.
    #[inline(always)]
    pub(crate) fn all_lots_at(&self, price_ticks: i64) -> i64 {
        self.find(price_ticks).map_or(0, |it| self.level(it).lots + self.level(it).below_lots)
    }

    /// Returns the levels that show something, best first, as price and size.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (i64, i64)> {
        let prices = std::iter::successors(Some(self.best()), |&it| Some(self.after(it)));
        let prices = prices.take_while(|&price| price != 0);
        prices.map(|price| (price, self.lots_at(price))).filter(|level| level.1 > 0)
    }

    /// Returns whether a size stays in the range of the books at a price, where so many rest at
    /// all prices together.
    #[inline(always)]
    pub(crate) fn has_room(&self, price_ticks: i64, size_lots: i64, count: i64) -> bool {
        match self.largest_lots.checked_mul(count) {
            Some(most) if most <= LEVEL_MAX_LOTS - LIMIT_MAX => true,
            _ => self.has_room_at(price_ticks, size_lots),
        }
    }

    #[cold]
    fn has_room_at(&self, price_ticks: i64, size_lots: i64) -> bool {
        self.all_lots_at(price_ticks) + size_lots <= LEVEL_MAX_LOTS
    }

    /// Keeps in mind how large a size has come.
    #[inline(always)]
    pub(crate) fn note_size(&mut self, size_lots: i64) {
        self.largest_lots = self.largest_lots.max(size_lots);
    }

    /// Returns the level of a price, opening it where it is not open, and its place.
    #[inline(always)]
    pub(crate) fn open(&mut self, price_ticks: i64) -> (&mut Level, u32) {
        let (number, tick) = split(price_ticks);
        let seen = &mut self.recent[(number & DIGIT) as usize];
        if seen.number != number {
            let page = self.page(number).unwrap_or_else(|| self.add_page(number));
            self.recent[(number & DIGIT) as usize] = Seen { number, page };
        }
        let page = self.recent[(number & DIGIT) as usize].page;
        let number = page << PAGE_BITS | tick;
        // Nobody can foresee whether it is open, and to look at it takes long: no branch.
        self.page_bits[page as usize] |= 1 << tick;
        // No best price is, one less and unsigned, above all prices.
        let (is_buy, best) = (self.side == Side::Buy, self.best.cast_unsigned());
        let bound = select_unpredictable(is_buy, best, best.wrapping_sub(1));
        let is_best = (price_ticks.cast_unsigned() <= bound) != is_buy;
        self.best = select_unpredictable(is_best, price_ticks, self.best);
        self.best_level = select_unpredictable(is_best, number, self.best_level);
        let level = &mut self.levels[number as usize];
        level.price_ticks = price_ticks;
        (level, number)
    }

    /// Closes a level that has become empty.
    #[inline(always)]
    pub(crate) fn close(&mut self, price_ticks: i64, level: u32) {
        debug_assert!(self.level(level).head == NOBODY, "something still rests at {price_ticks}");
        let (number, tick) = split(price_ticks);
        let page = level >> PAGE_BITS;
        self.levels[level as usize] = EMPTY;
        self.page_bits[page as usize] &= !(1 << tick);
        if self.best == price_ticks {
            self.best = self.after(price_ticks);
            self.best_level = self.find(self.best).unwrap_or(NONE);
        }
        if self.page_bits[page as usize] == 0 {
            self.drop_page(number, page);
        }
    }

    /// Returns the next price behind this one that has something resting, or 0.
    #[inline]
    pub(crate) fn after(&self, price_ticks: i64) -> i64 {
        let (number, tick) = split(price_ticks);
        let seen = self.recent[(number & DIGIT) as usize];
        let page = if seen.number == number { Some(seen.page) } else { self.page(number) };
        let behind = page.map_or(0, |it| self.page_bits[it as usize] & self.behind(tick));
        if behind != 0 {
            return join(number, self.first(behind));
        }
        match self.next_page(number) {
            Some((number, page)) => join(number, self.first(self.page_bits[page as usize])),
            None => 0,
        }
    }

    /// Returns a word's bits that are worse than one of them.
    #[inline]
    fn behind(&self, digit: u32) -> u64 {
        let below = !(u64::MAX << digit);
        select_unpredictable(self.side == Side::Buy, below, u64::MAX << digit << 1)
    }

    /// Returns a word's best bit.
    #[inline]
    fn first(&self, bits: u64) -> u32 {
        let last = (DIGIT as u32).wrapping_sub(bits.leading_zeros());
        select_unpredictable(self.side == Side::Buy, last, bits.trailing_zeros())
    }

    /// Returns the page of a number.
    fn page(&self, number: u64) -> Option<u32> {
        if number >> (PAGE_BITS as usize * self.height) != 0 {
            return None;
        }
        let mut at = self.root;
        for height in (0..self.height).rev() {
            at = self.branches[at as usize].below[digit(number, height)];
            if at == NONE {
                return None;
            }
        }
        Some(at)
    }

    /// Returns the next page behind a number, which need not be there itself.
    #[cold]
    fn next_page(&self, number: u64) -> Option<(u64, u32)> {
        if number >> (PAGE_BITS as usize * self.height) != 0 {
            // Every page is smaller: behind a bid, ahead of an ask.
            let bits = self.branches[self.root as usize].bits;
            let is_behind = self.side == Side::Buy && bits != 0;
            return is_behind.then(|| self.descend(self.root, self.height - 1, bits, 0));
        }
        let mut fork = None;
        let mut at = self.root;
        for height in (0..self.height).rev() {
            let branch = &self.branches[at as usize];
            let digit = digit(number, height);
            let bits = branch.bits & self.behind(digit as u32);
            if bits != 0 {
                fork = Some((at, height, bits));
            }
            at = branch.below[digit];
            if at == NONE {
                break;
            }
        }
        let (at, height, bits) = fork?;
        let prefix = number >> (PAGE_BITS as usize * (height + 1));
        Some(self.descend(at, height, bits, prefix))
    }

    /// Returns the best page below some bits of a branch, whose number begins with a prefix.
    fn descend(&self, mut at: u32, top: usize, mut bits: u64, prefix: u64) -> (u64, u32) {
        let mut number = prefix;
        for height in (0..=top).rev() {
            let digit = self.first(bits);
            number = number << PAGE_BITS | u64::from(digit);
            at = self.branches[at as usize].below[digit as usize];
            if height > 0 {
                bits = self.branches[at as usize].bits;
            }
        }
        (number, at)
    }

    #[cold]
    fn add_page(&mut self, number: u64) -> u32 {
        while number >> (PAGE_BITS as usize * self.height) != 0 {
            assert!(self.height < HEIGHT_MAX, "a price is below 2^53");
            if self.branches[self.root as usize].bits != 0 {
                let root = self.add_branch();
                self.branches[root as usize].bits = 1;
                self.branches[root as usize].below[0] = self.root;
                self.root = root;
            }
            self.height += 1;
        }
        let mut at = self.root;
        for height in (1..self.height).rev() {
            let digit = digit(number, height);
            let mut below = self.branches[at as usize].below[digit];
            if below == NONE {
                below = self.add_branch();
                self.branches[at as usize].bits |= 1 << digit;
                self.branches[at as usize].below[digit] = below;
            }
            at = below;
        }
        let page = self.free_pages.pop().unwrap_or_else(|| {
            self.page_bits.push(0);
            self.levels.resize(self.levels.len() + 64, EMPTY);
            self.page_bits.len() as u32 - 1
        });
        let digit = digit(number, 0);
        self.branches[at as usize].bits |= 1 << digit;
        self.branches[at as usize].below[digit] = page;
        page
    }

    fn add_branch(&mut self) -> u32 {
        self.free_branches.pop().unwrap_or_else(|| {
            self.branches.push(BARE);
            self.branches.len() as u32 - 1
        })
    }

    #[cold]
    fn drop_page(&mut self, number: u64, page: u32) {
        let seen = &mut self.recent[(number & DIGIT) as usize];
        if seen.number == number {
            *seen = UNSEEN;
        }
        self.free_pages.push(page);
        let mut path = [NONE; HEIGHT_MAX];
        let mut at = self.root;
        for height in (0..self.height).rev() {
            path[height] = at;
            at = self.branches[at as usize].below[digit(number, height)];
        }
        for (height, &at) in path.iter().enumerate().take(self.height) {
            let digit = digit(number, height);
            let branch = &mut self.branches[at as usize];
            branch.bits &= !(1 << digit);
            branch.below[digit] = NONE;
            if branch.bits != 0 || at == self.root {
                break;
            }
            self.free_branches.push(at);
        }
        self.lower();
    }

    /// Takes off the root while it only leads to the pages that a lower tree would hold.
    fn lower(&mut self) {
        while self.height > 1 {
            let root = &mut self.branches[self.root as usize];
            match root.bits {
                0 => {}
                1 => {
                    let below = root.below[0];
                    *root = BARE;
                    self.free_branches.push(self.root);
                    self.root = below;
                }
                _ => return,
            }
            self.height -= 1;
        }
    }
}

#[inline]
fn split(price_ticks: i64) -> (u64, u32) {
    let price = price_ticks.cast_unsigned();
    (price >> PAGE_BITS, (price & DIGIT) as u32)
}

#[inline]
fn join(number: u64, tick: u32) -> i64 {
    (number << PAGE_BITS | u64::from(tick)).cast_signed()
}

#[inline]
fn digit(number: u64, height: usize) -> usize {
    (number >> (PAGE_BITS as usize * height) & DIGIT) as usize
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
    use std::collections::BTreeSet;

    fn behind(model: &BTreeSet<i64>, side: Side, price: i64) -> i64 {
        let found = match side {
            Side::Buy => model.range(..price).next_back(),
            Side::Sell => model.range(price + 1..).next(),
        };
        found.copied().unwrap_or(0)
    }

    fn best(model: &BTreeSet<i64>, side: Side) -> i64 {
        let found = match side {
            Side::Buy => model.last(),
            Side::Sell => model.first(),
        };
        found.copied().unwrap_or(0)
    }

    #[test]
    fn it_agrees_with_a_sorted_set_on_random_operations() {
        for seed in 0..60 {
            let mut random = Seeded::new(seed);
            let side = if seed % 2 == 0 { Side::Buy } else { Side::Sell };
            let bits = [8, 13, 20, 30, 53][random.below(5)];
            let mut ladder = Ladder::new(side);
            let (mut model, mut seen) = (BTreeSet::new(), Vec::new());
            let centre = random.below(1 << bits) as i64;
            for _ in 0..3_000 {
                let spread = [4, 200, 10_000, 1 << bits][random.below(4)];
                let price = (centre + random.below(spread) as i64) % (1 << bits) + 1;
                if let Some(level) = ladder.find(price) {
                    assert!(model.remove(&price));
                    ladder.close(price, level);
                } else {
                    assert!(model.insert(price));
                    let (_, level) = ladder.open(price);
                    ladder.level_mut(level).lots = price;
                    seen.push((level, price));
                    assert_eq!(ladder.open(price).1, level, "an open level stays where it is");
                }
                if random.below(100) == 0 {
                    for price in std::mem::take(&mut model) {
                        let level = ladder.find(price).unwrap();
                        ladder.close(price, level);
                    }
                    assert_eq!(ladder.height, 1, "an empty ladder is low again");
                    assert_eq!(ladder.free_branches.len() + 1, ladder.branches.len());
                }
                if !seen.is_empty() {
                    let (level, price) = seen[random.below(seen.len())];
                    let lots = if model.contains(&price) { price } else { 0 };
                    assert_eq!(ladder.lots_of(level, price), lots, "wherever its level is now");
                }
                assert_eq!(ladder.best(), best(&model, side));
                assert_eq!(ladder.find(ladder.best()).unwrap_or(NONE), ladder.best_level());
                assert_eq!(ladder.after(price), behind(&model, side, price));
                assert_eq!(ladder.find(price).is_some(), model.contains(&price));
            }
            let mut price = ladder.best();
            for &expected in &model {
                if side == Side::Sell {
                    assert_eq!(price, expected);
                    price = ladder.after(price);
                }
            }
        }
    }

    #[test]
    fn memory_follows_what_rests_and_not_where_it_rested() {
        let mut ladder = Ladder::new(Side::Sell);
        let mut random = Seeded::new(1);
        for _ in 0..100_000 {
            let price = 1 + random.below(1 << 53) as i64;
            let (_, level) = ladder.open(price);
            ladder.close(price, level);
        }
        assert_eq!(ladder.page_bits.len(), 1);
        assert!(ladder.branches.len() <= HEIGHT_MAX);
    }
}
