//! What nearly every client sends to an exchange's ports, read in one go and without I/O.
//!
//! Nothing is refused here: what is not plain is left to the Python code, which reads everything,
//! says what is wrong and is the specification.
#![forbid(unsafe_code)]

mod plain_orders;
mod request;

pub use plain_orders::{
    BODY_MAX_BYTES, Claim, OrderTable, PlainOrder, PlainOrders, SHAPES_MAX, Shape, Signed, Steps,
    Varying,
};
pub use request::{Request, read};
