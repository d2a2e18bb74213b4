//! What is fed to the market of a tape: blocks of events, checked before any of them is played.
//!
//! The invariant: a block is taken whole or not at all, and what was taken is in the order of time, of
//! known kinds and possible sizes. A price that the listing does not have is passed over and counted.
//! What was played is dropped when the next block comes, so memory is that of a block.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "hot: positions are this file's own, and a tick is the lower half of its word"
)]

use std::fmt::{Display, Formatter};

use crate::rows::{Event, kind};
use crate::tape::TapeMarket;

/// The largest size of a level or a trade: what the engine takes.
const LOTS_MAX: i64 = 1 << 53;

/// The bytes of an event.
const EVENT_SIZE: usize = 24;

/// An event that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// Its place in the block.
    pub index: usize,
    /// The event.
    pub event: Event,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Display for BadEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Event { time_ns, lots, tick, kind } = self.event;
        let (at, what) = (self.index, self.what);
        write!(f, "event {at} {what} (time_ns {time_ns}, lots {lots}, tick {tick}, kind {kind})")
    }
}

impl TapeMarket {
    /// Adds the next block, as records of 24 bytes.
    ///
    /// # Errors
    ///
    /// An event is none, or comes before the one in front of it; then none of the block is added.
    pub fn feed(&mut self, records: &[u8]) -> Result<(), BadEvent> {
        self.add(records_of(records)?.iter().map(event_of))
    }

    /// Adds the next block, as three words of an event each.
    ///
    /// # Errors
    ///
    /// As of `feed`.
    pub fn feed_words(&mut self, words: impl Iterator<Item = [i64; 3]>) -> Result<(), BadEvent> {
        self.add(words.map(|[time_ns, lots, last]| {
            let last = last.cast_unsigned();
            Event { time_ns, lots, tick: last as u32, kind: (last >> 32) as u32 }
        }))
    }

    /// Adds the next block.
    ///
    /// # Errors
    ///
    /// As of `feed`.
    pub fn feed_events(&mut self, events: &[Event]) -> Result<(), BadEvent> {
        self.add(events.iter().copied())
    }

    /// Says that no block follows.
    pub fn finish(&mut self) {
        self.is_over = true;
    }

    /// Returns the time of the next event, if one was fed.
    #[must_use]
    pub fn next_event_ns(&self) -> Option<i64> {
        self.block.get(self.at).map(|it| it.time_ns)
    }

    /// Returns how many events were passed over because their price is above the largest, or 0.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Returns how many events have been played.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.dropped + self.at as u64
    }

    /// Drops what was played.
    fn make_room(&mut self) {
        self.dropped += self.at as u64;
        self.block.drain(..self.at);
        self.at = 0;
    }

    /// Adds events and checks them; takes out what has a price that is none here.
    fn add(&mut self, events: impl Iterator<Item = Event>) -> Result<(), BadEvent> {
        self.make_room();
        let before = self.block.len();
        let last_ns = self.block.last().map_or(self.now_ns, |it| it.time_ns);
        self.block.extend(events);
        let added = &self.block[before..];
        let tick_max = self.book.tick_max();
        // One pass while they are in the cache: what must not be makes a number negative somewhere,
        // and so what all of them have in common.
        let (mut time_ns, mut all, mut prices) = (last_ns, last_ns, 0);
        for event in added {
            let Event { lots, tick, kind, .. } = *event;
            let tick = i64::from(tick);
            all |= event.time_ns | event.time_ns.wrapping_sub(time_ns);
            all |= lots | LOTS_MAX.wrapping_sub(lots) | (i64::from(kind::CLEAR) - i64::from(kind));
            prices |= (tick - 1) | (i64::from(tick_max) - tick);
            time_ns = event.time_ns;
        }
        if all < 0 {
            let bad = self.first_bad(before);
            self.block.truncate(before);
            return Err(bad);
        }
        if prices < 0 {
            let mut index = 0;
            let length = self.block.len();
            self.block.retain(|event| {
                index += 1;
                index <= before || !is_outside(event, tick_max)
            });
            self.passed_over += (length - self.block.len()) as u64;
        }
        // Before the first event there is no time.
        if self.now_ns == 0 {
            self.now_ns = self.block.first().map_or(0, |it| it.time_ns);
        }
        Ok(())
    }

    #[cold]
    fn first_bad(&self, before: usize) -> BadEvent {
        let mut time_ns = match before {
            0 => self.now_ns,
            _ => self.block[before - 1].time_ns,
        };
        for (index, event) in self.block[before..].iter().enumerate() {
            let what = if event.time_ns < time_ns {
                "is earlier than the one before it: sort by time, keeping the order of equal ones"
            } else if event.kind > kind::CLEAR {
                "is of no kind: 0 to 6 are"
            } else {
                "has a size below 0 or above 2^53 lots"
            };
            if event.time_ns < time_ns || !is_event(event) {
                return BadEvent { index, event: *event, what };
            }
            time_ns = event.time_ns;
        }
        BadEvent { index: 0, event: Event::default(), what: "is fine" }
    }
}

/// Returns the events of records of 24 bytes, as they are.
///
/// # Errors
///
/// The last one is cut off.
pub fn events_of(records: &[u8]) -> Result<Vec<Event>, BadEvent> {
    Ok(records_of(records)?.iter().map(event_of).collect())
}

fn records_of(records: &[u8]) -> Result<&[[u8; EVENT_SIZE]], BadEvent> {
    let (whole, rest) = records.as_chunks::<EVENT_SIZE>();
    let what = "is cut off: a block is whole records of 24 bytes";
    match rest.is_empty() {
        true => Ok(whole),
        false => Err(BadEvent { index: whole.len(), event: Event::default(), what }),
    }
}

/// Reads one record.
#[inline(always)]
fn event_of(record: &[u8; EVENT_SIZE]) -> Event {
    let (words, _) = record.as_chunks::<8>();
    let word = |at: usize| u64::from_le_bytes(words[at]);
    let last = word(2);
    Event {
        time_ns: word(0).cast_signed(),
        lots: word(1).cast_signed(),
        tick: last as u32,
        kind: (last >> 32) as u32,
    }
}

/// Returns whether an event's kind and size can be.
fn is_event(event: &Event) -> bool {
    (event.kind <= kind::CLEAR) & (event.lots.cast_unsigned() <= LOTS_MAX.cast_unsigned())
}

/// Returns whether an event has a price, and the listing does not.
#[inline(always)]
fn is_outside(event: &Event, tick_max: u32) -> bool {
    (event.tick.wrapping_sub(1) >= tick_max) & (event.kind != kind::CLEAR)
}
