//! Bytes as one plain HTTP/1.1 request.
//!
//! Plain is what two servers could not read differently: a usual method, a target and headers of
//! usual characters, each header once, at most one length, no coding, no upgrade, nothing to be
//! told before the body, and not a byte missing or too much.

/// The methods that are read here.
const METHODS: [&[u8]; 6] = [b"GET", b"POST", b"DELETE", b"PUT", b"PATCH", b"HEAD"];

/// Headers that change how a request is read, whatever they say.
const ODD: [&str; 6] =
    ["transfer-encoding", "upgrade", "expect", "trailer", "te", "proxy-connection"];

/// More digits than the length of any plain body has.
const LENGTH_DIGITS_MAX: usize = 7;

/// One request; header names are in lower case, values without the blanks around them.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// GET, POST, ...
    pub method: &'a str,
    /// Path and query, as they were sent.
    pub target: &'a str,
    /// In their order, each once.
    pub headers: Vec<(String, &'a str)>,
    /// What came behind the headers.
    pub body: &'a [u8],
}

/// Returns the one request that these bytes are, None where they are anything but a plain one.
///
/// It has at most `headers_max` headers, and one of them is Host.
#[must_use]
pub fn read(data: &[u8], headers_max: usize) -> Option<Request<'_>> {
    let (line, mut rest) = line(data)?;
    let line = line.strip_suffix(b" HTTP/1.1")?;
    let blank = line.iter().position(|byte| *byte == b' ')?;
    let (method, target) = line.split_at_checked(blank)?;
    let target = target.get(1..)?;
    let is_target = target.first() == Some(&b'/') && target.iter().all(|byte| of_target(*byte));
    if !is_target || !METHODS.contains(&method) {
        return None;
    }
    let mut headers: Vec<(String, &str)> = Vec::with_capacity(12);
    let (mut length, mut has_host) = (0, false);
    loop {
        let (line, behind) = self::line(rest)?;
        rest = behind;
        if line.is_empty() {
            break;
        }
        let (name, value) = header(line)?;
        if headers.len() >= headers_max || headers.iter().any(|(known, _)| *known == name) {
            return None;
        }
        match name.as_str() {
            "host" => has_host = true,
            "content-length" => length = number(value)?,
            "connection" if !value.eq_ignore_ascii_case("keep-alive") => return None,
            odd if ODD.contains(&odd) => return None,
            _ => {}
        }
        headers.push((name, value));
    }
    let is_whole = has_host && rest.len() == length;
    let (method, target) = (str::from_utf8(method).ok()?, str::from_utf8(target).ok()?);
    is_whole.then_some(Request { method, target, headers, body: rest })
}

/// Returns the first line without its end, and what comes behind it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, behind) = bytes.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r")?, behind.get(1..)?))
}

/// Returns a header's name in lower case, and its value.
fn header(line: &[u8]) -> Option<(String, &str)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let value = value.get(1..)?;
    let is_plain = !name.is_empty()
        && name.iter().all(of_name)
        && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let value = str::from_utf8(value.trim_ascii()).ok()?;
    let name = str::from_utf8(name).ok()?.to_ascii_lowercase();
    (is_plain && !value.is_empty()).then_some((name, value))
}

fn number(text: &str) -> Option<usize> {
    let is_plain =
        text.len() <= LENGTH_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// Whether a byte of a target means the same to everybody.
fn of_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &[u8] = b"POST /api/v1/orders?a=b HTTP/1.1\r\nHost: 127.0.0.1:8600\r\n\
        Content-Type:application/json\r\nX-Key:  k 1 \r\ncontent-length: 2\r\n\r\n{}";

    #[test]
    fn a_plain_request_is_read() {
        let found = read(PLACE, 8).unwrap();
        assert_eq!((found.method, found.target), ("POST", "/api/v1/orders?a=b"));
        assert_eq!(found.body, b"{}");
        let headers: Vec<_> = found.headers.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let expected = [
            ("host", "127.0.0.1:8600"),
            ("content-type", "application/json"),
            ("x-key", "k 1"),
            ("content-length", "2"),
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn nothing_may_be_missing_or_too_much() {
        for end in 0..PLACE.len() {
            assert_eq!(read(&PLACE[..end], 8), None, "{end} bytes");
        }
        assert_eq!(read(&[PLACE, b"G"].concat(), 8), None);
        assert_eq!(read(PLACE, 3), None);
    }

    #[test]
    fn what_is_odd_is_left_to_others() {
        for odd in [
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "get / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert_eq!(read(odd.as_bytes(), 8), None, "{odd}");
        }
    }
}
