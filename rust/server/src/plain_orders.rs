//! New orders as nearly everybody sends them: read, counted in steps and proven in one go.
//!
//! A dialect's table says which names vary from order to order and what is signed. Everything else
//! that an order says is its *shape*, compared byte for byte with shapes that the Python code has
//! read before: what they mean is never decided here. Nothing is refused here either: what has
//! another shape, another key, a number that is not plain or a signature that does not fit gives
//! None, and the Python code says what is wrong, if anything.

use std::collections::BTreeMap;

use steelyard_client::Signer;

/// More digits than a plain number has.
const DIGITS_MAX: usize = 18;

/// So many shapes are many; then all are to be learned anew.
pub const SHAPES_MAX: usize = 1_024;

/// Longer bodies have no plain order.
pub const BODY_MAX_BYTES: usize = 4_096;

/// Digits of a timestamp in milliseconds, until the year 2286.
const TIMESTAMP_DIGITS: usize = 13;

const MS_NS: i64 = 1_000_000;

/// A piece of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The timestamp, as it was sent.
    Timestamp,
    /// The nonce, as it was sent.
    Nonce,
    /// The method.
    Method,
    /// Path and query, as they were sent.
    Target,
    /// The parameters, without a signature that stands among them.
    Parameters,
}

/// How a dialect's plain orders look.
#[derive(Clone, Debug)]
pub struct OrderTable {
    /// The method of the route.
    pub method: String,
    /// The path of the route.
    pub path: String,
    /// Whether the parameters are a flat JSON object in the body; else a form, in body or query.
    pub is_json: bool,
    /// What the price is called.
    pub price: String,
    /// What the size is called.
    pub size: String,
    /// What the client's name of the order is called.
    pub client_order_id: String,
    /// Which bytes such a name may have besides letters and digits.
    pub id_marks: Vec<u8>,
    /// The most bytes of a name.
    pub id_bytes_max: usize,
    /// How no name of a client's begins; empty is nothing.
    pub id_begins_not: String,
    /// The most digits before a number's point, and behind it.
    pub digits_max: [usize; 2],
    /// The most bytes of a nonce.
    pub nonce_bytes_max: usize,
    /// What is signed, in its order.
    pub signed: Vec<Signed>,
    /// What the timestamp is called in a form; in JSON it comes with the headers.
    pub timestamp: String,
    /// What the signature is called in a form, of which it is the end.
    pub signature: String,
}

/// What a request's headers claim; empty where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim<'a> {
    /// The key's name.
    pub key: &'a str,
    /// In lower-case hexadecimal.
    pub signature: &'a str,
    /// In milliseconds.
    pub timestamp: &'a str,
    /// What is used once.
    pub nonce: &'a str,
}

/// What may be counted in steps of `numerator / denominator`, from 1 to `steps_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Of the step.
    pub numerator: u64,
    /// Of the step.
    pub denominator: u64,
    /// The most steps.
    pub steps_max: u64,
}

impl Steps {
    /// Returns a plain number as whole steps, None where it is none.
    fn of(&self, text: &str, digits_max: [usize; 2]) -> Option<i64> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let has_point = whole.len() < text.len();
        let is_short = whole.len() <= digits_max[0]
            && rest.len() <= digits_max[1]
            && whole.len().saturating_add(rest.len()) <= DIGITS_MAX;
        if !is_short || whole.is_empty() || (has_point && rest.is_empty()) {
            return None;
        }
        let mut digits: u128 = 0;
        for byte in whole.bytes().chain(rest.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            digits = digits.checked_mul(10)?.checked_add(u128::from(byte.checked_sub(b'0')?))?;
        }
        let scale = 10_u128.checked_pow(u32::try_from(rest.len()).ok()?)?;
        let step = u128::from(self.numerator).checked_mul(scale)?;
        let amount = digits.checked_mul(u128::from(self.denominator))?;
        let steps = amount.checked_div(step)?;
        let is_whole = amount.checked_rem(step)? == 0;
        let is_in_range = steps > 0 && steps <= u128::from(self.steps_max);
        if is_whole && is_in_range { i64::try_from(steps).ok() } else { None }
    }
}

