//! Any bytes as orders to be signed; `rust/client/tests/shared/orders.rs` says what is checked.
#![no_main]

#[path = "../../client/tests/shared/orders.rs"]
mod orders;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = orders::check(input);
});
