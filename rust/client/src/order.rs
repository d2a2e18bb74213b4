//! An order, as it is given to a form.

use crate::levels::Side;

/// An order to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The side on which it would rest.
    pub side: Side,
    /// The price, None where the form has none.
    pub price_ticks: Option<i64>,
    /// How much.
    pub size_lots: i64,
    /// Ours; empty where the form has none.
    pub client_order_id: &'a str,
    /// The time to be signed.
    pub now_ns: i64,
}
