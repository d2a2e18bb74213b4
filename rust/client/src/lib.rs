//! A venue's bytes to books, and orders to signed bytes, by tables and without I/O.
//!
//! No venue is compiled in: a dialect hands its tables down ([`StreamTable`], [`FormTable`]) and its
//! Python code stays the specification. Prices and sizes are whole ticks and lots. Whatever the
//! bytes are, reading them gives a message or one [`Malformed`], never a panic, and a book takes a
//! change whole or not at all.
#![forbid(unsafe_code)]

mod book;
mod decimal;
mod depth;
mod fields;
mod fill;
mod form;
mod form_table;
mod hmac;
mod json;
mod levels;
mod malformed;
mod message;
mod order;
mod plan;
mod rows;
mod scanner;
#[cfg(test)]
mod seeded;
mod table;
mod time;

pub use book::{Book, Continuity, Delta, Manner, Step, WAITING_MAX};
pub use decimal::{DECIMALS_MAX, Scale};
pub use depth::Digits;
pub use form::{CLIENT_ORDER_ID_MAX, OrderForm, Refused};
pub use form_table::{Clock, FormTable, Part};
pub use hmac::{Encoding, Hash, Signer};
pub use json::DEPTH_MAX;
pub use levels::{BOOK_LEVELS_MAX, Level, Levels, ODD_LEVELS_MAX, OddLevel, Side, TICKS_MAX};
pub use malformed::{Flaw, Malformed, Read};
pub use message::{Message, Touch, Trade};
pub use order::Order;
pub use plan::{FIELDS_MAX, PATH_MAX};
pub use rows::LEVELS_MAX;
pub use scanner::Scanner;
pub use table::{
    Column, Field, Kind, LevelTable, Listing, MessageTable, Slot, StreamTable, TimeForm,
};
