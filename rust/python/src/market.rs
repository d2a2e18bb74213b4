//! A venue's market as Python classes: bytes to messages in whole numbers, and to books.

use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::types::{
    PyAnyMethods, PyBytes, PyBytesMethods, PyList, PyString, PyStringMethods, PyTuple,
};
use pyo3::{
    Bound, IntoPyObject, IntoPyObjectExt, Py, PyAny, PyErr, PyResult, Python, pyclass, pymethods,
};
use steelyard_client::{
    Book, Continuity, Delta, Kind, Level, Levels, Listing, Malformed, Manner, Message, OddLevel,
    Scanner, Step, TICKS_MAX, Trade,
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
const WHOLE: u8 = 7;

type Pairs = Vec<(i64, i64)>;
type Triples = Vec<(i64, i64, i64)>;

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
    /// What the last message was.
    kind: Kind,
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
        Step::Whole => WHOLE,
        Step::Early => PASSED_OVER,
    }
}

fn pairs(levels: &Levels, depth: usize) -> Pairs {
    levels.known().take(depth).map(|it| (it.price_ticks, it.size_lots)).collect()
}

fn tuple<'py>(py: Python<'py>, levels: &[Level]) -> PyResult<Bound<'py, PyTuple>> {
    let pairs = levels.iter().map(|it| (it.price_ticks, it.size_lots).into_pyobject(py));
    PyTuple::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
}

fn odd_tuple<'py>(py: Python<'py>, levels: &[OddLevel]) -> PyResult<Bound<'py, PyTuple>> {
    let triples =
        levels.iter().map(|it| (it.price, it.price_ticks, it.size_lots).into_pyobject(py));
    PyTuple::new(py, triples.collect::<PyResult<Vec<_>>>()?)
}

fn checked<T>(found: Option<Vec<T>>) -> PyResult<Vec<T>> {
    found.ok_or_else(|| PyValueError::new_err("a level is a price of 0 to 2^53 ticks and a size"))
}

fn is_level(price_ticks: i64, size_lots: i64) -> bool {
    (0..=TICKS_MAX).contains(&price_ticks) && size_lots >= 0
}

fn levels(pairs: Pairs) -> PyResult<Vec<Level>> {
    let level = |(price_ticks, size_lots)| {
        is_level(price_ticks, size_lots).then_some(Level { price_ticks, size_lots })
    };
    checked(pairs.into_iter().map(level).collect())
}

fn odd_levels(triples: Triples) -> PyResult<Vec<OddLevel>> {
    let level = |(price, price_ticks, size_lots)| {
        is_level(price_ticks, size_lots).then_some(OddLevel { price, price_ticks, size_lots })
    };
    checked(triples.into_iter().map(level).collect())
}

#[pymethods]
impl PyBook {
    #[new]
    fn new(continuity: u8) -> PyResult<Self> {
        let continuity = Continuity::of(continuity)
            .ok_or_else(|| PyValueError::new_err("continuity is 1, 2, 3 or 4"))?;
        let manner = Manner { continuity, depth: 0, checked_levels: 0 };
        Ok(Self { book: Book::new(manner) })
    }

