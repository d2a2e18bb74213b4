//! The engine as a Python class.

use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::types::{PyBytes, PyList};
use pyo3::{Bound, PyAny, PyErr, PyResult, Python, pyclass, pymethods};
use steelyard_engine::{Effects, Engine, Levels, Malformed, QueueModel};

use crate::records::{Decoder, Encoder};

/// From this many bytes of commands on, other Python threads may run meanwhile.
const LONG: usize = 1 << 16;

/// A command's record behind its lead, the order that did no more than rest or 0, and else effects.
type Placed<'py> = (Bound<'py, PyBytes>, u64, Option<Bound<'py, PyList>>);

/// The room for effects that is kept from one call to the next.
const ROOM_MAX: usize = 1 << 24;

#[pyclass(name = "Engine", module = "steelyard._native")]
pub(crate) struct PyEngine {
    queue_model: QueueModel,
    engine: Engine,
    effects: Effects,
    /// True while a command is carried out, and for ever if that unwound.
    is_torn: bool,
}

fn malformed(error: &Malformed) -> PyErr {
    PyValueError::new_err(error.to_string())
}

impl PyEngine {
    /// Refuses an engine that stopped in the middle of a command.
    #[inline]
    fn whole(&mut self) -> PyResult<&mut Engine> {
        match self.is_torn {
            false => Ok(&mut self.engine),
            true => Err(PyRuntimeError::new_err(
                "the engine stopped in the middle of a command: restore it from a snapshot",
            )),
        }
    }

    /// Carries out command records; what happened is in `effects`.
    fn carry_out(&mut self, py: Python<'_>, records: &[u8]) -> PyResult<()> {
        self.whole()?;
        self.effects.clear();
        self.is_torn = true;
        let (engine, effects) = (&mut self.engine, &mut self.effects);
        let result = match records.len() < LONG {
            true => engine.apply_records(records, effects),
            false => py.detach(|| engine.apply_records(records, effects)),
        };
        self.is_torn = false;
        result.map_err(|error| malformed(&error))
    }

    /// Returns the effects, and gives room back that is seldom needed.
    fn told<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let told = PyBytes::new(py, self.effects.bytes());
        if self.effects.bytes().len() > ROOM_MAX {
            self.effects.shrink_to(ROOM_MAX);
        }
        told
    }
}

#[pymethods]
impl PyEngine {
    #[new]
    fn new(queue_model: u8) -> PyResult<Self> {
        let Some(queue_model) = QueueModel::of(queue_model) else {
            let message = format!("queue model {queue_model} is not 1, 2 or 3");
            return Err(PyValueError::new_err(message));
        };
        let engine = Engine::new(queue_model);
        Ok(Self { queue_model, engine, effects: Effects::default(), is_torn: false })
    }

    fn apply<'py>(&mut self, py: Python<'py>, records: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.carry_out(py, records)?;
        Ok(self.told(py))
    }

    #[allow(clippy::too_many_arguments, reason = "it saves as many calls")]
    fn place<'py>(
        &mut self,
        py: Python<'py>,
        encoder: &Bound<'py, Encoder>,
        decoder: &Bound<'py, Decoder>,
        lead: &[u8],
        place: &Bound<'py, PyAny>,
        now_ns: i64,
        in_full: bool,
    ) -> PyResult<Option<Placed<'py>>> {
        let Some(record) = encoder.get().written(place, now_ns)? else { return Ok(None) };
        self.carry_out(py, &record)?;
        let payload = PyBytes::new(py, &[lead, record.as_slice()].concat());
        if let (Some(order_id), false) = (self.effects.rested(), in_full) {
            return Ok(Some((payload, order_id, None)));
        }
        let effects = decoder.get().decode_all(&self.told(py))?;
        Ok(Some((payload, 0, Some(effects))))
    }

    fn book(&mut self, instrument_id: u32, depth: usize) -> PyResult<(Levels, Levels)> {
        let levels = self.whole()?.book(instrument_id, depth);
        levels.ok_or_else(|| PyKeyError::new_err(instrument_id))
    }

    fn balances(&mut self, account_id: u32) -> PyResult<Vec<(u32, i128, i128)>> {
        let balances = self.whole()?.balances(account_id).into_iter();
        Ok(balances.map(|(asset, it)| (asset, it.free_atoms, it.held_atoms)).collect())
    }

    fn rates(&mut self, account_id: u32, now_ns: i64) -> PyResult<(i32, i32)> {
        let rates = self.whole()?.rates(account_id, now_ns);
        let rates = rates.ok_or_else(|| PyKeyError::new_err(account_id))?;
        Ok((rates.maker_e8, rates.taker_e8))
    }

    fn totals(&mut self) -> PyResult<Vec<(u32, i128)>> {
        Ok(self.whole()?.totals())
    }

    fn state_hash(&mut self) -> PyResult<u64> {
        Ok(self.whole()?.state_hash())
    }

    fn snapshot<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.whole()?.snapshot()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> PyResult<()> {
        let restored = Engine::restore(self.queue_model, snapshot);
        self.engine = restored.map_err(|error| malformed(&error))?;
        self.is_torn = false;
        Ok(())
    }
}
