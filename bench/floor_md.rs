//! What it costs to read depth and trades into a book when nothing but that is done.
//!
//! One market and two messages, known by their first letters and looked for by their names; a size
//! for every price in an array, bitmaps over it to find the best. Nothing is checked: not that it
//! is JSON, not which market it is, no sequence, no checksum. Once for each way in which levels are
//! told. Built as a library, so that the bench can time it in its own process.

const PRICE_DECIMALS: usize = 2;
const SIZE_DECIMALS: usize = 8;
const TICKS: usize = 1 << 25;

/// One side.
pub struct Side {
    sizes: Vec<i64>,
    /// A bit for every word of the level below that is not empty; the first is of the prices.
    bits: [Vec<u64>; 4],
}

impl Side {
    fn new() -> Self {
        let words = |level: u32| vec![0; (TICKS >> (6 * level)).max(1)];
        Self { sizes: vec![0; TICKS], bits: [words(1), words(2), words(3), words(4)] }
    }

    #[inline]
    fn set(&mut self, price: usize, size: i64) {
        if price >= TICKS {
            return;
        }
        self.sizes[price] = size;
        let mut place = price;
        for level in &mut self.bits {
            let (word, bit) = (place >> 6, 1 << (place & 63));
            if size != 0 {
                level[word] |= bit;
            } else {
                level[word] &= !bit;
                if level[word] != 0 {
                    return;
                }
            }
            place = word;
        }
    }

    fn best(&self, is_highest: bool) -> i64 {
        let top = &self.bits[3];
        let mut words = 0..top.len();
        let found = |word: &usize| top[*word] != 0;
        let first = if is_highest { words.rfind(found) } else { words.find(found) };
        let Some(mut place) = first else { return -1 };
        for level in self.bits.iter().rev() {
            let word = level[place];
            let bit = if is_highest { 63 - word.leading_zeros() } else { word.trailing_zeros() };
            place = place << 6 | bit as usize;
        }
        place as i64
    }
}

/// Reads a number from its first digit on; returns it and where its quote is.
#[inline]
fn number(text: &[u8], mut at: usize, decimals: usize) -> (i64, usize) {
    let (mut value, mut left, mut is_behind) = (0, decimals, false);
    loop {
        let byte = text[at];
        match byte {
            b'.' => is_behind = true,
            b'0'..=b'9' if !is_behind || left > 0 => {
                value = value * 10 + i64::from(byte - b'0');
                left -= usize::from(is_behind);
            }
            b'0'..=b'9' => {}
            _ => break,
        }
        at += 1;
    }
    while left > 0 {
        (value, left) = (value * 10, left - 1);
    }
    (value, at)
}

/// Reads levels from their bracket on; returns where the bracket behind them is.
#[inline]
fn levels(text: &[u8], mut at: usize, side: &mut Side) -> usize {
    at += 1;
    while text[at] == b'[' {
        let (price, end) = number(text, at + 2, PRICE_DECIMALS);
        let (size, end) = number(text, end + 3, SIZE_DECIMALS);
        side.set(price as usize, size);
        at = end + 2;
        at += usize::from(text[at] == b',');
    }
    at
}

#[inline]
fn behind(text: &[u8], mut at: usize, name: &[u8]) -> usize {
    while &text[at..at + name.len()] != name {
        at += 1;
    }
    at + name.len()
}

/// Returns an empty book.
#[unsafe(no_mangle)]
pub extern "C" fn floor_book() -> *mut [Side; 2] {
    Box::into_raw(Box::new([Side::new(), Side::new()]))
}

/// Gives a book back.
///
/// # Safety
/// It is one of `floor_book`, given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn floor_end(book: *mut [Side; 2]) {
    drop(unsafe { Box::from_raw(book) });
}

/// Reads `count` messages into a book, of which the first begins at `data` and each ends where
/// `ends` says. Returns by `best` the best bid and ask and a sum of all trades.
///
/// # Safety
/// The pointers are what they are said to be; `best` has room for three numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn floor_md(
    book: *mut [Side; 2],
    data: *const u8,
    ends: *const usize,
    count: usize,
    best: *mut i64,
) {
    let [bids, asks] = unsafe { &mut *book };
    let ends = unsafe { std::slice::from_raw_parts(ends, count) };
    let data = unsafe { std::slice::from_raw_parts(data, ends[count - 1]) };
    let best = unsafe { std::slice::from_raw_parts_mut(best, 3) };
    let mut start = 0;
    for &end in ends {
        let text = &data[start..end];
        start = end;
        let name = behind(text, 10, b"\"e\":\"");
        if text[name] == b'd' {
            let at = behind(text, name + 60, b"\"b\":");
            let at = levels(text, at, bids);
            levels(text, at + 6, asks);
        } else {
            let at = behind(text, name + 30, b"\"p\":\"");
            let (price, at) = number(text, at, PRICE_DECIMALS);
            let (size, _) = number(text, at + 7, SIZE_DECIMALS);
            best[2] = best[2].wrapping_add(price.wrapping_mul(size));
        }
    }
    (best[0], best[1]) = (bids.best(true), asks.best(false));
}

