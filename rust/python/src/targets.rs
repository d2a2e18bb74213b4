//! Targets as a Python class: what a function of signals wants, as the places where it changes.
//!
//! Flags that are a formula are not worked out before somebody asks for them: a run does so while
//! it trades, `ahead` of itself.

use std::sync::OnceLock;

use pyo3::buffer::{Element, PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::types::PyBytes;
use pyo3::{Bound, Py, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::Aim;
use steelyard_replay::formula::Found;

use crate::formula::PyFormula;

/// So many targets are passed over at once where none changes.
const CHUNK: usize = 16;

/// So many flags are looked at together.
const WORD: usize = 64;

/// Positions in lots, one for each bar's close.
#[pyclass(name = "Targets", module = "steelyard._native", frozen)]
pub(crate) struct PyTargets {
    count: usize,
    aims: OnceLock<Vec<Aim>>,
    /// What they are worked out from, if they are not yet.
    flags: Option<(Py<PyFormula>, i64)>,
}

/// How floats become lots.
#[derive(Clone, Copy)]
struct Scale {
    lot_size: f64,
    max_lots: i64,
}

impl Scale {
    /// Returns a position as whole lots, towards zero but for the last digits of a float; None for
    /// none.
    ///
    /// # Errors
    ///
    /// Its place, where it is infinite or larger than a most.
    #[allow(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "this is where floats become whole numbers"
    )]
    fn whole_lots(self, at: usize, target: f64) -> PyResult<Option<i64>> {
        if target.is_nan() {
            return Ok(None);
        }
        let lots = target / self.lot_size;
        if lots.is_nan() || lots.abs() > self.max_lots as f64 {
            return Err(PyValueError::new_err(at));
        }
        let nearest = (lots + 0.5_f64.copysign(lots)) as i64;
        let is_whole = (nearest as f64 - lots).abs() <= lots.abs().max(1.0) * 1e-9;
        Ok(Some(if is_whole { nearest } else { lots as i64 }))
    }
}

/// Aims as they are found.
#[derive(Default)]
pub(crate) struct Aims {
    pub(crate) aims: Vec<Aim>,
    lots: i64,
}

impl Aims {
    fn note(&mut self, at: usize, lots: i64) {
        if std::mem::replace(&mut self.lots, lots) != lots {
            self.aims.push(Aim { bar: at, lots });
        }
    }
}

/// A number as it stands in a block or in an array of Python's.
pub(crate) trait Cell<T> {
    fn value(&self) -> T;
}

impl<T: Copy> Cell<T> for T {
    fn value(&self) -> T {
        *self
    }
}

impl<T: Element> Cell<T> for ReadOnlyCell<T> {
    fn value(&self) -> T {
        self.get()
    }
}

/// Finds aims in numbers, block by block.
struct Numbers<T> {
    found: Aims,
    before: T,
}

impl<T: Copy + PartialEq> Numbers<T> {
    fn new(first: T) -> Self {
        Self { found: Aims::default(), before: first }
    }

    /// Takes a block; `lots` says what a number is, by its place.
    fn take(
        &mut self,
        mut begin: usize,
        cells: &[impl Cell<T>],
        mut lots: impl FnMut(usize, T) -> PyResult<Option<i64>>,
    ) -> PyResult<()> {
        for chunk in cells.chunks(CHUNK) {
            let before = self.before;
            if chunk.iter().fold(false, |changed, it| changed | (it.value() != before)) {
                for (at, cell) in (begin..).zip(chunk) {
                    let target = cell.value();
                    if target != self.before
                        && let Some(lots) = lots(at, target)?
                    {
                        self.before = target;
                        self.found.note(at, lots);
                    }
                }
            }
            begin = begin.saturating_add(CHUNK);
        }
        Ok(())
    }
}

/// Finds aims in flags, block by block.
pub(crate) struct Flags {
    pub(crate) found: Aims,
    /// What a flag that is set is.
    lots: i64,
    before: bool,
}

impl Flags {
    pub(crate) fn new(lots: i64) -> Self {
        Self { found: Aims::default(), lots, before: false }
    }

    /// Takes a block.
    pub(crate) fn take(&mut self, begin: usize, cells: &[impl Cell<u8>]) {
        for (begin, chunk) in (begin..).step_by(WORD).zip(cells.chunks(WORD)) {
            let (eights, rest) = chunk.as_chunks::<8>();
            let mut flags = 0_u64;
            for (shift, eight) in (0..).step_by(8).zip(eights) {
                flags |= bits(eight.each_ref().map(Cell::value)) << shift;
            }
            for (shift, flag) in (chunk.len().wrapping_sub(rest.len())..).zip(rest) {
                flags |= u64::from(flag.value() != 0) << shift;
            }
            // Each beside the one before it; after the last there are none.
            let changed = flags ^ (flags << 1 | u64::from(self.before));
            let mut changed = changed & (u64::MAX >> WORD.wrapping_sub(chunk.len()));
            self.before = flags >> chunk.len().wrapping_sub(1) & 1 != 0;
            while changed != 0 {
                let bit = changed.trailing_zeros();
                let lots = if flags >> bit & 1 != 0 { self.lots } else { 0 };
                self.found.note(begin.wrapping_add(bit as usize), lots);
                changed &= changed.wrapping_sub(1);
            }
        }
    }
}

