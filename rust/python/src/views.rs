//! Views of a position, an order and a firing: what stands for them in a backtest.
//!
//! A view is filled with numbers when a strategy is called, and makes Python's objects of what is read.
//! It compares as what it stands for, `isinstance` takes it for one, and what is read rarely is read
//! of one, made then. Each of its attributes has a getter: a lookup by name would cost all of them.

use std::sync::Arc;

use pyo3::basic::CompareOp;
use pyo3::types::{PyAnyMethods, PyString, PyTupleMethods};
use pyo3::{Bound, Py, PyAny, PyResult, Python, intern, pyclass, pymethods};
use steelyard_replay::{OrderRow, state};

use crate::replay::{PyReplay, order_tuple};
use crate::seat::{PySeat, Words, name_of};

/// Writes the methods of a view: its own ones, the attributes read of what it stands for, and what
/// each view has. A word is the class that it stands for; a tuple is taken apart as well.
macro_rules! stands_for {
    ($view:ident, $word:ident, [$($rare:ident)*], { $($own:tt)* }) => {
        #[pymethods]
        impl $view {
            $($own)*

            $(
                #[getter]
                fn $rare<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                    Self::whole(slf)?.getattr(intern!(slf.py(), stringify!($rare)))
                }
            )*

            #[getter(__class__)]
            fn class(&self, py: Python<'_>) -> Py<PyAny> {
                self.words.$word.clone_ref(py)
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

            fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
                Self::whole(slf)?.repr()
            }
        }
    };
    (tuple $view:ident, $word:ident, { $($own:tt)* }) => {
        stands_for!($view, $word, [_asdict _fields _replace count index], {
            $($own)*

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

            fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
                Self::whole(slf)?.hash()
            }
        });
    };
}

/// One position as `trading.strategy.Position` is read.
#[pyclass(name = "PositionView", module = "steelyard._native")]
pub(crate) struct PositionView {
    words: Arc<Words>,
    replay: Py<PyReplay>,
    #[pyo3(get)]
    instrument: Py<PyAny>,
    #[pyo3(get)]
    lots: i64,
    /// After how many fills it is this.
    pub(crate) fills: usize,
    size: Option<Py<PyAny>>,
    whole: Option<Py<PyAny>>,
}

impl PositionView {
    /// Makes a view of so many lots, held after so many fills.
    pub(crate) fn new(
        py: Python<'_>,
        words: &Arc<Words>,
        replay: &Py<PyReplay>,
        instrument: &Py<PyAny>,
        (lots, fills): (i64, usize),
    ) -> Self {
        let (words, instrument) = (Arc::clone(words), instrument.clone_ref(py));
        let replay = replay.clone_ref(py);
        Self { words, replay, instrument, lots, fills, size: None, whole: None }
    }

    /// Returns what it stands for.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.borrow();
        if let Some(whole) = &this.whole {
            return Ok(whole.bind(py).clone());
        }
        let average = this.words.averages.bind(py).call1((this.fills,))?;
        let found = this.words.position.bind(py).call1((&this.instrument, this.lots, average))?;
        drop(this);
        slf.borrow_mut().whole = Some(found.clone().unbind());
        Ok(found)
    }
}

stands_for!(tuple PositionView, position, {
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

    #[getter]
    fn average_price<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::whole(slf)?.getattr(intern!(slf.py(), "average_price"))
    }
});

/// One order of the strategy's as `trading.orders.OwnOrder` is read, filled anew for each call unless
/// somebody kept it.
#[pyclass(name = "OrderView", module = "steelyard._native")]
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

stands_for!(OrderView, own_order, [
    amend_note amending attempts called cancel_why created_ns disputed expires_ns exposed_lots
    fill_count former has_terms has_wanted_terms is_count_waived is_nameless is_settled may_fill
    mid_half_ticks note
    protects quote_atoms reject_reason terms_ns updated_ns venue_filled_lots venue_quote_atoms
    was_seen
], {
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
        if this.row.trigger_ticks != 0 {
            drop(this);
            return Self::whole(slf)?.getattr(intern!(py, "place"));
        }
        let mut replay = this.replay.borrow_mut(py);
        if let Some(place) = replay.terms_of(this.at, &this.row) {
            return Ok(place.bind(py).clone());
        }
        let place = this.words.place(py, this.at, &this.row, replay.instrument_id())?;
        replay.keep_terms(this.at, &this.row, place.clone_ref(py));
        Ok(place.into_bound(py))
    }
});

/// One firing as `trading.strategy.Timer` is read, filled anew for each call unless somebody kept it.
#[pyclass(name = "TimerView", module = "steelyard._native")]
pub(crate) struct TimerView {
    words: Arc<Words>,
    #[pyo3(get)]
    every: Py<PyAny>,
    #[pyo3(get)]
    due_ns: i64,
}

impl TimerView {
    pub(crate) fn new(words: &Arc<Words>, every: Py<PyAny>, due_ns: i64) -> Self {
        Self { words: Arc::clone(words), every, due_ns }
    }

    pub(crate) fn set(&mut self, every: Py<PyAny>, due_ns: i64) {
        (self.every, self.due_ns) = (every, due_ns);
    }

    /// Returns what it stands for.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.borrow();
        this.words.timer.bind(slf.py()).call1((&this.every, this.due_ns))
    }
}

stands_for!(tuple TimerView, timer, {});
