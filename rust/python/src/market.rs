//! A venue's market as Python classes: bytes to messages in whole numbers, and to books.

use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBytes, PyBytesMethods, PyString, PyStringMethods, PyTuple};
use pyo3::{
    Bound, IntoPyObject, IntoPyObjectExt, Py, PyAny, PyErr, PyResult, Python, pyclass, pymethods,
};
use steelyard_client::{
    Book, Continuity, Delta, Kind, Level, Levels, Listing, Malformed, Message, Scanner, Step,
    TICKS_MAX,
};

use crate::tables::PyStreamTable;

/// What `receive` tells, as `steelyard.wire.reader.Told` has it.
const PASSED_OVER: u8 = 0;
const CHANGED: u8 = 1;
const OLD: u8 = 2;
const WAITS: u8 = 3;
const GAP: u8 = 4;
const TRADE: u8 = 5;
const TOUCH: u8 = 6;

type Pairs = Vec<(i64, i64)>;

/// One instrument's book; see `steelyard.wire.reader`.
#[pyclass(name = "MarketBook", module = "steelyard._native")]
pub(crate) struct PyBook {
    book: Book,
}

/// Reads one market stream; see `steelyard.wire.reader`.
#[pyclass(name = "MarketReader", module = "steelyard._native", subclass)]
pub(crate) struct PyReader {
    scanner: Scanner,
    books: Vec<Py<PyBook>>,
}

/// Returns the one error of what cannot be read.
#[cold]
fn malformed(py: Python<'_>, error: &Malformed) -> PyErr {
    match py.import("steelyard.domain.errors").and_then(|it| it.getattr("DecodeError")) {
        Ok(class) => match class.call1((error.to_string(),)) {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        },
        Err(error) => error,
    }
}

/// Calls with the bytes of a frame.
#[inline]
fn with_bytes<T>(frame: &Bound<'_, PyAny>, call: impl FnOnce(&[u8]) -> T) -> PyResult<T> {
    if let Ok(bytes) = frame.cast::<PyBytes>() {
        return Ok(call(bytes.as_bytes()));
    }
    if let Ok(text) = frame.cast::<PyString>() {
        return Ok(call(text.to_str()?.as_bytes()));
    }
    Err(PyTypeError::new_err("a frame is bytes or a str"))
}

fn told(step: Step) -> u8 {
    match step {
        Step::Applied => CHANGED,
        Step::Old => OLD,
        Step::Waits => WAITS,
        Step::Gap => GAP,
    }
}

fn pairs(levels: &Levels, depth: usize) -> Pairs {
    levels.iter().take(depth).map(|it| (it.price_ticks, it.size_lots)).collect()
}

fn tuple<'py>(py: Python<'py>, levels: &[Level]) -> PyResult<Bound<'py, PyTuple>> {
    let pairs = levels.iter().map(|it| (it.price_ticks, it.size_lots).into_pyobject(py));
    PyTuple::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
}

fn levels(pairs: Pairs) -> PyResult<Vec<Level>> {
    let level = |(price_ticks, size_lots)| {
        let is_level = (0..=TICKS_MAX).contains(&price_ticks) && size_lots >= 0;
        is_level.then_some(Level { price_ticks, size_lots })
    };
    let found: Option<Vec<_>> = pairs.into_iter().map(level).collect();
    found.ok_or_else(|| PyValueError::new_err("a level is a price of 0 to 2^53 ticks and a size"))
}

#[pymethods]
impl PyBook {
    #[new]
    fn new(continuity: u8) -> PyResult<Self> {
        let continuity = Continuity::of(continuity)
            .ok_or_else(|| PyValueError::new_err("continuity is 1, 2 or 3"))?;
        Ok(Self { book: Book::new(continuity) })
    }

    fn snapshot(&mut self, sequence: i64, bids: Pairs, asks: Pairs, time_ns: i64) -> PyResult<u8> {
        let (bids, asks) = (levels(bids)?, levels(asks)?);
        let (first, last, previous) = (sequence, sequence, 0);
        Ok(told(self.book.snapshot(&Delta { first, last, previous, time_ns, bids, asks })))
    }

    fn reset(&mut self) {
        self.book.reset();
    }

    fn bids(&self, depth: usize) -> Pairs {
        pairs(&self.book.bids, depth)
    }

    fn asks(&self, depth: usize) -> Pairs {
        pairs(&self.book.asks, depth)
    }

    #[getter]
    fn bid_ticks(&self) -> Option<i64> {
        self.book.bids.best().map(|it| it.price_ticks)
    }

    #[getter]
    fn bid_lots(&self) -> i64 {
        self.book.bids.best().map_or(0, |it| it.size_lots)
    }

    #[getter]
    fn ask_ticks(&self) -> Option<i64> {
        self.book.asks.best().map(|it| it.price_ticks)
    }

    #[getter]
    fn ask_lots(&self) -> i64 {
        self.book.asks.best().map_or(0, |it| it.size_lots)
    }

    #[getter]
    fn sequence(&self) -> i64 {
        self.book.sequence()
    }

