//! Bars as Python classes: many of them as rows for a replay, and one as a strategy sees it.

use std::sync::Arc;

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyAnyMethods, PyBytes};
use pyo3::{Bound, Py, PyAny, PyResult, Python, pyclass, pyfunction, pymethods};
use steelyard_engine::Instrument;
use steelyard_replay::Bar;

/// How prices and sizes of an instrument are read.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    instrument_id: u32,
    base_asset_id: u32,
    quote_asset_id: u32,
    lot_atoms: i64,
    tick_lot_atoms: i64,
    /// A price is ticks times `numerator` over `denominator`, which have no common factor.
    numerator: i64,
    denominator: i64,
}

fn common(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one.checked_rem(other).unwrap_or(0));
    }
    one.max(1)
}

impl Scale {
    /// Reads the steps of a `domain.instrument.Instrument`.
    pub(crate) fn of(instrument: &Bound<'_, PyAny>) -> PyResult<Self> {
        let lot_atoms: i64 = instrument.getattr("lot_atoms")?.extract()?;
        let tick_lot_atoms: i64 = instrument.getattr("tick_lot_atoms")?.extract()?;
        if lot_atoms < 1 || tick_lot_atoms < 1 {
            return Err(PyValueError::new_err("an instrument's steps are above zero"));
        }
        let common = common(tick_lot_atoms, lot_atoms);
        Ok(Self {
            instrument_id: instrument.getattr("instrument_id")?.extract()?,
            base_asset_id: instrument.getattr("base_asset_id")?.extract()?,
            quote_asset_id: instrument.getattr("quote_asset_id")?.extract()?,
            lot_atoms,
            tick_lot_atoms,
            numerator: tick_lot_atoms.checked_div(common).unwrap_or(0),
            denominator: lot_atoms.checked_div(common).unwrap_or(1),
        })
    }

    /// Returns what an account needs to know of the instrument.
    pub(crate) fn listing(self) -> Instrument {
        Instrument {
            instrument_id: self.instrument_id,
            base_asset_id: self.base_asset_id,
            quote_asset_id: self.quote_asset_id,
            lot_atoms: self.lot_atoms,
            tick_lot_atoms: self.tick_lot_atoms,
            price_max_ticks: 1,
            size_min_lots: 1,
            size_max_lots: 1,
            notional_min_atoms: 0,
            notional_max_atoms: 0,
            band_rate_e8: 0,
            orders_max: 0,
            triggers_max: 0,
            volume_weight_e8: 0,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        }
    }

    /// Returns the float that is nearest to a price.
    #[inline]
    #[allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "for indicators")]
    pub(crate) fn price(self, ticks: i64) -> f64 {
        ticks.saturating_mul(self.numerator) as f64 / self.denominator as f64
    }
}

/// The rows of a replay; shared, and never changed.
#[pyclass(name = "Bars", module = "steelyard._native", frozen)]
pub(crate) struct PyBars {
    rows: Arc<Vec<Bar>>,
}

impl PyBars {
    pub(crate) fn rows(&self) -> Arc<Vec<Bar>> {
        Arc::clone(&self.rows)
    }
}

/// Reads six columns, which are equally long, into rows.
fn columns<'py, T: Element + Copy>(
    py: Python<'py>,
    columns: [&Bound<'py, PyAny>; 5],
    times: &Bound<'py, PyAny>,
    mut row: impl FnMut(usize, i64, [T; 5]) -> PyResult<Bar>,
) -> PyResult<PyBars> {
    let times = PyBuffer::<i64>::get(times)?;
    let [a, b, c, d, e] = columns;
    let buffers = [
        PyBuffer::<T>::get(a)?,
        PyBuffer::<T>::get(b)?,
        PyBuffer::<T>::get(c)?,
        PyBuffer::<T>::get(d)?,
        PyBuffer::<T>::get(e)?,
    ];
    let unfit = || PyValueError::new_err("columns of bars are contiguous and equally long");
    let times = times.as_slice(py).ok_or_else(unfit)?;
    let mut slices = [times.len(); 5].map(|_| None);
    for (slice, buffer) in slices.iter_mut().zip(&buffers) {
        *slice = buffer.as_slice(py).filter(|it| it.len() == times.len());
    }
    let [Some(a), Some(b), Some(c), Some(d), Some(e)] = slices else { return Err(unfit()) };
    let mut rows = Vec::with_capacity(times.len());
    let numbers = times.iter().zip(a).zip(b).zip(c).zip(d).zip(e).enumerate();
    for (at, (((((time, a), b), c), d), e)) in numbers {
        rows.push(row(at, time.get(), [a.get(), b.get(), c.get(), d.get(), e.get()])?);
    }
    Ok(PyBars { rows: Arc::new(rows) })
}

