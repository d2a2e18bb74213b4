//! Whatever bytes come, they are messages or one error: the part of fuzzing that every run does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "small numbers, and a test may fall over"
)]

#[path = "shared/frames.rs"]
mod frames;
#[path = "../src/seeded.rs"]
mod seeded;

use seeded::Seeded;
use steelyard_client::{Book, Kind, Listing, Scanner, Step};

const INPUTS: u64 = 20_000;

/// Frames that are right, and pieces of which others are made.
const FRAMES: [&str; 15] = [
    r#"{"stream":"ab@depth@100ms","data":{"e":"d","E":1,"s":"AB","U":1,"u":2,"b":[["1.5","2"],["1.49","0"]],"a":[["2","0.00001"]]}}"#,
    r#"{"data":{"a":[],"b":[["7","1"]],"u":3,"U":3,"s":"CD","E":1},"stream":"cd@depth"}"#,
    r#"{"stream":"x@trade","data":{"s":"AB","t":5,"p":"1.5","q":"3","T":1723161600000,"m":true}}"#,
    r#"{"stream":"x@touch","data":{"u":9,"s":"AB","b":"1","B":"2","a":"3","A":"4"}}"#,
    r#"{"last":1,"bids":[["1","2"]],"asks":[]}"#,
    r#"{"at":{"kind":"snapshot","symbol":"AB","previous":0,"last":4},"book":{"bids":[[1.5,2,0,1]],"asks":[]}}"#,
    r#"{"book":{"bids":[[1.5,0,0,1],[1.25,7,null,"x"]],"asks":[[3,1,0,0]]},"at":{"symbol":"AB","kind":"update","previous":4,"last":9}}"#,
    r#"{"at":{"kind":"trade","symbol":"CD"},"price":0.00000025,"size":1,"side":"sell"}"#,
    r#"{"at":{"kind":"news"},"any":[{"thing":"\u00e9\n"}]}"#,
    // The checksums are zlib's crc32 of "3002" "152", and of "3002" "1511" "152".
    r#"{"channel":"book","type":"snapshot","data":[{"symbol":"AB","bids":[{"price":1.5,"qty":2}],"asks":[{"price":3.00,"qty":2}],"checksum":3033658145,"time":"2024-03-11T20:48:46.622101Z"}]}"#,
    r#"{"channel":"book","type":"update","data":[{"symbol":"AB","bids":[{"qty":1,"price":1.51,"new":{}}],"asks":[],"checksum":2585763968,"time":"2024-03-11T20:48:47Z"}]}"#,
    r#"{"data":[{"symbol":"AB","price":1.5,"qty":1,"side":"buy","time":"2024-03-11T20:48:47Z"},{"symbol":"CD","price":0.00000025,"qty":1,"side":"sell","time":"2024-03-11T20:48:47Z"}],"type":"any","channel":"trade"}"#,
    r#"{"topic":"x.whole","arg":{"id":"AB"},"ts":5,"data":{"seq":"1","changes":[["b","1.5","2",1],["a","2","1",{}]]}}"#,
    r#"{"topic":"x.change","data":{"changes":[["a","2","0",null],["b","0","0",1],["b","1.25","7",1]],"seq":"2"},"arg":{"id":"AB"},"ts":6}"#,
    r#"{"topic":"x.news","data":[7],"arg":{"id":"ZZ"}}"#,
];

const PIECES: [&str; 22] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-",
    "0",
    "9999999999999999999",
    ".",
    "e9",
    "null",
    "true",
    "\\",
    "\\u0041",
    "\n",
    " ",
    "\"b\":[",
    "\"s\":\"CD\",",
    "[[[[[[[[[[[[[[[[",
    "0.000000001",
];

#[test]
fn no_bytes_at_all_make_it_fall_over() {
    let mut counts = [0; 4];
    for seed in 0..INPUTS {
        let mut random = Seeded::new(seed);
        let mut input = vec![random.next() as u8];
        for _ in 0..1 + random.below(4) {
            input.extend_from_slice(FRAMES[random.below(FRAMES.len())].as_bytes());
            input.push(b'\n');
        }
        for _ in 0..random.below(4) {
            let start = random.below(input.len());
            let end = input.len().min(start + random.below(8));
            let piece = PIECES[random.below(PIECES.len())].bytes();
            input.splice(start..end, piece);
        }
        if random.below(10) == 0 {
            input = (0..random.below(200)).map(|_| random.next() as u8).collect();
        }
        let found = std::panic::catch_unwind(|| frames::check(&input));
        let found = found.unwrap_or_else(|_| panic!("seed {seed} makes it fall over"));
        for (count, found) in counts.iter_mut().zip(found) {
            *count += found;
        }
    }
    assert!(
        counts.iter().all(|count| *count > INPUTS as usize / 50),
        "little is reached: {counts:?}"
    );
}

