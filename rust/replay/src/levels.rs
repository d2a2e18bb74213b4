//! The house's sizes on one side of a tape's book, by price.
//!
//! A price is a slot of eight bytes: nothing, lots, or a level where users stand as well, which is
//! marked. Sixty-four neighbouring ticks are a page, made when the first of them is taken and given
//! back when the last one empties; 4,096 pages are a chunk. The first page and the first chunk are
//! for ever empty and stand for all that are not there, so reading asks nobody. The best price is
//! kept and searched only when its slot empties. Memory follows what stands and not the tape; it
//! knows no queue, no users' orders and no trades: the engine does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hot: pages and chunks come from this file's own lists, and ticks are 32 bits"
)]

/// Marks a level where users' orders rest.
pub(crate) const USERS: u64 = 1 << 63;

const PAGE_BITS: u32 = 6;
const CHUNK_BITS: u32 = 18; // ticks
const DIGIT: u32 = 63;
const PAGES: u32 = 4_095; // of a chunk, as a mask

/// Room for so many pages is asked for at once: what is not touched costs nothing.
const ROOM: usize = 1_024;

/// The page of nothing, the chunk of nothing.
const NOWHERE: u32 = 0;

/// 4,096 neighbouring pages.
struct Chunk {
    pages: [u32; 4_096],
    /// Which of them are there.
    bits: [u64; 64],
    /// Which words of `bits` have one.
    words: u64,
}

const BARE: Chunk = Chunk { pages: [NOWHERE; 4_096], bits: [0; 64], words: 0 };

/// One side; a bid is the better the higher it is.
pub(crate) struct Levels<const IS_BID: bool> {
    best: i64,
    /// The chunk of each 2^18 ticks.
    top: Vec<u32>,
    chunks: Vec<Chunk>,
    free_chunks: Vec<u32>,
    page_bits: Vec<u64>,
    slots: Vec<[u64; 64]>,
    free_pages: Vec<u32>,
}

impl<const IS_BID: bool> Levels<IS_BID> {
    /// No best price: worse than every price, so that nothing reaches it.
    pub(crate) const NO_PRICE: i64 = if IS_BID { 0 } else { i64::MAX };

    /// Makes a side of prices up to one.
    pub(crate) fn new(tick_max: u32) -> Self {
        let (mut page_bits, mut slots) = (Vec::with_capacity(ROOM), Vec::with_capacity(ROOM));
        page_bits.push(0);
        slots.push([0; 64]);
        Self {
            best: Self::NO_PRICE,
            top: vec![NOWHERE; (tick_max >> CHUNK_BITS) as usize + 1],
            chunks: vec![BARE],
            free_chunks: Vec::new(),
            page_bits,
            slots,
            free_pages: Vec::new(),
        }
    }

    /// Returns the best price at which the house or a user stands, or `NO_PRICE`.
    #[inline(always)]
    pub(crate) fn best(&self) -> i64 {
        self.best
    }

    /// Returns whether one price is better than another.
    #[inline(always)]
    pub(crate) fn is_better(price: i64, than: i64) -> bool {
        if IS_BID { price > than } else { price < than }
    }

    /// Returns what is in the slot of a price.
    #[inline(always)]
    pub(crate) fn slot(&self, tick: u32) -> u64 {
        self.slots[self.page(tick) as usize][(tick & DIGIT) as usize]
    }

    /// Sets the house's size at a price; false, and nothing done, where users stand.
    #[inline(always)]
    pub(crate) fn put(&mut self, tick: u32, lots: u64) -> bool {
        let page = self.page(tick);
        let digit = tick & DIGIT;
        let slot = &mut self.slots[page as usize][digit as usize];
        if *slot & USERS != 0 {
            return false;
        }
        if page != NOWHERE && lots != 0 {
            *slot = lots;
            self.page_bits[page as usize] |= 1 << digit;
            if Self::is_better(i64::from(tick), self.best) {
                self.best = i64::from(tick);
            }
        } else if *slot != 0 {
            *slot = 0;
            self.emptied(tick, page);
        } else if lots != 0 {
            self.write_anew(tick, lots);
        }
        true
    }

    /// Takes a traded size off the house's at a price; false, and nothing done, where users stand.
    #[inline]
    pub(crate) fn take(&mut self, tick: u32, lots: u64) -> bool {
        let slot = self.slot(tick);
        if slot & USERS != 0 {
            return false;
        }
        slot == 0 || self.put(tick, slot.saturating_sub(lots))
    }

