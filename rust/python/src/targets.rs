//! Targets as a Python class: what a function of signals wants, as the places where it changes.

use pyo3::buffer::{Element, PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::types::PyBytes;
use pyo3::{Bound, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::Aim;
use steelyard_replay::formula::Found;

use crate::formula::PyFormula;

/// So many targets are passed over at once where none changes.
const CHUNK: usize = 16;

/// Positions in lots, one for each bar's close.
#[pyclass(name = "Targets", module = "steelyard._native", frozen)]
pub(crate) struct PyTargets {
    count: usize,
    aims: Vec<Aim>,
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
struct Aims {
    aims: Vec<Aim>,
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
trait Cell<T> {
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
struct Flags {
    found: Aims,
    scale: Scale,
    one: Option<i64>,
    before: u8,
}

impl Flags {
    fn new(scale: Scale) -> Self {
        Self { found: Aims::default(), scale, one: None, before: 0 }
    }

    fn note(&mut self, at: usize, is_on: bool) -> PyResult<()> {
        let lots = match (is_on, self.one) {
            (false, _) => 0,
            (true, Some(lots)) => lots,
            (true, None) => {
                let lots = self.scale.whole_lots(at, 1.0)?.unwrap_or(0);
                self.one = Some(lots);
                lots
            }
        };
        self.found.note(at, lots);
        Ok(())
    }

    /// Takes a block.
    fn take(&mut self, begin: usize, cells: &[impl Cell<u8>]) -> PyResult<()> {
        let (chunks, rest) = cells.as_chunks::<CHUNK>();
        for (begin, chunk) in (begin..).step_by(CHUNK).zip(chunks) {
            let before = self.before;
            // Mostly none changes, and then no more is looked at.
            if chunk.iter().fold(0, |changed, it| changed | (it.value() ^ before)) == 0 {
                continue;
            }
            // Each beside the one before it.
            let flags = u128::from_le_bytes(chunk.each_ref().map(Cell::value));
            let mut changed = flags ^ (flags << 8 | u128::from(before));
            self.before = chunk.last().map_or(0, Cell::value);
            while changed != 0 {
                let bits = changed.trailing_zeros() & !7;
                self.note(begin.wrapping_add(bits as usize / 8), (flags >> bits) & 0xFF != 0)?;
                changed &= !(0xFF << bits);
            }
        }
        for (at, flag) in (begin.wrapping_add(cells.len()).wrapping_sub(rest.len())..).zip(rest) {
            self.before = flag.value();
            self.note(at, self.before != 0)?;
        }
        Ok(())
    }
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
        Ok(Self { count: cells.len(), aims: sizes.found.aims })
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
        let mut flags = Flags::new(Scale { lot_size, max_lots });
        flags.take(0, cells)?;
        Ok(Self { count: cells.len(), aims: flags.found.aims })
    }

    /// Takes what a formula finds, sizes or flags, without writing it down.
    #[staticmethod]
    fn of_formula(
        py: Python<'_>,
        formula: &PyFormula,
        lot_size: f64,
        max_lots: i64,
    ) -> PyResult<Self> {
        let scale = Scale { lot_size, max_lots };
        let (mut flags, mut sizes) = (Flags::new(scale), Numbers::new(0.0));
        formula.run(py, |from, found| match found {
            Found::Flags(found) => flags.take(from, found),
            Found::Numbers(found) => sizes.take(from, found, |at, it| scale.whole_lots(at, it)),
        })?;
        let found = if formula.is_flags() { flags.found } else { sizes.found };
        Ok(Self { count: formula.count, aims: found.aims })
    }

    /// Takes positions in lots.
    #[staticmethod]
    fn of_lots(py: Python<'_>, wanted: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<i64>::get(wanted)?;
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let mut lots = Numbers::new(0);
        lots.take(0, cells, |_, it| Ok(Some(it)))?;
        Ok(Self { count: cells.len(), aims: lots.found.aims })
    }

    /// Returns them as 64-bit numbers.
    fn lots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, self.count.saturating_mul(8), |bytes| {
            let mut aims = self.aims.iter().peekable();
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
    pub(crate) fn aims(&self) -> &[Aim] {
        &self.aims
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

fn unfit() -> pyo3::PyErr {
    PyValueError::new_err("targets are contiguous")
}
