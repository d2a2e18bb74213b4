//! A dialect's tables, as `src/steelyard/wire/tables.py` describes them, for the client crate.

use pyo3::exceptions::PyValueError;
use pyo3::{FromPyObject, PyResult};
use steelyard_client::{Continuity, Field, Kind, MessageTable, Slot, StreamTable};

#[derive(FromPyObject)]
pub(crate) struct PyField {
    path: Vec<String>,
    slot: usize,
    is_required: bool,
}

#[derive(FromPyObject)]
pub(crate) struct PyMessageTable {
    kind: u8,
    names: Vec<String>,
    prefixes: Vec<String>,
    fields: Vec<PyField>,
}

#[derive(FromPyObject)]
pub(crate) struct PyStreamTable {
    kind_path: Vec<String>,
    kind_after: String,
    payload_path: Vec<String>,
    messages: Vec<PyMessageTable>,
    snapshot: PyMessageTable,
    decimals: u32,
    has_quotes: bool,
    level_length: usize,
    sold: String,
    bought: String,
    time_unit_ns: i64,
    fine_from: i64,
    fine_unit_ns: i64,
    continuity: u8,
}

/// The kinds of messages, by their number from 1 on.
pub(crate) const KINDS: [Kind; 4] = [Kind::Snapshot, Kind::Delta, Kind::Trade, Kind::Touch];

fn unknown<T>(what: &str, number: impl std::fmt::Display) -> PyResult<T> {
    Err(PyValueError::new_err(format!("no {what} has the number {number}")))
}

impl PyField {
    fn table(self) -> PyResult<Field> {
        let Some(slot) = Slot::of(self.slot) else { return unknown("slot", self.slot) };
        Ok(Field { path: self.path, slot, is_required: self.is_required })
    }
}

impl PyMessageTable {
    fn table(self) -> PyResult<MessageTable> {
        let kind = usize::from(self.kind).checked_sub(1).and_then(|place| KINDS.get(place));
        let Some(&kind) = kind else { return unknown("kind of message", self.kind) };
        let fields = self.fields.into_iter().map(PyField::table).collect::<PyResult<_>>()?;
        Ok(MessageTable { kind, names: self.names, prefixes: self.prefixes, fields })
    }
}

impl PyStreamTable {
    pub(crate) fn table(self) -> PyResult<StreamTable> {
        let Some(continuity) = Continuity::of(self.continuity) else {
            return unknown("continuity", self.continuity);
        };
        let messages = self.messages.into_iter().map(PyMessageTable::table);
        Ok(StreamTable {
            kind_path: self.kind_path,
            kind_after: self.kind_after,
            payload_path: self.payload_path,
            messages: messages.collect::<PyResult<_>>()?,
            snapshot: self.snapshot.table()?,
            decimals: self.decimals,
            has_quotes: self.has_quotes,
            level_length: self.level_length,
            sold: self.sold,
            bought: self.bought,
            time_unit_ns: self.time_unit_ns,
            fine_from: self.fine_from,
            fine_unit_ns: self.fine_unit_ns,
            continuity,
        })
    }
}
