//! Several replays by one clock: the legs of one strategy, and the money that they have together.
//!
//! The clock goes from moment to moment: the next at which something happens at any leg. All legs
//! play up to it and with it before anybody is told of it; then what there is to tell is told, of the
//! earliest first and at one moment in the order of the legs, and a leg to which something was sent
//! plays on at that moment. It ends where the data of the first leg do.
//!
//! Each leg has an engine of its own. What is free in the wallet of a venue goes to the leg that needs
//! it when it needs it, so that legs at one venue have one wallet, and legs at others have their own.

use pyo3::exceptions::PyValueError;
use pyo3::types::{PyBytes, PyList, PyListMethods};
use pyo3::{Bound, IntoPyObject, Py, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::{Market as _, News, state};

use crate::bars::BarView;
use crate::replay::{PyReplay, Stop};

/// What the keeper calls a fill among states.
const FILL: u8 = 0;

/// So many moments pass between two looks at signals.
const LOOK: u32 = 65_536;

/// One leg.
struct Seated {
    replay: Py<PyReplay>,
    venue: usize,
    /// Base and quote.
    assets: [u32; 2],
    /// What it has stopped for at this moment and nobody has been told, and when.
    waiting: Option<(i64, Stop)>,
    /// Whether it has come to this moment.
    is_there: bool,
    is_over: bool,
}

/// See `steelyard._native.Together`.
#[pyclass(name = "Together", module = "steelyard._native")]
pub(crate) struct PyTogether {
    legs: Vec<Seated>,
    now_ns: i64,
    mark_ns: i64,
    marks_at_ns: i64,
    mark_times: Vec<i64>,
    /// Of each mark and leg: twice the middle in ticks, and what its fills have made of quote and base.
    marks: Vec<(i64, i128, i128)>,
}

/// What is told: the leg, what it is, and two or three words about it.
type Told = (usize, &'static str, Py<PyAny>);

impl PyTogether {
    /// Lets the legs come to this moment; the place of one that has to be fed.
    fn play(&mut self, py: Python<'_>) -> PyResult<Option<usize>> {
        let now_ns = self.now_ns;
        for at in 0..self.legs.len() {
            let Some(leg) = self.legs.get(at) else { continue };
            if leg.is_there || leg.waiting.is_some() {
                continue;
            }
            let replay = leg.replay.clone_ref(py);
            let mut this = replay.borrow_mut(py);
            // Where it is already, and nothing of now is left, it is there.
            let is_there = this.machine.now_ns() >= now_ns && this.machine.next_ns() > now_ns;
            if !is_there && this.machine.needs_money(now_ns) {
                self.pay(py, at, &mut this);
            }
            let mut stop = if is_there { None } else { this.step_to(now_ns) };
            while matches!(stop, Some(Stop::Starved)) && this.feed_bars(py)? {
                stop = this.step_to(now_ns);
            }
            let stopped_ns = this.machine.now_ns();
            let Some(leg) = self.legs.get_mut(at) else { continue };
            match stop {
                None => leg.is_there = true,
                Some(Stop::Starved) => return Ok(Some(at)),
                Some(Stop::End) => (leg.is_over, leg.is_there) = (true, true),
                Some(stop) => leg.waiting = Some((stopped_ns, stop)),
            }
        }
        Ok(None)
    }

    /// Gives a leg what is free at the others of its venue, as far as it can spend it.
    fn pay(&self, py: Python<'_>, at: usize, payee: &mut PyReplay) {
        let Some(leg) = self.legs.get(at) else { return };
        for (other, payer) in self.legs.iter().enumerate() {
            if other == at || payer.venue != leg.venue {
                continue;
            }
            for asset_id in leg.assets.into_iter().filter(|it| payer.assets.contains(it)) {
                let machine = &mut payer.replay.borrow_mut(py).machine;
                let atoms = machine.free_atoms(asset_id);
                if atoms > 0 {
                    machine.bring(asset_id, atoms.saturating_neg());
                    payee.machine.bring(asset_id, atoms);
                }
            }
        }
    }

    /// Takes the earliest that is to be told, and lets everybody look at this moment once more.
    fn take(&mut self) -> Option<(usize, Stop)> {
        let waiting = self.legs.iter().enumerate();
        let waiting = waiting.filter_map(|(at, leg)| leg.waiting.as_ref().map(|it| (it.0, at)));
        let (_, at) = waiting.min()?;
        self.look_again();
        let (_, stop) = self.legs.get_mut(at)?.waiting.take()?;
        Some((at, stop))
    }

    fn look_again(&mut self) {
        for leg in &mut self.legs {
            leg.is_there = leg.is_over;
        }
    }

    /// Goes to the next moment; false where there is none.
    fn go_on(&mut self, py: Python<'_>) -> bool {
        if self.legs.iter().any(|it| it.is_over) {
            return false;
        }
        let next = self.legs.iter().map(|it| it.replay.borrow(py).machine.next_ns()).min();
        let next_ns = next.unwrap_or(i64::MAX).max(self.now_ns.saturating_add(1));
        self.now_ns = next_ns.min(self.marks_at_ns.max(self.now_ns.saturating_add(1)));
        self.look_again();
        true
    }

    fn mark(&mut self, py: Python<'_>) {
        if self.mark_ns == 0 || self.now_ns < self.marks_at_ns {
            return;
        }
        self.mark_times.push(self.now_ns);
        for leg in &self.legs {
            let this = leg.replay.borrow(py);
            let (cash, base) = this.machine.account.own_atoms();
            self.marks.push((this.machine.market.mid_half_ticks(), cash, base));
        }
        let passed = self.now_ns.div_euclid(self.mark_ns);
        self.marks_at_ns = passed.saturating_add(1).saturating_mul(self.mark_ns);
    }

    /// Says what a leg has stopped for in Python's words.
    fn words(&self, py: Python<'_>, at: usize, stop: Stop) -> PyResult<Told> {
        let replay = match self.legs.get(at) {
            Some(leg) => leg.replay.clone_ref(py),
            None => return Err(PyValueError::new_err("there is no such leg")),
        };
        Ok(match stop {
            Stop::Bars(joined) => {
                let this = replay.borrow(py);
                let shown = PyList::empty(py);
                for (bar, is_gapped) in joined.into_iter().flatten() {
                    let instrument = this.instrument.clone_ref(py);
                    let view =
                        BarView::new(bar, is_gapped, this.scale, this.interval_ns, instrument);
                    shown.append(Bound::new(py, view)?)?;
                }
                (at, "bars", shown.into_any().unbind())
            }
            Stop::News => {
                let mut news = Vec::new();
                replay.borrow_mut(py).machine.take_news(&mut news);
                let shown: Vec<(u8, usize)> = news
                    .into_iter()
                    .map(|one| match one {
                        News::Order { order, state } => (state, order),
                        News::Fill(fill) => (FILL, fill),
                        News::Amended { order } => (state::WORKING, order),
                    })
                    .collect();
                (at, "news", shown.into_pyobject(py)?.into_any().unbind())
            }
            Stop::Timer(number, due_ns) => {
                (at, "timer", (number, due_ns).into_pyobject(py)?.into_any().unbind())
            }
            Stop::Book => (at, "book", py.None()),
            Stop::Trade { price_ticks, size_lots, side } => {
                let about = (price_ticks, size_lots, side).into_pyobject(py)?;
                let kind = if replay.borrow(py).tells_trades { "trade" } else { "nothing" };
                (at, kind, about.into_any().unbind())
            }
            Stop::Starved | Stop::End => (at, "starved", py.None()),
        })
    }
}

#[pymethods]
impl PyTogether {
    #[new]
    fn new(
        py: Python<'_>,
        replays: Vec<Py<PyReplay>>,
        venues: Vec<usize>,
        mark_ns: i64,
    ) -> PyResult<Self> {
        if replays.len() != venues.len() || replays.is_empty() {
            return Err(PyValueError::new_err("each leg has a venue"));
        }
        let legs = replays.into_iter().zip(venues).map(|(replay, venue)| {
            let assets = replay.borrow(py).machine.account.assets();
            Seated { replay, venue, assets, waiting: None, is_there: false, is_over: false }
        });
        Ok(Self {
            legs: legs.collect(),
            now_ns: i64::MIN,
            mark_ns,
            marks_at_ns: i64::MAX,
            mark_times: Vec::new(),
            marks: Vec::new(),
        })
    }

    /// Puts money into the wallet of a leg's venue.
    fn deposit(&self, py: Python<'_>, leg: usize, asset_id: u32, atoms: i128) -> PyResult<()> {
        let found = self.legs.get(leg).filter(|it| it.assets.contains(&asset_id) && atoms > 0);
        let Some(found) = found else {
            return Err(PyValueError::new_err("the leg does not trade that"));
        };
        found.replay.borrow_mut(py).machine.bring(asset_id, atoms);
        Ok(())
    }

    /// Sets the clock to the latest of the legs'; `step` brings the others there.
    fn begin(&mut self, py: Python<'_>) -> i64 {
        let times = self.legs.iter().map(|it| it.replay.borrow(py).machine.now_ns());
        self.now_ns = times.max().unwrap_or(0);
        self.look_again();
        self.now_ns
    }

    /// Begins to mark what the legs have made, now and at each multiple of the interval.
    fn begin_marks(&mut self, py: Python<'_>) {
        self.marks_at_ns = self.now_ns;
        self.mark(py);
    }

    /// Plays on until something is to be told, and returns it; None: it is over, or, where nothing
    /// beyond this moment is to be played, all legs have come to it.
    fn step(&mut self, py: Python<'_>, is_to_stay: bool) -> PyResult<Option<Told>> {
        let mut countdown = LOOK;
        loop {
            if let Some(at) = self.play(py)? {
                return self.words(py, at, Stop::Starved).map(Some);
            }
            if let Some((at, stop)) = self.take() {
                return self.words(py, at, stop).map(Some);
            }
            if is_to_stay {
                return Ok(None);
            }
            self.mark(py);
            if !self.go_on(py) {
                return Ok(None);
            }
            countdown = countdown.wrapping_sub(1);
            if countdown == 0 {
                countdown = LOOK;
                py.check_signals()?;
            }
        }
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Notes what there is at the end.
    fn end(&mut self, py: Python<'_>) {
        if self.mark_times.last().is_some_and(|&it| it < self.now_ns) {
            self.marks_at_ns = self.now_ns;
            self.mark(py);
        }
    }

    /// Returns the times of the marks as 64-bit words, and of each leg at each of them twice the
    /// middle in ticks, and what its fills have made of quote and of base in atoms.
    #[allow(
        clippy::cast_precision_loss,
        reason = "for a curve: nothing that is paid comes from here"
    )]
    fn marks<'py>(&self, py: Python<'py>) -> (Bound<'py, PyBytes>, Bound<'py, PyBytes>) {
        let times: Vec<u8> = self.mark_times.iter().flat_map(|it| it.to_ne_bytes()).collect();
        let rows = self.marks.iter().flat_map(|&(mid, cash, base)| {
            [mid as f64, cash as f64, base as f64].map(f64::to_ne_bytes)
        });
        let rows: Vec<u8> = rows.flatten().collect();
        (PyBytes::new(py, &times), PyBytes::new(py, &rows))
    }
}
