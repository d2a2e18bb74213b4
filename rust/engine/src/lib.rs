//! Matching, holds and settlement as one machine without I/O.

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
