//! Columns of bars, which a replay reads where they are: numpy's memory, nothing of it copied.

use std::cell::Cell;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::scope;

use pyo3::buffer::{Element, PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyValueError;
use pyo3::{Bound, Py, PyAny, PyResult, Python, pyclass, pymethods};
use steelyard_replay::{Bar, Bars, Outline, Prices, Room, first_not, first_regular};

/// So many rows are checked at once, while they are at hand.
const CHUNK: usize = 512;

/// So many closes are compared at once.
const LANES: usize = 4;

/// A float of a decimal number is off by less than this part of it.
const SLACK: f64 = 1e-9;

/// Of so many bars at most one has an order, as far as room is made for them at once.
pub(crate) const BARS_PER_ORDER: usize = 32;

/// Room is made while bars are loaded for no fewer bars, and for no more orders; twice as much is
/// the most that a run leaves to the next.
const BARS_MIN: usize = 1 << 16;
const ORDERS_MAX: usize = 1 << 16;

const NAMES: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// Bars for any number of replays.
#[pyclass(name = "Bars", module = "steelyard._native", frozen)]
pub(crate) struct PyBars {
    /// When they begin; opens, highs, lows, closes; volumes.
    columns: [PyBuffer<i64>; 6],
    #[pyo3(get)]
    is_sound: bool,
    /// When the first begins, and the time between two, where none is missing.
    regular: Option<(i64, i64)>,
    /// What of them is read most, where that is enough.
    outline: Option<Outline>,
    /// Room for what the next run finds, and an array for writing it down.
    room: Mutex<Option<Room>>,
    sheet: Mutex<Option<Py<PyAny>>>,
}

/// The columns as they are read while nobody else runs.
pub(crate) struct Columns<'a> {
    columns: [&'a [ReadOnlyCell<i64>]; 6],
    regular: Option<(i64, i64)>,
    outline: Option<&'a Outline>,
}

/// Opens, highs, lows, closes and volumes.
type Sources<'py> = [Bound<'py, PyAny>; 5];

fn unfit() -> pyo3::PyErr {
    PyValueError::new_err("columns of bars are contiguous and equally long")
}

fn buffers<T: Element>(sources: &Sources<'_>) -> PyResult<[PyBuffer<T>; 5]> {
    let [a, b, c, d, e] = sources;
    Ok([
        PyBuffer::get(a)?,
        PyBuffer::get(b)?,
        PyBuffer::get(c)?,
        PyBuffer::get(d)?,
        PyBuffer::get(e)?,
    ])
}

/// Returns something of each buffer, if all have it.
fn each<'a, const N: usize, T: Element, S: ?Sized>(
    buffers: &'a [PyBuffer<T>; N],
    read: impl Fn(&'a PyBuffer<T>) -> Option<&'a S>,
) -> PyResult<[&'a S; N]> {
    let found: Option<Vec<&S>> = buffers.iter().map(read).collect();
    found.and_then(|it| it.try_into().ok()).ok_or_else(unfit)
}

impl PyBars {
    pub(crate) fn columns<'a>(&'a self, py: Python<'a>) -> PyResult<Columns<'a>> {
        let columns = each(&self.columns, |it| it.as_slice(py))?;
        Ok(Columns { columns, regular: self.regular, outline: self.outline.as_ref() })
    }

    pub(crate) fn outline(&self) -> Option<&Outline> {
        self.outline.as_ref()
    }

    /// Takes the room, where there is some.
    pub(crate) fn take_room(&self) -> Option<Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps room for the next run, where it is not very much.
    pub(crate) fn keep_room(&self, room: Room) {
        if room.for_orders() > ORDERS_MAX.saturating_mul(2) {
            return;
        }
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }

    fn new(
        py: Python<'_>,
        columns: [PyBuffer<i64>; 6],
        interval_ns: i64,
        outline: Option<Outline>,
        is_sound: impl Fn(&Columns<'_>) -> bool,
    ) -> PyResult<Self> {
        let (room, sheet) = (Mutex::new(None), Mutex::new(None));
        let mut bars = Self { columns, is_sound: false, regular: None, outline: None, room, sheet };
        let columns = bars.columns(py)?;
        let count = columns.count();
        if columns.columns.iter().any(|it| it.len() != count) {
            return Err(unfit());
        }
        let times = Times::of(columns.columns[0], interval_ns);
        let is_sound = times != Times::Wrong && is_sound(&columns);
        let regular = (times == Times::Regular).then(|| (columns.open_ns(0), interval_ns));
        let outline = is_sound.then(|| {
            let outline = outline.unwrap_or_else(|| columns.outline());
            match regular {
                Some((first_ns, step_ns)) => outline.regular(first_ns, step_ns),
                None => {
                    outline.timed(columns.columns[0].iter().map(ReadOnlyCell::get), interval_ns)
                }
            }
        });
        (bars.is_sound, bars.regular, bars.outline) = (is_sound, regular, outline.flatten());
        Ok(bars)
    }
}

/// What the times of bars are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    /// One interval after the other.
    Regular,
    /// Some are missing.
    Gapped,
    /// They do not rise, or are off the interval.
    Wrong,
}

