//! The Python face of the Rust crates: module `steelyard._native`.
//!
//! Bytes cross the border, in the layout of `domain/layout.py`; `src/steelyard/_native.pyi` is the
//! documentation.

mod ahead;
mod answers;
mod bars;
mod blocks;
mod columns;
mod engine;
mod formula;
mod found;
mod journal;
mod market;
mod matcher;
mod orders;
mod pace;
#[cfg(unix)]
mod pace_files;
mod plain_orders;
mod records;
mod replay;
mod requests;
mod run;
mod seat;
mod steps;
mod tables;
mod tape;
mod targets;
mod together;
mod views;

use pyo3::pymodule;

/// The native half of steelyard.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use crate::engine::PyEngine;

    #[pymodule_export]
    use crate::blocks::Batch;

    #[cfg(unix)]
    #[pymodule_export]
    use crate::blocks::{BatchWriter, BlockFile};

    #[pymodule_export]
    use crate::journal::{Gathering, read_batches, read_records};

    #[pymodule_export]
    use crate::records::{Decoder, Encoder};

    #[pymodule_export]
    use crate::pace::take_units;

    #[pymodule_export]
    use crate::plain_orders::PyPlainOrders;

    #[cfg(unix)]
    #[pymodule_export]
    use crate::pace_files::PaceFiles;

    #[pymodule_export]
    use crate::requests::read_request;

    #[pymodule_export]
    use crate::answers::write_answer;

    #[pymodule_export]
    use crate::matcher::PyMatcher;

    #[pymodule_export]
    use crate::orders::PyOrderForm;

    #[pymodule_export]
    use crate::market::{PyBook, PyReader};

    #[pymodule_export]
    use crate::bars::BarView;

    #[pymodule_export]
    use crate::columns::PyBars;

    #[pymodule_export]
    use crate::formula::PyFormula;

    #[pymodule_export]
    use crate::targets::PyTargets;

    #[pymodule_export]
    use crate::replay::PyReplay;

    #[pymodule_export]
    use crate::together::PyTogether;

    #[pymodule_export]
    use crate::seat::{PySeat, PyTouch};

    #[pymodule_export]
    use crate::tape::{PyTapeMarket, oracle_fills, quote_tape};

    #[pymodule_export]
    use crate::views::{OrderView, PositionView, TimerView};

    #[pymodule_export]
    const VERSION: &str = steelyard_engine::VERSION;
}
