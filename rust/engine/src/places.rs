//! Where open orders are, by the numbers that the engine gives them.
//!
//! Numbers rise and most orders are young: a ring has a slot for each of the newest numbers, so what
//! came together stands together and nothing has to be searched for. Orders that the ring has left
//! behind are few, and stand in a hash table; where they are not, the ring grows, unless its own are
//! so far apart that it would not help.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: slots are masked to the ring's length, which is a power of two, and a number is \
              counted up to one that exists"
)]

use crate::table::Table;

const RECENT_MIN: u64 = 1 << 8;
const RECENT_MAX: usize = 1 << 24;

/// The ring grows when it holds, and has left behind, more than one order for so many slots.
const SLOTS_PER_ORDER: usize = 32;

/// No such order.
const NONE: u32 = u32::MAX;

/// A map from order numbers to `u32` (below `u32::MAX`).
pub(crate) struct Places {
    /// By the last digits of the number: the newest one and those before it.
    recent: Vec<u32>,
    mask: usize,
    /// How many orders the ring holds.
    count: usize,
    newest: u64,
    old: Table,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            recent: vec![NONE; RECENT_MIN as usize],
            mask: RECENT_MIN as usize - 1,
            count: 0,
            newest: 0,
            old: Table::default(),
        }
    }
}

impl Places {
    #[inline(always)]
    fn at(&self, order_id: u64) -> usize {
        order_id as usize & self.mask
    }

    /// Returns the slot of a number, if the ring has reached it and not left it behind.
    #[inline(always)]
    fn slot(&self, order_id: u64) -> Option<usize> {
        match self.newest.checked_sub(order_id) {
            Some(age) if age < self.recent.len() as u64 => Some(self.at(order_id)),
            _ => None,
        }
    }