    /// Writes a slot whatever was there; 0 empties it.
    pub(crate) fn write(&mut self, tick: u32, slot: u64) {
        let page = self.page(tick);
        let digit = (tick & DIGIT) as usize;
        if slot != 0 {
            if page == NOWHERE {
                return self.write_anew(tick, slot);
            }
            self.slots[page as usize][digit] = slot;
            self.page_bits[page as usize] |= 1 << digit;
            if Self::is_better(i64::from(tick), self.best) {
                self.best = i64::from(tick);
            }
        } else if self.slots[page as usize][digit] != 0 {
            self.slots[page as usize][digit] = 0;
            self.emptied(tick, page);
        }
    }

    #[cold]
    #[inline(never)]
    fn write_anew(&mut self, tick: u32, slot: u64) {
        self.add_page(tick);
        self.write(tick, slot);
    }

    /// Returns the next worse price with something in its slot, or `NO_PRICE`.
    pub(crate) fn after(&self, price: i64) -> i64 {
        match u32::try_from(price) {
            Ok(tick) => {
                let bits = self.page_bits[self.page(tick) as usize] & Self::behind(tick & DIGIT);
                if bits != 0 { join(tick >> PAGE_BITS, Self::first(bits)) } else { self.far(tick) }
            }
            Err(_) => Self::NO_PRICE,
        }
    }

    /// Returns the prices with something in their slots, best first.
    pub(crate) fn prices(&self) -> impl Iterator<Item = u32> {
        let all = std::iter::successors(Some(self.best), |&it| Some(self.after(it)));
        all.take_while(|&it| it != Self::NO_PRICE).map(|it| it as u32)
    }

    /// Returns how many pages there is room for.
    #[cfg(test)]
    fn room(&self) -> (usize, usize) {
        (self.slots.len(), self.chunks.len())
    }

    #[inline(always)]
    fn page(&self, tick: u32) -> u32 {
        let chunk = self.top[(tick >> CHUNK_BITS) as usize];
        self.chunks[chunk as usize].pages[(tick >> PAGE_BITS & PAGES) as usize]
    }

    /// Takes note that a slot has become empty.
    #[inline(always)]
    fn emptied(&mut self, tick: u32, page: u32) {
        let bits = &mut self.page_bits[page as usize];
        *bits &= !(1 << (tick & DIGIT));
        let is_last = *bits == 0;
        if self.best == i64::from(tick) {
            self.best = self.after(self.best);
        }
        if is_last {
            self.drop_page(tick, page);
        }
    }

    /// Returns a word's bits that are worse than one of them.
    #[inline(always)]
    fn behind(digit: u32) -> u64 {
        if IS_BID { (1 << digit) - 1 } else { u64::MAX << digit << 1 }
    }

    /// Returns a word's best bit.
    #[inline(always)]
    fn first(bits: u64) -> u32 {
        if IS_BID { DIGIT - bits.leading_zeros() } else { bits.trailing_zeros() }
    }

    /// Returns the best price on another page than a tick's, behind it.
    #[cold]
    #[inline(never)]
    fn far(&self, tick: u32) -> i64 {
        let at = tick >> CHUNK_BITS;
        let page = tick >> PAGE_BITS & PAGES;
        let chunk = &self.chunks[self.top[at as usize] as usize];
        let (word, digit) = (page >> PAGE_BITS, page & DIGIT);
        let bits = chunk.bits[word as usize] & Self::behind(digit);
        if bits != 0 {
            return self.best_of(at, word << PAGE_BITS | Self::first(bits));
        }
        let words = chunk.words & Self::behind(word);
        if words != 0 {
            return self.best_of_word(at, Self::first(words));
        }
        let is_there = |&it: &u32| self.top[it as usize] != NOWHERE;
        let next = match IS_BID {
            true => (0..at).rev().find(is_there),
            false => (at + 1..self.top.len() as u32).find(is_there),
        };
        next.map_or(Self::NO_PRICE, |at| {
            let words = self.chunks[self.top[at as usize] as usize].words;
            self.best_of_word(at, Self::first(words))
        })
    }

    fn best_of_word(&self, at: u32, word: u32) -> i64 {
        let bits = self.chunks[self.top[at as usize] as usize].bits[word as usize];
        self.best_of(at, word << PAGE_BITS | Self::first(bits))
    }

    /// Returns the best price of one page of a chunk.
    fn best_of(&self, at: u32, page: u32) -> i64 {
        let number = self.chunks[self.top[at as usize] as usize].pages[page as usize];
        let bits = self.page_bits[number as usize];
        join(at << (CHUNK_BITS - PAGE_BITS) | page, Self::first(bits))
    }

