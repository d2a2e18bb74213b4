//! Orders as signed bytes, ready to send: a form with holes, filled in by one call.
//!
//! The form says what is signed, what stands in the head of the request and what in its body. An
//! order comes in ticks and lots, or as text that is rounded to them: sizes down, prices away from
//! the other side of the book, so that nobody pays more or gets less than he said.

use std::fmt;

use crate::decimal::{DECIMALS_MAX, Scale, write_decimal, write_integer};
use crate::hmac::Signer;
use crate::json::Cursor;
use crate::levels::{Side, TICKS_MAX};
use crate::malformed::{Flaw, Malformed};

/// No venue takes longer client order ids.
pub const CLIENT_ORDER_ID_MAX: usize = 64;

/// A piece of a form: a text as it is, or a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The same in every order.
    Text(String),
    /// The word for the side.
    Side,
    /// The price, without zeros at its end.
    Price,
    /// The size, likewise.
    Size,
    /// The client order id; what is not a letter, a digit or one of `-._~` stands as %XX.
    ClientOrderId,
    /// The time, in the form's unit.
    Time,
    /// The signature in hexadecimal.
    Signature,
    /// What was signed.
    Signed,
    /// The body.
    Body,
    /// How many bytes the body has.
    BodyLength,
}

/// What orders of one kind and instrument look like as a request.
#[derive(Clone, Debug)]
pub struct FormTable {
    /// What the signature covers.
    pub signed: Vec<Part>,
    /// The request up to its body.
    pub head: Vec<Part>,
    /// The body.
    pub body: Vec<Part>,
    /// The word for buying.
    pub buy: String,
    /// The word for selling.
    pub sell: String,
    /// What the time counts, in nanoseconds.
    pub time_unit_ns: i64,
    /// Digits behind the point in which the steps are told.
    pub decimals: u32,
    /// The price step, in units of the last of them.
    pub tick: i64,
    /// The size step, likewise.
    pub lot: i64,
    /// The largest price.
    pub price_max_ticks: i64,
    /// The smallest size.
    pub size_min_lots: i64,
    /// The largest size.
    pub size_max_lots: i64,
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A price or size is not a plain decimal number.
    NotANumber,
    /// A price is missing, or given where the form has none.
    PriceAbsent,
    /// A price is not positive, or above the largest.
    PriceOutOfRange,
    /// A size is below the smallest.
    SizeTooSmall,
    /// A size is above the largest.
    SizeTooLarge,
    /// A client order id is missing, given where the form has none, too long or not printable ASCII.
    ClientOrderId,
    /// The time is before 1970.
    Time,
}