/// What the orders of one shape have in common.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its number, for who has learned it.
    pub number: usize,
    /// Of the price.
    pub price: Steps,
    /// Of the size.
    pub size: Steps,
    /// How old a timestamp may be.
    pub window_ns: i64,
    /// A timestamp is less ahead than this.
    pub ahead_ns: i64,
}

/// A new order that its key's owner has signed, just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainOrder<'a> {
    /// The number of its shape.
    pub shape: usize,
    /// Its price, where it has one.
    pub price_ticks: Option<i64>,
    /// Its size, where it has one.
    pub size_lots: Option<i64>,
    /// Its client's name, or nothing.
    pub client_order_id: &'a str,
    /// When it was signed.
    pub timestamp_ns: i64,
}

/// The names that vary, with their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Varying<'a> {
    /// As it was sent.
    pub price: Option<&'a str>,
    /// As it was sent.
    pub size: Option<&'a str>,
    /// As it was sent.
    pub client_order_id: Option<&'a str>,
    timestamp: Option<&'a str>,
    signature: Option<&'a str>,
}

/// Reads the plain orders of one dialect.
pub struct PlainOrders {
    table: OrderTable,
    shapes: BTreeMap<Vec<u8>, Option<Shape>>,
    keys: BTreeMap<String, Signer>,
    told: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl PlainOrders {
    /// Returns a reader that knows no shape and no key.
    #[must_use]
    pub fn new(table: OrderTable) -> Self {
        let (shapes, keys) = (BTreeMap::new(), BTreeMap::new());
        Self { table, shapes, keys, told: Vec::new(), signed: Vec::new(), signature: Vec::new() }
    }

    /// Takes in who signs for a key.
    pub fn keep(&mut self, key: &str, signer: Signer) {
        self.keys.insert(key.to_owned(), signer);
    }

    /// Whether a key is known.
    #[must_use]
    pub fn keeps(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Forgets every key.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Forgets every shape.
    pub fn forget_shapes(&mut self) {
        self.shapes.clear();
    }

    /// Whether so many shapes are known that all should be forgotten.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shapes.len() >= SHAPES_MAX
    }

    /// Returns what varies of an order whose shape has not been learned; else None.
    pub fn unknown<'a>(&mut self, target: &'a str, body: &'a str) -> Option<Varying<'a>> {
        let (_, varying) = self.parts(target, body)?;
        (!self.shapes.contains_key(self.told.as_slice())).then_some(varying)
    }

    /// Learns a request's shape; None says that orders like it are not plain.
    pub fn learn(&mut self, target: &str, body: &str, shape: Option<Shape>) {
        if self.parts(target, body).is_none() {
            return;
        }
        self.shapes.insert(self.told.clone(), shape);
    }

    /// Returns the order that a request is, if it is a plain one whose key's owner signed it.
    pub fn read<'a>(
        &mut self,
        target: &'a str,
        body: &'a str,
        claim: &Claim<'_>,
        now_ns: i64,
    ) -> Option<PlainOrder<'a>> {
        let (parameters, varying) = self.parts(target, body)?;
        let shape = (*self.shapes.get(self.told.as_slice())?)?;
        let table = &self.table;
        let (timestamp, signature): (&str, &str) = if table.is_json {
            (claim.timestamp, claim.signature)
        } else {
            (varying.timestamp?, varying.signature?)
        };
        let is_time = timestamp.len() == TIMESTAMP_DIGITS
            && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let timestamp_ns = timestamp.parse::<i64>().ok()?.checked_mul(MS_NS)?;
        let behind_ns = now_ns.checked_sub(timestamp_ns)?;
        let is_fresh = behind_ns <= shape.window_ns && behind_ns > shape.ahead_ns.checked_neg()?;
        if !is_time || !is_fresh || !is_nonce(claim.nonce, table) {
            return None;
        }
        let steps = |steps: Steps, text: Option<&str>| match text {
            None => Some(None),
            Some(text) => steps.of(text, table.digits_max).map(Some),
        };
        let price_ticks = steps(shape.price, varying.price)?;
        let size_lots = steps(shape.size, varying.size)?;
        let client_order_id = match varying.client_order_id {
            None => "",
            Some(name) => is_name(name, table).then_some(name)?,
        };
        let signer = self.keys.get(claim.key)?;
        self.signed.clear();
        for piece in &table.signed {
            self.signed.extend_from_slice(match piece {
                Signed::Timestamp => timestamp.as_bytes(),
                Signed::Nonce => claim.nonce.as_bytes(),
                Signed::Method => table.method.as_bytes(),
                Signed::Target => target.as_bytes(),
                Signed::Parameters => parameters.as_bytes(),
            });
        }
        self.signature.clear();
        signer.write(&self.signed, &mut self.signature);
        let number = shape.number;
        let order =
            PlainOrder { shape: number, price_ticks, size_lots, client_order_id, timestamp_ns };
        is_same(&self.signature, signature.as_bytes()).then_some(order)
    }

    /// Splits a request; `told` is its shape then. Returns its parameters but a signature.
    fn parts<'a>(&mut self, target: &'a str, body: &'a str) -> Option<(&'a str, Varying<'a>)> {
        let is_plain = |text: &str| {
            text.len() <= BODY_MAX_BYTES
                && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\')
        };
        let rest = target.strip_prefix(self.table.path.as_str())?;
        if !is_plain(body) || !is_plain(rest) {
            return None;
        }
        self.told.clear();
        let mut varying = Varying::default();
        if self.table.is_json {
            if !rest.is_empty() {
                return None;
            }
            return self.json(body, &mut varying).map(|()| (body, varying));
        }
        let query = rest.strip_prefix('?').unwrap_or(rest);
        let form = match (rest.is_empty(), body.is_empty()) {
            (true, false) => body,
            (false, true) if rest.len() > query.len() => query,
            _ => return None,
        };
        // Which of the two it was belongs to the shape.
        self.told.push(if body.is_empty() { b'?' } else { b'&' });
        self.form(form, &mut varying).map(|parameters| (parameters, varying))
    }

    fn json<'a>(&mut self, body: &'a str, varying: &mut Varying<'a>) -> Option<()> {
        let mut rest = body.trim_matches(' ').strip_prefix('{')?.strip_suffix('}')?;
        loop {
            let (name, behind) = rest.trim_start_matches(' ').strip_prefix('"')?.split_once('"')?;
            let behind = behind.trim_start_matches(' ').strip_prefix(':')?.trim_start_matches(' ');
            let (value, behind) = match behind.strip_prefix('"') {
                Some(text) => {
                    let (value, behind) = text.split_once('"')?;
                    (Ok(value), behind)
                }
                None => {
                    let word =
                        ["true", "false"].into_iter().find(|word| behind.starts_with(word))?;
                    (Err(word), behind.strip_prefix(word)?)
                }
            };
            self.take(name, value, varying)?;
            let behind = behind.trim_start_matches(' ');
            if behind.is_empty() {
                return Some(());
            }
            rest = behind.strip_prefix(',')?;
        }
    }

    /// Reads a form; returns it without the signature, which is its end.
    fn form<'a>(&mut self, form: &'a str, varying: &mut Varying<'a>) -> Option<&'a str> {
        if form.contains(['%', '+']) {
            return None;
        }
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=')?;
            if varying.signature.is_some() {
                return None;
            }
            if name == self.table.signature {
                varying.signature = Some(value);
            } else if name == self.table.timestamp {
                if varying.timestamp.replace(value).is_some() {
                    return None;
                }
                self.tell(name, "*");
            } else {
                self.take(name, Ok(value), varying)?;
            }
        }
        let end =
            self.table.signature.len().checked_add(varying.signature?.len())?.checked_add(2)?;
        form.get(..form.len().checked_sub(end)?)
    }

    /// Takes in one name and its value: a text, or a word of JSON.
    fn take<'a>(
        &mut self,
        name: &str,
        value: Result<&'a str, &str>,
        varying: &mut Varying<'a>,
    ) -> Option<()> {
        let place = if name == self.table.price {
            &mut varying.price
        } else if name == self.table.size {
            &mut varying.size
        } else if name == self.table.client_order_id {
            &mut varying.client_order_id
        } else {
            match value {
                // In quotes: a text is no word, and nothing that varies is like it.
                Ok(text) => {
                    self.tell(name, "\"");
                    self.told.extend_from_slice(text.as_bytes());
                }
                Err(word) => self.tell(name, word),
            }
            return Some(());
        };
        if place.replace(value.ok()?).is_some() {
            return None;
        }
        self.tell(name, "*");
        Some(())
    }

    /// Adds to the shape; no plain byte ends a line.
    fn tell(&mut self, name: &str, value: &str) {
        self.told.push(b'\n');
        self.told.extend_from_slice(name.as_bytes());
        self.told.push(b'\t');
        self.told.extend_from_slice(value.as_bytes());
    }
}