#[pymethods]
impl PyBars {
    /// Takes columns of whole numbers.
    #[new]
    fn new<'py>(
        py: Python<'py>,
        open_ns: &Bound<'py, PyAny>,
        open: &Bound<'py, PyAny>,
        high: &Bound<'py, PyAny>,
        low: &Bound<'py, PyAny>,
        close: &Bound<'py, PyAny>,
        volume: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let parts = [open, high, low, close, volume];
        columns::<i64>(py, parts, open_ns, |_, open_ns, [open, high, low, close, volume]| {
            Ok(Bar { open_ns, open, high, low, close, volume })
        })
    }

    /// Takes columns of floats, which have to be whole ticks and lots but for their last digits.
    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "the columns of bars")]
    #[allow(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "this is where floats become whole numbers, and each is checked"
    )]
    fn from_floats<'py>(
        py: Python<'py>,
        open_ns: &Bound<'py, PyAny>,
        open: &Bound<'py, PyAny>,
        high: &Bound<'py, PyAny>,
        low: &Bound<'py, PyAny>,
        close: &Bound<'py, PyAny>,
        volume: &Bound<'py, PyAny>,
        per_price: f64,
        per_size: f64,
        rounds: bool,
    ) -> PyResult<Self> {
        // A float of a decimal number is off by less than this part of it.
        let slack = 1e-9;
        let parts = [open, high, low, close, volume];
        columns::<f64>(py, parts, open_ns, |at, open_ns, numbers| {
            let [o, h, l, c, v] = numbers;
            let mut steps = [0; 5];
            let scaled: [f64; 5] =
                [o * per_price, h * per_price, l * per_price, c * per_price, v * per_size];
            for (step, exact) in steps.iter_mut().zip(scaled) {
                // To the nearest, without a call.
                let whole = (exact + 0.5_f64.copysign(exact)) as i64;
                let off = (whole as f64 - exact).abs();
                let is_near = off <= slack * exact.abs().max(1.0) || rounds && off <= 0.5;
                if !(is_near && exact.abs() < 9e15) {
                    let names = ["open", "high", "low", "close", "volume"];
                    let wrong = scaled.iter().position(|it| it == &exact || it.is_nan());
                    let name = wrong.and_then(|it| names.get(it)).unwrap_or(&"number");
                    return Err(PyValueError::new_err((at, *name)));
                }
                *step = whole;
            }
            let [open, high, low, close, volume] = steps;
            Ok(Bar { open_ns, open, high, low, close, volume })
        })
    }

    /// Returns one column as 64-bit numbers, in the order of the fields of a bar.
    fn column<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyBytes>> {
        let read = match at {
            0 => |bar: &Bar| bar.open_ns,
            1 => |bar: &Bar| bar.open,
            2 => |bar: &Bar| bar.high,
            3 => |bar: &Bar| bar.low,
            4 => |bar: &Bar| bar.close,
            5 => |bar: &Bar| bar.volume,
            _ => return Err(PyValueError::new_err("a bar has six columns")),
        };
        PyBytes::new_with(py, self.rows.len().saturating_mul(8), |bytes| {
            for (word, bar) in bytes.chunks_exact_mut(8).zip(self.rows.iter()) {
                word.copy_from_slice(&read(bar).to_le_bytes());
            }
            Ok(())
        })
    }

    /// Returns whether times rise on the interval and prices lie within their low and high, above 0
    /// and not above a highest one, with no negative volume.
    fn is_sound(&self, interval_ns: i64, price_max_ticks: i64) -> bool {
        let mut before_ns = i64::MIN;
        self.rows.iter().all(|bar| {
            let since_ns = bar.open_ns.checked_sub(before_ns);
            let rises = bar.open_ns > before_ns;
            before_ns = bar.open_ns;
            rises
                && (since_ns == Some(interval_ns)
                    || bar.open_ns.checked_rem(interval_ns) == Some(0))
                && bar.low > 0
                && bar.low <= bar.open.min(bar.close)
                && bar.high >= bar.open.max(bar.close)
                && bar.high <= price_max_ticks
                && bar.volume >= 0
        })
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
}