impl Refused {
    /// Returns it in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotANumber => "a price or size is not a plain decimal number",
            Self::PriceAbsent => "an order has a price exactly if its form has one",
            Self::PriceOutOfRange => {
                "the price, in whole ticks, is not positive or above the instrument's maximum"
            }
            Self::SizeTooSmall => "the size, in whole lots, is below the instrument's minimum",
            Self::SizeTooLarge => "the size is above the instrument's maximum",
            Self::ClientOrderId => {
                "an order has a client order id exactly if its form has one: 1 to 64 printable \
                 ASCII characters"
            }
            Self::Time => "the time is before 1970",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refused {}

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

/// A form made ready, and its key.
pub struct OrderForm {
    table: FormTable,
    signer: Signer,
    tick: Scale,
    lot: Scale,
    has_price: bool,
    has_id: bool,
    /// Whether the body holds the signature or what was signed: it is then made after them.
    is_body_last: bool,
    signed: Vec<u8>,
    body: Vec<u8>,
    request: Vec<u8>,
}

impl OrderForm {
    /// Returns a form ready to be filled in, or what is wrong with it.
    ///
    /// # Errors
    /// A hole stands where nothing can fill it, or a step or limit is none; the text says which.
    pub fn new(table: FormTable, secret: &[u8]) -> Result<Self, String> {
        let has = |parts: &[Part], part: &Part| parts.contains(part);
        let is_body_last = has(&table.body, &Part::Signature) || has(&table.body, &Part::Signed);
        if has(&table.signed, &Part::Signature) || has(&table.signed, &Part::Signed) {
            return Err("what is signed cannot hold its own signature".to_owned());
        }
        if is_body_last && has(&table.signed, &Part::Body) {
            return Err("what is signed and the body cannot hold each other".to_owned());
        }
        for parts in [&table.signed, &table.body] {
            if has(parts, &Part::BodyLength) {
                return Err("the length of the body belongs into the head".to_owned());
            }
        }
        if has(&table.body, &Part::Body) || has(&table.head, &Part::Body) {
            return Err("the body follows the head by itself".to_owned());
        }
        let steps = (
            Scale::rounding(table.tick, table.decimals),
            Scale::rounding(table.lot, table.decimals),
        );
        let (Some(tick), Some(lot)) = steps else {
            return Err(format!("steps are positive, with up to {DECIMALS_MAX} decimals"));
        };
        let is_in_order = 1 <= table.size_min_lots && table.size_min_lots <= table.size_max_lots;
        if !is_in_order
            || !(1..=TICKS_MAX).contains(&table.price_max_ticks)
            || table.size_max_lots > TICKS_MAX
        {
            return Err("limits are from 1 to 2^53 steps".to_owned());
        }
        // So that a price or size in units of the last decimal fits an i64.
        for (most, step) in [(table.price_max_ticks, table.tick), (table.size_max_lots, table.lot)]
        {
            if most.checked_mul(step).is_none() {
                return Err("the largest price or size has more than 18 digits".to_owned());
            }
        }
        if table.time_unit_ns <= 0 {
            return Err("a unit of time is at least a nanosecond".to_owned());
        }
        let all = || table.signed.iter().chain(&table.head).chain(&table.body);
        let (has_price, has_id) =
            (all().any(|it| *it == Part::Price), all().any(|it| *it == Part::ClientOrderId));
        let (signed, body, request) = (Vec::new(), Vec::new(), Vec::new());
        let signer = Signer::new(secret);
        Ok(Self {
            table,
            signer,
            tick,
            lot,
            has_price,
            has_id,
            is_body_last,
            signed,
            body,
            request,
        })
    }

    /// Returns a price in whole ticks: a buyer's rounded down, a seller's up.
    ///
    /// # Errors
    /// It is no number.
    #[inline]
    pub fn price_ticks(&self, side: Side, price: &str) -> Result<i64, Refused> {
        let out_of_range = Refused::PriceOutOfRange;
        let (ticks, is_exact) = rounded(&self.tick, price, out_of_range, out_of_range)?;
        Ok(ticks.saturating_add(i64::from(side == Side::Asks && !is_exact)))
    }

    /// Returns a size in whole lots, rounded down.
    ///
    /// # Errors
    /// It is no number.
    #[inline]
    pub fn size_lots(&self, size: &str) -> Result<i64, Refused> {
        let (small, large) = (Refused::SizeTooSmall, Refused::SizeTooLarge);
        let lots = rounded(&self.lot, size, small, large)?;
        Ok(lots.0)
    }

    /// Returns an order as signed bytes.
    ///
    /// # Errors
    /// The order does not fit the instrument or the form.
    #[inline]
    pub fn request(&mut self, order: &Order<'_>) -> Result<&[u8], Refused> {
        self.check(order)?;
        let Self { table, signer, signed, body, request, .. } = self;
        request.clear();
        let mut fill = Fill { order, table, signature: [0; 64] };
        if self.is_body_last {
            fill.write(&table.signed, signed, &[], &[]);
            fill.signature = signer.hex(signed);
            fill.write(&table.body, body, signed, &[]);
        } else {
            fill.write(&table.body, body, &[], &[]);
            fill.write(&table.signed, signed, &[], body);
            fill.signature = signer.hex(signed);
        }
        fill.write(&table.head, request, signed, body);
        request.extend_from_slice(body);
        Ok(request)
    }