    fn add_page(&mut self, tick: u32) {
        let at = (tick >> CHUNK_BITS) as usize;
        if self.top[at] == NOWHERE {
            self.top[at] = self.free_chunks.pop().unwrap_or_else(|| {
                self.chunks.push(BARE);
                self.chunks.len() as u32 - 1
            });
        }
        let number = self.free_pages.pop().unwrap_or_else(|| {
            self.page_bits.push(0);
            self.slots.push([0; 64]);
            self.slots.len() as u32 - 1
        });
        let chunk = &mut self.chunks[self.top[at] as usize];
        let page = tick >> PAGE_BITS & PAGES;
        chunk.pages[page as usize] = number;
        chunk.bits[(page >> PAGE_BITS) as usize] |= 1 << (page & DIGIT);
        chunk.words |= 1 << (page >> PAGE_BITS);
    }

    #[cold]
    #[inline(never)]
    fn drop_page(&mut self, tick: u32, number: u32) {
        let at = (tick >> CHUNK_BITS) as usize;
        let chunk = &mut self.chunks[self.top[at] as usize];
        let page = tick >> PAGE_BITS & PAGES;
        let word = (page >> PAGE_BITS) as usize;
        self.free_pages.push(number);
        chunk.pages[page as usize] = NOWHERE;
        chunk.bits[word] &= !(1 << (page & DIGIT));
        if chunk.bits[word] == 0 {
            chunk.words &= !(1 << word);
        }
        if chunk.words == 0 {
            self.free_chunks.push(self.top[at]);
            self.top[at] = NOWHERE;
        }
    }
}

#[inline(always)]
fn join(page: u32, digit: u32) -> i64 {
    i64::from(page << PAGE_BITS | digit)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may fall over")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::seeded::Seeded;

    fn agree<const IS_BID: bool>(ticks: &dyn Fn(&mut Seeded) -> u32) {
        for seed in 0..5 {
            let mut random = Seeded::new(seed);
            let mut levels = Levels::<IS_BID>::new(u32::MAX);
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            for _ in 0..800 {
                let tick = ticks(&mut random);
                let lots = random.below(4) as u64;
                match random.below(3) {
                    0 => {
                        assert!(levels.take(tick, lots), "no users stand here");
                        if let Some(stands) = model.get_mut(&tick) {
                            *stands = stands.saturating_sub(lots);
                        }
                    }
                    _ => {
                        assert!(levels.put(tick, lots), "no users stand here");
                        model.insert(tick, lots);
                    }
                }
                model.retain(|_, lots| *lots != 0);
                let best = match IS_BID {
                    true => model.last_key_value(),
                    false => model.first_key_value(),
                };
                let best = best.map_or(Levels::<IS_BID>::NO_PRICE, |it| i64::from(*it.0));
                assert_eq!(levels.best(), best);
                assert_eq!(levels.slot(tick), model.get(&tick).copied().unwrap_or(0));
            }
            let mut prices: Vec<u32> = model.keys().copied().collect();
            if IS_BID {
                prices.reverse();
            }
            assert_eq!(levels.prices().collect::<Vec<_>>(), prices);
        }
    }

    #[test]
    fn a_side_agrees_with_a_map_near_by_and_over_the_whole_range() {
        let near = |random: &mut Seeded| 6_000_000 + random.below(300) as u32;
        let far = |random: &mut Seeded| (random.next() as u32).max(1) | 0xF;
        let wide = |random: &mut Seeded| 1 + (random.below(40) as u32) * 99_991;
        agree::<true>(&near);
        agree::<false>(&near);
        agree::<true>(&far);
        agree::<false>(&far);
        agree::<true>(&wide);
        agree::<false>(&wide);
    }

    #[test]
    fn memory_follows_what_stands_and_not_where_it_stood() {
        let mut levels = Levels::<false>::new(u32::MAX);
        for step in 0..20_000_u32 {
            let tick = 1 + step * 200_000;
            assert!(levels.put(tick, 5) && levels.put(tick + 1, 7), "no users stand here");
            assert!(levels.put(tick, 0) && levels.put(tick + 1, 0), "no users stand here");
        }
        // The empty ones, and those that were used again and again; a pair may span two.
        assert!(levels.room().0 <= 3 && levels.room().1 <= 3, "{:?}", levels.room());
    }

    #[test]
    fn where_users_stand_nothing_is_put_past_them() {
        let mut levels = Levels::<true>::new(1_000);
        levels.write(7, USERS | 3);
        assert!(!levels.put(7, 9) && !levels.put(7, 0) && !levels.take(7, 1));
        assert_eq!((levels.slot(7), levels.best()), (USERS | 3, 7));
        levels.write(7, USERS);
        assert_eq!(levels.best(), 7, "users alone are a level");
        levels.write(7, 0);
        assert_eq!(levels.best(), Levels::<true>::NO_PRICE);
    }
}
