//! Whatever is asked for, it becomes a request that says so or is refused.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "small numbers, and a test may fall over"
)]

#[path = "shared/orders.rs"]
mod orders;
#[path = "../src/seeded.rs"]
mod seeded;

use seeded::Seeded;

const INPUTS: u64 = 20_000;

const NUMBERS: [&str; 18] = [
    "1",
    "0.5",
    "60000.01",
    "60000.015",
    "0",
    "0.00000001",
    "0.000000009",
    "007",
    "1.",
    ".5",
    "1e5",
    "-1",
    "",
    "999999999",
    "90071992.54740993",
    "99999999999999999999999",
    "1.23456789000000000000",
    "12345678.87654321000000000001",
];
const IDS: [&str; 8] = ["a", "mine-1", "a/b&c=d%", "", "sy~._-", "a\rb", "\u{e9}", "x y"];
const PIECES: [&str; 10] =
    [".", "0", "9", "-", "+", "e", "\n", "&", "\r\n\r\n", "000000000000000000"];

#[test]
fn no_order_makes_it_fall_over() {
    let mut requests = 0;
    for seed in 0..INPUTS {
        let mut random = Seeded::new(seed);
        let mut input: Vec<u8> = (0..9).map(|_| random.next() as u8).collect();
        input.push(random.next() as u8 & 0x7f); // mostly after 1970
        let texts = [
            NUMBERS[random.below(NUMBERS.len())],
            NUMBERS[random.below(NUMBERS.len())],
            IDS[random.below(IDS.len())],
        ];
        input.extend_from_slice(texts.join("\n").as_bytes());
        for _ in 0..random.below(3) {
            let start = 10 + random.below(input.len() - 9);
            let end = input.len().min(start + random.below(3));
            input.splice(start..end, PIECES[random.below(PIECES.len())].bytes());
        }
        let made = std::panic::catch_unwind(|| orders::check(&input));
        requests += u64::from(made.unwrap_or_else(|_| panic!("seed {seed} makes it fall over")));
    }
    assert!((INPUTS / 20..INPUTS / 2).contains(&requests), "little is reached: {requests}");
}