    /// Returns how many orders there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count + self.old.len()
    }

    /// Returns an order's place.
    #[inline(always)]
    pub(crate) fn get(&self, order_id: u64) -> Option<u32> {
        match self.slot(order_id) {
            Some(slot) => Some(self.recent[slot]).filter(|&it| it != NONE),
            None => self.get_old(order_id),
        }
    }

    /// Returns an order's place, and where that is written: past the ring's end for the table.
    #[inline(always)]
    pub(crate) fn find(&self, order_id: u64) -> Option<(u32, usize)> {
        let Some(slot) = self.slot(order_id) else {
            return self.get_old(order_id).map(|place| (place, usize::MAX));
        };
        let place = self.recent[slot];
        (place != NONE).then_some((place, slot))
    }

    /// Takes an order out that has just been found there.
    #[inline(always)]
    pub(crate) fn clear(&mut self, order_id: u64, slot: usize) {
        match self.recent.get_mut(slot) {
            Some(place) => {
                *place = NONE;
                self.count = self.count.wrapping_sub(1);
            }
            None => drop(self.remove_old(order_id)),
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
        match order_id.checked_sub(self.newest) {
            Some(1) => {}
            Some(2..=RECENT_MIN) => self.move_on(order_id - 1),
            _ => return self.insert_apart(order_id, place),
        }
        let slot = self.next(order_id);
        self.recent[slot] = place;
        self.count = self.count.wrapping_add(1);
    }

    /// Enters an order that is not one of the next.
    #[cold]
    fn insert_apart(&mut self, order_id: u64, place: u32) {
        if order_id > self.newest {
            self.leave_all_behind(order_id);
            self.move_on(order_id);
        }
        match self.slot(order_id) {
            Some(slot) => {
                self.recent[slot] = place;
                self.count += 1;
            }
            None => self.old.insert(order_id, place),
        }
    }

    /// Makes a number the newest.
    #[inline(always)]
    fn move_on(&mut self, order_id: u64) {
        while self.newest != order_id {
            self.next(self.newest + 1);
        }
    }

    /// Makes the number behind the newest the newest, and returns its slot, which is empty.
    #[inline(always)]
    fn next(&mut self, order_id: u64) -> usize {
        self.newest = order_id;
        let slot = self.at(order_id);
        match self.recent[slot] {
            NONE => slot,
            _ => self.leave_behind(),
        }
    }

    /// Takes an order out, and returns its place.
    #[inline(always)]
    pub(crate) fn remove(&mut self, order_id: u64) -> Option<u32> {
        let Some(slot) = self.slot(order_id) else { return self.remove_old(order_id) };
        let place = std::mem::replace(&mut self.recent[slot], NONE);
        if place == NONE {
            return None;
        }
        self.count = self.count.wrapping_sub(1);
        Some(place)
    }

    #[cold]
    fn remove_old(&mut self, order_id: u64) -> Option<u32> {
        self.old.remove(order_id)
    }

    /// Makes the slot free that the newest number needs: what is there is old, or the ring grows.
    #[cold]
    fn leave_behind(&mut self) -> usize {
        let length = self.recent.len();
        if self.old.len().min(self.count) >= length / SLOTS_PER_ORDER && length < RECENT_MAX {
            self.grow();
            return self.at(self.newest);
        }
        let slot = self.at(self.newest);
        let place = std::mem::replace(&mut self.recent[slot], NONE);
        self.count -= 1;
        self.old.insert(self.newest - length as u64, place);
        slot
    }

    /// Moves on to a number that is far ahead: everything in the ring is old.
    #[cold]
    fn leave_all_behind(&mut self, order_id: u64) {
        let length = self.recent.len() as u64;
        if order_id - self.newest < length {
            return;
        }
        let first = self.newest.saturating_sub(length - 1);
        for number in first..=self.newest {
            let slot = self.at(number);
            let place = std::mem::replace(&mut self.recent[slot], NONE);
            if place != NONE {
                self.old.insert(number, place);
            }
        }
        self.count = 0;
        self.newest = order_id;
    }

    /// Doubles the ring; numbers that it now reaches come back from the old ones.
    fn grow(&mut self) {
        let before = self.recent.len() as u64;
        let larger = vec![NONE; self.recent.len() * 2];
        let smaller = std::mem::replace(&mut self.recent, larger);
        self.mask = self.recent.len() - 1;
        // The newest number has come, and its slot still holds what is one turn older.
        for age in 1..=before.min(self.newest) {
            let (number, slot) = (self.newest - age, self.at(self.newest - age));
            self.recent[slot] = smaller[number as usize & (smaller.len() - 1)];
        }
        for (order_id, place) in std::mem::take(&mut self.old).into_entries() {
            match self.slot(order_id) {
                Some(slot) => {
                    self.recent[slot] = place;
                    self.count += 1;
                }
                None => self.old.insert(order_id, place),
            }
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
    use std::collections::BTreeMap;

    #[test]
    fn it_agrees_with_a_map_on_random_operations() {
        for seed in 0..30 {
            let mut random = Seeded::new(seed);
            let (mut places, mut model) = (Places::default(), BTreeMap::new());
            let mut next = 1 + random.below(1 << 20) as u64;
            // Numbers that rise by one, by pages, or past the whole window.
            let stride = [1, 40, 3_000, RECENT_MAX << 8][random.below(4)];
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
                        let expected = model.remove(&order_id);
                        if let Some((place, slot)) = places.find(order_id).filter(|_| step % 2 == 0)
                        {
                            places.clear(order_id, slot);
                            assert_eq!(Some(place), expected);
                        } else {
                            assert_eq!(places.remove(order_id), expected);
                        }
                        assert_eq!(places.get(order_id), None);
                    }
                }
                let any = next - random.below(next.min(2_000) as usize) as u64;
                assert_eq!(places.get(any), model.get(&any).copied());
                assert_eq!(places.old.len() + places.count, model.len());
            }
            for (order_id, place) in model {
                assert_eq!(places.remove(order_id), Some(place));
            }
            assert_eq!(places.old.len(), 0);
            assert!(places.recent.iter().all(|&it| it == NONE), "something was left behind");
        }
    }

    #[test]
    fn the_ring_is_as_long_as_orders_live() {
        let mut places = Places::default();
        for order_id in 1..100_000 {
            places.insert(order_id, 1);
            if order_id > 3_000 {
                assert_eq!(places.remove(order_id - 3_000), Some(1));
            }
        }
        assert_eq!(places.recent.len(), 4_096);
        assert_eq!(places.old.len(), 0);
    }

    #[test]
    fn the_ring_stays_short_where_orders_are_far_apart() {
        let mut places = Places::default();
        for at in 1..10_000 {
            places.insert(at * 1_000, 1);
        }
        assert_eq!(places.recent.len() as u64, RECENT_MIN);
        assert_eq!(places.old.len() + places.count, 9_999);
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
