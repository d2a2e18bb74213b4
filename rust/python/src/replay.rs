//! Backtests as a Python class: the machine plays, and a strategy's methods are called where it stops.

mod joined;
mod shown;
mod tuples;
mod wanted;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyDict};
use pyo3::{Bound, Py, PyAny, PyErr, PyResult, Python, pyclass, pymethods};
use steelyard_engine::{Effects, Engine, OrderType, QueueModel, Side, TimeInForce};
use steelyard_replay::{
    Account, AnyMarket, Bar, BarMarket, Curve, Machine, Market, Pause, Prices as _, TapeMarket,
    USER, Wish, state,
};

pub(crate) use self::tuples::order_tuple;
use self::tuples::{FillTuple, OrderTuple, fill_tuple};
use self::wanted::Wanted;
use crate::ahead::{trade_ahead, trade_known};
use crate::bars::{BarView, Scale};
use crate::columns::PyBars;
use crate::found;
use crate::run::{Callbacks, run};
use crate::seat::PySeat;
use crate::steps::Steps;
use crate::targets::PyTargets;
use crate::views::Named;

/// So many steps are made to targets without a look at signals.
const STEPS: usize = 4_096;

/// Atoms in one unit of an asset.
const ATOMS_PER_UNIT: i64 = 1_000_000_000_000;

/// The market that a replay plays.
type Replay = Machine<AnyMarket>;

/// One backtest; see `steelyard._native.Replay`.
#[pyclass(name = "Replay", module = "steelyard._native")]
pub(crate) struct PyReplay {
    pub(crate) machine: Replay,
    pub(crate) scale: Scale,
    /// The bars that the strategy wants are of this length, joined from those of the data.
    pub(crate) interval_ns: i64,
    data_interval_ns: i64,
    joined: Option<(Bar, i64)>,
    is_closed: bool,
    /// On a tape: the bar that trades are counted in, the one after it, and the last price.
    counted: [Option<Bar>; 2],
    last: i64,
    /// On a tape: the timer at which bars close.
    closes: Option<usize>,
    pub(crate) tells_trades: bool,
    wants_book: bool,
    /// Where a replay of bars has them from.
    bars: Option<Py<PyBars>>,
    pub(crate) instrument: Py<PyAny>,
    instrument_id: u32,
    /// Whether news of orders goes through the strategy's keeper, and whether its wishes do.
    pub(crate) is_guarded: bool,
    pub(crate) is_limited: bool,
    prices: Steps,
    sizes: Steps,
    touch: Touch,
    named: Vec<Option<Named>>,
}

/// The best prices as they were shown last, which an order will name: bid and ask.
type Touch = [Option<(i64, Py<PyAny>)>; 2];

/// The terms and names of so many orders are remembered, by the last bits of their numbers.
const NAMED: usize = 64;

/// Where a replay has stopped: the machine's pauses, with the bars that the strategy wants.
pub(crate) enum Stop {
    /// One that a gap has cut short, and its own; each with whether something is missing.
    Bars([Option<(Bar, bool)>; 2]),
    News,
    Timer(usize, i64),
    Book,
    Trade {
        price_ticks: i64,
        size_lots: i64,
        side: i64,
    },
    Starved,
    End,
}

/// Feeds a tape the block that Python has next, or a market of bars the next of its own.
pub(crate) fn feed(slf: &Bound<'_, PyReplay>, next_block: &Bound<'_, PyAny>) -> PyResult<()> {
    if slf.borrow_mut().feed_bars(slf.py())? {
        return Ok(());
    }
    let block = next_block.call0()?;
    slf.borrow_mut().feed(slf.py(), Some(&block).filter(|it| !it.is_none()))
}

pub(crate) fn unknown() -> PyErr {
    PyValueError::new_err("no such order type, or time in force")
}

pub(crate) fn side(number: i8) -> PyResult<Side> {
    Side::of(number).ok_or_else(|| PyValueError::new_err("a side is 1 or -1"))
}

