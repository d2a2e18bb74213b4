//! A backtest from its first event to its last: the machine plays, Python is called where it stops.
//!
//! A strategy's callbacks are called directly, and plain orders and cancels are carried out here.
//! What is more than that its keeper does (`backtest.host`): limits, a stop behind the position,
//! notes, timers that are new.

use pyo3::types::{
    PyAnyMethods, PyDict, PyDictMethods, PyList, PyListMethods, PyString, PyStringMethods,
};
use pyo3::{Bound, FromPyObject, PyAny, PyResult, intern};
use steelyard_engine::{OrderType, TimeInForce};
use steelyard_replay::{News, Wish, state};

use crate::bars::BarView;
use crate::replay::{PyReplay, Stop, feed, side, unknown};
use crate::seat::{PySeat, Words, name_of};
use crate::views::TimerView;

/// So many calls, or bars, come between two looks at signals and the clock of progress.
pub(crate) const LOOK: u32 = 4_096;

/// What the keeper calls a fill among states.
const FILL: u8 = 0;

/// The callbacks that a strategy overrides, bound to it.
#[derive(FromPyObject)]
pub(crate) struct Callbacks<'py> {
    #[pyo3(item)]
    on_bar: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    on_book: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    on_fill: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    on_order: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    on_timer: Option<Bound<'py, PyAny>>,
}

/// An intent taken apart.
type Terms<'py> =
    (i8, i64, u8, u8, Option<i64>, bool, Bound<'py, PyAny>, Bound<'py, PyAny>, Option<i64>);

/// A view of a timer's firing, and the callback with it bound: a call of that makes no tuple.
struct Firing<'py> {
    number: usize,
    view: Bound<'py, TimerView>,
    call: Bound<'py, PyAny>,
}

impl<'py> Firing<'py> {
    fn new(
        words: &std::sync::Arc<Words>,
        (number, every): (usize, Bound<'py, PyAny>),
        due_ns: i64,
        on_timer: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let py = on_timer.py();
        let view = Bound::new(py, TimerView::new(words, every.unbind(), due_ns))?;
        let call = words.bound.bind(py).call1((on_timer, &view))?;
        Ok(Self { number, view, call })
    }

    /// Returns whether it is for a timer, and nobody has kept it.
    fn is_for(&self, number: usize) -> bool {
        #[allow(deprecated, reason = "what it names instead is unsafe")]
        let (count, calls) = (self.view.get_refcnt(), self.call.get_refcnt());
        // Ours, and that of the callback with it.
        self.number == number && count == 2 && calls == 1
    }
}

/// A run under way.
struct Running<'a, 'py> {
    replay: &'a Bound<'py, PyReplay>,
    seat: &'a Bound<'py, PySeat>,
    words: std::sync::Arc<Words>,
    host: &'a Bound<'py, PyAny>,
    wishes: Bound<'py, PyList>,
    notes: Bound<'py, PyList>,
    /// An empty list.
    nothing: Bound<'py, PyList>,
    /// How many timers the keeper has seen.
    timers: usize,
}

/// Plays to the end, calling what is given; `looked` is called now and then with the bars, or
/// events, played.
pub(crate) fn run<'py>(
    replay: &Bound<'py, PyReplay>,
    seat: &Bound<'py, PySeat>,
    host: &Bound<'py, PyAny>,
    callbacks: &Callbacks<'py>,
    next_block: &Bound<'py, PyAny>,
    looked: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = replay.py();
    let it = seat.borrow();
    let mut running = Running {
        replay,
        seat,
        words: std::sync::Arc::clone(&it.words),
        host,
        wishes: it.intents.bind(py).clone(),
        notes: it.notes.bind(py).clone(),
        nothing: PyList::empty(py),
        timers: it.timers.bind(py).len(),
    };
    drop(it);
    let (on_news, on_market) = (host.getattr("news")?, host.getattr("market")?);
    let fill_of = seat.getattr("fill")?;
    let book = seat.getattr("book")?;
    let intervals = host.getattr("timers")?.cast_into::<PyDict>()?;
    let mut firing: Option<Firing<'_>> = None;
    let mut bar_view: Option<Bound<'_, BarView>> = None;
    let mut news = Vec::new();
    let mut countdown = LOOK;
    loop {
        let mut this = replay.borrow_mut();
        let stop = this.step();
        countdown = countdown.wrapping_sub(1);
        match stop {
            Stop::Bars(joined) => {
                let (scale, interval_ns) = (this.scale, this.interval_ns);
                drop(this);
                for (bar, is_gapped) in joined.into_iter().flatten() {
                    let Some(on_bar) = &callbacks.on_bar else { break };
                    #[allow(deprecated, reason = "what it names instead is unsafe")]
                    let kept = bar_view.take().filter(|it| it.get_refcnt() == 1);
                    let shown = match kept {
                        Some(it) => {
                            it.borrow_mut().set(bar, is_gapped);
                            it
                        }
                        None => {
                            let instrument = replay.borrow().instrument.clone_ref(py);
                            let new = BarView::new(bar, is_gapped, scale, interval_ns, instrument);
                            Bound::new(py, new)?
                        }
                    };
                    on_bar.call1((&shown,))?;
                    bar_view = Some(shown);
                    running.drain()?;
                }
            }
            Stop::News => {
                this.machine.take_news(&mut news);
                drop(this);
                for one in news.drain(..) {
                    let (kind, at) = match one {
                        News::Order { order, state } => (state, order),
                        News::Fill(fill) => (FILL, fill),
                        News::Amended { order } => (state::WORKING, order),
                    };
                    let this = replay.borrow();
                    if this.is_guarded {
                        drop(this);
                        on_news.call1((kind, at))?;
                    } else if kind == FILL {
                        drop(this);
                        let Some(on_fill) = &callbacks.on_fill else { continue };
                        on_fill.call1((fill_of.call1((at,))?,))?;
                    } else {
                        let Some(on_order) = &callbacks.on_order else { continue };
                        drop(this);
                        let view = replay.borrow_mut().view(py, &running.words, at)?;
                        let Some(view) = view else { continue };
                        on_order.call1((Bound::new(py, view)?,))?;
                    }
                    running.drain()?;
                }
            }
            Stop::Timer(number, due_ns) => {
                drop(this);
                match &firing {
                    Some(it) if it.is_for(number) => {
                        it.view.borrow_mut().set(due_ns);
                        it.call.call0()?;
                    }
                    _ => match (intervals.get_item(number)?, &callbacks.on_timer) {
                        (None, _) => {
                            host.call_method0(intern!(py, "own_timer"))?;
                        }
                        (Some(_), None) => {}
                        (Some(every), Some(on_timer)) => {
                            let new =
                                Firing::new(&running.words, (number, every), due_ns, on_timer)?;
                            new.call.call0()?;
                            firing = Some(new);
                        }
                    },
                }
            }
            Stop::Book => {
                drop(this);
                if let Some(on_book) = &callbacks.on_book {
                    on_book.call1((&book,))?;
                }
            }
            Stop::Trade { price_ticks, size_lots, side } => {
                let tells = this.tells_trades;
                drop(this);
                if tells {
                    on_market.call1((price_ticks, size_lots, side))?;
                }
            }
            Stop::Starved => {
                drop(this);
                feed(replay, next_block)?;
                countdown = 0;
            }
            Stop::End => {
                this.end();
                return Ok(());
            }
        }
        running.drain()?;
        if countdown == 0 {
            countdown = LOOK;
            py.check_signals()?;
            if let Some(looked) = looked {
                looked.call1((replay.borrow().played(),))?;
            }
        }
    }
}

