//! What a strategy looks at and acts by in a backtest: the halves in Rust of `backtest.desk`.
//!
//! What is plain is answered here, in the words of Python; what may be wrong is read, and refused, in
//! Python. Nothing that a strategy can keep holds the desk, so that a run is gone when nobody has it.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::types::{
    PyAnyMethods, PyDict, PyDictMethods, PyList, PyListMethods, PyString, PyTuple, PyTupleMethods,
};
use pyo3::{Bound, Py, PyAny, PyResult, Python, intern, pyclass, pymethods};
use steelyard_engine::Side;
use steelyard_replay::{OrderRow, USER};

use crate::replay::PyReplay;
use crate::views::PositionView;

/// Wishes in one call; what to say of more is known in Python.
const WISHES_MAX: usize = 100;

/// Python's words: classes, and members of enums by their numbers.
pub(crate) struct Words {
    pub(crate) intent: Py<PyAny>,
    pub(crate) cancel_intent: Py<PyAny>,
    pub(crate) timer: Py<PyAny>,
    /// Makes a method of a function and what is its first argument.
    pub(crate) bound: Py<PyAny>,
    /// `msgspec.structs.astuple`.
    pub(crate) taken_apart: Py<PyAny>,
    /// Returns the average price after so many fills.
    pub(crate) averages: Py<PyAny>,
    desk: Py<PyAny>,
    place: Py<PyAny>,
    pub(crate) position: Py<PyAny>,
    pub(crate) own_order: Py<PyAny>,
    /// Makes an `OwnOrder` of an order's place, what `Replay.order` returns, the time, and whether it
    /// is the stop that `protect` keeps.
    pub(crate) whole_order: Py<PyAny>,
    sides: Py<PyTuple>,
    order_types: Py<PyTuple>,
    times_in_force: Py<PyTuple>,
    pub(crate) states: Py<PyTuple>,
    /// What a `Place` has between its size and its client order id.
    defaults: (Py<PyAny>, Py<PyAny>),
}

impl Words {
    fn read(words: &Bound<'_, PyDict>, averages: &Bound<'_, PyAny>) -> PyResult<Self> {
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
            bound: get("MethodType")?,
            taken_apart: get("astuple")?,
            averages: averages.clone().unbind(),
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

    /// Returns the terms of an order by its name.
    pub(crate) fn place(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyString>,
        row: &OrderRow,
        id: u32,
    ) -> PyResult<Py<PyAny>> {
        let member = |members: &Py<PyTuple>, number: u8| {
            members.bind(py).get_item(usize::from(number)).map(Bound::unbind)
        };
        let some = |it: i64| (it != 0).then_some(it);
        let (self_trade, fee_asset) = &self.defaults;
        let terms = (
            USER,
            id,
            self.sides.bind(py).get_item(if row.side > 0 { 2 } else { 0 })?,
            member(&self.order_types, row.order_type)?,
            member(&self.times_in_force, row.time_in_force)?,
            row.post_only,
            some(row.price_ticks),
            row.size_lots,
            self_trade,
            fee_asset,
            name,
        );
        if row.trigger_ticks == 0 {
            return self.place.call1(py, terms);
        }
        let trigger = PyDict::new(py);
        trigger.set_item(intern!(py, "trigger_ticks"), row.trigger_ticks)?;
        self.place.call(py, terms, Some(&trigger))
    }
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
#[pyclass(name = "Seat", module = "steelyard._native", subclass)]
pub(crate) struct PySeat {
    pub(crate) replay: Py<PyReplay>,
    pub(crate) words: Arc<Words>,
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
        let words = Arc::new(Words::read(words, averages)?);
        let size = replay.borrow_mut().size(py, 0)?;
        let held = PositionView::new(&words, instrument.clone().unbind(), (0, 0, size));
        let member = |members: &Py<PyTuple>, number: usize| {
            members.bind(py).get_item(number).map(Bound::unbind)
        };
        Ok(Self {
            kinds: [member(&words.order_types, 1)?, member(&words.order_types, 2)?],
            times: [member(&words.times_in_force, 1)?, member(&words.times_in_force, 2)?],
            replay: replay.clone().unbind(),
            words,
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
        let mut replay = self.replay.borrow_mut(py);
        let fills = replay.machine.told_fills();
        if self.held.get().fills != fills {
            let lots = replay.machine.told_lots();
            let held = (fills, lots, replay.size(py, lots)?);
            let view = PositionView::new(&self.words, self.instrument.clone_ref(py), held);
            self.held = Py::new(py, view)?;
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
#[pyclass(name = "Touch", module = "steelyard._native", subclass, frozen)]
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
