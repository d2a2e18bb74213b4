//! Backtests: the engine in virtual time, with a recording or bars as the other traders.
//!
//! Decision 0060 says how the parts fit. A market plays data into the engine as far as it concerns
//! the one user; the machine around it is a generator that stops wherever somebody has to be called.
//! No clock, no I/O, no randomness but by seed.
#![forbid(unsafe_code)]

mod account;
mod any;
mod bars;
mod columns;
mod curve;
mod feed;
pub mod formula;
mod latency;
mod levels;
mod machine;
mod market;
pub mod oracle;
mod outline;
mod quoter;
mod rows;
#[cfg(test)]
mod seeded;
mod stage;
mod tape;
mod tape_book;
#[cfg(test)]
mod twin;

pub use account::Account;
pub use any::AnyMarket;
pub use bars::{BarMarket, BarRules, Path};
pub use columns::{Bars, Prices, first_not, first_regular};
pub use curve::{Curve, Drawn, Stretch};
pub use feed::{BadEvent, events_of};
pub use latency::{Dice, Latency};
pub use machine::{Aim, Closure, Machine, News, Pause, Room, Settings, USER, Wish, state};
pub use market::{Market, Played};
pub use outline::Outline;
pub use quoter::{Quoted, Quoter, Quoting};
pub use rows::{Bar, Event, FillRow, OrderRow, Point, kind};
pub use tape::TapeMarket;
pub use tape_book::{TapeBook, Touch, Walked};
