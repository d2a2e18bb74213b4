//! One side of a book: sizes by price, best first.
//!
//! Prices turn into keys that grow towards the best price, so both sides are the same code.
//! Sixty-four neighbouring keys are a page: a word of bits and a size per key, made when the first
//! of them gets a size. A sorted list names the pages, the best at its end; a page used lately is
//! found without it. The last one in the list is never empty; others that are stay, because prices
//! come back, until they are more than those that hold something. Memory follows what rests, never
//! the range of prices.
//!
//! What rests off the tick is shown at the next whole tick away from the other side, added to what
//! rests there; its own price says which of them a change is about.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hot: places come from this file's own lists, a tick in a page is six bits, and keys \
              are from 0 to 2^53"
)]

use std::collections::BTreeMap;

/// The largest price in ticks: exact in JSON and in JavaScript.
pub const TICKS_MAX: i64 = 1 << 53;

/// So many levels a side keeps; beyond it the worst leaves.
pub const BOOK_LEVELS_MAX: usize = 10_000;

/// So many levels off the tick a side keeps; beyond it others are passed over.
pub const ODD_LEVELS_MAX: usize = 10_000;

const PAGE_BITS: u32 = 6;
const TICK: u64 = 63;
const RECENT: usize = 256;

/// Room for so many pages is there from the start: to move them later would hold up a change.
const PAGES: usize = 1024;

/// So many pages more than others may be empty.
const EMPTY_MAX: usize = 64;

/// A price and how much rests there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price, 0 to [`TICKS_MAX`].
    pub price_ticks: i64,
    /// The size; 0 in a change removes the level.
    pub size_lots: i64,
}

/// A level whose price is no whole number of ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OddLevel {
    /// The price in units of the last decimal that the venue may write.
    pub price: i64,
    /// Where it is shown: the next whole tick that is no better.
    pub price_ticks: i64,
    /// The size; 0 in a change removes the level.
    pub size_lots: i64,
}

/// Which side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who buys: the highest price is best.
    Bids,
    /// Who sells: the lowest price is best.
    Asks,
}

#[derive(Clone)]
struct Page {
    bits: u64,
    lots: [i64; 64],
}

/// Where a page stands, by the upper bits of its keys.
#[derive(Clone, Copy)]
struct Place {
    number: u64,
    page: usize,
}

const NOWHERE: Place = Place { number: u64::MAX, page: 0 };

/// The levels of one side.
#[derive(Clone)]
pub struct Levels {
    side: Side,
    count: usize,
    pages: Vec<Page>,
    free: Vec<usize>,
    /// Every page in use, worst first.
    places: Vec<Place>,
    /// How many of them are empty.
    empty: usize,
    recent: [Place; RECENT],
    /// What rests off the tick, by its price.
    odd: BTreeMap<i64, OddLevel>,
    /// How much of it is shown at a price in ticks.
    odd_at: BTreeMap<i64, i64>,
    /// The worst price down to which every level is known; None: all are.
    known_ticks: Option<i64>,
}

impl Levels {
    /// Returns a side on which nothing rests.
    #[must_use]
    pub fn new(side: Side) -> Self {
        let (pages, free, places) = (Vec::with_capacity(PAGES), Vec::new(), Vec::new());
        let (odd, odd_at) = (BTreeMap::new(), BTreeMap::new());
        let recent = [NOWHERE; RECENT];
        Self {
            side,
            count: 0,
            pages,
            free,
            places,
            empty: 0,
            recent,
            odd,
            odd_at,
            known_ticks: None,
        }
    }

    /// How many levels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many levels rest off the tick.
    #[must_use]
    pub fn odd_len(&self) -> usize {
        self.odd.len()
    }

    /// The worst price down to which every level is known; None: all are.
    #[must_use]
    pub fn known_ticks(&self) -> Option<i64> {
        self.known_ticks
    }