impl PyReplay {
    /// Makes a replay around a machine; the intervals are those that are wanted and of the data.
    fn around(
        machine: Replay,
        scale: Scale,
        [interval_ns, data_interval_ns]: [i64; 2],
        tells_trades: bool,
        instrument: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let number = |name: &str| instrument.getattr(name)?.extract::<i64>();
        let (tick, lot) = (number("tick_lot_atoms")?, number("lot_atoms")?);
        let [price_max, size_max] = [number("price_max_ticks")?, number("size_max_lots")?];
        Ok(Self {
            machine,
            scale,
            interval_ns,
            data_interval_ns,
            joined: None,
            is_closed: false,
            counted: [None; 2],
            last: 0,
            closes: None,
            tells_trades,
            wants_book: false,
            bars: None,
            instrument_id: instrument.getattr("instrument_id")?.extract()?,
            is_guarded: false,
            is_limited: false,
            prices: Steps::new(instrument.getattr("tick_size")?, tick, lot, price_max)?,
            sizes: Steps::new(instrument.getattr("lot_size")?, lot, ATOMS_PER_UNIT, size_max)?,
            touch: [None, None],
            named: (0..NAMED).map(|_| None).collect(),
            instrument: instrument.unbind(),
        })
    }

    pub(crate) fn last_price(&self) -> i64 {
        self.machine.market.last_ticks()
    }

    /// Plays on until something is to be told; bars come out in the length that is wanted.
    #[inline]
    pub(crate) fn step(&mut self) -> Stop {
        let pause = self.machine.advance();
        self.stop(pause)
    }

    /// The same up to and with a moment; None where it has come there.
    pub(crate) fn step_to(&mut self, limit_ns: i64) -> Option<Stop> {
        let pause = self.machine.advance_to(limit_ns)?;
        Some(self.stop(pause))
    }

    #[inline]
    fn stop(&mut self, pause: Pause) -> Stop {
        match pause {
            Pause::Bar(bar) => Stop::Bars(self.join(bar)),
            Pause::News => Stop::News,
            Pause::Timer(number, due_ns) if Some(number) == self.closes => {
                Stop::Bars([None, self.close_bar(due_ns).map(|bar| (bar, false))])
            }
            Pause::Timer(number, due_ns) => Stop::Timer(number, due_ns),
            Pause::Book => Stop::Book,
            Pause::Trade { price_ticks, size_lots, side } => {
                if self.interval_ns != 0 {
                    self.count(price_ticks, size_lots);
                }
                Stop::Trade { price_ticks, size_lots, side }
            }
            Pause::Starved => Stop::Starved,
            Pause::End => Stop::End,
        }
    }

    /// Returns how many bars of the data, or events, have been played.
    pub(crate) fn played(&self) -> u64 {
        self.machine.market.as_tape().map_or(self.machine.events(), TapeMarket::events)
    }

    /// Feeds a market of bars those that come next; returns whether it is one.
    pub(crate) fn feed_bars(&mut self, py: Python<'_>) -> PyResult<bool> {
        let Some(bars) = &self.bars else { return Ok(false) };
        self.machine.feed_bars(&bars.get().columns(py)?);
        Ok(true)
    }

    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.machine.close();
        }
    }
}

impl Drop for PyReplay {
    /// Leaves the next run over the same bars the memory of this one.
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            bars.get().keep_room(self.machine.move_out());
        }
    }
}