fn is_nonce(nonce: &str, table: &OrderTable) -> bool {
    if !table.signed.contains(&Signed::Nonce) {
        return nonce.is_empty();
    }
    let of_nonce = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=table.nonce_bytes_max).contains(&nonce.len()) && nonce.bytes().all(of_nonce)
}

fn is_name(name: &str, table: &OrderTable) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || table.id_marks.contains(&byte);
    let begins_not = table.id_begins_not.as_str();
    (1..=table.id_bytes_max).contains(&name.len())
        && name.bytes().all(of_name)
        && (begins_not.is_empty() || !name.starts_with(begins_not))
}

/// Whether two texts are the same; takes as long for any of the same length.
fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    let differing = ours.iter().zip(theirs).fold(0, |seen, (our, their)| seen | (our ^ their));
    ours.len() == theirs.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use steelyard_client::{Encoding, Hash};

    use super::*;

    const NOW_NS: i64 = 1_700_000_000_000 * MS_NS;
    const STEPS: Steps = Steps { numerator: 1, denominator: 100, steps_max: 1_000_000 };

    fn table(is_json: bool) -> OrderTable {
        OrderTable {
            method: "POST".into(),
            path: "/orders".into(),
            is_json,
            price: "price".into(),
            size: "size".into(),
            client_order_id: "id".into(),
            id_marks: vec![b'-'],
            id_bytes_max: 4,
            id_begins_not: "sy".into(),
            digits_max: [18, 8],
            nonce_bytes_max: 4,
            signed: if is_json {
                vec![
                    Signed::Timestamp,
                    Signed::Nonce,
                    Signed::Method,
                    Signed::Target,
                    Signed::Parameters,
                ]
            } else {
                vec![Signed::Parameters]
            },
            timestamp: "timestamp".into(),
            signature: "signature".into(),
        }
    }

    fn signer() -> Signer {
        Signer::new(b"secret", Hash::Sha256, Encoding::Hex)
    }

    fn taught(is_json: bool, target: &str, body: &str) -> PlainOrders {
        let mut orders = PlainOrders::new(table(is_json));
        orders.keep("key", signer());
        let shape =
            Shape { number: 7, price: STEPS, size: STEPS, window_ns: 5 * MS_NS, ahead_ns: MS_NS };
        assert!(orders.unknown(target, body).is_some());
        orders.learn(target, body, Some(shape));
        assert!(orders.unknown(target, body).is_none());
        orders
    }

    fn read_json(orders: &mut PlainOrders, body: &str, now_ns: i64) -> Option<(i64, i64, String)> {
        let signed = format!("1700000000000n1POST/orders{body}");
        let signature = String::from_utf8(signer().sign(signed.as_bytes())).unwrap();
        let claim =
            Claim { key: "key", signature: &signature, timestamp: "1700000000000", nonce: "n1" };
        let found = orders.read("/orders", body, &claim, now_ns)?;
        assert_eq!((found.shape, found.timestamp_ns), (7, NOW_NS));
        let id = found.client_order_id.to_owned();
        Some((found.price_ticks?, found.size_lots?, id))
    }

    #[test]
    fn what_varies_is_read_and_the_rest_has_to_be_the_same() {
        let mut orders =
            taught(true, "/orders", r#"{"side":"buy","price":"1","size":"2","id":"a"}"#);
        let mut read = |body: &str| read_json(&mut orders, body, NOW_NS);
        let found = read(r#"{ "side": "buy", "price": "9.50", "size": "0.01", "id": "b-1" }"#);
        assert_eq!(found, Some((950, 1, "b-1".into())));
        for other in [
            r#"{"side":"sell","price":"1","size":"2","id":"a"}"#,
            r#"{"price":"1","side":"buy","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"1","size":"2"}"#,
            r#"{"side":"buy","price":"1","size":"2","id":"a","more":true}"#,
            r#"{"side":"buy","price":"1","price":"1","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":1,"size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"1.001","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"0","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"10000.01","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"1","size":"2","id":"sy"}"#,
            r#"{"side":"buy","price":"1","size":"2","id":"five5"}"#,
            r#"{"side":"b\u0075y","price":"1","size":"2","id":"a"}"#,
            r#"{"side":"buy","price":"1","size":"2","id":"a"}}"#,
            "",
            "{}",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_text_is_no_word_and_no_name_that_varies() {
        let mut orders = taught(true, "/orders", r#"{"post":true,"price":"1","size":"2"}"#);
        assert!(orders.unknown("/orders", r#"{"post":"true","price":"1","size":"2"}"#).is_some());
        let mut form = taught(false, "/orders", "a=*&price=1&timestamp=1&signature=2");
        assert!(form.unknown("/orders", "a=b&price=1&timestamp=1&signature=2").is_some());
        assert!(form.unknown("/orders?a=*&price=1&timestamp=1&signature=2", "").is_some());
    }

    #[test]
    fn only_who_has_the_secret_is_read_and_only_for_a_while() {
        let body = r#"{"price":"1","size":"2","id":"a"}"#;
        let mut orders = taught(true, "/orders", body);
        for (at_ns, is_read) in [
            (NOW_NS, true),
            (NOW_NS + 5 * MS_NS, true),
            (NOW_NS + 5 * MS_NS + 1, false),
            (NOW_NS - MS_NS + 1, true),
            (NOW_NS - MS_NS, false),
        ] {
            assert_eq!(read_json(&mut orders, body, at_ns).is_some(), is_read, "{at_ns}");
        }
        let proof = signer().sign(format!("1700000000000n1POST/orders{body}").as_bytes());
        for place in 0..proof.len() {
            let mut spoiled = proof.clone();
            spoiled[place] ^= 1;
            let signature = String::from_utf8(spoiled).unwrap();
            let claim = Claim {
                key: "key",
                signature: &signature,
                timestamp: "1700000000000",
                nonce: "n1",
            };
            assert_eq!(orders.read("/orders", body, &claim, NOW_NS), None);
        }
        orders.forget_keys();
        assert_eq!(read_json(&mut orders, body, NOW_NS), None);
    }

    #[test]
    fn of_a_form_all_but_the_signature_is_signed() {
        let form = "side=buy&price=2.5&size=1&timestamp=1700000000000";
        let signature = String::from_utf8(signer().sign(form.as_bytes())).unwrap();
        let body = format!("{form}&signature={signature}");
        let mut orders = taught(false, "/orders", &body);
        let claim = Claim { key: "key", ..Claim::default() };
        let found = orders.read("/orders", &body, &claim, NOW_NS).unwrap();
        assert_eq!((found.price_ticks, found.client_order_id), (Some(250), ""));
        for odd in [
            format!("{body}&more=1"),
            body.replace("2.5", "2.6"),
            body.replace("buy", "b%75y"),
            format!("signature={signature}&{form}"),
        ] {
            assert_eq!(orders.read("/orders", &odd, &claim, NOW_NS), None, "{odd}");
        }
    }
}
