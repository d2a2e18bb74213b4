//! Where open orders are, by the numbers that the engine gives them.
//!
//! Numbers rise and most orders are young: a window of pages over the newest numbers holds a place
//! for each, so what came together stands together and nothing has to be searched for. Orders that
//! the window has left behind are few, and stand in a hash table.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: pages come from this file's own lists, and numbers in a page are masked"
)]

use std::collections::VecDeque;

use crate::table::Table;

const PAGE_BITS: u32 = 8;
const PAGE: usize = 1 << PAGE_BITS;

/// The most pages of the window: sixteen million numbers.
const WINDOW_MAX: u64 = 1 << 16;

/// No such page, no such order.
const NONE: u32 = u32::MAX;

/// A map from order numbers to `u32` (below `u32::MAX`).
#[derive(Default)]
pub(crate) struct Places {
    /// The number of the first page of the window.
    first: u64,
    window: VecDeque<u32>,
    slots: Vec<u32>,
    counts: Vec<u32>,
    free: Vec<u32>,
    old: Table,
}

impl Places {
    /// Returns where a number stands in `slots`, if its page is there.
    #[inline(always)]
    fn slot(&self, order_id: u64) -> Option<usize> {
        let at = (order_id >> PAGE_BITS).wrapping_sub(self.first);
        match self.window.get(at as usize) {
            Some(&page) if page != NONE => {
                Some((page as usize) << PAGE_BITS | order_id as usize & (PAGE - 1))
            }
            _ => None,
        }
    }

    /// Returns an order's place.
    #[inline(always)]
    pub(crate) fn get(&self, order_id: u64) -> Option<u32> {
        match self.slot(order_id) {
            Some(slot) => Some(self.slots[slot]).filter(|&it| it != NONE),
            None => self.get_old(order_id),
        }
    }

    #[cold]
    fn get_old(&self, order_id: u64) -> Option<u32> {
        self.old.get(order_id)
    }

    /// Enters an order that is not there yet.
    #[inline(always)]
    pub(crate) fn insert(&mut self, order_id: u64, place: u32) {
        debug_assert!(place != NONE, "that place marks an empty slot");
        let Some(slot) = self.slot(order_id).or_else(|| self.make_room(order_id)) else {
            return self.old.insert(order_id, place);
        };
        self.slots[slot] = place;
        self.counts[slot >> PAGE_BITS] += 1;
    }

    /// Takes an order out, and returns its place.
    #[inline(always)]
    pub(crate) fn remove(&mut self, order_id: u64) -> Option<u32> {
        let Some(slot) = self.slot(order_id) else { return self.remove_old(order_id) };
        let place = self.slots[slot];
        if place == NONE {
            return None;
        }
        self.slots[slot] = NONE;
        let count = &mut self.counts[slot >> PAGE_BITS];
        *count -= 1;
        if *count == 0 {
            self.drop_page(order_id >> PAGE_BITS);
        }
        Some(place)
    }

    #[cold]
    fn remove_old(&mut self, order_id: u64) -> Option<u32> {
        self.old.remove(order_id)
    }

    /// Gives an empty page back, unless it is the newest, which will be needed again.
    #[cold]
    fn drop_page(&mut self, number: u64) {
        let at = (number - self.first) as usize;
        if at + 1 == self.window.len() {
            return;
        }
        self.free.push(std::mem::replace(&mut self.window[at], NONE));
        while self.window.front() == Some(&NONE) {
            self.window.pop_front();
            self.first += 1;
        }
    }

    /// Gives the newest page back if it is empty, because a newer one comes.
    fn drop_newest(&mut self) {
        let Some(&page) = self.window.back() else { return };
        if page != NONE && self.counts[page as usize] == 0 {
            self.free.push(page);
            self.window.pop_back();
        }
        while self.window.front() == Some(&NONE) {
            self.window.pop_front();
            self.first += 1;
        }
    }

    /// Makes a page for a number, and returns its slot; None for one that the window has left.
    #[cold]
    fn make_room(&mut self, order_id: u64) -> Option<usize> {
        let number = order_id >> PAGE_BITS;
        if number >= self.first + self.window.len() as u64 {
            self.drop_newest();
        }
        if self.window.is_empty() {
            self.first = number;
        }
        if number < self.first || self.old.get(order_id).is_some() {
            return None;
        }
        while number - self.first >= WINDOW_MAX && !self.window.is_empty() {
            self.leave_behind();
        }
        if self.window.is_empty() {
            self.first = number;
        }
        while self.first + self.window.len() as u64 <= number {
            self.window.push_back(NONE);
        }
        let page = self.free.pop().unwrap_or_else(|| {
            self.slots.resize(self.slots.len() + PAGE, NONE);
            self.counts.push(0);
            self.counts.len() as u32 - 1
        });
        self.window[(number - self.first) as usize] = page;
        self.slot(order_id)
    }

    /// Moves what the first page of the window holds to the old ones.
    fn leave_behind(&mut self) {
        let first = self.first;
        self.first += 1;
        let Some(page) = self.window.pop_front().filter(|&it| it != NONE) else { return };
        for at in 0..PAGE {
            let slot = (page as usize) << PAGE_BITS | at;
            let place = std::mem::replace(&mut self.slots[slot], NONE);
            if place != NONE {
                self.old.insert(first << PAGE_BITS | at as u64, place);
            }
        }
        self.counts[page as usize] = 0;
        self.free.push(page);
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
    use std::collections::BTreeMap;

    #[test]
    fn it_agrees_with_a_map_on_random_operations() {
        for seed in 0..30 {
            let mut random = Seeded::new(seed);
            let (mut places, mut model) = (Places::default(), BTreeMap::new());
            let mut next = 1 + random.below(1 << 20) as u64;
            // Numbers that rise by one, by pages, or past the whole window.
            let stride = [1, 40, 3_000, WINDOW_MAX << PAGE_BITS][random.below(4)] as usize;
            for step in 0..4_000_u32 {
                match random.below(3) {
                    0 | 1 => {
                        next += 1 + random.below(stride) as u64;
                        places.insert(next, step);
                        model.insert(next, step);
                    }
                    _ => {
                        let any = model.keys().nth(random.below(model.len().max(1))).copied();
                        let order_id = any.unwrap_or(0);
                        assert_eq!(places.remove(order_id), model.remove(&order_id));
                        assert_eq!(places.get(order_id), None);
                    }
                }
                let any = next - random.below(next.min(2_000) as usize) as u64;
                assert_eq!(places.get(any), model.get(&any).copied());
                assert!(places.window.len() as u64 <= WINDOW_MAX);
            }
            for (order_id, place) in model {
                assert_eq!(places.remove(order_id), Some(place));
            }
            places.drop_newest();
            assert!(places.window.is_empty());
            assert_eq!(places.free.len(), places.counts.len(), "every page was given back");
        }
    }

    #[test]
    fn numbers_may_come_in_any_order_and_from_anywhere() {
        let mut places = Places::default();
        let numbers = [u64::MAX, 1, u64::MAX - 1, 1 << 40, 5, 0, u64::MAX - (1 << 30)];
        for (place, &order_id) in (0..).zip(&numbers) {
            places.insert(order_id, place);
        }
        for (place, &order_id) in (0..).zip(&numbers) {
            assert_eq!(places.get(order_id), Some(place));
            assert_eq!(places.remove(order_id), Some(place));
            assert_eq!(places.remove(order_id), None);
        }
    }
}
