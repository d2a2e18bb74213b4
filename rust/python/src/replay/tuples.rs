//! Orders and fills as the tuples that Python reads.

use steelyard_replay::{FillRow, OrderRow};

/// One order as Python wants it.
pub(crate) type OrderTuple = ((i64, i64), i64, i64, i64, i64, i8, u8, u8, bool, u8, u8, u8);

pub(crate) fn order_tuple(row: &OrderRow) -> OrderTuple {
    (
        (row.wanted_ns, row.arrived_ns),
        row.price_ticks,
        row.trigger_ticks,
        row.size_lots,
        row.told_lots,
        row.side,
        row.order_type,
        row.time_in_force,
        row.post_only,
        row.told_state,
        row.reject_reason,
        row.cancel_cause,
    )
}

/// What was told of an execution.
pub(super) type FillTuple = (usize, u64, i64, i64, i64, i128, u32, i8, bool);

pub(super) fn fill_tuple(row: &FillRow) -> FillTuple {
    (
        usize::try_from(row.order).unwrap_or(0).wrapping_sub(1),
        row.trade_id,
        row.time_ns,
        row.price_ticks,
        row.size_lots,
        row.fee_atoms,
        row.fee_asset_id,
        row.side,
        row.is_maker,
    )
}