    #[inline]
    fn check(&self, order: &Order<'_>) -> Result<(), Refused> {
        let id = order.client_order_id;
        match order.price_ticks {
            Some(ticks) if self.has_price => {
                if !(1..=self.table.price_max_ticks).contains(&ticks) {
                    return Err(Refused::PriceOutOfRange);
                }
            }
            None if !self.has_price => {}
            Some(_) | None => return Err(Refused::PriceAbsent),
        }
        if order.size_lots < self.table.size_min_lots {
            return Err(Refused::SizeTooSmall);
        }
        if order.size_lots > self.table.size_max_lots {
            return Err(Refused::SizeTooLarge);
        }
        let is_printable = id.bytes().all(|byte| byte.is_ascii_graphic());
        if id.is_empty() == self.has_id || id.len() > CLIENT_ORDER_ID_MAX || !is_printable {
            return Err(Refused::ClientOrderId);
        }
        if order.now_ns < 0 {
            return Err(Refused::Time);
        }
        Ok(())
    }
}

/// Returns a number in whole steps, rounded down, and whether that is all of it.
#[inline]
fn rounded(
    scale: &Scale,
    text: &str,
    negative: Refused,
    large: Refused,
) -> Result<(i64, bool), Refused> {
    let mut cursor = Cursor::new(text.as_bytes());
    match scale.read(&mut cursor, false) {
        Ok(steps) if cursor.at == text.len() => Ok((steps.count, steps.is_exact)),
        Err(Malformed { flaw: Flaw::Negative, .. }) => Err(negative),
        Err(Malformed { flaw: Flaw::Large, .. }) => Err(large),
        Ok(_) | Err(_) => Err(Refused::NotANumber),
    }
}

struct Fill<'a> {
    order: &'a Order<'a>,
    table: &'a FormTable,
    signature: [u8; 64],
}

