//! Formulas as a Python class: steps as rows of numbers, columns where numpy has them.

use pyo3::buffer::{PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::{Bound, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::formula::{Asked, Formula, Found, Logic, Math, Step};

/// A name, up to three operands or an operand and a period, and a number.
type Row = (String, usize, usize, usize, f64);

/// A formula with the columns that it is about.
#[pyclass(name = "Formula", module = "steelyard._native", frozen)]
pub(crate) struct PyFormula {
    formula: Formula,
    columns: Vec<PyBuffer<f64>>,
    #[pyo3(get)]
    pub(crate) count: usize,
}

fn step((name, a, b, c, number): Row) -> PyResult<Step> {
    Ok(match name.as_str() {
        "column" => Step::Column(a),
        "constant" => Step::Constant(number),
        "mean" => Step::Mean(a, b),
        "smooth" => Step::Smooth(a, b, number),
        "highest" => Step::Highest(a, b),
        "lowest" => Step::Lowest(a, b),
        "deviation" => Step::Deviation(a, b),
        "shift" => Step::Shift(a, b),
        "add" => Step::Math(Math::Add, a, b),
        "subtract" => Step::Math(Math::Subtract, a, b),
        "multiply" => Step::Math(Math::Multiply, a, b),
        "divide" => Step::Math(Math::Divide, a, b),
        "higher" => Step::Math(Math::Higher, a, b),
        "lower" => Step::Math(Math::Lower, a, b),
        "above" => Step::Ask(Asked::Above, a, b),
        "at_least" => Step::Ask(Asked::AtLeast, a, b),
        "equal" => Step::Ask(Asked::Equal, a, b),
        "crossed_above" => Step::Ask(Asked::CrossedAbove, a, b),
        "and" => Step::Logic(Logic::And, a, b),
        "or" => Step::Logic(Logic::Or, a, b),
        "xor" => Step::Logic(Logic::Xor, a, b),
        "hold" => Step::Logic(Logic::Hold, a, b),
        "not" => Step::Not(a),
        "choose" => Step::Choose(a, b, c),
        _ => return Err(PyValueError::new_err(format!("no step is called {name}"))),
    })
}

impl PyFormula {
    /// Works it out and gives each block away with the place of its first value.
    pub(crate) fn run(
        &self,
        py: Python<'_>,
        give: impl FnMut(usize, Found<'_>) -> PyResult<()>,
    ) -> PyResult<()> {
        let unfit = || PyValueError::new_err("columns are contiguous, and as long as the formula");
        let columns: Option<Vec<&[ReadOnlyCell<f64>]>> = self
            .columns
            .iter()
            .map(|it| it.as_slice(py).filter(|it| it.len() == self.count))
            .collect();
        let columns = columns.ok_or_else(unfit)?;
        let read = |column: usize, from: usize, out: &mut [f64]| {
            let cells = columns.get(column).and_then(|it| it.get(from..));
            for (out, cell) in out.iter_mut().zip(cells.unwrap_or_default()) {
                *out = cell.get();
            }
        };
        self.formula.run(self.count, read, give)
    }
}

#[pymethods]
impl PyFormula {
    #[new]
    fn new(rows: Vec<Row>, columns: Vec<Bound<'_, PyAny>>, count: usize) -> PyResult<Self> {
        let steps = rows.into_iter().map(step).collect::<PyResult<_>>()?;
        let formula = Formula::new(steps).map_err(PyValueError::new_err)?;
        let columns = columns.iter().map(PyBuffer::get).collect::<PyResult<Vec<_>>>()?;
        if formula.columns() > columns.len() {
            return Err(PyValueError::new_err("a step is about a column that is not there"));
        }
        Ok(Self { formula, columns, count })
    }

    #[getter]
    pub(crate) fn is_flags(&self) -> bool {
        self.formula.is_flags()
    }

    /// Writes it into an array of floats, or of bytes where it is flags.
    fn write(&self, py: Python<'_>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let unfit = || PyValueError::new_err("the array is contiguous, and as long as the formula");
        if self.is_flags() {
            let out = PyBuffer::<u8>::get(out)?;
            let out = out.as_mut_slice(py).filter(|it| it.len() == self.count);
            let out = out.ok_or_else(unfit)?;
            return self.run(py, |from, found| {
                if let Found::Flags(flags) = found {
                    let cells = out.get(from..).unwrap_or_default();
                    cells.iter().zip(flags).for_each(|(cell, flag)| cell.set(*flag));
                }
                Ok(())
            });
        }
        let out = PyBuffer::<f64>::get(out)?;
        let out = out.as_mut_slice(py).filter(|it| it.len() == self.count).ok_or_else(unfit)?;
        self.run(py, |from, found| {
            if let Found::Numbers(numbers) = found {
                let cells = out.get(from..).unwrap_or_default();
                cells.iter().zip(numbers).for_each(|(cell, number)| cell.set(*number));
            }
            Ok(())
        })
    }
}
