//! Views of a position, an order and a firing: what stands for them in a backtest.
//!
//! A view is filled with numbers when a strategy is called, and makes Python's objects of what is read.
//! It compares as what it stands for, `isinstance` takes it for one, and what is read rarely is read
//! of one, made then. Each of its attributes has a getter: a lookup by name would cost all of them.

use std::sync::Arc;

use pyo3::basic::CompareOp;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAnyMethods, PyBool, PyString, PyTupleMethods};
use pyo3::{Bound, Py, PyAny, PyResult, Python, intern, pyclass, pymethods};
use steelyard_replay::{OrderRow, state};

use crate::replay::order_tuple;
use crate::seat::{Words, name_of};

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
#[pyclass(name = "PositionView", module = "steelyard._native", frozen)]
pub(crate) struct PositionView {
    words: Arc<Words>,
    #[pyo3(get)]
    instrument: Py<PyAny>,
    #[pyo3(get)]
    lots: i64,
    #[pyo3(get)]
    size: Py<PyAny>,
    /// After how many fills it is this.
    pub(crate) fills: usize,
    whole: PyOnceLock<Py<PyAny>>,
}

impl PositionView {
    /// Makes a view of what is held after so many fills: so many lots, and what they are in base.
    pub(crate) fn new(
        words: &Arc<Words>,
        instrument: Py<PyAny>,
        (fills, lots, size): (usize, i64, Py<PyAny>),
    ) -> Self {
        let words = Arc::clone(words);
        Self { words, instrument, lots, size, fills, whole: PyOnceLock::new() }
    }

    /// Returns what it stands for.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let whole = this.whole.get_or_try_init(py, || {
            let average = this.words.averages.bind(py).call1((this.fills,))?;
            this.words.position.call1(py, (&this.instrument, this.lots, average))
        });
        Ok(whole?.bind(py).clone())
    }
}

stands_for!(tuple PositionView, position, {
    #[getter]
    fn is_flat(&self) -> bool {
        self.lots == 0
    }

    #[getter]
    fn average_price<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::whole(slf)?.getattr(intern!(slf.py(), "average_price"))
    }
});

/// One order of the strategy's as `trading.orders.OwnOrder` is read, as it was when it was told of.
#[pyclass(name = "OrderView", module = "steelyard._native", frozen)]
pub(crate) struct OrderView {
    words: Arc<Words>,
    #[pyo3(get)]
    place: Py<PyAny>,
    #[pyo3(get)]
    client_order_id: Py<PyString>,
    #[pyo3(get)]
    state: Py<PyAny>,
    #[pyo3(get)]
    is_open: Py<PyBool>,
    instrument_id: u32,
    at: usize,
    row: OrderRow,
    now_ns: i64,
    whole: PyOnceLock<Py<PyAny>>,
}

/// What does not change of an order while it is open: its terms, as a `Place`, and its name.
pub(crate) struct Named {
    at: usize,
    terms: [i64; 3],
    place: Py<PyAny>,
    name: Py<PyString>,
}

impl Named {
    /// Names an order.
    pub(crate) fn new(
        py: Python<'_>,
        words: &Words,
        at: usize,
        row: &OrderRow,
        instrument_id: u32,
    ) -> PyResult<Self> {
        let name = name_of(py, at);
        let place = words.place(py, &name, row, instrument_id)?;
        let terms = [row.price_ticks, row.size_lots, row.trigger_ticks];
        Ok(Self { at, terms, place, name: name.unbind() })
    }

    /// Returns whether these are still the terms of an order.
    pub(crate) fn is_of(&self, at: usize, row: &OrderRow) -> bool {
        self.at == at && self.terms == [row.price_ticks, row.size_lots, row.trigger_ticks]
    }
}

impl OrderView {
    pub(crate) fn new(
        py: Python<'_>,
        words: &Arc<Words>,
        named: &Named,
        row: OrderRow,
        (instrument_id, now_ns): (u32, i64),
    ) -> PyResult<Self> {
        let is_open = PyBool::new(py, row.told_state < state::FILLED);
        Ok(Self {
            words: Arc::clone(words),
            place: named.place.clone_ref(py),
            client_order_id: named.name.clone_ref(py),
            state: words.states.bind(py).get_item(usize::from(row.told_state))?.unbind(),
            is_open: is_open.to_owned().unbind(),
            instrument_id,
            at: named.at,
            row,
            now_ns,
            whole: PyOnceLock::new(),
        })
    }

    /// Returns what it stands for; an order that is told of is never the stop that `protect` keeps.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let whole = this.whole.get_or_try_init(py, || {
            let of = (this.at, order_tuple(&this.row), this.instrument_id, this.now_ns, false);
            this.words.whole_order.call1(py, of)
        });
        Ok(whole?.bind(py).clone())
    }
}

stands_for!(OrderView, own_order, [
    amend_note amending attempts called cancel_why created_ns disputed expires_ns exposed_lots
    fill_count former has_terms has_wanted_terms is_at_market is_count_waived is_nameless is_settled
    may_fill mid_half_ticks note
    protects quote_atoms reject_reason terms_ns updated_ns venue_filled_lots venue_quote_atoms
    was_seen
], {
    #[getter]
    fn order_id(&self) -> usize {
        self.at.wrapping_add(1)
    }

    /// As the strategy has been told.
    #[getter(filled_lots)]
    fn told_lots(&self) -> i64 {
        self.row.told_lots
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

    pub(crate) fn set(&mut self, due_ns: i64) {
        self.due_ns = due_ns;
    }

    /// Returns what it stands for.
    fn whole<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.borrow();
        this.words.timer.bind(slf.py()).call1((&this.every, this.due_ns))
    }
}

stands_for!(tuple TimerView, timer, {});
