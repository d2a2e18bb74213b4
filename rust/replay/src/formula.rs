//! Formulas over columns of floats, worked out block by block: indicators, and flags made of them.
//!
//! A formula is a list of steps, each made of columns or of steps before it. A block of each step is
//! kept while the next one reads it, so nothing is written that nobody wants, and memory does not
//! grow with the columns. A value depends on the values up to its place alone; not on how many
//! follow, and not on what else is worked out beside it.
//!
//! A missing value is NaN, and is what an indicator begins with. No money comes from here.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "hot, for indicators and not for booking; places are within blocks, whose lengths are \
              checked where they are cut"
)]

mod averages;
mod windows;

use averages::{Mean, Smooth};
use windows::{Deviation, Extreme};

/// So many values are worked out at once.
pub const BLOCK: usize = 1_024;

/// No period is longer.
pub const PERIOD_MAX: usize = 1 << 20;

/// No formula has more steps.
pub const STEPS_MAX: usize = 4_096;

/// What two numbers become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Math {
    /// Their sum.
    Add,
    /// The first less the second.
    Subtract,
    /// Their product.
    Multiply,
    /// The first over the second.
    Divide,
    /// The higher.
    Higher,
    /// The lower.
    Lower,
}

/// What is asked of two numbers; of a missing one it is never so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether the first is above the second.
    Above,
    /// Or the same.
    AtLeast,
    /// Whether they are the same.
    Equal,
    /// Whether the first is above now, and was not at the place before, where neither was missing.
    CrossedAbove,
}

/// What two flags become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// Both.
    And,
    /// One or both.
    Or,
    /// One and not both.
    Xor,
    /// On from the first until the second, which wins where both are.
    Hold,
}

/// One step; its operands are places of steps before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A column that is given, by its place among them.
    Column(usize),
    /// The same number everywhere.
    Constant(f64),
    /// The mean of the last values.
    Mean(usize, usize),
    /// The mean of all values, the newest of which has this weight.
    Smooth(usize, usize, f64),
    /// The highest of the last values.
    Highest(usize, usize),
    /// The lowest of the last values.
    Lowest(usize, usize),
    /// How far the last values spread.
    Deviation(usize, usize),
    /// The values of so many places before.
    Shift(usize, usize),
    /// What two numbers become.
    Math(Math, usize, usize),
    /// What is asked of two numbers.
    Ask(Asked, usize, usize),
    /// What two flags become.
    Logic(Logic, usize, usize),
    /// The other flag.
    Not(usize),
    /// The first number where a flag is set, else the second.
    Choose(usize, usize, usize),
}

impl Step {
    fn is_flags(&self) -> bool {
        matches!(self, Self::Ask(..) | Self::Logic(..) | Self::Not(_))
    }

    /// Returns operands that are numbers, operands that are flags, and the period, at least 1.
    fn parts(&self) -> ([Option<usize>; 2], [Option<usize>; 2], usize) {
        match *self {
            Self::Column(_) | Self::Constant(_) => ([None; 2], [None; 2], 1),
            Self::Mean(of, period)
            | Self::Smooth(of, period, _)
            | Self::Highest(of, period)
            | Self::Lowest(of, period)
            | Self::Deviation(of, period)
            | Self::Shift(of, period) => ([Some(of), None], [None; 2], period),
            Self::Math(_, one, other) | Self::Ask(_, one, other) => {
                ([Some(one), Some(other)], [None; 2], 1)
            }
            Self::Logic(_, one, other) => ([None; 2], [Some(one), Some(other)], 1),
            Self::Not(of) => ([None; 2], [Some(of), None], 1),
            Self::Choose(flag, one, other) => ([Some(one), Some(other)], [Some(flag), None], 1),
        }
    }
}

/// Blocks of four places each, of which the first has a place in it.
struct Fours;

impl Fours {
    fn from(next: usize, end: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
        (next - next % 4..end.max(next - next % 4)).step_by(4)
    }
}

/// What a step keeps from block to block.
enum Kept {
    Nothing,
    Mean(Mean),
    Smooth(Smooth),
    Extreme(Extreme),
    Deviation(Deviation),
    /// What was so at the place before.
    Was(bool),
}

struct Node {
    step: Step,
    kept: Kept,
    /// How many values before a block are read.
    back: usize,
    /// Of numbers: those before the block, and from `end` on the block.
    numbers: Vec<f64>,
    end: usize,
    flags: Vec<u8>,
}

impl Node {
    /// Returns a block with so many values before it.
    #[inline]
    fn last(&self, back: usize, count: usize) -> &[f64] {
        &self.numbers[self.end - back..self.end + count]
    }
}

