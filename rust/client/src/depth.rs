//! A book of limited depth as its stream tells it, and the checksum of its best levels.
//!
//! Of each level its digits stay as they came, because the checksum is made of them: CRC-32 of the
//! best asks, best first, then the best bids; of each price and size without their points and
//! without zeros at the beginning. What is beyond the depth after a message is cut off.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "hot: places come from this file's own lists, and lengths are below DIGITS_MAX"
)]

use crate::levels::{Level, Side};

/// So many digits price and size of a level have together.
const DIGITS_MAX: usize = 38;

/// What of a level goes into a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    length: u8,
    is_gone: bool,
    bytes: [u8; DIGITS_MAX],
}

impl Digits {
    /// Returns the digits of a price and a size, None where they are too many or others than digits.
    #[inline]
    pub(crate) fn of(price: &[u8], size: &[u8]) -> Option<Self> {
        let mut digits = Self { length: 0, is_gone: false, bytes: [0; DIGITS_MAX] };
        digits.take(price)?;
        let before = digits.length;
        digits.take(size)?;
        digits.is_gone = digits.length == before;
        Some(digits)
    }

    #[inline(always)]
    fn take(&mut self, text: &[u8]) -> Option<()> {
        let start = self.length;
        for byte in text {
            match byte {
                b'.' => {}
                b'0' if self.length == start => {}
                b'0'..=b'9' => {
                    *self.bytes.get_mut(usize::from(self.length))? = *byte;
                    self.length += 1;
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Grows towards the best price.
    key: i64,
    digits: Digits,
}

/// One side, the best level last.
#[derive(Clone, Debug)]
struct DepthSide {
    sign: i64,
    rows: Vec<Row>,
}

impl DepthSide {
    fn new(side: Side) -> Self {
        let sign = match side {
            Side::Bids => 1,
            Side::Asks => -1,
        };
        Self { sign, rows: Vec::new() }
    }

    /// Takes levels, and says whether one of the best `checked` may be another now.
    fn change(&mut self, levels: &[Level], digits: &[Digits], checked: usize) -> bool {
        let mut has_touched = false;
        for (level, digits) in levels.iter().zip(digits) {
            let key = level.price_ticks * self.sign;
            let at = self.rows.partition_point(|row| row.key < key);
            let is_there = self.rows.get(at).is_some_and(|row| row.key == key);
            has_touched |= self.rows.len() - at < checked + usize::from(is_there);
            match (is_there, digits.is_gone) {
                (true, true) => _ = self.rows.remove(at),
                (true, false) => self.rows[at].digits = *digits,
                (false, true) => {}
                (false, false) => self.rows.insert(at, Row { key, digits: *digits }),
            }
        }
        has_touched
    }

    /// Drops what is beyond the depth, and tells it as levels that are gone.
    fn cut(&mut self, depth: usize, gone: &mut Vec<Level>) {
        gone.clear();
        let beyond = self.rows.len().saturating_sub(depth);
        let (sign, rows) = (self.sign, self.rows.drain(..beyond));
        gone.extend(rows.map(|row| Level { price_ticks: row.key * sign, size_lots: 0 }));
    }

    fn write(&self, checked: usize, out: &mut Vec<u8>) {
        for row in self.rows.iter().rev().take(checked) {
            out.extend_from_slice(row.digits.text());
        }
    }
}

/// A stream's book.
#[derive(Clone, Debug)]
pub(crate) struct DepthBook {
    bids: DepthSide,
    asks: DepthSide,
    depth: usize,
    checked: usize,
    /// The checksum of the best levels, None where they may have changed since.
    checksum: Option<u32>,
    text: Vec<u8>,
    /// What the last message has pushed beyond the depth.
    pub(crate) gone: (Vec<Level>, Vec<Level>),
}

impl DepthBook {
    pub(crate) fn new(depth: usize, checked: usize) -> Self {
        let (bids, asks) = (DepthSide::new(Side::Bids), DepthSide::new(Side::Asks));
        let (text, gone) = (Vec::new(), (Vec::new(), Vec::new()));
        Self { bids, asks, depth, checked, checksum: None, text, gone }
    }

    /// Takes the levels of a message: of each side, with their digits.
    #[inline]
    pub(crate) fn take(&mut self, bids: (&[Level], &[Digits]), asks: (&[Level], &[Digits])) {
        let has_touched = self.bids.change(bids.0, bids.1, self.checked)
            | self.asks.change(asks.0, asks.1, self.checked);
        if has_touched {
            self.checksum = None;
        }
        self.bids.cut(self.depth, &mut self.gone.0);
        self.asks.cut(self.depth, &mut self.gone.1);
    }

    /// Returns the checksum of the best levels.
    #[inline]
    pub(crate) fn checksum(&mut self) -> u32 {
        if let Some(checksum) = self.checksum {
            return checksum;
        }
        self.text.clear();
        self.asks.write(self.checked, &mut self.text);
        self.bids.write(self.checked, &mut self.text);
        let checksum = crc32(&self.text);
        self.checksum = Some(checksum);
        checksum
    }
}

/// The polynomial of zlib's CRC-32, its lowest bit first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// For each byte and each of eight places behind it, what it does to the checksum.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut value, mut bit) = (byte as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut place = 1;
    while place < 8 {
        byte = 0;
        while byte < 256 {
            let before = tables[place - 1][byte];
            tables[place][byte] = before >> 8 ^ tables[0][before as usize & 0xff];
            byte += 1;
        }
        place += 1;
    }
    tables
}

/// Returns the checksum that zlib calls `crc32`.
fn crc32(text: &[u8]) -> u32 {
    let mut value = u32::MAX;
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk) ^ u64::from(value);
        value = 0;
        for (place, table) in TABLES.iter().rev().enumerate() {
            value ^= table[(word >> (8 * place)) as usize & 0xff];
        }
    }
    for byte in rest {
        value = value >> 8 ^ TABLES[0][(value ^ u32::from(*byte)) as usize & 0xff];
    }
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;
    use std::collections::BTreeMap;

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        let mut random = Seeded::new(5);
        for length in 0..100 {
            let text: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            let mut value = u32::MAX;
            for byte in &text {
                value ^= u32::from(*byte);
                for _ in 0..8 {
                    value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
                }
            }
            assert_eq!(crc32(&text), !value);
        }
    }

