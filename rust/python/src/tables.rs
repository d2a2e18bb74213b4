//! A dialect's tables, as `src/steelyard/wire/tables.py` describes them, for the client crate.

use pyo3::exceptions::PyValueError;
use pyo3::{FromPyObject, PyResult};
use steelyard_client::{
    Column, Continuity, Field, Kind, LevelTable, MessageTable, Slot, StreamTable, TimeForm,
};

#[derive(FromPyObject)]
pub(crate) struct PyField {
    path: Vec<String>,
    slot: usize,
    is_required: bool,
    is_quoted: bool,
}

#[derive(FromPyObject)]
pub(crate) struct PyMessageTable {
    kind: u8,
    names: Vec<String>,
    prefixes: Vec<String>,
    variants: Vec<String>,
    is_list: bool,
    fields: Vec<PyField>,
}

#[derive(FromPyObject)]
pub(crate) struct PyLevelTable {
    columns: Vec<u8>,
    names: Vec<String>,
}

#[derive(FromPyObject)]
pub(crate) struct PyStreamTable {
    kind_path: Vec<String>,
    kind_after: String,
    variant_path: Vec<String>,
    payload_path: Vec<String>,
    beside: Vec<PyField>,
    messages: Vec<PyMessageTable>,
    snapshot: PyMessageTable,
    decimals: u32,
    size_decimals: Option<u32>,
    has_quotes: bool,
    levels: PyLevelTable,
    changes: Option<PyLevelTable>,
    bid: String,
    ask: String,
    takes_odd: bool,
    has_fillers: bool,
    sold: String,
    bought: String,
    time_form: u8,
    time_unit_ns: i64,
    fine_from: i64,
    fine_unit_ns: i64,
    continuity: u8,
    depth: usize,
    checked_levels: usize,
}

/// The kinds of messages, by their number from 1 on.
pub(crate) const KINDS: [Kind; 4] = [Kind::Snapshot, Kind::Delta, Kind::Trade, Kind::Touch];

fn unknown<T>(what: &str, number: impl std::fmt::Display) -> PyResult<T> {
    Err(PyValueError::new_err(format!("no {what} has the number {number}")))
}

impl PyField {
    fn table(self) -> PyResult<Field> {
        let Some(slot) = Slot::of(self.slot) else { return unknown("slot", self.slot) };
        let Self { path, is_required, is_quoted, .. } = self;
        Ok(Field { path, slot, is_required, is_quoted })
    }
}

impl PyMessageTable {
    fn table(self) -> PyResult<MessageTable> {
        let kind = usize::from(self.kind).checked_sub(1).and_then(|place| KINDS.get(place));
        let Some(&kind) = kind else { return unknown("kind of message", self.kind) };
        let fields = self.fields.into_iter().map(PyField::table).collect::<PyResult<_>>()?;
        let Self { names, prefixes, variants, is_list, .. } = self;
        Ok(MessageTable { kind, names, prefixes, variants, is_list, fields })
    }
}

impl PyLevelTable {
    fn table(self) -> PyResult<LevelTable> {
        let column = |number| match Column::of(number) {
            Some(column) => Ok(column),
            None => unknown("column", number),
        };
        let columns = self.columns.into_iter().map(column).collect::<PyResult<_>>()?;
        Ok(LevelTable { columns, names: self.names })
    }
}

impl PyStreamTable {
    pub(crate) fn table(self) -> PyResult<StreamTable> {
        let Some(continuity) = Continuity::of(self.continuity) else {
            return unknown("continuity", self.continuity);
        };
        let Some(time_form) = TimeForm::of(self.time_form) else {
            return unknown("form of times", self.time_form);
        };
        let beside = self.beside.into_iter().map(PyField::table);
        let changes = self.changes.map(PyLevelTable::table).transpose()?.unwrap_or_default();
        let messages = self.messages.into_iter().map(PyMessageTable::table);
        Ok(StreamTable {
            kind_path: self.kind_path,
            kind_after: self.kind_after,
            variant_path: self.variant_path,
            payload_path: self.payload_path,
            beside: beside.collect::<PyResult<_>>()?,
            messages: messages.collect::<PyResult<_>>()?,
            snapshot: self.snapshot.table()?,
            decimals: self.decimals,
            size_decimals: self.size_decimals.unwrap_or(self.decimals),
            has_quotes: self.has_quotes,
            levels: self.levels.table()?,
            changes,
            bid: self.bid,
            ask: self.ask,
            takes_odd: self.takes_odd,
            has_fillers: self.has_fillers,
            sold: self.sold,
            bought: self.bought,
            time_form,
            time_unit_ns: self.time_unit_ns,
            fine_from: self.fine_from,
            fine_unit_ns: self.fine_unit_ns,
            continuity,
            depth: self.depth,
            checked_levels: self.checked_levels,
        })
    }
}
