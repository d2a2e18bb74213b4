//! How an instrument's numbers are read, and one bar as a strategy sees it.

use pyo3::exceptions::PyValueError;
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, Py, PyAny, PyResult, Python, pyclass, pymethods};
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

    /// Returns the listing of a `domain.instrument.Instrument`, without its names.
    pub(crate) fn listing(self, instrument: &Bound<'_, PyAny>) -> PyResult<Instrument> {
        Ok(Instrument {
            instrument_id: self.instrument_id,
            base_asset_id: self.base_asset_id,
            quote_asset_id: self.quote_asset_id,
            lot_atoms: self.lot_atoms,
            tick_lot_atoms: self.tick_lot_atoms,
            price_max_ticks: instrument.getattr("price_max_ticks")?.extract()?,
            size_min_lots: instrument.getattr("size_min_lots")?.extract()?,
            size_max_lots: instrument.getattr("size_max_lots")?.extract()?,
            notional_min_atoms: instrument.getattr("notional_min_atoms")?.extract()?,
            notional_max_atoms: instrument.getattr("notional_max_atoms")?.extract()?,
            band_rate_e8: instrument.getattr("band_rate_e8")?.extract()?,
            orders_max: instrument.getattr("orders_max")?.extract()?,
            triggers_max: instrument.getattr("triggers_max")?.extract()?,
            volume_weight_e8: instrument.getattr("volume_weight_e8")?.extract()?,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        })
    }

    /// Returns the float that is nearest to a price.
    #[inline]
    #[allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "for indicators")]
    pub(crate) fn price(self, ticks: i64) -> f64 {
        ticks.saturating_mul(self.numerator) as f64 / self.denominator as f64
    }
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
