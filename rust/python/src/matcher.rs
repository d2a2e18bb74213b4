//! Matching and nothing else, as a Python class.

use pyo3::exceptions::PyValueError;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{Bound, IntoPyObject, PyErr, PyResult, Python, pyclass, pymethods};
use steelyard_engine::{Levels, Match, Matcher, Misstep, STEP_SIZE, Side, TRADE_SIZE};

/// From this many bytes of steps on, other Python threads may run meanwhile.
const LONG: usize = 1 << 16;

/// The largest price and the largest size.
const LIMIT_MAX: i64 = 1 << 53;

/// One limit order book that matches and does nothing else; see steelyard.engine.matcher.
///
/// It has one writer: a call from another thread while one runs raises RuntimeError.
#[pyclass(name = "Matcher", module = "steelyard._native")]
pub(crate) struct PyMatcher {
    matcher: Matcher,
    trades: Vec<[u8; TRADE_SIZE]>,
    refused: Vec<usize>,
    matches: Vec<Match>,
}

fn misstep(error: Misstep) -> PyErr {
    let message = match error {
        Misstep::CutShort => format!("steps are {STEP_SIZE} bytes each, these end within one"),
        Misstep::Side(at) => format!("step {at}: side is not 1 (buy), -1 (sell) or 0 (cancel)"),
        Misstep::Price(at) => format!("step {at}: price_ticks is not from 1 to 2^53"),
        Misstep::Size(at) => format!("step {at}: size_lots is not from 1 to 2^53"),
    };
    PyValueError::new_err(message)
}

#[pymethods]
impl PyMatcher {
    #[new]
    fn new() -> Self {
        let (trades, refused, matches) = (Vec::new(), Vec::new(), Vec::new());
        Self { matcher: Matcher::default(), trades, refused, matches }
    }

    /// Carry out any number of steps (32 bytes each, laid out as STEP) and return their trades (TRADE).
    fn apply<'py>(&mut self, py: Python<'py>, steps: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.trades.clear();
        self.refused.clear();
        let Self { matcher, trades, refused, .. } = self;
        let result = match steps.len() < LONG {
            true => matcher.apply(steps, trades, refused),
            false => py.detach(|| matcher.apply(steps, trades, refused)),
        };
        result.map_err(misstep)?;
        Ok(PyBytes::new(py, self.trades.as_flattened()))
    }

    /// The places of the steps of the last apply that did nothing.
    #[getter]
    fn refused(&self) -> Vec<usize> {
        self.refused.clone()
    }

    /// Match a limit order, let the rest of it rest; return (maker_id, price_ticks, size_lots) of each trade.
    fn place<'py>(
        &mut self,
        py: Python<'py>,
        order_id: u64,
        side: i8,
        price_ticks: i64,
        size_lots: i64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let Some(side) = Side::of(side) else {
            return Err(PyValueError::new_err("side is not 1 (buy) or -1 (sell)"));
        };
        for (name, value) in [("price_ticks", price_ticks), ("size_lots", size_lots)] {
            if !(1..=LIMIT_MAX).contains(&value) {
                let message = format!("{name} is {value}, not from 1 to 2^53");
                return Err(PyValueError::new_err(message));
            }
        }
        self.matches.clear();
        let matches = &mut self.matches;
        let mut told = |it: Match| matches.push(it);
        if !self.matcher.place(order_id, side, price_ticks, size_lots, &mut told) {
            let message =
                format!("order {order_id} is open already, or its level would exceed 2^62 lots");
            return Err(PyValueError::new_err(message));
        }
        if self.matches.is_empty() {
            return Ok(PyTuple::empty(py));
        }
        let told = self.matches.iter().map(|it| (it.maker_id, it.price_ticks, it.size_lots));
        let fills: Vec<_> = told.map(|it| it.into_pyobject(py)).collect::<PyResult<_>>()?;
        PyTuple::new(py, fills)
    }

    /// Take an order off the book; return how many lots of it were left, None if it is not open.
    fn cancel(&mut self, order_id: u64) -> Option<i64> {
        self.matcher.cancel(order_id)
    }

    /// Return up to depth levels of bids and asks, best first, as (price_ticks, size_lots).
    fn book(&self, depth: usize) -> (Levels, Levels) {
        (self.matcher.levels(Side::Buy, depth), self.matcher.levels(Side::Sell, depth))
    }
}
