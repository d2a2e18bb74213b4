//! What a backtest has found as records, in the forms of `backtest/result.py`.
//!
//! They are written into arrays that numpy has made, as words of 64 bits.

use std::cell::Cell;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::{Bound, PyAny, PyResult, Python};
use steelyard_replay::{FillRow, OrderRow, Point};

/// Writes rows into an array of as many words as they need.
fn write<const WORDS: usize, T>(
    py: Python<'_>,
    into: &Bound<'_, PyAny>,
    rows: &[T],
    words: impl Fn(usize, &T) -> [i64; WORDS],
) -> PyResult<()> {
    let buffer = PyBuffer::<i64>::get(into)?;
    let cells: &[Cell<i64>] = buffer.as_mut_slice(py).unwrap_or_default();
    let (records, rest) = cells.as_chunks::<WORDS>();
    if records.len() != rows.len() || !rest.is_empty() {
        let count = rows.len();
        return Err(PyValueError::new_err(format!("{count} records of {WORDS} words are there")));
    }
    for (at, (row, record)) in rows.iter().zip(records).enumerate() {
        for (cell, word) in record.iter().zip(words(at, row)) {
            cell.set(word);
        }
    }
    Ok(())
}

/// Writes fills.
#[allow(clippy::cast_possible_truncation, reason = "the two halves of 128 bits are what is wanted")]
pub(crate) fn fills(py: Python<'_>, into: &Bound<'_, PyAny>, rows: &[FillRow]) -> PyResult<()> {
    write(py, into, rows, |_, row| {
        let [a, b, c, d] = row.fee_asset_id.to_le_bytes();
        let [side] = row.side.to_le_bytes();
        [
            row.time_ns,
            row.order.cast_signed(),
            row.price_ticks,
            row.size_lots,
            row.fee_atoms as i64,
            (row.fee_atoms >> 64) as i64,
            row.position_lots,
            row.decided_half_ticks,
            row.arrived_half_ticks,
            i64::from_le_bytes([a, b, c, d, side, u8::from(row.is_maker), 0, 0]),
        ]
    })
}

/// Writes orders, counted from 1.
pub(crate) fn orders(py: Python<'_>, into: &Bound<'_, PyAny>, rows: &[OrderRow]) -> PyResult<()> {
    write(py, into, rows, |at, row| {
        let [side] = row.side.to_le_bytes();
        let kinds = [
            side,
            row.order_type,
            row.time_in_force,
            u8::from(row.post_only),
            row.state,
            row.reject_reason,
            row.cancel_cause,
            0,
        ];
        [
            i64::try_from(at).unwrap_or(0).saturating_add(1),
            row.wanted_ns,
            row.arrived_ns,
            row.ended_ns,
            row.price_ticks,
            row.trigger_ticks,
            row.size_lots,
            row.filled_lots,
            i64::from_le_bytes(kinds),
        ]
    })
}

/// Writes points of a curve.
pub(crate) fn points(py: Python<'_>, into: &Bound<'_, PyAny>, rows: &[Point]) -> PyResult<()> {
    write(py, into, rows, |_, row| {
        let floats = [row.cash, row.position, row.price, row.equity];
        let [cash, position, price, equity] = floats.map(|it| it.to_bits().cast_signed());
        [row.time_ns, cash, position, price, equity]
    })
}