impl Times {
    fn of(times: &[ReadOnlyCell<i64>], interval_ns: i64) -> Self {
        let is_on = |time_ns: i64| time_ns.checked_rem(interval_ns) == Some(0);
        let Some(first) = times.first() else { return Self::Gapped };
        if interval_ns < 1 || !is_on(first.get()) {
            return Self::Wrong;
        }
        // No branch: nearly always none is missing, and then this is as fast as memory.
        let pairs = || times.iter().zip(times.iter().skip(1));
        let off = pairs()
            .fold(0, |off, (one, next)| off | (next.get().wrapping_sub(one.get()) ^ interval_ns));
        if off == 0 {
            Self::Regular
        } else if pairs().all(|(one, next)| next.get() > one.get() && is_on(next.get())) {
            Self::Gapped
        } else {
            Self::Wrong
        }
    }
}

/// Returns whether a bar's prices lie within its low and high, above 0 and not above a highest one,
/// and its volume is not negative.
fn is_bar(bar: &Bar, price_max_ticks: i64) -> bool {
    bar.low > 0
        && bar.low <= bar.open.min(bar.close)
        && bar.high >= bar.open.max(bar.close)
        && bar.high <= price_max_ticks
        && bar.volume >= 0
}

impl Columns<'_> {
    fn outline(&self) -> Outline {
        let [_, opens, _, _, closes, _] = self.columns;
        let mut outline = Outline::with_room(self.count());
        outline.add(opens.iter().zip(closes).map(|(open, close)| [open.get(), close.get()]));
        outline
    }

    fn are_bars(&self, price_max_ticks: i64) -> bool {
        (0..self.count()).all(|at| is_bar(&self.bar(at), price_max_ticks))
    }

    /// Returns how long it is from the first to the last.
    pub(crate) fn span_ns(&self) -> i64 {
        let last = self.open_ns(self.count().saturating_sub(1));
        last.saturating_sub(self.open_ns(0))
    }

    fn read(&self, column: usize, at: usize) -> i64 {
        self.columns.get(column).and_then(|it| it.get(at)).map_or(0, ReadOnlyCell::get)
    }
}

impl Bars for Columns<'_> {
    fn bar(&self, at: usize) -> Bar {
        Bar {
            open_ns: self.open_ns(at),
            open: self.read(1, at),
            high: self.read(2, at),
            low: self.read(3, at),
            close: self.read(4, at),
            volume: self.read(5, at),
        }
    }

    #[inline]
    fn volume(&self, at: usize) -> i64 {
        self.read(5, at)
    }
}

