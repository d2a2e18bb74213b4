//! What a strategy looks at and acts by in a backtest: the halves in Rust of `backtest.desk`.
//!
//! A view has what the machine had when the strategy was called, and makes Python's objects only of
//! what is asked for. What is asked for rarely is answered by the object that it stands for, made
//! then; what may be wrong is read, and refused, in Python. No view holds the desk, so that a run is
//! gone as soon as nobody has it.

use std::sync::Arc;

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyValueError;
use pyo3::types::{
    PyAnyMethods, PyDict, PyDictMethods, PyList, PyListMethods, PyString, PyTuple, PyTupleMethods,
};
use pyo3::{Bound, Py, PyAny, PyResult, Python, intern, pyclass, pymethods};
use steelyard_engine::Side;
use steelyard_replay::{OrderRow, USER, state};

use crate::replay::{PyReplay, order_tuple};

/// Wishes in one call; what to say of more is known in Python.
const WISHES_MAX: usize = 100;

/// Python's words: classes, and members of enums by their numbers.
pub(crate) struct Words {
    pub(crate) intent: Py<PyAny>,
    pub(crate) cancel_intent: Py<PyAny>,
    pub(crate) timer: Py<PyAny>,
    desk: Py<PyAny>,
    place: Py<PyAny>,
    position: Py<PyAny>,
    own_order: Py<PyAny>,
    /// Makes an `OwnOrder` of an order's place, what `Replay.order` returns, the time, and whether it
    /// is the stop that `protect` keeps.
    whole_order: Py<PyAny>,
    sides: Py<PyTuple>,
    order_types: Py<PyTuple>,
    times_in_force: Py<PyTuple>,
    states: Py<PyTuple>,
    /// What a `Place` has between its size and its client order id.
    defaults: (Py<PyAny>, Py<PyAny>),
}

impl Words {
    fn read(words: &Bound<'_, PyDict>) -> PyResult<Self> {
        let get = |name: &str| {
            let found = words.get_item(name)?.map(Bound::unbind);
            found.ok_or_else(|| PyValueError::new_err(format!("the word {name} is missing")))
        };
        let members = |name: &str| -> PyResult<Py<PyTuple>> {
            Ok(get(name)?.bind(words.py()).cast::<PyTuple>()?.clone().unbind())
        };
        Ok(Self {
            intent: get("Intent")?,
            cancel_intent: get("CancelIntent")?,
            timer: get("Timer")?,
            desk: get("Desk")?,
            place: get("Place")?,
            position: get("Position")?,
            own_order: get("OwnOrder")?,
            whole_order: get("whole_order")?,
            sides: members("sides")?,
            order_types: members("order_types")?,
            times_in_force: members("times_in_force")?,
            states: members("states")?,
            defaults: (get("self_trade")?, get("fee_asset")?),
        })
    }

    /// Returns the terms of an order without a trigger.
    fn place(&self, py: Python<'_>, at: usize, row: &OrderRow, id: u32) -> PyResult<Py<PyAny>> {
        let member = |members: &Py<PyTuple>, number: u8| {
            members.bind(py).get_item(usize::from(number)).map(Bound::unbind)
        };
        let terms = (
            (USER, id, side_of(py, &self.sides, row.side)?),
            member(&self.order_types, row.order_type)?,
            member(&self.times_in_force, row.time_in_force)?,
            row.post_only,
            (row.price_ticks != 0).then_some(row.price_ticks),
            row.size_lots,
        );
        let ((account_id, instrument_id, side), order_type, time_in_force, post, price, size) =
            terms;
        let (self_trade, fee_asset) = &self.defaults;
        let found = (
            account_id,
            instrument_id,
            side,
            order_type,
            time_in_force,
            post,
            price,
            size,
            self_trade,
            fee_asset,
            name_of(py, at),
        );
        self.place.call1(py, found)
    }
}

/// Returns a member of `Side`, which stand in a tuple by their numbers plus one.
fn side_of(py: Python<'_>, sides: &Py<PyTuple>, number: i8) -> PyResult<Py<PyAny>> {
    sides.bind(py).get_item(if number > 0 { 2 } else { 0 }).map(Bound::unbind)
}

/// Returns the name of an order: its number.
pub(crate) fn name_of(py: Python<'_>, at: usize) -> Bound<'_, PyString> {
    // Digits from the end on.
    let mut digits = [b'0'; 20];
    let (mut rest, mut from) = (at.wrapping_add(1), digits.len());
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(rest.wrapping_rem(10)).unwrap_or(0));
        rest = rest.wrapping_div(10);
        from = place;
        if rest == 0 {
            break;
        }
    }
    PyString::new(py, digits.get(from..).and_then(|it| str::from_utf8(it).ok()).unwrap_or("0"))
}

/// The desk's half in Rust; see `steelyard._native.Seat`.
#[pyclass(name = "Seat", module = "steelyard._native", subclass, unsendable)]
pub(crate) struct PySeat {
    pub(crate) replay: Py<PyReplay>,
    pub(crate) words: Arc<Words>,
    /// Returns the average price after so many fills.
    averages: Py<PyAny>,
    instrument: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) intents: Py<PyList>,
    #[pyo3(get)]
    pub(crate) notes: Py<PyList>,
    #[pyo3(get)]
    pub(crate) timers: Py<PyDict>,
    /// The position that was read last.
    held: Py<PositionView>,
    kinds: [Py<PyAny>; 2],
    times: [Py<PyAny>; 2],
}