/// Reads levels from their bracket on that say their side, `["buy","1.0","2"]`.
#[inline]
fn changes(text: &[u8], mut at: usize, sides: &mut [Side; 2], decimals: usize) {
    at += 1;
    while text[at] == b'[' {
        let is_bid = text[at + 2] == b'b';
        let (price, end) = number(text, at + if is_bid { 8 } else { 9 }, decimals);
        let (size, end) = number(text, end + 3, SIZE_DECIMALS);
        sides[usize::from(!is_bid)].set(price as usize, size);
        at = end + 2;
        at += usize::from(text[at] == b',');
    }
}

/// Reads lists of two texts from their bracket on; returns where the bracket behind them is.
#[inline]
fn pairs(text: &[u8], mut at: usize, side: &mut Side, decimals: usize) -> usize {
    at += 1;
    while text[at] == b'[' {
        let (price, end) = number(text, at + 2, decimals);
        let (size, end) = number(text, end + 3, SIZE_DECIMALS);
        side.set(price as usize, size);
        at = end + 2;
        at += usize::from(text[at] == b',');
    }
    at
}

/// Reads objects `{"price":1.0,"qty":2}` from their bracket on; returns where the one behind is.
#[inline]
fn objects(text: &[u8], mut at: usize, side: &mut Side, decimals: usize) -> usize {
    at += 1;
    while text[at] == b'{' {
        let (price, end) = number(text, at + 9, decimals);
        let (size, end) = number(text, end + 7, SIZE_DECIMALS);
        side.set(price as usize, size);
        at = end + 1;
        at += usize::from(text[at] == b',');
    }
    at
}

/// The same of messages whose first name is `type`: changes that say their side, and matches.
///
/// # Safety
/// The pointers are what they are said to be; `best` has room for three numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn floor_sided(
    book: *mut [Side; 2],
    data: *const u8,
    ends: *const usize,
    count: usize,
    best: *mut i64,
    decimals: usize,
) {
    let sides = unsafe { &mut *book };
    let ends = unsafe { std::slice::from_raw_parts(ends, count) };
    let data = unsafe { std::slice::from_raw_parts(data, ends[count - 1]) };
    let best = unsafe { std::slice::from_raw_parts_mut(best, 3) };
    let mut start = 0;
    for &end in ends {
        let text = &data[start..end];
        start = end;
        match text[9] {
            b'l' => {
                let at = behind(text, 30, b"\"changes\":");
                changes(text, at, sides, decimals);
            }
            b'm' => {
                let at = behind(text, 100, b"\"size\":\"");
                let (size, at) = number(text, at, SIZE_DECIMALS);
                let (price, _) = number(text, at + 11, decimals);
                best[2] = best[2].wrapping_add(price.wrapping_mul(size));
            }
            _ => {
                let at = behind(text, 30, b"\"asks\":");
                let [bids, asks] = sides;
                let at = pairs(text, at, asks, decimals);
                pairs(text, at + 9, bids, decimals);
            }
        }
    }
    (best[0], best[1]) = (sides[0].best(true), sides[1].best(false));
}

/// The same of messages of books whose levels are objects.
///
/// # Safety
/// The pointers are what they are said to be; `best` has room for three numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn floor_objects(
    book: *mut [Side; 2],
    data: *const u8,
    ends: *const usize,
    count: usize,
    best: *mut i64,
    decimals: usize,
) {
    let [bids, asks] = unsafe { &mut *book };
    let ends = unsafe { std::slice::from_raw_parts(ends, count) };
    let data = unsafe { std::slice::from_raw_parts(data, ends[count - 1]) };
    let best = unsafe { std::slice::from_raw_parts_mut(best, 3) };
    let mut start = 0;
    for &end in ends {
        let text = &data[start..end];
        start = end;
        let at = behind(text, 50, b"\"bids\":");
        let at = objects(text, at, bids, decimals);
        objects(text, at + 9, asks, decimals);
    }
    (best[0], best[1]) = (bids.best(true), asks.best(false));
}
