//! Any bytes as orders, and what must be true of the requests made of them.
//!
//! The seeded test and the fuzz target both call `check`, so what one finds the other repeats. Prices
//! and sizes are rounded once more here, digit by digit, and a request is taken apart as a server
//! would.

use steelyard_client::{
    Clock, Encoding, FormTable, Hash, Order, OrderForm, Part, Side, Signer, TICKS_MAX,
};

const SECRET: &[u8] = b"an example secret, not a real one";
const DECIMALS: usize = 8;
/// Steps in units of the last of eight decimals.
const STEPS: [i64; 6] = [1, 25, 1_000, 1_000_000, 50_000_000, 100_000_000];
/// So many digits before the point a number may have that is compared here.
const WHOLE_MAX: usize = 25;

/// A form of no venue in particular, with a signature in its body; without holes that are not wanted.
fn form(has_price: bool, has_id: bool, tick: i64, lot: i64) -> FormTable {
    let text = |text: &str| Part::Text(text.to_owned());
    let mut signed = vec![text("side="), Part::Side, text("&q="), Part::Size];
    if has_price {
        signed.extend([text("&p="), Part::Price]);
    }
    if has_id {
        signed.extend([text("&id="), Part::ClientOrderId]);
    }
    signed.extend([text("&t="), Part::Time]);
    FormTable {
        signed,
        head: vec![text("POST /order HTTP/1.1\r\nlength: "), Part::BodyLength, text("\r\n\r\n")],
        body: vec![Part::Signed, text("&s="), Part::Signature],
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
        tick,
        lot,
        price_max_ticks: TICKS_MAX / tick,
        size_min_lots: 1,
        size_max_lots: TICKS_MAX / lot,
    }
}

/// Returns a plain decimal number in whole steps, rounded down, and whether that is all of it; None
/// where it is no such number, below zero, or too long to be compared.
fn rounded(text: &str, step: i64) -> Option<(i128, bool)> {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |it| (true, it));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let is_plain = whole.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit());
    let whole = whole.trim_start_matches('0');
    if !has_digits || !is_plain || whole.len() > WHOLE_MAX {
        return None;
    }
    let (told, rest) = fraction.split_at(fraction.len().min(DECIMALS));
    let digits = format!("{whole}{told:0<DECIMALS$}");
    let units: i128 = digits.parse().ok()?;
    let (step, is_all) = (i128::from(step), rest.bytes().all(|it| it == b'0'));
    let is_below_zero = is_negative && (units != 0 || !is_all);
    (!is_below_zero).then_some((units / step, units % step == 0 && is_all))
}

/// Makes an order of an input and returns whether it became a request.
///
/// # Panics
/// A number was rounded otherwise than promised, or a request is not what the order says.
pub(crate) fn check(input: &[u8]) -> bool {
    let Some((&[flags, steps, ..], texts)) = input.split_at_checked(10) else { return false };
    let now_ns = i64::from_le_bytes(input[2..10].try_into().expect("there are eight bytes"));
    let Ok(texts) = str::from_utf8(texts) else { return false };
    let mut lines = texts.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (price, size, id) = (line(), line(), line());
    let (has_price, has_id) = (flags & 1 == 0, flags & 2 == 0);
    let side = if flags & 4 == 0 { Side::Bids } else { Side::Asks };
    let steps = usize::from(steps);
    let (tick, lot) = (STEPS[steps % STEPS.len()], STEPS[steps / STEPS.len() % STEPS.len()]);
    let table = form(has_price, has_id, tick, lot);
    let mut form = OrderForm::new(table.clone(), SECRET).expect("the form is right");
    let price_ticks = form.price_ticks(side, price);
    if let Ok(ticks) = price_ticks {
        let (whole, is_exact) = rounded(price, tick).expect("only plain numbers are prices");
        assert_eq!(i128::from(ticks), whole + i128::from(side == Side::Asks && !is_exact));
    }
    let size_lots = form.size_lots(size);
    if let Ok(lots) = size_lots {
        let (whole, _) = rounded(size, lot).expect("only plain numbers are sizes");
        assert_eq!(i128::from(lots), whole);
    }
    let price_ticks = if has_price { price_ticks.ok() } else { None };
    let order = Order {
        side,
        price_ticks,
        size_lots: size_lots.unwrap_or_default(),
        client_order_id: if has_id { id } else { "" },
        now_ns,
    };
    let Ok(request) = form.request(&order) else { return false };
    let request = str::from_utf8(request).expect("a request is text").to_owned();
    is_what_was_asked(&request, &order, &table);
    assert_eq!(form.request(&order).expect("it was one before"), request.as_bytes());
    true
}

/// Takes a request apart as a server would.
fn is_what_was_asked(request: &str, order: &Order<'_>, table: &FormTable) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a head ends");
    assert!(!body.contains(['\r', '\n', ' ']), "{body}");
    assert_eq!(head, format!("POST /order HTTP/1.1\r\nlength: {}", body.len()));
    let (signed, signature) = body.rsplit_once("&s=").expect("a signature ends it");
    let signer = Signer::new(SECRET, table.hash, table.encoding);
    assert_eq!(signature.as_bytes(), signer.sign(signed.as_bytes()));
    let mut names = Vec::new();
    for pair in signed.split('&') {
        let (name, value) = pair.split_once('=').expect("it is pairs");
        names.push(name);
        match name {
            "side" => assert_eq!(value, if order.side == Side::Bids { "BUY" } else { "SELL" }),
            "q" => assert_eq!(rounded(value, table.lot), Some((order.size_lots.into(), true))),
            "p" => {
                let ticks = order.price_ticks.expect("a price is written where there is one");
                assert_eq!(rounded(value, table.tick), Some((ticks.into(), true)));
            }
            "id" => assert_eq!(unescaped(value), order.client_order_id),
            "t" => assert_eq!(value, (order.now_ns / table.time_unit_ns).to_string()),
            _ => panic!("nobody has asked for {name}"),
        }
    }
    let wanted = 3
        + usize::from(order.price_ticks.is_some())
        + usize::from(!order.client_order_id.is_empty());
    assert_eq!(names.len(), wanted, "{names:?}");
}

fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|it| char::from(it).to_digit(16));
            let (high, low) = (digit().expect("a digit"), digit().expect("a digit"));
            out.push(u8::try_from(high * 16 + low).expect("it is a byte"));
        } else {
            assert!(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte), "{text}");
            out.push(byte);
        }
    }
    String::from_utf8(out).expect("ids are ASCII")
}