impl<'py> Running<'_, 'py> {
    /// Carries out the wishes of the last call.
    #[inline]
    fn drain(&mut self) -> PyResult<()> {
        if self.wishes.is_empty() && self.notes.is_empty() { Ok(()) } else { self.carry_out() }
    }

    fn carry_out(&mut self) -> PyResult<()> {
        let py = self.host.py();
        let timers = self.seat.borrow().timers.bind(py).len();
        if self.timers != timers || !self.notes.is_empty() || self.replay.borrow().is_limited {
            self.timers = timers;
            return self.host.call_method0(intern!(py, "drain")).map(drop);
        }
        // The list stays the same one: the strategy's wishes go there.
        let count = self.wishes.len();
        if count == 1 {
            let wish = self.wishes.get_item(0)?;
            self.wishes.set_slice(0, 1, &self.nothing)?;
            return self.carry_out_one(&wish);
        }
        let wishes = self.wishes.get_slice(0, count);
        self.wishes.set_slice(0, count, &self.nothing)?;
        wishes.iter().try_for_each(|it| self.carry_out_one(&it))
    }

    fn carry_out_one(&self, wish: &Bound<'py, PyAny>) -> PyResult<()> {
        let kind = wish.get_type();
        if kind.is(&self.words.intent) {
            return self.place(wish);
        }
        if kind.is(&self.words.cancel_intent)
            && let Some(named) = self.target(wish)?
        {
            let mut replay = self.replay.borrow_mut();
            if let Some(at) = named.filter(|&it| it < replay.machine.orders().len()) {
                replay.machine.cancel(at);
            }
            return Ok(());
        }
        self.host.call_method1(intern!(wish.py(), "carry_out"), (wish,)).map(drop)
    }

    fn place(&self, wish: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = wish.py();
        // In the order of the fields of `trading.strategy.Intent`.
        let (side_number, size_lots, kind, time, price, post_only, _, _, trigger): Terms<'_> =
            self.words.taken_apart.bind(py).call1((wish,))?.extract()?;
        let wanted = Wish {
            side: side(side_number)?,
            order_type: OrderType::of(kind).ok_or_else(unknown)?,
            time_in_force: TimeInForce::of(time).ok_or_else(unknown)?,
            post_only,
            price_ticks: price.unwrap_or(0),
            trigger_ticks: trigger.unwrap_or(0),
            size_lots,
        };
        let at = self.replay.borrow_mut().machine.place(&wanted);
        wish.setattr(intern!(py, "client_order_id"), name_of(py, at))
    }

    /// Returns the place of the order that a cancel names, or that it names none; None where that is
    /// not plain.
    fn target(&self, wish: &Bound<'py, PyAny>) -> PyResult<Option<Option<usize>>> {
        let py = wish.py();
        let mut name = wish.getattr(intern!(py, "target"))?;
        if name.get_type().is(&self.words.intent) {
            name = name.getattr(intern!(py, "client_order_id"))?;
        }
        let Ok(name) = name.cast_exact::<PyString>() else { return Ok(None) };
        let Ok(name) = name.to_str() else { return Ok(None) };
        let is_plain = name.len() < 19 && name.bytes().all(|it| it.is_ascii_digit());
        let number = name.parse::<usize>().ok();
        Ok((is_plain).then(|| number.and_then(|it| it.checked_sub(1))))
    }
}