/// What a formula has found for one block.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// Numbers.
    Numbers(&'a [f64]),
    /// Flags: 1 or 0.
    Flags(&'a [u8]),
}

/// A formula: its last step is what is wanted.
#[derive(Clone, Debug)]
pub struct Formula {
    steps: Vec<Step>,
}

impl Formula {
    /// Makes a formula of steps.
    ///
    /// # Errors
    ///
    /// What is wrong with the steps: none or too many, a period of none or too long, an operand that
    /// is not before its step or of the other kind.
    pub fn new(steps: Vec<Step>) -> Result<Self, &'static str> {
        if steps.is_empty() || steps.len() > STEPS_MAX {
            return Err("a formula has between 1 and 4096 steps");
        }
        for (at, step) in steps.iter().enumerate() {
            let (numbers, flags, period) = step.parts();
            if !(1..=PERIOD_MAX).contains(&period) {
                return Err("a period is between 1 and 1048576 bars");
            }
            let fits = |of: &Option<usize>, is_flags: bool| {
                of.is_none_or(|of| of < at && steps[of].is_flags() == is_flags)
            };
            if !numbers.iter().all(|it| fits(it, false)) || !flags.iter().all(|it| fits(it, true)) {
                return Err("a step is made of steps before it, numbers or flags as it needs them");
            }
        }
        Ok(Self { steps })
    }

    /// Returns whether it finds flags, and not numbers.
    #[must_use]
    pub fn is_flags(&self) -> bool {
        self.steps.last().is_some_and(Step::is_flags)
    }

    /// Returns how many columns have to be given.
    #[must_use]
    pub fn columns(&self) -> usize {
        let places = self
            .steps
            .iter()
            .map(|it| if let Step::Column(at) = it { at.saturating_add(1) } else { 0 });
        places.max().unwrap_or(0)
    }

    fn nodes(&self) -> Vec<Node> {
        let mut backs = vec![0; self.steps.len()];
        for step in &self.steps {
            if let Step::Mean(of, back)
            | Step::Highest(of, back)
            | Step::Lowest(of, back)
            | Step::Deviation(of, back)
            | Step::Shift(of, back) = *step
            {
                backs[of] = backs[of].max(back);
            }
        }
        let node = |(step, back): (&Step, usize)| {
            let kept = match *step {
                Step::Mean(_, period) => Kept::Mean(Mean::new(period)),
                Step::Smooth(_, period, weight) => Kept::Smooth(Smooth::new(period, weight)),
                Step::Highest(_, period) => Kept::Extreme(Extreme::new(period, true)),
                Step::Lowest(_, period) => Kept::Extreme(Extreme::new(period, false)),
                Step::Deviation(_, period) => Kept::Deviation(Deviation::new(period)),
                Step::Ask(Asked::CrossedAbove, ..) | Step::Logic(Logic::Hold, ..) => {
                    Kept::Was(false)
                }
                Step::Column(_)
                | Step::Constant(_)
                | Step::Shift(..)
                | Step::Math(..)
                | Step::Ask(..)
                | Step::Logic(..)
                | Step::Not(_)
                | Step::Choose(..) => Kept::Nothing,
            };
            let is_flags = step.is_flags();
            // Twice the room, so that what is kept is moved as often as it is read.
            let room = if is_flags { 0 } else { 2 * back + BLOCK };
            let filler = if let Step::Constant(number) = step { *number } else { f64::NAN };
            Node {
                step: *step,
                kept,
                back,
                numbers: vec![filler; room],
                end: back,
                flags: vec![0; if is_flags { BLOCK } else { 0 }],
            }
        };
        self.steps.iter().zip(backs).map(node).collect()
    }

    /// Works it out for so many places and gives each block away with the place of its first value,
    /// until somebody has had enough.
    ///
    /// `read` fills a block of a column, by the column's place and the first value's.
    ///
    /// # Errors
    ///
    /// Whatever `give` refuses a block with.
    pub fn run<E>(
        &self,
        count: usize,
        mut read: impl FnMut(usize, usize, &mut [f64]),
        mut give: impl FnMut(usize, Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut nodes = self.nodes();
        for from in (0..count).step_by(BLOCK) {
            let size = BLOCK.min(count - from);
            for at in 0..nodes.len() {
                let (before, rest) = nodes.split_at_mut(at);
                if let Some(node) = rest.first_mut() {
                    work(node, before, from, size, &mut read);
                }
            }
            if let Some(last) = nodes.last() {
                give(
                    from,
                    if last.step.is_flags() {
                        Found::Flags(&last.flags[..size])
                    } else {
                        Found::Numbers(last.last(0, size))
                    },
                )?;
            }
            for node in nodes.iter_mut().filter(|it| !it.step.is_flags()) {
                node.end += size;
                if node.end + BLOCK > node.numbers.len() {
                    node.numbers.copy_within(node.end - node.back..node.end, 0);
                    node.end = node.back;
                }
            }
        }
        Ok(())
    }
}

/// Works a block of one step out.
fn work(
    node: &mut Node,
    before: &[Node],
    from: usize,
    size: usize,
    read: &mut impl FnMut(usize, usize, &mut [f64]),
) {
    let Node { step, kept, numbers, end, flags, .. } = node;
    let step = *step;
    let number = |of: usize| before[of].last(0, size);
    let flag = |of: usize| &before[of].flags[..size];
    let flags = if step.is_flags() { &mut flags[..size] } else { &mut flags[..0] };
    let out = if step.is_flags() { &mut [] } else { &mut numbers[*end..*end + size] };
    match (step, kept) {
        (Step::Column(place), _) => read(place, from, out),
        (Step::Mean(of, back), Kept::Mean(it)) => it.run(from, before[of].last(back, size), out),
        (Step::Smooth(of, ..), Kept::Smooth(it)) => it.run(number(of), out),
        (Step::Highest(of, back) | Step::Lowest(of, back), Kept::Extreme(it)) => {
            it.run(from, before[of].last(back, size), out);
        }
        (Step::Deviation(of, back), Kept::Deviation(it)) => {
            it.run(from, before[of].last(back, size), out);
        }
        (Step::Shift(of, back), _) => out.copy_from_slice(&before[of].last(back, size)[..size]),
        (Step::Math(math, one, other), _) => calculate(math, number(one), number(other), out),
        (Step::Ask(Asked::CrossedAbove, one, other), Kept::Was(was_not)) => {
            for ((one, other), flag) in number(one).iter().zip(number(other)).zip(flags) {
                *flag = u8::from(one > other && *was_not);
                *was_not = one <= other;
            }
        }
        (Step::Ask(asked, one, other), _) => ask(asked, number(one), number(other), flags),
        (Step::Logic(Logic::Hold, one, other), Kept::Was(is_on)) => {
            for ((on, off), out) in flag(one).iter().zip(flag(other)).zip(flags) {
                *is_on = *off == 0 && (*is_on || *on != 0);
                *out = u8::from(*is_on);
            }
        }
        (Step::Logic(logic, one, other), _) => {
            let both = flag(one).iter().zip(flag(other)).zip(flags);
            match logic {
                Logic::And => both.for_each(|((one, other), out)| *out = one & other),
                Logic::Xor => both.for_each(|((one, other), out)| *out = one ^ other),
                Logic::Or | Logic::Hold => both.for_each(|((one, other), out)| *out = one | other),
            }
        }
        (Step::Not(of), _) => {
            flag(of).iter().zip(flags).for_each(|(flag, out)| *out = 1 ^ flag);
        }
        (Step::Choose(by, one, other), _) => {
            let numbers = number(one).iter().zip(number(other));
            for ((flag, (one, other)), out) in flag(by).iter().zip(numbers).zip(out) {
                *out = if *flag != 0 { *one } else { *other };
            }
        }
        // Filled when it was made; and no step keeps what is another's.
        (
            Step::Constant(_)
            | Step::Mean(..)
            | Step::Smooth(..)
            | Step::Highest(..)
            | Step::Lowest(..)
            | Step::Deviation(..),
            _,
        ) => {}
    }
}

fn calculate(math: Math, one: &[f64], other: &[f64], out: &mut [f64]) {
    let each = one.iter().zip(other).zip(out);
    // One loop each, so that the choice is made once a block.
    match math {
        Math::Add => each.for_each(|((one, other), out)| *out = one + other),
        Math::Subtract => each.for_each(|((one, other), out)| *out = one - other),
        Math::Multiply => each.for_each(|((one, other), out)| *out = one * other),
        Math::Divide => each.for_each(|((one, other), out)| *out = one / other),
        Math::Higher => each.for_each(|((one, other), out)| *out = higher(*one, *other)),
        Math::Lower => each.for_each(|((one, other), out)| *out = -higher(-one, -other)),
    }
}

/// Returns the higher of two; NaN where one is missing.
#[inline]
fn higher(one: f64, other: f64) -> f64 {
    if one.is_nan() || one > other { one } else { other }
}

fn ask(asked: Asked, one: &[f64], other: &[f64], flags: &mut [u8]) {
    let each = one.iter().zip(other).zip(flags);
    match asked {
        Asked::Above | Asked::CrossedAbove => {
            each.for_each(|((one, other), flag)| *flag = u8::from(one > other));
        }
        Asked::AtLeast => each.for_each(|((one, other), flag)| *flag = u8::from(one >= other)),
        Asked::Equal => each.for_each(|((one, other), flag)| *flag = u8::from(one == other)),
    }
}

#[cfg(test)]
mod tests;
