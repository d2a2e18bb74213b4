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
const FRAMES: [&str; 9] = [
    r#"{"stream":"ab@depth@100ms","data":{"e":"d","E":1,"s":"AB","U":1,"u":2,"b":[["1.5","2"],["1.49","0"]],"a":[["2","0.00001"]]}}"#,
    r#"{"data":{"a":[],"b":[["7","1"]],"u":3,"U":3,"s":"CD","E":1},"stream":"cd@depth"}"#,
    r#"{"stream":"x@trade","data":{"s":"AB","t":5,"p":"1.5","q":"3","T":1723161600000,"m":true}}"#,
    r#"{"stream":"x@touch","data":{"u":9,"s":"AB","b":"1","B":"2","a":"3","A":"4"}}"#,
    r#"{"last":1,"bids":[["1","2"]],"asks":[]}"#,
    r#"{"at":{"kind":"snapshot","symbol":"AB","previous":0,"last":4},"book":{"bids":[[1.5,2,0,1]],"asks":[]}}"#,
    r#"{"book":{"bids":[[1.5,0,0,1],[1.25,7,null,"x"]],"asks":[[3,1,0,0]]},"at":{"symbol":"AB","kind":"update","previous":4,"last":9}}"#,
    r#"{"at":{"kind":"trade","symbol":"CD"},"price":0.00000025,"size":1,"side":"sell"}"#,
    r#"{"at":{"kind":"news"},"any":[{"thing":"\u00e9\n"}]}"#,
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
    for (table, right) in [(frames::wrapped(), 0..4), (frames::bare(), 5..9)] {
        let listing = |symbol: &str| Listing { symbol: symbol.to_owned(), tick: 1, lot: 1 };
        let mut scanner = Scanner::new(&table, &[listing("AB"), listing("CD")]).unwrap();
        for frame in &FRAMES[right] {
            assert!(scanner.read(frame.as_bytes()).is_ok(), "{frame}");
            for end in 0..frame.len() {
                assert!(scanner.read(&frame.as_bytes()[..end]).is_err(), "{}", &frame[..end]);
            }
            assert!(scanner.read(format!("{frame}x").as_bytes()).is_err());
        }
    }
}

#[test]
fn a_bad_level_leaves_the_book_as_it_was() {
    let listing = Listing { symbol: "AB".to_owned(), tick: 1_000_000, lot: 1_000 };
    let mut scanner = Scanner::new(&frames::wrapped(), &[listing]).unwrap();
    let mut book = Book::new(frames::wrapped().continuity);
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
        let read = scanner.read(frame(good, bad).as_bytes());
        assert!(read.is_err(), "{bad}");
        let best = (book.bids.best().unwrap(), book.asks.best().unwrap());
        assert_eq!((best.0.price_ticks, best.1.price_ticks, book.sequence()), (100, 300, 1));
    }
    assert_eq!(scanner.read(frame(good, r#"["3","1"]"#).as_bytes()), Ok(Some(Kind::Delta)));
    assert_eq!(book.delta(&scanner.message().delta), Step::Applied);
    assert_eq!(book.bids.best().unwrap().price_ticks, 101);
}
