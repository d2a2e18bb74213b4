//! A table of numbers by number, with the same order of everything in every run.
//!
//! Power of two, linear probing, at most half full, holes closed by moving later entries back, so
//! nothing is ever left behind by a removal. Keys are the engine's own consecutive numbers, which
//! the multiplier spreads evenly; it is no defence against keys chosen to collide.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: slots are masked to the table's length, which is a power of two of at most 2^33"
)]

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
const CAPACITY_MIN: usize = 16;

/// An empty slot has this value; no value is as large.
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    value: u32,
}

/// A map from `u64` to `u32` (below `u32::MAX`).
pub(crate) struct Table {
    slots: Vec<Slot>,
    /// 64 minus the logarithm of the number of slots: a hash's top bits are its home.
    shift: u32,
    /// How many more may come before it has to grow.
    room: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self::with_capacity(CAPACITY_MIN)
    }
}

impl Table {
    fn with_capacity(slots: usize) -> Self {
        debug_assert!(slots.is_power_of_two(), "slots are found by their top bits");
        let empty = Slot { key: 0, value: EMPTY };
        Self { slots: vec![empty; slots], shift: 64 - slots.trailing_zeros(), room: slots / 2 }
    }

    #[inline(always)]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(MULTIPLIER) >> self.shift) as usize
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// Returns a key's value.
    #[must_use]
    #[inline(always)]
    pub(crate) fn get(&self, key: u64) -> Option<u32> {
        self.find(key).map(|it| it.1)
    }

    /// Returns the slot of a key, and its value.
    #[must_use]
    #[inline(always)]
    pub(crate) fn find(&self, key: u64) -> Option<(usize, u32)> {
        let mask = self.mask();
        let mut at = self.home(key) & mask;
        loop {
            let slot = self.slots[at];
            if slot.value == EMPTY {
                return None;
            }
            if slot.key == key {
                return Some((at, slot.value));
            }
            at = (at + 1) & mask;
        }
    }

    /// Enters a key that is not there yet.
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: u64, value: u32) {
        debug_assert!(value != EMPTY, "that value marks an empty slot");
        debug_assert!(self.get(key).is_none(), "a key is entered once");
        if self.room == 0 {
            self.grow();
        }
        self.enter(Slot { key, value });
        self.room -= 1;
    }

    #[inline(always)]
    fn enter(&mut self, slot: Slot) {
        let mask = self.mask();
        let mut at = self.home(slot.key) & mask;
        while self.slots[at].value != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_capacity(self.slots.len() * 2);
        larger.room -= self.slots.len() / 2;
        for slot in self.slots.drain(..).filter(|slot| slot.value != EMPTY) {
            larger.enter(slot);
        }
        *self = larger;
    }

    /// Returns how many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() / 2 - self.room
    }

    /// Returns every key with its value, in no order.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (u64, u32)> {
        let full = self.slots.into_iter().filter(|slot| slot.value != EMPTY);
        full.map(|slot| (slot.key, slot.value))
    }

    /// Takes a key out and returns its value.
    #[inline(always)]
    pub(crate) fn remove(&mut self, key: u64) -> Option<u32> {
        let (slot, value) = self.find(key)?;
        self.clear(slot);
        Some(value)
    }

    /// Takes out what stands in a slot.
    #[inline(always)]
    pub(crate) fn clear(&mut self, slot: usize) {
        let mask = self.mask();
        let mut hole = slot;
        self.room += 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.value == EMPTY {
                break;
            }
            // An entry may fill the hole unless that lies before its home.
            let from_home = at.wrapping_sub(self.home(slot.key)) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole].value = EMPTY;
    }
}

/// Keys below this are their own place.
const NEAR: u32 = 1 << 20;

/// A table for numbers that somebody chooses, nearly always small ones: an array for those.
#[derive(Default)]
pub(crate) struct Numbers {
    near: Vec<u32>,
    far: Table,
}

impl Numbers {
    /// Returns a number's value.
    #[inline(always)]
    pub(crate) fn get(&self, number: u32) -> Option<u32> {
        match self.near.get(number as usize) {
            Some(&EMPTY) => None,
            Some(&value) => Some(value),
            None => self.get_far(number),
        }
    }

    #[cold]
    fn get_far(&self, number: u32) -> Option<u32> {
        self.far.get(u64::from(number))
    }

    /// Enters a number that is not there yet.
    pub(crate) fn insert(&mut self, number: u32, value: u32) {
        if number >= NEAR {
            return self.far.insert(u64::from(number), value);
        }
        let at = number as usize;
        if at >= self.near.len() {
            self.near.resize(at + 1, EMPTY);
        }
        self.near[at] = value;
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

    /// The naive model: a list of pairs.
    #[test]
    fn it_agrees_with_a_list_on_random_operations() {
        for seed in 0..20 {
            let mut random = Seeded::new(seed);
            let mut table = Table::default();
            let mut model: Vec<(u64, u32)> = Vec::new();
            // Few keys, some of them huge, so that runs of neighbours wrap around the end.
            let spread = [1, 64, 1 << 40, u64::MAX / 200][random.below(4)];
            for step in 0..4_000_u32 {
                let key = (random.below(150) as u64).wrapping_mul(spread);
                let at = model.iter().position(|pair| pair.0 == key);
                assert_eq!(table.get(key), at.map(|at| model[at].1));
                match (at, random.below(3)) {
                    (None, 0 | 1) => {
                        table.insert(key, step);
                        model.push((key, step));
                    }
                    (Some(at), 0) => {
                        assert_eq!(table.remove(key), Some(model.swap_remove(at).1));
                    }
                    (None, _) => assert_eq!(table.remove(key), None),
                    (Some(_), _) => {}
                }
                assert_eq!(table.len(), model.len());
            }
            for (key, value) in model {
                assert_eq!(table.remove(key), Some(value), "a removal lost a neighbour");
            }
            assert!(
                table.slots.iter().all(|slot| slot.value == EMPTY),
                "something was left behind"
            );
        }
    }

    #[test]
    fn consecutive_keys_stay_near_home() {
        let mut table = Table::default();
        for key in 1..=100_000 {
            table.insert(key, 0);
        }
        let mask = table.mask();
        let farthest = (0..table.slots.len())
            .filter(|&at| table.slots[at].value != EMPTY)
            .map(|at| at.wrapping_sub(table.home(table.slots[at].key)) & mask)
            .max();
        assert!(farthest < Some(8), "{farthest:?} slots from home");
    }
}
