//! Memory for what a run finds, had from the system before somebody waits for it.
//!
//! A page that no process has touched is cleared by the system when it is first written, which takes
//! longer than what a run writes into it. So whoever loads data lets another thread write into room
//! for the first run, and each run leaves its room to the next.

use super::{Aim, Machine};
use crate::curve::POINTS_MAX;
use crate::market::Market;
use crate::rows::{FillRow, OrderRow, Point};

/// Room for changes of a target, orders, fills and points of a curve; it holds none.
#[derive(Debug, Default)]
pub struct Room {
    pub(super) orders: Vec<OrderRow>,
    pub(super) fills: Vec<FillRow>,
    pub(super) by_engine: Vec<usize>,
    pub(super) points: Vec<Point>,
    pub(super) aims: Vec<Aim>,
}

impl Room {
    /// Returns room for so many orders with a fill each, all of it written to.
    #[must_use]
    pub fn written(orders: usize) -> Self {
        let mut room = Self {
            orders: vec![OrderRow { engine_id: 1, ..OrderRow::default() }; orders],
            fills: vec![FillRow { order: 1, ..FillRow::default() }; orders],
            by_engine: vec![usize::MAX; orders.saturating_add(1)],
            points: vec![Point { time_ns: 1, ..Point::default() }; POINTS_MAX.saturating_add(1)],
            aims: vec![Aim { bar: 1, lots: 1 }; orders],
        };
        room.clear();
        room
    }

    /// Returns for how many orders it is, or changes of a target; the curve's points are few.
    #[must_use]
    pub fn for_orders(&self) -> usize {
        let rows = self.orders.capacity().max(self.fills.capacity());
        rows.max(self.by_engine.capacity()).max(self.aims.capacity())
    }

    fn clear(&mut self) {
        self.orders.clear();
        self.fills.clear();
        self.by_engine.clear();
        self.points.clear();
        self.aims.clear();
    }
}

impl<M: Market> Machine<M> {
    /// Takes room, before anything is fed.
    pub fn move_into(&mut self, room: Room) {
        let Room { orders, fills, mut by_engine, points, aims } = room;
        by_engine.push(usize::MAX);
        (self.orders, self.fills, self.by_engine) = (orders, fills, by_engine);
        self.aims_room = aims;
        self.curve.move_into(points);
    }

    /// Gives away the room for changes of a target.
    pub fn room_for_aims(&mut self) -> Vec<Aim> {
        std::mem::take(&mut self.aims_room)
    }

    /// Leaves the room of what was found, which is forgotten.
    pub fn move_out(&mut self) -> Room {
        let mut room = Room {
            orders: std::mem::take(&mut self.orders),
            fills: std::mem::take(&mut self.fills),
            by_engine: std::mem::take(&mut self.by_engine),
            points: self.curve.move_out(),
            aims: self.room_for_aims(),
        };
        room.clear();
        room
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use super::super::tests::{hungry, rules, walk};
    use super::*;
    use crate::any::AnyMarket;
    use crate::latency::Dice;

    /// Returns a machine that has traded by targets, in a room or without one.
    fn traded(seed: u64, room: Option<Room>) -> Machine<AnyMarket> {
        let mut dice = Dice::new(seed);
        let mut machine = hungry(seed, rules(&mut dice));
        let bars = walk(seed, 600);
        let mut aims = Vec::new();
        for bar in (0..bars.len()).step_by(1 + usize::try_from(seed % 5).unwrap_or(0)) {
            aims.push(Aim { bar, lots: i64::try_from(dice.below(500)).unwrap_or(0) });
        }
        if let Some(room) = room {
            machine.move_into(room);
        }
        machine.feed_bars(bars.as_slice());
        let mut done = 0;
        while !machine.aim(bars.as_slice(), &aims, &mut done, 50) {}
        machine.close();
        machine
    }

    #[test]
    fn a_room_is_nowhere_in_what_is_found() {
        let mut room = Room::written(10);
        let mut fills = 0;
        for seed in 0..40 {
            let one = traded(seed, None);
            let mut other = traded(seed, Some(room));
            assert_eq!(one.orders(), other.orders(), "seed {seed}");
            assert_eq!(one.fills(), other.fills(), "seed {seed}");
            assert_eq!(one.curve.points(), other.curve.points(), "seed {seed}");
            fills += one.fills().len();
            room = other.move_out();
            assert!(other.fills().is_empty() && other.orders().is_empty());
            assert!(room.for_orders() >= one.orders().len(), "what grew stays");
        }
        assert!(fills > 2_000, "{fills} are too few to tell");
    }

    #[test]
    fn written_room_is_empty_and_large_enough() {
        let room = Room::written(100);
        let lengths =
            [room.orders.len(), room.fills.len(), room.by_engine.len(), room.points.len()];
        assert_eq!(lengths, [0; 4]);
        assert!(room.orders.capacity() >= 100 && room.fills.capacity() >= 100);
        assert!(room.by_engine.capacity() > 100, "numbers of the engine begin at 1");
        let wide = Room { aims: Vec::with_capacity(1_000), ..Room::default() };
        assert!(wide.for_orders() >= 1_000, "what is large is seen, wherever it is");
    }
}