#[test]
fn every_beginning_of_a_frame_is_refused() {
    let tables = [
        (frames::wrapped(), 0..4),
        (frames::bare(), 5..9),
        (frames::checked(), 9..12),
        (frames::sided(), 12..15),
    ];
    for (table, right) in tables {
        let listing = |symbol: &str| Listing { symbol: symbol.to_owned(), tick: 1, lot: 1 };
        let mut scanner = Scanner::new(&table, &[listing("AB"), listing("CD")]).unwrap();
        for frame in &FRAMES[right] {
            assert!(scanner.read(frame.as_bytes(), 0).is_ok(), "{frame}");
            for end in 0..frame.len() {
                assert!(scanner.read(&frame.as_bytes()[..end], 0).is_err(), "{}", &frame[..end]);
            }
            assert!(scanner.read(format!("{frame}x").as_bytes(), 0).is_err());
        }
    }
}

#[test]
fn a_bad_level_leaves_the_book_as_it_was() {
    let listing = Listing { symbol: "AB".to_owned(), tick: 1_000_000, lot: 1_000 };
    let mut scanner = Scanner::new(&frames::wrapped(), &[listing]).unwrap();
    let mut book = Book::new(scanner.manner());
    scanner.read_snapshot(0, br#"{"last":1,"bids":[["1","2"]],"asks":[["3","4"]]}"#).unwrap();
    assert_eq!(book.snapshot(&scanner.message().delta), Step::Applied);
    let frame = |bids: &str, asks: &str| {
        format!(
            r#"{{"stream":"ab@depth","data":{{"e":"d","E":1,"s":"AB","U":2,"u":2,"b":[{bids}],"a":[{asks}]}}}}"#
        )
    };
    let good = r#"["1.01","1"],["1","0"]"#;
    for bad in [
        r#"["3.000000001","1"]"#,
        r#"["3","-1"]"#,
        r#"["3"]"#,
        "[3,1]",
        r#"["3","1","1"]"#,
        "[]",
        r#"["90071992547409.93","1"]"#,
    ] {
        let read = scanner.read(frame(good, bad).as_bytes(), 0);
        assert!(read.is_err(), "{bad}");
        let best = (book.bids.best().unwrap(), book.asks.best().unwrap());
        assert_eq!((best.0.price_ticks, best.1.price_ticks, book.sequence()), (100, 300, 1));
    }
    assert_eq!(scanner.read(frame(good, r#"["3","1"]"#).as_bytes(), 0), Ok(Some(Kind::Delta)));
    assert_eq!(book.delta(&scanner.message().delta), Step::Applied);
    assert_eq!(book.bids.best().unwrap().price_ticks, 101);
}

#[test]
fn a_book_of_limited_depth_follows_its_checksums() {
    let listing = Listing { symbol: "AB".to_owned(), tick: 1_000_000, lot: 100_000_000 };
    let mut scanner = Scanner::new(&frames::checked(), &[listing]).unwrap();
    let mut book = Book::new(scanner.manner());
    let (whole, change) = (FRAMES[9], FRAMES[10]);
    let mut take = |frame: &str| {
        let kind = scanner.read(frame.as_bytes(), 0).unwrap();
        let delta = &mut scanner.message_mut().delta;
        if kind == Some(Kind::Snapshot) { book.whole(delta) } else { book.change(delta) }
    };
    assert_eq!(take(change), Step::Early);
    assert_eq!(take(whole), Step::Whole);
    assert_eq!(take(change), Step::Applied);
    assert_eq!(take(&change.replace("1.51", "1.52")), Step::Gap);
    assert_eq!(take(change), Step::Early);
    assert_eq!(take(&whole.replace("3.00", "3.0")), Step::Waits);
    assert_eq!(take(whole), Step::Whole);
    assert_eq!((book.is_whole(), book.gaps(), book.sequence()), (true, 1, 7));
    assert_eq!(book.bids.best().map(|it| it.price_ticks), Some(150));
}
