//! JSON by a cursor: what is asked for is read, all else is passed over and must still be JSON.
//!
//! A byte 0, which JSON has not, stands for the end: so no look ahead needs a case of its own.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: positions stay below the length of what is read, and digits are counted"
)]

use crate::malformed::{Flaw, Malformed, Read};

/// So many lists and objects may be inside each other.
pub const DEPTH_MAX: usize = 64;

/// So many digits fit a `u64`, whatever they are.
const DIGITS_MAX: usize = 19;

/// A place in a message.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns a cursor of the same message at another place.
    pub(crate) fn moved(&self, at: usize) -> Self {
        Self { at, ..*self }
    }

    #[cold]
    pub(crate) fn wrong<T>(&self, flaw: Flaw) -> Read<T> {
        Err(Malformed { flaw, at: self.at })
    }

    /// Returns the byte here, 0 at the end.
    #[inline(always)]
    pub(crate) fn here(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Returns the next bytes, if there are so many.
    #[inline(always)]
    pub(crate) fn window<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.at..)?.first_chunk()
    }

    /// Returns what was passed over since a place.
    #[inline(always)]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Returns what stands from one place to another.
    #[inline(always)]
    pub(crate) fn between(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Passes over these bytes if they are here.
    #[inline(always)]
    pub(crate) fn passes(&mut self, text: &[u8]) -> bool {
        let is_here = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if is_here {
            self.at += text.len();
        }
        is_here
    }

    #[inline(always)]
    pub(crate) fn space(&mut self) {
        if self.here() <= b' ' {
            self.skip_space();
        }
    }

    #[cold]
    fn skip_space(&mut self) {
        while matches!(self.here(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Passes over a byte that must be here, and the space behind it.
    #[inline(always)]
    pub(crate) fn expect(&mut self, byte: u8) -> Read<()> {
        self.tight(byte)?;
        self.space();
        Ok(())
    }

    /// Passes over a byte that must be here, inside a text or in front of one.
    #[inline(always)]
    pub(crate) fn tight(&mut self, byte: u8) -> Read<()> {
        if self.here() != byte {
            return self.wrong(Flaw::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// Ends a list or object, or goes on to its next element: returns whether there is one.
    #[inline(always)]
    pub(crate) fn next(&mut self, close: u8) -> Read<bool> {
        self.space();
        let byte = self.here();
        if byte != b',' && byte != close {
            return self.wrong(Flaw::Syntax);
        }
        self.at += 1;
        self.space();
        Ok(byte == b',')
    }

    /// Begins a list or object: returns whether it has an element.
    #[inline(always)]
    pub(crate) fn open(&mut self, open: u8, close: u8) -> Read<bool> {
        if self.here() != open {
            return self.wrong(Flaw::Type);
        }
        self.at += 1;
        self.space();
        if self.here() == close {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Returns a text that has no escapes and is UTF-8.
    #[inline(always)]
    pub(crate) fn utf8(&mut self) -> Read<&'a [u8]> {
        let text = self.text()?;
        if text.is_ascii() || str::from_utf8(text).is_ok() {
            Ok(text)
        } else {
            self.wrong(Flaw::Syntax)
        }
    }

    /// Returns a text that has no escapes.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Read<&'a [u8]> {
        if self.here() != b'"' {
            return self.wrong(Flaw::Type);
        }
        self.at += 1;
        let start = self.at;
        self.plain();
        match self.here() {
            b'"' => {}
            b'\\' => return self.wrong(Flaw::Escape),
            _ => return self.wrong(Flaw::Syntax),
        }
        let text = self.since(start);
        self.at += 1;
        Ok(text)
    }

    /// Passes over characters of a text up to its quote, an escape or what must not be in it.
    #[inline(always)]
    fn plain(&mut self) {
        while let Some(chunk) = self.window() {
            let special = specials_in(u64::from_le_bytes(*chunk));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while !matches!(self.here(), b'"' | b'\\' | 0..=0x1f) {
            self.at += 1;
        }
    }

    /// Returns a name and passes over its colon.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Read<&'a [u8]> {
        if self.here() != b'"' {
            return self.wrong(Flaw::Syntax);
        }
        let name = self.text()?;
        self.space();
        self.expect(b':')?;
        Ok(name)
    }

    /// Returns a whole number; 19 digits at most.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Read<i64> {
        let is_negative = self.here() == b'-';
        if is_negative {
            self.at += 1;
        }
        let start = self.at;
        let mut value = 0_u64;
        while self.here().is_ascii_digit() && self.at - start < DIGITS_MAX {
            value = value * 10 + u64::from(self.here() - b'0');
            self.at += 1;
        }
        match (self.since(start), self.here()) {
            ([], _) => return self.wrong(if is_negative { Flaw::Syntax } else { Flaw::Type }),
            ([b'0', _, ..], _) => return self.wrong(Flaw::Syntax),
            (_, b'0'..=b'9') => return self.wrong(Flaw::Large),
            (_, b'.' | b'e' | b'E') => return self.wrong(Flaw::Type),
            _ => {}
        }
        let Ok(value) = i64::try_from(value) else { return self.wrong(Flaw::Large) };
        Ok(if is_negative { -value } else { value })
    }

    /// Returns a true or false.
    #[inline(always)]
    pub(crate) fn flag(&mut self) -> Read<bool> {
        let start = self.at;
        match self.here() {
            b't' => self.word(b"true").map(|()| true),
            b'f' => self.word(b"false").map(|()| false),
            _ => Err(Malformed { flaw: Flaw::Type, at: start }),
        }
    }

    #[inline(always)]
    fn word(&mut self, word: &[u8]) -> Read<()> {
        match self.bytes.get(self.at..) {
            Some(rest) if rest.starts_with(word) => {
                self.at += word.len();
                Ok(())
            }
            _ => self.wrong(Flaw::Syntax),
        }
    }

    /// Passes over any value.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Read<()> {
        match self.here() {
            b'"' => self.skip_text(),
            b'{' | b'[' => self.skip_nested(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.skip_number(),
        }
    }

    fn skip_nested(&mut self) -> Read<()> {
        // One bit a level: whether it is an object.
        let (mut kinds, mut depth) = (0_u64, 0_usize);
        loop {
            let byte = self.here();
            let has_opened = matches!(byte, b'{' | b'[');
            if has_opened {
                if depth == DEPTH_MAX {
                    return self.wrong(Flaw::Deep);
                }
                depth += 1;
                let is_object = byte == b'{';
                kinds = kinds << 1 | u64::from(is_object);
                if self.open(byte, if is_object { b'}' } else { b']' })? {
                    self.skip_name(is_object)?;
                    continue;
                }
            } else {
                self.skip()?;
            }
            // A value has ended, an empty list or object too.
            if has_opened {
                depth -= 1;
                kinds >>= 1;
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_object = kinds & 1 == 1;
                if self.next(if is_object { b'}' } else { b']' })? {
                    self.skip_name(is_object)?;
                    break;
                }
                depth -= 1;
                kinds >>= 1;
            }
        }
    }

    fn skip_name(&mut self, is_object: bool) -> Read<()> {
        if is_object {
            self.skip_text()?;
            self.space();
            self.expect(b':')?;
        }
        Ok(())
    }

    fn skip_text(&mut self) -> Read<()> {
        self.tight(b'"')?;
        loop {
            self.plain();
            match self.here() {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    match self.here() {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.here().is_ascii_hexdigit() {
                                    return self.wrong(Flaw::Syntax);
                                }
                                self.at += 1;
                            }
                        }
                        _ => return self.wrong(Flaw::Syntax),
                    }
                }
                _ => return self.wrong(Flaw::Syntax),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn skip_number(&mut self) -> Read<()> {
        if self.here() == b'-' {
            self.at += 1;
        }
        let start = self.at;
        self.skip_digits()?;
        if let [b'0', _, ..] = self.since(start) {
            return self.wrong(Flaw::Syntax);
        }
        if self.here() == b'.' {
            self.at += 1;
            self.skip_digits()?;
        }
        if matches!(self.here(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.here(), b'+' | b'-') {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Read<()> {
        let start = self.at;
        while self.here().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { self.wrong(Flaw::Syntax) } else { Ok(()) }
    }

    /// Ends a message: nothing but space may follow.
    #[inline(always)]
    pub(crate) fn end(&mut self) -> Read<()> {
        self.space();
        if self.at < self.bytes.len() { self.wrong(Flaw::Syntax) } else { Ok(()) }
    }
}

/// Marks, by their upper bits, those of eight characters that are quotes, backslashes or below a
/// space; the first mark is right, what is behind it may not be.
#[inline(always)]
fn specials_in(chunk: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zeros_in(chunk ^ ONES.wrapping_mul(b'"' as u64));
    let backslashes = zeros_in(chunk ^ ONES.wrapping_mul(b'\\' as u64));
    let controls = chunk.wrapping_sub(ONES.wrapping_mul(0x20)) & !chunk;
    (quotes | backslashes | controls) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Read<()> {
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.space();
        cursor.skip()?;
        cursor.end()
    }

    #[test]
    fn what_is_json_is_passed_over_whole() {
        for text in [
            "1",
            "-0.5e+10",
            "\"\"",
            "\"a\\u00e9\\\"b\"",
            "[]",
            "{}",
            "null",
            " [ 1 , [ ] , { } ] ",
            "{\"a\":[true,false,null,{\"b\":[[\"c\"]]}],\"d\":1E9}",
        ] {
            assert_eq!(skipped(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "tru",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "\"\n\"",
            "\0",
        ] {
            assert_eq!(skipped(text).map_err(|it| it.flaw), Err(Flaw::Syntax), "{text}");
        }
    }

    #[test]
    fn what_is_special_in_a_text_is_found_wherever_it_is() {
        for special in (0..=255_u8).filter(|it| *it < 0x20 || matches!(it, b'"' | b'\\')) {
            for place in 0..40 {
                let mut text = vec![b'x'; 40];
                text[place] = special;
                if place > 0 {
                    text[place / 2] = 0xc3;
                }
                let mut cursor = Cursor::new(&text);
                cursor.plain();
                assert_eq!(cursor.at, place);
            }
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(skipped(&nested(DEPTH_MAX)), Ok(()));
        assert_eq!(skipped(&nested(DEPTH_MAX + 1)).map_err(|it| it.flaw), Err(Flaw::Deep));
        assert_eq!(skipped(&"[{\"a\":".repeat(100_000)).map_err(|it| it.flaw), Err(Flaw::Deep));
    }

    #[test]
    fn whole_numbers_keep_all_their_digits() {
        let read = |text: &str| Cursor::new(text.as_bytes()).integer().map_err(|it| it.flaw);
        for value in [0, 7, -7, 1_723_161_600_001_658_384, i64::MAX, -i64::MAX] {
            assert_eq!(read(&value.to_string()), Ok(value));
        }
        assert_eq!(read("9223372036854775808"), Err(Flaw::Large));
        assert_eq!(read("99999999999999999999"), Err(Flaw::Large));
        assert_eq!(read("1.0"), Err(Flaw::Type));
        assert_eq!(read("1e3"), Err(Flaw::Type));
        assert_eq!(read("\"1\""), Err(Flaw::Type));
        assert_eq!(read("-"), Err(Flaw::Syntax));
        assert_eq!(read("007"), Err(Flaw::Syntax));
    }
}
