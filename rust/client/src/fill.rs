//! Filling in a form: what stands in each hole.

use crate::decimal::{write_decimal, write_integer, write_padded};
use crate::form_table::{Clock, FormTable, Part};
use crate::levels::Side;
use crate::order::Order;
use crate::time::{write_digits, write_iso};

/// What has been made of a request so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Made<'a> {
    pub(crate) signed: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) digest: [u8; 32],
}

/// An order and the form that it is written by.
pub(crate) struct Fill<'a> {
    pub(crate) order: &'a Order<'a>,
    pub(crate) table: &'a FormTable,
    pub(crate) time_ns: i64,
    pub(crate) time_decimals: u32,
}

impl Fill<'_> {
    #[inline]
    pub(crate) fn write(&self, parts: &[Part], out: &mut Vec<u8>, made: &Made<'_>) {
        let Self { order, table, .. } = self;
        out.clear();
        for part in parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Side => out.extend_from_slice(match order.side {
                    Side::Bids => table.buy.as_bytes(),
                    Side::Asks => table.sell.as_bytes(),
                }),
                Part::Price => {
                    let ticks = order.price_ticks.unwrap_or_default();
                    let write = if table.is_padded { write_padded } else { write_decimal };
                    write(out, ticks.saturating_mul(table.tick), table.decimals);
                }
                Part::Size => {
                    let units = order.size_lots.saturating_mul(table.lot);
                    write_decimal(out, units, table.size_decimals);
                }
                Part::ClientOrderId => escape(out, order.client_order_id),
                Part::JsonId => escape_json(out, order.client_order_id),
                Part::Time => self.time(out),
                Part::Signature => out.extend_from_slice(made.signature),
                Part::Signed => out.extend_from_slice(made.signed),
                Part::Body => out.extend_from_slice(made.body),
                Part::Digest => out.extend_from_slice(&made.digest),
                Part::BodyLength => {
                    write_integer(out, i64::try_from(made.body.len()).unwrap_or(i64::MAX));
                }
            }
        }
    }

    #[inline]
    fn time(&self, out: &mut Vec<u8>) {
        let count = self.time_ns.checked_div(self.table.time_unit_ns).unwrap_or(0);
        match self.table.clock {
            Clock::Count => write_integer(out, count),
            Clock::Iso => write_iso(out, self.time_ns, self.time_decimals),
            Clock::Seconds => {
                let unit = 10_i64.checked_pow(self.time_decimals).unwrap_or(1);
                write_integer(out, count.checked_div(unit).unwrap_or(0));
                if self.time_decimals > 0 {
                    out.push(b'.');
                    write_digits(out, count, self.time_decimals);
                }
            }
        }
    }
}

#[inline]
fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

/// Writes an id, which is printable, as the inside of a text of JSON.
#[inline]
fn escape_json(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