#[pymethods]
impl PySeat {
    #[new]
    fn new(
        instrument: &Bound<'_, PyAny>,
        replay: &Bound<'_, PyReplay>,
        words: &Bound<'_, PyDict>,
        averages: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = replay.py();
        let words = Arc::new(Words::read(words)?);
        let held = PositionView {
            words: Arc::clone(&words),
            replay: replay.clone().unbind(),
            averages: averages.clone().unbind(),
            instrument: instrument.clone().unbind(),
            lots: 0,
            fills: 0,
            size: None,
            whole: None,
        };
        let member = |members: &Py<PyTuple>, number: usize| {
            members.bind(py).get_item(number).map(Bound::unbind)
        };
        Ok(Self {
            kinds: [member(&words.order_types, 1)?, member(&words.order_types, 2)?],
            times: [member(&words.times_in_force, 1)?, member(&words.times_in_force, 2)?],
            replay: replay.clone().unbind(),
            words,
            averages: averages.clone().unbind(),
            instrument: instrument.clone().unbind(),
            intents: PyList::empty(py).unbind(),
            notes: PyList::empty(py).unbind(),
            timers: PyDict::new(py).unbind(),
            held: Py::new(py, held)?,
        })
    }

    /// The time.
    #[getter]
    fn now_ns(&self, py: Python<'_>) -> i64 {
        self.replay.borrow(py).machine.now_ns()
    }

    /// The last price; None before the first.
    #[getter]
    fn last_ticks(&self, py: Python<'_>) -> Option<i64> {
        Some(self.replay.borrow(py).last_price()).filter(|&it| it != 0)
    }

    /// What the strategy has been told that it holds.
    #[getter]
    fn position(&mut self, py: Python<'_>) -> PyResult<Py<PositionView>> {
        let replay = self.replay.borrow(py);
        let (fills, lots) = (replay.machine.told_fills(), replay.machine.told_lots());
        drop(replay);
        if self.held.borrow(py).fills != fills {
            self.held = Py::new(
                py,
                PositionView {
                    words: Arc::clone(&self.words),
                    replay: self.replay.clone_ref(py),
                    averages: self.averages.clone_ref(py),
                    instrument: self.instrument.clone_ref(py),
                    lots,
                    fills,
                    size: None,
                    whole: None,
                },
            )?;
        }
        Ok(self.held.clone_ref(py))
    }

    /// Keeps a wish until the call is over.
    fn wish(slf: &Bound<'_, Self>, wish: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.borrow();
        let intents = this.intents.bind(py);
        if intents.len() < WISHES_MAX {
            return intents.append(wish);
        }
        let asked = this.words.desk.bind(py).getattr(intern!(py, "wish"))?;
        drop(this);
        asked.call1((slf, wish)).map(drop)
    }

    /// Wishes for an order at a price, or without one at the market.
    fn order<'py>(
        slf: &Bound<'py, Self>,
        side: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        time_in_force: &Bound<'py, PyAny>,
        post_only: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.borrow();
        let is_market = price.is_none();
        let (lots, ticks) = this.replay.borrow_mut(py).read_order(size, price)?;
        let intents = this.intents.bind(py);
        let (Some(lots), true) = (lots, is_market || ticks.is_some()) else {
            let asked = this.words.desk.bind(py).getattr(intern!(py, "order"))?;
            drop(this);
            return asked.call1((slf, side, size, price, time_in_force, post_only));
        };
        let at = usize::from(is_market);
        let [kind, time] = [&this.kinds, &this.times].map(|it| it.get(at).map(|it| it.bind(py)));
        let (Some(kind), Some(time)) = (kind, time) else { return Ok(py.None().into_bound(py)) };
        let time = if time_in_force.is_none() { time } else { time_in_force };
        let intent =
            this.words.intent.bind(py).call1((side, lots, kind, time, ticks, post_only))?;
        if intents.len() < WISHES_MAX {
            intents.append(&intent)?;
            return Ok(intent);
        }
        drop(this);
        Self::wish(slf, &intent)?;
        Ok(intent)
    }
}

/// The half in Rust of a tape's book as strategies read it; see `steelyard._native.Touch`.
#[pyclass(name = "Touch", module = "steelyard._native", subclass, unsendable)]
pub(crate) struct PyTouch {
    replay: Py<PyReplay>,
}

#[pymethods]
impl PyTouch {
    #[new]
    fn new(_instrument: &Bound<'_, PyAny>, replay: Py<PyReplay>) -> Self {
        Self { replay }
    }

    /// The best price at which somebody buys.
    #[getter]
    fn best_bid(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.replay.borrow_mut(py).best_price(py, Side::Buy)
    }

    /// The best price at which somebody sells.
    #[getter]
    fn best_ask(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.replay.borrow_mut(py).best_price(py, Side::Sell)
    }
}

