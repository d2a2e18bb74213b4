//! Trading by signals in more than one thread, where there is more than one.
//!
//! This thread has Python's columns, works a formula out and finds its changes, block by block; the
//! other one trades by those of a block, with an outline of the bars, until the next block is there.
//! The bars that it has passed come back with the block, and are marked in the curve here. What each
//! does, and in which order, does not depend on how many threads do it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{available_parallelism, scope};

use pyo3::{PyResult, Python};
use steelyard_replay::formula::Found;
use steelyard_replay::{Aim, AnyMarket, Machine, Outline, Prices as _, Stretch};

use crate::columns::BARS_PER_ORDER;
use crate::formula::PyFormula;
use crate::targets::Flags;

/// The changes in so many flags are handed over at once.
const BLOCK: usize = 1 << 15;

/// So many changes that are known are traded by before the bars they have passed are marked.
const CHANGES: usize = 512;

/// So many blocks may wait.
const WAITING: usize = 64;

/// Fewer bars, or changes, are no work for two.
const BARS_MIN: usize = 1 << 16;
const CHANGES_MIN: usize = 4 * CHANGES;

/// What goes from one thread to the other and comes back: changes, and bars that were passed.
#[derive(Default)]
struct Block {
    aims: Vec<Aim>,
    passed: Vec<Stretch>,
}

/// A run that is traded as far as its signals are known.
struct Ahead<'a> {
    machine: &'a mut Machine<AnyMarket>,
    outline: &'a Outline,
    aims: Vec<Aim>,
    done: usize,
}

impl Ahead<'_> {
    fn take(&mut self, block: &mut Block) {
        self.aims.append(&mut block.aims);
        self.machine.follow(self.outline, &self.aims, &mut self.done, &mut block.passed);
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
    let mut drawn = machine.lend_curve();
    let aims = machine.room_for_aims();
    let mut ahead = Ahead { machine, outline, aims, done: 0 };
    let worked = if count < BARS_MIN || threads() < 2 {
        let mut block = Block::default();
        work_out(py, formula, lots, |aims| {
            block.aims.append(aims);
            ahead.take(&mut block);
            drawn.mark(outline, &block.passed);
            block.passed.clear();
        })
    } else {
        let (give, taken) = sync_channel(WAITING);
        let (give_back, returned) = channel();
        scope(|scope| {
            let ahead = &mut ahead;
            let other = scope.spawn(move || follow(ahead, &taken, &give_back));
            let mut empty = Vec::new();
            let worked = work_out(py, formula, lots, |aims| {
                for mut block in returned.try_iter() {
                    drawn.mark(outline, &block.passed);
                    block.passed.clear();
                    empty.push(block);
                }
                let mut block = empty.pop().unwrap_or_default();
                std::mem::swap(&mut block.aims, aims);
                // Where nobody takes it, the other one has panicked.
                let _ = give.send(block);
            });
            drop(give);
            for block in returned {
                drawn.mark(outline, &block.passed);
            }
            other.join().unwrap_or_else(|panic| resume_unwind(panic));
            worked
        })
    };
    ahead.machine.take_curve(drawn);
    worked?;
    Ok((ahead.aims, ahead.done))
}

/// Trades by changes that are known as far as an outline of the bars is enough.
pub(crate) fn trade_known(
    machine: &mut Machine<AnyMarket>,
    outline: &Outline,
    aims: &[Aim],
    done: &mut usize,
) {
    let mut drawn = machine.lend_curve();
    let mut passed = Vec::new();
    if aims.len().saturating_sub(*done) < CHANGES_MIN || threads() < 2 {
        machine.follow(outline, aims, done, &mut passed);
        drawn.mark(outline, &passed);
    } else {
        let (give, taken) = sync_channel::<Vec<Stretch>>(WAITING);
        scope(|scope| {
            let drawn = &mut drawn;
            let other = scope.spawn(move || taken.iter().for_each(|it| drawn.mark(outline, &it)));
            for end in (*done..aims.len()).step_by(CHANGES).skip(1).chain([aims.len()]) {
                passed.reserve(CHANGES);
                machine.follow(outline, aims.get(..end).unwrap_or(aims), done, &mut passed);
                if give.send(std::mem::take(&mut passed)).is_err() || *done < end {
                    break;
                }
            }
            drop(give);
            other.join().unwrap_or_else(|panic| resume_unwind(panic));
        });
    }
    machine.take_curve(drawn);
}

/// Trades by the blocks that come, and gives them back.
fn follow(ahead: &mut Ahead<'_>, taken: &Receiver<Block>, give_back: &Sender<Block>) {
    while let Ok(mut block) = taken.recv() {
        ahead.take(&mut block);
        // Nobody may want it any more.
        let _ = give_back.send(block);
    }
}

/// Works flags out and hands over the changes of one block after the other, to be taken; listens to
/// the keyboard in between.
fn work_out(
    py: Python<'_>,
    formula: &PyFormula,
    lots: i64,
    mut take: impl FnMut(&mut Vec<Aim>),
) -> PyResult<()> {
    let mut found = Flags::new(lots);
    formula.run(py, |from, part| {
        if from % BLOCK == 0 {
            py.check_signals()?;
            take(&mut found.found.aims);
        }
        if let Found::Flags(flags) = part {
            found.take(from, flags);
        }
        Ok(())
    })?;
    take(&mut found.found.aims);
    Ok(())
}

/// Returns how many threads may run at once.
fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| available_parallelism().map_or(1, NonZero::get))
}
