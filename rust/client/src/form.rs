//! Orders as signed bytes, ready to send: a form with holes, filled in by one call.
//!
//! The form says what is signed, what stands in the head of the request and what in its body. An
//! order comes in ticks and lots, or as text that is rounded to them: sizes down, prices away from
//! the other side of the book, so that nobody pays more or gets less than he said.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::decimal::{DECIMALS_MAX, Scale};
use crate::fill::{Fill, Made};
use crate::form_table::{FormTable, Part, check_parts, decimals_of};
use crate::hmac::Signer;
use crate::json::Cursor;
use crate::levels::{Side, TICKS_MAX};
use crate::malformed::{Flaw, Malformed};
use crate::order::Order;

/// No venue takes longer client order ids.
pub const CLIENT_ORDER_ID_MAX: usize = 64;

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
    /// A client order id is not of the form that the venue asks for.
    ClientOrderIdForm,
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
            Self::ClientOrderIdForm => {
                "the client order id is not of the form that the venue takes"
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
    /// Digits of a second that the time tells.
    time_decimals: u32,
    /// The last nonce.
    last_ns: i64,
    signed: Vec<u8>,
    body: Vec<u8>,
    digested: Vec<u8>,
    signature: Vec<u8>,
    request: Vec<u8>,
}

impl OrderForm {
    /// Returns a form ready to be filled in, or what is wrong with it.
    ///
    /// # Errors
    /// A hole stands where nothing can fill it, or a step or limit is none; the text says which.
    pub fn new(table: FormTable, secret: &[u8]) -> Result<Self, String> {
        check_parts(&table)?;
        let has = |parts: &[Part], part: &Part| parts.contains(part);
        let is_body_last = has(&table.body, &Part::Signature) || has(&table.body, &Part::Signed);
        let steps = (
            Scale::rounding(table.tick, table.decimals),
            Scale::rounding(table.lot, table.size_decimals),
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
        let time_decimals = decimals_of(table.time_unit_ns, table.clock)?;
        let all = || table.signed.iter().chain(&table.head).chain(&table.body);
        let (has_price, has_id) = (all().any(|it| *it == Part::Price), all().any(|it| it.is_id()));
        let signer = Signer::new(secret, table.hash, table.encoding);
        Ok(Self {
            table,
            signer,
            tick,
            lot,
            has_price,
            has_id,
            is_body_last,
            time_decimals,
            last_ns: 0,
            signed: Vec::new(),
            body: Vec::new(),
            digested: Vec::new(),
            signature: Vec::new(),
            request: Vec::new(),
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
        let time_ns = self.make(order)?;
        let Self { table, signed, body, signature, request, .. } = self;
        let fill = Fill { order, table, time_ns, time_decimals: self.time_decimals };
        fill.write(&table.head, request, &Made { signed, signature, body, ..Made::default() });
        request.extend_from_slice(body);
        Ok(request)
    }

    /// Returns the body alone of what `request` returns, for who knows the head.
    ///
    /// # Errors
    /// The order does not fit the instrument or the form.
    #[inline]
    pub fn body(&mut self, order: &Order<'_>) -> Result<&[u8], Refused> {
        self.make(order)?;
        Ok(&self.body)
    }

    /// Makes the body and the signature of an order; returns the time that it is written with.
    #[inline]
    fn make(&mut self, order: &Order<'_>) -> Result<i64, Refused> {
        self.check(order)?;
        let time_ns = self.rising(order.now_ns);
        let Self { table, signer, signed, body, digested, signature, .. } = self;
        let fill = Fill { order, table, time_ns, time_decimals: self.time_decimals };
        let nothing = Made::default();
        signature.clear();
        if self.is_body_last {
            fill.write(&table.signed, signed, &nothing);
            signer.write(signed, signature);
            fill.write(&table.body, body, &Made { signed, signature, ..nothing });
        } else {
            fill.write(&table.body, body, &nothing);
            let mut made = Made { body, ..nothing };
            if !table.digested.is_empty() {
                fill.write(&table.digested, digested, &made);
                made.digest = Sha256::digest(&digested).into();
            }
            fill.write(&table.signed, signed, &made);
            signer.write(signed, signature);
        }
        Ok(time_ns)
    }

    /// Returns the time to be written: where it is a nonce, one above the last.
    #[inline]
    fn rising(&mut self, now_ns: i64) -> i64 {
        let within_ns = self.table.rises_within_ns;
        if within_ns == 0 {
            return now_ns;
        }
        let is_again = now_ns <= self.last_ns && self.last_ns < now_ns.saturating_add(within_ns);
        self.last_ns =
            if is_again { self.last_ns.saturating_add(self.table.time_unit_ns) } else { now_ns };
        self.last_ns
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
        if self.has_id && !self.table.id_form.is_empty() && !has_form(id, &self.table.id_form) {
            return Err(Refused::ClientOrderIdForm);
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
    match scale.number(&mut cursor) {
        Ok(steps) if cursor.at == text.len() => Ok((steps.count, steps.is_exact)),
        Err(Malformed { flaw: Flaw::Negative, .. }) => Err(negative),
        Err(Malformed { flaw: Flaw::Large, .. }) => Err(large),
        Ok(_) | Err(_) => Err(Refused::NotANumber),
    }
}

/// Whether an id is of a form: see [`FormTable::id_form`].
#[inline]
fn has_form(id: &str, form: &str) -> bool {
    let fits = |(byte, form)| match form {
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        b'y' => matches!(byte, b'8' | b'9' | b'a' | b'b'),
        _ => byte == form,
    };
    id.len() == form.len() && id.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form_table::Clock;
    use crate::hmac::{Encoding, Hash};

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
            digested: Vec::new(),
            hash: Hash::Sha256,
            encoding: Encoding::Hex,
            clock: Clock::Count,
            time_unit_ns: 1_000_000,
            rises_within_ns: 0,
            decimals: 8,
            size_decimals: 8,
            is_padded: false,
            id_form: String::new(),
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

    fn signature(payload: &str) -> String {
        let signer = Signer::new(b"secret", Hash::Sha256, Encoding::Hex);
        String::from_utf8(signer.sign(payload.as_bytes())).unwrap()
    }

    fn made(table: FormTable, order: &Order<'_>) -> String {
        let mut form = OrderForm::new(table, b"secret").unwrap();
        String::from_utf8(form.request(order).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn an_order_becomes_a_request() {
        let mut form = OrderForm::new(table(), b"secret").unwrap();
        let payload = "side=BUY&p=60000.5&q=0.01&id=a-1%2Fb&t=1723161600000";
        let body = format!("{payload}&signature={}", signature(payload));
        let expected =
            format!("POST /order HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        for _ in 0..2 {
            let request = form.request(&order("a-1/b")).unwrap();
            assert_eq!(String::from_utf8(request.to_vec()).unwrap(), expected);
            assert_eq!(form.body(&order("a-1/b")).unwrap(), body.as_bytes());
        }
    }

    #[test]
    fn a_signature_in_the_head_covers_the_body() {
        let json = vec![text("{\"px\":\""), Part::Price, text("\"}")];
        let signed = vec![Part::Time, text("POST/order"), Part::Body];
        let head = vec![text("SIGN: "), Part::Signature, text("\r\n\r\n")];
        let parts = FormTable { signed, head, body: json, ..table() };
        let mut form = OrderForm::new(parts, b"secret").unwrap();
        let signature = signature("1723161600000POST/order{\"px\":\"60000.5\"}");
        let expected = format!("SIGN: {signature}\r\n\r\n{{\"px\":\"60000.5\"}}");
        assert_eq!(form.request(&order("")).unwrap(), expected.as_bytes());
    }

    #[test]
    fn times_and_numbers_are_written_as_the_form_has_them() {
        let parts = |part| FormTable { signed: vec![part], body: vec![Part::Signed], ..table() };
        let bare = |part| FormTable { head: Vec::new(), ..parts(part) };
        let good = Order { client_order_id: "", ..order("") };
        let none = Order { price_ticks: None, ..good };
        for (clock, time_unit_ns, expected) in [
            (Clock::Count, 1_000_000, "1723161600000"),
            (Clock::Seconds, 1_000_000, "1723161600.000"),
            (Clock::Seconds, 1_000, "1723161600.000999"),
            (Clock::Seconds, 1_000_000_000, "1723161600"),
            (Clock::Iso, 1_000, "2024-08-09T00:00:00.000999Z"),
        ] {
            let form = FormTable { clock, time_unit_ns, ..bare(Part::Time) };
            assert_eq!(made(form, &none), expected);
        }
        assert_eq!(made(bare(Part::Price), &good), "60000.5");
        let padded = FormTable { is_padded: true, decimals: 3, tick: 10, ..bare(Part::Price) };
        assert_eq!(made(padded, &good), "60000.500");
        let sized = FormTable { size_decimals: 2, lot: 5, ..bare(Part::Size) };
        assert_eq!(made(sized, &none), "50");
        let json = Order { client_order_id: "a\"b\\c", ..none };
        assert_eq!(made(bare(Part::JsonId), &json), "a\\\"b\\\\c");
    }

    #[test]
    fn a_nonce_goes_up_with_every_request() {
        let form = FormTable {
            signed: vec![Part::Time],
            head: Vec::new(),
            body: vec![Part::Signed],
            time_unit_ns: 1,
            rises_within_ns: 1_000,
            ..table()
        };
        let mut form = OrderForm::new(form, b"secret").unwrap();
        for (now_ns, nonce) in [(5_000, 5_000), (5_000, 5_001), (4_500, 5_002), (4_002, 4_002)] {
            let order = Order { price_ticks: None, client_order_id: "", now_ns, ..order("") };
            assert_eq!(form.request(&order).unwrap(), nonce.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_digested_is_signed() {
        let form = FormTable {
            digested: vec![Part::Time, Part::Body],
            signed: vec![text("/path"), Part::Digest],
            head: vec![Part::Signature],
            body: vec![text("n="), Part::Time],
            hash: Hash::Sha512,
            encoding: Encoding::Base64,
            ..table()
        };
        let order = Order { price_ticks: None, client_order_id: "", ..order("") };
        let digest = Sha256::digest(b"1723161600000n=1723161600000");
        let payload = [b"/path".as_slice(), &digest].concat();
        let signer = Signer::new(b"secret", Hash::Sha512, Encoding::Base64);
        let signature = String::from_utf8(signer.sign(&payload)).unwrap();
        assert_eq!(made(form, &order), format!("{signature}n=1723161600000"));
    }

    #[test]
    fn an_id_is_of_the_form_that_is_asked_for() {
        let form = FormTable { id_form: "xx-4x-yx".to_owned(), ..table() };
        let mut form = OrderForm::new(form, b"secret").unwrap();
        for id in ["a0-4f-80", "99-40-bf"] {
            assert!(form.request(&order(id)).is_ok(), "{id}");
        }
        for id in ["a0-5f-80", "a0-4f-70", "A0-4f-80", "a0-4f-8", "a0-4f-800"] {
            assert_eq!(form.request(&order(id)), Err(Refused::ClientOrderIdForm), "{id}");
        }
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
            FormTable { time_unit_ns: 5, clock: Clock::Seconds, ..table() },
            FormTable { signed: vec![Part::Digest], ..table() },
            FormTable { digested: vec![Part::Time], ..table() },
            FormTable { digested: vec![Part::Signature], ..table() },
            FormTable { head: vec![Part::Digest], ..table() },
        ] {
            assert!(OrderForm::new(wrong, b"secret").is_err());
        }
    }
}