/// One position as `trading.strategy.Position` is read.
#[pyclass(name = "PositionView", module = "steelyard._native", unsendable)]
pub(crate) struct PositionView {
    words: Arc<Words>,
    replay: Py<PyReplay>,
    averages: Py<PyAny>,
    #[pyo3(get)]
    instrument: Py<PyAny>,
    #[pyo3(get)]
    lots: i64,
    /// After how many fills it is this.
    fills: usize,
    size: Option<Py<PyAny>>,
    whole: Option<Py<PyAny>>,
}

impl PositionView {
    /// Returns what it stands for.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.borrow();
        if let Some(whole) = &this.whole {
            return Ok(whole.bind(py).clone());
        }
        let average = this.averages.bind(py).call1((this.fills,))?;
        let found = this.words.position.bind(py).call1((&this.instrument, this.lots, average))?;
        drop(this);
        slf.borrow_mut().whole = Some(found.clone().unbind());
        Ok(found)
    }
}

#[pymethods]
impl PositionView {
    #[getter]
    fn size(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if let Some(size) = &self.size {
            return Ok(size.clone_ref(py));
        }
        let size = self.replay.borrow_mut(py).size(py, self.lots)?;
        self.size = Some(size.clone_ref(py));
        Ok(size)
    }

    #[getter]
    fn is_flat(&self) -> bool {
        self.lots == 0
    }

    #[getter(__class__)]
    fn class(&self, py: Python<'_>) -> Py<PyAny> {
        self.words.position.clone_ref(py)
    }

    fn __getattr__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::whole(slf)?.getattr(name)
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        at: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::whole(slf)?.get_item(at)
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::whole(slf)?.len()
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(Self::whole(slf)?.try_iter()?.into_any())
    }

    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        how: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let whole = Self::whole(slf)?;
        match other.cast::<Self>() {
            Ok(other) => whole.rich_compare(Self::whole(other)?, how),
            Err(_) => whole.rich_compare(other, how),
        }
    }

    fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
        Self::whole(slf)?.hash()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(Self::whole(slf)?.repr()?.to_string())
    }
}

/// One order of the strategy's as `trading.orders.OwnOrder` is read, filled anew for each call unless
/// somebody kept it.
#[pyclass(name = "OrderView", module = "steelyard._native", unsendable)]
pub(crate) struct OrderView {
    words: Arc<Words>,
    replay: Py<PyReplay>,
    at: usize,
    row: OrderRow,
    now_ns: i64,
    whole: Option<Py<PyAny>>,
}

impl OrderView {
    pub(crate) fn new(
        seat: &PySeat,
        py: Python<'_>,
        at: usize,
        row: OrderRow,
        now_ns: i64,
    ) -> Self {
        let words = Arc::clone(&seat.words);
        Self { words, replay: seat.replay.clone_ref(py), at, row, now_ns, whole: None }
    }

    pub(crate) fn set(&mut self, at: usize, row: OrderRow, now_ns: i64) {
        (self.at, self.row, self.now_ns, self.whole) = (at, row, now_ns, None);
    }

    /// Returns what it stands for; an order that is told of is never the stop that `protect` keeps.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.borrow();
        if let Some(whole) = &this.whole {
            return Ok(whole.bind(py).clone());
        }
        let row = order_tuple(&this.row);
        let id = this.replay.borrow(py).instrument_id();
        let found =
            this.words.whole_order.bind(py).call1((this.at, row, id, this.now_ns, false))?;
        drop(this);
        slf.borrow_mut().whole = Some(found.clone().unbind());
        Ok(found)
    }
}

#[pymethods]
impl OrderView {
    #[getter]
    fn client_order_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        name_of(py, self.at)
    }

    #[getter]
    fn order_id(&self) -> usize {
        self.at.wrapping_add(1)
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.row.told_state < state::FILLED
    }

    /// As the strategy has been told.
    #[getter(filled_lots)]
    fn told_lots(&self) -> i64 {
        self.row.told_lots
    }

    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.words.states.bind(py).get_item(usize::from(self.row.told_state))
    }

    #[getter]
    fn place<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.borrow();
        let row = this.row;
        if row.trigger_ticks != 0 {
            drop(this);
            return Self::whole(slf)?.getattr(intern!(py, "place"));
        }
        let mut replay = this.replay.borrow_mut(py);
        if let Some(place) = replay.terms_of(this.at, &row) {
            return Ok(place.bind(py).clone());
        }
        let place = this.words.place(py, this.at, &row, replay.instrument_id())?;
        replay.keep_terms(this.at, &row, place.clone_ref(py));
        Ok(place.into_bound(py))
    }

    #[getter(__class__)]
    fn class(&self, py: Python<'_>) -> Py<PyAny> {
        self.words.own_order.clone_ref(py)
    }

    fn __getattr__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::whole(slf)?.getattr(name)
    }

    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        how: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let whole = Self::whole(slf)?;
        match other.cast::<Self>() {
            Ok(other) => whole.rich_compare(Self::whole(other)?, how),
            Err(_) => whole.rich_compare(other, how),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(Self::whole(slf)?.repr()?.to_string())
    }
}