impl Fill<'_> {
    #[inline]
    fn write(&self, parts: &[Part], out: &mut Vec<u8>, signed: &[u8], body: &[u8]) {
        let Self { order, table, signature } = self;
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
                    write_decimal(out, ticks.saturating_mul(table.tick), table.decimals);
                }
                Part::Size => {
                    write_decimal(out, order.size_lots.saturating_mul(table.lot), table.decimals);
                }
                Part::ClientOrderId => escape(out, order.client_order_id),
                Part::Time => {
                    write_integer(out, order.now_ns.checked_div(table.time_unit_ns).unwrap_or(0));
                }
                Part::Signature => out.extend_from_slice(signature),
                Part::Signed => out.extend_from_slice(signed),
                Part::Body => out.extend_from_slice(body),
                Part::BodyLength => {
                    write_integer(out, i64::try_from(body.len()).unwrap_or(i64::MAX));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn table() -> FormTable {
        FormTable {
            signed: vec![
                text("side="),
                Part::Side,
                text("&p="),
                Part::Price,
                text("&q="),
                Part::Size,
                text("&id="),
                Part::ClientOrderId,
                text("&t="),
                Part::Time,
            ],
            head: vec![
                text("POST /order HTTP/1.1\r\ncontent-length: "),
                Part::BodyLength,
                text("\r\n\r\n"),
            ],
            body: vec![Part::Signed, text("&signature="), Part::Signature],
            buy: "BUY".to_owned(),
            sell: "SELL".to_owned(),
            time_unit_ns: 1_000_000,
            decimals: 8,
            tick: 1_000_000,
            lot: 1_000,
            price_max_ticks: 100_000_000,
            size_min_lots: 1,
            size_max_lots: 900_000_000,
        }
    }

    fn order(id: &str) -> Order<'_> {
        Order {
            side: Side::Bids,
            price_ticks: Some(6_000_050),
            size_lots: 1_000,
            client_order_id: id,
            now_ns: 1_723_161_600_000_999_999,
        }
    }

    #[test]
    fn an_order_becomes_a_request() {
        let mut form = OrderForm::new(table(), b"secret").unwrap();
        let payload = "side=BUY&p=60000.5&q=0.01&id=a-1%2Fb&t=1723161600000";
        let signature = String::from_utf8(Signer::new(b"secret").hex(payload.as_bytes()).to_vec());
        let body = format!("{payload}&signature={}", signature.unwrap());
        let expected =
            format!("POST /order HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        for _ in 0..2 {
            let request = form.request(&order("a-1/b")).unwrap();
            assert_eq!(String::from_utf8(request.to_vec()).unwrap(), expected);
        }
    }

    #[test]
    fn a_signature_in_the_head_covers_the_body() {
        let json = vec![text("{\"px\":\""), Part::Price, text("\"}")];
        let signed = vec![Part::Time, text("POST/order"), Part::Body];
        let head = vec![text("SIGN: "), Part::Signature, text("\r\n\r\n")];
        let parts = FormTable { signed, head, body: json, ..table() };
        let mut form = OrderForm::new(parts, b"secret").unwrap();
        let signature = Signer::new(b"secret").hex(b"1723161600000POST/order{\"px\":\"60000.5\"}");
        let expected = [b"SIGN: ", &signature[..], b"\r\n\r\n{\"px\":\"60000.5\"}"].concat();
        assert_eq!(form.request(&order("")).unwrap(), expected);
    }

    #[test]
    fn prices_and_sizes_are_rounded_for_the_one_who_asks() {
        let form = OrderForm::new(table(), b"secret").unwrap();
        for (side, price, ticks) in [
            (Side::Bids, "60000.009", Ok(6_000_000)),
            (Side::Asks, "60000.001", Ok(6_000_001)),
            (Side::Asks, "60000.00", Ok(6_000_000)),
            (Side::Bids, "60000.99999999999999999999", Ok(6_000_099)),
            (Side::Bids, "6e4", Err(Refused::NotANumber)),
            (Side::Bids, "", Err(Refused::NotANumber)),
            (Side::Bids, "-1", Err(Refused::PriceOutOfRange)),
        ] {
            assert_eq!(form.price_ticks(side, price), ticks, "{price}");
        }
        assert_eq!(form.size_lots("0.0123456789"), Ok(1_234));
        assert_eq!(form.size_lots("0.000009"), Ok(0));
        assert_eq!(form.size_lots("-0.1"), Err(Refused::SizeTooSmall));
        assert_eq!(form.size_lots("99999999999999999999"), Err(Refused::SizeTooLarge));
        assert_eq!(form.size_lots("0.1 "), Err(Refused::NotANumber));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut form = OrderForm::new(table(), b"secret").unwrap();
        let good = order("a");
        for (bad, refused) in [
            (Order { price_ticks: None, ..good }, Refused::PriceAbsent),
            (Order { price_ticks: Some(0), ..good }, Refused::PriceOutOfRange),
            (Order { price_ticks: Some(100_000_001), ..good }, Refused::PriceOutOfRange),
            (Order { size_lots: 0, ..good }, Refused::SizeTooSmall),
            (Order { size_lots: 900_000_001, ..good }, Refused::SizeTooLarge),
            (Order { client_order_id: "", ..good }, Refused::ClientOrderId),
            (Order { client_order_id: "a\r\nb", ..good }, Refused::ClientOrderId),
            (Order { client_order_id: &"a".repeat(65), ..good }, Refused::ClientOrderId),
            (Order { now_ns: -1, ..good }, Refused::Time),
        ] {
            assert_eq!(form.request(&bad), Err(refused));
        }
        assert!(form.request(&good).is_ok());
    }

    #[test]
    fn a_form_that_cannot_be_filled_in_is_refused() {
        let round = vec![Part::Signature];
        for wrong in [
            FormTable { signed: round.clone(), ..table() },
            FormTable { signed: vec![Part::Body], ..table() },
            FormTable { body: vec![Part::BodyLength], ..table() },
            FormTable { head: vec![Part::Body], ..table() },
            FormTable { tick: 0, ..table() },
            FormTable { size_min_lots: 0, ..table() },
            FormTable { price_max_ticks: TICKS_MAX, ..table() },
            FormTable { time_unit_ns: 0, ..table() },
        ] {
            assert!(OrderForm::new(wrong, b"secret").is_err());
        }
    }
}
