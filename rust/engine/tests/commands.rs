//! Whatever bytes come, an engine refuses or carries out: the part of fuzzing that every run does.
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

const INPUTS: u64 = 20_000;
const INPUT_MAX_BYTES: usize = 400;

/// Tags of effects, from `Rejected` to `MarketStateChanged`.
const EFFECTS: std::ops::RangeInclusive<u16> = 101..=111;

#[test]
fn no_commands_at_all_unbalance_an_engine_or_make_it_fall_over() {
    let mut counts = [0_u64; 12];
    for seed in 0..INPUTS {
        let mut random = Seeded::new(seed);
        let length = random.below(INPUT_MAX_BYTES);
        let input: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let found = std::panic::catch_unwind(|| frames::check(&input));
        let effects = found.unwrap_or_else(|_| panic!("seed {seed} makes the engine fall over"));
        for tag in tags(effects.bytes()) {
            counts[usize::from(tag - EFFECTS.start())] += 1;
        }
    }
    for tag in EFFECTS {
        let count = counts[usize::from(tag - EFFECTS.start())];
        assert!(
            count > INPUTS / 100,
            "only {count} effects of tag {tag}: the engine is not reached"
        );
    }
}

/// Returns the tags of a run of records.
fn tags(mut records: &[u8]) -> Vec<u16> {
    let mut found = Vec::new();
    while let [tag, tag_high, size, size_high, ..] = *records {
        found.push(u16::from_le_bytes([tag, tag_high]));
        records = &records[usize::from(u16::from_le_bytes([size, size_high]))..];
    }
    found
}