    #[pyo3(signature = (sequence, bids, asks, time_ns, odd_bids=Vec::new(), odd_asks=Vec::new(),
        known_bid_ticks=None, known_ask_ticks=None))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a snapshot")]
    fn snapshot(
        &mut self,
        sequence: i64,
        bids: Pairs,
        asks: Pairs,
        time_ns: i64,
        odd_bids: Triples,
        odd_asks: Triples,
        known_bid_ticks: Option<i64>,
        known_ask_ticks: Option<i64>,
    ) -> PyResult<u8> {
        let known_ticks = (known_bid_ticks, known_ask_ticks);
        if [known_bid_ticks, known_ask_ticks].iter().flatten().any(|it| !is_level(*it, 0)) {
            return Err(PyValueError::new_err("a price is 0 to 2^53 ticks"));
        }
        Ok(told(self.book.snapshot(&Delta {
            first: sequence,
            last: sequence,
            previous: 0,
            time_ns,
            bids: levels(bids)?,
            asks: levels(asks)?,
            odd_bids: odd_levels(odd_bids)?,
            odd_asks: odd_levels(odd_asks)?,
            known_ticks,
            ..Delta::default()
        })))
    }

    #[pyo3(signature = (first, last, bids, asks, time_ns, odd_bids=Vec::new(),
        odd_asks=Vec::new(), previous=0))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a delta")]
    fn delta(
        &mut self,
        first: i64,
        last: i64,
        bids: Pairs,
        asks: Pairs,
        time_ns: i64,
        odd_bids: Triples,
        odd_asks: Triples,
        previous: i64,
    ) -> PyResult<u8> {
        let (bids, asks) = (levels(bids)?, levels(asks)?);
        let (odd_bids, odd_asks) = (odd_levels(odd_bids)?, odd_levels(odd_asks)?);
        Ok(told(self.book.delta(&Delta {
            first,
            last,
            previous,
            time_ns,
            bids,
            asks,
            odd_bids,
            odd_asks,
            ..Delta::default()
        })))
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

    fn walk(&self, is_asks: bool, size_lots: i64) -> Option<(i64, i128)> {
        let side = if is_asks { &self.book.asks } else { &self.book.bids };
        side.walk(size_lots)
    }

    /// Returns twice the middle of a book with which all is well, else None: `BookView.calm`.
    fn calm(
        &self,
        owed_sequence: i64,
        first_bid_ticks: Option<i64>,
        first_ask_ticks: Option<i64>,
        renew_share: i64,
    ) -> Option<i64> {
        let (bids, asks) = (&self.book.bids, &self.book.asks);
        let (bid, ask) = (bids.best()?.price_ticks, asks.best()?.price_ticks);
        // How far the touch is from the end of what is known, now and at the snapshot.
        let is_far = |left: Option<i64>, first: Option<i64>| {
            Some(left? >= 0 && left?.checked_mul(renew_share)? >= first?)
        };
        let is_calm = self.book.is_whole()
            && self.book.sequence() >= owed_sequence
            && bid < ask
            && bids.odd_len() == 0
            && asks.odd_len() == 0
            && bids.known_ticks().is_none_or(|end| {
                is_far(bid.checked_sub(end), first_bid_ticks.and_then(|it| it.checked_sub(end)))
                    .unwrap_or(false)
            })
            && asks.known_ticks().is_none_or(|end| {
                is_far(end.checked_sub(ask), first_ask_ticks.and_then(|it| end.checked_sub(it)))
                    .unwrap_or(false)
            });
        is_calm.then(|| bid.saturating_add(ask))
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

    /// How many bids and asks are off the tick.
    #[getter]
    fn odd_counts(&self) -> (usize, usize) {
        (self.book.bids.odd_len(), self.book.asks.odd_len())
    }

    /// Down to which bid and up to which ask every level is known.
    #[getter]
    fn known_ticks(&self) -> (Option<i64>, Option<i64>) {
        (self.book.bids.known_ticks(), self.book.asks.known_ticks())
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
        let book = || Py::new(py, PyBook { book: Book::new(scanner.manner()) });
        let books = listings.iter().map(|_| book()).collect::<PyResult<_>>()?;
        Ok(Self { scanner, books, kind: Kind::Delta })
    }

    #[pyo3(signature = (frame, now_ns=0))]
    fn receive(&mut self, frame: &Bound<'_, PyAny>, now_ns: i64) -> PyResult<u8> {
        let py = frame.py();
        let Self { scanner, books, kind: last } = self;
        let kind = with_bytes(frame, |bytes| scanner.read(bytes, now_ns))?;
        let Some(kind) = kind.map_err(|error| malformed(py, &error))? else {
            return Ok(PASSED_OVER);
        };
        *last = kind;
        let message = scanner.message_mut();
        let step = match kind {
            Kind::Trade => return Ok(TRADE),
            Kind::Touch => return Ok(TOUCH),
            Kind::Delta => book(py, books, message.instrument)?.book.change(&mut message.delta),
            Kind::Snapshot => book(py, books, message.instrument)?.book.whole(&mut message.delta),
        };
        Ok(told(step))
    }

    #[pyo3(signature = (frame, now_ns=0))]
    fn scan<'py>(
        &mut self,
        frame: &Bound<'py, PyAny>,
        now_ns: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = frame.py();
        let scanner = &mut self.scanner;
        let kind = with_bytes(frame, |bytes| scanner.read(bytes, now_ns))?;
        let kind = kind.map_err(|error| malformed(py, &error))?;
        kind.map(|kind| parts(py, kind, scanner.message())).transpose()
    }

    fn receive_snapshot(&mut self, place: usize, body: &Bound<'_, PyAny>) -> PyResult<u8> {
        let py = body.py();
        let Self { scanner, books, .. } = self;
        let read = with_bytes(body, |bytes| scanner.read_snapshot(place, bytes))?;
        read.map_err(|error| malformed(py, &error))?;
        let message = scanner.message();
        Ok(told(book(py, books, message.instrument)?.book.snapshot(&message.delta)))
    }

    fn book(&self, py: Python<'_>, place: usize) -> PyResult<Py<PyBook>> {
        let book = self.books.get(place).map(|book| book.clone_ref(py));
        book.ok_or_else(|| PyIndexError::new_err("no instrument has that place"))
    }

    /// Returns the number of an instrument's next message, where they are counted; 0 elsewhere.
    fn number(&self, py: Python<'_>, place: usize) -> PyResult<i64> {
        if !self.is_counted() {
            return Ok(0);
        }
        Ok(book(py, &self.books, place)?.book.number())
    }

    /// Whether messages of books have no numbers, and are counted.
    #[getter]
    fn is_counted(&self) -> bool {
        self.scanner.manner().continuity == Continuity::Unnumbered
    }

    /// Whether the last message had another checksum than its book.
    #[getter]
    fn is_wrong(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(book(py, &self.books, self.scanner.message().instrument)?.book.is_wrong())
    }

    /// The kind of the last message, also where it was refused; 0: it was not clear.
    #[getter]
    fn kind(&self) -> u8 {
        self.scanner.kind().map_or(0, number)
    }

    /// The place of the instrument of the last message.
    #[getter]
    fn place(&self) -> usize {
        self.scanner.message().instrument
    }

    /// The venue's time of the last message.
    #[getter]
    fn time_ns(&self) -> i64 {
        match self.kind {
            Kind::Snapshot | Kind::Delta => self.scanner.message().delta.time_ns,
            Kind::Trade => self.scanner.message().trade.time_ns,
            Kind::Touch => self.scanner.message().touch.time_ns,
        }
    }

    /// The last trade.
    #[getter]
    fn trade<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        parts(py, Kind::Trade, self.scanner.message())
    }

    /// All trades of the last message.
    #[getter]
    fn trades<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let trades = self.scanner.message().trades.iter().map(|it| trade(py, it));
        PyList::new(py, trades.collect::<PyResult<Vec<_>>>()?)
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
    place: usize,
) -> PyResult<pyo3::PyRefMut<'py, PyBook>> {
    let Some(book) = books.get(place) else {
        return Err(PyIndexError::new_err("no instrument has that place"));
    };
    let taken = book.bind(py).try_borrow_mut();
    taken.map_err(|_| PyRuntimeError::new_err("the book is in use by another thread"))
}

fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Snapshot => 1,
        Kind::Delta => 2,
        Kind::Trade => 3,
        Kind::Touch => 4,
    }
}

fn trade<'py>(py: Python<'py>, it: &Trade) -> PyResult<Bound<'py, PyAny>> {
    let Trade { instrument, trade_id, price_ticks, size_lots, is_sold, time_ns, joined } = *it;
    (number(Kind::Trade), instrument, trade_id, price_ticks, size_lots, is_sold, time_ns, joined)
        .into_bound_py_any(py)
}

/// Returns a message as a tuple: its kind, its instrument's place, and what it says.
fn parts<'py>(py: Python<'py>, kind: Kind, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    let place = message.instrument;
    match kind {
        Kind::Snapshot | Kind::Delta => {
            let Delta { first, last, time_ns, bids, asks, odd_bids, odd_asks, .. } = &message.delta;
            let (bids, asks) = (tuple(py, bids)?, tuple(py, asks)?);
            let (odd_bids, odd_asks) = (odd_tuple(py, odd_bids)?, odd_tuple(py, odd_asks)?);
            (number(kind), place, *first, *last, bids, asks, *time_ns, odd_bids, odd_asks)
                .into_bound_py_any(py)
        }
        Kind::Trade => trade(py, &message.trade),
        Kind::Touch => {
            let (it, bid, ask) = (message.touch, message.touch.bid, message.touch.ask);
            let (bid, ask) = ((bid.price_ticks, bid.size_lots), (ask.price_ticks, ask.size_lots));
            (number(kind), place, it.sequence, bid.0, bid.1, ask.0, ask.1, it.time_ns)
                .into_bound_py_any(py)
        }
    }
}