/// Returns positions as whole lots, 64-bit: towards zero, but for the last digits of a float, and a
/// missing one (NaN) is the one before, at first none.
///
/// # Errors
///
/// The place of the first that is infinite, or larger than a most.
#[pyfunction]
#[allow(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "this is where floats become whole numbers"
)]
pub(crate) fn whole_targets<'py>(
    py: Python<'py>,
    wanted: &Bound<'py, PyAny>,
    lot_size: f64,
    max_lots: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let buffer = PyBuffer::<f64>::get(wanted)?;
    let unfit = || PyValueError::new_err("targets are contiguous");
    let wanted = buffer.as_slice(py).ok_or_else(unfit)?;
    let most = max_lots as f64;
    PyBytes::new_with(py, wanted.len().saturating_mul(8), |bytes| {
        let (mut before, mut before_lots) = (0.0, 0_i64);
        for (at, (word, cell)) in bytes.chunks_exact_mut(8).zip(wanted).enumerate() {
            let target = cell.get();
            if target != before && !target.is_nan() {
                let lots = target / lot_size;
                if lots.is_nan() || lots.abs() > most {
                    return Err(PyValueError::new_err(at));
                }
                let nearest = (lots + 0.5_f64.copysign(lots)) as i64;
                let is_whole = (nearest as f64 - lots).abs() <= lots.abs().max(1.0) * 1e-9;
                before = target;
                before_lots = if is_whole { nearest } else { lots as i64 };
            }
            word.copy_from_slice(&before_lots.to_le_bytes());
        }
        Ok(())
    })
}

/// One bar as `trading.bars.Bar` is read, filled anew for each call unless somebody kept it.
#[pyclass(name = "BarView", module = "steelyard._native")]
pub(crate) struct BarView {
    bar: Bar,
    is_gapped: bool,
    scale: Scale,
    #[pyo3(get)]
    interval_ns: i64,
    #[pyo3(get)]
    instrument: Py<PyAny>,
}

impl BarView {
    pub(crate) fn new(
        bar: Bar,
        is_gapped: bool,
        scale: Scale,
        interval_ns: i64,
        instrument: Py<PyAny>,
    ) -> Self {
        Self { bar, is_gapped, scale, interval_ns, instrument }
    }

    #[inline]
    pub(crate) fn set(&mut self, bar: Bar, is_gapped: bool) {
        self.bar = bar;
        self.is_gapped = is_gapped;
    }
}

#[pymethods]
impl BarView {
    #[getter]
    fn open_ns(&self) -> i64 {
        self.bar.open_ns
    }

    #[getter]
    fn open_ticks(&self) -> i64 {
        self.bar.open
    }

    #[getter]
    fn high_ticks(&self) -> i64 {
        self.bar.high
    }

    #[getter]
    fn low_ticks(&self) -> i64 {
        self.bar.low
    }

    #[getter]
    fn close_ticks(&self) -> i64 {
        self.bar.close
    }

    #[getter]
    fn volume_lots(&self) -> i64 {
        self.bar.volume
    }

    /// Archives do not say; 0.
    #[getter]
    fn trade_count(&self) -> i64 {
        0
    }

    /// Whether it was joined from fewer bars than it is long.
    #[getter]
    fn is_gapped(&self) -> bool {
        self.is_gapped
    }

    #[getter]
    fn open(&self) -> f64 {
        self.scale.price(self.bar.open)
    }

    #[getter]
    fn high(&self) -> f64 {
        self.scale.price(self.bar.high)
    }

    #[getter]
    fn low(&self) -> f64 {
        self.scale.price(self.bar.low)
    }

    #[getter]
    fn close(&self) -> f64 {
        self.scale.price(self.bar.close)
    }

    fn price<'py>(&self, py: Python<'py>, which: &str) -> PyResult<Bound<'py, PyAny>> {
        let bar = self.bar;
        let ticks = match which {
            "open" => bar.open,
            "high" => bar.high,
            "low" => bar.low,
            "close" => bar.close,
            _ => return Err(PyValueError::new_err("a bar has open, high, low and close")),
        };
        self.instrument.bind(py).call_method1("price", (ticks,))
    }

    #[getter]
    fn volume<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.instrument.bind(py).call_method1("size", (self.bar.volume,))
    }

    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let module = py.import("datetime")?;
        let seconds = self.bar.open_ns.wrapping_div(1_000_000_000);
        let utc = module.getattr("UTC")?;
        module.getattr("datetime")?.call_method1("fromtimestamp", (seconds, utc))
    }

    fn __repr__(&self) -> String {
        let bar = self.bar;
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|it| self.scale.price(it));
        format!("BarView({} ns: {open} {high} {low} {close})", bar.open_ns)
    }
}
