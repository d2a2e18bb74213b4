//! The market of a tape as a Python class, and a quoter compiled for the benches.

use pyo3::exceptions::PyValueError;
use pyo3::types::PyBytes;
use pyo3::{Bound, PyResult, Python, pyclass, pyfunction, pymethods};
use steelyard_replay::oracle::{OracleFill, oracle};
use steelyard_replay::Event;

/// Returns the events of records of 24 bytes.
fn events_of(records: &[u8]) -> PyResult<Vec<Event>> {
    steelyard_replay::events_of(records).map_err(|bad| PyValueError::new_err(bad.to_string()))
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
    let events = events_of(records)?;
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