#[pymethods]
impl PyReplay {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "called from one place, by name")]
    fn new(
        bars: Bound<'_, PyBars>,
        interval_ns: i64,
        wanted_interval_ns: i64,
        instrument: Bound<'_, PyAny>,
        records: &[u8],
        deposits: (i128, i128),
        curve_ns: i64,
        settings: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let mut engine = Engine::new(QueueModel::Proportional);
        let mut effects = Effects::default();
        engine
            .apply_records(records, &mut effects)
            .map_err(|it| PyValueError::new_err(it.to_string()))?;
        let scale = Scale::of(&instrument)?;
        let listing = scale.listing(&instrument)?;
        let account = Account::new(&listing, deposits.0, deposits.1);
        let wanted = Wanted::read(settings)?;
        let market = BarMarket::new(engine, listing.instrument_id, interval_ns, wanted.rules);
        let columns = bars.get().columns(bars.py())?;
        let curve = Curve::new(scale.price(1), curve_ns).over(columns.span_ns());
        let market = AnyMarket::Bars(Box::new(market));
        let mut machine = Machine::new(market, wanted.settings, account, curve);
        if let Some(room) = bars.get().take_room() {
            machine.move_into(room);
        }
        machine.feed_bars(&columns);
        let mut around =
            Self::around(machine, scale, [wanted_interval_ns, interval_ns], false, instrument)?;
        around.bars = Some(bars.unbind());
        Ok(around)
    }

    /// Makes a replay of a tape, which is fed block by block; an interval of 0 wants no bars.
    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "called from one place, by name")]
    fn of_tape(
        wanted_interval_ns: i64,
        instrument: Bound<'_, PyAny>,
        records: &[u8],
        deposits: (i128, i128),
        curve_ns: i64,
        queue_model: u8,
        wants: (bool, bool),
        settings: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let queue_model = QueueModel::of(queue_model)
            .ok_or_else(|| PyValueError::new_err("a queue model is 1, 2 or 3"))?;
        let mut engine = Engine::new(queue_model);
        let mut effects = Effects::default();
        engine
            .apply_records(records, &mut effects)
            .map_err(|it| PyValueError::new_err(it.to_string()))?;
        let scale = Scale::of(&instrument)?;
        let listing = scale.listing(&instrument)?;
        let account = Account::new(&listing, deposits.0, deposits.1);
        let wanted = Wanted::read(settings)?;
        let mut market = TapeMarket::over(engine, &listing).map_err(PyValueError::new_err)?;
        market.want(wants.0, wants.1 || wanted_interval_ns != 0);
        let curve = Curve::new(scale.price(1), curve_ns);
        let market = AnyMarket::Tape(Box::new(market));
        let machine = Machine::new(market, wanted.settings, account, curve);
        let mut around =
            Self::around(machine, scale, [wanted_interval_ns; 2], wants.1, instrument)?;
        around.wants_book = wants.0;
        Ok(around)
    }

    /// Feeds the next block of a tape, 64-bit words of records of three; None: there is none.
    #[pyo3(signature = (block))]
    fn feed(&mut self, py: Python<'_>, block: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(tape) = self.machine.market.tape() else {
            return Err(PyValueError::new_err("bars are not fed"));
        };
        match block {
            Some(block) => {
                let words = PyBuffer::<i64>::get(block)?;
                let words = words.as_slice(py).map(<[_]>::as_chunks::<3>);
                let Some((events, [])) = words else {
                    let what = "a block is contiguous, and whole records of three 64-bit words";
                    return Err(PyValueError::new_err(what));
                };
                let events =
                    events.iter().map(|[time, lots, last]| [time, lots, last].map(|it| it.get()));
                tape.feed_words(events).map_err(|it| PyValueError::new_err(it.to_string()))?;
            }
            None => tape.finish(),
        }
        // Bars close by the clock, whose first moment is the first event's.
        if self.closes.is_none() && self.interval_ns != 0 {
            let first_ns = self.machine.market.as_tape().and_then(TapeMarket::next_event_ns);
            if let Some(first_ns) = first_ns {
                self.closes = Some(self.machine.every_from(self.interval_ns, first_ns));
            }
        }
        Ok(())
    }

    /// Returns the touch of a tape, with the user's own orders or without: (bid, lots, ask, lots).
    fn touch(&self, with_own: bool) -> (i64, i64, i64, i64) {
        let touch = self.machine.market.as_tape().map(|it| it.touch(with_own));
        let it = touch.unwrap_or_default();
        (it.bid_ticks, it.bid_lots, it.ask_ticks, it.ask_lots)
    }

    #[getter]
    fn events(&self) -> u64 {
        self.played()
    }

    #[getter]
    fn bid_ticks(&self) -> i64 {
        self.machine.market.as_tape().map_or(0, |it| it.touch(true).bid_ticks)
    }

    #[getter]
    fn ask_ticks(&self) -> i64 {
        self.machine.market.as_tape().map_or(0, |it| it.touch(true).ask_ticks)
    }

    /// Returns the house's best levels of a side of a tape.
    fn levels(&self, number: i8, depth: usize) -> PyResult<Vec<(i64, i64)>> {
        let side = side(number)?;
        let tape = self.machine.market.as_tape();
        Ok(tape.map_or_else(Vec::new, |it| it.book().depth(side).take(depth).collect()))
    }

    /// Returns what a taker would meet of a tape's house: (lots, sum of ticks times lots, last).
    fn walk(&self, number: i8, size_lots: i64) -> PyResult<(i64, i128, i64)> {
        let side = side(number)?;
        let walked = self.machine.market.as_tape().map(|it| it.book().walk(side, size_lots));
        let it = walked.unwrap_or_default();
        Ok((it.lots, it.tick_lots, it.last_ticks))
    }

    /// Plays so many bars without anybody trading, and returns them.
    fn warm_up<'py>(
        slf: &Bound<'py, Self>,
        count: usize,
        next_block: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, BarView>>> {
        let py = slf.py();
        let mut found = Vec::new();
        while found.len() < count {
            let stop = slf.borrow_mut().step();
            match stop {
                Stop::Bars(joined) => {
                    let this = slf.borrow();
                    let (scale, interval_ns) = (this.scale, this.interval_ns);
                    for (bar, is_gapped) in joined.into_iter().flatten() {
                        let instrument = this.instrument.clone_ref(py);
                        let view = BarView::new(bar, is_gapped, scale, interval_ns, instrument);
                        found.push(Bound::new(py, view)?);
                    }
                }
                Stop::Starved => feed(slf, next_block)?,
                Stop::End => break,
                Stop::News | Stop::Timer(..) | Stop::Book | Stop::Trade { .. } => {}
            }
        }
        Ok(found)
    }

    /// Plays until a price is known, if none is yet: before it there is nothing to trade with.
    fn begin(slf: &Bound<'_, Self>, next_block: &Bound<'_, PyAny>) -> PyResult<()> {
        match slf.borrow_mut().machine.market.tape() {
            Some(tape) => tape.want_book(true),
            None => return Ok(()),
        }
        // At the end of a moment: within one a book may lack what its next event brings.
        loop {
            let stop = slf.borrow_mut().step();
            match stop {
                Stop::Starved => feed(slf, next_block)?,
                Stop::End => break,
                Stop::Book if slf.borrow_mut().machine.begin() => break,
                Stop::Bars(_) | Stop::News | Stop::Timer(..) | Stop::Book | Stop::Trade { .. } => {}
            }
        }
        let mut this = slf.borrow_mut();
        let wants_book = this.wants_book;
        if let Some(tape) = this.machine.market.tape() {
            tape.want_book(wants_book);
        }
        Ok(())
    }

    /// Plays to the end, calling what is given; see `run.rs`.
    #[pyo3(signature = (desk, host, callbacks, next_block, looked))]
    fn run(
        slf: &Bound<'_, Self>,
        desk: &Bound<'_, PySeat>,
        host: &Bound<'_, PyAny>,
        callbacks: Callbacks<'_>,
        next_block: &Bound<'_, PyAny>,
        looked: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        run(slf, desk, host, &callbacks, next_block, looked.as_ref())
    }

    /// Trades to targets instead of calling a strategy: where a bar's target, in lots, is another
    /// than the one before, what is held goes there by a market order for what is missing; and again
    /// where an order has fallen short.
    fn run_targets(&mut self, py: Python<'_>, targets: &PyTargets) -> PyResult<()> {
        let Some(bars) = &self.bars else {
            return Err(PyValueError::new_err("targets are for bars"));
        };
        let (outline, bars) = (bars.get().outline(), bars.get().columns(py)?);
        if targets.count() != bars.count() {
            let (given, bars) = (targets.count(), bars.count());
            return Err(PyValueError::new_err(format!("{given} targets for {bars} bars")));
        }
        let mut done = 0;
        if let (Some(outline), Some((formula, lots))) = (outline, targets.formula()) {
            let machine = &mut self.machine;
            let (aims, made) = trade_ahead(py, machine, outline, formula, lots)?;
            targets.keep(aims);
            done = made;
        }
        let aims = targets.aims(py)?;
        self.machine.expect_orders(aims.len().saturating_sub(done));
        if let Some(outline) = outline {
            trade_known(&mut self.machine, outline, aims, &mut done);
        }
        while !self.machine.aim(&bars, aims, &mut done, STEPS) {
            py.check_signals()?;
        }
        self.end();
        Ok(())
    }

    /// Ends the run where it is, if it has not ended.
    fn close(&mut self) {
        self.end();
    }

    // -- what a desk may do and know ------------------------------------------------------------

    #[allow(clippy::too_many_arguments, reason = "the terms of an order")]
    fn place(
        &mut self,
        number: i8,
        order_type: u8,
        time_in_force: u8,
        post_only: bool,
        price_ticks: i64,
        trigger_ticks: i64,
        size_lots: i64,
    ) -> PyResult<usize> {
        let wish = Wish {
            side: side(number)?,
            order_type: OrderType::of(order_type).ok_or_else(unknown)?,
            time_in_force: TimeInForce::of(time_in_force).ok_or_else(unknown)?,
            post_only,
            price_ticks,
            trigger_ticks,
            size_lots,
        };
        Ok(self.machine.place(&wish))
    }

    fn cancel(&mut self, order: usize) {
        self.machine.cancel(order);
    }

    fn amend(&mut self, order: usize, price_ticks: i64, size_lots: i64, trigger_ticks: i64) {
        self.machine.amend(order, price_ticks, size_lots, trigger_ticks);
    }

    fn every(&mut self, every_ns: i64) -> usize {
        self.machine.every(every_ns)
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.machine.now_ns()
    }

    #[getter]
    fn last_ticks(&self) -> i64 {
        self.machine.market.last_ticks()
    }

    #[getter]
    fn mid_half_ticks(&self) -> i64 {
        self.machine.market.mid_half_ticks()
    }

    #[getter]
    fn told_lots(&self) -> i64 {
        self.machine.told_lots()
    }

    #[getter]
    fn told_fills(&self) -> usize {
        self.machine.told_fills()
    }

    /// Says that news of orders goes to the strategy through its keeper from now on.
    #[setter]
    fn set_is_guarded(&mut self, is_guarded: bool) {
        self.is_guarded = is_guarded;
    }

    /// Says that every wish goes through the strategy's keeper.
    #[setter]
    fn set_is_limited(&mut self, is_limited: bool) {
        self.is_limited = is_limited;
    }

    #[setter]
    fn set_wants_news(&mut self, wants_news: bool) {
        self.machine.want_news(wants_news);
    }

    /// Returns how many fills there are, told or not, orders, and points of the curve.
    #[getter]
    fn counts(&self) -> (usize, usize, usize) {
        let machine = &self.machine;
        (machine.fills().len(), machine.orders().len(), machine.curve.points().len())
    }

    #[getter]
    fn order_count(&self) -> usize {
        self.machine.orders().len()
    }

    /// Returns one order as the strategy has been told of it.
    fn order(&self, at: usize) -> PyResult<OrderTuple> {
        let row = self.machine.orders().get(at);
        let row = row.ok_or_else(|| PyRuntimeError::new_err("there is no such order"))?;
        Ok(order_tuple(row))
    }

    /// Returns the places of the orders that may still fill as far as the strategy knows, from a
    /// place on.
    fn open_orders(&self, from: usize) -> Vec<usize> {
        let rows = self.machine.orders().iter().enumerate().skip(from);
        rows.filter(|(_, row)| row.told_state < state::FILLED).map(|(at, _)| at).collect()
    }

    fn fill(&self, at: usize) -> PyResult<FillTuple> {
        let row = self.machine.fills().get(at);
        row.map(fill_tuple).ok_or_else(|| PyRuntimeError::new_err("there is no such fill"))
    }

    // -- what has come of it ----------------------------------------------------------------------

    /// Writes the records of `backtest.result.FILL`.
    fn fills(&self, into: &Bound<'_, PyAny>) -> PyResult<()> {
        found::fills(into.py(), into, self.machine.fills())
    }

    /// Writes the records of `backtest.result.ORDER`.
    fn orders(&self, into: &Bound<'_, PyAny>) -> PyResult<()> {
        found::orders(into.py(), into, self.machine.orders())
    }

    /// Writes the records of `backtest.result.POINT`.
    fn curve(&self, into: &Bound<'_, PyAny>) -> PyResult<()> {
        found::points(into.py(), into, self.machine.curve.points())
    }

    /// Returns (events, fees by asset, time exposed in ns, deepest drawdown as a fraction).
    fn totals(&self) -> (u64, Vec<(u32, i128)>, i64, f64) {
        let account = &self.machine.account;
        let exposed_ns = account.exposed_ns(self.machine.now_ns());
        (self.played(), account.fees.clone(), exposed_ns, self.machine.curve.drawdown())
    }

    /// Returns (quote, base) in atoms, held or free.
    fn balances(&self) -> (i128, i128) {
        (self.machine.account.cash_atoms, self.machine.account.base_atoms)
    }

    /// The user's account in the engine.
    #[classattr]
    const ACCOUNT_ID: u32 = USER;
}
