//! What a backtest has found as records, in the forms of `backtest/result.py`.

use pyo3::types::PyBytes;
use pyo3::{Bound, PyResult, Python};
use steelyard_replay::{FillRow, OrderRow, Point};

const FILL: usize = 80;
const ORDER: usize = 72;
const POINT: usize = 40;

/// Writes rows into as many records of so many bytes.
fn written<'py, const SIZE: usize, T>(
    py: Python<'py>,
    rows: &[T],
    write: impl Fn(usize, &T, &mut [u8; SIZE]),
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, rows.len().saturating_mul(SIZE), |bytes| {
        let (records, _) = bytes.as_chunks_mut::<SIZE>();
        for (at, (row, record)) in rows.iter().zip(records).enumerate() {
            write(at, row, record);
        }
        Ok(())
    })
}

/// Writes words of eight bytes to the front, and returns what is behind them.
#[inline]
fn words<const COUNT: usize>(record: &mut [u8], words: [i64; COUNT]) -> &mut [u8] {
    let (front, rest) = record.split_at_mut(record.len().min(COUNT.saturating_mul(8)));
    for (place, word) in front.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    rest
}

/// Returns fills.
pub(crate) fn fills<'py>(py: Python<'py>, rows: &[FillRow]) -> PyResult<Bound<'py, PyBytes>> {
    written::<FILL, FillRow>(py, rows, |_, row, record| {
        let first = [row.time_ns, row.order.cast_signed(), row.price_ticks, row.size_lots];
        let rest = words(record, first);
        let (fee, rest) = rest.split_at_mut(16);
        fee.copy_from_slice(&row.fee_atoms.to_le_bytes());
        let middles = [row.position_lots, row.decided_half_ticks, row.arrived_half_ticks];
        let rest = words(rest, middles);
        let [a, b, c, d] = row.fee_asset_id.to_le_bytes();
        let [side] = row.side.to_le_bytes();
        rest.copy_from_slice(&[a, b, c, d, side, u8::from(row.is_maker), 0, 0]);
    })
}

/// Returns orders, counted from 1.
pub(crate) fn orders<'py>(py: Python<'py>, rows: &[OrderRow]) -> PyResult<Bound<'py, PyBytes>> {
    written::<ORDER, OrderRow>(py, rows, |at, row, record| {
        let numbers = [
            i64::try_from(at).unwrap_or(0).saturating_add(1),
            row.wanted_ns,
            row.arrived_ns,
            row.ended_ns,
            row.price_ticks,
            row.trigger_ticks,
            row.size_lots,
            row.filled_lots,
        ];
        let rest = words(record, numbers);
        let [side] = row.side.to_le_bytes();
        rest.copy_from_slice(&[
            side,
            row.order_type,
            row.time_in_force,
            u8::from(row.post_only),
            row.state,
            row.reject_reason,
            row.cancel_cause,
            0,
        ]);
    })
}

/// Returns points of a curve.
pub(crate) fn points<'py>(py: Python<'py>, rows: &[Point]) -> PyResult<Bound<'py, PyBytes>> {
    written::<POINT, Point>(py, rows, |_, row, record| {
        let floats = [row.cash, row.position, row.price, row.equity];
        let [cash, position, price, equity] = floats.map(|it| it.to_bits().cast_signed());
        words(record, [row.time_ns, cash, position, price, equity]);
    })
}