    #[getter]
    fn time_ns(&self) -> i64 {
        self.book.time_ns()
    }

    #[getter]
    fn gaps(&self) -> u64 {
        self.book.gaps()
    }

    #[getter]
    fn is_whole(&self) -> bool {
        self.book.is_whole()
    }

    /// How many bids and asks there are.
    #[getter]
    fn counts(&self) -> (usize, usize) {
        (self.book.bids.len(), self.book.asks.len())
    }
}

#[pymethods]
impl PyReader {
    #[new]
    fn new(
        py: Python<'_>,
        table: PyStreamTable,
        listings: Vec<(String, i64, i64)>,
    ) -> PyResult<Self> {
        let table = table.table()?;
        let listings =
            listings.into_iter().map(|(symbol, tick, lot)| Listing { symbol, tick, lot });
        let listings: Vec<_> = listings.collect();
        let scanner = Scanner::new(&table, &listings).map_err(PyValueError::new_err)?;
        let book = || Py::new(py, PyBook { book: Book::new(table.continuity) });
        let books = listings.iter().map(|_| book()).collect::<PyResult<_>>()?;
        Ok(Self { scanner, books })
    }

    fn receive(&mut self, frame: &Bound<'_, PyAny>) -> PyResult<u8> {
        let py = frame.py();
        let Self { scanner, books } = self;
        let kind = with_bytes(frame, |bytes| scanner.read(bytes))?;
        let Some(kind) = kind.map_err(|error| malformed(py, &error))? else {
            return Ok(PASSED_OVER);
        };
        let message = scanner.message();
        let step = match kind {
            Kind::Trade => return Ok(TRADE),
            Kind::Touch => return Ok(TOUCH),
            Kind::Delta => book(py, books, message)?.book.delta(&message.delta),
            Kind::Snapshot => book(py, books, message)?.book.snapshot(&message.delta),
        };
        Ok(told(step))
    }

    fn scan<'py>(&mut self, frame: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = frame.py();
        let scanner = &mut self.scanner;
        let kind = with_bytes(frame, |bytes| scanner.read(bytes))?;
        let kind = kind.map_err(|error| malformed(py, &error))?;
        kind.map(|kind| parts(py, kind, scanner.message())).transpose()
    }

    fn receive_snapshot(&mut self, place: usize, body: &Bound<'_, PyAny>) -> PyResult<u8> {
        let py = body.py();
        let Self { scanner, books } = self;
        let read = with_bytes(body, |bytes| scanner.read_snapshot(place, bytes))?;
        read.map_err(|error| malformed(py, &error))?;
        let message = scanner.message();
        Ok(told(book(py, books, message)?.book.snapshot(&message.delta)))
    }

    fn book(&self, py: Python<'_>, place: usize) -> PyResult<Py<PyBook>> {
        let book = self.books.get(place).map(|book| book.clone_ref(py));
        book.ok_or_else(|| PyIndexError::new_err("no instrument has that place"))
    }

    /// The place of the instrument of the last message.
    #[getter]
    fn place(&self) -> usize {
        self.scanner.message().instrument
    }

    /// The last trade.
    #[getter]
    fn trade<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        parts(py, Kind::Trade, self.scanner.message())
    }

    /// The last touch.
    #[getter]
    fn touch<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        parts(py, Kind::Touch, self.scanner.message())
    }
}

fn book<'py>(
    py: Python<'py>,
    books: &[Py<PyBook>],
    message: &Message,
) -> PyResult<pyo3::PyRefMut<'py, PyBook>> {
    let book = books.get(message.instrument).map(|book| book.bind(py).try_borrow_mut());
    match book {
        Some(Ok(book)) => Ok(book),
        _ => Err(PyRuntimeError::new_err("the book is in use by another thread")),
    }
}

/// Returns a message as a tuple: its kind, its instrument's place, and what it says.
fn parts<'py>(py: Python<'py>, kind: Kind, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    let place = message.instrument;
    match kind {
        Kind::Snapshot | Kind::Delta => {
            let Delta { first, last, time_ns, bids, asks, .. } = &message.delta;
            let number = if kind == Kind::Delta { 2 } else { 1 };
            let (bids, asks) = (tuple(py, bids)?, tuple(py, asks)?);
            (number, place, *first, *last, bids, asks, *time_ns).into_bound_py_any(py)
        }
        Kind::Trade => {
            let it = message.trade;
            let (id, price_ticks, size_lots) = (it.trade_id, it.price_ticks, it.size_lots);
            (3, place, id, price_ticks, size_lots, it.is_sold, it.time_ns).into_bound_py_any(py)
        }
        Kind::Touch => {
            let (it, bid, ask) = (message.touch, message.touch.bid, message.touch.ask);
            let (bid, ask) = ((bid.price_ticks, bid.size_lots), (ask.price_ticks, ask.size_lots));
            (4, place, it.sequence, bid.0, bid.1, ask.0, ask.1, it.time_ns).into_bound_py_any(py)
        }
    }
}