    #[test]
    fn digits_are_what_is_left_of_a_number() {
        for (price, size, text, is_gone) in [
            ("45283.5", "0.10000000", "45283510000000", false),
            ("0.00500", "0.00000000", "500", true),
            ("100", "2", "1002", false),
        ] {
            let digits = Digits::of(price.as_bytes(), size.as_bytes()).unwrap();
            assert_eq!((digits.text(), digits.is_gone), (text.as_bytes(), is_gone));
        }
        assert_eq!(Digits::of(b"1e5", b"1"), None);
        assert_eq!(Digits::of(b"-0", b"1"), None);
        assert_eq!(Digits::of(&[b'1'; 20], &[b'1'; 19]), None);
    }

    #[test]
    fn any_changes_leave_the_best_of_an_ordered_map() {
        for seed in 0..300 {
            let mut random = Seeded::new(seed);
            let (depth, checked) = (3 + random.below(20), 1 + random.below(10));
            let mut book = DepthBook::new(depth, checked);
            let mut expected: [BTreeMap<i64, Digits>; 2] = [BTreeMap::new(), BTreeMap::new()];
            for _ in 0..60 {
                let mut told: [(Vec<Level>, Vec<Digits>); 2] = Default::default();
                for (side, expected) in told.iter_mut().zip(&mut expected) {
                    for _ in 0..random.below(4) {
                        let price_ticks = 1 + random.below(40) as i64;
                        let size = random.below(3) as i64;
                        let (price, text) = (price_ticks.to_string(), size.to_string());
                        let digits = Digits::of(price.as_bytes(), text.as_bytes()).unwrap();
                        side.0.push(Level { price_ticks, size_lots: size });
                        side.1.push(digits);
                        match size {
                            0 => expected.remove(&price_ticks),
                            _ => expected.insert(price_ticks, digits),
                        };
                    }
                }
                let [bids, asks] = &told;
                book.take((&bids.0, &bids.1), (&asks.0, &asks.1));
                let mut text = Vec::new();
                while expected[0].len() > depth {
                    let (price_ticks, _) = expected[0].pop_first().unwrap();
                    assert!(book.gone.0.contains(&Level { price_ticks, size_lots: 0 }));
                }
                while expected[1].len() > depth {
                    let (price_ticks, _) = expected[1].pop_last().unwrap();
                    assert!(book.gone.1.contains(&Level { price_ticks, size_lots: 0 }));
                }
                for digits in expected[1].values().take(checked) {
                    text.extend_from_slice(digits.text());
                }
                for digits in expected[0].values().rev().take(checked) {
                    text.extend_from_slice(digits.text());
                }
                assert_eq!(book.checksum(), crc32(&text), "seed {seed}");
            }
        }
    }
}
