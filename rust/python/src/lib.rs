//! The Python face of the Rust crates: module `steelyard._native`.

use pyo3::pymodule;

/// The native half of steelyard.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    const VERSION: &str = steelyard_engine::VERSION;
}
