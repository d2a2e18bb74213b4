//! One instrument's book: snapshots and deltas, joined by their sequence numbers.
//!
//! What the levels show is the venue's book as it was at `sequence`, or [`Book::is_whole`] is false.
//! Deltas that come before the snapshot wait for it. `steelyard.wire.book.LocalBook` is the
//! specification for [`Continuity::Span`]; what a stream tells without numbers is counted and then
//! goes by the same rules.

use std::collections::VecDeque;

use crate::depth::{DepthBook, Digits};
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
    /// Not at all: messages are counted, from 1 on, as they come.
    Unnumbered,
    /// Each is one update, and its number the next one of the stream's.
    Next,
}

impl Continuity {
    /// Returns the rule of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Span),
            2 => Some(Self::Previous),
            3 => Some(Self::Unnumbered),
            4 => Some(Self::Next),
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
    /// Of each bid, where there is a checksum, its digits.
    pub bid_digits: Vec<Digits>,
    /// Of each ask, likewise.
    pub ask_digits: Vec<Digits>,
    /// The checksum of the book with the message in it.
    pub checksum: i64,
}

impl Delta {
    /// Forgets what it says, and keeps the room.
    pub(crate) fn reset(&mut self) {
        self.clear(Side::Bids);
        self.clear(Side::Asks);
        (self.first, self.last, self.previous) = (0, 0, 0);
        (self.time_ns, self.checksum) = (0, 0);
        self.known_ticks = (None, None);
    }

    /// Forgets the levels of a side.
    pub(crate) fn clear(&mut self, side: Side) {
        let (levels, odd, digits) = match side {
            Side::Bids => (&mut self.bids, &mut self.odd_bids, &mut self.bid_digits),
            Side::Asks => (&mut self.asks, &mut self.odd_asks, &mut self.ask_digits),
        };
        levels.clear();
        odd.clear();
        digits.clear();
    }
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
    /// A whole book has come with the stream.
    Whole,
    /// A change of a book that has not come yet, which is not told of; another follows whole.
    Early,
}

/// What a stream's books are.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How deltas join.
    pub continuity: Continuity,
    /// How many levels of a side the stream tells of; 0: all.
    pub depth: usize,
    /// So many best levels of each side the checksum is made of; 0: there is none.
    pub checked_levels: usize,
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
    manner: Manner,
    sequence: i64,
    time_ns: i64,
    gaps: u64,
    is_whole: bool,
    /// Messages counted so far.
    count: i64,
    /// Whether the last message's checksum was another than the book's.
    is_wrong: bool,
    /// The book as its stream tells it, where that tells of limited depth; None: not yet.
    told: Option<DepthBook>,
    /// Whether a delta has followed the last snapshot.
    is_joined: bool,
    waiting: VecDeque<Delta>,
}

impl Book {
    /// Returns a book that waits for its first snapshot.
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        Self {
            bids: Levels::new(Side::Bids),
            asks: Levels::new(Side::Asks),
            manner,
            sequence: 0,
            time_ns: 0,
            gaps: 0,
            is_whole: false,
            count: 0,
            is_wrong: false,
            told: None,
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

    /// Whether the last message of the stream was refused for its checksum, or for its number where
    /// a book that is asked for has none of the stream's: then nothing but a new snapshot of the
    /// stream helps.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.is_wrong
    }

    /// The stream begins anew: what came before may not join up.
    pub fn reset(&mut self) {
        self.is_whole = false;
        self.waiting.clear();
    }

    /// Returns the number of the next message, where messages are counted.
    pub fn number(&mut self) -> i64 {
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// Takes a whole book that the stream has sent: it replaces whatever there is.
    pub fn whole(&mut self, snapshot: &mut Delta) -> Step {
        if self.is_counted() {
            snapshot.last = self.number();
        }
        self.is_wrong = false;
        if self.has_limit() {
            let told = DepthBook::new(self.manner.depth, self.manner.checked_levels);
            self.told = Some(told);
            if !self.is_right(snapshot) {
                return self.wrong(snapshot.time_ns);
            }
        }
        self.reset();
        let step = self.snapshot(snapshot);
        if step == Step::Applied { Step::Whole } else { step }
    }

    /// Takes a change that the stream has sent, whole or not at all.
    #[inline]
    pub fn change(&mut self, delta: &mut Delta) -> Step {
        self.is_wrong = false;
        if self.has_limit() && self.told.is_none() {
            return Step::Early;
        }
        if self.is_counted() {
            delta.last = self.number();
            delta.first = delta.last;
        }
        if self.has_limit() && !self.is_right(delta) {
            return self.wrong(delta.time_ns);
        }
        if self.manner.continuity == Continuity::Next && self.is_whole && !self.is_next(delta) {
            return self.lost();
        }
        self.delta(delta)
    }

    fn is_next(&self, delta: &Delta) -> bool {
        delta.last == self.sequence.saturating_add(1)
    }

    /// Gives the book up: a message is missing, and the numbers of the next book are others.
    #[cold]
    fn lost(&mut self) -> Step {
        self.gaps = self.gaps.saturating_add(1);
        self.is_wrong = true;
        self.reset();
        Step::Gap
    }

    fn is_counted(&self) -> bool {
        self.manner.continuity == Continuity::Unnumbered
    }

    fn has_limit(&self) -> bool {
        self.manner.depth > 0
    }

    /// Takes a message into the book as it is told, adds to it what that pushes beyond the depth,
    /// and returns whether the checksum is that of the message.
    fn is_right(&mut self, delta: &mut Delta) -> bool {
        let Some(told) = &mut self.told else { return false };
        told.take((&delta.bids, &delta.bid_digits), (&delta.asks, &delta.ask_digits));
        delta.bids.extend_from_slice(&told.gone.0);
        delta.asks.extend_from_slice(&told.gone.1);
        self.manner.checked_levels == 0 || i64::from(told.checksum()) == delta.checksum
    }

    /// Gives the book up: a message is missing, by its number.
    #[cold]
    fn wrong(&mut self, time_ns: i64) -> Step {
        (self.told, self.is_wrong) = (None, true);
        let number = self.number();
        self.delta(&Delta { first: number, last: number, time_ns, ..Delta::default() })
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
        match self.manner.continuity {
            Continuity::Span | Continuity::Unnumbered | Continuity::Next
                if delta.last <= sequence =>
            {
                Join::Old
            }
            Continuity::Span | Continuity::Unnumbered | Continuity::Next
                if delta.first > sequence.saturating_add(1) =>
            {
                Join::Gap
            }
            Continuity::Previous if delta.previous == sequence => Join::Follows,
            Continuity::Previous if delta.last < sequence => Join::Old,
            // The first behind a snapshot holds the update at which that was made.
            Continuity::Previous if !self.is_joined && delta.first <= sequence => Join::Follows,
            Continuity::Previous => Join::Gap,
            Continuity::Span | Continuity::Unnumbered | Continuity::Next => Join::Follows,
        }
    }

    /// Whether updates are missing between a snapshot and the first delta that waits.
    fn leaves_hole(&self, sequence: i64, first: &Delta) -> bool {
        match self.manner.continuity {
            Continuity::Span | Continuity::Unnumbered | Continuity::Next => {
                first.first > sequence.saturating_add(1)
            }
            Continuity::Previous => first.previous > sequence && first.first > sequence,
        }
    }
}
