//! New orders as nearly everybody sends them, as a Python class.

use std::collections::BTreeMap;

use pyo3::exceptions::PyValueError;
use pyo3::types::{PyDict, PyDictMethods, PyString, PyStringMethods};
use pyo3::{Bound, FromPyObject, Py, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_client::{Encoding, Hash, Signer};
use steelyard_server::{Claim, OrderTable, PlainOrders, Shape, Signed, Steps};

/// What is signed, by its number from 1 on.
const SIGNED: [Signed; 5] =
    [Signed::Timestamp, Signed::Nonce, Signed::Method, Signed::Target, Signed::Parameters];

/// How plain orders look, as `steelyard.wire.plain_orders.OrderTable` has it.
#[derive(FromPyObject)]
struct PyTable {
    method: String,
    path: String,
    is_json: bool,
    price: String,
    size: String,
    client_order_id: String,
    id_marks: String,
    id_bytes_max: usize,
    id_begins_not: String,
    digits_max: (usize, usize),
    nonce_bytes_max: usize,
    signed: Vec<usize>,
    key: String,
    nonce: String,
    timestamp: String,
    signature: String,
}

/// Of an instrument: numerator, denominator and the most of a step.
type PySteps = (u64, u64, u64);

/// What varies of an order: its price, its size, its client's name.
type PyVarying<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// A plain order: what is kept of its shape, price, size, client's name, whose its key is, nonce and
/// timestamp.
type PyPlain<'py> =
    (Py<PyAny>, Option<i64>, Option<i64>, &'py str, Py<PyAny>, Bound<'py, PyAny>, i64);

/// Reads the plain orders of one dialect; see `steelyard.exchange.plain_orders`.
#[pyclass(name = "PlainOrders", module = "steelyard._native")]
pub(crate) struct PyPlainOrders {
    orders: PlainOrders,
    /// Whose the keys are, by their names.
    owners: BTreeMap<String, Py<PyAny>>,
    kept: Vec<Py<PyAny>>,
    is_json: bool,
    method: String,
    headers: [Py<PyString>; 4],
    nothing: Py<PyString>,
}

#[pymethods]
impl PyPlainOrders {
    #[new]
    fn new(py: Python<'_>, table: PyTable) -> PyResult<Self> {
        let signed = |number: usize| {
            let found = number.checked_sub(1).and_then(|place| SIGNED.get(place)).copied();
            found.ok_or_else(|| PyValueError::new_err("nothing of that number is signed"))
        };
        let headers = [&table.key, &table.signature, &table.timestamp, &table.nonce]
            .map(|name| PyString::intern(py, name).unbind());
        let is_json = table.is_json;
        let orders = PlainOrders::new(OrderTable {
            method: table.method.clone(),
            path: table.path,
            is_json,
            price: table.price,
            size: table.size,
            client_order_id: table.client_order_id,
            id_marks: table.id_marks.into_bytes(),
            id_bytes_max: table.id_bytes_max,
            id_begins_not: table.id_begins_not,
            digits_max: [table.digits_max.0, table.digits_max.1],
            nonce_bytes_max: table.nonce_bytes_max,
            signed: table.signed.into_iter().map(signed).collect::<PyResult<_>>()?,
            timestamp: table.timestamp,
            signature: table.signature,
        });
        let nothing = PyString::intern(py, "").unbind();
        let (owners, kept) = (BTreeMap::new(), Vec::new());
        Ok(Self { orders, owners, kept, is_json, method: table.method, headers, nothing })
    }

    fn keep(&mut self, key: &str, secret: &[u8], owner: Py<PyAny>) {
        self.owners.insert(key.to_owned(), owner);
        self.orders.keep(key, Signer::new(secret, Hash::Sha256, Encoding::Hex));
    }

    fn keeps(&self, key: &str) -> bool {
        self.orders.keeps(key)
    }

    fn forget_keys(&mut self) {
        self.owners.clear();
        self.orders.forget_keys();
    }

    fn forget_shapes(&mut self) {
        self.orders.forget_shapes();
        self.kept.clear();
    }

    fn is_full(&self) -> bool {
        self.orders.is_full()
    }

    fn unknown<'a>(&mut self, target: &'a str, body: &'a [u8]) -> Option<PyVarying<'a>> {
        let found = self.orders.unknown(target, str::from_utf8(body).ok()?)?;
        Some((found.price, found.size, found.client_order_id))
    }

    fn learn(
        &mut self,
        target: &str,
        body: &[u8],
        kept: Py<PyAny>,
        price: PySteps,
        size: PySteps,
        times_ns: (i64, i64),
    ) {
        let steps =
            |(numerator, denominator, steps_max)| Steps { numerator, denominator, steps_max };
        let number = self.kept.len();
        let (price, size) = (steps(price), steps(size));
        let (window_ns, ahead_ns) = times_ns;
        let shape = Shape { number, price, size, window_ns, ahead_ns };
        if let Ok(body) = str::from_utf8(body) {
            self.kept.push(kept);
            self.orders.learn(target, body, Some(shape));
        }
    }

    fn refuse(&mut self, target: &str, body: &[u8]) {
        if let Ok(body) = str::from_utf8(body) {
            self.orders.learn(target, body, None);
        }
    }

    fn read<'py>(
        &mut self,
        py: Python<'py>,
        method: &str,
        target: &'py str,
        headers: &Bound<'py, PyDict>,
        body: &'py [u8],
        now_ns: i64,
    ) -> PyResult<Option<PyPlain<'py>>> {
        if method != self.method {
            return Ok(None);
        }
        let nothing = || self.nothing.bind(py).clone().into_any();
        let header = |name: &Py<PyString>| -> PyResult<Bound<'py, PyAny>> {
            Ok(headers.get_item(name.bind(py))?.unwrap_or_else(nothing))
        };
        let [key, signature, timestamp, nonce] = &self.headers;
        let (key, nonce) = (header(key)?, header(nonce)?);
        let (signature, timestamp) = match self.is_json {
            true => (header(signature)?, header(timestamp)?),
            false => (nothing(), nothing()),
        };
        let Ok(body) = str::from_utf8(body) else { return Ok(None) };
        let claim = Claim {
            key: key.cast::<PyString>()?.to_str()?,
            signature: signature.cast::<PyString>()?.to_str()?,
            timestamp: timestamp.cast::<PyString>()?.to_str()?,
            nonce: nonce.cast::<PyString>()?.to_str()?,
        };
        let found = self.orders.read(target, body, &claim, now_ns).map(|order| {
            (
                order.shape,
                order.price_ticks,
                order.size_lots,
                order.client_order_id,
                order.timestamp_ns,
            )
        });
        let Some((shape, ticks, lots, name, timestamp_ns)) = found else { return Ok(None) };
        let (kept, owner) = (self.kept.get(shape), self.owners.get(claim.key));
        let found = kept.zip(owner).map(|(kept, owner)| {
            let (kept, owner) = (kept.clone_ref(py), owner.clone_ref(py));
            (kept, ticks, lots, name, owner, nonce, timestamp_ns)
        });
        Ok(found)
    }
}
