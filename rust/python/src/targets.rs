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

/// So many flags are looked at together.
const WORD: usize = 64;

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
    before: bool,
}

impl Flags {
    fn new(scale: Scale) -> Self {
        Self { found: Aims::default(), scale, one: None, before: false }
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
                self.note(begin.wrapping_add(bit as usize), flags >> bit & 1 != 0)?;
                changed &= changed.wrapping_sub(1);
            }
        }
        Ok(())
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
