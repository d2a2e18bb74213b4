//! Exact prices and sizes as Python's `Decimal`, and back, without asking Python each time.
//!
//! A number that was shown is shown again as the same object, and an object that was understood is
//! understood again. What is not plain is nobody's business here: `domain.instrument` reads it, or
//! says what is wrong with it.

use pyo3::types::{PyAnyMethods, PyInt, PyString, PyStringMethods};
use pyo3::{Bound, Py, PyAny, PyResult, Python};

/// So many numbers are remembered, by their last bits.
const SHOWN: usize = 1_024;

/// So many objects that were given to us are remembered.
const GIVEN: usize = 4;

/// Digits up to which a text is read here; with the scales of a listing they fit 128 bits.
const DIGITS: usize = 18;

/// A number and the object that it is shown as.
type Known = Option<(i64, Py<PyAny>)>;

/// The steps of an instrument: its ticks, or its lots.
pub(crate) struct Steps {
    /// `EXACT.multiply`, and the size of a step.
    multiply: Py<PyAny>,
    step: Py<PyAny>,
    decimal: Py<PyAny>,
    /// A step is `numerator` over `denominator`.
    numerator: i128,
    denominator: i128,
    most: i64,
    shown: Vec<Known>,
    given: [Known; GIVEN],
    turn: usize,
}

impl Steps {
    /// Makes the steps of one size, of which at most so many make an order.
    pub(crate) fn new(
        step: Bound<'_, PyAny>,
        numerator: i64,
        denominator: i64,
        most: i64,
    ) -> PyResult<Self> {
        let py = step.py();
        let exact = py.import("steelyard.domain.units")?.getattr("EXACT")?;
        Ok(Self {
            multiply: exact.getattr("multiply")?.unbind(),
            step: step.unbind(),
            decimal: py.import("decimal")?.getattr("Decimal")?.unbind(),
            numerator: i128::from(numerator),
            denominator: i128::from(denominator),
            most,
            shown: (0..SHOWN).map(|_| None).collect(),
            given: [const { None }; GIVEN],
            turn: 0,
        })
    }

    /// Returns so many steps as a `Decimal`.
    pub(crate) fn exact(&mut self, py: Python<'_>, steps: i64) -> PyResult<Py<PyAny>> {
        let at = usize::try_from(steps.rem_euclid(SHOWN as i64)).unwrap_or(0);
        if let Some(Some((known, object))) = self.shown.get(at)
            && *known == steps
        {
            return Ok(object.clone_ref(py));
        }
        let object = self.multiply.call1(py, (steps, &self.step))?;
        if let Some(room) = self.shown.get_mut(at) {
            *room = Some((steps, object.clone_ref(py)));
        }
        Ok(object)
    }

    /// Returns how many steps an object was said to be, if it was, or is plainly: a `Decimal`, a
    /// text, or steps themselves.
    pub(crate) fn read(&mut self, amount: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
        for (steps, object) in self.given.iter().flatten() {
            if object.is(amount) {
                return Ok(Some(*steps));
            }
        }
        let kind = amount.get_type();
        let found = if kind.is(&self.decimal) {
            self.plain(amount.str()?.to_str()?)
        } else if amount.is_exact_instance_of::<PyString>() {
            self.plain(amount.cast::<PyString>()?.to_str()?)
        } else {
            None
        };
        // None of these can change, so the object means the same for ever.
        if let Some(steps) = found {
            self.keep(amount, steps);
        }
        Ok(found)
    }

    /// As `read`, where a whole number is steps as well.
    pub(crate) fn read_size(&mut self, amount: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
        if amount.is_exact_instance_of::<PyInt>() {
            let steps = amount.extract::<i64>().ok();
            return Ok(steps.filter(|it| (1..=self.most).contains(it)));
        }
        self.read(amount)
    }

    /// Remembers what an object was shown for, or said to be.
    pub(crate) fn keep(&mut self, amount: &Bound<'_, PyAny>, steps: i64) {
        if let Some(room) = self.given.get_mut(self.turn) {
            *room = Some((steps, amount.clone().unbind()));
        }
        self.turn = self.turn.wrapping_add(1) & (GIVEN - 1);
    }

    /// Returns a plain text as steps, as `domain.units.whole_steps` does.
    fn plain(&self, text: &str) -> Option<i64> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() || whole.len().saturating_add(rest.len()) > DIGITS {
            return None;
        }
        let mut digits = 0_i128;
        for byte in whole.bytes().chain(rest.bytes()) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            digits = digits.checked_mul(10)?.checked_add(i128::from(digit))?;
        }
        let power = 10_i128.checked_pow(u32::try_from(rest.len()).ok()?)?;
        let one = self.numerator.checked_mul(power)?;
        let all = digits.checked_mul(self.denominator)?;
        if all.checked_rem(one)? != 0 {
            return None;
        }
        let steps = i64::try_from(all.checked_div(one)?).ok()?;
        (1..=self.most).contains(&steps).then_some(steps)
    }
}
