//! One instrument's book: snapshots and deltas, joined by their sequence numbers.
//!
//! What the levels show is the venue's book as it was at `sequence`, or [`Book::is_whole`] is false.
//! Deltas that come before the snapshot wait for it. `steelyard.trading.books.BookView` is the
//! specification for [`Continuity::Span`].

use std::collections::VecDeque;

use crate::levels::{Level, Levels, OddLevel, Side};

/// Deltas kept while a snapshot is on its way; more: begin again.
pub const WAITING_MAX: usize = 1_000;

/// How a venue numbers its deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// Each says its first and last update, and the first follows the last of the one before.
    Span,
    /// Each says the last update of the one before; numbers are not consecutive.
    Previous,
    /// Not at all: a stream in order is whole.
    Unnumbered,
}

impl Continuity {
    /// Returns the rule of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Span),
            2 => Some(Self::Previous),
            3 => Some(Self::Unnumbered),
            _ => None,
        }
    }
}

/// Levels that changed, or a whole book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The first update in it.
    pub first: i64,
    /// The last update in it.
    pub last: i64,
    /// The last update before it, where the venue says so.
    pub previous: i64,
    /// The venue's time; 0 where it says none.
    pub time_ns: i64,
    /// New sizes of bids.
    pub bids: Vec<Level>,
    /// New sizes of asks.
    pub asks: Vec<Level>,
    /// New sizes of bids off the tick.
    pub odd_bids: Vec<OddLevel>,
    /// New sizes of asks off the tick.
    pub odd_asks: Vec<OddLevel>,
    /// Of a snapshot: the worst price of each side down to which it is whole; None: to the end.
    pub known_ticks: (Option<i64>, Option<i64>),
}

/// What became of a delta or snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The book has changed.
    Applied,
    /// It was in the book already.
    Old,
    /// The book waits for a snapshot.
    Waits,
    /// Updates are missing: the book waits for a snapshot from now on.
    Gap,
}

enum Join {
    Follows,
    Old,
    Gap,
}

/// One instrument's book.
pub struct Book {
    /// Who buys.
    pub bids: Levels,
    /// Who sells.
    pub asks: Levels,
    continuity: Continuity,
    sequence: i64,
    time_ns: i64,
    gaps: u64,
    is_whole: bool,
    /// Whether a delta has followed the last snapshot.
    is_joined: bool,
    waiting: VecDeque<Delta>,
}

impl Book {
    /// Returns a book that waits for its first snapshot.
    #[must_use]
    pub fn new(continuity: Continuity) -> Self {
        Self {
            bids: Levels::new(Side::Bids),
            asks: Levels::new(Side::Asks),
            continuity,
            sequence: 0,
            time_ns: 0,
            gaps: 0,
            is_whole: false,
            is_joined: false,
            waiting: VecDeque::new(),
        }
    }

    /// The last update that is in the book.
    #[must_use]
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The venue's time of the last change.
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        self.time_ns
    }

    /// How often updates were missing.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Whether the levels are the venue's; if not, nothing but a snapshot helps.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The stream begins anew: what came before may not join up.
    pub fn reset(&mut self) {
        self.is_whole = false;
        self.waiting.clear();
    }

    /// Takes a whole book, and the deltas that waited for it.
    pub fn snapshot(&mut self, snapshot: &Delta) -> Step {
        if self.is_whole && snapshot.last < self.sequence {
            return Step::Old;
        }
        if self.waiting.front().is_some_and(|first| self.leaves_hole(snapshot.last, first)) {
            return Step::Waits;
        }
        let (bids_known, asks_known) = snapshot.known_ticks;
        self.bids.replace(&snapshot.bids, &snapshot.odd_bids, bids_known);
        self.asks.replace(&snapshot.asks, &snapshot.odd_asks, asks_known);
        (self.sequence, self.time_ns) = (snapshot.last, snapshot.time_ns);
        (self.is_whole, self.is_joined) = (true, false);
        for delta in std::mem::take(&mut self.waiting) {
            self.delta(&delta);
        }
        if self.is_whole { Step::Applied } else { Step::Gap }
    }

    /// Takes a change, whole or not at all.
    #[inline]
    pub fn delta(&mut self, delta: &Delta) -> Step {
        if !self.is_whole {
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.clear();
            }
            self.waiting.push_back(delta.clone());
            return Step::Waits;
        }
        match self.join(delta) {
            Join::Follows => {}
            Join::Old => return Step::Old,
            Join::Gap => {
                self.gaps = self.gaps.saturating_add(1);
                self.is_whole = false;
                self.waiting.clear();
                self.waiting.push_back(delta.clone());
                return Step::Gap;
            }
        }
        for level in &delta.bids {
            self.bids.change(*level);
        }
        for level in &delta.asks {
            self.asks.change(*level);
        }
        for level in &delta.odd_bids {
            self.bids.change_odd(*level);
        }
        for level in &delta.odd_asks {
            self.asks.change_odd(*level);
        }
        (self.sequence, self.time_ns, self.is_joined) = (delta.last, delta.time_ns, true);
        Step::Applied
    }

    #[inline]
    fn join(&self, delta: &Delta) -> Join {
        let sequence = self.sequence;
        match self.continuity {
            Continuity::Span if delta.last <= sequence => Join::Old,
            Continuity::Span if delta.first > sequence.saturating_add(1) => Join::Gap,
            Continuity::Previous if delta.previous == sequence => Join::Follows,
            Continuity::Previous if delta.last < sequence => Join::Old,
            // The first behind a snapshot holds the update at which that was made.
            Continuity::Previous if !self.is_joined && delta.first <= sequence => Join::Follows,
            Continuity::Previous => Join::Gap,
            Continuity::Span | Continuity::Unnumbered => Join::Follows,
        }
    }

    /// Whether updates are missing between a snapshot and the first delta that waits.
    fn leaves_hole(&self, sequence: i64, first: &Delta) -> bool {
        match self.continuity {
            Continuity::Span => first.first > sequence.saturating_add(1),
            Continuity::Previous => first.previous > sequence && first.first > sequence,
            Continuity::Unnumbered => false,
        }
    }
}
