//! Any bytes as frames of a market; `rust/client/tests/shared/frames.rs` says what is checked.
#![no_main]

#[path = "../../client/tests/shared/frames.rs"]
mod frames;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = frames::check(input);
});