impl Prices for Columns<'_> {
    fn count(&self) -> usize {
        self.columns[0].len()
    }

    #[inline]
    fn open_ns(&self, at: usize) -> i64 {
        match (self.regular, i64::try_from(at)) {
            (Some((first_ns, step_ns)), Ok(at)) => first_ns.wrapping_add(step_ns.wrapping_mul(at)),
            _ => self.read(0, at),
        }
    }

    #[inline]
    fn open(&self, at: usize) -> i64 {
        self.read(1, at)
    }

    #[inline]
    fn close(&self, at: usize) -> i64 {
        self.read(4, at)
    }

    #[inline]
    fn extremes(&self, span: Range<usize>) -> Option<(i64, i64)> {
        // As bits of floats above 1 prices keep their order, and floats have a least and a most.
        let lift = 1.0_f64.to_bits();
        let raised =
            |it: &ReadOnlyCell<i64>| f64::from_bits(it.get().cast_unsigned().wrapping_add(lift));
        let lowered = |it: f64| it.to_bits().wrapping_sub(lift).cast_signed();
        let closes = self.columns[4].get(span)?;
        let first = raised(closes.first()?);
        let (mut low, mut high) = ([first; LANES], [first; LANES]);
        let mut look = |closes: [f64; LANES]| {
            for ((low, high), close) in low.iter_mut().zip(&mut high).zip(closes) {
                *low = if close < *low { close } else { *low };
                *high = if close > *high { close } else { *high };
            }
        };
        let (blocks, rest) = closes.as_chunks::<LANES>();
        for block in blocks {
            look(block.each_ref().map(raised));
        }
        match closes.last_chunk::<LANES>() {
            // Some are looked at twice, which does not matter.
            Some(last) => look(last.each_ref().map(raised)),
            None => rest.iter().for_each(|it| look([raised(it); LANES])),
        }
        let low = low.into_iter().fold(first, |it, other| if other < it { other } else { it });
        let high = high.into_iter().fold(first, |it, other| if other > it { other } else { it });
        Some((lowered(low), lowered(high)))
    }

    #[inline]
    fn around(&self, span: Range<usize>) -> Option<(i64, i64)> {
        match self.outline {
            Some(outline) => outline.around(span),
            None => self.extremes(span),
        }
    }

    #[inline]
    fn first_from(&self, span: Range<usize>, time_ns: i64) -> usize {
        match self.regular {
            Some((_, step_ns)) => first_regular(span, time_ns, step_ns, |at| self.open_ns(at)),
            None => first_not(span, |at| self.open_ns(at) < time_ns),
        }
    }

    #[inline]
    fn closes(&self, span: Range<usize>) -> impl Iterator<Item = i64> {
        let [_, _, _, _, closes, _] = self.columns;
        closes.get(span).unwrap_or_default().iter().map(ReadOnlyCell::get)
    }
}

/// Five columns of floats on their way to whole steps.
struct Floats<'a> {
    from: [&'a [ReadOnlyCell<f64>]; 5],
    to: [&'a [Cell<i64>]; 5],
    /// Steps for each whole of a column.
    per: [f64; 5],
    price_max_ticks: i64,
}

#[allow(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "this is where floats become whole numbers, and each is checked"
)]
impl Floats<'_> {
    /// Turns all of them into steps, and returns whether they are bars, with what is read most.
    ///
    /// # Errors
    ///
    /// The first that is no whole number of steps but for its last digits: its row, and its column.
    fn convert(&self) -> Result<(bool, Outline), (usize, &'static str)> {
        let count = self.from[0].len();
        let mut outline = Outline::with_room(count);
        let mut are_bars = true;
        for begin in (0..count).step_by(CHUNK) {
            let span = begin..count.min(begin.saturating_add(CHUNK));
            are_bars &= match self.at_once(&span) {
                Some(are_bars) => are_bars,
                None => self.one_by_one(span.clone())?,
            };
            let [opens, _, _, closes, _] =
                self.to.map(|it| it.get(span.clone()).unwrap_or_default());
            outline.add(opens.iter().zip(closes).map(|(open, close)| [open.get(), close.get()]));
        }
        Ok((are_bars, outline))
    }

    /// Turns a chunk into steps without a branch; None where a number has to be looked at.
    #[inline]
    fn at_once(&self, span: &Range<usize>) -> Option<bool> {
        // Added, it leaves no room for a fraction: the nearest whole is in the last bits. What lies
        // in the middle of two wholes is looked at, so to even or to odd is no question.
        const MAGIC: f64 = 6_755_399_441_055_744.0;
        const LARGEST: f64 = 2_251_799_813_685_248.0;
        let mut wholes = [[0.0_f64; CHUNK]; 5];
        let mut is_clear = true;
        let parts = self.from.iter().zip(&self.to).zip(&self.per).zip(&mut wholes);
        for (((from, to), &per), wholes) in parts {
            let cells = from.get(span.clone())?.iter().zip(to.get(span.clone())?);
            let mut is_near = true;
            for ((from, to), whole) in cells.zip(wholes.iter_mut()) {
                let exact = from.get() * per;
                let shifted = exact + MAGIC;
                *whole = shifted - MAGIC;
                to.set(shifted.to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed());
                let (size, off) = (exact.abs(), (*whole - exact).abs());
                is_near &= (off <= SLACK * size.max(1.0)) & (off < 0.5) & (size < LARGEST);
            }
            is_clear &= is_near;
        }
        if !is_clear {
            return None;
        }
        let [open, high, low, close, volume] = &wholes;
        let highest = self.price_max_ticks as f64;
        let mut are_bars = true;
        let rows = open.iter().zip(high).zip(low).zip(close).zip(volume);
        for ((((open, high), low), close), volume) in rows.take(span.len()) {
            are_bars &= (*low > 0.0)
                & (low <= open)
                & (low <= close)
                & (high >= open)
                & (high >= close)
                & (*high <= highest)
                & (*volume >= 0.0);
        }
        Some(are_bars)
    }

    /// Turns rows into steps and says which number is none.
    #[cold]
    fn one_by_one(&self, span: Range<usize>) -> Result<bool, (usize, &'static str)> {
        let mut are_bars = true;
        for at in span {
            let mut steps = [0; 5];
            let parts = self.from.iter().zip(&self.to).zip(&self.per).zip(&mut steps);
            for ((((from, to), &per), step), name) in parts.zip(NAMES) {
                let exact = from.get(at).map_or(f64::NAN, ReadOnlyCell::get) * per;
                let whole = (exact + 0.5_f64.copysign(exact)) as i64;
                let off = (whole as f64 - exact).abs();
                let is_near = off <= SLACK * exact.abs().max(1.0);
                if !(is_near && exact.abs() < 9e15) {
                    return Err((at, name));
                }
                *step = whole;
                if let Some(to) = to.get(at) {
                    to.set(whole);
                }
            }
            let [open, high, low, close, volume] = steps;
            let bar = Bar { open_ns: 0, open, high, low, close, volume };
            are_bars &= is_bar(&bar, self.price_max_ticks);
        }
        Ok(are_bars)
    }
}

