//! Signals worked out ahead of the run that trades by them, in another thread where there is one.
//!
//! This thread has Python's columns and works a formula out, block by block; the other one finds the
//! changes in a block and trades by them, with an outline of the bars, until the next block is there.
//! What each does, and in which order, does not depend on how many threads do it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{available_parallelism, scope};

use pyo3::{PyResult, Python};
use steelyard_replay::formula::Found;
use steelyard_replay::{Aim, AnyMarket, Machine, Outline, Prices as _};

use crate::formula::PyFormula;
use crate::targets::Flags;

/// So many flags are handed over at once.
const BLOCK: usize = 1 << 15;

/// So many blocks may wait to be traded by.
const WAITING: usize = 64;

/// Fewer bars are no work for two.
const BARS_MIN: usize = 1 << 16;

/// Of so many bars at most one has an order, as far as room is made for them at once.
const BARS_PER_ORDER: usize = 32;

/// A run that is traded as far as its signals are known.
struct Ahead<'a> {
    machine: &'a mut Machine<AnyMarket>,
    outline: &'a Outline,
    flags: Flags,
    from: usize,
    done: usize,
}

impl Ahead<'_> {
    fn take(&mut self, block: &[u8]) {
        self.flags.take(self.from, block);
        self.from = self.from.saturating_add(block.len());
        self.machine.follow(self.outline, &self.flags.found.aims, &mut self.done);
    }
}

/// Works flags out and trades by them as far as an outline of the bars is enough; returns the
/// changes, and how many of them were made.
pub(crate) fn trade_ahead(
    py: Python<'_>,
    machine: &mut Machine<AnyMarket>,
    outline: &Outline,
    formula: &PyFormula,
    lots: i64,
) -> PyResult<(Vec<Aim>, usize)> {
    let count = outline.count();
    machine.expect_orders(count / BARS_PER_ORDER);
    let mut ahead = Ahead { machine, outline, flags: Flags::new(lots), from: 0, done: 0 };
    if count < BARS_MIN || threads() < 2 {
        work_out(py, formula, |block| {
            ahead.take(block);
            true
        })?;
        return Ok((ahead.flags.found.aims, ahead.done));
    }
    let (give, taken) = sync_channel(WAITING);
    let (give_back, empty) = channel();
    let (ahead, worked) = scope(|scope| {
        let other = scope.spawn(move || follow(ahead, &taken, &give_back));
        let worked = hand_over(py, formula, give, &empty);
        (other.join(), worked)
    });
    let ahead = ahead.unwrap_or_else(|panic| resume_unwind(panic));
    worked?;
    Ok((ahead.flags.found.aims, ahead.done))
}

/// Trades by the blocks that come, and gives them back.
fn follow<'a>(
    mut ahead: Ahead<'a>,
    taken: &Receiver<Vec<u8>>,
    give_back: &std::sync::mpsc::Sender<Vec<u8>>,
) -> Ahead<'a> {
    while let Ok(block) = taken.recv() {
        ahead.take(&block);
        // Nobody may want it any more.
        let _ = give_back.send(block);
    }
    ahead
}

/// Works flags out for somebody else.
fn hand_over(
    py: Python<'_>,
    formula: &PyFormula,
    give: SyncSender<Vec<u8>>,
    empty: &Receiver<Vec<u8>>,
) -> PyResult<()> {
    let mut block = Vec::with_capacity(BLOCK);
    work_out(py, formula, |flags| {
        block.extend_from_slice(flags);
        if block.len().saturating_add(flags.len()) <= BLOCK {
            return true;
        }
        let mut next = empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BLOCK));
        next.clear();
        give.send(std::mem::replace(&mut block, next)).is_ok()
    })?;
    let _ = give.send(block);
    Ok(())
}

/// Works flags out, and listens to the keyboard.
fn work_out(
    py: Python<'_>,
    formula: &PyFormula,
    mut take: impl FnMut(&[u8]) -> bool,
) -> PyResult<()> {
    formula.run(py, |from, found| {
        if from % BLOCK == 0 {
            py.check_signals()?;
        }
        if let Found::Flags(flags) = found {
            take(flags);
        }
        Ok(())
    })
}

/// Returns how many threads may run at once.
fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| available_parallelism().map_or(1, NonZero::get))
}
