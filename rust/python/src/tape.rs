//! The market of a tape as a Python class, and a quoter compiled for the benches.

use pyo3::exceptions::PyValueError;
use pyo3::types::PyBytes;
use pyo3::{Bound, PyResult, Python, pyclass, pyfunction, pymethods};
use steelyard_engine::{Command, Effects, Engine, QueueModel, commands_of};
use steelyard_replay::oracle::{OracleFill, oracle};
use steelyard_replay::{Event, Market, Played, Quoted, Quoter, Quoting, TapeMarket, events_of};

/// The bytes of a block that stays in the cache while it is played.
const BLOCK: usize = 24 << 13;

/// A level: its price and size.
type Level = (i64, i64);

#[pyclass(name = "TapeMarket", module = "steelyard._native", unsendable)]
pub(crate) struct PyTapeMarket {
    market: TapeMarket,
}

fn refused(why: impl ToString) -> pyo3::PyErr {
    PyValueError::new_err(why.to_string())
}

/// Makes a market of the commands that open it, the listing first.
fn opened(records: &[u8], queue_model: u8) -> PyResult<TapeMarket> {
    let model = QueueModel::of(queue_model)
        .ok_or_else(|| refused(format!("queue model {queue_model} is not 1, 2 or 3")))?;
    let commands = commands_of(records).map_err(refused)?;
    let Some((Command::ListInstrument(listing), _)) = commands.first() else {
        return Err(refused("the first command lists no instrument"));
    };
    let (mut engine, mut effects) = (Engine::new(model), Effects::default());
    engine.apply_records(records, &mut effects).map_err(refused)?;
    TapeMarket::over(engine, listing).map_err(refused)
}

#[pymethods]
impl PyTapeMarket {
    #[new]
    fn new(records: &[u8], queue_model: u8) -> PyResult<Self> {
        Ok(Self { market: opened(records, queue_model)? })
    }

    fn feed(&mut self, records: &[u8]) -> PyResult<()> {
        self.market.feed(records).map_err(refused)
    }

    /// Plays up to and with a time, and returns the effects on the way.
    fn play<'py>(&mut self, py: Python<'py>, until_ns: i64) -> Bound<'py, PyBytes> {
        loop {
            match self.market.play(until_ns) {
                Played::Until | Played::Starved | Played::Over => return self.told(py),
                Played::Effects | Played::Book | Played::Trade { .. } | Played::Bar(_) => {}
            }
        }
    }

    /// Carries out a user's commands now, and returns the effects.
    fn apply<'py>(&mut self, py: Python<'py>, records: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        for (command, _) in commands_of(records).map_err(refused)? {
            if !self.market.carry_out_user(&command) {
                return Err(refused(format!("no command of a user's: {command:?}")));
            }
        }
        Ok(self.told(py))
    }

    fn touch(&self, with_own: bool) -> (i64, i64, i64, i64) {
        let it = self.market.touch(with_own);
        (it.bid_ticks, it.bid_lots, it.ask_ticks, it.ask_lots)
    }

    fn book(&self, depth: usize) -> (Vec<Level>, Vec<Level>) {
        let side = |side| self.market.book().depth(side).take(depth).collect();
        (side(steelyard_engine::Side::Buy), side(steelyard_engine::Side::Sell))
    }

    fn balances(&mut self, account_id: u32) -> Vec<(u32, i128, i128)> {
        let balances = self.market.engine().balances(account_id).into_iter();
        balances.map(|(asset, it)| (asset, it.free_atoms, it.held_atoms)).collect()
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.market.now_ns()
    }

    #[getter]
    fn passed_over(&self) -> u64 {
        self.market.passed_over()
    }
}

impl PyTapeMarket {
    fn told<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let effects = self.market.effects();
        let told = PyBytes::new(py, effects.bytes());
        effects.clear();
        told
    }
}

/// Plays a tape under the compiled quoter; returns orders, whole fills, executions, position, wakes.
#[pyfunction]
pub(crate) fn quote_tape(
    py: Python<'_>,
    opening: &[u8],
    queue_model: u8,
    records: &[u8],
    quoter: (u32, i64, i64, i64),
) -> PyResult<(u64, u64, u64, i64, u64)> {
    let mut market = opened(opening, queue_model)?;
    let (account_id, every_ns, size_lots, most_lots) = quoter;
    if every_ns <= 0 || size_lots <= 0 {
        return Err(refused("a quoter is woken in steps of time, and its orders have a size"));
    }
    let quoter = Quoter { account_id, every_ns, size_lots, most_lots };
    let quoted = py.detach(|| {
        let mut quoting = Quoting::new(quoter);
        let mut quoted = Quoted::default();
        for block in records.chunks(BLOCK) {
            market.feed(block)?;
            quoted = quoting.play(&mut market);
        }
        Ok(quoted)
    });
    let Quoted { orders, filled, executions, position_lots, wakes } =
        quoted.map_err(|bad: steelyard_replay::BadEvent| refused(bad))?;
    Ok((orders, filled, executions, position_lots, wakes))
}

fn numbers_of(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().map(|it| i64::from_le_bytes(*it)).collect()
}

/// Returns the orders and fills of a quoter under another program's conventions; tests only.
#[pyfunction]
pub(crate) fn oracle_fills(
    py: Python<'_>,
    records: &[u8],
    received_ns: &[u8],
    tick_max: u32,
) -> PyResult<(u64, Vec<OracleFill>)> {
    let events: Vec<Event> = events_of(records).map_err(refused)?;
    let received = numbers_of(received_ns);
    if received.len() != events.len() {
        return Err(PyValueError::new_err("one time of reception is needed for each event"));
    }
    let count = u32::try_from(events.len());
    let count = count.map_err(|_| PyValueError::new_err("an oracle judges short tapes"))?;
    let mut heard: Vec<u32> = (0..count).collect();
    heard.sort_by_key(|&it| received.get(it as usize).copied());
    Ok(py.detach(|| oracle(&events, &received, &heard, tick_max)))
}