#[pymethods]
impl PyBars {
    /// Takes columns of whole numbers.
    #[new]
    fn py_new(
        py: Python<'_>,
        open_ns: &Bound<'_, PyAny>,
        numbers: Sources<'_>,
        interval_ns: i64,
        price_max_ticks: i64,
    ) -> PyResult<Self> {
        let [open, high, low, close, volume] = buffers(&numbers)?;
        let columns = [PyBuffer::get(open_ns)?, open, high, low, close, volume];
        Self::new(py, columns, interval_ns, None, |it| it.are_bars(price_max_ticks))
    }

    /// Takes columns of floats, which have to be whole ticks and lots but for their last digits, and
    /// writes these into columns of whole numbers.
    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "called from one place, by name")]
    fn from_floats(
        py: Python<'_>,
        open_ns: &Bound<'_, PyAny>,
        numbers: Sources<'_>,
        steps: Sources<'_>,
        per_price: f64,
        per_size: f64,
        interval_ns: i64,
        price_max_ticks: i64,
    ) -> PyResult<Self> {
        let times = PyBuffer::<i64>::get(open_ns)?;
        let (from, to) = (buffers::<f64>(&numbers)?, buffers::<i64>(&steps)?);
        let floats = Floats {
            from: each(&from, |it| it.as_slice(py))?,
            to: each(&to, |it| it.as_mut_slice(py))?,
            per: [per_price, per_price, per_price, per_price, per_size],
            price_max_ticks,
        };
        let count = times.item_count();
        let is_long = floats.from.iter().map(|it| it.len()).all(|it| it == count)
            && floats.to.iter().map(|it| it.len()).all(|it| it == count);
        if !is_long {
            return Err(unfit());
        }
        // This thread mostly waits for pages that nobody has touched; another one can meanwhile.
        let (converted, room) = scope(|scope| {
            let orders = count.checked_div(BARS_PER_ORDER).unwrap_or(0).min(ORDERS_MAX);
            let other = (count >= BARS_MIN).then(|| scope.spawn(move || Room::written(orders)));
            let converted = floats.convert();
            (converted, other.map(|it| it.join().unwrap_or_else(|panic| resume_unwind(panic))))
        });
        let (are_bars, outline) = converted.map_err(PyValueError::new_err)?;
        let [open, high, low, close, volume] = to;
        let columns = [times, open, high, low, close, volume];
        let bars = Self::new(py, columns, interval_ns, Some(outline), |_| are_bars)?;
        if let Some(room) = room {
            bars.keep_room(room);
        }
        Ok(bars)
    }

    /// Keeps an array that has been written to, for the first result that needs much of it.
    fn keep_sheet(&self, sheet: Py<PyAny>) {
        *self.sheet.lock().unwrap_or_else(PoisonError::into_inner) = Some(sheet);
    }

    /// Takes that array.
    fn take_sheet(&self) -> Option<Py<PyAny>> {
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn __len__(&self) -> usize {
        self.columns[0].item_count()
    }
}
