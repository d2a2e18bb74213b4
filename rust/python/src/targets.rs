//! Targets as a Python class: what a function of signals wants, as the places where it changes.

use pyo3::buffer::{PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::types::PyBytes;
use pyo3::{Bound, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::Aim;

/// So many targets are passed over at once where none changes.
const CHUNK: usize = 16;

/// Positions in lots, one for each bar's close.
#[pyclass(name = "Targets", module = "steelyard._native", frozen)]
pub(crate) struct PyTargets {
    count: usize,
    aims: Vec<Aim>,
}

impl PyTargets {
    pub(crate) fn aims(&self) -> &[Aim] {
        &self.aims
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Reads targets, the first of which changes from `first`; `lots` says what one is, by its place.
    fn read<T: pyo3::buffer::Element + PartialEq>(
        py: Python<'_>,
        wanted: &Bound<'_, PyAny>,
        first: T,
        mut lots: impl FnMut(usize, T) -> PyResult<Option<i64>>,
    ) -> PyResult<Self> {
        let buffer = PyBuffer::<T>::get(wanted)?;
        let unfit = || PyValueError::new_err("targets are contiguous");
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let (mut before, mut before_lots) = (first, 0);
        let mut aims = Vec::new();
        let mut begin = 0_usize;
        for chunk in cells.chunks(CHUNK) {
            let is_changed = |changed: bool, it: &ReadOnlyCell<T>| changed | (it.get() != before);
            if chunk.iter().fold(false, is_changed) {
                for (at, cell) in (begin..).zip(chunk) {
                    let target = cell.get();
                    if target != before
                        && let Some(lots) = lots(at, target)?
                    {
                        before = target;
                        if std::mem::replace(&mut before_lots, lots) != lots {
                            aims.push(Aim { bar: at, lots });
                        }
                    }
                }
            }
            begin = begin.saturating_add(CHUNK);
        }
        Ok(Self { count: cells.len(), aims })
    }
}

/// Returns a position as whole lots, towards zero but for the last digits of a float; None for none.
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
fn whole_lots(at: usize, target: f64, lot_size: f64, most: i64) -> PyResult<Option<i64>> {
    if target.is_nan() {
        return Ok(None);
    }
    let lots = target / lot_size;
    if lots.is_nan() || lots.abs() > most as f64 {
        return Err(PyValueError::new_err(at));
    }
    let nearest = (lots + 0.5_f64.copysign(lots)) as i64;
    let is_whole = (nearest as f64 - lots).abs() <= lots.abs().max(1.0) * 1e-9;
    Ok(Some(if is_whole { nearest } else { lots as i64 }))
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
        Self::read::<f64>(py, wanted, 0.0, |at, it| whole_lots(at, it, lot_size, max_lots))
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
        let unfit = || PyValueError::new_err("targets are contiguous");
        let cells = buffer.as_slice(py).ok_or_else(unfit)?;
        let mut one = None;
        let (mut aims, mut before_lots) = (Vec::new(), 0);
        let mut note = |at: usize, is_on: bool| -> PyResult<()> {
            let lots = match (is_on, one) {
                (false, _) => 0,
                (true, Some(lots)) => lots,
                (true, None) => {
                    let lots = whole_lots(at, 1.0, lot_size, max_lots)?.unwrap_or(0);
                    one = Some(lots);
                    lots
                }
            };
            if std::mem::replace(&mut before_lots, lots) != lots {
                aims.push(Aim { bar: at, lots });
            }
            Ok(())
        };
        let mut before = 0_u8;
        let (chunks, rest) = cells.as_chunks::<CHUNK>();
        for (begin, chunk) in (0_usize..).step_by(CHUNK).zip(chunks) {
            // Mostly none changes, and then no more is looked at.
            if chunk.iter().fold(0, |changed, it| changed | (it.get() ^ before)) == 0 {
                continue;
            }
            // Each beside the one before it.
            let flags = u128::from_le_bytes(chunk.each_ref().map(ReadOnlyCell::get));
            let mut changed = flags ^ (flags << 8 | u128::from(before));
            before = chunk.last().map_or(0, ReadOnlyCell::get);
            while changed != 0 {
                let bits = changed.trailing_zeros() & !7;
                note(begin.wrapping_add(bits as usize / 8), (flags >> bits) & 0xFF != 0)?;
                changed &= !(0xFF << bits);
            }
        }
        for (at, flag) in (cells.len().wrapping_sub(rest.len())..).zip(rest) {
            note(at, flag.get() != 0)?;
        }
        Ok(Self { count: cells.len(), aims })
    }

    /// Takes positions in lots.
    #[staticmethod]
    fn of_lots(py: Python<'_>, wanted: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::read::<i64>(py, wanted, 0, |_, it| Ok(Some(it)))
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
