//! Orders as signed bytes, as a Python class.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBytes, PyFloat, PyInt, PyString, PyStringMethods};
use pyo3::{Bound, FromPyObject, PyAny, PyErr, PyResult, Python, pyclass, pymethods};
use steelyard_client::{Clock, Encoding, FormTable, Hash, Order, OrderForm, Part, Refused, Side};

/// What orders of one kind look like, as `steelyard.wire.tables.OrderForm` has it.
#[derive(FromPyObject)]
struct PyForm<'py> {
    signed: Vec<Bound<'py, PyAny>>,
    head: Vec<Bound<'py, PyAny>>,
    body: Vec<Bound<'py, PyAny>>,
    buy: String,
    sell: String,
    digested: Vec<Bound<'py, PyAny>>,
    hashed: u8,
    encoding: u8,
    clock: u8,
    time_unit_ns: i64,
    rises_within_ns: i64,
    decimals: u32,
    size_decimals: Option<u32>,
    is_padded: bool,
    id_form: String,
    tick: i64,
    lot: i64,
    price_max_ticks: i64,
    size_min_lots: i64,
    size_max_lots: i64,
}

/// The holes of a form, by their number from 1 on.
const HOLES: [Part; 11] = [
    Part::Side,
    Part::Price,
    Part::Size,
    Part::ClientOrderId,
    Part::Time,
    Part::Signature,
    Part::Signed,
    Part::Body,
    Part::BodyLength,
    Part::JsonId,
    Part::Digest,
];

/// Orders of one kind, instrument and key as signed requests; see `steelyard.wire.orders`.
#[pyclass(name = "OrderSigner", module = "steelyard._native", subclass)]
pub(crate) struct PyOrderForm {
    pub(crate) form: OrderForm,
}

fn parts(parts: &[Bound<'_, PyAny>]) -> PyResult<Vec<Part>> {
    let part = |part: &Bound<'_, PyAny>| {
        if let Ok(text) = part.cast::<PyString>() {
            return Ok(Part::Text(text.to_str()?.to_owned()));
        }
        let hole = part.extract::<usize>()?.checked_sub(1).and_then(|place| HOLES.get(place));
        hole.cloned().ok_or_else(|| PyValueError::new_err("no hole has that number"))
    };
    parts.iter().map(part).collect()
}

/// Returns the refusal that an order meets, with the reason that a venue would give.
#[cold]
fn refused(py: Python<'_>, refused: Refused) -> PyErr {
    let reason = match refused {
        Refused::PriceOutOfRange => "PRICE_OUT_OF_RANGE",
        Refused::SizeTooSmall => "SIZE_TOO_SMALL",
        Refused::SizeTooLarge => "SIZE_TOO_LARGE",
        Refused::NotANumber
        | Refused::PriceAbsent
        | Refused::ClientOrderId
        | Refused::ClientOrderIdForm
        | Refused::Time => "UNSUPPORTED",
    };
    let error = || {
        let reasons = py.import("steelyard.domain.order")?.getattr("RejectReason")?;
        let class = py.import("steelyard.domain.errors")?.getattr("UnitError")?;
        class.call1((refused.text(), reasons.getattr(reason)?))
    };
    error().map_or_else(|error: PyErr| error, PyErr::from_value)
}

pub(crate) fn side(side: i8) -> PyResult<Side> {
    match side {
        1 => Ok(Side::Bids),
        -1 => Ok(Side::Asks),
        _ => Err(PyValueError::new_err("side is not 1 (buy) or -1 (sell)")),
    }
}

/// Calls with a number as text.
#[inline]
fn with_text<T>(
    number: &Bound<'_, PyAny>,
    call: impl FnOnce(&str) -> Result<T, Refused>,
) -> PyResult<T> {
    let py = number.py();
    if let Ok(text) = number.cast::<PyString>() {
        return call(text.to_str()?).map_err(|error| refused(py, error));
    }
    if number.is_instance_of::<PyFloat>() {
        return Err(PyTypeError::new_err("a float is not exact: pass a str or a Decimal"));
    }
    // An int's format "f" goes through a float.
    let text = match number.is_instance_of::<PyInt>() {
        true => number.str()?,
        false => number.call_method1("__format__", ("f",))?.cast_into::<PyString>()?,
    };
    call(text.to_str()?).map_err(|error| refused(py, error))
}

#[pymethods]
impl PyOrderForm {
    #[new]
    fn new(form: PyForm<'_>, secret: &[u8]) -> PyResult<Self> {
        let unknown = |what: &str| PyValueError::new_err(format!("no {what} has that number"));
        let table = FormTable {
            signed: parts(&form.signed)?,
            head: parts(&form.head)?,
            body: parts(&form.body)?,
            buy: form.buy,
            sell: form.sell,
            digested: parts(&form.digested)?,
            hash: Hash::of(form.hashed).ok_or_else(|| unknown("hash"))?,
            encoding: Encoding::of(form.encoding).ok_or_else(|| unknown("encoding"))?,
            clock: Clock::of(form.clock).ok_or_else(|| unknown("form of times"))?,
            time_unit_ns: form.time_unit_ns,
            rises_within_ns: form.rises_within_ns,
            decimals: form.decimals,
            size_decimals: form.size_decimals.unwrap_or(form.decimals),
            is_padded: form.is_padded,
            id_form: form.id_form,
            tick: form.tick,
            lot: form.lot,
            price_max_ticks: form.price_max_ticks,
            size_min_lots: form.size_min_lots,
            size_max_lots: form.size_max_lots,
        };
        let form = OrderForm::new(table, secret).map_err(PyValueError::new_err)?;
        Ok(Self { form })
    }

    /// Returns an order in ticks and lots as bytes to send.
    fn request<'py>(
        &mut self,
        py: Python<'py>,
        side: i8,
        price_ticks: Option<i64>,
        size_lots: i64,
        client_order_id: &str,
        now_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let side = self::side(side)?;
        self.bytes(py, &Order { side, price_ticks, size_lots, client_order_id, now_ns })
    }

    /// Returns the body alone of what `request` returns.
    fn body<'py>(
        &mut self,
        py: Python<'py>,
        side: i8,
        price_ticks: Option<i64>,
        size_lots: i64,
        client_order_id: &str,
        now_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let side = self::side(side)?;
        let order = Order { side, price_ticks, size_lots, client_order_id, now_ns };
        let body = self.form.body(&order).map_err(|error| refused(py, error))?;
        Ok(PyBytes::new(py, body))
    }

    /// Returns an order as bytes to send, its price and size rounded to whole steps.
    fn sized<'py>(
        &mut self,
        py: Python<'py>,
        side: i8,
        price: Option<Bound<'py, PyAny>>,
        size: Bound<'py, PyAny>,
        client_order_id: &str,
        now_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let side = self::side(side)?;
        let form = &self.form;
        let price = price.map(|price| with_text(&price, |text| form.price_ticks(side, text)));
        let price_ticks = price.transpose()?;
        let size_lots = with_text(&size, |text| form.size_lots(text))?;
        self.bytes(py, &Order { side, price_ticks, size_lots, client_order_id, now_ns })
    }
}

impl PyOrderForm {
    #[inline]
    fn bytes<'py>(&mut self, py: Python<'py>, order: &Order<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let request = self.form.request(order).map_err(|error| refused(py, error))?;
        Ok(PyBytes::new(py, request))
    }
}