/// Returns a bit for each of eight bytes, set where that is not 0.
fn bits(bytes: [u8; 8]) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let bytes = u64::from_le_bytes(bytes);
    // The highest bit of each, then all of them side by side.
    let set = ((bytes & LOW).wrapping_add(LOW) | bytes) >> 7 & 0x0101_0101_0101_0101;
    set.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[pymethods]
impl PyTargets {
    /// Takes positions as floats; a missing one (NaN) is the one before, at first none.
    #[staticmethod]
    fn of_sizes(
        py: Python<'_>,
        wanted: &Bound<'_, PyAny>,
        lot_size: f64,
        max_lots: i64,
    ) -> PyResult<Self> {
        let scale = Scale { lot_size, max_lots };
        let buffer = PyBuffer::<f64>::get(wanted)?;
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let mut sizes = Numbers::new(0.0);
        sizes.take(0, cells, |at, it| scale.whole_lots(at, it))?;
        Ok(Self::new(cells.len(), sizes.found))
    }

    /// Takes bytes; what is not 0 is a position of one.
    #[staticmethod]
    fn of_flags(
        py: Python<'_>,
        wanted: &Bound<'_, PyAny>,
        lot_size: f64,
        max_lots: i64,
    ) -> PyResult<Self> {
        let buffer = PyBuffer::<u8>::get(wanted)?;
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let scale = Scale { lot_size, max_lots };
        let first = || cells.iter().position(|it| it.get() != 0);
        let mut flags = Flags::new(match scale.whole_lots(0, 1.0) {
            Ok(lots) => lots.unwrap_or(0),
            Err(_) => first().map_or(Ok(0), |at| Err(PyValueError::new_err(at)))?,
        });
        flags.take(0, cells);
        Ok(Self::new(cells.len(), flags.found))
    }

    /// Takes what a formula finds, sizes or flags, without writing it down.
    #[staticmethod]
    fn of_formula(formula: &Bound<'_, PyFormula>, lot_size: f64, max_lots: i64) -> PyResult<Self> {
        let (py, count, scale) = (formula.py(), formula.get().count, Scale { lot_size, max_lots });
        if formula.get().is_flags()
            && let Ok(lots) = scale.whole_lots(0, 1.0)
        {
            let flags = Some((formula.clone().unbind(), lots.unwrap_or(0)));
            return Ok(Self { count, aims: OnceLock::new(), flags });
        }
        let mut sizes = Numbers::new(0.0);
        formula.get().run(py, |from, found| match found {
            // No flag may be set: the first one that is says so.
            Found::Flags(found) => match found.iter().position(|it| *it != 0) {
                Some(at) => Err(PyValueError::new_err(from.saturating_add(at))),
                None => Ok(()),
            },
            Found::Numbers(found) => sizes.take(from, found, |at, it| scale.whole_lots(at, it)),
        })?;
        Ok(Self::new(count, sizes.found))
    }

    /// Takes positions in lots.
    #[staticmethod]
    fn of_lots(py: Python<'_>, wanted: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<i64>::get(wanted)?;
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let mut lots = Numbers::new(0);
        lots.take(0, cells, |_, it| Ok(Some(it)))?;
        Ok(Self::new(cells.len(), lots.found))
    }

    /// Returns them as 64-bit numbers.
    fn lots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let found = self.aims(py)?;
        PyBytes::new_with(py, self.count.saturating_mul(8), |bytes| {
            let mut aims = found.iter().peekable();
            let mut lots = 0_i64;
            for (at, word) in bytes.chunks_exact_mut(8).enumerate() {
                lots = aims.next_if(|it| it.bar == at).map_or(lots, |it| it.lots);
                word.copy_from_slice(&lots.to_le_bytes());
            }
            Ok(())
        })
    }

    fn __len__(&self) -> usize {
        self.count
    }
}

impl PyTargets {
    fn new(count: usize, found: Aims) -> Self {
        Self { count, aims: OnceLock::from(found.aims), flags: None }
    }

    /// Returns the changes, worked out by now.
    pub(crate) fn aims(&self, py: Python<'_>) -> PyResult<&[Aim]> {
        if let (None, Some((formula, lots))) = (self.aims.get(), &self.flags) {
            let mut flags = Flags::new(*lots);
            formula.get().run(py, |from, found| {
                if let Found::Flags(found) = found {
                    flags.take(from, found);
                }
                Ok(())
            })?;
            self.keep(flags.found.aims);
        }
        Ok(self.aims.get().map_or(&[], Vec::as_slice))
    }

    /// Returns the formula that they are to be worked out from, and what a flag is in lots.
    pub(crate) fn formula(&self) -> Option<(&PyFormula, i64)> {
        let flags = self.flags.as_ref().filter(|_| self.aims.get().is_none());
        flags.map(|(formula, lots)| (formula.get(), *lots))
    }

    /// Keeps what was worked out elsewhere.
    pub(crate) fn keep(&self, aims: Vec<Aim>) {
        self.aims.get_or_init(|| aims);
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

fn unfit() -> pyo3::PyErr {
    PyValueError::new_err("targets are contiguous")
}
