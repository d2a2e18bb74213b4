//! Any bytes as commands for the engine; `rust/engine/tests/shared/frames.rs` says what is checked.
#![no_main]

#[path = "../../engine/tests/shared/frames.rs"]
mod frames;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = frames::check(input);
});