    /// Forgets everything but these; empty levels are passed over.
    pub fn replace(&mut self, levels: &[Level], odd: &[OddLevel], known_ticks: Option<i64>) {
        self.clear();
        self.known_ticks = known_ticks;
        for level in levels.iter().filter(|level| level.size_lots != 0) {
            self.set(*level);
        }
        for level in odd {
            self.change_odd(*level);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let pages = std::mem::take(&mut self.pages);
        *self = Self::new(self.side);
        self.pages = pages;
        self.pages.clear();
    }

    /// Sets the size at a price; beyond [`BOOK_LEVELS_MAX`] the worst level leaves.
    #[inline]
    pub fn change(&mut self, level: Level) {
        let level = if self.odd_at.is_empty() { level } else { self.with_odd(level) };
        let has_grown = self.set(level);
        if has_grown && self.count > BOOK_LEVELS_MAX {
            self.drop_worst();
        }
    }

    /// Adds what is shown there of other prices.
    #[cold]
    fn with_odd(&self, level: Level) -> Level {
        let odd = self.odd_at.get(&level.price_ticks).copied().unwrap_or(0);
        Level { size_lots: level.size_lots.saturating_add(odd), ..level }
    }

    /// Sets the size at a price off the tick; beyond [`ODD_LEVELS_MAX`] a new one is passed over.
    #[cold]
    pub fn change_odd(&mut self, level: OddLevel) {
        let OddLevel { price, price_ticks, size_lots } = level;
        let before = self.odd.get(&price).map_or(0, |it| it.size_lots);
        if before == 0 && (size_lots == 0 || self.odd.len() >= ODD_LEVELS_MAX) {
            return;
        }
        let shown = self.lots_at(price_ticks);
        let others = self.odd_at.get(&price_ticks).copied().unwrap_or(0).saturating_sub(before);
        let own = shown.saturating_sub(others).saturating_sub(before);
        match size_lots {
            0 => self.odd.remove(&price),
            _ => self.odd.insert(price, level),
        };
        match others.saturating_add(size_lots) {
            0 => self.odd_at.remove(&price_ticks),
            odd => self.odd_at.insert(price_ticks, odd),
        };
        self.change(Level { price_ticks, size_lots: own });
    }

    /// Returns the last price of taking a size, and the sum of price times lots; None: what is
    /// known does not hold it.
    #[must_use]
    pub fn walk(&self, size_lots: i64) -> Option<(i64, i128)> {
        let (mut left, mut total) = (size_lots, 0);
        for level in self.known() {
            let lots = left.min(level.size_lots);
            total += i128::from(level.price_ticks) * i128::from(lots);
            left -= lots;
            if left == 0 {
                return Some((level.price_ticks, total));
            }
        }
        None
    }

    /// Returns the levels down to the last price that is known, best first.
    pub fn known(&self) -> impl Iterator<Item = Level> {
        let worst = self.known_ticks.map_or(0, |it| self.key(it));
        self.iter().take_while(move |level| self.key(level.price_ticks) >= worst)
    }

    /// Returns the best level.
    #[must_use]
    #[inline]
    pub fn best(&self) -> Option<Level> {
        let place = self.places.last()?;
        let page = &self.pages[place.page];
        Some(self.level(place.number, page, TICK - u64::from(page.bits.leading_zeros())))
    }

    /// Returns the size at a price.
    #[must_use]
    pub fn lots_at(&self, price_ticks: i64) -> i64 {
        let key = self.key(price_ticks);
        let (number, tick) = (key >> PAGE_BITS, key & TICK);
        match self.places.binary_search_by_key(&number, |it| it.number) {
            Ok(at) => {
                let page = &self.pages[self.places[at].page];
                if page.bits >> tick & 1 == 1 { page.lots[tick as usize] } else { 0 }
            }
            Err(_) => 0,
        }
    }

    /// Returns the levels, best first.
    pub fn iter(&self) -> impl Iterator<Item = Level> {
        self.places.iter().rev().flat_map(move |place| {
            let page = &self.pages[place.page];
            let ticks = (0..=TICK).rev().filter(move |tick| page.bits >> tick & 1 == 1);
            ticks.map(move |tick| self.level(place.number, page, tick))
        })
    }

    #[inline(always)]
    fn key(&self, price_ticks: i64) -> u64 {
        debug_assert!((0..=TICKS_MAX).contains(&price_ticks), "{price_ticks}");
        (match self.side {
            Side::Bids => price_ticks,
            Side::Asks => TICKS_MAX - price_ticks,
        }) as u64
    }

    #[inline(always)]
    fn level(&self, number: u64, page: &Page, tick: u64) -> Level {
        let key = (number << PAGE_BITS | tick) as i64;
        let price_ticks = match self.side {
            Side::Bids => key,
            Side::Asks => TICKS_MAX - key,
        };
        Level { price_ticks, size_lots: page.lots[tick as usize] }
    }

    /// Sets the size at a price; returns whether there is a level more.
    #[inline(always)]
    fn set(&mut self, level: Level) -> bool {
        let key = self.key(level.price_ticks);
        let (number, tick) = (key >> PAGE_BITS, key & TICK);
        let recent = self.recent[number as usize % RECENT];
        let page = if recent.number == number {
            recent.page
        } else {
            match self.places.binary_search_by_key(&number, |it| it.number) {
                Ok(at) => self.remember(self.places[at]),
                Err(_) if level.size_lots == 0 => return false,
                Err(at) => self.open(number, at),
            }
        };
        let bit = 1 << tick;
        let held = &mut self.pages[page];
        let was_there = held.bits & bit != 0;
        if level.size_lots != 0 {
            held.lots[tick as usize] = level.size_lots;
            self.empty -= usize::from(held.bits == 0);
            held.bits |= bit;
            self.count += usize::from(!was_there);
            return !was_there;
        }
        if was_there {
            held.bits &= !bit;
            self.count -= 1;
            if held.bits == 0 {
                self.emptied();
            }
        }
        false
    }

    fn remember(&mut self, place: Place) -> usize {
        self.recent[place.number as usize % RECENT] = place;
        place.page
    }

    fn open(&mut self, number: u64, at: usize) -> usize {
        let empty = Page { bits: 0, lots: [0; 64] };
        let page = match self.free.pop() {
            Some(page) => {
                self.pages[page] = empty;
                page
            }
            None => {
                self.pages.push(empty);
                self.pages.len() - 1
            }
        };
        let place = Place { number, page };
        self.empty += 1;
        self.places.insert(at, place);
        self.remember(place)
    }

    /// A page has lost its last level.
    fn emptied(&mut self) {
        self.empty += 1;
        while let Some(place) = self.places.last().filter(|it| self.pages[it.page].bits == 0) {
            self.free.push(place.page);
            self.recent[place.number as usize % RECENT] = NOWHERE;
            self.places.pop();
            self.empty -= 1;
        }
        if self.empty > EMPTY_MAX + self.places.len() / 2 {
            let (pages, free) = (&self.pages, &mut self.free);
            self.places.retain(|it| {
                let is_used = pages[it.page].bits != 0;
                if !is_used {
                    free.push(it.page);
                }
                is_used
            });
            self.recent = [NOWHERE; RECENT];
            self.empty = 0;
        }
    }

    #[cold]
    fn drop_worst(&mut self) {
        if let Some(place) = self.places.iter().find(|it| self.pages[it.page].bits != 0) {
            let page = &self.pages[place.page];
            let tick = u64::from(page.bits.trailing_zeros());
            let worst = self.level(place.number, page, tick);
            self.set(Level { size_lots: 0, ..worst });
            self.odd.retain(|_, it| it.price_ticks != worst.price_ticks);
            self.odd_at.remove(&worst.price_ticks);
            let next = match self.side {
                Side::Bids => (worst.price_ticks + 1).min(TICKS_MAX),
                Side::Asks => (worst.price_ticks - 1).max(0),
            };
            let is_worse = |it: i64| self.key(it) < self.key(next);
            if self.known_ticks.is_none_or(is_worse) {
                self.known_ticks = Some(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;
    use std::collections::BTreeMap;

    fn check(levels: &Levels, expected: &BTreeMap<i64, i64>) {
        let mut all: Vec<Level> = expected
            .iter()
            .map(|(&price_ticks, &size_lots)| Level { price_ticks, size_lots })
            .collect();
        if levels.side == Side::Bids {
            all.reverse();
        }
        assert_eq!(levels.iter().collect::<Vec<_>>(), all);
        assert_eq!(levels.best(), all.first().copied());
        assert_eq!(levels.len(), all.len());
        assert_eq!(levels.is_empty(), all.is_empty());
    }

    #[test]
    fn any_changes_leave_what_an_ordered_map_holds() {
        for side in [Side::Bids, Side::Asks] {
            for seed in 0..200 {
                let mut random = Seeded::new(seed);
                let (mut levels, mut expected) = (Levels::new(side), BTreeMap::new());
                // Near prices, far prices, and both ends of all prices.
                let spread = [40, 5_000, TICKS_MAX as usize][seed as usize % 3];
                for _ in 0..300 {
                    let price_ticks = random.below(spread + 1) as i64;
                    let size_lots = random.below(3) as i64;
                    levels.change(Level { price_ticks, size_lots });
                    if size_lots == 0 {
                        expected.remove(&price_ticks);
                    } else {
                        expected.insert(price_ticks, size_lots);
                    }
                    assert_eq!(levels.lots_at(price_ticks), size_lots);
                }
                check(&levels, &expected);
                let kept: Vec<Level> = levels.iter().take(5).collect();
                levels.replace(&kept, &[], None);
                assert_eq!(levels.iter().collect::<Vec<_>>(), kept);
            }
        }
    }

    #[test]
    fn what_rests_off_the_tick_is_added_to_its_tick() {
        for side in [Side::Bids, Side::Asks] {
            for seed in 0..200 {
                let mut random = Seeded::new(seed);
                let mut levels = Levels::new(side);
                let (mut own, mut odd) = (BTreeMap::new(), BTreeMap::new());
                for _ in 0..200 {
                    let price_ticks = random.below(6) as i64;
                    let size_lots = random.below(3) as i64;
                    if random.below(2) == 0 {
                        levels.change(Level { price_ticks, size_lots });
                        own.insert(price_ticks, size_lots);
                    } else {
                        let price = price_ticks * 10 + 1 + random.below(3) as i64;
                        levels.change_odd(OddLevel { price, price_ticks, size_lots });
                        odd.insert(price, size_lots);
                    }
                    let mut sum = own.clone();
                    for (price, lots) in &odd {
                        *sum.entry(price / 10).or_default() += lots;
                    }
                    sum.retain(|_, lots| *lots != 0);
                    check(&levels, &sum);
                    assert_eq!(levels.odd_len(), odd.values().filter(|it| **it != 0).count());
                }
            }
        }
    }

    #[test]
    fn what_lies_beyond_the_last_known_price_is_not_walked_into() {
        let level = |price_ticks, size_lots| Level { price_ticks, size_lots };
        let mut bids = Levels::new(Side::Bids);
        bids.replace(&[level(10, 2), level(8, 3)], &[], Some(8));
        bids.change(level(5, 9));
        assert_eq!(bids.known().count(), 2);
        assert_eq!(bids.walk(5), Some((8, 44)));
        assert_eq!(bids.walk(6), None);
        assert_eq!(bids.len(), 3);
    }

    #[test]
    fn beyond_the_limit_the_worst_level_leaves() {
        let mut bids = Levels::new(Side::Bids);
        for price_ticks in 0..=BOOK_LEVELS_MAX as i64 {
            bids.change(Level { price_ticks, size_lots: 1 });
        }
        assert_eq!(bids.len(), BOOK_LEVELS_MAX);
        assert_eq!((bids.lots_at(0), bids.known_ticks()), (0, Some(1)));
        bids.change(Level { price_ticks: 0, size_lots: 1 });
        assert_eq!((bids.len(), bids.lots_at(0)), (BOOK_LEVELS_MAX, 0));
        bids.change(Level { price_ticks: 1, size_lots: 7 });
        assert_eq!((bids.len(), bids.lots_at(1)), (BOOK_LEVELS_MAX, 7));
    }
}
